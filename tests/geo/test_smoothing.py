"""Empirical Bayes against spdep 1.2-7 (EBest, EBlocal, probmap) and its invariants."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from geo.errors import GeoError
from geo.smoothing import probability_map, smooth_global, smooth_local


@pytest.mark.shared
def test_global_against_spdep(sids, reference):
    # EBest(nc$SID74, nc$BIR74): attr "parameters" a and b
    want = json.loads((reference / "geo/rates/spdep_nc_sids74.json").read_text())["ebest_params"]
    found = smooth_global(sids["sid"], sids["bir"])
    assert found.variance == pytest.approx(want["a"], rel=1e-10)
    assert found.mean == pytest.approx(want["b"], rel=1e-10)
    assert found.estimate == pytest.approx(sids["eb_global"], rel=1e-10)


@pytest.mark.shared
def test_local_against_spdep(sids, sids_adjacency):
    # EBlocal(nc$SID74, nc$BIR74, nb) with queen contiguity
    found = smooth_local(sids["sid"], sids["bir"], sids_adjacency)
    assert found.estimate == pytest.approx(sids["eb_local"], rel=1e-10)


@pytest.mark.shared
def test_probability_map_against_spdep(sids):
    found = probability_map(sids["sid"], sids["bir"])
    assert found["probability"] == pytest.approx(sids["probmap_pmap"], rel=1e-10)
    assert found["relative_risk"] == pytest.approx(sids["relRisk"], rel=1e-10)
    assert (1e5 * sids["sid"] / sids["bir"]).to_numpy() == pytest.approx(sids["rate"].to_numpy(), rel=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(50, 5000)), min_size=64, max_size=64))
def test_estimates_lie_between_raw_rate_and_prior_mean(rows):
    cases, people = np.array(rows, float).T
    if cases.sum() == 0:
        return
    side = 8
    cells = [(i, j) for i in range(side) for j in range(side)]
    near = sparse.csr_matrix(np.array([[max(abs(a - c), abs(b - d)) == 1 for c, d in cells] for a, b in cells], float))
    for found in (smooth_global(cases, people), smooth_local(cases, people, near)):
        raw = cases / people
        assert (np.minimum(raw, found.mean) - 1e-12 <= found.estimate).all()
        assert (found.estimate <= np.maximum(raw, found.mean) + 1e-12).all()


def test_equal_rates_shrink_wholly():
    found = smooth_global(np.array([2.0, 4, 6]), np.array([200.0, 400, 600]))
    assert found.variance == 0
    assert found.estimate == pytest.approx([0.01, 0.01, 0.01])


def test_an_island_keeps_its_own_rate():
    lone = sparse.csr_matrix((2, 2))
    found = smooth_local(np.array([3.0, 0]), np.array([100.0, 100]), lone)
    assert found.estimate == pytest.approx([0.03, 0.0])


@pytest.mark.parametrize(
    "cases,people", [([0, 0], [5, 5]), ([1, 1], [5, 0]), ([1], [5, 5]), ([-1, 2], [5, 5]), ([np.nan, 2], [5, 5])]
)
def test_unusable_counts_are_refused(cases, people):
    with pytest.raises(GeoError) as error:
        smooth_global(cases, people)
    assert error.value.code == "smoothing"


def test_adjacency_of_another_size_is_refused():
    with pytest.raises(GeoError, match="does not fit"):
        smooth_local(np.ones(3), np.ones(3), sparse.identity(2))
