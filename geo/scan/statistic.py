"""The test statistics, and bounds on them that let whole windows be skipped without changing any result.

Notation: a window holds c of C cases; E is expected there (expected counts sum to C); for the Bernoulli model it holds u
of U persons (cases and controls). Sources: Kulldorff, Communications in Statistics 26 (1997) 1481-1496 (Poisson and
Bernoulli); Kulldorff et al., PLoS Medicine 2 (2005) e59 (space-time permutation, the same expression as Poisson).

**Why skipping is exact.** Write h(x; A) = x ln(x/A) - (x - A) >= 0. As the linear terms cancel,

    Poisson   LLR(c) = h(c; E) + h(C-c; C-E)
    Bernoulli LLR(c) = h(c; E) + h(C-c; C-E) + h(u-c; u-E) + h(U-u-C+c; U-u-C+E),   E = C u / U.

(1) For x >= A: h(x; A) <= (x-A)^2 / (2A), because h(A) = h'(A) = 0 and h''(x) = 1/x <= 1/A.
(2) For 0 <= x <= A: h(x; A) <= 2 (sqrt A - sqrt x)^2. With x = A s^2 the difference of the sides divided by A is
    g(s) = 2(1-s)^2 - 2 s^2 ln s + s^2 - 1; g(1) = g'(1) = 0 and g''(s) = -4 ln s >= 0 on (0, 1], so g >= 0.
(3) Poisson, E <= c <= C - E: LLR(c) <= C (c-E)^2 / (2 E (C-E)), because LLR(E) = LLR'(E) = 0 and
    LLR''(x) = C / (x (C-x)), whose maximum over [E, C-E] is at its ends.
(4) Poisson, c <= E: by (2) for the inside, (1) for the outside and (E-c)^2 <= 4E (sqrt E - sqrt c)^2,
    LLR(c) <= 2 (sqrt E - sqrt c)^2 C / (C-E).

A simulated data set whose best statistic so far is b needs the exact LLR of a window only where a bound exceeds b:
by (3), where (c-E) sqrt(C / (2E(C-E))) > sqrt b or c > C - E; by (4), where (sqrt E - sqrt c) sqrt(2C / (C-E)) > sqrt b;
for Bernoulli, where the sum of (1) and (2) over its four terms exceeds b. Everything skipped is <= b and could not have
changed the maximum. `tests/geo/scan/test_pruning.py` compares with the scan that skips nothing, small counts included.

**Rounding.** Counts are integers below 2^24 and exact in single precision. The first two tests run in single precision
with unit roundoff u = 2^-24. The computed left side differs from the true z by at most 4u z + 8u S, where S is the part
of it that is subtracted from or by c (E times the factor, or sqrt E times the factor). Lowering the left side's
subtrahend by a relative 1e-6 > 8u, and sqrt b by a relative 1e-6 > 4u and an absolute 1e-6, keeps every window that
the exact test would keep. The Bernoulli test runs in double precision with a relative slack of 1e-9.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

POISSON, BERNOULLI = 0, 1  # the space-time permutation model uses the Poisson expression
HIGH, LOW, BOTH = 1, 2, 3  # bit 1: more cases than expected, bit 2: fewer

SLACK = 1e-6
EXACT_SINGLE = 2**24  # integers below are exact in single precision


@njit(cache=True, nogil=True)
def poisson_llr(c: float, e: float, total: float) -> float:
    """Gives the log likelihood ratio of c cases where e are expected, of `total` cases; 0 for an empty or full window."""
    if e <= 0.0 or e >= total:
        return 0.0
    value = 0.0
    if c > 0.0:
        value += c * math.log(c / e)
    if c < total:
        value += (total - c) * math.log((total - c) / (total - e))
    return value


@njit(cache=True, nogil=True)
def bernoulli_llr(c: float, u: float, total: float, persons: float) -> float:
    """Gives the log likelihood ratio of c cases among u persons, of `total` cases among `persons`."""
    if u <= 0.0 or u >= persons:
        return 0.0
    outside, outside_cases = persons - u, total - c
    value = -total * math.log(total / persons)
    if persons > total:
        value -= (persons - total) * math.log((persons - total) / persons)
    if c > 0.0:
        value += c * math.log(c / u)
    if u > c:
        value += (u - c) * math.log((u - c) / u)
    if outside_cases > 0.0:
        value += outside_cases * math.log(outside_cases / outside)
    if outside > outside_cases:
        value += (outside - outside_cases) * math.log((outside - outside_cases) / outside)
    return value


@njit(cache=True, nogil=True)
def window_llr(model: int, rates: int, least: int, c: float, e: float, u: float, total: float, persons: float) -> float:
    """Gives the LLR where the window's rate is of the kind looked for, else 0.

    A window of high rate needs at least `least` cases (2 by custom); one of low rate may be empty.
    """
    if model == BERNOULLI:
        high, low = c * persons > u * total, c * persons < u * total
    else:
        high, low = c > e, c < e
    if not ((high and rates & HIGH and c >= least) or (low and rates & LOW)):
        return 0.0
    if model == BERNOULLI:
        return bernoulli_llr(c, u, total, persons)
    return poisson_llr(c, e, total)


@njit(cache=True, nogil=True)
def bernoulli_bound(c: float, e: float, u: float, total: float, persons: float) -> float:
    """Gives an upper bound of the Bernoulli LLR by (1) and (2) above; e is total * u / persons."""
    bound = 0.0
    for x, a in ((c, e), (total - c, total - e), (u - c, u - e), (persons - u - total + c, persons - u - total + e)):
        if x >= a:
            if a <= 0.0:
                if x > a:
                    return math.inf
            else:
                bound += (x - a) * (x - a) / (2.0 * a)
        else:
            # a lies a rounding error above an x of 0 at most where both are 0
            step = math.sqrt(max(a, 0.0)) - math.sqrt(max(x, 0.0))
            bound += 2.0 * step * step
    return bound


def llr(model: str, c: float, e: float, u: float, total: float, persons: float) -> float:
    """Gives the log likelihood ratio of one window for the model named `poisson`, `stp` or `bernoulli`."""
    if model == "bernoulli":
        return float(bernoulli_llr(float(c), float(u), float(total), float(persons)))
    return float(poisson_llr(float(c), float(e), float(total)))


def gumbel_p(value: float, maxima: np.ndarray) -> float | None:
    """Gives the p-value of `value` under a Gumbel distribution fitted by moments to the simulated maxima.

    Abrams, Kulldorff, Kleinman, International Journal of Health Geographics 9 (2010) 61. None for fewer than two maxima
    or maxima without spread.
    """
    if maxima.size < 2:
        return None
    spread = float(np.std(maxima, ddof=1))
    if spread <= 0.0:
        return None
    beta = spread * math.sqrt(6.0) / math.pi
    mode = float(np.mean(maxima)) - np.euler_gamma * beta
    return float(-math.expm1(-math.exp((mode - value) / beta)))
