"""The named predicates that rules call: each one question about a few values, answered True, False or None (unknown).

A predicate gets what its terms read: texts, whole numbers or dates, None where missing. Unless it says that it reads
blanks, a missing value makes it unknown without being asked. In batch a predicate of codes runs once for each distinct
combination of its values; one of dates has a form for whole columns beside it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

import numpy as np

from abstracting.codes import laterality, morphology, places, surgery, topography
from abstracting.codes.sources import read_table
from abstracting.recodes import sources
from abstracting.recodes.asian import napiia
from abstracting.recodes.causes import cause_specific
from abstracting.recodes.tables import RECODES
from abstracting.values import (
    FALSE,
    TRUE,
    UNKNOWN,
    DateColumn,
    PartialDate,
    age_bounds,
    ages,
    before,
    befores,
    normalise_name,
    on_or_before,
    on_or_befores,
    parse_date,
)

Truth = bool | None


@dataclass(frozen=True, slots=True)
class Predicate:
    """A named question: `ask` answers for one record, `ask_columns` (where dates take part) for all at once.

    `dates` are the places of its arguments that are dates; `blanks` says that it reads missing values itself.
    """

    name: str
    ask: Callable[..., Truth]
    arguments: tuple[str, ...]
    blanks: bool = False
    dates: frozenset[int] = frozenset()
    ask_columns: Callable[..., np.ndarray] | None = None

    @property
    def meaning(self) -> str:
        """The first sentence of the predicate's description."""
        return (inspect.getdoc(self.ask) or "").split("\n")[0]


PREDICATES: dict[str, Predicate] = {}


def predicate(
    *, blanks: bool = False, dates: tuple[int, ...] = (), columns: Callable[..., np.ndarray] | None = None
) -> Callable[[Callable[..., Truth]], Callable[..., Truth]]:
    def register(ask: Callable[..., Truth]) -> Callable[..., Truth]:
        names = tuple(inspect.signature(ask).parameters)
        PREDICATES[ask.__name__] = Predicate(ask.__name__, ask, names, blanks, frozenset(dates), columns)
        return ask

    return register


# --- dates ------------------------------------------------------------------------------------------------------------


def _disjoint(a: DateColumn, b: DateColumn) -> np.ndarray:
    return (a.latest < b.earliest) | (b.latest < a.earliest)


def _agree_columns(a: DateColumn, b: DateColumn) -> np.ndarray:
    return np.where(a.known & b.known, np.where(_disjoint(a, b), FALSE, TRUE), UNKNOWN).astype(np.int8)


def _a_year_before_columns(a: DateColumn, b: DateColumn) -> np.ndarray:
    gap = b.earliest - a.latest
    return np.where(a.known & b.known, np.where(gap > _YEAR, TRUE, FALSE), UNKNOWN).astype(np.int8)


def _age_columns(age: np.ndarray, birth: DateColumn, at: DateColumn) -> np.ndarray:
    youngest, oldest = ages(birth, at)
    known = birth.known & at.known & (age >= 0) & (oldest >= 0)
    inexact = ~(birth.complete & at.complete)
    by_years = at.year.astype(np.int64) - birth.year
    fits = ((youngest <= age) & (age <= oldest)) | (inexact & (np.abs(age - by_years) <= 1))
    return np.where(known, np.where(fits, TRUE, FALSE), UNKNOWN).astype(np.int8)


_YEAR = 366


@predicate(dates=(0, 1), columns=lambda a, b: befores(a, b))
def precedes(a: PartialDate, b: PartialDate) -> Truth:
    """The first date lies before the second."""
    return before(a, b)


@predicate(dates=(0, 1), columns=lambda a, b: on_or_befores(a, b))
def not_after(a: PartialDate, b: PartialDate) -> Truth:
    """The first date lies before the second or on the same day."""
    return on_or_before(a, b)


@predicate(dates=(0, 1), columns=_agree_columns)
def dates_agree(a: PartialDate, b: PartialDate) -> Truth:
    """Two dates can be the same day: their known parts agree."""
    if not a or not b:
        return None
    return not (a.latest < b.earliest or b.latest < a.earliest)  # type: ignore[operator]


@predicate(dates=(0, 1), columns=_a_year_before_columns)
def over_a_year_before(a: PartialDate, b: PartialDate) -> Truth:
    """The first date lies certainly more than a year (366 days) before the second."""
    if not a or not b:
        return None
    return (b.earliest - a.latest).days > _YEAR  # type: ignore[operator]


@predicate(dates=(1, 2), columns=_age_columns)
def age_agrees(age: int, birth: PartialDate, at: PartialDate) -> Truth:
    """The age is that in completed years between two dates; with a part unknown it may differ by one year."""
    bounds = age_bounds(birth, at)
    if bounds is None or age < 0 or bounds[1] < 0:
        return None
    if bounds[0] <= age <= bounds[1]:
        return True
    exact = birth.is_complete and at.is_complete
    return not exact and abs(age - (at.year - birth.year)) <= 1  # type: ignore[operator]


