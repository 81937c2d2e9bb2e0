"""Sparse Gaussian algebra: log determinant, solves and the diagonal of the inverse of a precision matrix.

The diagonal comes from the recursion of Takahashi (Rue and Held, Gaussian Markov Random Fields, 2005, section 2.3) on
the factors of SuperLU, taken without pivoting so that they are `L D L'`: no dense inverse is formed.
"""

from __future__ import annotations

import numba
import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu


@numba.njit(cache=True)
def _takahashi(indptr: np.ndarray, rows: np.ndarray, values: np.ndarray, pivots: np.ndarray) -> np.ndarray:
    """Gives the entries of the inverse on the pattern of L (columns with sorted rows, diagonal first)."""
    size = len(pivots)
    inverse = np.zeros(len(values))
    for column in range(size - 1, -1, -1):
        start, stop = indptr[column], indptr[column + 1]
        for place in range(stop - 1, start - 1, -1):
            row = rows[place]
            total = 1.0 / pivots[column] if row == column else 0.0
            for other in range(start + 1, stop):
                # element (rows[other], row) of the inverse, stored in the lower of the two columns
                low, high = min(rows[other], row), max(rows[other], row)
                left, right = indptr[low], indptr[low + 1] - 1
                while left < right:
                    middle = (left + right) // 2
                    if rows[middle] < high:
                        left = middle + 1
                    else:
                        right = middle
                if rows[left] == high:
                    total -= values[other] * inverse[left]
            inverse[place] = total
    return inverse


class Factor:
    """The factors of a symmetric positive definite sparse matrix."""

    def __init__(self, precision: sparse.spmatrix):
        self.size = precision.shape[0]
        self._lu = splu(
            precision.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        )
        self._pivots = self._lu.U.diagonal()
        if not (np.isfinite(self._pivots).all() and (self._pivots > 0).all()):
            raise np.linalg.LinAlgError("precision matrix is not positive definite")

    @property
    def log_determinant(self) -> float:
        return float(np.log(self._pivots).sum())

    def solve(self, right: np.ndarray) -> np.ndarray:
        return self._lu.solve(right)

    def variances(self) -> np.ndarray:
        """Gives the diagonal of the inverse, in the order of the matrix."""
        lower = self._lu.L.tocsc()
        lower.sort_indices()
        inverse = _takahashi(lower.indptr, lower.indices, lower.data, self._pivots)
        return inverse[lower.indptr[:-1]][self._lu.perm_c]
