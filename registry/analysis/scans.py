"""Scans for clusters from the live registry, as jobs: the counts of the atlas handed to `geo.scan`, the result kept whole.

A scan runs over the declared counties that cover all its years. What an account sees of the result is decided when it is
shown (`scans_view`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from registry.analysis.cases_request import OLDEST
from registry.analysis.disclosure import Policy
from registry.analysis.rates import years_in_force
from registry.analysis.rates_area import Area
from registry.analysis.rates_cube import AGES
from registry.analysis.rates_desk import Desk
from registry.analysis.rates_released import released_rates
from registry.analysis.scans_request import ScanRequest, from_pairs
from registry.errors import RegistryError

if TYPE_CHECKING:
    from registry.db import Store

EVERY_SECONDS = 0.4
"""So often a running scan tells how far it is."""

THREADS = 2
EARLY_AFTER = 50
LEAST_CASES = 10
EVERYTHING = Policy(0, 0)


@dataclass(frozen=True)
class Tables:
    """What `geo.scan` reads: cases, population, controls (frames or nothing), coordinates; with years and what was counted."""

    cases: pd.DataFrame
    population: pd.DataFrame | None
    controls: pd.DataFrame | None
    coordinates: pd.DataFrame
    years: tuple[int, int]
    counties: int
    definition: str
    covariates: tuple[str, ...] | None = None
    released: bool = True
    """Whether the expected cases come from published counts alone."""


def scan_tables(desk: Desk, asked: ScanRequest) -> Tables:
    """Gives the tables of a scan.

    Ages and sexes are adjusted for by the state's rates in those groups that are published (`rates_released`): the
    population is weighted by them, so that what is told of expected cases tells no small count. Where no such group is
    published they are covariates, and nothing that is expected is told.
    """
    area, wanted = desk.area(), asked.cases
    first, last, _ = years_in_force(wanted, area, EVERYTHING)
    places = [i for i, year in enumerate(area.years) if first <= year <= last]
    if not places:
        raise RegistryError(
            "refused-rates", f"no county is declared population-based for {first}–{last}", exit_code=4,
            hint=f"declared are {area.years[0]}–{area.years[-1]}",
        )  # fmt: skip
    covered = np.flatnonzero(area.declared[:, places].all(axis=1))
    if len(covered) < 2 and asked.analysis != "temporal":
        raise RegistryError("refused-rates", "fewer than two counties are declared for all these years", exit_code=4)
    by_stage = asked.model == "late"
    cube, counts, categories = desk.cases(wanted, "stage" if by_stage else "")
    sexes = [0, 1] if not wanted.sex_in_force else [int(wanted.sex_in_force) - 1]
    ages = range((asked.age_from or 0) // 5, AGES if asked.age_to is None else min(asked.age_to, OLDEST) // 5 + 1)
    index = np.ix_(covered, places, sexes, list(ages), range(len(categories)))
    counts = counts[index]
    people = area.people[np.ix_(covered, places, sexes, list(ages))]
    codes = [area.counties[i] for i in covered]
    years = [area.years[i] for i in places]
    controls = population = covariates = None
    released = True
    if by_stage:
        late = counts[..., categories.index("late")].sum(axis=(2, 3))
        cases = _frame(codes, years, late, "cases")
        rest = _frame(codes, years, counts.sum(axis=(2, 3, 4)) - late, "controls")
        controls = rest[rest["controls"] > 0]
    elif asked.model == "stp":
        cases = _frame(codes, years, counts.sum(axis=(2, 3, 4)), "cases")
    else:
        counts, covariates = counts.sum(axis=-1), ()
        rates = None
        if asked.adjust:
            threshold = desk.store.settings.suppression_threshold
            rates = released_rates(desk, wanted, frozenset(places), frozenset(sexes), threshold)
        if rates is not None:
            counts, people = counts.sum(axis=(2, 3)), (people * rates[np.ix_(sexes, list(ages))]).sum(axis=(2, 3))
        elif asked.adjust:
            covariates, released = ("sex", "age"), False
        else:
            counts, people = counts.sum(axis=(2, 3)), people.sum(axis=(2, 3))
        cases, population = _frame(codes, years, counts, "cases"), _frame(codes, years, people, "pop")
    cases = cases[cases["cases"] > 0].astype({"cases": int})
    # not fewer than the published threshold: a refusal would tell a small count of the state
    least = max(LEAST_CASES, desk.store.settings.suppression_threshold)
    if cases["cases"].sum() < least:
        raise RegistryError(
            "no-cases",
            f"fewer than {least} cases: there is nothing to scan",
            hint="take more years or a wider site",
        )
    coordinates = _coordinates(area, codes, plane=asked.shape == "elliptic" and asked.analysis != "temporal")
    span = (years[0], years[-1])
    return Tables(cases, population, controls, coordinates, span, len(codes), cube.definition, covariates, released)


def _frame(codes: list[str], years: list[int], values: np.ndarray, name: str) -> pd.DataFrame:
    """Gives an array (counties, years[, sexes, ages]) as a long frame; sex and age are covariates."""
    levels: list[list[Any]] = [codes, years]
    names = ["id", "year"]
    if values.ndim == 4:
        levels += [list(range(values.shape[2])), list(range(values.shape[3]))]
        names += ["sex", "age"]
    frame = pd.MultiIndex.from_product(levels, names=names).to_frame(index=False)
    frame[name] = values.ravel()
    return frame.astype(dict.fromkeys(names, str))


def _coordinates(area: Area, codes: list[str], *, plane: bool) -> pd.DataFrame:
    """Gives the counties' centres: latitude and longitude, or kilometres on an equal-area plane for ellipses."""
    from geo.boundaries import load_edition, require_match
    from geo.counties import centroids

    areas = load_edition(area.edition, states={code[:2] for code in codes})
    require_match(areas, codes)
    areas = areas[areas["code"].isin(codes)]
    found = centroids(areas)
    if not plane:
        return found.rename(columns={"code": "id", "latitude": "lat", "longitude": "lon"}).round(6)
    import geopandas

    from geo.svg import local_projection

    points = geopandas.GeoSeries(geopandas.points_from_xy(found["longitude"], found["latitude"]), crs="EPSG:4326")
    points = points.to_crs(local_projection(areas))
    return pd.DataFrame({"id": found["code"], "x": points.x.round() / 1000, "y": points.y.round() / 1000})


