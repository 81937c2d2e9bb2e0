"""Group tests and regressions against R (survival 3.5.3, cmprsk 2.2-11), and for any data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survival.competing.gray import gray_test
from survival.competing.incidence import cumulative_incidence
from survival.competing.subdistribution import fit_subdistribution
from survival.errors import SurvivalError
from survival.frames import build_followup, read_table
from survival.kaplan_meier import kaplan_meier
from survival.lifetables import read_life_table
from survival.logrank import compare_survival
from survival.net.cohort import build_cohort
from survival.regression.background import hazard_at_exit
from survival.regression.covariates import design
from survival.regression.cox import fit_cox, score_residuals
from survival.regression.excess import fit_excess
from survival.regression.flexible import fit_flexible
from survival.regression.proportionality import proportionality


def read(reference: Path, name: str) -> pd.DataFrame:
    return read_table(reference / "survival" / "data" / f"{name}.csv")


def expected(reference: Path, name: str) -> Any:
    return json.loads((reference / "survival" / "expected" / f"{name}.json").read_text())


def close(found: Any, wanted: Any, tolerance: float) -> None:
    np.testing.assert_allclose(np.asarray(found, dtype=float), np.asarray(wanted, dtype=float), rtol=tolerance, atol=0)


# --- log-rank against R -------------------------------------------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.parametrize(("key", "rho"), [("lung_sex", 0.0), ("lung_sex_rho1", 1.0)])
def test_log_rank_against_r(reference: Path, key: str, rho: float) -> None:
    # survdiff(Surv(time, status == 2) ~ sex, lung, rho = rho); relative tolerance 1e-12
    frame = read(reference, "lung")
    followup = build_followup(frame, time="time", event="status", event_codes=(2,), by=["sex"])
    test = compare_survival(followup, weight="fleming-harrington", rho=rho)
    wanted = expected(reference, "logrank")[key]
    close(test.chisq, wanted["chisq"], 1e-12)
    close(test.observed, wanted["obs"], 1e-12)
    close(test.expected, wanted["exp"], 1e-12)
    close(test.variance, wanted["var"], 1e-12)
    close(test.p, wanted["p"], 1e-10)


@pytest.mark.shared
def test_log_rank_of_a_registry_against_r(reference: Path) -> None:
    # survdiff(Surv(time, stat) ~ sex, colrec); relative tolerance 1e-12
    test = compare_survival(build_followup(read(reference, "colrec"), time="time", event="stat", by=["sex"]))
    close(test.chisq, expected(reference, "logrank")["colrec_sex"]["chisq"], 1e-12)


def made(seed: int, n: int = 300, **columns: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"time": np.ceil(random.exponential(20, n)), "dead": random.random(n) < 0.7})
    for name, size in columns.items():
        frame[name] = random.integers(0, size, n)
    return frame


@given(st.integers(0, 10_000), st.sampled_from(["logrank", "peto", "gehan", "tarone-ware"]))
@settings(max_examples=30, deadline=None)
def test_group_tests_of_any_data(seed: int, weight: Any) -> None:
    frame = made(seed, g=3, s=2)
    test = compare_survival(build_followup(frame, time="time", event="dead", by=["g"]), weight=weight)
    assert abs((test.observed - test.expected).sum()) < 1e-8 * test.observed.sum()
    assert np.allclose(test.variance.sum(axis=0), 0, atol=1e-8 * np.abs(test.variance).max())
    shuffled = compare_survival(
        build_followup(frame.sample(frac=1, random_state=1), time="time", event="dead", by=["g"]), weight=weight
    )
    assert test.chisq == pytest.approx(shuffled.chisq, rel=1e-10)
    # two copies of the data in two strata: the statistic doubles
    twice = pd.concat([frame.assign(s=0), frame.assign(s=1)])
    both = compare_survival(
        build_followup(twice, time="time", event="dead", by=["g", "s"]), strata=["s"], weight=weight
    )
    assert both.chisq == pytest.approx(2 * test.chisq, rel=1e-9)


def test_groups_without_events_cannot_be_compared() -> None:
    frame = made(1, g=2).assign(dead=False)
    with pytest.raises(SurvivalError, match="fewer than two groups"):
        compare_survival(build_followup(frame, time="time", event="dead", by=["g"]))


# --- Cox against R ------------------------------------------------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("data", ["lung_age_sex_ph", "colrec"])
def test_cox_and_its_test_of_proportional_hazards_against_r(reference: Path, data: str, ties: Any) -> None:
    # coxph(..., ties = ties) and cox.zph(fit, transform, terms = FALSE); relative tolerance 1e-8 (R stops at 1e-9)
    if data == "colrec":
        frame = read(reference, "colrec")
        event = (frame["stat"] == 1).to_numpy()
        x = np.column_stack([frame["age"] / 365.241, frame["sex"], frame["site"] == "rectum"]).astype(float)
    else:
        frame = read(reference, "lung").dropna(subset=["ph.ecog"])
        event = (frame["status"] == 2).to_numpy()
        x = frame[["age", "sex", "ph.ecog"]].to_numpy(dtype=float)
    wanted = expected(reference, "cox_lung_colrec")[data][ties]
    model = fit_cox(frame["time"].to_numpy(dtype=float), event, x, ties=ties)
    close(model.coef, [row["coef"] for row in wanted["coef"]], 1e-8)
    close(model.se, [row["se.coef."] for row in wanted["coef"]], 1e-9)
    close(model.loglik, wanted["loglik"], 1e-13)
    document = model.to_document()
    close(document["score"]["chisq"], wanted["score"], 1e-12)
    close(document["wald"]["chisq"], wanted["wald"], 1e-7)
    for transform in ("km", "rank", "identity"):
        rows = proportionality(model, transform=transform)
        close([r["chisq"] for r in rows], [r["chisq"] for r in wanted[f"zph_{transform}"]], 1e-8)
        assert rows[-1]["term"] == "GLOBAL" and rows[-1]["df"] == 3


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_cox_of_any_data(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = 200
    x = random.normal(size=(n, 2))
    time = np.ceil(random.exponential(20, n))
    event = random.random(n) < 0.8
    model = fit_cox(time, event, x, robust=True)
    residuals = score_residuals(model.plan, model.covariates, model.coef * x.std(axis=0), model.at)
    assert np.abs(residuals.sum(axis=0)).max() < 1e-6
    order = random.permutation(n)
    again = fit_cox(time[order], event[order], x[order])
    assert np.allclose(model.coef, again.coef, rtol=1e-7, atol=1e-9)
    # an entry at 0 for everybody changes nothing; neither does a shift or a scale of the covariates, but for the scale
    late = fit_cox(time, event, x, entry=np.zeros(n))
    assert np.allclose(model.coef, late.coef, rtol=1e-7, atol=1e-9)
    scaled = fit_cox(time, event, x * 10 + 5)
    assert np.allclose(model.coef, scaled.coef * 10, rtol=1e-6, atol=1e-9)


def test_cox_with_strata_and_delayed_entry_against_lifelines() -> None:
    # lifelines 0.30 CoxPHFitter, which equals R here; relative tolerance 1e-5 (lifelines stops early)
    from lifelines import CoxPHFitter

    frame = made(3, 500, s=3)
    random = np.random.default_rng(4)
    frame["x"] = random.normal(size=len(frame))
    frame["entry"] = np.floor(frame["time"] * random.random(len(frame)) * 0.5)
    theirs = CoxPHFitter().fit(frame, "time", "dead", strata=["s"], entry_col="entry")
    ours = fit_cox(
        frame["time"].to_numpy(),
        frame["dead"].to_numpy(),
        frame[["x"]].to_numpy(),
        entry=frame["entry"].to_numpy(),
        stratum=frame["s"].to_numpy(),
    )
    close(ours.coef, theirs.params_.to_numpy(), 1e-5)
    close(ours.se, theirs.standard_errors_.to_numpy(), 1e-5)


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (np.ones((50, 1)), "never changes"),
        (np.column_stack([np.arange(50.0), np.arange(50.0) * 2]), "linearly dependent"),
    ],
)
def test_covariates_that_cannot_be_used_are_named(x: np.ndarray, said: str) -> None:
    random = np.random.default_rng(0)
    with pytest.raises(SurvivalError, match=said):
        fit_cox(random.exponential(1, 50), np.ones(50, dtype=bool), x)


def test_text_becomes_indicators_and_an_empty_cell_is_named() -> None:
    frame = pd.DataFrame({"age": [1.0, 2.0, 3.0], "site": ["rectum", "colon", "colon"]})
    x, terms = design(frame, ["age", "site"])
    assert terms == ("age", "siterectum") and x[:, 1].tolist() == [1.0, 0.0, 0.0]
    with pytest.raises(SurvivalError, match="row"):
        design(frame.assign(age=[1.0, None, 3.0]), ["age"])


# --- competing risks against R ------------------------------------------------------------------------------------------


@pytest.mark.shared
def test_aalen_johansen_and_gray_against_r(reference: Path) -> None:
    # survfit(Surv(etime, factor(ev)) ~ 1), cmprsk::cuminc(etime, ev, sex); relative tolerance 1e-12
    frame = read(reference, "mgus2_cr")
    wanted = expected(reference, "competing_mgus2")
    followup = build_followup(frame, time="etime", event="ev", unit="months")
    ours = cumulative_incidence(followup, at=[12, 60, 120, 240]).frame
    gray = cumulative_incidence(followup, at=[12, 60, 120, 240], variance="gray").frame
    for code, state in (("1", "V2"), ("2", "V3")):
        own = ours[ours["cause"] == code]
        close(own["estimate"], [row[state] for row in wanted["aj"]["pstate"]], 1e-12)
        close(own["se"], [row[state] for row in wanted["aj"]["se"]], 1e-12)
        close(gray[gray["cause"] == code]["se"] ** 2, [row[f"1 {code}"] for row in wanted["cuminc"]["var"]], 1e-12)
    by_sex = build_followup(frame, time="etime", event="ev", unit="months", by=["sex"])
    ours = cumulative_incidence(by_sex, at=[12, 60, 120, 240]).frame
    for sex, rows in (("F", slice(0, 4)), ("M", slice(4, 8))):
        for code, state in (("1", "V2"), ("2", "V3")):
            own = ours[(ours["cause"] == code) & (ours["sex"] == sex)]
            close(own["se"], [row[state] for row in wanted["aj_sex"]["se"]][rows], 1e-12)
    for code, row in zip((1, 2), wanted["cuminc_sex"]["gray"], strict=True):
        test = gray_test(by_sex, cause=code)
        close([test.chisq, test.p], [row["stat"], row["pv"]], 1e-11)


@pytest.mark.shared
def test_fine_and_gray_against_r(reference: Path) -> None:
    # cmprsk::crr(etime, ev, cbind(age, sex == "M")); relative tolerance 1e-7 (crr stops at a gradient of 1e-6)
    frame = read(reference, "mgus2_cr")
    x = np.column_stack([frame["age"], frame["sex"] == "M"]).astype(float)
    model = fit_subdistribution(frame["etime"].to_numpy(dtype=float), frame["ev"].to_numpy(), x, cause=1)
    wanted = expected(reference, "competing_mgus2")["finegray_pcm"]
    close(model.coef, wanted["coef"], 1e-7)
    close(model.se, wanted["se"], 1e-7)
    close(model.loglik[1], wanted["loglik"], 1e-12)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_causes_and_survival_add_to_one_and_one_cause_is_kaplan_meier(seed: int) -> None:
    frame = made(seed, 200)
    random = np.random.default_rng(seed)
    frame["cause"] = np.where(frame["dead"], random.integers(1, 4, len(frame)), 0)
    at = [5, 10, 20, 40]
    causes = cumulative_incidence(build_followup(frame, time="time", event="cause"), at=at).frame
    curve = kaplan_meier(build_followup(frame, time="time", event="dead", event_codes=(True,)), at=at).frame
    total = causes.groupby("time")["estimate"].sum().to_numpy() + curve["estimate"].to_numpy()
    assert np.allclose(total[~np.isnan(total)], 1.0, atol=1e-12)
    single = cumulative_incidence(
        build_followup(frame.assign(cause=frame["dead"].astype(int)), time="time", event="cause"), at=at
    ).frame
    assert np.allclose(single["estimate"], 1 - curve["estimate"], atol=1e-12, equal_nan=True)


def test_a_single_cause_makes_fine_and_gray_cox_with_breslow_ties() -> None:
    frame = made(5, 300)
    x = np.random.default_rng(6).normal(size=(300, 2))
    status = frame["dead"].astype(int).to_numpy()
    fine = fit_subdistribution(frame["time"].to_numpy(), status, x, cause=1)
    cox = fit_cox(frame["time"].to_numpy(), status == 1, x, ties="breslow")
    close(fine.coef, cox.coef, 1e-7)


# --- models with background mortality -----------------------------------------------------------------------------------


def excess_data(n: int, seed: int = 1) -> tuple[pd.DataFrame, Any]:
    """Simulated follow-up: the US population's hazard plus exp(-1.2 + 0.5 x) a year."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": random.uniform(50, 80, n) * 365.241,
            "sex": random.integers(1, 3, n),
            "date": np.full(n, 14_000),
            "x": random.integers(0, 2, n).astype(float),
        }
    )
    table = read_life_table("us")
    cancer = random.exponential(1, n) / np.exp(-1.2 + 0.5 * frame["x"]) * 365.241
    other = np.full(n, np.inf)
    alive = np.ones(n, dtype=bool)
    for day in range(0, 3653, 73):
        cohort = build_cohort(frame.assign(t=float(day), e=1), event="e", time="t", age="age", sex="sex", date="date")
        hit = alive & (random.random(n) < 1 - np.exp(-hazard_at_exit(cohort, table) * 73 / 365.241))
        other[hit] = day + random.uniform(0, 73, hit.sum())
        alive &= ~hit
    frame["time"] = np.minimum(np.minimum(cancer, other), 3652.0)
    frame["dead"] = (frame["time"] < 3652).astype(int)
    return frame, table


