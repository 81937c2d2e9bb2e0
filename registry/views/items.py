"""The items as pages offer them for choosing: the standard's and the site's own, by number and name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from abstracting.naaccr import items as standard
from registry.items import known, site_items


@dataclass(frozen=True)
class Choice:
    """One item that can be chosen: what stands in the field (a number or a name of a selection) and its title."""

    value: str
    title: str


NAMES: dict[str, str] = {
    "site": "Primary site",
    "recode": "Site group (SEER site recode)",
    "histology": "Histology",
    "behavior": "Behavior",
    "year": "Year of diagnosis",
    "age": "Age at diagnosis",
    "sex": "Sex (for analysis)",
    "race": "Race",
    "county": "County at diagnosis (five digits)",
    "state": "State at diagnosis",
    "stage": "Summary stage, combined over the years",
    "vital": "Vital status",
    "sequence": "Sequence number, central",
    "facility": "Facility (number)",
    "class": "Class of case",
    "accession": "Accession number",
    "status": "Status of the abstract",
    "import": "Import (number)",
}
"""What the names of a selection (`registry.selection.names`) mean."""


@lru_cache(maxsize=4)
def _choices(site: tuple[int, ...]) -> tuple[Choice, ...]:
    numbers = {item.number for version in standard.VERSIONS[-5:] for item in standard.dictionary(version)} | set(site)
    found = []
    for number in sorted(numbers):
        item = known(number)
        if item is not None and item.level != "NaaccrData":
            found.append(Choice(str(number), item.name.replace("--", ": ")))
    return tuple(found)


def choices() -> tuple[Choice, ...]:
    """Gives every item of a patient or tumor by number, as a field's list offers them."""
    return _choices(tuple(sorted(site_items())))
