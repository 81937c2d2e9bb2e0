"""Schemas and tables of a staging algorithm as plain values, the same from an official package and from our own file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

SITE, HISTOLOGY, YEAR = "site", "hist", "year_dx"
# keys the engine itself puts into a context; never asked for
VERSION_KEY, CURRENT_YEAR_KEY = "ctx_alg_version", "ctx_year_current"
CONTEXT_KEYS = (VERSION_KEY, CURRENT_YEAR_KEY)
# tables every algorithm must have: the codes that are valid at all
SITE_TABLE, HISTOLOGY_TABLE = "primary_site", "histology"

CONTINUE, FAIL, FAIL_WHEN_USED = "CONTINUE", "FAIL", "FAIL_WHEN_USED_FOR_STAGING"
# items that replaced another: sex assigned at birth (225) holds what was sex (220) before
SUCCESSORS = {220: 225}

ON_INVALID_INPUT = (CONTINUE, FAIL, FAIL_WHEN_USED)

INPUT, ENDPOINT, DESCRIPTION = "INPUT", "ENDPOINT", "DESCRIPTION"
COLUMN_KINDS = (INPUT, ENDPOINT, DESCRIPTION)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One mark on an item: a name such as SSDI or SEER_REQUIRED and the diagnosis years it holds for."""

    name: str
    start: int | None = None
    end: int | None = None

    def holds_in(self, year: int | None) -> bool:
        """Tells whether the mark holds for a diagnosis year; an unknown year leaves it open, hence true."""
        if year is None:
            return True
        return (self.start is None or year >= self.start) and (self.end is None or year <= self.end)


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a schema, with the NAACCR item that feeds it and the table that validates it."""

    key: str
    name: str = ""
    item: int | None = None
    xml_id: str | None = None
    default: str | None = None
    default_table: str | None = None
    table: str | None = None
    used_for_staging: bool = False
    unit: str | None = None
    decimal_places: int | None = None
    metadata: tuple[Requirement, ...] = ()
    text: str = ""

    def is_marked(self, name: str, year: int | None = None) -> bool:
        """Tells whether the item carries the mark in the diagnosis year."""
        return any(mark.name == name and mark.holds_in(year) for mark in self.metadata)


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a schema, with the NAACCR item that stores it."""

    key: str
    name: str = ""
    item: int | None = None
    xml_id: str | None = None
    default: str | None = None
    table: str | None = None
    metadata: tuple[Requirement, ...] = ()


Entry = TypeVar("Entry", Input, Output)


@dataclass(frozen=True, slots=True)
class TablePath:
    """A table to run, with the keys renamed on the way in and on the way out as (from, to) pairs."""

    table: str
    input_mapping: tuple[tuple[str, str], ...] = ()
    output_mapping: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SchemaMapping:
    """One step of a schema: when it is involved, what it sets first, and the tables it runs in order."""

    id: str
    inclusion: tuple[TablePath, ...] = ()
    exclusion: tuple[TablePath, ...] = ()
    initial_context: tuple[tuple[str, str | None], ...] = ()
    tables: tuple[TablePath, ...] = ()

    def paths(self) -> Iterable[TablePath]:
        """Gives every table path in the order in which it is tested or run."""
        yield from self.inclusion
        yield from self.exclusion
        yield from self.tables


@dataclass(frozen=True, slots=True)
class Schema:
    """How one group of tumors is staged: selection, inputs, outputs, mappings; `algorithm` is the name of its own."""

    id: str
    title: str
    selection_table: str
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    mappings: tuple[SchemaMapping, ...] = ()
    discriminators: tuple[str, ...] = ()
    initial_context: tuple[tuple[str, str | None], ...] = ()
    on_invalid_input: str = CONTINUE
    number: int | None = None
    algorithm: str = ""
    texts: dict[str, str] = field(default_factory=dict, compare=False)

    def input(self, key: str) -> Input | None:
        """Gives the input with this key, or None."""
        return next((entry for entry in self.inputs if entry.key == key), None)

    def output(self, key: str) -> Output | None:
        """Gives the output with this key, or None."""
        return next((entry for entry in self.outputs if entry.key == key), None)

    def input_for(self, item: int | str) -> Input | None:
        """Gives the input fed by a NAACCR item number or XML id, or None."""
        return _by_item(self.inputs, item)

    def output_for(self, item: int | str) -> Output | None:
        """Gives the output stored in a NAACCR item number or XML id, or None."""
        return _by_item(self.outputs, item)


def _by_item(entries: Sequence[Entry], item: int | str) -> Entry | None:
    number = int(item) if isinstance(item, int) or item.isdecimal() else None
    return next((e for e in entries if (e.item == number if number is not None else e.xml_id == item)), None)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its key, its kind and its cells, one per row (None only where a cell is null)."""

    key: str
    kind: str
    cells: tuple[str | None, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A decision table, column by column; `labels` holds a short text per row where there is one."""

    id: str
    columns: tuple[Column, ...]
    size: int
    title: str = ""
    labels: tuple[str, ...] = ()
    texts: dict[str, str] = field(default_factory=dict, compare=False)

    def row(self, index: int) -> dict[str, str | None]:
        """Gives the cells of one row by column key; a later column of the same key wins."""
        return {column.key: column.cells[index] for column in self.columns}

    def label(self, index: int) -> str:
        """Gives the short text of one row, "" where there is none."""
        return self.labels[index] if self.labels else ""


@dataclass(frozen=True, slots=True)
class GlossaryEntry:
    """A term that a publisher explains, with its other names."""

    name: str
    definition: str
    alternate_names: tuple[str, ...] = ()
