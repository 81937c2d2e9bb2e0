"""Age-standardised observed survival: the weighted mean of age groups, individual weights, and the rules for empty groups."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from survival.actuarial import life_table
from survival.age_standard import age_standardised
from survival.commands import survival
from survival.errors import SurvivalError
from survival.frames import build_followup
from survival.kaplan_meier import kaplan_meier
from survival.standards import standard

YEARS = {"at": [1, 3, 5], "at_unit": "years"}


def by_hand(frame, name, method, by=("site",)):
    """The sum of weighted estimates of each age group, each estimated alone."""
    group = name.group(frame["age"].to_numpy())
    rows = {}
    for label, part in frame.assign(k=group).groupby(list(by)):
        total, variance = np.zeros(3), np.zeros(3)
        for k, weight in enumerate(name.weights):
            alone = build_followup(part[part["k"] == k], time="time", event="event")
            found = (
                kaplan_meier(alone, **YEARS)
                if method == "kaplan-meier"
                else life_table(alone, at=[1, 3, 5], unit="years")
            ).frame
            total += weight * found["estimate"].to_numpy()
            variance += (weight * found["se"].to_numpy()) ** 2
        rows[label[0]] = (total, np.sqrt(variance))
    return rows


@pytest.mark.parametrize("method", ["kaplan-meier", "life-table"])
def test_it_is_the_weighted_mean_of_the_age_groups(cohort_frame, method):
    frame, name = cohort_frame(3000, seed=3), standard("icss2")
    data = build_followup(frame, time="time", event="event", by=["site"])
    found = age_standardised(data, frame["age"].to_numpy(), name, method=method, **YEARS)
    for site, (estimate, se) in by_hand(frame, name, method).items():
        rows = found.frame[found.frame["site"] == site]
        np.testing.assert_allclose(rows["estimate"], estimate, rtol=1e-12)
        np.testing.assert_allclose(rows["se"], se, rtol=1e-12)
    assert found.settings["standard"] == "icss2" and (found.frame["lower"] < found.frame["estimate"]).all()


@pytest.mark.parametrize("method", ["kaplan-meier", "life-table"])
@pytest.mark.parametrize("given", [0.0, 1.0])
def test_individual_weights_with_the_cohort_as_standard_change_nothing(cohort_frame, method, given):
    if given and method == "life-table":
        pytest.skip("a life table is not conditional")
    frame, name = cohort_frame(2000, seed=8, late=True), standard("icss1")
    data = build_followup(frame, time="time", event="event", entry="entry")
    group = name.group(frame["age"].to_numpy())
    own = replace(name, weights=tuple(np.bincount(group, minlength=5) / len(frame)))
    found = age_standardised(
        data, frame["age"].to_numpy(), own, method=method, weighting="individual", given=given, **YEARS
    ).frame
    plain = (
        kaplan_meier(data, given=given, **YEARS)
        if method == "kaplan-meier"
        else life_table(data, at=[1, 3, 5], unit="years")
    ).frame
    for column in ("estimate", "se", "n_risk", "n_event"):
        np.testing.assert_allclose(found[column], plain[column], rtol=1e-12)


@pytest.mark.parametrize("method", ["kaplan-meier", "life-table"])
@pytest.mark.parametrize("weighting", ["traditional", "individual"])
def test_an_empty_age_group_is_never_renormalised(cohort_frame, method, weighting):
    frame = cohort_frame(500, seed=12)
    frame = frame[frame["age"] < 75].reset_index(drop=True)
    data = build_followup(frame, time="time", event="event")
    found = age_standardised(
        data, frame["age"].to_numpy(), standard("icss1"), method=method, weighting=weighting, **YEARS
    )
    assert found.frame[["estimate", "se", "lower", "upper"]].isna().all(axis=None)
    assert any("75+" in sentence and "no persons" in sentence for sentence in found.warnings)


def test_an_age_group_whose_follow_up_ended_leaves_no_estimate_and_one_that_died_out_counts_as_zero(cohort_frame):
    frame, name = cohort_frame(2000, seed=4), standard("icss1")
    old = frame["age"] >= 75
    short = frame.assign(time=np.where(old, np.minimum(frame["time"], 700), frame["time"]))
    ended = short.assign(event=np.where(old & (short["time"] == 700), 0, short["event"]))
    died = short.assign(event=np.where(old & (short["time"] == 700), 1, short["event"]))
    age = frame["age"].to_numpy()
    found = age_standardised(build_followup(ended, time="time", event="event"), age, name, **YEARS)
    assert found.frame["estimate"].isna().tolist() == [False, True, True]
    assert any("75+ ends before 3" in sentence for sentence in found.warnings)
    found = age_standardised(build_followup(died, time="time", event="event"), age, name, **YEARS)
    assert found.frame[["estimate", "se"]].notna().all(axis=None)


def test_unknown_and_young_ages_are_told(cohort_frame):
    frame = cohort_frame(1500, seed=5)
    age = frame["age"].to_numpy().copy()
    age[:3], age[3:5] = np.nan, 9.0
    found = age_standardised(build_followup(frame, time="time", event="event"), age, standard("icss1"), **YEARS)
    assert found.n == 1497
    assert any("3 persons of unknown age" in text for text in found.warnings)
    assert any("2 persons are younger than 15" in text for text in found.warnings)


def test_whole_years_that_went_through_days_keep_their_group():
    age = np.arange(15, 100.0)
    name = standard("icss1")
    assert (name.group(age * 365.241 / 365.241) == name.group(age)).all()


@pytest.mark.parametrize("command", ["km", "lifetable"])
def test_the_command_standardises(cohort_frame, tmp_path, command):
    frame = cohort_frame(2000, seed=6)
    frame.to_csv(tmp_path / "cohort.csv", index=False)
    call = [command, "--data", str(tmp_path / "cohort.csv"), "--time", "time", "--event", "event", "--by", "site"]
    call += ["--standard", "icss1", "--age", "age", "--age-unit", "years", "--json"]
    found = CliRunner().invoke(survival, [*call, "--at", "1,5", "--at-unit", "years"], catch_exceptions=False)
    rows = json.loads(found.stdout)["rows"]
    assert len(rows) == 6 and all(0 < row["estimate"] < 1 for row in rows)
    with pytest.raises(SurvivalError, match="needs --age, --at"):
        CliRunner().invoke(survival, call, catch_exceptions=False)
