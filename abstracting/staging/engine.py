"""The staging engine: one case through one algorithm.

Rule: the engine specification of the staging packages, sections "stage", "process" and "default". The order of steps is
theirs and is kept even where it looks odd, because published results depend on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property

from abstracting.errors import AbstractingError
from abstracting.staging.algorithms import Algorithm
from abstracting.staging.cells import TRIMMED, Endpoint, resolve
from abstracting.staging.decisions import DecisionTable
from abstracting.staging.model import CONTEXT_KEYS, CURRENT_YEAR_KEY, HISTOLOGY, SITE, SUCCESSORS, VERSION_KEY, Input
from abstracting.staging.plans import MappingPlan, PathPlan, SchemaPlan
from abstracting.staging.results import (
    INVALID_INPUT,
    INVALID_YEAR,
    MISSING_SITE_OR_HISTOLOGY,
    MULTIPLE_MATCHING_SCHEMAS,
    NO_MATCHING_SCHEMA,
    STAGED,
    StagingError,
    StagingResult,
)

Context = dict[str, str | None]


class Engine:
    """Stages cases with one algorithm.

    `current_year` closes the range of valid diagnosis years; today's year when not given.
    """

    def __init__(self, algorithm: Algorithm, *, current_year: int | None = None):
        self.algorithm = algorithm
        self.current_year = date.today().year if current_year is None else current_year
        self.constants = {VERSION_KEY: algorithm.version, CURRENT_YEAR_KEY: str(self.current_year)}
        self._plans: dict[str, SchemaPlan] = {}

    def stage(self, inputs: Mapping[str, str | None]) -> StagingResult:
        """Gives the result of one case; raises `staging-inputs` when a value is neither text nor None.

        Send only keys of the schema: any other key fails the case. None means missing and takes the default; "" means
        recorded as blank and does not.
        """
        context = trimmed(inputs)
        if inputs.get(SITE) is None or inputs.get(HISTOLOGY) is None:
            return StagingResult(MISSING_SITE_OR_HISTOLOGY)
        found = self.algorithm.selection.lookup(inputs)
        if len(found) != 1:
            return StagingResult(MULTIPLE_MATCHING_SCHEMAS if found else NO_MATCHING_SCHEMA)
        plan = self.plan(found[0])
        result = StagingResult(STAGED, found[0])
        if not plan.input_keys.issuperset(context):
            for key in context:
                if key not in plan.input_keys:
                    result.errors.append(StagingError("UNKNOWN_INPUT", key, message=f"Unknown input '{key}'"))
            result.result = INVALID_INPUT
            return result
        context.update(self.constants)
        if not _is_valid_in(plan.year_input, plan.year_table, context):
            result.result = INVALID_YEAR
            return result
        if not self._process(plan, context, result):
            result.result = INVALID_INPUT
            return result
        result.output = {key: value or "" for key, value in context.items() if key not in plan.hidden_keys}
        return result

    def plan(self, schema_id: str) -> SchemaPlan:
        """Gives a schema with its tables at hand."""
        plan = self._plans.get(schema_id)
        if plan is None:
            plan = self._plans[schema_id] = SchemaPlan(self.algorithm, self.algorithm.schema(schema_id))
        return plan

    @cached_property
    def keys_by_item(self) -> dict[int, str]:
        """The input key that each NAACCR item feeds, over all schemas; replaced items lead to their successor's."""
        keys = {
            entry.item: entry.key
            for schema in self.algorithm.schemas.values()
            for entry in schema.inputs
            if entry.item is not None
        }
        return {old: keys[new] for old, new in SUCCESSORS.items() if new in keys} | keys

    @cached_property
    def items_by_key(self) -> dict[str, tuple[int | None, str | None]]:
        """The NAACCR item (number, XML id) that feeds each input key, over all schemas."""
        return {
            entry.key: (entry.item, entry.xml_id)
            for schema in self.algorithm.schemas.values()
            for entry in schema.inputs
        }

    def is_context_valid(self, schema_id: str, key: str, context: Mapping[str, str | None]) -> bool:
        """Tells whether the value of `key` in the context passes its table; False for unknown schemas and keys."""
        schema = self.algorithm.schemas.get(schema_id)
        entry = None if schema is None else schema.input(key)
        if entry is None or not context:
            return False
        table = self.algorithm.decision(entry.table) if entry.table else None
        return _is_valid_in(entry, table, {**self.constants, **trimmed(context)})

    def is_code_valid(self, schema_id: str, key: str, value: str | None) -> bool:
        """Tells whether a single code passes the table of its input, all other keys being blank."""
        return self.is_context_valid(schema_id, key, {key: value})

    def default_of(self, schema_id: str, key: str, context: Mapping[str, str | None]) -> str:
        """Gives the default of an input in a context, "" when it has none."""
        entry = self.algorithm.schema(schema_id).input(key)
        if entry is None:
            return ""
        unused = StagingResult(STAGED)
        return self._default(entry, {**self.constants, **trimmed(context)}, unused) or ""

    def row_of(self, table_id: str, context: Mapping[str, str | None]) -> int | None:
        """Gives the index of the first row of a table that fits the context, or None (also for an unknown table)."""
        table = self.algorithm.decision(table_id)
        return None if table is None else table.row({**context, **self.constants})

    def involved_mappings(self, schema_id: str, context: Mapping[str, str | None]) -> tuple[str, ...]:
        """Gives the ids of a schema's mappings that the context involves."""
        plan, whole = self.plan(schema_id), {**trimmed(context), **self.constants}
        return tuple(mapping.id for mapping in plan.mappings if mapping.is_involved(whole))

    def _process(self, plan: SchemaPlan, context: Context, result: StagingResult) -> bool:
        """Runs a schema; the outputs are left in the context. Gives False when invalid input stops the case."""
        if not self._validate_inputs(plan, context, result):
            return False
        for output in plan.schema.outputs:
            context[output.key] = "" if output.default is None else resolve(output.default, context)
        for key, value in plan.schema.initial_context:
            context[key] = resolve(value, context)
        for mapping in plan.mappings:
            if mapping.is_involved(context):
                self._run_mapping(mapping, context, result)
        _close(plan, context, result)
        return True

    def _validate_inputs(self, plan: SchemaPlan, context: Context, result: StagingResult) -> bool:
        """Fills defaults and checks what was supplied; defaults and blanks are never checked."""
        goes_on = True
        for entry, table, stops in plan.inputs:
            key = entry.key
            value = context.get(key)
            if value is None:
                default = entry.default
                if default is not None and default[:2] != "{{":
                    context[key] = default
                else:
                    context[key] = self._default(entry, context, result)
            elif value and entry.table is not None:
                if table is None:
                    result.errors.append(
                        StagingError("UNKNOWN_TABLE", key, message=f"Input table '{entry.table}' does not exist")
                    )
                elif table.row(context) is None:
                    used = entry.used_for_staging
                    kind = "INVALID_REQUIRED_INPUT" if used else "INVALID_NON_REQUIRED_INPUT"
                    message = f"Invalid '{key}' value ({value})"
                    result.errors.append(StagingError(kind, key, entry.table, message=message))
                    if stops:
                        goes_on = False
        return goes_on

    def _default(self, entry: Input, context: Mapping[str, str | None], result: StagingResult) -> str | None:
        if entry.default is not None:
            return resolve(entry.default, context)
        if entry.default_table is None:
            return ""
        table = self.algorithm.decision(entry.default_table)
        if table is None:
            message = f"Default table '{entry.default_table}' does not exist"
            result.errors.append(StagingError("UNKNOWN_TABLE", entry.key, message=message))
            return ""
        row = table.row(context)
        for endpoint in () if row is None else table.endpoints(row):
            if endpoint.kind == "VALUE" and endpoint.key == entry.key and endpoint.value is not None:
                return resolve(endpoint.value, context)
        message = f"Default table '{entry.default_table}' gives no value"
        result.errors.append(StagingError("MATCH_NOT_FOUND", entry.key, message=message))
        return ""

    def _run_mapping(self, mapping: MappingPlan, context: Context, result: StagingResult) -> None:
        result.path += mapping.consulted
        # values set first are taken as they stand, references and nulls included
        context.update(mapping.initial_context)
        for path in mapping.tables:
            for source, target in path.input_mapping:
                if source in context:
                    context[target] = context[source]
                else:
                    message = f"Input mapping '{source}' does not exist for table '{path.table}'"
                    result.errors.append(StagingError("UNKNOWN_INPUT_MAPPING", source, path.table, message=message))
            table = self.algorithm.decision(path.table)
            row = None if table is None else table.row(context)
            writes = None if table is None or row is None else path.plain_writes(table, row)
            if writes is None:
                stop = self._run_table(mapping.id, path, context, result)
            else:
                # most rows only write fixed values
                result.path.append(path.step)
                context.update(writes)
                stop = False
            for _, target in path.input_mapping:
                context.pop(target, None)
            if stop:
                return

    def _run_table(self, mapping_id: str, path: PathPlan, context: Context, result: StagingResult) -> bool:
        """Runs a table and those it jumps to; gives True for stop.

        A jump's outcome replaces what its table said before, so a later JUMP can undo an earlier STOP. The tables being
        run are a list, not Python's own stack, so that no package can exhaust that.
        """
        entering: str | None = path.table
        open_tables: list[str] = []
        running: list[Iterator[Endpoint]] = []
        stop = False
        while True:
            if entering is not None:
                stop = False
                endpoints = self._enter(mapping_id, entering, open_tables, context, result)
                if endpoints is not None:
                    open_tables.append(entering)
                    running.append(iter(endpoints))
                entering = None
            if not running:
                return stop
            for endpoint in running[-1]:
                kind = endpoint.kind
                if kind == "VALUE":
                    value = endpoint.value
                    if endpoint.refers_to is not None:
                        value = context.get(endpoint.refers_to, "")
                    for key in path.written_keys(endpoint.key):
                        if endpoint.value is None:
                            context.pop(key, None)
                        else:
                            context[key] = value
                elif kind == "JUMP":
                    entering = endpoint.value
                    break
                elif kind == "STOP":
                    stop = True
                elif kind == "ERROR":
                    self._add_staging_error(open_tables[-1], endpoint, context, result)
            else:
                running.pop()
                open_tables.pop()

    def _enter(
        self, mapping_id: str, table_id: str, open_tables: list[str], context: Context, result: StagingResult
    ) -> tuple[Endpoint, ...] | None:
        """Gives the endpoints of the matching row, or None after noting why there is nothing to do."""
        table = self.algorithm.decision(table_id)
        if table is None:
            message = f"Table '{table_id}' does not exist"
            result.errors.append(StagingError("UNKNOWN_TABLE", None, table_id, message=message))
            return None
        if table_id in open_tables:
            message = f"Table '{table_id}' leads back to itself"
            result.errors.append(StagingError("INFINITE_LOOP", None, table_id, message=message))
            return None
        result.path.append(f"{mapping_id}.{table_id}")
        row = table.row(context)
        if row is None:
            message = f"Match not found in table '{table_id}' ({_values(table, context)})"
            result.errors.append(StagingError("MATCH_NOT_FOUND", None, table_id, table.output_keys, message))
            return None
        return table.endpoints(row)

    def _add_staging_error(self, table_id: str, endpoint: Endpoint, context: Context, result: StagingResult) -> None:
        message = endpoint.value
        if not message:
            table = self.algorithm.decision(table_id)
            shown = "" if table is None else _values(table, context)
            message = f"Table '{table_id}' gives an error for '{endpoint.key}' ({shown})"
        result.errors.append(StagingError("STAGING_ERROR", None, table_id, (endpoint.key,), message))


