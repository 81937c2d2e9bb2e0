"""What a code means in short words, for items and for the derived names of a selection."""

from __future__ import annotations

from functools import lru_cache

from abstracting.codes import ITEMS, code_system
from abstracting.naaccr import items as standard
from registry.exchange.tables import item_number
from registry.items import known
from registry.selection import ITEM_OF, RECODE
from registry.views.items import NAMES

_VITAL = {"0": "Dead", "1": "Alive", "4": "Dead"}
_SEX = {"1": "Male", "2": "Female", "9": "Other or unknown"}
_STATUS = {"suspense": "Suspense", "incomplete": "Incomplete", "complete": "Complete", "submitted": "Submitted"}

TITLES = {
    "patient": "Patient",
    "born": "Born",
    "morphology": "Morphology",
    "recode": "Site group",
    "age": "Age",
    "sex": "Sex",
    "county": "County",
    "state": "State",
    "stage": "Summary stage",
    "sequence": "Sequence, central",
    "facility": "Facility",
    "accession": "Accession",
    "status": "Status",
    "import": "Import",
}
"""Titles of columns where they are shorter than the meaning of the name."""


def item_of(name: str) -> int | None:
    """Gives the item behind a name of a selection or column; None for what is derived."""
    return ITEM_OF.get(name) if name in NAMES else item_number(name)


@lru_cache(maxsize=4000)
def title(name: str) -> str:
    """Gives the title of a column: the name's, or the item's number and name."""
    if name in TITLES or name in NAMES:
        return TITLES.get(name) or NAMES[name]
    number = item_number(name)
    item = known(number) if number is not None else None
    return f"{number} {item.name.replace('--', ': ')}" if item is not None else name


@lru_cache(maxsize=40_000)
def label(name: str, value: str) -> str:
    """Gives the short meaning of a value; empty where there is none."""
    if not value:
        return ""
    if name in ("vital", "1760"):
        return _VITAL.get(value, "")
    if name == "sex":
        return _SEX.get(value, "")
    if name == "status":
        return _STATUS.get(value, "")
    if name == RECODE:
        from abstracting.recodes.tables import recode

        return recode("site_recode_2008").labels.get(value, "")
    if name == "stage":
        from abstracting.recodes.stage import LABELS

        return LABELS.get(value, "")
    if name == "county":
        from abstracting.codes.places import county_label, state_of_fips

        return county_label(state_of_fips(value[:2]), value[2:])
    number = item_of(name)
    if number is None:
        return ""
    if str(number) in ITEMS:
        return code_system(ITEMS[str(number)]).label(value)
    for version in ("260", "250"):
        if found := standard.codes(number, version).get(value):
            return found
    return ""
