"""Column maps made on a page: what a table's columns hold, and the map as the TOML file that the command line takes too."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from registry.exchange.tables import ColumnMap, item_number, read_rows

MOST_VALUES = 25
"""Columns with at most so many different values have their codes listed, each to be given its NAACCR code."""

SAMPLES = 3
SAMPLE_LENGTH = 40


@dataclass(frozen=True)
class ColumnSketch:
    """One column of a table: its header, the item its name says (None: none), examples, and its values by frequency."""

    header: str
    item: int | None
    samples: tuple[str, ...]
    values: tuple[tuple[str, int], ...]
    distinct: int
    filled: int


@dataclass(frozen=True)
class TableSketch:
    """A table as its columns; `missing` names what an import cannot do without and no column is."""

    columns: tuple[ColumnSketch, ...]
    rows: int
    encoding: str


def sketch(path: Path) -> TableSketch:
    """Reads a table and gives its columns."""
    headers, rows, encoding = read_rows(path)
    found = []
    for place, header in enumerate(headers):
        counts = Counter(row[place].strip() for row in rows if len(row) > place and row[place].strip())
        samples = tuple(value[:SAMPLE_LENGTH] for value in list(counts)[:SAMPLES])
        values = tuple(counts.most_common()) if len(counts) <= MOST_VALUES else ()
        found.append(ColumnSketch(header, item_number(header), samples, values, len(counts), counts.total()))
    return TableSketch(tuple(found), len(rows), encoding)


def needed(mapping: ColumnMap, table: TableSketch) -> list[int]:
    """Gives the items without which every row is rejected (20 and 60) that neither a column nor a constant holds."""
    given = set(mapping.constants) | {mapping.columns.get(c.header) or c.item for c in table.columns}
    return [number for number in (20, 60) if number not in given]


def as_toml(columns: Mapping[str, str], values: Mapping[str, Mapping[str, str]], constants: Mapping[str, str]) -> str:
    """Gives a column map as the TOML text that `oncoregistry import --map` reads."""

    def text(value: str) -> str:
        # TOML's basic strings are JSON's, but for the delete character
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

    lines = ["[columns]", *(f"{text(header)} = {text(item)}" for header, item in columns.items() if item)]
    if filled := {item: value for item, value in constants.items() if item and value}:
        lines += ["", "[constants]", *(f"{text(item)} = {text(value)}" for item, value in filled.items())]
    for header, codes in values.items():
        if changed := {code: value for code, value in codes.items() if value and value != code}:
            lines += ["", f"[values.{text(header)}]"]
            lines += [f"{text(code)} = {text(value)}" for code, value in changed.items()]
    return "\n".join(lines) + "\n"
