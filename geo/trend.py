"""Trends in segments: joined log-linear regression with the joinpoints found by grid search.

Model: ln(rate) = b0 + b1 x + sum d_k (x - t_k)+, weighted by (rate / se)^2. Kim HJ, Fay MP, Feuer EJ, Midthune DN.
Permutation tests for joinpoint regression with applications to cancer rates. Stat Med 2000;19:335-351. The choices and
criteria are those documented for the National Cancer Institute's Joinpoint program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from math import comb

import numba
import numpy as np
from scipy import stats

from geo.errors import GeoError

MOST_SETS = 1_000_000
METHODS = ("permutation", "bic", "bic3", "wbic")


@dataclass(frozen=True)
class Segment:
    """One straight piece of the log trend: annual percent change with limits; `p` tests a slope of 0."""

    start: float
    end: float
    slope: float
    slope_se: float
    apc: float
    lower: float
    upper: float
    p: float

    @property
    def direction(self) -> str:
        """Rising or falling where the interval leaves out 0, else stable (the wording of State Cancer Profiles)."""
        return "rising" if self.lower > 0 else "falling" if self.upper < 0 else "stable"


@dataclass(frozen=True)
class AverageChange:
    """Average annual percent change over a span of years, with limits and the p-value of no change."""

    start: float
    end: float
    aapc: float
    lower: float
    upper: float
    p: float


@dataclass(frozen=True)
class Fit:
    """The best model with one number of joinpoints; `weight` is the largest partial R2, the weight of WBIC."""

    joinpoints: tuple[float, ...]
    sse: float
    bic: float
    bic3: float
    wbic: float
    weight: float


@dataclass(frozen=True)
class PermutationTest:
    """One step of the choice: fewer against more joinpoints at its own level."""

    null: int
    alternative: int
    p: float
    level: float
    rejected: bool


@dataclass(frozen=True)
class Trend:
    """A chosen trend: fits by number of joinpoints, the steps of the choice, and what the chosen one says."""

    joinpoints: tuple[float, ...]
    segments: tuple[Segment, ...]
    average: tuple[AverageChange, ...]
    years: np.ndarray
    fitted: np.ndarray
    fits: tuple[Fit, ...]
    tests: tuple[PermutationTest, ...]
    method: str
    df: int
    options: dict = field(default_factory=dict)


@numba.njit(cache=True)
def _best_gain(scores: np.ndarray, combos: np.ndarray, inverses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gives, per row of scores (rows, candidates), the largest fall of the sum of squares and its combination."""
    rows, count, width = scores.shape[0], combos.shape[0], combos.shape[1]
    best = np.full(rows, -1.0)
    which = np.zeros(rows, np.int64)
    for combo in range(count):
        for row in range(rows):
            gain = 0.0
            for a in range(width):
                left = scores[row, combos[combo, a]]
                inner = inverses[combo, a, a] * left
                for b in range(a):
                    inner += 2.0 * inverses[combo, a, b] * scores[row, combos[combo, b]]
                gain += left * inner
            if gain > best[row]:
                best[row] = gain
                which[row] = combo
    return best, which


