"""Prevalence, loss-adjusted survival: by hand and by simulation with a known truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from survival.errors import SurvivalError
from survival.frames import EPOCH, build_followup
from survival.kaplan_meier import kaplan_meier
from survival.losses import loss_adjusted
from survival.net.cohort import cohort_of
from survival.prevalence import (
    CureModel,
    complete_prevalence,
    completeness_index,
    fit_cure_model,
    limited_duration,
    years_before,
)

INDEX = float((np.datetime64("2010-01-01") - EPOCH).astype(int))


def test_counting_by_hand():
    # one alive, one dead before, one lost, one diagnosed too early, one after the index date
    dates = ["2008-01-01", "2009-01-01", "2009-06-01", "2001-01-01", "2010-06-01"]
    exits = ["2011-01-01", "2009-03-01", "2009-07-01", "2012-01-01", "2011-01-01"]
    frame = pd.DataFrame({"date": dates, "exit": exits, "event": [0, 1, 0, 0, 0]})
    followup = build_followup(frame, entry="date", exit="exit", event="event")
    row = limited_duration(followup, followup.origin, index=INDEX, durations=[5]).frame.iloc[0]
    assert (row["n_cases"], row["n_alive"], row["n_event"], row["n_lost"]) == (3, 1, 1, 1)
    # the lost one was followed 30 days and needs 214: one of four at risk died on day 59
    survival = kaplan_meier(followup).frame
    assert row["estimate"] == pytest.approx(1 + survival["estimate"].iloc[-1])
    assert row["se"] == pytest.approx(np.sqrt(1 + survival["estimate"].iloc[-1] ** 2))


def test_nobody_lost_is_plain_counting(cohort_frame):
    frame = cohort_frame(500, seed=2)
    days = (frame["date"] - pd.Timestamp("1960-01-01")).dt.days.to_numpy(dtype=float)
    frame["event"] = 1
    followup = build_followup(frame, time="time", event="event", by=["site"])
    index = float(days.max() + 1)
    result = limited_duration(followup, days, index=index, durations=[1, 3])
    for row in result.frame.itertuples():
        inside = (frame["site"] == row.site) & (days >= years_before(index, row.time))
        assert row.estimate == (inside & (days + frame["time"] >= index)).sum()


def test_durations_beyond_the_data_are_told(cohort_frame):
    frame = cohort_frame(50)
    days = (frame["date"] - pd.Timestamp("1960-01-01")).dt.days.to_numpy(dtype=float)
    result = limited_duration(build_followup(frame, time="time", event="event"), days, index=INDEX, durations=[40])
    assert "misses earlier ones" in result.warnings[0]
    with pytest.raises(SurvivalError, match="before the index date"):
        limited_duration(build_followup(frame, time="time", event="event"), days, index=0.0)


@pytest.mark.parametrize(("years", "day"), [(1, "2009-01-01"), (10, "2000-01-01"), (0.5, "2009-07-02")])
def test_whole_years_keep_month_and_day(years, day):
    assert years_before(INDEX, years) == pytest.approx(float((np.datetime64(day) - EPOCH).astype(int)), abs=1)


def simulate(n: int, table, *, model: CureModel, seed: int = 5):
    """Gives diagnoses over 60 years before the index date, with death by cancer and by background."""
    rng = np.random.default_rng(seed)
    date = INDEX - rng.uniform(0, 60 * 365.25, n)
    age = 365.25 * rng.uniform(40, 80, n)
    sex = rng.integers(0, 2, n)
    cancer = np.where(rng.random(n) < model.cured, np.inf, rng.exponential(365.25 / model.rate, n))
    other = np.full(n, np.inf)
    alive = np.ones(n, dtype=bool)
    for year in range(100):
        row = np.clip(np.searchsorted(table.age_cuts, age + year * 365.25, side="right") - 1, 0, None)
        column = np.clip(np.searchsorted(table.year_cuts, date + year * 365.25, side="right") - 1, 0, None)
        wait = rng.exponential(1 / table.hazards[sex, row, column])
        dies = alive & (wait < 365.25)
        other[dies] = year * 365.25 + wait[dies]
        alive &= ~dies
    return date, age, sex, np.minimum(cancer, other)


def test_complete_prevalence_finds_the_cases_before_the_registry(table):
    truth = CureModel(0.4, 0.5)
    date, age, sex, death = simulate(60_000, table, model=truth)
    complete = int((date + death >= INDEX).sum())
    seen = date >= INDEX - 12 * 365.25
    time = np.ceil(np.minimum(death, INDEX + 365 - date))
    frame = pd.DataFrame({"time": time[seen], "event": (death <= INDEX + 365 - date)[seen].astype(int)})
    followup = build_followup(frame, time="time", event="event")
    cohort = cohort_of(followup, age=age[seen], date=date[seen], sex=sex[seen])
    model = fit_cure_model(cohort, table)
    assert (model.cured, model.rate) == (pytest.approx(0.4, abs=0.03), pytest.approx(0.5, rel=0.1))
    incidence = np.zeros((2, 110))
    incidence[:, 40:80] = 1.0
    result = complete_prevalence(cohort, followup, table, incidence, index=INDEX, years=12)
    assert result.frame["estimate"].iloc[0] == pytest.approx(complete, rel=0.05)
    limited = limited_duration(followup, date[seen], index=INDEX, durations=[12]).frame["estimate"].iloc[0]
    assert limited < 0.8 * complete


def test_completeness_grows_with_the_years_and_ends_at_one(table):
    incidence = np.tile(np.arange(110.0) ** 2, (2, 1))
    shares = [
        completeness_index(incidence, CureModel(0.3, 0.4), table, index=INDEX, years=years) for years in (5, 20, 120)
    ]
    assert (shares[0] <= shares[1] + 1e-12).all() and (shares[1] <= shares[2] + 1e-12).all()
    np.testing.assert_allclose(shares[2], 1.0)


def test_losses_that_depend_on_stage_no_longer_bias_survival():
    # late stages die fast and are lost often: Kaplan-Meier of the whole is too high, the adjusted one is right
    rng = np.random.default_rng(0)
    n = 40_000
    stage = rng.integers(0, 2, n)
    death = rng.exponential(np.where(stage == 1, 400.0, 4000.0))
    lost = rng.exponential(np.where(stage == 1, 500.0, 1e9))
    frame = pd.DataFrame(
        {"time": np.ceil(np.minimum(death, lost)), "event": (death <= lost).astype(int), "stage": stage}
    )
    followup = build_followup(frame, time="time", event="event", by=["stage"])
    row = loss_adjusted(followup, ["stage"], at=[1000]).frame.iloc[0]
    truth = 0.5 * np.exp(-1000 / 400) + 0.5 * np.exp(-1000 / 4000)
    assert row["estimate"] == pytest.approx(truth, abs=0.01)
    assert row["unadjusted"] > truth + 0.05
    assert row["lost"] == ((frame["event"] == 0) & (frame["time"] < 1000)).sum()


def test_without_losses_adjustment_changes_nothing(cohort_frame):
    frame = cohort_frame(400).assign(event=1)
    followup = build_followup(frame, time="time", event="event", by=["site", "stage"])
    result = loss_adjusted(followup, ["stage"], at=[500, 1500])
    np.testing.assert_allclose(result.frame["estimate"], result.frame["unadjusted"], rtol=1e-12)
    assert result.by == ("site",)
