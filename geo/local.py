"""Where like lies beside like: local Moran's I, Getis-Ord G*, their false discovery rate, and Tango's index.

Local and global statistics come from esda; expectation and variance of the local I are the conditional ones of Sokal,
Oden and Thomson, Geographical Analysis 30 (1998) 331-354, as in spdep 1.2-7 `localmoran` (variance divisor n). G* is the
z value of Ord and Getis, Geographical Analysis 27 (1995) 286-306, with binary weights that include the area itself.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse, stats

from geo.errors import GeoError

if TYPE_CHECKING:
    import pandas as pd

RATES = ("raw", "eb-standardised", "eb-global", "eb-local")
QUADRANTS = {1: "high-high", 2: "low-high", 3: "low-low", 4: "high-low"}


@dataclass(frozen=True)
class LocalResult:
    """Local statistics of every area and the global ones of the map.

    areas: a frame with `id`, `value` (what was examined), `neighbours`; `moran`, `moran_expected`, `moran_variance`,
    `moran_z`, `moran_p` (two-sided, normal), `moran_fdr`; `gstar_z`, `gstar_p`, `gstar_fdr`; `p_permutation` (of both:
    given the area's own value they rise together), one-sided in the direction observed; `kind` (high-high, low-low,
    high-low, low-high where `moran_fdr` is at most the level, else empty) and `spot` (hot, cold or empty by
    `gstar_fdr`). Areas without neighbours take no part.
    overall: Moran's I and Geary's C with z and p by randomisation; `ebi`, Moran's I of Assuncao and Reis, for counts.
    """

    areas: pd.DataFrame
    overall: dict[str, float | None]
    level: float
    rates: str
    islands: tuple[str, ...]


def false_discovery(p_values: np.ndarray) -> np.ndarray:
    """Gives Benjamini-Hochberg adjusted p-values; NaN stays NaN and does not count."""
    p_values = np.asarray(p_values, float)
    adjusted = np.full(p_values.shape, np.nan)
    known = np.isfinite(p_values)
    if known.any():
        adjusted[known] = stats.false_discovery_control(p_values[known], method="bh")
    return adjusted


def examined_rates(cases: np.ndarray, population: np.ndarray, adjacency: sparse.spmatrix, rates: str) -> np.ndarray:
    """Gives the values to examine: raw rates, empirical Bayes rates, or rates standardised by Assuncao and Reis.

    Assuncao and Reis, Statistics in Medicine 18 (1999) 2147-2162: (rate - mean) / sqrt(a + mean / population); where
    the prior variance a + mean / population is not positive, mean / population takes its place.
    """
    from geo.smoothing import smooth_global, smooth_local

    cases, population = np.asarray(cases, float), np.asarray(population, float)
    if rates == "raw":
        from geo.smoothing import check_counts

        cases, population = check_counts(cases, population)
        return cases / population
    if rates == "eb-global":
        return smooth_global(cases, population).estimate
    if rates == "eb-local":
        return smooth_local(cases, population, adjacency).estimate
    if rates != "eb-standardised":
        raise GeoError("usage", f"rates {rates!r} is unknown", hint=f"take one of {', '.join(RATES)}")
    smooth_global(cases, population)  # the checks of counts
    rate, mean = cases / population, cases.sum() / population.sum()
    spread = (population * (rate - mean) ** 2).sum() / population.sum() - mean / population.mean()
    variance = spread + mean / population
    return (rate - mean) / np.sqrt(np.where(variance > 0, variance, mean / population))


def local_statistics(
    ids: Sequence[str],
    adjacency: sparse.spmatrix,
    *,
    values: np.ndarray | None = None,
    cases: np.ndarray | None = None,
    population: np.ndarray | None = None,
    rates: str = "raw",
    permutations: int = 999,
    seed: int = 12345,
    level: float = 0.05,
) -> LocalResult:
    """Gives local Moran's I and G* of every area, raw and with the false discovery rate held.

    adjacency: n by n, 0/1, symmetric (`geo.adjacency`). Either values (n,), or cases and population (n,) with the kind of
    `rates` to examine. permutations: conditional permutations for `p_permutation`, 0 for none.
    """
    import pandas as pd

    ids = [str(one) for one in ids]
    counted = cases is not None and population is not None
    if (values is None) == (not counted):
        raise GeoError("usage", "give either values, or cases and population")
    adjacency = sparse.csr_matrix(adjacency)
    if adjacency.shape != (len(ids), len(ids)):
        raise GeoError("local-weights", f"adjacency {adjacency.shape} does not fit {len(ids)} areas")
    x = examined_rates(cases, population, adjacency, rates) if counted else np.asarray(values, float)  # type: ignore[arg-type]
    if x.shape != (len(ids),) or not np.isfinite(x).all():
        raise GeoError(
            "input-values", "there must be one number for every area", hint="leave areas without a value out"
        )
    degree = np.asarray(adjacency.sum(axis=1)).ravel()
    linked = degree > 0
    if not linked.any():
        raise GeoError("local-weights", "no area has a neighbour", hint="check the pairs or the boundaries")
    if linked.sum() < 3 or np.ptp(x[linked]) == 0:
        raise GeoError("input-values", "a local statistic needs at least three areas whose values differ")
    frame = pd.DataFrame({"id": ids, "value": x, "neighbours": degree.astype(int)})
    # an island has no surroundings to be compared with: it takes no part and is named
    near = adjacency[linked][:, linked].tocsr()
    found = _from_esda(x[linked], near)
    columns = _moran_columns(x[linked], degree[linked], found["moran"]) | _gstar_columns(found["gstar_z"])
    columns["p_permutation"] = permutation_p(x[linked], near, permutations=permutations, seed=seed)
    for name in ("moran", "gstar"):
        columns[f"{name}_fdr"] = false_discovery(columns[f"{name}_p"])
    for name, column in columns.items():
        frame[name] = np.nan
        frame.loc[linked, name] = column
    frame["kind"] = ""
    frame.loc[linked, "kind"] = [
        QUADRANTS[int(q)] if p <= level else "" for q, p in zip(found["quadrant"], columns["moran_fdr"])
    ]
    frame["spot"] = np.where(frame["gstar_fdr"] <= level, np.where(frame["gstar_z"] > 0, "hot", "cold"), "")
    overall = found["overall"]
    if counted:
        standardised = examined_rates(cases, population, adjacency, "eb-standardised")  # type: ignore[arg-type]
        overall["ebi"] = _from_esda(standardised[linked], near)["overall"]["moran_i"]
    islands = tuple(one for one, has in zip(ids, linked) if not has)
    return LocalResult(frame, overall, level, rates if counted else "values", islands)


def permutation_p(x: np.ndarray, adjacency: sparse.csr_matrix, *, permutations: int, seed: int) -> np.ndarray:
    """Gives each area's p-value when the other areas' values are shuffled; NaN for islands and without permutations.

    Anselin, Geographical Analysis 27 (1995) 93-115: the sum over the neighbours against sums over as many other areas
    drawn without replacement; (1 + as extreme) / (1 + permutations) in the tail observed. One set of shuffles serves all
    areas, as in PySAL; written here because esda compiles its own for 20 s in every process.
    """
    n = x.size
    p_values = np.full(n, np.nan)
    if not permutations:
        return p_values
    most = int(np.diff(adjacency.indptr).max())
    rng = np.random.default_rng(seed)
    drawn = np.stack([rng.permutation(n - 1)[:most] for _ in range(permutations)])
    for i in range(n):
        near = adjacency.indices[adjacency.indptr[i] : adjacency.indptr[i + 1]]
        if near.size:
            others = drawn[:, : near.size]
            sums, observed = x[others + (others >= i)].sum(axis=1), x[near].sum()
            slack = 1e-12 * max(1.0, abs(observed))
            extreme = min((sums >= observed - slack).sum(), (sums <= observed + slack).sum())
            p_values[i] = (1 + extreme) / (1 + permutations)
    return p_values


def _from_esda(x: np.ndarray, adjacency: sparse.csr_matrix) -> dict[str, Any]:
    """Runs esda: local I and G*, global I and C."""
    with warnings.catch_warnings():
        # esda and libpysal warn of islands, which the result names
        warnings.simplefilter("ignore")
        from esda.geary import Geary
        from esda.getisord import G_Local
        from esda.moran import Moran, Moran_Local
        from libpysal.graph import Graph

        graph = Graph.from_sparse(adjacency)
        rows = graph.transform("r")
        moran = Moran_Local(x, rows, permutations=0)
        gstar = G_Local(x, graph.assign_self_weight(1), transform="B", star=True, permutations=0)
        total, contiguity = Moran(x, rows, permutations=0), Geary(x, rows, permutations=0)
    return {
        "moran": np.asarray(moran.Is),
        "quadrant": np.asarray(moran.q),
        "gstar_z": np.asarray(gstar.Zs),
        "overall": {
            "moran_i": float(total.I), "moran_z": float(total.z_rand), "moran_p": float(stats.norm.sf(total.z_rand)),
            "geary_c": float(contiguity.C), "geary_z": float(-contiguity.z_rand),
            "geary_p": float(stats.norm.sf(-contiguity.z_rand)),
        },
    }  # fmt: skip


def _moran_columns(x: np.ndarray, degree: np.ndarray, local: np.ndarray) -> dict[str, np.ndarray]:
    n = x.size
    z = x - x.mean()
    second = (z**2).sum() / n
    # esda divides by n - 1, the reference by n
    moran = local * n / (n - 1)
    expected = -(z**2) / ((n - 1) * second)
    # row-standardised weights: their squares sum to 1 / degree
    variance = (z / second) ** 2 * (n / (n - 2)) * (1.0 / degree - 1.0 / (n - 1)) * (second - z**2 / (n - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(variance > 0, (moran - expected) / np.sqrt(variance), np.nan)
    return {
        "moran": moran,
        "moran_expected": expected,
        "moran_variance": variance,
        "moran_z": score,
        "moran_p": 2 * stats.norm.sf(np.abs(score)),
    }


def _gstar_columns(z: np.ndarray) -> dict[str, np.ndarray]:
    return {"gstar_z": z, "gstar_p": 2 * stats.norm.sf(np.abs(z))}


@dataclass(frozen=True)
class Tango:
    """Tango's index of general clustering, its p-value by the gamma approximation and by simulation (None without)."""

    index: float
    p_value: float
    p_simulated: float | None
    scale: float


