"""The data of practice: the items that are asked and how they are scored, the sets, the wording of charts."""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

PRIMARIES = 0
"""The number of the one question that is no NAACCR item: how many primaries the chart describes."""

PRIMARIES_NAME = "Number of primaries in this chart"
ANY = "any"
"""The difficulty of a set that takes whatever comes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One item that exercises ask: its section, its weight, what nearness earns, and the rule behind the code."""

    number: int
    section: str
    weight: float
    credit: tuple[tuple[str, ...], ...]
    rule: str


@cache
def asked() -> dict[int, Asked]:
    """Gives the items that exercises ask, in the order of the form."""
    lines = [line for line in _text("items.csv").splitlines() if line and not line.startswith("#")]
    return {
        int(row["item"]): Asked(
            int(row["item"]),
            row["section"],
            float(row["weight"]),
            tuple(tuple(part.split()) for part in row["credit"].split(";") if part.strip()),
            row["rule"],
        )
        for row in csv.DictReader(lines)
    }


@cache
def sections() -> tuple[str, ...]:
    """Gives the sections in the order of the form."""
    return tuple(dict.fromkeys(one.section for one in asked().values()))


@cache
def plan() -> dict[str, Any]:
    """Gives sets, pools, points and difficulties as `sets.toml` says."""
    return tomllib.loads(_text("sets.toml"))


@cache
def wording() -> dict[str, Any]:
    """Gives the phrases of charts by what they say."""
    return tomllib.loads(_text("wording.toml"))


def _text(name: str) -> str:
    return (files("registry.practice") / "data" / name).read_text(encoding="utf-8")