def trimmed(inputs: Mapping[str, str | None]) -> Context:
    """Gives a copy of the inputs without spaces around the values; raises `staging-inputs` for a value not text."""
    try:
        return {key: value if value is None else value.strip(TRIMMED) for key, value in inputs.items()}
    except (AttributeError, TypeError):
        wrong = [f"{key!r} is {value!r}" for key, value in inputs.items() if not isinstance(value, str | None)]
        raise AbstractingError(
            "staging-inputs", f"every input must be text or null; {'; '.join(wrong)}"[:300], hint="send codes in quotes"
        ) from None


def _is_valid_in(entry: Input | None, table: DecisionTable | None, context: Mapping[str, str | None]) -> bool:
    if entry is None:
        return False
    return entry.table is None or (table is not None and table.row(context) is not None)


def _close(plan: SchemaPlan, context: Context, result: StagingResult) -> None:
    """Leaves only the schema's outputs, where it defines any, and checks those that have a table."""
    if plan.output_keys:
        for key in [key for key in context if key not in plan.output_keys]:
            del context[key]
        for output, table in plan.checked_outputs:
            if output.key not in context:
                continue
            if table is None:
                message = f"Output table '{output.table}' does not exist"
                result.errors.append(StagingError("UNKNOWN_TABLE", output.key, message=message))
            elif table.row(context) is None:
                message = f"Invalid '{output.key}' value ({context[output.key] or '<blank>'})"
                result.errors.append(StagingError("INVALID_OUTPUT", output.key, output.table, message=message))
    for key in CONTEXT_KEYS:
        context.pop(key, None)


def _values(table: DecisionTable, context: Mapping[str, str | None]) -> str:
    return ",".join((context.get(key) or "").strip(TRIMMED) or "<blank>" for key in table.input_keys)
