"""Ways of follow-up as data, and which of them comes next for a patient: the hierarchy, what each needs, what was tried."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, kw_only=True)
class Source:
    """One way of follow-up: what it needs, how it is done, the codes it leaves, and its chance before anything is known."""

    id: str
    title: str
    step: str
    channel: str
    code: str
    next_code: str
    needs: tuple[str, ...]
    before: float
    weight: float
    minutes: int
    wait_days: int


def _read() -> dict[str, Source]:
    text = (files("registry.followup") / "data" / "sources.toml").read_text(encoding="utf-8")
    return {row["id"]: Source(**{**row, "needs": tuple(row["needs"])}) for row in tomllib.loads(text)["source"]}


SOURCES: dict[str, Source] = _read()
"""The ways by name, in order of the hierarchy."""

OTHER = "5"
LETTER, LOOK_UP, PHONE, FILE = "letter", "look-up", "phone", "file"


def possible(has: Collection[str], *, tried: Collection[str] = ()) -> list[Source]:
    """Gives the ways that are open for a patient in order of the hierarchy: all they need is there, and not tried yet."""
    return [source for source in SOURCES.values() if source.id not in tried and set(source.needs) <= set(has)]


def chosen(ways: Sequence[Source], wish: str = "") -> Source:
    """Gives the next of the open ways: the one that the record asks for (1800) where it is open, else the first.

    Code 5 (other) names no way and asks for none.
    """
    wished = [way for way in ways if wish and wish != OTHER and way.next_code == wish]
    return (wished or list(ways))[0]
