"""Replicates: drawn under the null hypothesis, the same for one seed whatever works on them."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

from geo.scan import analysis, scan
from geo.scan.data import load
from geo.scan.replicates import BLOCK, Plan, draw, maxima

SEED = 77


def plan_of(tables, model: str, what: str, replicates: int = 150) -> Plan:
    data = load(
        tables.cases, tables.population, tables.coordinates, model=model, analysis=what, start=None, end=None,
        controls=tables.controls if model == "bernoulli" else None, time_unit="year", time_length=1, covariates=None,
    )  # fmt: skip
    return analysis.make_plan(
        data, model=model, analysis=what, shape="circular", rates="high", max_share=0.5, max_radius=None, max_time=0.5,
        min_cases=2, penalty="none", shapes=(), replicates=replicates, seed=SEED,
    )  # fmt: skip


@pytest.fixture
def tables(make_map):
    return make_map(3, locations=9, cases=70, years=(2001, 2002, 2003, 2004))


@pytest.mark.parametrize("model", ["poisson", "bernoulli", "stp"])
def test_every_data_set_has_all_cases_and_the_model_s_margins(tables, model: str) -> None:
    plan = plan_of(tables, model, "space-time", replicates=BLOCK)
    drawn = draw(plan, 0)
    assert drawn.shape == (BLOCK, 9, 4)
    assert (drawn.sum(axis=(1, 2)) == plan.total).all() and (drawn >= 0).all()
    if model == "bernoulli":
        assert (drawn <= plan.at_risk).all()
    if model == "stp":
        assert (drawn.sum(axis=2) == plan.cases.sum(axis=1)).all()
        assert (drawn.sum(axis=1) == plan.cases.sum(axis=0)).all()


@pytest.mark.parametrize("model", ["poisson", "bernoulli", "stp"])
def test_the_mean_of_many_data_sets_is_the_expected_count(tables, model: str) -> None:
    plan = plan_of(tables, model, "space-time", replicates=40 * BLOCK)
    drawn = np.concatenate([draw(plan, b) for b in range(40)])
    error = np.sqrt(np.maximum(drawn.var(axis=0), 1e-3) / len(drawn))
    assert (np.abs(drawn.mean(axis=0) - plan.expected) < 5 * error + 1e-9).all()


@pytest.mark.parametrize("model", ["poisson", "bernoulli", "stp"])
def test_drawing_in_parts_changes_nothing(tables, model: str, monkeypatch) -> None:
    plan = plan_of(tables, model, "space-time")
    whole = draw(plan, 1)
    monkeypatch.setattr("geo.scan.replicates.DRAW_BYTES", 8 * 36 * 5)
    assert np.array_equal(draw(plan, 1), whole)


def test_permutation_within_strata_keeps_every_stratum_s_margins(make_map) -> None:
    tables = make_map(3, locations=6, cases=60, years=(2001, 2002))
    tables.cases["sex"] = np.where(np.arange(60) % 3 == 0, "1", "2")
    plan = plan_of(tables, "stp", "space-time")
    assert len(plan.permuted) == 2
    by_hand = sum(
        np.outer(np.bincount(where, minlength=6), np.bincount(when, minlength=2)) / where.size
        for where, when in plan.permuted
    )
    assert plan.expected == pytest.approx(by_hand)


def test_workers_do_not_matter(tables) -> None:
    plan = plan_of(tables, "poisson", "space-time")
    one = maxima(plan)
    assert one.size == 150
    assert np.array_equal(maxima(plan, threads=3), one)
    with ThreadPoolExecutor(4) as pool:
        assert np.array_equal(maxima(plan, executor=pool), one)


def test_other_processes(tables) -> None:
    plan = plan_of(tables, "stp", "prospective")
    with ProcessPoolExecutor(2) as pool:
        assert np.array_equal(maxima(plan, executor=pool), maxima(plan))


@pytest.mark.dask
def test_dask(tables) -> None:
    distributed = pytest.importorskip("distributed", reason="needs the extra `dask`")
    plan = plan_of(tables, "poisson", "space-time")
    with distributed.Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        assert np.array_equal(maxima(plan, executor=client.get_executor()), maxima(plan))


def test_a_seed_is_a_result(tables) -> None:
    options = {"analysis": "space-time", "replicates": 99}
    one = scan(tables.cases, tables.population, tables.coordinates, seed=4, **options)
    again = scan(tables.cases, tables.population, tables.coordinates, seed=4, threads=2, **options)
    other = scan(tables.cases, tables.population, tables.coordinates, seed=5, **options)
    assert one.to_json() == again.to_json()
    assert not np.array_equal(one.maxima, other.maxima)


def test_more_replicates_begin_with_the_same_ones(tables) -> None:
    few, many = plan_of(tables, "poisson", "spatial", 2 * BLOCK), plan_of(tables, "poisson", "spatial", 3 * BLOCK)
    assert np.array_equal(maxima(many)[: 2 * BLOCK], maxima(few))


def test_progress_counts_to_the_end(tables) -> None:
    seen: list[tuple[int, int]] = []
    scan(tables.cases, tables.population, tables.coordinates, replicates=150, progress=lambda *now: seen.append(now))
    done = [count for count, _ in seen]
    # parts of a scan in threads end in any order: each tells the sum so far
    assert len(done) == 3 and done == sorted(set(done)) and done[-1] == 150 and {total for _, total in seen} == {150}


def test_early_stop_is_exact_and_does_not_depend_on_workers(tables) -> None:
    options = {"replicates": 999, "stop_after": 10, "seed": 3}
    tame = tables.cases.assign(cases=1)
    one = scan(tame, tables.population, tables.coordinates, **options)
    many = scan(tame, tables.population, tables.coordinates, threads=4, **options)
    full = scan(tame, tables.population, tables.coordinates, replicates=999, seed=3)
    assert one.to_json() == many.to_json()
    assert one.replicates < 999
    best = one.clusters[0]
    assert np.array_equal(one.maxima, full.maxima[: one.replicates])
    assert (one.maxima >= best.statistic - 1e-9).sum() == 10 and one.maxima[-1] >= best.statistic - 1e-9
    assert best.p_value == pytest.approx(10 / one.replicates)


def test_no_replicates_no_p_values(tables) -> None:
    result = scan(tables.cases, tables.population, tables.coordinates, replicates=0)
    assert result.clusters and all(one.p_value is None and one.p_gumbel is None for one in result.clusters)