def test_excess_hazard_and_flexible_models_find_the_planted_effect() -> None:
    frame, table = excess_data(4000)
    cohort = build_cohort(frame, event="dead", time="time", age="age", sex="sex", date="date")
    x = frame[["x"]].to_numpy()
    piecewise = fit_excess(cohort, table, x, terms=["x"])
    assert abs(piecewise.coef[-1] - 0.5) < 3 * piecewise.se[-1] < 0.4
    flexible = fit_flexible(
        cohort.time / 365.241, cohort.event, x, terms=["x"], background=hazard_at_exit(cohort, table), df=3, at=[1, 5]
    )
    assert abs(flexible.coef[-1] - 0.5) < 3 * flexible.se[-1]
    wanted = np.mean([np.exp(-5 * np.exp(-1.2 + 0.5 * v)) for v in frame["x"]])
    assert flexible.extra["curve"][1]["estimate"] == pytest.approx(wanted, abs=0.03)


def test_without_background_the_flexible_model_follows_kaplan_meier_and_weibull() -> None:
    # lifelines 0.30 WeibullFitter: df = 1 is the Weibull model; relative tolerance 1e-4 (lifelines stops early)
    from lifelines import WeibullFitter

    random = np.random.default_rng(2)
    time = 3 * random.weibull(1.4, 2000)
    event = time < 5
    time = np.minimum(time, 5)
    x = random.normal(size=(2000, 1))
    model = fit_flexible(time, event, x, terms=["x"], df=1, at=[1, 2, 4])
    theirs = WeibullFitter().fit(time, event)
    assert model.coef[1] == pytest.approx(theirs.rho_, rel=5e-3)
    curve = [row["estimate"] for row in model.extra["curve"]]
    assert np.allclose(curve, theirs.survival_function_at_times([1, 2, 4]).to_numpy(), atol=3e-3)


