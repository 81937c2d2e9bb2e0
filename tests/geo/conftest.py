"""Data that several tests of this room share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse


@pytest.fixture(scope="session")
def grid_adjacency() -> sparse.csr_matrix:
    """Queen contiguity of an 8 by 8 chessboard, from its own indices."""
    side = 8
    cells = [(i, j) for i in range(side) for j in range(side)]
    matrix = np.array([[max(abs(a - c), abs(b - d)) == 1 for c, d in cells] for a, b in cells], float)
    return sparse.csr_matrix(matrix)


@pytest.fixture(scope="session")
def sids(reference) -> pd.DataFrame:
    """The counties of North Carolina, sudden infant deaths 1974, with what spdep 1.2-7 gives for them."""
    return pd.read_csv(reference / "geo/rates/spdep_nc_sids74.csv")


@pytest.fixture(scope="session")
def sids_adjacency(reference) -> sparse.csr_matrix:
    from geo.adjacency import adjacency_of_pairs

    pairs = pd.read_csv(reference / "geo/rates/spdep_nc_queen_pairs.csv").to_numpy() - 1
    return adjacency_of_pairs(map(tuple, pairs), 100)
