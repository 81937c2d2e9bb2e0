"""Survival: what the registry shows is what was planted, as far as chance allows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from registry.synthetic import make
from registry.synthetic.calendar import day_of
from registry.synthetic.mortality import SHAPE, SHAPE_YEARS, draw_cancer_days, draw_other_days, net_survival, scales
from registry.synthetic.tables import expected_hazard, site_groups


@pytest.mark.parametrize(
    "group,stage,column", [("lung", 7, "rs5_dist"), ("breast", 1, "rs5_loc"), ("bladder", 3, "rs5_reg")]
)
def test_five_year_net_survival_is_the_planted_one(group, stage, column):
    g = list(site_groups().group).index(group)
    scale = scales(np.array([g]), np.array([stage]), np.array([65]), np.array([2010]))
    assert net_survival(scale, 5.0)[0] == pytest.approx(site_groups()[column][g], abs=1e-12)


def test_net_survival_falls_and_ends_in_cure():
    times = np.linspace(0, 20, 200)
    curve = np.array([net_survival(np.array([0.7]), t)[0] for t in times])
    assert curve[0] == 1 and (np.diff(curve) <= 0).all()
    assert curve[-1] == pytest.approx(np.exp(-0.7 * SHAPE[-1])) and SHAPE[np.searchsorted(SHAPE_YEARS, 5.0)] == 1


def test_deaths_from_the_tumor_follow_the_planted_curve():
    scale = np.full(40_000, 0.9)
    years = draw_cancer_days(1, scale) / 365.25
    for at in (1.0, 3.0, 5.0, 10.0):
        wanted = net_survival(scale[:1], at)[0]
        assert np.mean(years > at) == pytest.approx(wanted, abs=4 * np.sqrt(wanted * (1 - wanted) / len(scale)))


def test_in_situ_and_benign_tumors_never_kill(large):
    tumors = large.true_tumors
    assert (tumors.cancer_days[tumors.behavior != "3"] >= 10**6).all()


def test_other_deaths_follow_the_life_table():
    # a woman of 70 in 2005: survival to 75 from the table, by hand
    hazard, first, _ = expected_hazard()
    birth = np.full(60_000, day_of(1935, 7, 1))
    diagnosis = np.full(60_000, day_of(2005, 7, 2))
    years = draw_other_days(1, np.ones(60_000, dtype=int), birth, diagnosis) / 365.25
    wanted = np.exp(-sum(hazard[1, 70 + k, 1935 + 70 + k - first] for k in range(5)))
    assert np.mean(years > 5) == pytest.approx(wanted, abs=4 * np.sqrt(wanted * (1 - wanted) / 60_000))


def test_kaplan_meier_of_the_registry_is_the_truth_of_its_persons():
    """Follow-up is lost without looking at the outcome: the estimate from dates of last contact meets the true deaths."""
    made = make(patients=6_000, seed=5, multiple_primaries=False, text=False)
    persons, tumors = made.true_persons, made.true_tumors
    usual = (tumors.source == 1).to_numpy()
    time = (persons.contact - tumors.diagnosis.to_numpy())[usual] / 365.25
    event = persons.dead[usual].to_numpy()
    truth = ((persons.death - tumors.diagnosis.to_numpy())[usual] / 365.25).to_numpy()
    order = np.argsort(time)
    time, event = time.to_numpy()[order], event[order]
    at_risk = len(time) - np.arange(len(time))
    curve = np.cumprod(1 - event / at_risk)
    for at in (1.0, 5.0, 10.0):
        estimate = curve[np.searchsorted(time, at, side="right") - 1]
        wanted = np.mean(truth > at)
        assert estimate == pytest.approx(wanted, abs=4 * np.sqrt(wanted * (1 - wanted) / len(time)) + 0.002)


def test_pohar_perme_meets_the_planted_net_survival():
    """The survival room's estimator on what the registry knows (dates of last contact), against the answer key."""
    from survival.lifetables import build_life_table
    from survival.net.analysis import net_survival as estimate_net
    from survival.net.cohort import build_cohort

    made = make(patients=6_000, seed=6, multiple_primaries=False, text=False)
    tumors, persons = made.true_tumors, made.true_persons
    usual = ((tumors.source == 1) & (tumors.behavior == "3")).to_numpy()
    hazard, first, last = expected_hazard()
    sex, age, year = (a.ravel() for a in np.indices(hazard.shape))
    table = pd.DataFrame({"year": year + first, "age": age, "sex": sex + 1, "annual_prob": 1 - np.exp(-hazard.ravel())})
    frame = pd.DataFrame(
        {
            "time": (persons.contact - tumors.diagnosis)[usual],
            "event": persons.dead[usual].astype(int),
            "age": (tumors.diagnosis - persons.birth)[usual] / 365.25,
            "sex": persons.sex[usual] + 1,
            "date": tumors.diagnosis[usual].to_numpy().astype("datetime64[D]").astype(str),
        }
    )
    cohort = build_cohort(frame, event="event", time="time", age="age", age_unit="years", sex="sex", date="date")
    rows = estimate_net(cohort, build_life_table(table), at=[1, 5], at_unit="years").frame
    for row, at in zip(rows.itertuples(), (1.0, 5.0)):
        truth = net_survival(tumors.scale.to_numpy()[usual], at).mean()
        assert row.estimate == pytest.approx(truth, abs=4 * row.se), at
    assert last >= 2014


def test_the_cause_of_death_says_cancer_where_cancer_killed(large):
    persons, patients = large.true_persons, large.patients
    killed = persons.dead & (persons.killer >= 0)
    cancer = patients["1910"].str.match(r"^(C|D4[5-7])")
    assert cancer[killed].mean() == pytest.approx(0.97, abs=0.01)
    assert not cancer[~killed].any()
    assert (patients.loc[~persons.dead, "1910"] == "0000").all() and (patients.loc[~persons.dead, "1920"] == "0").all()
