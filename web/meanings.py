"""What a code means, in short words, beside the code: labels of the item dictionary and of the code systems."""

from __future__ import annotations

from functools import lru_cache

from abstracting.codes.system import CodeSystem
from abstracting.naaccr import items
from registry.items import known


@lru_cache(maxsize=4000)
def name(number: int) -> str:
    """The name of an item, the standard's or the site's own."""
    item = known(number)
    return item.name.replace("--", ": ") if item else f"Item {number}"


@lru_cache(maxsize=4000)
def length(number: int) -> int:
    """The greatest length of an item's value; 0 where the standard does not know the item."""
    item = known(number)
    return item.length if item else 0


@lru_cache(maxsize=4000)
def kind(number: int) -> str:
    """The data type of an item: text, date, digits, …"""
    item = known(number)
    return item.type if item else ""


@lru_cache(maxsize=20_000)
def meaning(number: int, value: str) -> str:
    """The short label of a code; empty where the item has no list, the code none, or the value is blank."""
    if not value:
        return ""
    if system := code_system(number):
        return system.label(value)
    for version in ("260", "250"):
        if label := items.codes(number, version).get(value):
            return label
    return ""


def choices(number: int) -> dict[str, str]:
    """The allowed codes of an item with their labels, for a list to pick from; empty where there is none."""
    return dict(items.codes(number)) or dict(items.codes(number, "250"))


def code_system(number: int) -> CodeSystem | None:
    """The code system of an item that is searched by code or by words; None where the item has a short list or none."""
    if number == 400:
        from abstracting.codes.topography import topography

        return topography()
    if number == 522:
        from abstracting.codes.morphology import histology

        return histology()
    return None


def find_codes(number: int, query: str, limit: int = 12) -> list[tuple[str, str]]:
    """Gives codes of an item with their labels, by code or by words, best first."""
    if system := code_system(number):
        return [(match.code, match.label) for match in system.search(query, limit=limit)]
    wanted = query.lower().split()
    found = [
        (code, label)
        for code, label in choices(number).items()
        if code.lower().startswith(query.lower()) or (wanted and all(word in label.lower() for word in wanted))
    ]
    return found[:limit]


def date_text(value: str | None) -> str:
    """A NAACCR date as people read it: 2019-03-04, 2019-03, 2019; nothing where nothing is known."""
    text = (value or "").strip()
    parts = [text[:4], text[4:6], text[6:8]]
    kept = []
    for part in parts:
        if not part or set(part) == {"9"} or not part.strip():
            break
        kept.append(part)
    return "-".join(kept)


def site_text(value: str | None) -> str:
    """A topography code with its dot: C50.9."""
    text = value or ""
    return f"{text[:3]}.{text[3:]}" if len(text) == 4 and text[0] == "C" else text


def morphology_text(histology: str | None, behavior: str | None) -> str:
    """A morphology code as written: 8500/3."""
    return f"{histology or ''}/{behavior}" if behavior else histology or ""
