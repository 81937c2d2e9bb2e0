"""Local statistics against spdep 1.2-7, Tango's index against simulation, false discovery by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from geo.adjacency import adjacency_of_pairs
from geo.errors import GeoError
from geo.local import false_discovery, local_statistics, permutation_p, tango_index

GRID = [(i, j) for i in range(36) for j in range(36) if i < j and abs(i // 6 - j // 6) <= 1 and abs(i % 6 - j % 6) <= 1]


@pytest.fixture
def grid():
    """A 6 by 6 board, queen contiguity, with a high corner."""
    values = np.random.default_rng(2).normal(0, 1, 36)
    values[[0, 1, 6, 7]] += 6
    return [f"{i:02d}" for i in range(36)], adjacency_of_pairs(GRID, 36), values


@pytest.mark.shared
def test_north_carolina_against_spdep(reference: Path) -> None:
    # nb2listw(queen, "W"); localmoran(sid74 / bir74 * 1e5); localG(include.self(nb), "B"); p.adjust(, "fdr")
    folder = reference / "geo" / "rates"
    theirs = pd.read_csv(folder / "spdep_nc_sids74.csv", dtype={"id": str})
    overall = json.loads((folder / "spdep_nc_sids74.json").read_text())
    pairs = pd.read_csv(folder / "spdep_nc_queen_pairs.csv")
    adjacency = adjacency_of_pairs(zip(pairs["i"] - 1, pairs["j"] - 1), 100)
    ours = local_statistics(
        theirs["id"].tolist(), adjacency, cases=theirs["sid"], population=theirs["bir"], permutations=0
    )
    columns = {
        "moran": "Ii", "moran_expected": "E.Ii", "moran_variance": "Var.Ii", "moran_z": "Z.Ii", "moran_p": "p.Ii",
        "moran_fdr": "p_Ii_fdr", "gstar_z": "Gi", "gstar_p": "p_gi", "gstar_fdr": "p_gi_fdr",
    }  # fmt: skip
    for mine, name in columns.items():
        assert ours.areas[mine].to_numpy() == pytest.approx(theirs[name].to_numpy(), rel=1e-6, abs=1e-12), mine
    assert ours.overall["moran_i"] == pytest.approx(overall["moran"]["I"], rel=1e-6)
    assert ours.overall["moran_z"] == pytest.approx(overall["moran"]["z"], rel=1e-6)
    assert ours.overall["moran_p"] == pytest.approx(overall["moran"]["p"], rel=1e-6)
    assert ours.overall["geary_c"] == pytest.approx(overall["geary"]["C"], rel=1e-6)
    assert ours.overall["geary_z"] == pytest.approx(overall["geary"]["z"], rel=1e-6)
    assert ours.overall["ebi"] == pytest.approx(overall["ebimoran_stat"], rel=1e-6)
    for rates, column in (("eb-global", "eb_global"), ("eb-local", "eb_local")):
        smoothed = local_statistics(
            theirs["id"].tolist(), adjacency, cases=theirs["sid"], population=theirs["bir"], rates=rates, permutations=0
        )
        assert smoothed.areas["value"].to_numpy() == pytest.approx(theirs[column].to_numpy(), rel=1e-6)


def test_a_high_corner_is_hot_and_high_high(grid) -> None:
    result = local_statistics(grid[0], grid[1], values=grid[2])
    hot = set(result.areas.loc[result.areas["spot"] == "hot", "id"])
    assert {"00", "01", "06", "07"} <= hot
    assert set(result.areas.loc[result.areas["kind"] == "high-high", "id"]) <= hot
    assert (result.areas["moran_fdr"] >= result.areas["moran_p"] - 1e-15).all()
    again = local_statistics(grid[0], grid[1], values=grid[2])
    pd.testing.assert_frame_equal(result.areas, again.areas)


def test_permutation_p_is_the_share_of_shuffles(grid) -> None:
    _, adjacency, values = grid
    p = permutation_p(values, adjacency, permutations=499, seed=1)
    assert ((p >= 1 / 500) & (p <= 0.51)).all() and p[0] == 1 / 500
    # an area in the middle, against its own shuffles
    near = adjacency.indices[adjacency.indptr[21] : adjacency.indptr[22]]
    rng = np.random.default_rng(9)
    others = np.delete(values, 21)
    sums = np.array([rng.permutation(others)[: near.size].sum() for _ in range(4000)])
    share = min((sums >= values[near].sum()).mean(), (sums <= values[near].sum()).mean())
    assert p[21] == pytest.approx(share, abs=4 * (0.25 / 499) ** 0.5)


def test_false_discovery_by_hand() -> None:
    assert false_discovery(np.array([0.01, 0.04, 0.03, np.nan])) == pytest.approx(
        [0.03, 0.04, 0.04, np.nan], nan_ok=True
    )


def test_islands_have_no_local_statistic(grid) -> None:
    ids, _, values = grid
    adjacency = adjacency_of_pairs([pair for pair in GRID if 35 not in pair], 36)
    result = local_statistics(ids, adjacency, values=values)
    assert result.islands == ("35",)
    assert result.areas.loc[35, ["moran", "moran_p", "gstar_z", "gstar_fdr", "p_permutation"]].isna().all()
    assert result.areas.loc[:34, "moran"].notna().all()


def test_tango_against_simulation() -> None:
    rng = np.random.default_rng(4)
    points, people = rng.uniform(0, 10, (30, 2)), rng.integers(100, 1000, 30)
    expected = people * 120 / people.sum()
    p_values = [
        tango_index(rng.multinomial(120, people / people.sum()), expected, points, scale=2, replicates=0).p_value
        for _ in range(300)
    ]
    assert stats.kstest(p_values, "uniform").pvalue > 0.01  # the approximation holds its level
    close = np.argsort(((points - points[0]) ** 2).sum(axis=1))[:4]
    clustered = rng.multinomial(120, people / people.sum())
    clustered[close] += 15
    found = tango_index(clustered, expected, points, scale=2)
    assert found.p_value < 0.01 and found.p_simulated < 0.01


def test_tango_by_hand() -> None:
    # two places, shares 3/4 and 1/4 against 1/2 and 1/2, distance ln 2 in units of the scale: A = [[1, .5], [.5, 1]]
    found = tango_index(np.array([3, 1]), np.array([2, 2]), np.array([[0, 0], [np.log(2), 0]]), scale=1, replicates=0)
    assert found.index == pytest.approx(2 * 0.25**2 * (1 - 0.5)) and found.p_simulated is None


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"values": np.ones(36)}, "input-values"),
        ({"values": np.arange(35.0)}, "input-values"),
        ({}, "usage"),
        ({"cases": np.ones(36), "population": np.zeros(36)}, "smoothing"),
        ({"cases": np.ones(36), "population": np.ones(36), "rates": "odd"}, "usage"),
    ],
)
def test_bad_input(grid, options: dict, code: str) -> None:
    with pytest.raises(GeoError) as error:
        local_statistics(grid[0], grid[1], **options)
    assert error.value.code == code


def test_no_neighbours_at_all(grid) -> None:
    with pytest.raises(GeoError, match="no area has a neighbour"):
        local_statistics(grid[0], adjacency_of_pairs([], 36), values=grid[2])
