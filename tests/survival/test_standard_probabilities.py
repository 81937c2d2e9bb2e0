"""Age-standardised probabilities of death: the weighted mean of age groups, causes that add up, and no renormalising."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from survival.age_standard import age_standardised
from survival.commands import survival
from survival.competing.incidence import cumulative_incidence
from survival.errors import SurvivalError
from survival.frames import build_followup
from survival.net.cohort import build_cohort
from survival.net.crude import crude_death
from survival.standard_probabilities import standardised_crude_death, standardised_incidence
from survival.standards import standard

YEARS = {"at": [1, 3, 5], "at_unit": "years"}


def causes(frame: pd.DataFrame) -> pd.DataFrame:
    """Every third death is of cause 2; persons of the oldest group all die before the third year."""
    number = np.arange(len(frame))
    code = np.where(frame["event"] == 0, 0, np.where(number % 3 == 0, 2, 1))
    return frame.assign(cause=code)


def incidence(frame: pd.DataFrame, by: tuple[str, ...] = ()):
    return build_followup(frame, time="time", event="cause", by=list(by))


def test_it_is_the_weighted_mean_of_the_age_groups(cohort_frame):
    frame, name = causes(cohort_frame(3000, seed=3)), standard("icss2")
    found = standardised_incidence(incidence(frame, ("site",)), frame["age"].to_numpy(), name, **YEARS).frame
    groups = name.group(frame["age"].to_numpy())
    for (site, cause), rows in found.groupby(["site", "cause"]):
        estimate, variance = np.zeros(3), np.zeros(3)
        for k, weight in enumerate(name.weights):
            part = frame[(groups == k) & (frame["site"] == site)]
            alone = cumulative_incidence(incidence(part), causes=[cause], **YEARS).frame
            estimate += weight * alone["estimate"].to_numpy()
            variance += (weight * alone["se"].to_numpy()) ** 2
        np.testing.assert_allclose(rows["estimate"], estimate, rtol=1e-12)
        np.testing.assert_allclose(rows["se"], np.sqrt(variance), rtol=1e-12)


def test_causes_and_survival_add_up_to_one(cohort_frame):
    frame, name = causes(cohort_frame(2500, seed=9)), standard("icss1")
    age = frame["age"].to_numpy()
    dead = standardised_incidence(incidence(frame), age, name, **YEARS).frame.groupby("time")["estimate"].sum()
    alive = age_standardised(build_followup(frame, time="time", event="event"), age, name, **YEARS).frame
    np.testing.assert_allclose(dead.to_numpy() + alive["estimate"].to_numpy(), 1.0, rtol=1e-12)


def test_a_group_that_died_out_keeps_its_probabilities_and_one_that_left_gives_none(cohort_frame):
    frame, name = causes(cohort_frame(2000, seed=4)), standard("icss1")
    old = frame["age"] >= 75
    time = np.where(old, np.minimum(frame["time"], 700), frame["time"])
    ended = frame.assign(time=time, cause=np.where(old & (time == 700), 0, frame["cause"]))
    died = frame.assign(time=time, cause=np.where(old & (time == 700), 2, frame["cause"]))
    age = frame["age"].to_numpy()
    found = standardised_incidence(incidence(ended), age, name, **YEARS)
    assert found.frame["estimate"].isna().tolist() == [False, True, True] * 2
    assert any("75+ ends before 3" in sentence for sentence in found.warnings)
    found = standardised_incidence(incidence(died), age, name, **YEARS).frame
    assert found["estimate"].notna().all()
    assert all(rows["estimate"].is_monotonic_increasing for _, rows in found.groupby("cause"))


@pytest.mark.parametrize("empty", [True, False])
def test_an_empty_age_group_is_never_renormalised(cohort_frame, empty):
    frame = causes(cohort_frame(900, seed=12))
    frame = frame[frame["age"] < 75].reset_index(drop=True) if empty else frame
    found = standardised_incidence(incidence(frame), frame["age"].to_numpy(), standard("icss1"), **YEARS)
    assert found.frame[["estimate", "se", "lower", "upper"]].isna().all(axis=None) == empty
    assert any("75+ has no persons" in sentence for sentence in found.warnings) == empty


def test_crude_probabilities_are_the_weighted_mean_and_add_up(cohort_frame, table):
    frame = cohort_frame(1500, seed=2)
    cohort = build_cohort(frame, time="time", event="event", age="age", sex="sex", date="date", age_unit="years")
    name, years = standard("icss1"), cohort.age / 365.241
    found = standardised_crude_death(cohort, table, name, **YEARS).frame
    for label in ("", "other_"):
        estimate, variance = np.zeros(3), np.zeros(3)
        for k, weight in enumerate(name.weights):
            alone = crude_death(cohort.take(name.group(years) == k), table, **YEARS).frame
            estimate += weight * alone[f"{label}estimate"].to_numpy()
            variance += (weight * alone[f"{label}se"].to_numpy()) ** 2
        np.testing.assert_allclose(found[f"{label}estimate"], estimate, rtol=1e-12)
        np.testing.assert_allclose(found[f"{label}se"], np.sqrt(variance), rtol=1e-12)
    total = found["estimate"] + found["other_estimate"]
    assert ((total > 0) & (total < 1) & (total.diff().fillna(1) > 0)).all()


def test_the_commands_standardise(cohort_frame, tmp_path):
    file = tmp_path / "cohort.csv"
    causes(cohort_frame(2000, seed=6)).to_csv(file, index=False)
    call = ["cif", "--data", str(file), "--time", "time", "--event", "cause", "--by", "site", "--json"]
    call += ["--standard", "icss1", "--age", "age", "--age-unit", "years"]
    found = CliRunner().invoke(survival, [*call, "--at", "1,5", "--at-unit", "years"], catch_exceptions=False)
    rows = json.loads(found.stdout)["rows"]
    assert {row["cause"] for row in rows} == {"1", "2"} and all(0 < row["estimate"] < 1 for row in rows)
    for more, said in (([], "needs --age, --at"), (["--at", "1", "--test"], "as they are")):
        with pytest.raises(SurvivalError, match=said):
            CliRunner().invoke(survival, [*call, *more], catch_exceptions=False)


def test_incidence_against_r(cohort_frame):
    """R 4.2.2, survival 3.5-3: summary(survfit(Surv(time, factor(cause)) ~ 1)) of each age group, weighed; 1e-8."""
    frame = causes(cohort_frame(3000, seed=3))
    found = standardised_incidence(incidence(frame), frame["age"].to_numpy(), standard("icss1"), **YEARS).frame
    rows = found[found["time"] != 3]
    np.testing.assert_allclose(rows["estimate"], [0.114754926, 0.379109643, 0.06511290033, 0.19401720384], rtol=1e-8)
    np.testing.assert_allclose(rows["se"], [0.007203720449, 0.011776360547, 0.005695167501, 0.009507839167], rtol=1e-8)