@predicate()
def is_date(text: str) -> Truth:
    """A coded date is a real calendar date in the parts that are known: YYYY, YYYYMM or YYYYMMDD."""
    return not parse_date(text).fault


_PARTS = re.compile(r"(?P<year>.{4})(?P<month>.{0,2})(?P<day>.{0,2})\Z", re.DOTALL)


@predicate()
def parts_in_order(text: str) -> Truth:
    """A known month has a known year before it, a known day a known month."""
    match = _PARTS.match(text)
    if match is None:
        return None
    known = [part.isdigit() and part.strip("9") != "" for part in (match["year"], match["month"], match["day"])]
    return all(before_it or not this for before_it, this in pairwise(known))


# --- site, histology, behavior ----------------------------------------------------------------------------------------


@predicate()
def is_topography(site: str) -> Truth:
    """The site is a topography code of ICD-O-3."""
    return site in topography.CODES


@predicate()
def is_histology(histology: str) -> Truth:
    """The histology is in the list of NAACCR v26."""
    return histology in _histologies()


@cache
def _histologies() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for entry in morphology.morphologies().values():
        if "naaccr26" in entry.editions:
            found.setdefault(entry.histology, set()).add(entry.behavior)
    return {code: frozenset(behaviors) for code, behaviors in found.items()}


@predicate()
def is_listed(histology: str, behavior: str) -> Truth:
    """The list has the histology with this behavior."""
    return behavior in _histologies().get(histology, ())


@predicate()
def is_elevated(histology: str, behavior: str) -> Truth:
    """Behavior 2 or 3 was given to a histology that the list has with 0 or 1 only."""
    listed = _histologies().get(histology)
    return None if listed is None else behavior in ("2", "3") and listed <= {"0", "1"}


@cache
def morphology_years() -> dict[str, tuple[int, int]]:
    """Gives the first and last year of diagnosis of the codes (`8140/3`) that have one; 0 and 9999 where it is open."""
    path = files("abstracting.edits") / "data" / "morphology_years.csv"
    return {
        row["code"]: (int(row["first"] or 0), int(row["last"] or 9999))
        for row in read_table(path)  # type: ignore[arg-type]
    }


@predicate()
def holds_in(histology: str, behavior: str, year: int) -> Truth:
    """The code holds for the year of diagnosis, where the list bounds all of its terms."""
    first, last = morphology_years().get(f"{histology}/{behavior}", (0, 9999))
    return first <= year <= last


@cache
def _families() -> dict[tuple[str, str], tuple[str, ...]]:
    return {(row["mode"], row["family"]): tuple(row["sites"].split()) for row in sources.read_rows("iarc_families.csv")}


@cache
def _family_of() -> dict[str, tuple[str, str]]:
    return {row["morphology"]: (row["mode"], row["family"]) for row in sources.read_rows("iarc_morphologies.csv")}


@predicate()
def is_in_family_sites(site: str, histology: str) -> Truth:
    """The site is one of those to which IARC's family of the histology belongs (families that must)."""
    mode, family = _family_of().get(histology, ("", ""))
    return None if not mode else mode != "must" or site.startswith(_families()[mode, family])


@predicate()
def is_outside_family_sites(site: str, histology: str) -> Truth:
    """The site is none of those at which IARC's family of the histology does not occur (families that must not)."""
    mode, family = _family_of().get(histology, ("", ""))
    return None if not mode else mode != "mustnot" or not site.startswith(_families()[mode, family])


@predicate()
def is_of_family(histology: str, families: str) -> Truth:
    """The histology belongs to one of IARC's families that must be at certain sites, named by number (`22-26`, `18`)."""
    mode, family = _family_of().get(histology, ("", ""))
    if not mode:
        return None
    low, _, high = families.partition("-")
    return mode == "must" and int(low) <= int(family) <= int(high or low)


@predicate()
def is_site_of_term(site: str, histology: str, behavior: str) -> Truth:
    """The site's organ is among those that the term of the histology names, or that IARC's family gives it.

    Most terms name no site: nothing is known then.
    """
    entry = morphology.find(histology, behavior)
    if entry is None or not entry.sites:
        return None
    mode, family = _family_of().get(histology, ("", ""))
    if mode == "must" and site.startswith(_families()[mode, family]):
        return True
    organ = site[:3]
    return any(low[:3] <= organ <= (high or low)[:3] for low, _, high in (part.partition("-") for part in entry.sites))