def tango_index(
    cases: np.ndarray, expected: np.ndarray, points: np.ndarray, *, scale: float, latlon: bool = False,
    replicates: int = 999, seed: int = 12345,
) -> Tango:  # fmt: skip
    """Gives Tango's index: do cases cluster anywhere, at distances up to about `scale`?

    index = (r - q)' A (r - q) with r and q the shares of observed and expected cases and A = exp(-distance / scale); scale
    and distances in km for latitude and longitude, else in the unit of the coordinates. The p-value matches mean, variance
    and skewness of the null distribution by a chi-square. Tango, Statistics in Medicine 14 (1995) 2323-2334.
    """
    from geo.scan.zones import EARTH_RADIUS, positions

    cases, expected = np.asarray(cases, float), np.asarray(expected, float)
    place = positions(np.asarray(points, float), latlon)
    if not scale > 0:
        raise GeoError("usage", "the scale of Tango's index must be above 0")
    if cases.shape != expected.shape or len(place) != len(cases) or (cases < 0).any() or (expected < 0).any():
        raise GeoError("input-values", "cases and expected must be equally long and 0 or more")
    total = cases.sum()
    if total <= 0 or expected.sum() <= 0:
        raise GeoError("input-values", "there is no case, or none is expected")
    distance = np.sqrt(((place[:, None, :] - place[None, :, :]) ** 2).sum(axis=2))
    if latlon:
        distance = 2 * EARTH_RADIUS * np.arcsin(np.minimum(1.0, distance / (2 * EARTH_RADIUS)))
    near = np.exp(-distance / scale)
    share = expected / expected.sum()
    difference = cases / total - share
    index = float(difference @ near @ difference)
    product = near @ (np.diag(share) - np.outer(share, share))
    square = product @ product
    mean, variance = np.trace(product) / total, 2 * np.trace(square) / total**2
    skewness = 2 * math.sqrt(2) * np.trace(square @ product) / np.trace(square) ** 1.5
    freedom = 8 / skewness**2
    p_value = float(stats.chi2.sf(freedom + math.sqrt(2 * freedom) * (index - mean) / math.sqrt(variance), freedom))
    simulated = None
    if replicates:
        drawn = np.random.default_rng(seed).multinomial(round(total), share, size=replicates) / total - share
        simulated = float((1 + ((drawn @ near * drawn).sum(axis=1) >= index - 1e-15).sum()) / (replicates + 1))
    return Tango(index, p_value, simulated, scale)
