"""Places: states and provinces by their two letters, counties by their FIPS codes within a state.

Counties include those that were renamed or dissolved, because old cases keep their codes. Some registries code areas of
their own (such as `AT` for metropolitan Atlanta) where a state is asked for; they have counties but no FIPS number.
"""

from __future__ import annotations

from functools import cache

from abstracting.codes.sources import read_codes
from abstracting.codes.system import CodeSystem

UNKNOWN_COUNTY, OUTSIDE_STATE = "999", "998"

PROVINCES = frozenset({"AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT"})


@cache
def _states() -> dict[str, dict[str, str]]:
    return {row["code"]: row for row in read_codes("states.csv")}


@cache
def state() -> CodeSystem:
    """Gives the code system of states, provinces and the codes for unknown ones."""
    labels = {code: row["label"] for code, row in _states().items()}
    return CodeSystem("state", "state", labels, "two letters, as FL")


def state_fips(code: str | None) -> str:
    """Gives the two-digit FIPS number of a state, empty for what has none."""
    return _states().get((code or "").upper(), {}).get("fips", "")


def state_of_fips(number: str | None) -> str:
    """Gives the two letters of a FIPS number, empty when there is none."""
    return next((code for code, row in _states().items() if row["fips"] and row["fips"] == number), "")


@cache
def _counties() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in read_codes("counties.csv.gz"):
        found.setdefault(row["state"], {})[row["county"]] = row["label"]
    return found


@cache
def _analysis_counties() -> frozenset[tuple[str, str]]:
    return frozenset((row["state"], row["county"]) for row in read_codes("counties.csv.gz") if row["analysis"])


@cache
def county(state_code: str) -> CodeSystem:
    """Gives the code system of the counties of one state (three digits), with 998 and 999."""
    labels = dict(_counties().get(state_code.upper(), {}))
    labels[OUTSIDE_STATE], labels[UNKNOWN_COUNTY] = "Outside the state, county unknown", "Unknown"
    return CodeSystem("county", f"county of {state_code.upper()}", labels, "three digits, as 001")


def is_county(state_code: str | None, code: str | None) -> bool:
    """Tells whether a state has, or had, this county."""
    return code in _counties().get((state_code or "").upper(), {})


def is_analysis_county(state_code: str | None, code: str | None) -> bool:
    """Tells whether the county stands in the list by which item 89 is derived."""
    return (state_code or "", code or "") in _analysis_counties()


def county_label(state_code: str | None, code: str | None) -> str:
    """Gives the name of a county, empty where it is not known."""
    return _counties().get((state_code or "").upper(), {}).get(code or "", "")


def geoid(state_code: str | None, code: str | None) -> str:
    """Gives the five digits by which maps know a county, empty unless the state has it."""
    return state_fips(state_code) + (code or "") if state_fips(state_code) and is_county(state_code, code) else ""
