"""Trends of age-adjusted rates by year: for the state and for each county whose every year may be shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from geo.ages import GROUPINGS
from geo.errors import GeoError
from geo.rates import Strata, rate_table
from geo.trend import Trend, fit_trend
from registry.analysis.disclosure import Policy
from registry.analysis.rates import STATE
from registry.analysis.rates_desk import Desk
from registry.analysis.rates_request import Request

RECENT = 5
"""The recent trend is the average annual change over so many years at the end (as State Cancer Profiles has it)."""

LEAST_YEARS = 8
MOST_JOINPOINTS = 3


@dataclass(frozen=True)
class Recent:
    """The recent trend of a place: average annual per cent change over the last years, with limits and direction."""

    change: float
    lower: float
    upper: float
    direction: str
    first: int
    last: int


@dataclass(frozen=True)
class Series:
    """Yearly rates of a place (`rows`: year, cases, rate, lower, upper, se; hidden years are missing) and their trend.

    `why` says why there is no trend.
    """

    place: str
    rows: pd.DataFrame
    trend: Trend | None
    why: str = ""

    @property
    def last(self) -> int:
        return int(self.rows["year"].iloc[-1])


@dataclass(frozen=True)
class _Yearly:
    """Yearly rates of all counties and, in the last row, of the state: tables of the shape (places, years)."""

    years: list[int]
    figures: dict[str, np.ndarray]
    shown: np.ndarray

    def rows(self, place: int) -> pd.DataFrame:
        return pd.DataFrame({"year": self.years, **{name: table[place] for name, table in self.figures.items()}})

    def why_not(self, place: int, threshold: int) -> str:
        """Why the place has no trend; nothing where it may have one."""
        if not self.shown[place].all():
            return f"some years have fewer than {threshold} cases or are not declared population-based"
        return f"a trend needs {LEAST_YEARS} years" if len(self.years) < LEAST_YEARS else ""


def yearly(desk: Desk, asked: Request, policy: Policy, place: str) -> Series:
    """Gives the yearly rates of a county (or the state) with the trend chosen by the permutation test."""
    area, table = desk.area(), _yearly(desk, asked, policy)
    row = len(area.counties) if place == STATE else area.place(place)
    rows, why = table.rows(row), table.why_not(row, policy.threshold)
    if why:
        return Series(place, rows, None, why)
    try:
        trend = fit_trend(rows["year"], rows["rate"], rows["se"], max_joinpoints=MOST_JOINPOINTS)
    except GeoError as error:
        return Series(place, rows, None, error.message)
    return Series(place, rows, trend)


def recent(desk: Desk, asked: Request, policy: Policy) -> dict[str, Recent]:
    """Gives the recent trend of every place that has one; joinpoints by the weighted BIC, which needs no permutations."""
    table = _yearly(desk, asked, policy)
    if len(table.years) < LEAST_YEARS:
        return {}
    last = table.years[-1]
    span = (last - RECENT + 1, last)
    found = {}
    for row, place in enumerate([*desk.area().counties, STATE]):
        rates, errors = table.figures["rate"][row], table.figures["se"][row]
        if not table.shown[row].all() or not (rates > 0).all():
            # a year without a case has no logarithm: no trend, and the map shows no arrow
            continue
        fitted = fit_trend(table.years, rates, errors, max_joinpoints=2, method="wbic", spans=[span])
        change = fitted.average[0]
        direction = "rising" if change.lower > 0 else "falling" if change.upper < 0 else "stable"
        found[place] = Recent(change.aapc, change.lower, change.upper, direction, *span)
    return found


def _yearly(desk: Desk, asked: Request, policy: Policy) -> _Yearly:
    area = desk.area()
    plain = asked.with_changes(
        measure="rate", frames="", classes="quantile", count=5, bounds=(), palette="", trend=True, year_from=None
    )
    key = ("yearly", desk.snapshot().version, area.sign, plain.key, policy.threshold)
    return desk.keep(key, lambda: _make(desk, plain, policy))


def _make(desk: Desk, asked: Request, policy: Policy) -> _Yearly:
    """Gives the yearly age-adjusted rates up to the last year asked for."""
    area = desk.area()
    last = asked.year_to or area.years[-1]
    years = [i for i, year in enumerate(area.years) if year <= last]
    sexes = (0, 1) if not asked.sex_in_force else (int(asked.sex_in_force) - 1,)
    _, counts, categories = desk.cases(asked, "stage" if asked.stage else "")
    chosen = [categories.index(asked.stage)] if asked.stage else list(range(len(categories)))
    cases = counts[..., chosen].sum(axis=-1)[:, years][:, :, list(sexes)].sum(axis=2)
    people = area.people[:, years][:, :, list(sexes)].sum(axis=2)
    covered = area.declared[:, years]
    whole = covered.all(axis=1)
    cases = np.concatenate([cases, cases[whole].sum(axis=0, keepdims=True)])
    people = np.concatenate([people, people[whole].sum(axis=0, keepdims=True)])
    covered = np.concatenate([covered, np.full((1, len(years)), bool(whole.any()))])
    shape = cases.shape[:2]
    cases, people = (table.reshape(-1, table.shape[-1]) for table in (cases, people))
    filled = (people <= 0) & (cases > 0)
    strata = Strata(
        pd.DataFrame(index=range(len(cases))), GROUPINGS[18], cases, np.where(filled, cases, people), filled.any(axis=1)
    )
    low, high = asked.age_from or 0, asked.age_to
    table = rate_table(
        strata, standard=asked.standard, method=asked.interval, ages=None if (low, high) == (0, None) else (low, high)
    )
    shown = np.stack([desk.shown(asked, frozenset({i}), frozenset(sexes), policy.threshold) for i in years], axis=1)
    shown &= covered
    # the state's years are of the counties declared for all of them: another year's county must be shown to be left out
    shown[-1] &= (shown[:-1] | ~covered[:-1] | whole[:, None]).all(axis=0)
    if asked.standard != policy.standard:
        shown &= policy.allows_standard(cases.sum(axis=1).reshape(shape))
    figures = {
        name: np.where(shown, table[name].to_numpy(float).reshape(shape), np.nan)
        for name in ("cases", "rate", "lower", "upper", "se")
    }
    return _Yearly([area.years[i] for i in years], figures, shown)
