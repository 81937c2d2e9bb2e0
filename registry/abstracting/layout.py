"""The abstract's form: sections, groups and the items that a case needs; the schema adds its own.

An item is shown when its years hold the year of diagnosis, or when it has a value: what is there is never hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from abstracting.staging.model import Schema
from abstracting.staging.schemas import desk as staging_desk
from abstracting.staging.schemas import ssdi_items
from registry.abstracting.tables import rows
from registry.items import known, site_items

SECTIONS = (
    "Identification",
    "Demographics",
    "Diagnosis",
    "Stage",
    "Treatment",
    "Follow-up",
    "Text",
    "State",
    "Administration",
)
SITE_SPECIFIC, OTHER_ITEMS, OVERRIDES, DISCRIMINATORS = "Site-specific items", "Other items", "Overrides", "Schema"
BY_PROGRAM, HELD = "desk", "held"
_OWN = {int(row["item"]) for row in rows("layout")}


@dataclass(frozen=True)
class Group:
    """A heading in a section with its items; `desk` are those that the program sets."""

    title: str
    items: tuple[int, ...]


@dataclass(frozen=True)
class Section:
    """One section of the form."""

    title: str
    groups: tuple[Group, ...]


SET_BY_PROGRAM = frozenset(int(row["item"]) for row in rows("layout") if row["when"] == BY_PROGRAM) | {
    230,
    762,
    1975,
    3800,
    3804,
    3806,
}
"""Items that the program sets: shown and not typed."""


def year_of(items: Mapping[int, str]) -> int | None:
    """The year of diagnosis, None where it is not known."""
    text = items.get(390, "")[:4]
    return int(text) if text.isdigit() and text != "9999" else None


def schema_of(items: Mapping[int, str]) -> Schema | None:
    """The staging schema of a case, None where site and histology do not tell it."""
    return staging_desk().schema(staging_desk().schema_for(items))


def sections(items: Mapping[int, str], *, added: Iterable[int] = ()) -> tuple[Section, ...]:
    """Gives the sections with their groups for a case as it is now; `added` are items that somebody asked for."""
    year, asked = year_of(items), frozenset(added)
    found: dict[str, dict[str, list[int]]] = {title: {} for title in SECTIONS}
    for row in rows("layout"):
        number = int(row["item"])
        if items.get(number) or number in asked or _is_asked(row, year, items):
            found[row["section"]].setdefault(row["group"], []).append(number)
    if specific := _site_specific(items, year):
        found["Stage"] = _after(found["Stage"], "Extent", SITE_SPECIFIC, specific)
    if missing := _discriminators(items):
        found["Diagnosis"][DISCRIMINATORS] = [n for n in missing if n not in found["Diagnosis"]["Diagnosis"]]
    placed = {number for groups in found.values() for numbers in groups.values() for number in numbers}
    if state := [n for n in site_items() if n not in placed]:
        found["State"]["Items of this registry"] = state
    placed |= set(state)
    rest = [n for n in sorted({*items, *asked}) if n not in placed and known(n) is not None and n not in (20, 60, 21)]
    overrides = [n for n in rest if _is_override(n)]
    if overrides:
        found["Administration"][OVERRIDES] = overrides
    if others := [n for n in rest if n not in overrides]:
        found["Administration"][OTHER_ITEMS] = others
    return tuple(
        Section(title, tuple(Group(name, tuple(numbers)) for name, numbers in groups.items() if numbers))
        for title, groups in found.items()
        if any(groups.values())
    )


def numbers(shown: Iterable[Section]) -> tuple[int, ...]:
    """Gives the items of the sections in their order."""
    return tuple(number for section in shown for group in section.groups for number in group.items)


def _is_asked(row: Mapping[str, str], year: int | None, items: Mapping[int, str]) -> bool:
    when = row["when"]
    if when == HELD or (when not in ("", BY_PROGRAM) and not any(holds(items, part) for part in when.split(";"))):
        return False
    if year is None:
        # without a year the newest form is shown
        return not row["last"]
    return (not row["first"] or year >= int(row["first"])) and (not row["last"] or year <= int(row["last"]))


def holds(items: Mapping[int, str], part: str) -> bool:
    """Whether an item holds what a condition asks for: `3780` any value, `1532=02 03` one that begins with one of these."""
    number, _, beginnings = part.partition("=")
    value = items.get(int(number), "")
    return bool(value) and (not beginnings or value.startswith(tuple(beginnings.split())))


def _site_specific(items: Mapping[int, str], year: int | None) -> list[int]:
    schema = schema_of(items)
    if schema is None:
        return []
    asked = [entry.item for entry in ssdi_items(schema, year)]
    asked += [entry.item for entry in schema.inputs if entry.used_for_staging]
    return [
        n for n in dict.fromkeys(asked) if n is not None and n not in _OWN and n not in SET_BY_PROGRAM and n != 2935
    ]


def _discriminators(items: Mapping[int, str]) -> list[int]:
    choice = staging_desk().schema_for(items)
    held = [n for n in (3926, 3927, 3928) if items.get(n)]
    if not items.get(400) or not items.get(522):
        return held
    return list(dict.fromkeys([*held, *(m.item for m in choice.missing if m.item is not None)]))


def _after(groups: dict[str, list[int]], place: str, title: str, numbers: list[int]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for name, held in groups.items():
        found[name] = held
        if name == place:
            found[title] = numbers
    return found if title in found else found | {title: numbers}


@lru_cache(maxsize=4000)
def _is_override(number: int) -> bool:
    item = known(number)
    return item is not None and "over-ride" in item.name.lower()
