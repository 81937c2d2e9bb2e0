"""What a reader hands to the importer: one patient with its tumors, a row it could not take, or something to point out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Values = dict[int, str]


@dataclass(frozen=True)
class IncomingTumor:
    """One tumor record of a file: its row (from 1, in the file's order) and its items by number.

    `parts` counts rows of other tables that are joined into it (`{"source": 2}`): they share its fate in the report.
    """

    row: int
    items: Values
    parts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class IncomingPatient:
    """One person of a file with the tumors that came with them; `registry_id` is the file's own item 40."""

    row: int
    items: Values
    tumors: list[IncomingTumor] = field(default_factory=list)
    registry_id: str = ""


@dataclass(frozen=True)
class Rejected:
    """A row that cannot be taken: of which table, which row, why, and its content so that nothing is lost."""

    table: str
    row: int
    code: str
    message: str
    content: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Noticed:
    """Something in a row that was taken all the same: a part of a date unknown, a code not in the lists, a long value."""

    row: int
    code: str
    message: str
    item: int | None = None


Event = IncomingPatient | Rejected | Noticed


class Reader(Protocol):
    """A file of some format as a stream of events; `done` tells how far the reading is, from 0 to 1."""

    format: str
    version: str

    def __iter__(self) -> Iterator[Event]: ...

    @property
    def done(self) -> float: ...


def digest(items: Mapping[int, str]) -> str:
    """Gives the fingerprint of a record's items: the same for the same content whatever the order."""
    text = json.dumps(sorted(items.items()), ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


CONTROL = frozenset(chr(c) for c in range(32)) - {"\t", "\n", "\r"}


def has_control(items: Mapping[int, str]) -> bool:
    """Whether a value holds control characters, which neither XML nor PostgreSQL can keep."""
    return any(not CONTROL.isdisjoint(value) for value in items.values())
