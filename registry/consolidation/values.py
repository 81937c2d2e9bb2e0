"""Accounts as consolidation reads them: what a source says, where it comes from, and the day a date tells of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property, lru_cache

from abstracting.values import parse_date
from registry.items import known

PATIENT, TUMOR = "patient", "tumor"
CHAINS = (PATIENT, TUMOR)

BLANK, UNKNOWN, KNOWN = 0, 1, 2
"""How much a value says: nothing, that it is not known, or something."""

_NINES = re.compile(r"9+\Z")
_MARKED_NINES = re.compile(r"(?:X+\.?9+|[AB]99?0)\Z")
_SHORT_NINES = range(880, 1068)
"""Items of TNM: they hold 15 characters and say unknown in two."""

_PARTS = {"none": 1, "year": 2, "month": 3, "day": 4}


@dataclass(frozen=True, kw_only=True, eq=False)
class Account:
    """One source's account of one person or tumor.

    `key` tells where it comes from (source, its numbers of person and tumor) and orders accounts that are equal in all
    else; it never depends on when the account came. `kind` and `facility` are those of the reporting facility.
    """

    table: str
    id: int
    name: str
    key: tuple[str, ...]
    items: Mapping[str, str]
    kind: str = ""
    facility: str = ""

    @cached_property
    def told(self) -> dict[int, str]:
        """What the account says, by the number of the item; asked for hundreds of times for each row."""
        return {int(item): value for item, value in self.items.items() if value}

    def get(self, item: int) -> str:
        """The value of an item; blank where the account says nothing."""
        return self.told.get(item, "")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A person's standing choice: of this item the account's value, as it was then, over the rule."""

    id: int
    item: int
    value: str
    account: tuple[str, int]
    who: str
    at: datetime
    why: str = field(default="")


@lru_cache(maxsize=8192)
def day_of(value: str) -> tuple[date, date, int] | None:
    """The first and last day that a coded date can mean, and how many of its parts are known; None for no year."""
    parsed = parse_date(value)
    if parsed.earliest is None or parsed.latest is None:
        return None
    return parsed.earliest, parsed.latest, _PARTS[parsed.precision]


@lru_cache(maxsize=4096)
def is_date(item: int) -> bool:
    """Whether an item is a date."""
    found = known(item)
    return found is not None and found.type == "date"


def is_nines(item: int, value: str) -> bool:
    """Whether a value says unknown by nines that fill the item (9, 99, 999), or by marked ones (XX9, XX.9, A990)."""
    if _MARKED_NINES.match(value):
        return True
    if not _NINES.match(value):
        return False
    found = known(item)
    return found is None or len(value) == found.length or (item in _SHORT_NINES and len(value) == 2)


def item_name(item: int) -> str:
    """The name of an item in words; its number where nothing knows it."""
    found = known(item)
    return found.name.replace("--", ": ") if found else f"item {item}"
