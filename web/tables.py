"""Lists as data: one `Table` gives the page, its CSV and its JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

PAGE_SIZE = 50
TWIN_SIZE = 10_000
"""A CSV or JSON twin holds at most so many rows; where more exist it says so."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Paging:
    """Which page was asked for, how large, and in which order (`-name` descending)."""

    page: int = 1
    size: int = PAGE_SIZE
    sort: str = ""


@dataclass(frozen=True)
class Column:
    """One column: `value` gives the plain value of a row, `link` its address, `kind` how it is shown.

    Kinds: text, number, code, date (NAACCR, eight digits), moment, person, site, morphology (`8500/3`). `item` names the
    NAACCR item whose labels explain a code.
    """

    name: str
    title: str
    value: Callable[[Any], Any]
    kind: str = "text"
    link: Callable[[Any], str] | None = None
    item: int | None = None
    sort: bool = False
    hint: str = ""


@dataclass
class Table:
    """Rows of one page with their columns; `more` tells that another page follows, `total` how many there are if known."""

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Any]
    paging: Paging = field(default_factory=Paging)
    more: bool = False
    total: int | None = None
    empty: str = "Nothing matches."
    row_link: Callable[[Any], str] | None = None

    @classmethod
    def of(cls, name: str, caption: str, columns: Sequence[Column], rows: Iterable[Any], paging: Paging, **rest: Any):
        """Gives the table of a list that is wholly at hand: sorted and cut to the page here."""
        found = list(rows)
        wanted = paging.sort.lstrip("-")
        for column in columns:
            if column.sort and column.name == wanted:
                found.sort(key=lambda row: _order(column.value(row)), reverse=paging.sort.startswith("-"))
        start = (paging.page - 1) * paging.size
        part = found[start : start + paging.size]
        more = len(found) > start + paging.size
        return cls(name, caption, columns, part, paging, more=more, total=len(found), **rest)

    def records(self) -> list[dict[str, Any]]:
        """The rows as plain values by column name."""
        return [{column.name: column.value(row) for column in self.columns} for row in self.rows]

    def as_csv(self) -> str:
        """The rows as CSV with titles; a cell that a spreadsheet would compute is preceded by an apostrophe."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow([column.title for column in self.columns])
        for row in self.rows:
            writer.writerow([neutral(column.value(row)) for column in self.columns])
        return out.getvalue()


def neutral(value: Any) -> Any:
    """Gives a CSV cell that no spreadsheet computes: text that begins like a formula is preceded by an apostrophe."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return "" if value is None else value


def _order(value: Any) -> tuple[int, Any]:
    if value is None or value == "":
        return (2, "")
    return (0, value) if isinstance(value, int | float) else (1, str(value))
