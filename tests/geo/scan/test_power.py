"""The scan finds what is planted and cries wolf no more than it says; the full experiments are in benchmarks/bench_scan.py."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from geo.scan import detection_power


@pytest.fixture(scope="module")
def region() -> tuple[list[str], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return [f"{i:02d}" for i in range(40)], np.exp(rng.normal(9, 0.8, 40)).round(), rng.uniform(0, 100, (40, 2))


def test_planted_clusters_are_found(region) -> None:
    found = detection_power(*region, cases=800, relative_risk=2.5, planted_share=0.1, seeds=range(40), replicates=99)
    assert found.planted and found.share >= 0.95
    assert np.mean([one.precision for one in found.outcomes]) > 0.7


def test_false_alarms_come_as_often_as_the_level_says(region) -> None:
    seeds = 100
    alarms = detection_power(*region, cases=300, seeds=range(1000, 1000 + seeds), replicates=99)
    assert alarms.planted == ()
    low, high = stats.binom.ppf([0.005, 0.995], seeds, 0.05)
    assert low <= alarms.hits <= high
    # over all levels: p-values of the null are uniform on 1/100 … 1
    p_values = [1.0 if one.p_value is None else one.p_value for one in alarms.outcomes]
    assert stats.kstest(p_values, "uniform").pvalue > 0.001


@pytest.mark.parametrize("model", ["poisson", "stp"])
def test_clusters_planted_for_some_years_are_found_with_their_years(region, model) -> None:
    found = detection_power(
        *region, cases=800, relative_risk=4.0, planted_share=0.1, seeds=range(20), replicates=99, model=model,
        analysis="space-time", years=10, window=(2004, 2006),
    )  # fmt: skip
    assert found.share >= 0.95 and np.mean([one.timing for one in found.outcomes]) > 0.8


def test_false_alarms_of_the_permutation_model_come_as_often_as_the_level_says(region) -> None:
    alarms = detection_power(
        *region, cases=300, seeds=range(60), replicates=99, model="stp", analysis="space-time", years=10
    )
    assert alarms.hits <= stats.binom.ppf(0.995, 60, 0.05)
