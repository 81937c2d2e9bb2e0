"""The scan that skips equals the scan that skips nothing, bit for bit, and both equal plain loops."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.scan import analysis, kernels, replicates, statistic
from geo.scan.data import load
from geo.scan.replicates import Plan, draw, scan_block

MODELS = ("poisson", "bernoulli", "stp")
RATES = ("high", "low", "both")


def plan_of(
    tables, *, model="poisson", what="spatial", rates="high", shape="circular", share=0.5, penalty="medium", seed=5
):
    data = load(
        tables.cases, tables.population, tables.coordinates, model=model, analysis=what, start=None, end=None,
        controls=tables.controls if model == "bernoulli" else None, time_unit="year", time_length=1, covariates=[],
    )  # fmt: skip
    return analysis.make_plan(
        data, model=model, analysis=what, shape=shape, rates=rates, max_share=share, max_radius=None, max_time=0.6,
        min_cases=2, penalty=penalty, shapes=((1.5, 4), (3.0, 6)), replicates=64, seed=seed,
    )  # fmt: skip


def every_maximum(plan: Plan) -> np.ndarray:
    """The block's maxima by the kernel that computes all windows."""
    zones = plan.zones()
    sims = np.ascontiguousarray(np.cumsum(draw(plan, 0), axis=2).transpose(1, 2, 0), dtype=np.float32)
    best = np.zeros(sims.shape[2])
    kernels.every_window(
        zones.order, zones.starts, zones.penalty, sims, np.cumsum(plan.expected, axis=1), np.cumsum(plan.at_risk, axis=1),
        plan.window_start, plan.window_end, plan.total, plan.persons, int(plan.model == "bernoulli"),
        kernels.ALL_RATES[plan.rates], plan.least, best,
    )  # fmt: skip
    return best


@pytest.mark.parametrize("cases", [2, 3, 5, 12, 200, 20_000])
@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize("model", ["poisson", "bernoulli"])
def test_spatial(make_map, model: str, rates: str, cases: int) -> None:
    for seed in range(3):
        plan = plan_of(make_map(seed, locations=15, cases=cases), model=model, rates=rates, seed=seed)
        assert np.array_equal(scan_block(plan, 0), every_maximum(plan))


@pytest.mark.parametrize("what", ["space-time", "prospective"])
@pytest.mark.parametrize(("model", "rates"), itertools.product(MODELS, RATES))
def test_space_time(make_map, model: str, rates: str, what: str) -> None:
    for seed, cases in enumerate((4, 30, 3000)):
        tables = make_map(seed, locations=10, cases=cases, years=tuple(range(1990, 1996)))
        plan = plan_of(tables, model=model, what=what, rates=rates, seed=seed)
        assert np.array_equal(scan_block(plan, 0), every_maximum(plan))


@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize("penalty", ["none", "strong"])
def test_ellipses(make_map, rates: str, penalty: str) -> None:
    plan = plan_of(make_map(3, locations=14, cases=90), shape="elliptic", rates=rates, penalty=penalty)
    assert np.array_equal(scan_block(plan, 0), every_maximum(plan))


@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize("model", ["poisson", "bernoulli"])
def test_windows_of_nearly_everything(make_map, model: str, rates: str) -> None:
    # beyond half of the population the quadratic bound does not hold and must not be used
    plan = plan_of(make_map(4, cases=40), model=model, rates=rates, share=1.0)
    assert np.array_equal(scan_block(plan, 0), every_maximum(plan))


@pytest.mark.parametrize(("model", "rates"), itertools.product(MODELS, RATES))
def test_plain_loops(make_map, naive_best, model: str, rates: str) -> None:
    tables = make_map(8, locations=8, cases=40, years=(2000, 2001, 2002))
    plan = plan_of(tables, model=model, what="space-time", rates=rates)
    drawn = draw(plan, 0)
    found = scan_block(plan, 0)
    for k in range(0, 64, 9):
        assert found[k] == pytest.approx(naive_best(plan, drawn[k]), abs=1e-9)


def test_lanes_do_not_matter(make_map, monkeypatch) -> None:
    plan = plan_of(make_map(2, cases=80, years=(2001, 2002, 2003)), what="space-time")
    wide = scan_block(plan, 0)
    monkeypatch.setattr(replicates, "LANE_BYTES", 1)
    assert np.array_equal(scan_block(plan, 0), wide)


def test_a_scan_that_skipped_too_much_would_be_noticed(make_map, monkeypatch) -> None:
    plan = plan_of(make_map(1, locations=15, cases=300))
    honest = every_maximum(plan)
    prepared = replicates._prepared(plan, 1)
    assert prepared[2] is not None
    spoilt = (prepared[0], prepared[1], prepared[2] * np.float32(1.5))
    monkeypatch.setattr(replicates, "_prepared", lambda *_: spoilt)
    assert not np.array_equal(scan_block(plan, 0), honest)


counts = st.integers(2, 5000)


@settings(max_examples=400, deadline=None)
@given(total=counts, share=st.floats(1e-4, 0.9999), part=st.floats(0, 1))
def test_poisson_bounds(total: int, share: float, part: float) -> None:
    e, c = total * share, float(round(total * part))
    exact = statistic.poisson_llr(c, e, total)
    if e <= c <= total - e:
        assert exact <= total * (c - e) ** 2 / (2 * e * (total - e)) * (1 + 1e-9) + 1e-9
    if c <= e:
        assert exact <= 2 * (e**0.5 - c**0.5) ** 2 * total / (total - e) * (1 + 1e-9) + 1e-9


@settings(max_examples=400, deadline=None)
@given(persons=st.integers(3, 5000), data=st.data())
def test_bernoulli_bound(persons: int, data) -> None:
    total = data.draw(st.integers(1, persons - 1))
    u = data.draw(st.integers(1, persons - 1))
    c = data.draw(st.integers(max(0, total + u - persons), min(total, u)))
    exact = statistic.bernoulli_llr(c, u, total, persons)
    assert exact <= statistic.bernoulli_bound(c, total * u / persons, u, total, persons) * (1 + 1e-9) + 1e-9


def test_observed_best_equals_the_simulation_kernel(make_map) -> None:
    from geo.scan.clusters import candidates

    plan = plan_of(make_map(6, cases=150, years=(2001, 2002, 2003)), what="space-time", rates="both")
    zones = plan.zones()
    sims = np.cumsum(plan.cases, axis=1)[:, :, None].astype(np.float32)
    best = np.zeros(1)
    kernels.every_window(
        zones.order, zones.starts, zones.penalty, sims, np.cumsum(plan.expected, axis=1), np.cumsum(plan.at_risk, axis=1),
        plan.window_start, plan.window_end, plan.total, plan.persons, 0, kernels.BOTH, plan.least, best,
    )  # fmt: skip
    assert candidates(plan)[0][0].statistic == pytest.approx(best[0], abs=1e-12)
    assert dataclasses.replace(plan, rates="high").key != plan.key
