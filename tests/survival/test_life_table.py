"""The actuarial life table against R, and its rules by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from survival.actuarial import life_table
from survival.errors import SurvivalError
from survival.frames import build_followup

PAIRS = {
    "start": "lo",
    "end": "hi",
    "n_risk": "n",
    "n_event": "d",
    "n_censor": "c",
    "n_eff": "n_eff",
    "q": "q",
    "estimate": "surv",
    "se": "se",
}


@pytest.mark.shared
@pytest.mark.parametrize(("scale", "suffix"), [("log", "_log"), ("log-log", "_loglog")])
@pytest.mark.parametrize(("key", "breaks"), [("monthly", range(181)), ("annual", range(0, 181, 12))])
def test_intervals_against_R(expected, dataset, column, key, breaks, scale, suffix):
    # months = floor(time / 30.4375), actuarial by hand in R, equal to popEpi's lifetable; tolerance 1e-12
    numbers, frame = expected("lifetable_colrec_overall_sex"), dataset("colrec")
    for by, rows in (((), numbers[key]), (("sex",), [*numbers[f"{key}_sex"]["1"], *numbers[f"{key}_sex"]["2"]])):
        followup = build_followup(frame, time="time", event="stat", by=by)
        ours = life_table(followup, breaks=list(breaks), unit="months", ci=scale).frame
        for mine, theirs in (PAIRS | {"lower": f"lower{suffix}", "upper": f"upper{suffix}"}).items():
            np.testing.assert_allclose(ours[mine], column(rows, theirs), rtol=1e-12, atol=1e-12)


@pytest.mark.shared
def test_months_given_are_months_computed(dataset):
    frame = dataset("colrec").assign(months=lambda data: np.floor(data["time"] / 30.4375))
    from_days = life_table(build_followup(frame, time="time", event="stat"), unit="months")
    from_months = life_table(build_followup(frame, time="months", event="stat", unit="months"))
    pd.testing.assert_frame_equal(from_days.frame, from_months.frame)


def test_requested_times_give_the_interval_that_ends_there():
    frame = pd.DataFrame({"time": [10, 40, 70, 400, 800], "event": [1, 0, 1, 1, 0]})
    followup = build_followup(frame, time="time", event="event")
    rows = life_table(followup, breaks=[12], at=[12, 24, 60], unit="months")
    assert rows.frame["time"].tolist() == [12, 24, 60]
    assert rows.frame["end"].tolist()[:2] == [12, 24]
    assert np.isnan(rows.frame["estimate"].iloc[2])


def test_censored_and_late_entries_count_half():
    frame = pd.DataFrame({"time": [0.5, 0.5, 3, 3], "event": [1, 0, 0, 0], "entry": [0, 0, 0, 0.2]})
    row = life_table(build_followup(frame, time="time", event="event", entry="entry"), breaks=[1]).frame.iloc[0]
    assert (row["n_risk"], row["n_enter"], row["n_eff"]) == (3, 1, 3)
    assert row["q"] == pytest.approx(1 / 3)


def test_breaks_must_ascend():
    frame = pd.DataFrame({"time": [1, 2], "event": [1, 0]})
    with pytest.raises(SurvivalError, match="do not ascend"):
        life_table(build_followup(frame, time="time", event="event"), breaks=[0, 3, 2])
