"""The scan from tables to result: checks the settings, builds the cells, scans, tests and describes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.errors import GeoError
from geo.scan import clusters as selection
from geo.scan.expected import Cells, bernoulli_cells, permutation_cells, poisson_cells
from geo.scan.inputs import (
    CASES,
    CONTROLS,
    POPULATION,
    Counts,
    Faults,
    Places,
    extra_columns,
    one_place,
    read_counts,
    read_places,
    read_table,
)
from geo.scan.periods import UNITS, CodedDate, Period, cut, longest_window, study_days, windows
from geo.scan.replicates import Plan, maxima
from geo.scan.result import Cluster, Location, ScanResult
from geo.scan.zones import EARTH_RADIUS, PENALTIES, SHAPES, along_sphere, ellipses, positions, squeeze

if TYPE_CHECKING:
    from geo.scan.inputs import Source

MODELS = {"poisson": "discrete Poisson", "bernoulli": "Bernoulli", "stp": "space-time permutation"}
ANALYSES = ("spatial", "temporal", "space-time", "prospective", "prospective-temporal")
RATES = {"high": "high rates", "low": "low rates", "both": "high or low rates"}
DEFAULT_SEED = 12345
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


def scan(
    cases: Source,
    population: Source | None = None,
    coordinates: Source | None = None,
    *,
    controls: Source | None = None,
    model: str = "poisson",
    analysis: str = "spatial",
    shape: str = "circular",
    rates: str = "high",
    max_share: float = 0.5,
    max_radius: float | None = None,
    start: str | None = None,
    end: str | None = None,
    time_unit: str = "year",
    time_length: int = 1,
    max_time: float = 0.5,
    covariates: Sequence[str] | None = None,
    overlap: str = "no-overlap",
    min_cases: int = 2,
    penalty: str = "medium",
    shapes: Sequence[tuple[float, int]] = SHAPES,
    replicates: int = 999,
    stop_after: int | None = None,
    gini: bool = False,
    seed: int = DEFAULT_SEED,
    threads: int = 1,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ScanResult:
    """Finds where, and when, cases lie closer together than chance explains (Kulldorff's scan statistic).

    cases, population, controls, coordinates: file names (CSV, Parquet) or frames. Columns: `id`; `cases`, `pop` or
    `controls`; `year` or `date` where dated; `lat`, `lon` or `x`, `y`; further columns are covariates.
    model: `poisson` (needs population), `bernoulli` (needs controls) or `stp`, space-time permutation (cases alone).
    analysis: `spatial`, `temporal`, `space-time`, `prospective` (windows that reach the period's end),
    `prospective-temporal`. shape: `circular`, or `elliptic` with `shapes` (axis ratio, number of angles) and the
    non-compactness `penalty` `none|medium|strong`; needs x, y. rates: `high|low|both`.
    max_share: largest window as a share of the population (expected cases; persons; for stp cases); max_radius: in km
    or the coordinates' unit. start, end: study period, by default whole years from the first to the last case.
    time_unit, time_length: the intervals, counted back from the end; max_time: longest window as a share of the study
    period (below 1) or a number of units. covariates: columns to adjust for; None takes all further columns (Poisson:
    those of both tables), an empty list none. overlap: which secondary clusters are listed (`clusters.OVERLAP`).
    min_cases: fewest cases in a window of high rate. replicates: simulated data sets; stop_after: end early when so
    many reach the most likely cluster. gini: also choose the size limit by the Gini coefficient.
    seed: same seed, same p-values, whatever `threads` or `executor`. progress: called with (done, replicates).

    Raises `GeoError`: all faults of the input with their rows, or settings that do not fit together.
    """
    settings = {
        "model": model, "analysis": analysis, "shape": shape, "rates": rates, "max_share": max_share, "max_radius": max_radius,
        "time_unit": time_unit, "time_length": time_length, "max_time": max_time, "overlap": overlap, "min_cases": min_cases,
        "penalty": penalty, "replicates": replicates, "stop_after": stop_after, "gini": gini,
    }  # fmt: skip
    _check(settings, population, controls, coordinates)
    data = load(
        cases, population, coordinates, controls=controls, model=model, analysis=analysis, start=start, end=end,
        time_unit=time_unit, time_length=time_length, covariates=covariates,
    )  # fmt: skip
    if shape == "elliptic" and data.places.latlon:
        raise GeoError(
            "usage", "ellipses need plane coordinates", hint="give x and y of a map projection, not lat, lon"
        )
    plan = make_plan(
        data, model=model, analysis=analysis, shape=shape, rates=rates, max_share=max_share, max_radius=max_radius,
        max_time=max_time, min_cases=min_cases, penalty=penalty, shapes=shapes, replicates=replicates, seed=seed,
    )  # fmt: skip
    if not plan.zones(threads).order.size:
        raise GeoError("scan-window", "every location alone is larger than the largest window", hint="raise max_share")
    shares = [s for s in selection.GINI_SHARES if s < max_share] if gini and plan.place is not None else []
    *by_share, found = selection.candidates(plan, shares=shares, threads=threads)
    significance = simulate(
        plan, found[0].statistic if found else 0.0, stop_after=stop_after, threads=threads, executor=executor,
        progress=progress,
    )  # fmt: skip
    reported = [
        one for one in selection.select(found, overlap, len(plan.measure)) if significance.reported(one.statistic)
    ]
    choice = selection.gini_choice(plan, [*zip(shares, by_share), (max_share, found)], significance) if gini else None
    described = Describer(data, plan, significance, analysis)
    return ScanResult(
        clusters=tuple(described.cluster(k, one, choice) for k, one in enumerate(reported, 1)),
        locations=tuple(described.locations()),
        total_cases=round(plan.total),
        start=described.period[0],
        end=described.period[1],
        parameters=settings
        | {
            "covariates": list(data.covariates),
            "coordinates": "lat,lon" if data.places.latlon else "x,y",
            "date_precision": data.precision,
            "ellipses": [list(pair) for pair in shapes] if shape == "elliptic" else [],
            "model_words": MODELS[model],
            "rates_words": RATES[rates],
            "intervals": data.period.intervals,
        },
        seed=seed,
        replicates=int(significance.maxima.size),
        critical_values={f"{level:g}": significance.critical_value(level) for level in (0.05, 0.01, 0.001)},
        gini=described.gini(choice),
        warnings=data.warnings,
        maxima=significance.maxima,
    )


def _check(settings: dict[str, Any], population: object, controls: object, coordinates: object) -> None:
    """Raises `GeoError("usage")` for settings out of range or out of place."""
    choices = {
        "model": MODELS, "analysis": ANALYSES, "shape": ("circular", "elliptic"), "rates": RATES,
        "overlap": selection.OVERLAP, "penalty": PENALTIES, "time_unit": UNITS,
    }  # fmt: skip
    for name, allowed in choices.items():
        if settings[name] not in allowed:
            raise GeoError("usage", f"{name} {settings[name]!r} is unknown", hint=f"take one of {', '.join(allowed)}")
    limits = {"max_share": (0, 1), "max_radius": (0, math.inf), "max_time": (0, math.inf), "min_cases": (0.5, math.inf),
              "replicates": (-0.5, 10_000_000), "stop_after": (0.5, math.inf), "time_length": (0.5, math.inf)}  # fmt: skip
    for name, (low, high) in limits.items():
        value = settings[name]
        if value is not None and not low < value <= high:
            raise GeoError("usage", f"{name} {value:g} is out of range")
    model, analysis = settings["model"], settings["analysis"]
    if model == "stp" and analysis not in ("space-time", "prospective"):
        raise GeoError("usage", "the space-time permutation model needs a space-time or prospective analysis")
    if model == "poisson" and population is None:
        raise GeoError("usage", "the Poisson model needs a population", hint="give --population")
    if model == "bernoulli" and controls is None:
        raise GeoError("usage", "the Bernoulli model needs controls", hint="give --controls")
    if coordinates is None and not analysis.endswith("temporal"):
        raise GeoError("usage", f"a {analysis} scan needs coordinates", hint="give --coordinates")


def load(
    cases: Source, population: Source | None, coordinates: Source | None, *, controls: Source | None, model: str,
    analysis: str, start: str | None, end: str | None, time_unit: str, time_length: int,
    covariates: Sequence[str] | None,
) -> Data:  # fmt: skip
    """Reads and checks the tables and gives their cells; every fault of all tables is named in one error."""
    faults, warnings = Faults(), []
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
        names, strata = (POPULATION, chosen) if model == "poisson" else (CONTROLS, [])
        other_rows = read_counts(other_table, names, places, strata, faults, whole=model == "bernoulli")
    faults.stop()
    timed = analysis != "spatial"
    period, dated = _period(case_rows, other_rows, start, end, timed, time_unit, time_length)
    precision = _coarsest(case_rows.dates)
    if timed:
        _check_precision(case_table.name, case_rows, time_unit, faults)
        if other_rows is not None and model == "bernoulli":
            _check_precision(other_table.name, other_rows, time_unit, faults)
        faults.stop(hint="give finer dates or a coarser --time-unit")
    case_rows, interval = _within(case_rows, period, "cases", warnings)
    locations = len(places.names)
    names = [" / ".join(keys) for keys in places.names]
    if case_rows.value.sum() == 0:
        raise GeoError("scan-no-cases", f"{case_table.name} holds no case in the study period", where=case_table.name)
    if case_rows.value.sum() > MOST_CASES:
        raise GeoError("scan-size", f"{case_rows.value.sum():g} cases are more than {MOST_CASES}")
    if model == "poisson":
        cells = poisson_cells(case_rows, other_rows, interval, locations, period, faults, warnings, names)
    elif model == "bernoulli":
        other_rows, other_interval = _within(other_rows, period, "controls", warnings)
        cells = bernoulli_cells(case_rows, other_rows, interval, other_interval, locations, period.intervals)
        if cells.at_risk.sum() <= cells.cases.sum():
            raise GeoError("scan-no-cases", "there is no control: every person is a case", where=other_table.name)
    else:
        cells = permutation_cells(case_rows, interval, locations, period.intervals)
    return Data(places, cells, period, dated, tuple(chosen), precision, tuple(warnings))


def _covariates(
    case_table: Any, other_table: Any, model: str, asked: Sequence[str] | None, warnings: list[str]
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


def make_plan(
    data: Data, *, model: str, analysis: str, shape: str, rates: str, max_share: float, max_radius: float | None,
    max_time: float, min_cases: int, penalty: str, shapes: Sequence[tuple[float, int]], replicates: int, seed: int,
) -> Plan:  # fmt: skip
    """Gives the work of a scan in a form that any process can do."""
    cells, period = data.cells, data.period
    arrays = [cells.cases, cells.expected, cells.at_risk]
    place = None
    if analysis.endswith("temporal"):
        arrays = [array.sum(axis=0, keepdims=True) for array in arrays]
    else:
        place = positions(data.places.points, data.places.latlon)
    observed, expected, at_risk = (np.ascontiguousarray(array, float) for array in arrays)
    measure = {"poisson": expected, "bernoulli": at_risk, "stp": observed}[model].sum(axis=1)
    radius = max_radius
    if max_radius is not None and data.places.latlon:
        radius = 2 * EARTH_RADIUS * math.sin(min(max_radius / (2 * EARTH_RADIUS), math.pi / 2))
    if analysis == "spatial":
        spans = np.zeros(1, np.int64), np.ones(1, np.int64)
    else:
        spans = windows(period.intervals, longest_window(period, max_time), alive=analysis.startswith("prospective"))
    return Plan(
        place=place, measure=measure, cases=observed, expected=expected, at_risk=at_risk, permuted=cells.permuted,
        window_start=spans[0], window_end=spans[1], model=model, rates=rates, least=int(min_cases),
        forms=ellipses(shape, shapes), power=PENALTIES[penalty], largest=max_share * measure.sum() * (1 + 1e-9),
        radius=radius, seed=seed, replicates=replicates,
    )  # fmt: skip


def simulate(
    plan: Plan, statistic: float, *, stop_after: int | None, threads: int, executor: Executor | None,
    progress: Callable[[int, int], None] | None,
) -> selection.Significance:  # fmt: skip
    """Draws and scans the replicates; with `stop_after` ends at the replicate that reaches `statistic` for the n-th time."""
    if stop_after is None:
        return selection.Significance(maxima(plan, threads=threads, executor=executor, progress=progress))

    def reached(found: np.ndarray) -> np.ndarray:
        return np.flatnonzero(found >= statistic - selection.TIE * max(1.0, statistic))

    found = maxima(
        plan, threads=threads, executor=executor, progress=progress, enough=lambda now: reached(now).size >= stop_after
    )
    hits = reached(found)
    if hits.size >= stop_after:
        return selection.Significance(found[: hits[stop_after - 1] + 1], stopped_at=stop_after)
    return selection.Significance(found)


class Describer:
    """Turns candidates into clusters with names, days, counts and p-values."""

    def __init__(self, data: Data, plan: Plan, significance: selection.Significance, analysis: str) -> None:
        self.data, self.plan, self.significance = data, plan, significance
        self.alive = analysis.startswith("prospective")
        dated = data.dated
        self.period = data.period.span(0, data.period.intervals) if dated else (None, None)

    def cluster(self, rank: int, one: selection.Candidate, choice: selection.GiniChoice | None) -> Cluster:
        from geo.scan.statistic import llr

        plan, places, period = self.plan, self.data.places, self.data.period
        c, e, u = selection.window_counts(plan, one)
        first, after = int(plan.window_start[one.window]), int(plan.window_end[one.window])
        everywhere = plan.place is None
        members = range(len(places.names)) if everywhere else one.members
        p_value = self.significance.p_value(one.statistic)
        form = plan.forms[one.form]
        radius = None
        if not everywhere:
            ends = squeeze(plan.place[[one.centre, one.members[-1]]], form)
            radius = float(np.sqrt(((ends[0] - ends[1]) ** 2).sum()))
            radius = along_sphere(radius) if places.latlon else radius
        population = self.data.cells.population
        return Cluster(
            rank=rank,
            center="All" if everywhere else places.names[one.centre][0],
            members=tuple(name for i in members for name in places.names[i]),
            point=None if everywhere else tuple(map(float, places.points[one.centre])),
            radius_km=radius,
            start=period.span(first, after)[0] if self.data.dated else None,
            end=period.span(first, after)[1] if self.data.dated else None,
            observed=round(c),
            expected=e,
            observed_expected=c / e,
            relative_risk=None if plan.model == "stp" else relative_risk(c, e, plan.total),
            llr=llr(plan.model, c, e, u, plan.total, plan.persons),
            statistic=one.statistic,
            p_value=p_value,
            p_gumbel=self.significance.gumbel(one.statistic),
            population=None if population is None else float(population[list(members)].sum()),
            ellipse=None if form.shape == 1 else {"shape": form.shape, "angle_degrees": float(np.degrees(form.angle))},
            recurrence_days=period.days / period.intervals / p_value if self.alive and p_value else None,
            in_gini=choice is not None and any(_same(one, chosen) for chosen in choice.clusters),
        )

    def locations(self) -> list[Location]:
        cells, total = self.data.cells, self.plan.total
        observed, expected = cells.cases.sum(axis=1), cells.expected.sum(axis=1)
        return [
            Location(
                " / ".join(names), round(c), float(e), None if self.plan.model == "stp" else relative_risk(c, e, total)
            )
            for names, c, e in zip(self.data.places.names, observed, expected)
        ]

    def gini(self, choice: selection.GiniChoice | None) -> dict[str, Any] | None:
        if choice is None:
            return None
        return {
            "max_share": choice.share,
            "coefficient": choice.coefficient,
            "compared": [{"max_share": share, "coefficient": value} for share, value in choice.compared],
            "clusters": [
                {"center": one.center, "members": one.members, "observed": one.observed, "expected": one.expected,
                 "relative_risk": one.relative_risk, "llr": one.llr, "p_value": one.p_value,
                 "start": one.start, "end": one.end}
                for k, found in enumerate(choice.clusters, 1)
                for one in [self.cluster(k, found, choice)]
            ],
        }  # fmt: skip


def _same(one: selection.Candidate, other: selection.Candidate) -> bool:
    return one.window == other.window and set(one.members) == set(other.members)


def relative_risk(c: float, e: float, total: float) -> float | None:
    """Gives (c/E) / ((C-c)/(C-E)); None where nothing is expected inside, or all cases lie inside."""
    if e <= 0 or c >= total or e >= total:
        return None
    return float((c / e) / ((total - c) / (total - e)))
