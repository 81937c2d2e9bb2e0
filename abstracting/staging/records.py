"""One JSON record of an official package turned into a schema, a table or a glossary entry, with every fault named."""

from __future__ import annotations

from typing import Any

from abstracting.staging.cells import parse_endpoint
from abstracting.staging.model import (
    COLUMN_KINDS,
    CONTINUE,
    DESCRIPTION,
    ENDPOINT,
    INPUT,
    ON_INVALID_INPUT,
    Column,
    GlossaryEntry,
    Input,
    Output,
    Requirement,
    Schema,
    SchemaMapping,
    Table,
    TablePath,
)

SCHEMA_TEXTS = ("subtitle", "description", "notes")
TABLE_TEXTS = (
    "subtitle",
    "description",
    "notes",
    "footnotes",
    "rationale",
    "additional_info",
    "coding_guidelines",
)
SHOWN_FAULTS = 20


class Faults:
    """The faults of a package: all counted, the first `SHOWN_FAULTS` kept with their place."""

    def __init__(self) -> None:
        self.count = 0
        self.shown: list[str] = []

    def add(self, place: str, reason: str) -> None:
        self.count += 1
        if len(self.shown) < SHOWN_FAULTS:
            self.shown.append(f"{place}: {reason}")

    def __bool__(self) -> bool:
        return self.count > 0

    def summary(self) -> str:
        more = self.count - len(self.shown)
        return "; ".join(self.shown) + (f"; and {more} more" if more else "")


