"""What the requests of analyses have in common: an address is read with every fault told, and choices become pairs again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any


class Reader:
    """Reads fields out of an address (name → values) and collects every fault; each gives a dictionary of what it read."""

    def __init__(self, given: Mapping[str, Sequence[str]]):
        self.given = given
        self.faults: list[str] = []

    def last(self, name: str) -> str | None:
        """The last value given under a name; nothing where none is."""
        values = self.given.get(name)
        return values[-1].strip() if values else None

    def choice(self, name: str, known: Iterable[str], what: str) -> dict[str, Any]:
        """One of the known values."""
        value = self.last(name)
        if value is None:
            return {}
        if value not in known:
            self.faults.append(f"{value[:40]!r} is no {what}")
            return {}
        return {name: value}

    def many(self, name: str, is_known: Callable[[str], bool], what: str, *, most: int = 20) -> dict[str, Any]:
        """Several known values, in the order given."""
        values = self.given.get(name)
        if values is None:
            return {}
        found = tuple(dict.fromkeys(part.strip() for part in values if part.strip()))
        for part in found:
            if not is_known(part):
                self.faults.append(f"{part[:40]!r} is no {what}")
        if len(found) > most:
            self.faults.append(f"at most {most} of {what} can be given")
        return {name: tuple(part for part in found if is_known(part))[:most]}

    def whole(self, name: str, low: int, high: int, what: str, *, open_end: bool = True) -> dict[str, Any]:
        """A whole number in a range; an empty field is an open end, or else as if it were not there."""
        value = self.last(name)
        if value is None or (not value and not open_end):
            return {}
        if not value:
            return {name: None}
        if not re.fullmatch(r"[0-9]{1,10}", value) or not low <= int(value) <= high:
            self.faults.append(f"{what} {value[:20]!r} is no whole number from {low} to {high}")
            return {}
        return {name: int(value)}

    def number(self, name: str, low: float, high: float, what: str, *, kind: str = "number") -> dict[str, Any]:
        """A number in a range; an empty field is as if it were not there."""
        value = self.last(name)
        if not value:
            return {}
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            self.faults.append(f"{what} {value[:20]!r} is no {kind} from {low:g} to {high:g}")
            return {}
        return {name: number}

    def switch(self, name: str) -> dict[str, Any]:
        """A box: a form sends a hidden 0 before it, so that an empty box is told from a box that was not there."""
        value = self.last(name)
        return {} if value is None else {name: value == "1"}


def to_pairs(request: Any) -> list[tuple[str, str]]:
    """Gives the choices of a request that are not defaults as pairs of an address, in the order of its fields.

    Tuples of numbers are one value with commas.
    """
    found = []
    for one in fields(request):
        value = getattr(request, one.name)
        if value != one.default:
            found.append((one.name, _text(value)))
    return found


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(f"{part:g}" for part in value)
    if isinstance(value, bool):
        return "1" if value else "0"
    return f"{value:g}" if isinstance(value, float) else str(value)


def of_pairs(pairs: Iterable[Sequence[str]]) -> dict[str, list[str]]:
    """Gives pairs as an address has them: name → values."""
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    return given
