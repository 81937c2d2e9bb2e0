"""Confidence intervals and tests of Poisson counts and their weighted sums, vectorised over arrays.

A directly standardised rate is `sum w_i d_i` with independent Poisson counts d_i; its variance is `sum w_i^2 d_i`.
Fay MP, Feuer EJ. Stat Med 1997;16:791-801. Tiwari RC, Clegg LX, Zou Z. Stat Methods Med Res 2006;15:547-569.
Fay MP. Commun Stat Theory Methods 1999;28:2141-2160 (ratio of two standardised rates).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from geo.errors import GeoError

METHODS = ("fay-feuer", "tiwari")


@dataclass(frozen=True)
class WeightedSum:
    """A weighted sum of Poisson counts over the last axis: value, variance and the extra weight of one more case.

    `extra` is the weight (and `extra_square` the squared one) that the upper limit adds: the greatest weight after
    Fay and Feuer, the mean after Tiwari.
    """

    value: np.ndarray
    variance: np.ndarray
    extra: np.ndarray
    extra_square: np.ndarray


def weighted_sum(counts: np.ndarray, weights: np.ndarray, *, method: str = "tiwari") -> WeightedSum:
    """Gives `sum w d` over the last axis; counts and weights broadcast; strata with weight 0 add nothing."""
    if method not in METHODS:
        raise GeoError("usage", f"unknown interval {method!r}", hint=f"one of {', '.join(METHODS)}")
    counts, weights = np.broadcast_arrays(np.asarray(counts, float), np.asarray(weights, float))
    value = (weights * counts).sum(axis=-1)
    variance = (weights**2 * counts).sum(axis=-1)
    if method == "fay-feuer":
        extra = weights.max(axis=-1)
        return WeightedSum(value, variance, extra, extra**2)
    return WeightedSum(value, variance, weights.mean(axis=-1), (weights**2).mean(axis=-1))


def _gamma_limit(value: np.ndarray, variance: np.ndarray, share: float) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        limit = variance / (2 * value) * stats.chi2.ppf(share, 2 * value**2 / variance)
    return np.where(value > 0, limit, 0.0)


def gamma_interval(total: WeightedSum, *, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Gives (lower, upper) of a weighted sum; the lower limit is 0 where the sum is 0."""
    tail = (1 - level) / 2
    lower = _gamma_limit(total.value, total.variance, tail)
    upper = _gamma_limit(total.value + total.extra, total.variance + total.extra_square, 1 - tail)
    return lower, upper


def poisson_interval(counts: np.ndarray, *, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Gives the exact (Garwood) limits of a Poisson mean."""
    counts = np.asarray(counts, float)
    tail = (1 - level) / 2
    lower = np.where(counts > 0, stats.chi2.ppf(tail, 2 * np.maximum(counts, 1)) / 2, 0.0)
    return lower, stats.chi2.ppf(1 - tail, 2 * counts + 2) / 2


def byar_interval(counts: np.ndarray, *, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Gives Byar's approximate limits of a Poisson mean (Breslow and Day 1987, equations 2.13)."""
    counts = np.asarray(counts, float)
    z = stats.norm.ppf(0.5 + level / 2)
    seen = np.maximum(counts, 1)
    lower = np.where(counts > 0, counts * (1 - 1 / (9 * seen) - z / (3 * np.sqrt(seen))) ** 3, 0.0)
    more = counts + 1
    return lower, more * (1 - 1 / (9 * more) + z / (3 * np.sqrt(more))) ** 3


def poisson_test(observed: float, expected: float, *, mid_p: bool = False) -> float:
    """Gives the two-sided p-value of `observed` cases when `expected` are expected.

    Exact: the probability of all counts that are no likelier than the one seen (as R's poisson.test). Mid-p: twice the
    smaller tail with half the probability of the count seen.
    """
    observed = int(observed)
    here = stats.poisson.pmf(observed, expected)
    if mid_p:
        below = stats.poisson.cdf(observed, expected) - here / 2
        above = stats.poisson.sf(observed, expected) + here / 2
        return float(min(1.0, 2 * min(below, above)))
    # all counts that matter: the mass beyond 40 standard deviations is below any printed digit
    top = int(max(observed, expected) + 40 * np.sqrt(expected + observed + 1) + 40)
    masses = stats.poisson.pmf(np.arange(top + 1), expected)
    return float(min(1.0, masses[masses <= here * (1 + 1e-7)].sum()))


def ratio_interval(first: WeightedSum, second: WeightedSum, *, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Gives the limits of the ratio of two independent weighted sums by Fay's F distributions."""
    tail = (1 - level) / 2
    y1, v1, y2, v2 = first.value, first.variance, second.value, second.variance
    y1m, v1m = y1 + first.extra, v1 + first.extra_square
    y2m, v2m = y2 + second.extra, v2 + second.extra_square
    with np.errstate(divide="ignore", invalid="ignore"):
        lower = y1 / y2m * stats.f.ppf(tail, 2 * y1**2 / v1, 2 * y2m**2 / v2m)
        upper = y1m / y2 * stats.f.ppf(1 - tail, 2 * y1m**2 / v1m, 2 * y2**2 / v2)
    return np.where(y1 > 0, lower, 0.0), np.where(y2 > 0, upper, np.inf)


def ratio_test(first: WeightedSum, second: WeightedSum) -> np.ndarray:
    """Gives the two-sided p-value of `ratio_interval`: 1 minus the least level whose interval reaches a ratio of 1."""
    y1, v1, y2, v2 = first.value, first.variance, second.value, second.variance
    y1m, v1m = y1 + first.extra, v1 + first.extra_square
    y2m, v2m = y2 + second.extra, v2 + second.extra_square
    with np.errstate(divide="ignore", invalid="ignore"):
        greater = np.where(y1 > 0, stats.f.cdf(y2m / y1, 2 * y1**2 / v1, 2 * y2m**2 / v2m), 1.0)
        less = np.where(y2 > 0, stats.f.sf(y2 / y1m, 2 * y1m**2 / v1m, 2 * y2**2 / v2), 1.0)
    return np.minimum(1.0, 2 * np.minimum(greater, less))
