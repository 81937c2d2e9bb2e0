"""Smoothed rates by empirical Bayes, global and local, and the probability map of raw counts.

Marshall RJ. Mapping disease and mortality rates using empirical Bayes estimators. Appl Stat 1991;40:283-294.
Equal to spdep 1.2-7 `EBest`, `EBlocal` and `probmap`. The Bayesian BYM2 smoother is in `geo.bym2`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse, stats

from geo.errors import GeoError


@dataclass(frozen=True)
class EmpiricalBayes:
    """Smoothed rates (per person) with the prior mean and variance: scalars (global) or one per area (local)."""

    estimate: np.ndarray
    mean: np.ndarray | float
    variance: np.ndarray | float


def check_counts(cases: np.ndarray, population: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gives both as float vectors; no cases at all, or an area without people, is `GeoError("smoothing")`."""
    cases, population = np.asarray(cases, float), np.asarray(population, float)
    if cases.shape != population.shape or cases.ndim != 1:
        raise GeoError("smoothing", f"cases {cases.shape} and population {population.shape} are no equal vectors")
    if not (np.isfinite(cases).all() and (cases >= 0).all()):
        raise GeoError("smoothing", "cases must be 0 or more")
    if not (population > 0).all():
        raise GeoError("smoothing", f"{int((~(population > 0)).sum())} areas have no people", hint="leave them out")
    if cases.sum() == 0:
        raise GeoError("smoothing", "there is no case in any area")
    return cases, population


def smooth_global(cases: np.ndarray, population: np.ndarray) -> EmpiricalBayes:
    """Gives rates drawn towards the overall rate, the more the fewer people an area has."""
    cases, population = check_counts(cases, population)
    rate = cases / population
    mean = cases.sum() / population.sum()
    spread = (population * (rate - mean) ** 2).sum() / population.sum()
    variance = max(0.0, spread - mean / population.mean())
    weight = variance / (variance + mean / population)
    return EmpiricalBayes(mean + (rate - mean) * weight, mean, variance)


def smooth_local(cases: np.ndarray, population: np.ndarray, adjacency: sparse.spmatrix) -> EmpiricalBayes:
    """Gives rates drawn towards the rate of the area and its neighbours; where all these have no case it is 0.

    As in spdep, the spread around an area is taken from each neighbour's own neighbourhood rate.
    """
    cases, population = check_counts(cases, population)
    if adjacency.shape != (len(cases), len(cases)):
        raise GeoError("smoothing", f"adjacency {adjacency.shape} does not fit {len(cases)} areas")
    around = (adjacency + sparse.identity(len(cases))).tocsr()
    around.data[:] = 1.0
    people, members = around @ population, around @ np.ones(len(cases))
    mean = (around @ cases) / people
    rate = cases / population
    spread = (around @ (population * (rate - mean) ** 2)) / people
    variance = np.maximum(0.0, spread - mean / (people / members))
    with np.errstate(invalid="ignore"):
        weight = np.where(variance > 0, variance / (variance + mean / population), 0.0)
    return EmpiricalBayes(mean + (rate - mean) * weight, mean, variance)


def probability_map(cases: np.ndarray, population: np.ndarray) -> dict[str, np.ndarray]:
    """Gives expected cases at the overall rate, relative risk (100 is the overall rate) and P(count <= seen)."""
    cases, population = check_counts(cases, population)
    expected = population * cases.sum() / population.sum()
    return {
        "expected": expected,
        "relative_risk": 100 * cases / expected,
        "probability": stats.poisson.cdf(cases, expected),
    }
