"""Map classes: quantiles, natural breaks, equal steps, fixed bounds; a value on a bound belongs to the class above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from geo.errors import GeoError

METHODS = ("quantile", "natural", "equal", "fixed")


@dataclass(frozen=True)
class Classes:
    """Bounds of map classes, ascending: k + 1 of them for k classes."""

    bounds: tuple[float, ...]
    method: str

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def assign(self, values: np.ndarray) -> np.ndarray:
        """Gives the class of each value (0 is the lowest), -1 where it is missing; values outside go to the ends."""
        values = np.asarray(values, float)
        inner = np.array(self.bounds[1:-1])
        return np.where(np.isfinite(values), np.searchsorted(inner, values, side="right"), -1)

    def labels(self, *, digits: int = 1) -> list[str]:
        """Gives each class in words, with the first value of the next class as its open end."""
        texts = [f"{bound:,.{digits}f}" for bound in self.bounds]
        return [f"{low} – {'<' if i < len(self) - 1 else ''}{high}" for i, (low, high) in enumerate(pairwise(texts))]


def make_classes(
    values: Sequence[float], *, method: str = "quantile", count: int = 5, bounds: Sequence[float] | None = None
) -> Classes:
    """Gives at most `count` classes of the finite values.

    Equal values always share a class, so that ties or few distinct values can give fewer classes. `fixed` takes the
    bounds given (k + 1, ascending) and needs no values.
    """
    if method not in METHODS:
        raise GeoError("usage", f"unknown classes {method!r}", hint=f"one of {', '.join(METHODS)}")
    if method == "fixed":
        if bounds is None or len(bounds) < 2 or any(b <= a for a, b in pairwise(bounds)):
            raise GeoError("map-classes", "fixed classes need two or more ascending bounds")
        return Classes(tuple(float(b) for b in bounds), method)
    if not 1 <= count <= 9:
        raise GeoError("map-classes", "between 1 and 9 classes can be told apart")
    values = np.sort(np.asarray(values, float))
    values = values[np.isfinite(values)]
    if not len(values):
        raise GeoError("map-classes", "there is no value to classify", hint="every area is suppressed or without data")
    low, high = values[0], values[-1]
    if low == high:
        return Classes((float(low), float(high)), method)
    if method == "equal":
        inner = low + (high - low) * np.arange(1, count) / count
    elif method == "quantile":
        inner = values[[min(int(np.ceil(len(values) * i / count)), len(values) - 1) for i in range(1, count)]]
    else:
        inner = _natural_breaks(values, count)
    inner = np.unique(inner[(inner > low) & (inner <= high)])
    return Classes((float(low), *map(float, inner), float(high)), method)


def _natural_breaks(values: np.ndarray, count: int) -> np.ndarray:
    """Gives the first value of each class but the lowest, of the partition with the least squares within classes.

    Exact dynamic programming (Fisher WD. J Am Stat Assoc 1958;53:789-798) on the distinct values.
    """
    distinct, repeats = np.unique(values, return_counts=True)
    size, count = len(distinct), min(count, len(distinct))
    # about the mean, or the squares of large values would drown the differences
    centred = distinct - values.mean()
    weight = np.concatenate([[0.0], np.cumsum(repeats)])
    first = np.concatenate([[0.0], np.cumsum(repeats * centred)])
    second = np.concatenate([[0.0], np.cumsum(repeats * centred**2)])
    ends = np.arange(1, size + 1)
    cost = second[ends] - first[ends] ** 2 / weight[ends]
    starts = np.zeros((count, size + 1), int)
    for groups in range(1, count):
        new = np.full(size, np.inf)
        for end in range(groups + 1, size + 1):
            begin = np.arange(groups, end)
            mass = weight[end] - weight[begin]
            within = second[end] - second[begin] - (first[end] - first[begin]) ** 2 / mass
            total = cost[begin - 1] + within
            best = int(np.argmin(total))
            new[end - 1], starts[groups, end] = total[best], begin[best]
        cost = new
    breaks, end = [], size
    for groups in range(count - 1, 0, -1):
        end = starts[groups, end]
        breaks.append(distinct[end])
    return np.array(breaks[::-1])
