"""The items that this registry knows: the standard's, in their newest form, and those of its own user dictionaries.

User dictionaries are the XML files in the data folder's `dictionaries/`; the numbers of CanReg's own variables are built in.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from abstracting.naaccr import items as standard

if TYPE_CHECKING:
    from abstracting.naaccr.user_dictionaries import UserDictionary

TEXT_LENGTH = 1000
"""Items of this length and more are text blocks, kept in a table of their own."""

_site: dict[int, standard.Item] = {}
_dictionaries: list[UserDictionary] = []


@cache
def _standard() -> dict[int, standard.Item]:
    known: dict[int, standard.Item] = {}
    for version in standard.VERSIONS:
        known.update({item.number: item for item in standard.dictionary(version)})
    return known


@cache
def _canreg() -> dict[int, standard.Item]:
    text = (files("registry.exchange") / "data" / "canreg_items.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    own = [row for row in rows if int(row["item"]) >= 90000]
    return {
        int(row["item"]): standard.Item(
            number=int(row["item"]),
            id=f"canreg{row['variable'].title()}",
            name=row["meaning"],
            level="Patient" if row["table"] == "patient" else "Tumor",
            length=200,
            source="canreg",
        )
        for row in own
    }


def load_user_dictionaries(folder: Path) -> int:
    """Makes the items of the XML user dictionaries in a folder known, and no others; gives how many there are.

    A file that is no valid dictionary is an error that says what is wrong with it, and the ones in force stay.
    """
    paths = sorted(folder.glob("*.xml"))
    if not paths and not _dictionaries:
        return 0
    from abstracting.naaccr.user_dictionaries import read_user_dictionary

    fresh = [read_user_dictionary(path) for path in paths]
    _dictionaries[:] = fresh
    _site.clear()
    _site.update({item.number: item for one in fresh for item in one.items})
    return len(_site)


def site_dictionaries(version: str = "") -> tuple[UserDictionary, ...]:
    """Gives the site's user dictionaries, or those that serve a version."""
    return tuple(one for one in _dictionaries if not version or one.version in ("", version))


def site_items() -> tuple[int, ...]:
    """Gives the numbers of the site's own items."""
    return tuple(_site)


def known(number: int) -> standard.Item | None:
    """Gives an item by its number, in its newest definition; None where neither the standard nor the site has it."""
    return _site.get(number) or _standard().get(number) or _canreg().get(number)


def is_text(number: int) -> bool:
    """Whether an item is a text block."""
    item = known(number)
    return item is not None and item.length >= TEXT_LENGTH


def is_patient_level(number: int) -> bool:
    """Whether an item belongs to the person and not to one tumor."""
    item = known(number)
    return item is not None and item.level == "Patient"
