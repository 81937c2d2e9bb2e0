"""Questions about an algorithm: the tables a schema involves, the inputs it needs, the codes an input may hold.

Rule: the engine specification of the staging packages, section "other public API".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from abstracting.staging.algorithms import Algorithm
from abstracting.staging.cells import parse_input_cell
from abstracting.staging.decisions import positions
from abstracting.staging.engine import Engine
from abstracting.staging.model import CONTEXT_KEYS, INPUT, Schema, SchemaMapping, TablePath

Context = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class ValidCode:
    """One code or range of codes that an input may hold, with a short text where there is one."""

    low: str
    high: str
    label: str = ""

    @property
    def text(self) -> str:
        """The code as shown: `500` or `001-988`."""
        return self.low if self.low == self.high else f"{self.low}-{self.high}"

    @property
    def is_range(self) -> bool:
        return self.low != self.high


def involved_tables(algorithm: Algorithm, schema_id: str) -> tuple[str, ...]:
    """Gives the tables a schema can consult, each once: selection, inputs, outputs, then mappings, JUMPs followed."""
    schema = algorithm.schema(schema_id)
    named: list[str | None] = [schema.selection_table]
    for entry in schema.inputs:
        named += [entry.table, entry.default_table]
    named += [entry.table for entry in schema.outputs]
    named += [path.table for mapping in schema.mappings for path in mapping.paths()]
    return _reached(algorithm, (table_id for table_id in named if table_id))


def involved_schemas(algorithm: Algorithm, table_id: str) -> tuple[str, ...]:
    """Gives the schemas that can consult a table."""
    return tuple(schema_id for schema_id in algorithm.schemas if table_id in involved_tables(algorithm, schema_id))


def _reached(algorithm: Algorithm, table_ids: Iterable[str]) -> tuple[str, ...]:
    """Gives the tables and all they jump to, each once, depth first; unknown ones are left out."""
    found: dict[str, None] = {}
    for start in table_ids:
        waiting = [start]
        while waiting:
            table_id = waiting.pop()
            table = algorithm.decision(table_id)
            if table_id not in found and table is not None:
                found[table_id] = None
                waiting += reversed(table.jumps())
    return tuple(found)


def needed_inputs(engine: Engine, schema_id: str, context: Context | None = None) -> tuple[str, ...]:
    """Gives the keys whose values can decide the outcome: those of schema selection, then those of the mappings.

    With a context the tables of a mapping count only if it involves the mapping. Keys that an earlier table or an
    initial context has set are not asked for, and mapped keys are named as the schema names them.
    """
    algorithm = engine.algorithm
    schema = algorithm.schema(schema_id)
    keys = dict.fromkeys(
        column.key for column in algorithm.table(schema.selection_table).columns if column.kind == INPUT
    )
    involved = None if context is None else set(engine.involved_mappings(schema_id, context))
    produced: set[str] = set()
    for mapping in schema.mappings:
        # what decides about a mapping is always looked at
        for path in (*mapping.inclusion, *mapping.exclusion):
            keys.update(dict.fromkeys(_path_inputs(algorithm, path, produced)))
        if involved is None or mapping.id in involved:
            produced.update(key for key, _ in mapping.initial_context)
            for path in mapping.tables:
                keys.update(dict.fromkeys(_path_inputs(algorithm, path, produced)))
    return tuple(key for key in keys if key not in CONTEXT_KEYS)


def _path_inputs(algorithm: Algorithm, path: TablePath, produced: set[str]) -> tuple[str, ...]:
    """Gives the keys a table path reads that nothing before has set; adds to `produced` what it writes."""
    sources = {target: source for source, target in path.input_mapping}
    targets: dict[str, list[str]] = {}
    for source, target in path.output_mapping:
        targets.setdefault(source, []).append(target)
    keys: dict[str, None] = {}
    for table_id in _reached(algorithm, [path.table]):
        table = algorithm.decision(table_id)
        if table is None:
            continue
        for column in table.table.columns:
            if column.kind == INPUT:
                key = sources.get(column.key, column.key)
                if key not in produced:
                    keys[key] = None
            elif column.key in table.output_keys:
                # a key read before it is written is still an input
                produced.update(key for key in targets.get(column.key, [column.key]) if key not in keys)
        for extra in table.extra_keys:
            key = sources.get(extra, extra)
            if key not in produced:
                keys[key] = None
    return tuple(keys)


def possible_outputs(engine: Engine, schema_id: str, context: Context | None = None) -> tuple[str, ...]:
    """Gives the keys of the output: the schema's own where it defines any, else whatever its tables can write."""
    schema = engine.algorithm.schema(schema_id)
    if schema.outputs:
        return tuple(dict.fromkeys(entry.key for entry in schema.outputs))
    involved = None if context is None else set(engine.involved_mappings(schema_id, context))
    keys: dict[str, None] = {}
    for mapping in schema.mappings:
        if involved is None or mapping.id in involved:
            keys.update(dict.fromkeys(_mapping_outputs(engine.algorithm, mapping)))
    return tuple(keys)


def _mapping_outputs(algorithm: Algorithm, mapping: SchemaMapping) -> Iterable[str]:
    for path in mapping.tables:
        for table_id in _reached(algorithm, [path.table]):
            table = algorithm.decision(table_id)
            for key in () if table is None else table.output_keys:
                mapped = [target for source, target in path.output_mapping if source == key]
                yield from mapped or [key]


def valid_codes(engine: Engine, schema_id: str, key: str, context: Context | None = None) -> tuple[ValidCode, ...]:
    """Gives the codes an input may hold, in the table's order; () for an input without a table or of another schema.

    Columns of other keys restrict the rows only where the context holds these keys.
    """
    entry = engine.algorithm.schema(schema_id).input(key)
    table = engine.algorithm.decision(entry.table) if entry is not None and entry.table else None
    if table is None:
        return ()
    whole: dict[str, str | None] = {**(context or {}), **engine.constants}
    others = [other for other in table.input_keys if other != key and other in whole]
    column = next((c for c in table.table.columns if c.kind == INPUT and c.key == key), None)
    if column is None:
        return ()
    codes: dict[tuple[str, str], ValidCode] = {}
    for row in positions(table.rows(whole, others)):
        for span in parse_input_cell(column.cells[row]) or ():
            shown = span.resolved(whole)
            codes.setdefault((shown.low, shown.high), ValidCode(shown.low, shown.high, table.table.label(row)))
    return tuple(codes.values())


def label_of(engine: Engine, schema_id: str, key: str, value: str) -> str:
    """Gives the short text for a code of an input, "" where the code is not valid or has none."""
    entry = engine.algorithm.schema(schema_id).input(key)
    table = engine.algorithm.decision(entry.table) if entry is not None and entry.table else None
    if table is None:
        return ""
    rows = table.rows({key: value, **engine.constants}, [key])
    return next((table.table.label(row) for row in positions(rows)), "")


@dataclass(frozen=True, slots=True)
class SelectionRule:
    """One row of a schema's selection table as text: the conditions by key, `*` for any value."""

    conditions: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return "; ".join(f"{key}: {condition or '(blank)'}" for key, condition in self.conditions if condition != "*")


def selection_rules(algorithm: Algorithm, schema: Schema) -> tuple[SelectionRule, ...]:
    """Gives the rules by which a schema is chosen, readable: sites, histologies and discriminators."""
    table = algorithm.table(schema.selection_table)
    columns = [column for column in table.columns if column.kind == INPUT]
    return tuple(
        SelectionRule(tuple((c.key, "*" if (cell := c.cells[row]) is None else cell) for c in columns))
        for row in range(table.size)
    )