@predicate()
def has_childhood_group(site: str, histology: str, behavior: str) -> Truth:
    """The international classification of childhood cancer has a group for the tumor."""
    recode = RECODES["iccc_iarc2017"]
    return recode.value(site=site, histology=histology, behavior=behavior) != recode.unknown


@predicate()
def is_paired(site: str, year: int) -> Truth:
    """The site is paired for the year of diagnosis."""
    return laterality.is_paired(site, year)


@predicate(blanks=True)
def is_surgery_of_site(code: str | None, site: str | None, histology: str | None, year: int | None) -> Truth:
    """The surgery code is in the table of the site, histology and year of diagnosis."""
    if not code or not site or year is None:
        return None
    return surgery.is_valid(code, site=site, histology=histology, year=year)


# --- person, place, death ---------------------------------------------------------------------------------------------


@predicate()
def is_state(code: str) -> Truth:
    """The code is that of a state, territory or province."""
    return places.state().is_valid(code)


@predicate()
def is_county_of(state: str, county: str) -> Truth:
    """The state has, or had, this county; unknown for states without counties in the list."""
    return None if len(places.county(state).codes) <= 2 else places.is_county(state, county)


@predicate()
def looks_like_cause(cause: str, revision: str) -> Truth:
    """The cause of death has the shape of its ICD revision."""
    shape = {"1": _ICD_10, "7": _ICD_OLD, "8": _ICD_OLD, "9": _ICD_OLD}.get(revision)
    return None if shape is None else bool(shape.fullmatch(cause))


_ICD_10, _ICD_OLD = re.compile(r"[A-Z][0-9]{2}[0-9A-Z]?"), re.compile(r"[0-9]{3}[0-9]?")


@predicate()
def is_cancer_cause(cause: str) -> Truth:
    """The cause of death is a neoplasm of ICD-10 (C00 to D48)."""
    return "C00" <= cause[:3] <= "D48"


@predicate()
def cause_fits_tumor(cause: str, site: str, histology: str) -> Truth:
    """The site recode of the tumor is among those that the ICD-10 cause of death names."""
    # asked as for a later tumor, because a first one takes any cancer as its cause
    verdict, _ = cause_specific(
        site=site,
        histology=histology,
        sequence="02",
        revision="1",
        cause=cause,
        last_contact_year=None,
        cutoff_year=9999,
        version="2008",
    )
    return None if verdict == "8" else verdict == "1"


@predicate(blanks=True)
def races_differ(*races: str | None) -> Truth:
    """No race from 01 to 98, other than 88, stands twice."""
    named = [race for race in races if race and race not in ("88", "99")]
    return len(named) == len(set(named)) if named else None


@predicate(blanks=True)
def races_end_with_88(*races: str | None) -> Truth:
    """After the first 88 only 88 follows, and the first race is never 88."""
    given = [race for race in races if race]
    if not given:
        return None
    if given[0] == "88":
        return False
    at = given.index("88") if "88" in given else len(given)
    return all(race == "88" for race in given[at:])


@predicate(blanks=True)
def unknown_race_stands_alone(*races: str | None) -> Truth:
    """When the first race is unknown (99), all are."""
    if not races[0]:
        return None
    return races[0] != "99" or all(race == "99" for race in races[1:] if race)


@predicate(blanks=True)
def unspecific_race_stands_alone(*races: str | None) -> Truth:
    """Asian NOS (96) or Pacific Islander NOS (97) never stands beside a specific one of its kind (04-17, 20-32)."""
    given = [race for race in races if race]
    if not given:
        return None
    asian = any("04" <= race <= "06" or "08" <= race <= "17" for race in given)
    pacific = any(race == "07" or "20" <= race <= "32" for race in given)
    return not ("96" in given and asian) and not ("97" in given and pacific)


@predicate(blanks=True)
def race_needs_no_person(
    race1: str | None,
    race2: str | None,
    race3: str | None,
    race4: str | None,
    race5: str | None,
    origin: str | None,
    birthplace: str | None,
    sex: str | None,
    last_name: str | None,
    birth_surname: str | None,
) -> Truth:
    """NAPIIA settles the race; otherwise its rules leave it to a person."""
    if not race1:
        return None
    found = napiia(
        races=[race1, race2, race3, race4, race5],
        origin=origin,
        birthplace=birthplace,
        sex=sex,
        last_name=last_name,
        birth_surname=birth_surname,
    )
    return not found.needs_review


@cache
def _first_names() -> dict[str, str]:
    path = files("abstracting.edits") / "data" / "first_names.csv"
    return {row["name"]: row["sex"] for row in read_table(path)}  # type: ignore[arg-type]


@predicate()
def name_fits_sex(first_name: str, sex: str) -> Truth:
    """The first name is not one that almost only the other sex bears."""
    usual = _first_names().get(normalise_name(first_name).partition(" ")[0])
    return None if usual is None or sex not in ("1", "2") else usual == sex
