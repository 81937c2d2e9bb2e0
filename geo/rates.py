"""Rates of a population: crude, age-specific, age-adjusted, truncated, cumulative; comparisons; SIR.

Frames are long: one row per group and age with `cases` and `population` (person-years). Every function answers for
all groups at once. Rates are per `per` person-years (default 100,000).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from geo.ages import GROUPINGS, AgeGroup, check_tiling, parse_groups
from geo.errors import GeoError
from geo.intervals import (
    WeightedSum,
    byar_interval,
    gamma_interval,
    poisson_interval,
    poisson_test,
    ratio_interval,
    ratio_test,
    weighted_sum,
)
from geo.standards import StandardPopulation, standard_population

PER = 100_000
# below this many cases the relative standard error passes 25 % and a rate is called unstable (USCS technical notes)
UNSTABLE_UNDER = 16


@dataclass(frozen=True)
class Strata:
    """Counts as arrays of shape (groups, ages): what every rate is computed from.

    `filled` marks groups where an age had cases but no people and its population was set to its cases, which is what
    SEER*Stat does; such a rate is shown with a mark.
    """

    by: pd.DataFrame
    groups: tuple[AgeGroup, ...]
    cases: np.ndarray
    population: np.ndarray
    filled: np.ndarray

    def restrict(self, low: int, high: int | None) -> Strata:
        """Gives the same counts for the ages `low` to `high` only; the bounds must be bounds of age groups."""
        keep = [
            i
            for i, g in enumerate(self.groups)
            if g.low >= low and (high is None or (g.high is not None and g.high <= high))
        ]
        wanted = [self.groups[i] for i in keep]
        if not wanted or wanted[0].low != low or wanted[-1].high != high:
            span = f"{low}-{high}" if high is not None else f"{low}+"
            raise GeoError(
                "age-gap", f"ages {span} cannot be made of whole age groups", hint="use bounds of the groups"
            )
        return Strata(self.by, tuple(wanted), self.cases[:, keep], self.population[:, keep], self.filled)


def need_columns(frame: pd.DataFrame, columns: Sequence[str], *, where: str = "") -> None:
    """Raises `GeoError("input-columns")` naming every column that is not there."""
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise GeoError(
            "input-columns",
            f"no column {', '.join(missing)}",
            hint=f"the table has {', '.join(map(str, frame.columns))}",
            where=where,
        )


def numbers_of(frame: pd.DataFrame, column: str, *, what: str, where: str = "") -> np.ndarray:
    """Gives a column as floats that are finite and not negative; otherwise `GeoError("input-values")` with the rows."""
    values = pd.to_numeric(frame[column], errors="coerce").to_numpy(float)
    bad = np.flatnonzero(~np.isfinite(values) | (values < 0))
    if len(bad):
        rows = ", ".join(f"{frame[column].iloc[i]!r} (row {i + 1})" for i in bad[:5])
        raise GeoError("input-values", f"{len(bad)} {what} are no figures of 0 or more: {rows}", where=where)
    return values


def gather_strata(
    frame: pd.DataFrame,
    *,
    by: Sequence[str] = (),
    age: str = "age",
    cases: str = "cases",
    population: str = "population",
    coding: str = "labels",
) -> Strata:
    """Gives the counts of a long frame by group and age; rows of the same stratum are summed.

    Every group must have people for every age group that occurs in the frame: a missing stratum is an error
    (`population-missing`), since a rate without it would be silently wrong. Missing `by` values are an error too.
    """
    by = list(by)
    need_columns(frame, [*by, age, cases, population])
    if not len(frame):
        raise GeoError("input-values", "the table has no rows")
    if by and frame[by].isna().any(axis=None):
        raise GeoError("input-values", f"empty values in {', '.join(by)}", hint="exclude and count unknown areas first")
    labels = frame[age].astype(str)
    unique = pd.unique(labels)
    parsed = dict(zip(unique, parse_groups(unique, coding=coding)))
    groups = tuple(sorted(set(parsed.values()), key=lambda g: g.low))
    check_tiling(groups, whole=False)
    place = {group: i for i, group in enumerate(groups)}
    column = labels.map({label: place[group] for label, group in parsed.items()}).to_numpy()
    if by:
        keys = frame.groupby(by, sort=True, observed=True)
        row, frame_by = keys.ngroup().to_numpy(), keys.size().reset_index()[by]
    else:
        row, frame_by = np.zeros(len(frame), int), pd.DataFrame(index=[0])
    shape = (len(frame_by), len(groups))
    cell = row * len(groups) + column
    counts, people = (
        np.bincount(cell, numbers_of(frame, name, what=name), shape[0] * shape[1]).reshape(shape)
        for name in (cases, population)
    )
    seen = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape) > 0
    if not seen.all():
        places = [
            f"{' '.join(map(str, frame_by.iloc[i].tolist())) or 'all'} age {groups[j].label}"
            for i, j in np.argwhere(~seen)[:5]
        ]
        raise GeoError(
            "population-missing",
            f"{(~seen).sum()} strata have no row: {'; '.join(places)}",
            hint="give the population of every age, with 0 cases where there are none",
        )
    filled = (people <= 0) & (counts > 0)
    people = np.where(filled, counts, people)
    return Strata(frame_by, groups, counts, people, filled.any(axis=1))


def _rate_weights(strata: Strata, shares: np.ndarray) -> np.ndarray:
    # an age without people and without cases has rate 0 and can hold no case more
    return np.divide(
        shares, strata.population, out=np.zeros_like(strata.population), where=strata.population > 0, casting="unsafe"
    )


def adjusted_sum(
    strata: Strata, standard: StandardPopulation | str = "us2000", *, method: str = "tiwari", whole: bool = True
) -> WeightedSum:
    """Gives the directly standardised rate (per person-year) of each group as a weighted sum with its variance."""
    shares = standard_population(standard).weights(strata.groups, whole=whole)
    return weighted_sum(strata.cases, _rate_weights(strata, shares), method=method)


def rate_table(
    frame: pd.DataFrame | Strata,
    *,
    by: Sequence[str] = (),
    standard: StandardPopulation | str | Path = "us2000",
    method: str = "tiwari",
    level: float = 0.95,
    per: float = PER,
    ages: tuple[int, int | None] | None = None,
    **columns: str,
) -> pd.DataFrame:
    """Gives crude and age-adjusted rates: one row per group of `by`.

    Columns: the `by` columns, cases, population, crude, crude_lower, crude_upper (exact Poisson), rate, se, lower,
    upper, unstable (fewer than 16 cases), population_set (an age had cases but no people; see `Strata`).
    `method` is `tiwari` (the choice of SEER*Stat) or `fay-feuer`; `ages=(35, 64)` gives the truncated rate with
    weights of these ages only. `columns` name the columns of the frame (age, cases, population, coding).
    """
    strata = frame if isinstance(frame, Strata) else gather_strata(frame, by=by, **columns)
    if ages is not None:
        strata = strata.restrict(*ages)
    total = adjusted_sum(strata, standard_population(standard), method=method, whole=ages is None)
    lower, upper = gamma_interval(total, level=level)
    cases, population = strata.cases.sum(axis=1), strata.population.sum(axis=1)
    low, high = poisson_interval(cases, level=level)
    scale = np.divide(per, population, out=np.full(len(cases), np.nan), where=population > 0)
    return strata.by.assign(
        cases=cases,
        population=population,
        crude=cases * scale,
        crude_lower=low * scale,
        crude_upper=high * scale,
        rate=total.value * per,
        se=np.sqrt(total.variance) * per,
        lower=lower * per,
        upper=upper * per,
        unstable=cases < UNSTABLE_UNDER,
        population_set=strata.filled,
    )


def age_specific_table(
    frame: pd.DataFrame | Strata, *, by: Sequence[str] = (), level: float = 0.95, per: float = PER, **columns: str
) -> pd.DataFrame:
    """Gives the rate of each age group with exact Poisson limits: one row per group of `by` and age."""
    strata = frame if isinstance(frame, Strata) else gather_strata(frame, by=by, **columns)
    rows, ages = strata.cases.shape
    table = strata.by.loc[strata.by.index.repeat(ages)].reset_index(drop=True)
    cases, population = strata.cases.ravel(), strata.population.ravel()
    low, high = poisson_interval(cases, level=level)
    scale = np.divide(per, population, out=np.full(len(cases), np.nan), where=population > 0)
    return table.assign(
        age=np.tile([group.label for group in strata.groups], rows),
        cases=cases,
        population=population,
        rate=cases * scale,
        lower=low * scale,
        upper=high * scale,
    )


def cumulative_table(
    frame: pd.DataFrame | Strata, *, by: Sequence[str] = (), to_age: int = 74, level: float = 0.95, **columns: str
) -> pd.DataFrame:
    """Gives the cumulative rate and risk (percent) from birth to `to_age`, both with gamma limits.

    The cumulative rate is the sum of width times rate over the age groups; the risk is `1 - exp(-rate)` (Day, in
    Cancer Incidence in Five Continents). It supposes no other cause of death.
    """
    strata = frame if isinstance(frame, Strata) else gather_strata(frame, by=by, **columns)
    strata = strata.restrict(0, to_age)
    widths = np.array([group.width for group in strata.groups])
    total = weighted_sum(strata.cases, _rate_weights(strata, widths), method="tiwari")
    lower, upper = gamma_interval(total, level=level)
    percent = {"rate": total.value, "lower": lower, "upper": upper}
    return strata.by.assign(
        cases=strata.cases.sum(axis=1),
        **{f"cumulative_{name}": 100 * value for name, value in percent.items()},
        **{f"risk_{name}".replace("_rate", ""): -100 * np.expm1(-value) for name, value in percent.items()},
    )


def compare_rates(
    first: WeightedSum, second: WeightedSum, *, level: float = 0.95, per: float = PER
) -> dict[str, np.ndarray]:
    """Gives ratio and difference of two independent standardised rates with limits and p-values.

    The ratio (`ratio`, `ratio_lower`, `ratio_upper`, `ratio_p`) is by Fay's F with the weights of the two sums; the
    difference (`difference`, `_lower`, `_upper`, `_p`, in rates per `per`) is normal.
    """
    lower, upper = ratio_interval(first, second, level=level)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = first.value / second.value
        difference = first.value - second.value
        error = np.sqrt(first.variance + second.variance)
        z = difference / error
    half = stats.norm.ppf(0.5 + level / 2) * error
    return {
        "ratio": ratio,
        "ratio_lower": lower,
        "ratio_upper": upper,
        "ratio_p": ratio_test(first, second),
        "difference": difference * per,
        "difference_se": error * per,
        "difference_lower": (difference - half) * per,
        "difference_upper": (difference + half) * per,
        "difference_p": np.where(error > 0, 2 * stats.norm.sf(np.abs(z)), 1.0),
    }


def sir_table(
    observed: np.ndarray, expected: np.ndarray, *, interval: str = "exact", level: float = 0.95
) -> pd.DataFrame:
    """Gives observed, expected, sir, lower, upper, p_exact and p_mid; `interval` is `exact` or `byar`."""
    if interval not in ("exact", "byar"):
        raise GeoError("usage", f"unknown interval {interval!r}", hint="exact or byar")
    observed, expected = np.atleast_1d(np.asarray(observed, float)), np.atleast_1d(np.asarray(expected, float))
    low, high = (poisson_interval if interval == "exact" else byar_interval)(observed, level=level)
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = {"sir": observed / expected, "lower": low / expected, "upper": high / expected}
    tests = {
        name: [poisson_test(o, e, mid_p=mid) if e > 0 else np.nan for o, e in zip(observed, expected)]
        for name, mid in (("p_exact", False), ("p_mid", True))
    }
    return pd.DataFrame({"observed": observed, "expected": expected, **columns, **tests})


def expected_cases(strata: Strata, reference: Strata | None = None) -> np.ndarray:
    """Gives each group's expected cases at the age-specific rates of `reference` (default: all groups together)."""
    source = reference or strata
    if source.groups != strata.groups:
        raise GeoError("age-group", "the reference rates have other age groups", hint="use the same age groups in both")
    people = source.population.sum(axis=0)
    rates = np.divide(source.cases.sum(axis=0), people, out=np.zeros_like(people), where=people > 0)
    return strata.population @ rates


def grouping_of(count: int) -> tuple[AgeGroup, ...]:
    """Gives the grouping of 18, 19 or 20 age groups."""
    if count not in GROUPINGS:
        raise GeoError("usage", f"no grouping of {count} age groups", hint="18, 19 or 20")
    return GROUPINGS[count]
