"""Where the atlas gets its counts: cubes, releases and answers of one store, kept while the data version stays."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from registry.analysis.cases_request import OLDEST
from registry.analysis.cohort import CaseDefinition
from registry.analysis.disclosure import (
    TREES,
    Question,
    Release,
    families,
    periods_of,
    protect_sites,
    site_tree,
)
from registry.analysis.rates_area import Area, load_area
from registry.analysis.rates_cube import AGES, ALIVE, SOURCES, STAGES, Cube, fill_array, read_cube
from registry.analysis.rates_request import Request
from registry.analysis.snapshot import Snapshot, refresh
from registry.analysis.survival_request import sites

if TYPE_CHECKING:
    from registry.db import Store

T = TypeVar("T")
KEPT = 120
CATEGORIES = {"stage": STAGES, "source": SOURCES, "rules": ("iarc", "seer only"), "alive": ALIVE}


@dataclass(frozen=True)
class Released:
    """The releases by name of site (all sites under the empty name) and the names of those that are the reserve."""

    of: dict[str, Release]
    reserve: frozenset[str]


class Desk:
    """The atlas of one store; made once in a process."""

    def __init__(self, store: Store):
        self.store = store
        self._lock = threading.Lock()
        self._making: dict[Any, threading.Lock] = {}
        self._kept: OrderedDict[Any, Any] = OrderedDict()
        self._snapshot: tuple[float, Snapshot] | None = None

    def snapshot(self) -> Snapshot:
        """The snapshot in force; looked at anew after the seconds of the setting `snapshot_after_seconds`."""
        with self._lock:
            at, found = self._snapshot or (0.0, None)
            if found is None or time.monotonic() - at > self.store.settings.snapshot_after_seconds:
                found = refresh(self.store)
                self._snapshot = (time.monotonic(), found)
            return found

    def area(self) -> Area:
        """The declared area with its population."""
        return load_area(self.store)

    def keep(self, key: Any, make: Callable[[], T]) -> T:
        """Gives what is kept under a key, made by the first who asks; the least used are thrown away."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._kept:
                    return self._kept[key]
            found = make()
            with self._lock:
                self._kept[key] = found
                self._making.pop(key, None)
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            return found

    # ---- counts ---------------------------------------------------------------------------------------------------

    def cube(
        self,
        definition: CaseDefinition,
        codes: tuple[str, ...] = (),
        extra: str = "",
        facility: str = "",
        *,
        ages: bool = True,
    ) -> Cube:
        """The counts of a site under a definition; alive means at the end of the last declared year."""
        snapshot = self.snapshot()
        if extra == "alive":
            extra = f"alive {self.area().years[-1]}"
        key = ("cube", snapshot.version, definition, codes, extra, facility, ages)
        return self.keep(key, lambda: read_cube(snapshot, definition, codes, extra=extra, facility=facility, ages=ages))

    def cases(self, asked: Request, extra: str = "") -> tuple[Cube, np.ndarray, tuple[str, ...]]:
        """The cube of a request, its array (counties, years, 2, 18, categories) and the categories."""
        area = self.area()
        cube = self.cube(definition_of(asked, area), asked.codes, extra)
        categories = CATEGORIES.get(extra, ("",))
        key = (
            "array",
            self.snapshot().version,
            area.sign,
            definition_of(asked, area),
            asked.codes,
            extra,
        )
        array = self.keep(key, lambda: fill_array(cube.rows, area.counties, area.years, "cases", categories))
        return cube, array, categories

    # ---- what is shown --------------------------------------------------------------------------------------------

    def shown(self, asked: Request, years: frozenset[int], sexes: frozenset[int], threshold: int) -> np.ndarray:
        """Whether the counts of years and sexes (places) are shown for each county and, in the last place, the state.

        The state is the counties declared for all these years: one that is declared for a part of them would be the
        difference to other years, so it must be shown for that part.
        """
        area = self.area()
        if threshold == 0:
            return np.ones(len(area.counties) + 1, bool)
        answer = self._shown_parts(asked, years, sexes, threshold)
        declared = area.declared[:, sorted(years)]
        for county in np.flatnonzero(declared.any(axis=1) & ~declared.all(axis=1)):
            own = frozenset(year for year in years if area.declared[county, year])
            answer[-1] &= self._shown_parts(asked, own, sexes, threshold)[county]
        return answer

    def _shown_parts(self, asked: Request, years: frozenset[int], sexes: frozenset[int], threshold: int) -> np.ndarray:
        """What is shown of every disjoint site that the request holds."""
        area = self.area()
        own = families()
        parts = (
            [(name, frozenset(codes) & frozenset(asked.codes)) for name, codes in own.items()] if asked.codes else []
        )
        answer = np.ones(len(area.counties) + 1, bool)
        for name, chosen in parts or [("", frozenset())]:
            if asked.codes and not chosen:
                continue
            answer &= self._shown(asked, name, chosen, years, sexes, threshold)
        return answer

    def _shown(self, asked, name, chosen, years, sexes, threshold) -> np.ndarray:  # type: ignore[no-untyped-def]
        area = self.area()
        divisions = divisions_of(asked)
        if chosen and chosen < frozenset(families()[name]):
            divisions.append(("site", frozenset(chosen)))
        released = self._released(asked.behavior, threshold)
        release = released.of[name]
        only = sex_place(name)
        if only is not None:
            # of the other sex the site has nothing to tell; places of the release have this sex alone
            sexes = frozenset({0}) if only in sexes else frozenset()
        if len(divisions) > 1 or (divisions and name in released.reserve):
            return np.zeros(len(area.counties) + 1, bool)
        if not divisions:
            return release.shown(Question(years, sexes))
        extra, picked = divisions[0]
        counts, categories = self._divided(asked.behavior, name, extra, released.reserve)
        if only is not None:
            counts = counts[:, :, [only]]
        tree = site_tree(name) if extra == "site" else TREES[extra]
        return release.shown(Question(years, sexes, extra, picked), counts, categories, tree)

    def in_reserve(self, asked: Request, threshold: int) -> bool:
        """Whether a site of the request is one of the rare ones of which no county's count is shown."""
        if not threshold or not asked.codes:
            return False
        wanted = set(asked.codes)
        reserve = self._released(asked.behavior, threshold).reserve
        return any(wanted & set(families()[name]) for name in reserve)

    def _released(self, behavior: str, threshold: int) -> Released:
        area, version = self.area(), self.snapshot().version

        def make() -> Released:
            names = list(families())
            definition = CaseDefinition(behavior=behavior, residents_of=area.state)
            rows = self.cube(definition, (), "site", ages=False).rows
            of_code = {code: name for name, codes in families().items() for code in codes}
            rows = rows.assign(extra=rows["extra"].map(of_code), age=0)
            rows = rows.groupby(["county", "year", "sex", "age", "extra"], as_index=False)["cases"].sum()
            counts = fill_array(rows, area.counties, area.years, "cases", names)[:, :, :, 0].transpose(3, 0, 1, 2)
            counts = counts * area.declared[None, :, :, None]
            periods = periods_of(area.years)
            found = protect_sites(counts, [sex_place(one) for one in names], periods, threshold)
            releases = {"": Release(counts.sum(axis=0), periods, threshold, found.together)}
            for place, one in enumerate(names):
                only = sex_place(one)
                own = counts[place] if only is None else counts[place][:, :, [only]]
                releases[one] = Release(own, periods, threshold, found.levels[place])
            return Released(releases, frozenset(names[place] for place in found.reserve))

        return self.keep(("release", version, area.sign, behavior, threshold), make)

    def _divided(
        self, behavior: str, name: str, extra: str, reserve: frozenset[str]
    ) -> tuple[np.ndarray, tuple[str, ...]]:
        """The counts (counties, years, sexes, categories) of a site by a further division; of all sites, the reserve's."""
        area = self.area()
        definition = CaseDefinition(behavior=behavior, residents_of=area.state)
        codes = families()[name] if name else tuple(code for one in sorted(reserve) for code in families()[one])
        declared = area.declared[:, :, None, None]
        if extra == "age":
            rows = self.cube(definition, codes).rows
            counts = fill_array(rows, area.counties, area.years, "cases")[..., 0]
            return counts * declared, tuple(str(age) for age in range(AGES))
        categories = tuple(codes) if extra == "site" else CATEGORIES[extra]
        rows = self.cube(definition, codes, extra).rows
        counts = fill_array(rows, area.counties, area.years, "cases", categories).sum(axis=3)
        return counts * declared, categories


