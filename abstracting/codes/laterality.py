"""Laterality: its codes, and which sites are paired since when."""

from __future__ import annotations

from functools import cache

from abstracting.codes.sources import read_codes
from abstracting.codes.system import CodeSystem

CODES = {
    "0": "Not a paired site",
    "1": "Right",
    "2": "Left",
    "3": "One side, not stated which",
    "4": "Both sides, one primary",
    "5": "Midline",
    "9": "Paired, side unknown",
}


@cache
def laterality() -> CodeSystem:
    """Gives the code system of laterality."""
    return CodeSystem("laterality", "laterality", CODES, "one digit, as 1")


@cache
def _paired() -> dict[str, int]:
    return {row["site"]: int(row["first_year"] or 0) for row in read_codes("paired_sites.csv")}


def is_paired(site: str | None, year: int | None = None) -> bool | None:
    """Tells whether a site is paired for a diagnosis year.

    None when it became paired in some year and the diagnosis year is unknown.
    """
    first = _paired().get(site or "")
    if first is None:
        return False
    if first == 0:
        return True
    return None if year is None else year >= first
