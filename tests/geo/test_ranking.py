"""Ranks with intervals."""

from __future__ import annotations

import numpy as np
import pytest

from geo.errors import GeoError
from geo.ranking import rank_rates


def test_exact_rates_have_exact_ranks():
    found = rank_rates([10.0, 30, 20], [0.0, 0, 0])
    assert found.to_numpy().tolist() == [[3, 3, 3], [1, 1, 1], [2, 2, 2]]


def test_overlapping_rates_have_wide_ranks_and_clear_ones_narrow():
    found = rank_rates([50.0, 50.5, 51, 200], [5.0, 5, 5, 2])
    assert found.loc[3].tolist() == [1, 1, 1]
    assert found.loc[0, ["rank_lower", "rank_upper"]].tolist() == [2, 4]


def test_missing_rates_have_no_rank():
    found = rank_rates([10.0, np.nan, 20], [1.0, np.nan, 1])
    assert found["rank"].tolist()[::2] == [2, 1]
    assert found.loc[1].isna().all()


def test_the_interval_covers_the_true_rank():
    # 20 areas with known rates: the 95 % interval holds the true rank in at least 90 % of draws
    rng = np.random.default_rng(5)
    truth = np.linspace(40, 60, 20)
    inside = []
    for seed in range(60):
        counts = rng.poisson(truth * 10)
        found = rank_rates(counts / 10, np.sqrt(counts) / 10, draws=1000, seed=seed)
        inside.append((found["rank_lower"] <= np.arange(20, 0, -1)) & (np.arange(20, 0, -1) <= found["rank_upper"]))
    assert np.mean(inside) > 0.9


def test_faulty_rates():
    with pytest.raises(GeoError):
        rank_rates([1.0], [1.0, 2])
    with pytest.raises(GeoError):
        rank_rates([-1.0], [1.0])
