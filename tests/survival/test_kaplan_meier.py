"""Kaplan-Meier against R's survfit, and what must hold for any data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survival.errors import SurvivalError
from survival.frames import build_followup
from survival.intervals import SCALES, confidence_limits
from survival.kaplan_meier import kaplan_meier
from survival.restricted import restricted_mean

TOLERANCE = 1e-12
PAIRS = {"estimate": "surv", "se": "se", "lower": "lower", "upper": "upper", "n_risk": "n_risk"}


def follow(frame, by=(), codes=(1,), event="stat"):
    return build_followup(frame, time="time", event=event, by=by, event_codes=codes)


@pytest.mark.shared
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(
    ("name", "data", "codes", "event"),
    [("km_colrec_overall_sex", "colrec", (1,), "stat"), ("km_lung", "lung", (2,), "status")],
)
def test_curves_against_R(expected, dataset, column, name, data, codes, event, scale):
    # summary(survfit(Surv(time, stat) ~ 1, conf.type = scale), times = ...), and ~ sex; tolerance 1e-12
    numbers = expected(name)
    for by, key in (((), "overall"), (("sex",), "by_sex")):
        rows = numbers[key][scale]
        times = [row["time"] for row in rows][: len(rows) // (1 if key == "overall" else 2)]
        frame = kaplan_meier(follow(dataset(data), by, codes, event), at=times, ci=scale).frame
        for ours, theirs in PAIRS.items():
            np.testing.assert_allclose(frame[ours], column(rows, theirs), rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "data", "codes", "event"),
    [("km_colrec_overall_sex", "colrec", (1,), "stat"), ("km_lung", "lung", (2,), "status")],
)
def test_quantiles_against_R(expected, dataset, name, data, codes, event):
    # quantile(survfit(Surv(time, status) ~ 1)); exact
    theirs = expected(name)["overall"]["quantiles_logCI"]
    found = kaplan_meier(follow(dataset(data), (), codes, event), quantiles=(0.25, 0.5, 0.75)).extra["quantiles"]
    for ours, share in zip(found, ("25", "50", "75")):
        assert [ours["time"], ours["lower"], ours["upper"]] == [
            theirs[part][share] for part in ("quantile", "lower", "upper")
        ]


@pytest.mark.shared
def test_conditional_reversed_and_restricted_against_R(expected, dataset, column):
    # survfit(start.time = 365.241); survfit(Surv(time, 1 - stat) ~ 1); print(fit, rmean = tau); tolerance 1e-10
    numbers, frame = expected("rmst_followup_conditional"), dataset("colrec")
    rows = numbers["cond5_given1"]
    ours = kaplan_meier(follow(frame), given=365.241, at=[row["time"] for row in rows]).frame
    for mine, theirs in PAIRS.items():
        np.testing.assert_allclose(ours[mine], column(rows, theirs), rtol=1e-10)
    median = kaplan_meier(follow(frame), reverse=True, quantiles=(0.5,)).extra["quantiles"][0]
    theirs = numbers["rev_km"]
    assert (median["time"], median["lower"], median["upper"]) == (
        theirs["median"],
        theirs["0.95LCL"],
        theirs["0.95UCL"],
    )
    for by, tau, wanted in (((), 1826.205, [numbers["rmst5"]]), (("sex",), 3652.41, numbers["rmst10_sex"])):
        mean = restricted_mean(follow(frame, by), tau=[tau]).frame
        np.testing.assert_allclose(mean["estimate"], column(wanted, "rmean"), rtol=1e-10)
        np.testing.assert_allclose(mean["se"], column(wanted, "se(rmean)"), rtol=1e-10)
        np.testing.assert_allclose(mean["lost"], tau - column(wanted, "rmean"), rtol=1e-10)


@pytest.mark.shared
def test_restricted_mean_without_tau_against_R(expected, dataset):
    # summary(survfit(Surv(time, status) ~ sex))$table: the largest time of all groups is the limit; tolerance 1e-10
    rows = {row["_row"]: row for row in expected("km_lung")["by_sex"]["table"]}
    frame = restricted_mean(follow(dataset("lung"), ("sex",), (2,), "status")).frame
    for column_name, name in (("estimate", "rmean"), ("se", "se(rmean)")):
        np.testing.assert_allclose(frame[column_name], [rows[name]["sex=1"], rows[name]["sex=2"]], rtol=1e-10)


# each case: times, events, delayed entries or None, requested time, expected survival
HAND_CASES = [
    ("all die one by one", [1, 2, 3, 4], [1, 1, 1, 1], None, 2, 0.5),
    ("a tie of death and censoring: the censored is still at risk", [2, 2, 3, 3], [1, 0, 1, 0], None, 2, 0.75),
    ("a death on the day of diagnosis counts", [0, 1, 2, 3], [1, 0, 0, 0], None, 0, 0.75),
    ("who enters at 2 is at risk after 2 only", [2, 3, 4, 5], [1, 1, 0, 0], [0, 0, 2, 2], 3, 0.5 * 2 / 3),
]


@pytest.mark.parametrize(("name", "times", "events", "entry", "at", "survival"), HAND_CASES)
def test_hand_cases(name, times, events, entry, at, survival):
    frame = pd.DataFrame({"time": times, "event": events, "entry": entry if entry else 0})
    followup = build_followup(frame, time="time", event="event", entry="entry" if entry else None)
    assert kaplan_meier(followup, at=[at]).frame["estimate"].iloc[0] == pytest.approx(survival), name


def test_each_requested_time_gives_one_row_that_echoes_it():
    frame = pd.DataFrame({"time": [100, 400, 800, 30], "event": [1, 0, 1, 1], "g": ["a", "a", "b", "b"]})
    result = kaplan_meier(follow(frame, ("g",), event="event"), at=[5, 1, 2], at_unit="years")
    assert result.frame["time"].tolist() == [5, 1, 2, 5, 1, 2]
    assert result.frame["n_event"].tolist() == [0, 1, 0, 1, 1, 0]
    # a ends at 400 days alive: nothing is known at 2 or 5 years; b has died out: survival is 0 for ever
    assert result.frame["estimate"].isna().tolist() == [True, False, True, False, False, False]
    assert any("Follow-up ends" in sentence for sentence in result.warnings)


follow_ups = st.lists(st.tuples(st.integers(0, 40), st.booleans(), st.sampled_from("ab")), min_size=1, max_size=60).map(
    lambda rows: pd.DataFrame(rows, columns=["time", "event", "g"])
)


@settings(deadline=None, max_examples=60)
@given(follow_ups, st.sampled_from(SCALES))
def test_curves_fall_and_stay_in_range(frame, scale):
    result = kaplan_meier(follow(frame, event="event"), ci=scale).frame
    assert (result["estimate"].diff().dropna() <= 1e-15).all()
    for name in ("estimate", "lower", "upper"):
        assert result[name].dropna().between(0, 1).all()
    known = result.dropna(subset=["lower", "upper"])
    assert (known["lower"] <= known["estimate"] + 1e-12).all()
    assert (known["upper"] >= known["estimate"] - 1e-12).all()


@settings(deadline=None, max_examples=60)
@given(follow_ups, st.randoms(use_true_random=False))
def test_shuffled_rows_and_scaled_times_change_nothing(frame, random):
    order = list(range(len(frame)))
    random.shuffle(order)
    plain = kaplan_meier(follow(frame, ("g",), event="event"))
    pd.testing.assert_frame_equal(
        plain.frame, kaplan_meier(follow(frame.iloc[order].reset_index(drop=True), ("g",), event="event")).frame
    )
    # a third of a day is no whole number: the other way of counting gives the same curve
    scaled = kaplan_meier(follow(frame.assign(time=frame["time"] / 3), ("g",), event="event")).frame
    np.testing.assert_allclose(scaled["estimate"], plain.frame["estimate"], rtol=1e-12)


@settings(deadline=None, max_examples=60)
@given(follow_ups)
def test_groups_together_are_the_whole(frame):
    whole, parts = kaplan_meier(follow(frame, event="event")), kaplan_meier(follow(frame, ("g",), event="event"))
    assert parts.frame["n_event"].sum() == whole.frame["n_event"].sum() == whole.events
    for g, part in parts.frame.groupby("g"):
        alone = kaplan_meier(follow(frame[frame["g"] == g].reset_index(drop=True), event="event")).frame
        np.testing.assert_allclose(part["estimate"], alone["estimate"], rtol=1e-12)


def test_limits_are_undefined_where_a_scale_is():
    lower, upper = confidence_limits(np.array([0.0, 1.0]), np.array([0.1, 0.1]), scale="log-log")
    assert np.isnan(lower).all() and np.isnan(upper).all()


def test_text_events_compare_as_text():
    frame = pd.DataFrame({"time": [1, 2], "event": ["dead", "alive"]})
    assert build_followup(frame, time="time", event="event", event_codes=("dead",)).event.tolist() == [True, False]
    with pytest.raises(SurvivalError, match="holds numbers"):
        build_followup(frame.assign(event=[1, 0]), time="time", event="event", event_codes=("dead",))


@pytest.mark.parametrize("scale", SCALES)
def test_limits_are_one_while_nobody_has_left_against_R(scale):
    # R: summary(survfit(Surv(c(4, 6, 9), c(1, 1, 0)) ~ 1, conf.type = scale), times = 2)
    frame = pd.DataFrame({"time": [4, 6, 9], "event": [1, 1, 0]})
    row = kaplan_meier(build_followup(frame, time="time", event="event"), at=[2], ci=scale).frame.iloc[0]
    assert (row["estimate"], row["se"], row["lower"], row["upper"]) == (1, 0, 1, 1)
