"""The scan from tables to result: checks the settings, builds the cells, scans, tests and describes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.errors import GeoError
from geo.scan import clusters as selection
from geo.scan.data import Data, load
from geo.scan.periods import UNITS, longest_window, windows
from geo.scan.replicates import Plan, maxima
from geo.scan.report import Describer
from geo.scan.result import ScanResult
from geo.scan.zones import EARTH_RADIUS, PENALTIES, SHAPES, ellipses, positions

if TYPE_CHECKING:
    from geo.scan.inputs import Source

MODELS = {"poisson": "discrete Poisson", "bernoulli": "Bernoulli", "stp": "space-time permutation"}
ANALYSES = ("spatial", "temporal", "space-time", "prospective", "prospective-temporal")
RATES = {"high": "high rates", "low": "low rates", "both": "high or low rates"}
DEFAULT_SEED = 12345


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
