"""A schema with its tables at hand: what the engine walks through for every case, worked out once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from abstracting.errors import AbstractingError
from abstracting.staging.algorithms import Algorithm
from abstracting.staging.cells import Endpoint
from abstracting.staging.decisions import DecisionTable
from abstracting.staging.model import FAIL, FAIL_WHEN_USED, YEAR, Input, Output, Schema, SchemaMapping, TablePath


class PathPlan:
    """One table path: the table, the keys renamed before it, and where its endpoints write."""

    __slots__ = ("_plain_rows", "_targets", "input_mapping", "step", "table")

    def __init__(self, mapping_id: str, path: TablePath):
        self.table = path.table
        self.step = f"{mapping_id}.{path.table}"
        self.input_mapping = path.input_mapping
        targets: dict[str, list[str]] = {}
        for source, target in path.output_mapping:
            targets.setdefault(source, []).append(target)
        self._targets = {source: tuple(names) for source, names in targets.items()}
        self._plain_rows: dict[int, dict[str, str] | None] = {}

    def plain_writes(self, table: DecisionTable, row: int) -> dict[str, str] | None:
        """Gives what a row of this path's table writes, or None where it does more than write fixed values."""
        try:
            return self._plain_rows[row]
        except KeyError:
            writes = self._plain_rows[row] = self._collect_writes(table.endpoints(row))
            return writes

    def _collect_writes(self, endpoints: Iterable[Endpoint]) -> dict[str, str] | None:
        writes: dict[str, str] = {}
        for endpoint in endpoints:
            if endpoint.kind == "VALUE" and endpoint.value is not None and endpoint.refers_to is None:
                writes.update(dict.fromkeys(self.written_keys(endpoint.key), endpoint.value))
            elif endpoint.kind != "MATCH":
                return None
        return writes

    def written_keys(self, key: str) -> tuple[str, ...]:
        """Gives the context keys that an endpoint of this column key writes: the mapped ones, else its own."""
        return self._targets.get(key) or (key,)


class _Condition:
    """An inclusion or exclusion table, tested on a copy of the context with its own renaming."""

    __slots__ = ("_mapping", "_table")

    def __init__(self, path: TablePath, table: DecisionTable):
        self._mapping, self._table = path.input_mapping, table

    def matches(self, context: Mapping[str, str | None]) -> bool:
        if self._mapping:
            renamed = dict(context)
            for source, target in self._mapping:
                if source in renamed:
                    renamed[target] = renamed[source]
            context = renamed
        return self._table.row(context) is not None


class MappingPlan:
    """One mapping: `is_involved` tests it, `consulted` is what its test leaves in the path."""

    __slots__ = ("_exclusion", "_inclusion", "consulted", "id", "initial_context", "tables")

    def __init__(self, algorithm: Algorithm, mapping: SchemaMapping):
        self.id = mapping.id
        self._inclusion = tuple(_Condition(path, _needed(algorithm, path)) for path in mapping.inclusion)
        self._exclusion = tuple(_Condition(path, _needed(algorithm, path)) for path in mapping.exclusion)
        self.consulted = [f"{mapping.id}.{path.table}" for path in (*mapping.inclusion, *mapping.exclusion)]
        self.initial_context = dict(mapping.initial_context)
        self.tables = tuple(PathPlan(mapping.id, path) for path in mapping.tables)

    def is_involved(self, context: Mapping[str, str | None]) -> bool:
        """Tells whether every inclusion table matches and no exclusion table does."""
        return all(condition.matches(context) for condition in self._inclusion) and not any(
            condition.matches(context) for condition in self._exclusion
        )


def _needed(algorithm: Algorithm, path: TablePath) -> DecisionTable:
    table = algorithm.decision(path.table)
    if table is None:
        # the loader refuses such packages; an algorithm built by hand can still be wrong
        raise AbstractingError("staging-algorithm", f"a mapping needs the missing table {path.table!r}")
    return table


class SchemaPlan:
    """One schema: inputs with their tables and whether a wrong code stops the case, outputs, mappings."""

    def __init__(self, algorithm: Algorithm, schema: Schema):
        self.schema = schema
        # a later input or output of the same key replaces an earlier one
        inputs: dict[str, Input] = {entry.key: entry for entry in schema.inputs}
        outputs: dict[str, Output] = {entry.key: entry for entry in schema.outputs}
        self.input_keys = frozenset(inputs)
        self.output_keys = frozenset(outputs)
        self.hidden_keys = self.input_keys - self.output_keys
        self.inputs = tuple(
            (entry, algorithm.decision(entry.table) if entry.table else None, _stops(schema, entry))
            for entry in inputs.values()
        )
        self.checked_outputs = tuple(
            (entry, algorithm.decision(entry.table)) for entry in outputs.values() if entry.table
        )
        self.mappings = tuple(MappingPlan(algorithm, mapping) for mapping in schema.mappings)
        self.year_input = inputs.get(YEAR)
        year_table = None if self.year_input is None else self.year_input.table
        self.year_table = algorithm.decision(year_table) if year_table else None


def _stops(schema: Schema, entry: Input) -> bool:
    if schema.on_invalid_input == FAIL:
        return True
    return schema.on_invalid_input == FAIL_WHEN_USED and entry.used_for_staging