class _Reader:
    """Takes typed values out of one record; a value of another type is a fault at the record's place."""

    def __init__(self, place: str, faults: Faults):
        self.place, self.faults = place, faults

    def text(self, record: dict[str, Any], key: str, *, required: bool = False) -> str | None:
        value = record.get(key)
        if value is None:
            if required:
                self.faults.add(self.place, f"{key!r} is missing")
            return None
        if not isinstance(value, str):
            self.faults.add(self.place, f"{key!r} must be text, not {_short(value)}")
            return None
        return value

    def whole(self, record: dict[str, Any], key: str) -> int | None:
        value = record.get(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            self.faults.add(self.place, f"{key!r} must be a whole number, not {_short(value)}")
            return None
        return value

    def records(self, record: dict[str, Any], key: str) -> list[dict[str, Any]]:
        value = record.get(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            self.faults.add(self.place, f"{key!r} must be a list of objects")
            return []
        return value

    def texts(self, record: dict[str, Any], key: str) -> tuple[str, ...]:
        value = record.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            self.faults.add(self.place, f"{key!r} must be a list of texts")
            return ()
        return tuple(value)

    def pairs(self, record: dict[str, Any], key: str, left: str, right: str, *, open_right: bool) -> tuple:
        found = []
        for pair in self.records(record, key):
            first = self.text(pair, left, required=True)
            second = self.text(pair, right, required=not open_right)
            if first is not None and (open_right or second is not None):
                found.append((first, second))
        return tuple(found)

    def metadata(self, record: dict[str, Any]) -> tuple[Requirement, ...]:
        value = record.get("metadata")
        if value is None:
            return ()
        if not isinstance(value, list):
            self.faults.add(self.place, "'metadata' must be a list")
            return ()
        marks = []
        for mark in value:
            # Collaborative Stage writes plain names, later algorithms a name with years
            if isinstance(mark, str):
                marks.append(Requirement(mark))
            elif isinstance(mark, dict):
                name = self.text(mark, "name", required=True)
                if name is not None:
                    marks.append(Requirement(name, self.whole(mark, "start"), self.whole(mark, "end")))
            else:
                self.faults.add(self.place, f"a metadata entry must be text or an object, not {_short(mark)}")
        return tuple(marks)


def read_schema(record: dict[str, Any], place: str, faults: Faults) -> Schema | None:
    """Gives the schema of a record, or None after adding its faults."""
    before = faults.count
    read = _Reader(place, faults)
    identity = _identity(read, record)
    selection = read.text(record, "schema_selection_table", required=True)
    inputs = tuple(_read_input(read, entry) for entry in read.records(record, "inputs"))
    outputs = tuple(_read_output(read, entry) for entry in read.records(record, "outputs"))
    mappings = tuple(_read_mapping(read, entry) for entry in read.records(record, "mappings"))
    on_invalid = read.text(record, "on_invalid_input") or CONTINUE
    if on_invalid not in ON_INVALID_INPUT:
        faults.add(place, f"unknown on_invalid_input {on_invalid!r}; it must be one of {', '.join(ON_INVALID_INPUT)}")
    keys = {entry.key for entry in inputs}
    for mapping in mappings:
        for key, _ in mapping.initial_context:
            if key in keys:
                faults.add(place, f"mapping {mapping.id!r} sets {key!r} first, which is an input of the schema")
    if faults.count > before or selection is None:
        return None
    return Schema(
        id=identity,
        title=read.text(record, "title") or read.text(record, "name") or identity,
        selection_table=selection,
        inputs=inputs,
        outputs=outputs,
        mappings=mappings,
        discriminators=read.texts(record, "schema_discriminators"),
        initial_context=read.pairs(record, "initial_context", "key", "value", open_right=True),
        on_invalid_input=on_invalid,
        number=read.whole(record, "schema_num"),
        algorithm=str(record["algorithm"]).lower(),
        texts=_texts(record, SCHEMA_TEXTS),
    )


def read_table(record: dict[str, Any], place: str, faults: Faults) -> Table | None:
    """Gives the table of a record, or None after adding its faults: ragged rows, unknown columns and endpoints."""
    before = faults.count
    read = _Reader(place, faults)
    identity = _identity(read, record)
    definition = read.records(record, "definition")
    rows = record.get("rows")
    if rows is None:
        rows = []
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        faults.add(place, "'rows' must be a list of lists")
        return None
    ragged = [f"row {n} has {len(row)} cells" for n, row in enumerate(rows, 1) if len(row) != len(definition)]
    for fault in ragged:
        faults.add(place, f"{fault}, but {len(definition)} columns are defined")
    if ragged:
        return None
    columns = [_read_column(read, column, [row[i] for row in rows]) for i, column in enumerate(definition)]
    keys = [column.key for column in columns if column.kind == INPUT]
    for key in {key for key in keys if keys.count(key) > 1}:
        faults.add(place, f"more than one INPUT column has the key {key!r}")
    if faults.count > before:
        return None
    described = next((column.cells for column in columns if column.kind == DESCRIPTION), ())
    return Table(
        id=identity,
        columns=tuple(columns),
        size=len(rows),
        title=read.text(record, "title") or read.text(record, "name") or "",
        labels=tuple(cell or "" for cell in described),
        texts=_texts(record, TABLE_TEXTS),
    )


def read_glossary(record: dict[str, Any], place: str, faults: Faults) -> GlossaryEntry | None:
    """Gives the glossary entry of a record, or None after adding its faults."""
    read = _Reader(place, faults)
    name = read.text(record, "name", required=True)
    if name is None:
        return None
    return GlossaryEntry(name, read.text(record, "definition") or "", read.texts(record, "alternate_names"))


def _identity(read: _Reader, record: dict[str, Any]) -> str:
    for key in ("algorithm", "version"):
        read.text(record, key, required=True)
    return read.text(record, "id", required=True) or ""


def _read_column(read: _Reader, column: dict[str, Any], cells: list[Any]) -> Column:
    key = read.text(column, "key", required=True) or ""
    kind = read.text(column, "type", required=True) or ""
    if kind and kind not in COLUMN_KINDS:
        read.faults.add(read.place, f"column {key!r} has the unknown type {kind!r}")
    seen: set[str] = set()
    for number, cell in enumerate(cells, 1):
        if isinstance(cell, str) and cell in seen:
            continue
        if cell is not None and not isinstance(cell, str):
            read.faults.add(read.place, f"row {number}, column {key!r}: a cell must be text, not {_short(cell)}")
            continue
        if kind == ENDPOINT:
            try:
                parse_endpoint(cell, key)
            except ValueError as error:
                read.faults.add(read.place, f"row {number}, column {key!r}: {error}")
        if cell is not None:
            seen.add(cell)
    return Column(key, kind, tuple(cells), read.text(column, "name") or "")


def _read_input(read: _Reader, record: dict[str, Any]) -> Input:
    used = record.get("used_for_staging")
    if used is not None and not isinstance(used, bool):
        read.faults.add(read.place, "'used_for_staging' must be true or false")
    return Input(
        key=read.text(record, "key", required=True) or "",
        name=read.text(record, "name") or "",
        item=read.whole(record, "naaccr_item"),
        xml_id=read.text(record, "naaccr_xml_id"),
        default=read.text(record, "default"),
        default_table=read.text(record, "default_table"),
        table=read.text(record, "table"),
        used_for_staging=used is True,
        unit=read.text(record, "unit"),
        decimal_places=read.whole(record, "decimal_places"),
        metadata=read.metadata(record),
        text=read.text(record, "description") or "",
    )


def _read_output(read: _Reader, record: dict[str, Any]) -> Output:
    return Output(
        key=read.text(record, "key", required=True) or "",
        name=read.text(record, "name") or "",
        item=read.whole(record, "naaccr_item"),
        xml_id=read.text(record, "naaccr_xml_id"),
        default=read.text(record, "default"),
        table=read.text(record, "table"),
        metadata=read.metadata(record),
    )


def _read_mapping(read: _Reader, record: dict[str, Any]) -> SchemaMapping:
    return SchemaMapping(
        id=read.text(record, "id", required=True) or "",
        inclusion=_read_paths(read, record, "inclusion_tables"),
        exclusion=_read_paths(read, record, "exclusion_tables"),
        initial_context=read.pairs(record, "initial_context", "key", "value", open_right=True),
        tables=_read_paths(read, record, "tables"),
    )


def _read_paths(read: _Reader, record: dict[str, Any], key: str) -> tuple[TablePath, ...]:
    return tuple(
        TablePath(
            read.text(path, "id", required=True) or "",
            read.pairs(path, "input_mapping", "from", "to", open_right=False),
            read.pairs(path, "output_mapping", "from", "to", open_right=False),
        )
        for path in read.records(record, key)
    )


def _texts(record: dict[str, Any], keys: tuple[str, ...]) -> dict[str, str]:
    return {key: record[key] for key in keys if isinstance(record.get(key), str) and record[key]}


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
