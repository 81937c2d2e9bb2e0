"""The tables of a scan, read together, checked against each other and laid out in cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geo.errors import GeoError
from geo.scan.expected import Cells, bernoulli_cells, permutation_cells, poisson_cells
from geo.scan.inputs import (
    CASES,
    CONTROLS,
    POPULATION,
    Counts,
    Faults,
    Places,
    Table,
    extra_columns,
    one_place,
    read_counts,
    read_places,
    read_table,
)
from geo.scan.periods import UNITS, CodedDate, Period, cut, study_days

if TYPE_CHECKING:
    from geo.scan.inputs import Source

MOST_CASES = 2**24 - 1


@dataclass(frozen=True)
class Data:
    """The tables of a scan, read, checked and laid out in cells."""

    places: Places
    cells: Cells
    period: Period
    dated: bool
    covariates: tuple[str, ...]
    precision: str | None
    warnings: tuple[str, ...]


def load(
    cases: Source, population: Source | None, coordinates: Source | None, *, controls: Source | None, model: str,
    analysis: str, start: str | None, end: str | None, time_unit: str, time_length: int,
    covariates: Sequence[str] | None,
) -> Data:  # fmt: skip
    """Reads and checks the tables and gives their cells; every fault of all tables is named in one error."""
    faults = Faults()
    warnings: list[str] = []
    denominators = {"poisson": population, "bernoulli": controls, "stp": None}[model]
    places = one_place([cases, denominators]) if coordinates is None else read_places(coordinates, faults, warnings)
    case_table = read_table(cases, "cases")
    other_table = (
        None if denominators is None else read_table(denominators, "controls" if model == "bernoulli" else "population")
    )
    chosen = _covariates(case_table, other_table, model, covariates, warnings)
    case_rows = read_counts(case_table, CASES, places, chosen, faults, whole=True)
    other_rows = None
    if other_table is not None:
        people, strata = (POPULATION, chosen) if model == "poisson" else (CONTROLS, [])
        other_rows = read_counts(other_table, people, places, strata, faults, whole=model == "bernoulli")
    faults.stop()
    timed = analysis != "spatial"
    period, dated = _period(case_rows, other_rows, start, end, timed, time_unit, time_length)
    precision = _coarsest(case_rows.dates)
    if timed:
        _check_precision(case_table.name, case_rows, time_unit, faults)
        if other_table is not None and other_rows is not None and model == "bernoulli":
            _check_precision(other_table.name, other_rows, time_unit, faults)
        faults.stop(hint="give finer dates or a coarser --time-unit")
    case_rows, interval = _within(case_rows, period, "cases", warnings)
    locations = len(places.names)
    names = [" / ".join(keys) for keys in places.names]
    if case_rows.value.sum() == 0:
        raise GeoError("scan-no-cases", f"{case_table.name} holds no case in the study period", where=case_table.name)
    if case_rows.value.sum() > MOST_CASES:
        raise GeoError("scan-size", f"{case_rows.value.sum():g} cases are more than {MOST_CASES}")
    if other_table is None or other_rows is None:
        cells = permutation_cells(case_rows, interval, locations, period.intervals)
    elif model == "poisson":
        cells = poisson_cells(case_rows, other_rows, interval, locations, period, faults, warnings, names)
    else:
        other_rows, other_interval = _within(other_rows, period, "controls", warnings)
        cells = bernoulli_cells(case_rows, other_rows, interval, other_interval, locations, period.intervals)
        if cells.at_risk.sum() <= cells.cases.sum():
            raise GeoError("scan-no-cases", "there is no control: every person is a case", where=other_table.name)
    return Data(places, cells, period, dated, tuple(chosen), precision, tuple(warnings))


def _covariates(
    case_table: Table, other_table: Table | None, model: str, asked: Sequence[str] | None, warnings: list[str]
) -> list[str]:
    if model == "bernoulli":
        if asked:
            raise GeoError("usage", "the Bernoulli model takes no covariates", hint="scan each stratum, or use poisson")
        return []
    if asked is not None:
        return [name.strip().lower() for name in asked if name.strip()]
    found = extra_columns(case_table, CASES)
    if other_table is None:
        return found
    shared = [name for name in found if name in extra_columns(other_table, POPULATION)]
    alone = [name for name in found if name not in shared]
    if alone:
        warnings.append(f"columns of {case_table.name} alone, not used as covariates: {', '.join(alone)}")
    return shared


def _period(
    cases: Counts, others: Counts | None, start: str | None, end: str | None, timed: bool, unit: str, length: int
) -> tuple[Period, bool]:
    """Gives the study period and whether it has dates; undated data form one period."""
    if timed and cases.dates is None:
        raise GeoError("input-columns", "the cases have no date", hint="name a column year or date")
    if timed and others is not None and others.dates is None and start is None:
        others = None
    dates: list[CodedDate] = [d for d, n in zip(cases.dates or [], cases.value) if n > 0]
    if not dates and others is not None and others.dates is not None:
        dates = others.dates
    if not dates and start is None and end is None:
        return Period((1, 366)), False
    first, after = study_days(dates, start, end)
    return (cut(first, after, unit, length) if timed else Period((first, after))), True


def _coarsest(dates: list[CodedDate] | None) -> str | None:
    return None if not dates else UNITS[min(UNITS.index(one.precision) for one in dates)]


def _check_precision(name: str, rows: Counts, unit: str, faults: Faults) -> None:
    for i, one in enumerate(rows.dates or []):
        if rows.value[i] > 0 and UNITS.index(one.precision) < UNITS.index(unit):
            faults.add("scan-date", f"{name} row {i + 2}", f"a date known to the {one.precision} only has no {unit}")


def _within(rows: Counts, period: Period, what: str, warnings: list[str]) -> tuple[Counts, np.ndarray]:
    """Keeps the rows inside the study period and gives their intervals; what is left out is counted and said."""
    if rows.dates is None:
        return rows, np.zeros(len(rows.value), np.int64)
    interval = period.interval_of(np.array([d.first for d in rows.dates], dtype=np.int64))
    inside = (interval >= 0) & (interval < period.intervals)
    outside = rows.value[~inside].sum()
    if outside:
        warnings.append(f"{outside:g} {what} lie outside the study period and are left out")
    strata = [key for key, kept in zip(rows.strata, inside) if kept]
    return Counts(rows.location[inside], rows.value[inside], None, strata), interval[inside]
