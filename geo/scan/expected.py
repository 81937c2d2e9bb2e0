"""Observed, expected and persons at risk per location and time interval, for each of the three models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geo.scan.inputs import Counts, Faults
from geo.scan.periods import Period


@dataclass(frozen=True)
class Cells:
    """The data of a scan: arrays of shape (locations, intervals).

    `cases` and `expected` have the same sum; `at_risk` is the number of persons for the Bernoulli model (else zeros);
    `population` is each location's average over the study period, None where there is none. `permuted` holds, for the
    permutation model, one (locations, intervals) pair of index arrays per stratum, an entry per case.
    """

    cases: np.ndarray
    expected: np.ndarray
    at_risk: np.ndarray
    population: np.ndarray | None
    permuted: tuple[tuple[np.ndarray, np.ndarray], ...] = ()


def spread(counts: Counts, interval: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Gives the counts summed by location and interval; `interval` is an index per row."""
    cells = np.zeros(shape)
    np.add.at(cells, (counts.location, interval), counts.value)
    return cells


def person_days(dates: np.ndarray, period: Period) -> np.ndarray:
    """Gives weights (intervals, dates): the person-days that one person counted on each date adds to each interval.

    The population is linear between the dates and constant before the first and after the last, so the integral over an
    interval is exact by the trapezium rule between all days where the line can bend.
    """
    edges = np.asarray(period.edges, float)
    knots = np.unique(np.concatenate([edges, dates[(dates > edges[0]) & (dates < edges[-1])]]))
    hats = np.stack([np.interp(knots, dates, row) for row in np.eye(dates.size)])
    areas = (hats[:, 1:] + hats[:, :-1]) / 2 * np.diff(knots)
    inside = np.searchsorted(edges, knots[:-1], side="right") - 1
    weights = np.zeros((period.intervals, dates.size))
    np.add.at(weights, inside, areas.T)
    return weights


def poisson_cells(
    cases: Counts, population: Counts, interval: np.ndarray, locations: int, period: Period, faults: Faults,
    warnings: list[str], names: list[str],
) -> Cells:  # fmt: skip
    """Gives the cells of the Poisson model: expected counts by indirect standardisation.

    A stratum's rate is its cases over its person-time in all locations and the whole study period; a location's expected
    count in an interval is its person-time by stratum times these rates.
    """
    days = (
        np.array([d.census for d in population.dates], float) if population.dates else np.zeros(len(population.value))
    )
    dates, date_index = np.unique(days, return_inverse=True)
    strata = {key: k for k, key in enumerate(dict.fromkeys(population.strata))}
    stratum = np.array([strata[key] for key in population.strata], dtype=np.int64)
    counted = np.zeros((locations * len(strata), dates.size))
    np.add.at(counted, (population.location * len(strata) + stratum, date_index), population.value)
    _warn_of_gaps(population, date_index, dates.size, names, warnings)
    person_time = (counted @ person_days(dates, period).T).reshape(locations, len(strata), period.intervals)

    case_stratum = np.array([strata.get(key, -1) for key in cases.strata], dtype=np.int64)
    by_stratum = np.bincount(case_stratum[case_stratum >= 0], cases.value[case_stratum >= 0], minlength=len(strata))
    time_of_stratum = person_time.sum(axis=(0, 2))
    for key in dict.fromkeys(
        cases.strata[i] for i in range(len(case_stratum)) if cases.value[i] > 0 and case_stratum[i] < 0
    ):
        faults.add("scan-no-population", f"stratum {'/'.join(key) or 'all'}", "has cases but no row of population")
    for key, k in strata.items():
        if by_stratum[k] > 0 and time_of_stratum[k] <= 0:
            faults.add("scan-no-population", f"stratum {'/'.join(key) or 'all'}", "has cases but a population of 0")
    observed = spread(cases, interval, (locations, period.intervals))
    lived = person_time.sum(axis=(1, 2))
    for i in np.flatnonzero((observed.sum(axis=1) > 0) & (lived <= 0)):
        faults.add(
            "scan-no-population", f"location {names[i]}", f"has {observed[i].sum():g} cases but a population of 0"
        )
    faults.stop(hint="correct the population, or leave the cases out")
    rate = np.divide(by_stratum, time_of_stratum, out=np.zeros(len(strata)), where=time_of_stratum > 0)
    expected = np.einsum("lst,s->lt", person_time, rate)
    return Cells(observed, expected, np.zeros_like(expected), lived / period.days)


def _warn_of_gaps(
    population: Counts, date_index: np.ndarray, dates: int, names: list[str], warnings: list[str]
) -> None:
    """A location counted on some dates only has 0 on the others, as in SaTScan: say so, it is seldom meant."""
    seen = np.zeros((len(names), dates), bool)
    seen[population.location, date_index] = True
    gaps = np.flatnonzero(seen.any(axis=1) & ~seen.all(axis=1))
    if gaps.size:
        shown = ", ".join(names[i] for i in gaps[:5])
        warnings.append(f"{gaps.size} locations lack a population on some dates and count 0 there: {shown}")


def bernoulli_cells(
    cases: Counts,
    controls: Counts,
    case_interval: np.ndarray,
    control_interval: np.ndarray,
    locations: int,
    intervals: int,
) -> Cells:
    """Gives the cells of the Bernoulli model: persons are cases and controls, all equally likely to be a case."""
    observed = spread(cases, case_interval, (locations, intervals))
    persons = observed + spread(controls, control_interval, (locations, intervals))
    return Cells(observed, persons * (observed.sum() / persons.sum()), persons, persons.sum(axis=1))


def permutation_cells(cases: Counts, interval: np.ndarray, locations: int, intervals: int) -> Cells:
    """Gives the cells of the space-time permutation model: within a stratum, place and time are independent.

    Expected in a cell: sum over strata of (cases of the location) (cases of the interval) / (cases of the stratum).
    """
    observed = spread(cases, interval, (locations, intervals))
    expected = np.zeros_like(observed)
    permuted = []
    strata = {key: k for k, key in enumerate(dict.fromkeys(cases.strata))}
    stratum = np.array([strata[key] for key in cases.strata], dtype=np.int64)
    for k in range(len(strata)):
        rows = stratum == k
        number = cases.value[rows].astype(np.int64)
        if number.sum() == 0:
            continue
        where, when = np.repeat(cases.location[rows], number), np.repeat(interval[rows], number)
        by_place = np.bincount(where, minlength=locations).astype(float)
        by_time = np.bincount(when, minlength=intervals).astype(float)
        expected += np.outer(by_place, by_time) / number.sum()
        permuted.append((where.astype(np.int64), when.astype(np.int64)))
    return Cells(observed, expected, np.zeros_like(expected), None, tuple(permuted))