def definition_of(asked: Request, area: Area) -> CaseDefinition:
    """The case definition of a request."""
    return CaseDefinition(
        behavior=asked.behavior,
        rules=asked.rules,
        death_certificate_only=asked.dco,
        autopsy_only=asked.autopsy,
        residents_of=area.state,
    )


def divisions_of(asked: Request) -> list[tuple[str, frozenset[str]]]:
    """Gives by what, beside years and sex, the cases of a request are a part of the site's: division and categories."""
    found: list[tuple[str, frozenset[str]]] = []
    if not asked.all_ages:
        low = (asked.age_from or 0) // 5
        high = AGES - 1 if asked.age_to is None else min(asked.age_to, OLDEST) // 5
        found.append(("age", frozenset(str(age) for age in range(low, high + 1))))
    if asked.stage or asked.measure == "late":
        found.append(("stage", frozenset({asked.stage or "late"})))
    if asked.measure == "prevalence":
        found.append(("alive", frozenset({"prevalent"})))
    if not (asked.dco and asked.autopsy):
        left = {"other"} | ({"dco"} if asked.dco else set()) | ({"autopsy"} if asked.autopsy else set())
        found.append(("source", frozenset(left)))
    if asked.rules == "iarc":
        found.append(("rules", frozenset({"iarc"})))
    return found


def sex_place(site: str) -> int | None:
    """Gives the place (0 male, 1 female) of the one sex that a sex-specific site has."""
    if not site:
        return None
    heads = {code[:2] for code in sites()[site].codes}
    return {frozenset({"28"}): 0, frozenset({"27"}): 1}.get(frozenset(heads))
