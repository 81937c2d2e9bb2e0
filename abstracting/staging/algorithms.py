"""A staging algorithm: its schemas and tables, made ready to run one at a time as they are first needed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from abstracting.errors import AbstractingError
from abstracting.staging.decisions import DecisionTable
from abstracting.staging.model import GlossaryEntry, Schema, Table
from abstracting.staging.selection import SchemaSelection


class Algorithm:
    """One version of one algorithm.

    `schemas` and `tables` map ids to values; they may build these lazily. `source` names where the tables came from.
    An algorithm never changes; what it remembers between cases only makes it faster.
    """

    def __init__(
        self,
        name: str,
        version: str,
        schemas: Mapping[str, Schema],
        tables: Mapping[str, Table],
        *,
        glossary: Mapping[str, GlossaryEntry] | None = None,
        source: str = "",
    ):
        self.name, self.version, self.source = name, version, source
        self.schemas, self.tables = schemas, tables
        self.glossary: Mapping[str, GlossaryEntry] = glossary or {}
        self._decisions: dict[str, DecisionTable | None] = {}

    def __repr__(self) -> str:
        return f"Algorithm({self.name!r}, {self.version!r}, source={self.source!r})"

    @property
    def schema_ids(self) -> tuple[str, ...]:
        return tuple(self.schemas)

    @property
    def table_ids(self) -> tuple[str, ...]:
        return tuple(self.tables)

    def schema(self, schema_id: str) -> Schema:
        """Gives a schema; raises `staging-algorithm` for an unknown id."""
        try:
            return self.schemas[schema_id]
        except KeyError:
            raise self._unknown("schema", schema_id) from None

    def table(self, table_id: str) -> Table:
        """Gives a table; raises `staging-algorithm` for an unknown id."""
        try:
            return self.tables[table_id]
        except KeyError:
            raise self._unknown("table", table_id) from None

    def _unknown(self, what: str, name: str) -> AbstractingError:
        return AbstractingError("staging-algorithm", f"{self.name} {self.version} has no {what} {name!r}")

    def decision(self, table_id: str) -> DecisionTable | None:
        """Gives a table ready to run, or None when there is no such table."""
        try:
            return self._decisions[table_id]
        except KeyError:
            table = self.tables.get(table_id)
            found = self._decisions[table_id] = None if table is None else DecisionTable(table)
            return found

    @cached_property
    def selection(self) -> SchemaSelection:
        """The selection rules of all schemas, ready to look up."""
        return SchemaSelection(self.schemas, self.tables)
