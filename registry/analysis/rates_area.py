"""Where and for whom rates may be computed: counties and years declared population-based, and the residents there."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select

from registry.analysis import populations
from registry.analysis.rates_cube import AGES
from registry.errors import RegistryError
from registry.models import PopulationArea

if TYPE_CHECKING:
    from registry.db import Store

_lock = threading.Lock()
_kept: dict[str, tuple[object, Area]] = {}


@dataclass(frozen=True)
class Area:
    """The population-based area: `declared` and `completeness` per county and year, `people` per county, year, sex, age.

    counties: five digits, ascending; years: those of any declaration that have a population. people has the shape
    (counties, years, 2, 18). completeness is missing where nothing is declared. state: postal code, when all counties
    lie in one.
    """

    counties: tuple[str, ...]
    years: tuple[int, ...]
    declared: np.ndarray
    completeness: np.ndarray
    people: np.ndarray
    population: str
    state: str
    edition: str
    sign: str = ""
    """The same for the same declarations and population: what is kept is kept under it."""

    def place(self, county: str) -> int:
        """Gives a county's place; an unknown one is not found."""
        if county not in self.counties:
            raise RegistryError("not-found", f"county {county} is not declared population-based")
        return self.counties.index(county)

    def latest(self, count: int) -> tuple[int, int]:
        """Gives the latest years that are declared for every county, at most `count` of them."""
        whole = [year for year, all_ in zip(self.years, self.declared.all(axis=0)) if all_] or list(self.years)
        return whole[max(0, len(whole) - count)], whole[-1]


def load_area(store: Store) -> Area:
    """Gives the declared area with its population; nothing declared, or no population, is an error that says what to do."""
    folder = store.settings.folder("populations")
    file = folder / populations.FILE
    with store.reading() as session:
        rows = session.execute(
            select(
                PopulationArea.county, PopulationArea.year_from, PopulationArea.year_to, PopulationArea.completeness
            ).order_by(PopulationArea.county, PopulationArea.year_from)
        ).all()
    if not rows:
        raise RegistryError(
            "refused-rates",
            "no county is declared population-based",
            hint="declare counties and years with their completeness on the page Population-based areas",
            exit_code=4,
        )
    stamp = file.stat().st_mtime_ns if file.exists() else 0
    key, sign = str(store.settings.home), (stamp, tuple(tuple(row) for row in rows))
    with _lock:
        if key in _kept and _kept[key][0] == sign:
            return _kept[key][1]
    area = _make([tuple(row) for row in rows], populations.load(store), populations.label(store))
    area = replace(area, sign=hashlib.sha256(repr(sign).encode()).hexdigest())
    with _lock:
        _kept[key] = (sign, area)
    return area


def _make(rows, people, label: str) -> Area:  # type: ignore[no-untyped-def]
    from abstracting.codes.places import state_of_fips
    from geo.editions import edition_of

    known = set(people["county"].astype(str))
    counties = tuple(sorted({str(row[0]) for row in rows}))
    if missing := [code for code in counties if code not in known]:
        raise RegistryError(
            "population",
            f"the population in force has no people for {', '.join(missing[:10])}, which are declared population-based",
            hint="load a population of all declared counties, or end the declarations",
        )
    with_people = sorted(set(people["year"].astype(int)))
    years = tuple(y for y in with_people if any(row[1] <= y <= row[2] for row in rows))
    if not years:
        raise RegistryError("population", "the population in force has none of the declared years", hint="load it anew")
    share = np.full((len(counties), len(years)), np.nan)
    for county, first, last, completeness in rows:
        inside = [first <= year <= last for year in years]
        share[counties.index(county), inside] = completeness
    place = {code: i for i, code in enumerate(counties)}
    when = {year: i for i, year in enumerate(years)}
    inside = people["county"].isin(place) & people["year"].isin(when)
    part = people[inside]
    array = np.zeros((len(counties), len(years), 2, AGES))
    np.add.at(
        array,
        (
            part["county"].map(place).to_numpy(int),
            part["year"].map(when).to_numpy(int),
            (part["sex"].astype(str) == "2").to_numpy(int),
            part["age_group"].to_numpy(int),
        ),
        part["population"].to_numpy(float),
    )
    heads = {code[:2] for code in counties}
    postal = [state_of_fips(head) for head in heads] if len(heads) == 1 else []
    return Area(
        counties, years, np.isfinite(share), share, array, label, postal[0] if postal else "", edition_of(counties)
    )
