"""NHIA: Hispanic ethnicity (item 191) from what was reported, where the patient was born, and the surname.

A surname decides only where the rules let it: not in counties with few Hispanic residents unless the origin says so, and
never for Filipinos, native Hawaiians and American Indians. Source: NAACCR Hispanic Identification Algorithm, v20240801.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np

from abstracting.errors import AbstractingError
from abstracting.recodes import sources
from abstracting.recodes.columns import factorise, spread_by_key
from abstracting.values import is_blank

LABELS = {
    "0": "Non-Hispanic",
    "1": "Mexican",
    "2": "Puerto Rican",
    "3": "Cuban",
    "4": "South or Central American",
    "5": "Other specified Hispanic origin",
    "6": "Hispanic, NOS",
    "7": "Hispanic by surname only",
    "8": "Dominican",
}

OPTIONS = {
    "0": "the surname decides for every origin 0, 7 and 9",
    "1": "in counties with few Hispanic residents only for the origins 7 and 9",
    "2": "in counties with few Hispanic residents only for the origin 7",
}

_MALE, _FEMALE = "1", "2"
_OTHER_RACE = frozenset({"96", "97"})
_NOT_BY_SURNAME = frozenset({"03", "06", "07"})
_UNKNOWN_COUNTIES = frozenset({"998", "999"})


@cache
def _birthplaces() -> dict[str, str]:
    return {row["country"]: row["nhia"] for row in sources.read_rows("nhia_birthplaces.csv")}


@cache
def _low_counties() -> frozenset[tuple[str, str]]:
    return frozenset((row["state"], row["county_fips"]) for row in sources.read_rows("nhia_low_counties.csv"))


@cache
def _surnames(kind: str) -> frozenset[str]:
    return frozenset(row["surname"] for row in sources.read_rows(f"nhia_{kind}_surnames.csv.gz"))


def _is_heavily(name: str | None) -> bool:
    return name is not None and name.upper() in _surnames("heavily")


def _is_rarely(name: str | None) -> bool:
    return name is not None and name.upper() in _surnames("rarely")


def is_low_county(state: str | None, county: str | None) -> bool:
    """Tells whether a county has under 5 % Hispanic residents, or is unknown."""
    return is_blank(county) or county in _UNKNOWN_COUNTIES or ((state or "").upper(), county) in _low_counties()


def only_low_counties(counties: Iterable[tuple[str | None, str | None]]) -> bool:
    """Tells whether all of a patient's counties at diagnosis, as (state, county), are low; so is having none."""
    return all(is_low_county(state, county) for state, county in counties)


def nhia(
    *,
    origin: str | None,
    birthplace: str | None,
    race1: str | None,
    ihs: str | None,
    sex: str | None,
    last_name: str | None,
    birth_surname: str | None,
    low_county: bool,
    option: str = "1",
) -> str:
    """Gives the NHIA code of a patient (a key of LABELS).

    `origin` is item 190, `birthplace` 254, `race1` 160, `ihs` 192, `sex` 225 (at birth), the names 2230 and 2232;
    `low_county` is what `only_low_counties` tells of the patient's tumors; `option` a key of OPTIONS.
    """
    _check(option)
    name = _name_class(sex, _is_heavily(last_name), _is_heavily(birth_surname), _is_rarely(birth_surname))
    return _decide(origin, birthplace, race1, ihs, name, low_county, option)


def _check(option: str) -> None:
    if option not in OPTIONS:
        raise AbstractingError("recode-name", f"there is no option {option!r}", hint="one of: " + ", ".join(OPTIONS))


def _name_class(sex: str | None, heavily: bool, birth_heavily: bool, birth_rarely: bool) -> bool:
    """Tells whether the surnames speak for Hispanic origin."""
    if sex == _MALE:
        return heavily
    if sex != _FEMALE:
        return False
    return birth_heavily or (heavily and not birth_rarely)


def _decide(
    origin: str | None,
    birthplace: str | None,
    race1: str | None,
    ihs: str | None,
    by_surname: bool,
    low_county: bool,
    option: str,
) -> str:
    reported = origin if origin in ("1", "2", "3", "4", "5", "6", "8") else "0"
    if origin not in ("0", "6", "7", "9") and race1 not in _OTHER_RACE:
        return reported
    if birthplace is not None and birthplace in _birthplaces():
        return _birthplaces()[birthplace]
    if origin == "6" or race1 in _OTHER_RACE:
        return reported
    asked = (
        origin == "7" or not low_county or (origin == "0" and option == "0") or (origin == "9" and option in ("0", "1"))
    )
    if not asked or race1 in _NOT_BY_SURNAME or ihs == "1":
        return "0"
    return "7" if by_surname else "0"


def nhia_column(
    *,
    origin: Any,
    birthplace: Any,
    race1: Any,
    ihs: Any,
    sex: Any,
    last_name: Any,
    birth_surname: Any,
    low_county: np.ndarray,
    option: str = "1",
) -> np.ndarray:
    """Gives `nhia` for columns, one row for each patient; `low_county` is a boolean array."""
    _check(option)
    last, birth = factorise(last_name), factorise(birth_surname)
    sexes = factorise(sex)
    heavily, birth_heavily = last.spread(_is_heavily, bool), birth.spread(_is_heavily, bool)
    birth_rarely = birth.spread(_is_rarely, bool)
    by_surname = sexes.spread(lambda text: text == _MALE, bool) & heavily
    by_surname |= sexes.spread(lambda text: text == _FEMALE, bool) & (birth_heavily | (heavily & ~birth_rarely))
    flags = factorise(np.array(["00", "01", "10", "11"], dtype=object)[by_surname * 2 + np.asarray(low_county)])

    def decide(origin, birthplace, race1, ihs, flag):  # type: ignore[no-untyped-def]
        return _decide(origin, birthplace, race1, ihs, flag[0] == "1", flag[1] == "1", option)

    return spread_by_key(decide, [*(factorise(c) for c in (origin, birthplace, race1, ihs)), flags])