class Search:
    """The grid search of one series: every allowed set of joinpoints, prepared once for any response on it."""

    def __init__(self, x: np.ndarray, weights: np.ndarray, candidates: np.ndarray, *, ends: int, between: int):
        self.x, self.root = x, np.sqrt(weights)
        self.candidates = candidates
        base = np.column_stack([np.ones_like(x), x - x.mean()]) * self.root[:, None]
        self._line, _ = np.linalg.qr(base)
        hinges = np.maximum(x[:, None] - candidates[None, :], 0.0) * self.root[:, None]
        self._hinges = hinges - self._line @ (self._line.T @ hinges)
        self._gram = self._hinges.T @ self._hinges
        before = np.array([(x < t).sum() for t in candidates])
        after = np.array([(x > t).sum() for t in candidates])
        self._allowed = np.flatnonzero((before >= ends) & (after >= ends))
        self._before, self._after, self._between = before, after, between
        self._combos: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def combinations(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Gives the allowed sets of `count` joinpoints (sets, count) with the inverse of each set's Gram matrix."""
        if count not in self._combos:
            size = len(self.x)
            # an upper bound of the number of sets, before they are made
            if comb(max(len(self._allowed) - (count - 1) * self._between, 0), count) > MOST_SETS:
                raise GeoError(
                    "usage",
                    f"{count} joinpoints on {size} points are more than {MOST_SETS:,} sets to try",
                    hint="ask for fewer joinpoints or grid points",
                )
            sets = [
                combo
                for combo in combinations(self._allowed, count)
                if all(self._before[b] - (size - self._after[a]) >= self._between for a, b in pairwise(combo))
            ]
            combos = np.array(sets, dtype=np.int64).reshape(-1, count)
            grams = self._gram[combos[:, :, None], combos[:, None, :]] if count else np.zeros((len(combos), 0, 0))
            self._combos[count] = combos, np.linalg.inv(grams)
        return self._combos[count]

    def sums_of_squares(self, responses: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Gives the least weighted sum of squares of each response (rows, years) and the index of its set."""
        whitened = responses * self.root
        straight = whitened @ self._line
        total = (whitened**2).sum(axis=1) - (straight**2).sum(axis=1)
        if count == 0:
            return total, np.zeros(len(responses), np.int64)
        combos, inverses = self.combinations(count)
        if not len(combos):
            raise GeoError(
                "trend-data",
                f"{len(self.x)} points are too few for {count} joinpoints",
                hint="ask for fewer joinpoints, or fewer observations between them",
            )
        gain, which = _best_gain(np.ascontiguousarray(whitened @ self._hinges), combos, inverses)
        return np.maximum(total - gain, 0.0), which

    def design(self, joinpoints: Sequence[float]) -> np.ndarray:
        """Gives the columns 1, x and one hinge per joinpoint (years, 2 + joinpoints)."""
        hinges = [np.maximum(self.x - t, 0.0) for t in joinpoints]
        return np.column_stack([np.ones_like(self.x), self.x, *hinges])

    def partial_r2(self, response: np.ndarray, joinpoints: Sequence[float]) -> float:
        """Gives the largest partial R2 of a joinpoint's hinge within its two neighbouring segments."""
        largest, edges = 0.0, [-np.inf, *joinpoints, np.inf]
        for place, t in enumerate(joinpoints):
            inside = (self.x > edges[place]) & (self.x <= edges[place + 2])
            if place == 0:
                inside |= self.x == self.x.min()
            root, x = self.root[inside], self.x[inside]
            line, _ = np.linalg.qr(np.column_stack([np.ones_like(x), x]) * root[:, None])
            y, z = response[inside] * root, np.maximum(x - t, 0.0) * root
            y, z = y - line @ (line.T @ y), z - line @ (line.T @ z)
            scale = (y @ y) * (z @ z)
            largest = max(largest, (y @ z) ** 2 / scale if scale > 0 else 0.0)
        return float(largest)


def _check(years, rates, errors) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    years, rates = np.asarray(years, float), np.asarray(rates, float)
    errors = np.ones_like(rates) if errors is None else np.asarray(errors, float)
    if not (years.shape == rates.shape == errors.shape) or years.ndim != 1:
        raise GeoError("trend-data", "years, rates and standard errors must be vectors of one length")
    if not (np.isfinite(years).all() and np.isfinite(rates).all() and np.isfinite(errors).all()):
        raise GeoError("trend-data", "years, rates and standard errors must be figures")
    order = np.argsort(years)
    years, rates, errors = years[order], rates[order], errors[order]
    if len(years) < 4 or (np.diff(years) <= 0).any():
        raise GeoError("trend-data", "a trend needs at least four points, one per year")
    if (rates <= 0).any():
        empty = ", ".join(f"{year:g}" for year in years[rates <= 0])
        raise GeoError("trend-data", f"the rate is 0 in {empty}, and has no logarithm", hint="join years or areas")
    if (errors <= 0).any():
        raise GeoError("trend-data", "standard errors must be above 0")
    return years, rates, errors


def _candidates(years: np.ndarray, grid: int) -> np.ndarray:
    parts = [years]
    for step in range(1, grid + 1):
        parts.append(years[:-1] + np.diff(years) * step / (grid + 1))
    return np.sort(np.concatenate(parts))


def _permute(search: Search, response, fits, null: int, alternative: int, draws: int, rng) -> float:
    """Gives the permutation p-value: whitened residuals of the null model are shuffled and both models refitted."""
    design = search.design(fits[null].joinpoints) * search.root[:, None]
    base, _ = np.linalg.qr(design)
    whitened = response * search.root
    fitted = base @ (base.T @ whitened)
    shuffled = rng.permuted(np.tile(whitened - fitted, (draws, 1)), axis=1)
    responses = (fitted + shuffled) / search.root
    few, _ = search.sums_of_squares(responses, null)
    many, _ = search.sums_of_squares(responses, alternative)
    # the ratio of both sums, cross-multiplied: an exact fit has no ratio
    return float((1 + (few * fits[alternative].sse >= many * fits[null].sse).sum()) / (draws + 1))


def fit_trend(
    years: Sequence[float],
    rates: Sequence[float],
    errors: Sequence[float] | None = None,
    *,
    max_joinpoints: int = 3,
    method: str = "permutation",
    permutations: int = 4499,
    alpha: float = 0.05,
    level: float = 0.95,
    seed: int = 7160,
    ends: int = 2,
    between: int = 2,
    grid: int = 0,
    spans: Sequence[tuple[float, float]] | None = None,
) -> Trend:
    """Gives the trend of rates by year: joinpoints, annual percent change per segment, average change per span.

    `errors` are standard errors of the rates (None: equal variance of the logarithm). `method` chooses the number of
    joinpoints: `permutation` (sequential, over-all level `alpha`), `bic`, `bic3` or `wbic`. At least `ends`
    observations lie before the first and after the last joinpoint and `between` between two, none counting the
    joinpoint itself; `grid` further points are tried between two years. `spans` asks for average changes (default:
    the whole series).

    Since the joinpoints are estimated too, the variance of a slope is that of its own segment alone, the observations
    after its first joinpoint up to its last (Lerman PM. Appl Stat 1980;29:77-84), and slopes are independent. Segments
    use t with n - 2k - 2 degrees of freedom, k joinpoints; spans over several segments are normal (Clegg LX et al. Stat
    Med 2009;28:3670-82).
    """
    if method not in METHODS:
        raise GeoError("usage", f"unknown method {method!r}", hint=f"one of {', '.join(METHODS)}")
    if not 0 <= max_joinpoints <= 6 or permutations < 19 or not 0 < alpha < 1:
        raise GeoError("usage", "at most 6 joinpoints, at least 19 permutations, alpha between 0 and 1")
    if ends < 2 or between < 2 or not 0 <= grid <= 9 or not 0 < level < 1:
        raise GeoError("usage", "at least 2 observations at the ends and between, at most 9 grid points")
    years, rates, errors = _check(years, rates, errors)
    response = np.log(rates)
    search = Search(years, (rates / errors) ** 2, _candidates(years, grid), ends=ends, between=between)
    most = max_joinpoints
    while most and (len(years) - 2 * most - 2 < 1 or not len(search.combinations(most)[0])):
        most -= 1
    fits = tuple(_fit(search, response, count) for count in range(most + 1))
    tests: list[PermutationTest] = []
    if method == "permutation":
        rng, low, high = np.random.default_rng(seed), 0, most
        while low < high:
            step_level = alpha / (most - low)
            p = _permute(search, response, fits, low, high, permutations, rng)
            tests.append(PermutationTest(low, high, p, step_level, p <= step_level))
            low, high = (low + 1, high) if tests[-1].rejected else (low, high - 1)
        chosen = low
    else:
        chosen = int(np.argmin([getattr(fit, method) for fit in fits]))
    options = {
        "max_joinpoints": max_joinpoints, "alpha": alpha, "permutations": permutations, "seed": seed, "ends": ends,
        "between": between, "grid": grid, "level": level,
    }  # fmt: skip
    return _describe(search, response, fits, tests, chosen, method, level, spans, options)


def _fit(search: Search, response: np.ndarray, count: int) -> Fit:
    sse, which = search.sums_of_squares(response[None, :], count)
    joinpoints: tuple[float, ...] = ()
    if count:
        combos, _ = search.combinations(count)
        joinpoints = tuple(float(t) for t in search.candidates[combos[which[0]]])
    size, weight = len(response), search.partial_r2(response, joinpoints)
    # an exact fit has no logarithm; the smallest positive number keeps the order
    base, step = np.log(max(float(sse[0]), 1e-300) / size), np.log(size) / size
    return Fit(
        joinpoints,
        float(sse[0]),
        bic=base + (2 * count + 2) * step,
        bic3=base + (3 * count + 2) * step,
        wbic=base + ((2 + weight) * count + 2) * step,
        weight=weight,
    )


def _spread(search: Search, edges: Sequence[float]) -> np.ndarray:
    """Gives the weighted sum of squares of x about its mean in each segment (first edge excluded but in the first)."""
    sums = []
    for place, (start, end) in enumerate(pairwise(edges)):
        inside = ((search.x > start) | (place == 0)) & (search.x <= end)
        x, weights = search.x[inside], search.root[inside] ** 2
        sums.append((weights * (x - np.average(x, weights=weights)) ** 2).sum())
    return np.array(sums)


def _percent(slope: float) -> float:
    return float(100 * np.expm1(slope))


def _describe(search, response, fits, tests, chosen, method, level, spans, options) -> Trend:
    years, joinpoints = search.x, fits[chosen].joinpoints
    design = search.design(joinpoints)
    whitened = design * search.root[:, None]
    coefficients, *_ = np.linalg.lstsq(whitened, response * search.root, rcond=None)
    df = len(years) - 2 * chosen - 2
    # slope of a segment: b1 and the changes at the joinpoints before it
    slopes = np.cumsum(coefficients[1:])
    edges = [float(years[0]), *joinpoints, float(years[-1])]
    slope_errors = np.sqrt(fits[chosen].sse / df / _spread(search, edges))
    quantile = stats.t.ppf(0.5 + level / 2, df)
    segments = tuple(
        Segment(
            edges[s], edges[s + 1], float(slopes[s]), float(slope_errors[s]), _percent(slopes[s]),
            _percent(slopes[s] - quantile * slope_errors[s]), _percent(slopes[s] + quantile * slope_errors[s]),
            float(2 * stats.t.sf(abs(slopes[s]) / slope_errors[s], df)) if slope_errors[s] > 0 else 0.0,
        )
        for s in range(chosen + 1)
    )  # fmt: skip
    wanted = spans if spans is not None else [(edges[0], edges[-1])]
    average = tuple(_average(edges, slopes, slope_errors, span, df, level) for span in wanted)
    return Trend(
        joinpoints, segments, average, years, np.exp(design @ coefficients), fits, tuple(tests), method, df, options
    )


def _average(edges, slopes, errors, span, df, level) -> AverageChange:
    start, end = float(span[0]), float(span[1])
    if not edges[0] <= start < end <= edges[-1]:
        raise GeoError("usage", f"the span {start:g} to {end:g} lies outside {edges[0]:g} to {edges[-1]:g}")
    lengths = np.array([max(0.0, min(end, high) - max(start, low)) for low, high in pairwise(edges)])
    weights = lengths / lengths.sum()
    mean, error = float(weights @ slopes), float(np.sqrt((weights**2 * errors**2).sum()))
    single = (lengths > 0).sum() == 1
    quantile = stats.t.ppf(0.5 + level / 2, df) if single else stats.norm.ppf(0.5 + level / 2)
    ratio = abs(mean) / error if error > 0 else np.inf
    p = 2 * (stats.t.sf(ratio, df) if single else stats.norm.sf(ratio))
    low, high = _percent(mean - quantile * error), _percent(mean + quantile * error)
    return AverageChange(start, end, _percent(mean), low, high, float(p))
