"""Results of other programs with their faults, for comparison only; no default of ours uses this module.

epitools 0.5 `pois.exact` finds its limits by R's `uniroot` with the tolerance of about 1.2e-4 that is its default, so
that its "exact" limits of small counts are off by up to 0.1 %. Reproducing them asks for the same root finder: Brent's
`zeroin` (Brent RP. Algorithms for minimization without derivatives, 1973, chapter 4).
"""

from __future__ import annotations

from collections.abc import Callable

from scipy import stats

EPSILON = 2.0**-52
UNIROOT_TOLERANCE = EPSILON**0.25


def find_zero(
    function: Callable[[float], float], low: float, high: float, *, tolerance: float = UNIROOT_TOLERANCE
) -> float:
    """Gives Brent's root between `low` and `high`, stopped where `uniroot` stops."""
    previous, best = low, high
    f_previous, f_best = function(low), function(high)
    opposite, f_opposite = previous, f_previous
    if f_previous == 0.0:
        return previous
    for _ in range(1001):
        last_step = best - previous
        if abs(f_opposite) < abs(f_best):
            previous, best, opposite = best, opposite, best
            f_previous, f_best, f_opposite = f_best, f_opposite, f_best
        least = 2 * EPSILON * abs(best) + tolerance / 2
        span = opposite - best
        step = span / 2
        if abs(step) <= least or f_best == 0.0:
            return best
        if abs(last_step) >= least and abs(f_previous) > abs(f_best):
            ratio = f_best / f_previous
            if previous == opposite:
                p, q = span * ratio, 1 - ratio
            else:
                q, r = f_previous / f_opposite, f_best / f_opposite
                p = ratio * (span * q * (q - r) - (best - previous) * (r - 1))
                q = (q - 1) * (r - 1) * (ratio - 1)
            p, q = (p, -q) if p > 0 else (-p, q)
            if p < 0.75 * span * q - abs(least * q) / 2 and p < abs(last_step * q / 2):
                step = p / q
        if abs(step) < least:
            step = least if step > 0 else -least
        previous, f_previous = best, f_best
        best += step
        f_best = function(best)
        if (f_best > 0) == (f_opposite > 0) and f_best != 0 and f_opposite != 0:
            opposite, f_opposite = previous, f_previous
    return best


def epitools_pois_exact(count: int, *, level: float = 0.95) -> tuple[float, float]:
    """Gives the limits that epitools 0.5 `pois.exact` prints for one count (person-time 1)."""
    tail = (1 - level) / 2
    top = count * 5 + 4
    upper = find_zero(lambda mean: stats.poisson.cdf(count, mean) - tail, 0.0, top)
    if count == 0:
        return 0.0, upper
    lower = find_zero(lambda mean: stats.poisson.sf(count, mean) + stats.poisson.pmf(count, mean) - tail, 0.0, top)
    return lower, upper