def run_scan(desk: Desk, asked: ScanRequest, progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """Gives the whole result of a scan as plain values, with data version, definition and the settings for SaTScan."""
    from geo.scan import scan

    tables = scan_tables(desk, asked)
    snapshot = desk.snapshot()
    result = scan(
        tables.cases,
        tables.population,
        None if asked.analysis == "temporal" else tables.coordinates,
        controls=tables.controls,
        model="bernoulli" if asked.model == "late" else asked.model,
        analysis=asked.analysis,
        shape=asked.shape,
        rates=asked.rates,
        max_share=asked.max_share,
        max_radius=asked.max_radius,
        max_time=asked.max_time,
        start=str(tables.years[0]),
        end=str(tables.years[1]),
        covariates=tables.covariates,
        overlap=asked.overlap,
        min_cases=asked.min_cases,
        replicates=asked.replicates,
        stop_after=EARLY_AFTER if asked.early else None,
        gini=asked.gini,
        seed=asked.seed,
        threads=THREADS,
        progress=progress,
    )
    area = desk.area()
    return {
        "result": result.to_dict(),
        "pairs": asked.pairs(),
        "years": list(tables.years),
        "counties": tables.counties,
        "definition": tables.definition,
        "released": desk.store.settings.suppression_threshold if tables.released else 0,
        "population": area.population,
        "version": snapshot.version,
        "made_at": snapshot.made_at,
    }


def run_job(store: Store, parameters: dict[str, Any], report: Callable[[float, str], None]) -> dict[str, Any]:
    """Runs the scan of a job, telling how far it is."""
    asked = from_pairs(parameters.get("pairs", []))
    report(0.0, "counting cases and residents")
    last = [0.0]

    def tell(done: int, replicates: int) -> None:
        if time.monotonic() - last[0] >= EVERY_SECONDS:
            last[0] = time.monotonic()
            report(0.05 + 0.95 * done / max(replicates, 1), f"{done} of {replicates} simulated maps scanned")

    return run_scan(Desk(store), asked, tell)
