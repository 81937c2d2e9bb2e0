"""Who borders whom: a symmetric 0/1 matrix, from pairs or from polygons that share a border or a corner (queen)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    import geopandas


def adjacency_of_pairs(pairs: Iterable[tuple[int, int]], count: int) -> sparse.csr_matrix:
    """Gives the matrix of `count` areas from index pairs, each given once or twice; no area borders itself."""
    links = np.array(list(pairs), dtype=int).reshape(-1, 2)
    links = links[links[:, 0] != links[:, 1]]
    ones = np.ones(len(links))
    matrix = sparse.coo_matrix((ones, (links[:, 0], links[:, 1])), (count, count)).tocsr()
    matrix = matrix + matrix.T
    matrix.data[:] = 1.0
    return matrix.tocsr()


def queen_adjacency(areas: geopandas.GeoDataFrame, *, tolerance: float = 0.0) -> sparse.csr_matrix:
    """Gives the queen contiguity of polygons in the order of `areas` (shape n by n).

    Polygons of one topology share their border points exactly, so touching is enough; `tolerance` (in units of the
    coordinates) also joins polygons of sources whose borders do not quite meet.
    """
    geometry = areas.geometry.values
    tree = areas.sindex
    if tolerance:
        left, right = tree.query(geometry, predicate="dwithin", distance=tolerance)
    else:
        left, right = tree.query(geometry, predicate="intersects")
    return adjacency_of_pairs(zip(left, right), len(areas))


def neighbours(matrix: sparse.csr_matrix, codes: Sequence[str]) -> dict[str, list[str]]:
    """Gives each area's neighbours by code; an island has an empty list."""
    matrix = matrix.tocsr()
    return {
        code: [codes[j] for j in matrix.indices[matrix.indptr[i] : matrix.indptr[i + 1]]]
        for i, code in enumerate(codes)
    }
