"""The item dictionary: every NAACCR data item of versions 14 to 26, by number and by the id of a version.

Numbers are the identity of an item; ids are its name in one version and have changed (762, 764, 772, 774, 776). Tables
are read on first use and cached. Source: the NAACCR base dictionaries, written to `data/` by
`scripts/make_naaccr_tables.py`.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files

from abstracting.errors import AbstractingError

VERSIONS = ("140", "150", "160", "180", "210", "220", "230", "240", "250", "260")
LATEST = VERSIONS[-1]
FLAT_VERSIONS = ("140", "150", "160", "180")
LEVELS = ("NaaccrData", "Patient", "Tumor")
RECORD_TYPES = "AMCI"

# Items with one meaning under two numbers; all others are a column of their own, named by their newest id.
# 220 (to v25) and 225 (from v26) are the sex used for rates; 2390 (to v23) and 2232 (from v21) the surname at birth.
ANALYSIS_COLUMNS: dict[int, str] = {220: "sex", 225: "sex", 2390: "nameBirthSurname", 2232: "nameBirthSurname"}


@dataclass(frozen=True, slots=True)
class Item:
    """One data item as a version defines it.

    `level` is the XML element it belongs to (NaaccrData, Patient, Tumor); `record_types` the letters of A, M, C, I that
    carry it; `first` and `last` the versions between which the number exists (empty for an item of a site); `column` its
    first column, from 1, in flat versions; `source` is `base`, `default-user` or the URI of a user dictionary.
    """

    number: int
    id: str
    name: str
    level: str
    length: int
    type: str = "text"
    padding: str = "none"
    trim: str = "all"
    record_types: str = RECORD_TYPES
    unlimited: bool = False
    first: str = ""
    last: str = ""
    column: int | None = None
    source: str = "base"

    @property
    def full_length(self) -> bool:
        """Whether a value must fill the length: true of the types alpha, digits and mixed."""
        return self.type in ("alpha", "digits", "mixed")


class Dictionary:
    """The items of one version, with any user dictionaries added, in order of their numbers."""

    def __init__(self, version: str, items: Iterator[Item] | list[Item] | tuple[Item, ...]):
        self.version = version
        self._items = tuple(sorted(items, key=lambda item: item.number))

    @cached_property
    def _numbers(self) -> dict[int, Item]:
        return {item.number: item for item in self._items}

    @cached_property
    def _ids(self) -> dict[str, Item]:
        return {item.id: item for item in self._items}

    def by_number(self, number: int) -> Item | None:
        """Gives the item with this number, None where the version has none."""
        return self._numbers.get(number)

    def by_id(self, naaccr_id: str) -> Item | None:
        """Gives the item with this XML id, None where the version has none."""
        return self._ids.get(naaccr_id)

    def items(self, *, level: str | None = None, record_type: str | None = None) -> list[Item]:
        """Gives the items, those of one level or carried by one record type where asked for."""
        return [
            item
            for item in self._items
            if (level is None or item.level == level) and (record_type is None or record_type in item.record_types)
        ]

    def id_of(self, number: int) -> str:
        """Gives the XML id of a number in this version; the empty text where the version has none."""
        item = self._numbers.get(number)
        return item.id if item else ""

    def with_items(self, items: list[Item]) -> Dictionary:
        """Gives this dictionary with the items of user dictionaries added; an id given twice is kept once."""
        known = {item.id for item in items}
        return Dictionary(self.version, [*(item for item in self._items if item.id not in known), *items])

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, number: object) -> bool:
        return number in self._numbers


def table(name: str) -> list[dict[str, str]]:
    """Gives the rows of one of this room's tables; lines that start with # are its header and are left out."""
    path = files("abstracting.naaccr") / "data" / name
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if name.endswith(".gz") else raw).decode("utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


@lru_cache(maxsize=1)
def _rows() -> list[dict[str, str]]:
    return table("items.csv")


@lru_cache(maxsize=1)
def _columns() -> dict[tuple[str, str, str], int]:
    columns = {}
    for row in table("columns.csv"):
        for version in FLAT_VERSIONS:
            if row[version]:
                columns[row["dictionary"], row["number"], version] = int(row[version])
    return columns


@lru_cache(maxsize=1)
def _lives() -> dict[str, tuple[str, str]]:
    lives: dict[str, tuple[str, str]] = {}
    for row in _rows():
        if row["dictionary"] == "base":
            first, last = lives.get(row["number"], (row["first"], row["last"]))
            lives[row["number"]] = (min(first, row["first"]), max(last, row["last"]))
    return lives


def check_version(version: str | int) -> str:
    """Gives the version as its three digits; raises `naaccr-version` for one that is not known."""
    text = str(version)
    if text not in VERSIONS:
        raise AbstractingError(
            "naaccr-version", f"NAACCR version {text!r} is not known", hint=f"use one of {', '.join(VERSIONS)}"
        )
    return text


def _items_of(kind: str, version: str) -> list[Item]:
    lives = _lives()
    columns = _columns() if version in FLAT_VERSIONS else {}
    return [
        Item(
            number=int(row["number"]),
            id=row["id"],
            name=row["name"],
            level=row["level"],
            length=int(row["length"]),
            type=row["type"],
            padding=row["padding"],
            trim=row["trim"],
            record_types=row["record_types"],
            unlimited=row["unlimited"] == "1",
            first=lives.get(row["number"], (row["first"], row["last"]))[0],
            last=lives.get(row["number"], (row["first"], row["last"]))[1],
            column=columns.get((kind, row["number"], version)),
            source=kind,
        )
        for row in _rows()
        if row["dictionary"] == kind and row["first"] <= version <= row["last"]
    ]


@lru_cache(maxsize=len(VERSIONS))
def _dictionary(version: str) -> Dictionary:
    return Dictionary(version, _items_of("base", version))


def dictionary(version: str | int = LATEST) -> Dictionary:
    """Gives the base dictionary of a version (`"250"` or 250); raises `naaccr-version` for one that is not known."""
    return _dictionary(check_version(version))


@lru_cache(maxsize=len(VERSIONS))
def default_user_items(version: str) -> tuple[Item, ...]:
    """Gives the default user dictionary of a version: reserved gaps, state requestor and NPCR items; empty from v22."""
    return tuple(_items_of("default-user", version))


@lru_cache(maxsize=1)
def _code_rows() -> dict[str, list[dict[str, str]]]:
    rows: dict[str, list[dict[str, str]]] = {}
    for row in table("codes.csv.gz"):
        rows.setdefault(row["number"], []).append(row)
    return rows


@lru_cache(maxsize=2000)
def _codes(number: int, version: str) -> Mapping[str, str]:
    rows = _code_rows().get(str(number), [])
    return {row["code"]: row["label"] for row in rows if row["first"] <= version <= row["last"]}


def codes(number: int, version: str | int = LATEST) -> Mapping[str, str]:
    """Gives the allowed codes of an item with short labels, `{code: label}`, empty where the item has no list.

    Lists exist for v25 and v26; earlier versions are answered with those of v25. A blank that means something has the
    empty text as its code. ICD-O and ICD codes have empty labels: their wording is licensed.
    """
    return _codes(number, max(check_version(version), "250"))


@lru_cache(maxsize=1)
def _newest_ids() -> dict[int, str]:
    return {int(row["number"]): row["id"] for row in sorted(_rows(), key=lambda row: row["last"])}


def analysis_column(number: int) -> str:
    """Gives the column under which an item is analysed: its newest id; 220 and 225 share `sex`."""
    return ANALYSIS_COLUMNS.get(number) or _newest_ids().get(number, f"item{number}")


def birth_surname(items: Mapping[int, str]) -> str:
    """Gives the surname at birth of a patient: 2232 (from v21), else 2390 (to v23)."""
    return items.get(2232) or items.get(2390) or ""