def test_an_interval_without_deaths_is_named() -> None:
    frame, table = excess_data(300)
    cohort = build_cohort(frame, event="dead", time="time", age="age", sex="sex", date="date")
    with pytest.raises(SurvivalError, match="20 to 30"):
        fit_excess(cohort, table, frame[["x"]].to_numpy(), terms=["x"], breaks=(0, 5, 20, 30))


def test_a_robust_variance_of_two_clusters_has_no_wald_test():
    # R: coxph(Surv(t, e) ~ a + b, cluster = k): standard errors are given, their matrix has rank 1
    random = np.random.default_rng(3)
    time, x = random.integers(1, 40, 60).astype(float), random.normal(size=(60, 2))
    model = fit_cox(time, np.ones(60, dtype=bool), x, cluster=np.arange(60) % 2)
    document = model.to_document()
    assert document["wald"] == {"chisq": None, "df": 2, "p": None}
    assert document["score"]["p"] > 0 and (model.se > 0).all()


def test_events_at_one_time_tell_nothing_of_proportional_hazards():
    # R: cox.zph() stops with "system is computationally singular"; the model itself is fitted
    x = np.array([[0.0], [1], [0], [1], [1], [0]])
    model = fit_cox(np.array([5.0, 5, 5, 9, 9, 9]), np.array([1, 1, 1, 0, 0, 0], dtype=bool), x)
    assert [row["chisq"] for row in proportionality(model)] == [None, None]
    assert np.isfinite(model.se).all()


@pytest.mark.parametrize("fit", ["cox", "subdistribution"])
def test_a_covariate_that_separates_is_named_as_the_cause(fit):
    x = np.repeat([0.0, 1.0], 20)[:, None]
    time = np.arange(1.0, 41)
    with pytest.raises(SurvivalError, match="separates"):
        if fit == "cox":
            fit_cox(time, x[:, 0] == 0, x)
        else:
            fit_subdistribution(time, np.where(x[:, 0] == 0, 1, 2), x, cause=1)
