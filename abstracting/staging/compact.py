"""Our own file of one algorithm: compressed text, one JSON record per line, read line by line as records are needed.

Line 1 is the header: format, algorithm, version, source, licence note, the labels in use, and the ids of the schemas and
tables whose records follow in that order. Columns hold their distinct cells and, per row, which of these. Written by
`scripts/make_staging_tables.py`; nothing in it can run, unlike a pickle.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

from abstracting.errors import AbstractingError
from abstracting.staging.algorithms import Algorithm
from abstracting.staging.model import (
    CONTINUE,
    DESCRIPTION,
    ENDPOINT,
    INPUT,
    Column,
    Input,
    Output,
    Requirement,
    Schema,
    SchemaMapping,
    Table,
    TablePath,
)

FORMAT = "oncoregistry-staging-1"
SUFFIX = ".tables.xz"
MAX_BYTES = 64 * 1024 * 1024

Record = TypeVar("Record")
_KINDS = {"I": INPUT, "E": ENDPOINT}


class LazyRecords(Mapping[str, Record], Generic[Record]):
    """Records by id, each made from its line when it is first asked for."""

    def __init__(self, ids: Sequence[str], lines: Sequence[bytes], make: Callable[[str, Any], Record]):
        self._lines = dict(zip(ids, lines))
        self._make = make
        self._made: dict[str, Record] = {}

    def __getitem__(self, key: str) -> Record:
        try:
            return self._made[key]
        except KeyError:
            made = self._made[key] = self._make(key, json.loads(self._lines[key]))
            return made

    def __contains__(self, key: object) -> bool:
        return key in self._lines

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)


def read_compact(content: bytes, *, source: str = "") -> Algorithm:
    """Gives the algorithm of one of our files; raises `staging-package` for anything else."""
    try:
        text = lzma.LZMADecompressor(memlimit=256 * 1024 * 1024).decompress(content, MAX_BYTES)
        header, *lines = text.split(b"\n")
        head = json.loads(header)
        if head["format"] != FORMAT:
            raise ValueError(f"format {head['format']!r}")
        schema_ids, table_ids, labels = head["schemas"], head["tables"], head["labels"]
        if len(lines) != len(schema_ids) + len(table_ids):
            raise ValueError("records are missing")
        name, version = head["algorithm"], head["version"]
    except (lzma.LZMAError, EOFError, ValueError, KeyError, TypeError) as error:
        raise AbstractingError(
            "staging-package", f"not a file of decision tables: {error}", where=source, hint="install the program again"
        ) from None
    cut = len(schema_ids)
    return Algorithm(
        name,
        version,
        LazyRecords(schema_ids, lines[:cut], lambda key, record: _make_schema(key, record, name)),
        LazyRecords(table_ids, lines[cut:], lambda key, record: _make_table(key, record, labels)),
        source=source or head["source"],
    )


def write_compact(algorithm: Algorithm, *, source: str, note: str) -> bytes:
    """Gives the file of an algorithm. Long texts are left out; row labels, titles and names are kept as they are."""
    used: dict[str, int] = {"": 0}
    for table in algorithm.tables.values():
        for label in table.labels:
            used.setdefault(label, len(used))
    head = {
        "format": FORMAT,
        "algorithm": algorithm.name,
        "version": algorithm.version,
        "source": source,
        "note": note,
        "labels": list(used),
        "schemas": sorted(algorithm.schemas),
        "tables": sorted(algorithm.tables),
    }
    records = [
        head,
        *(_schema_record(algorithm.schemas[key]) for key in head["schemas"]),
        *(_table_record(algorithm.tables[key], used) for key in head["tables"]),
    ]
    lines = (json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in records)
    return lzma.compress("\n".join(lines).encode(), preset=9 | lzma.PRESET_EXTREME)


def _without_blanks(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if value not in (None, "", [], (), False)}


def _entry_record(entry: Input | Output) -> dict[str, Any]:
    record: dict[str, Any] = {"k": entry.key, "n": entry.name, "i": entry.item, "x": entry.xml_id, "t": entry.table}
    record["m"] = [[mark.name, mark.start, mark.end] for mark in entry.metadata]
    if isinstance(entry, Input):
        record |= {"s": entry.used_for_staging, "u": entry.unit, "p": entry.decimal_places, "f": entry.default_table}
    kept = _without_blanks(record)
    # an empty default is a default
    return kept if entry.default is None else {**kept, "d": entry.default}


def _path_record(path: TablePath) -> list[Any]:
    return [path.table, path.input_mapping, path.output_mapping]


def _schema_record(schema: Schema) -> dict[str, Any]:
    return _without_blanks(
        {
            "t": schema.title,
            "s": schema.selection_table,
            "i": [_entry_record(entry) for entry in schema.inputs],
            "o": [_entry_record(entry) for entry in schema.outputs],
            "m": [
                [
                    mapping.id,
                    [_path_record(path) for path in mapping.inclusion],
                    [_path_record(path) for path in mapping.exclusion],
                    mapping.initial_context,
                    [_path_record(path) for path in mapping.tables],
                ]
                for mapping in schema.mappings
            ],
            "d": schema.discriminators,
            "c": schema.initial_context,
            "e": schema.on_invalid_input,
            "n": schema.number,
        }
    )


def _table_record(table: Table, labels: Mapping[str, int]) -> dict[str, Any]:
    columns = []
    for column in table.columns:
        if column.kind == DESCRIPTION:
            continue
        numbers: dict[str | None, int] = {}
        rows = [numbers.setdefault(cell, len(numbers)) for cell in column.cells]
        # a column whose cells all differ needs no row numbers
        columns.append([column.key, column.kind[0], list(numbers), rows if len(numbers) < table.size else []])
    record = {"r": table.size, "t": table.title, "c": columns}
    if any(table.labels):
        record["l"] = [labels[label] for label in table.labels]
    return record


def _pairs(pairs: list[list[Any]]) -> tuple[tuple[Any, Any], ...]:
    return tuple((first, second) for first, second in pairs)


def _make_path(record: list[Any]) -> TablePath:
    return TablePath(record[0], _pairs(record[1]), _pairs(record[2]))


def _common(record: dict[str, Any]) -> dict[str, Any]:
    return {
        "key": record["k"],
        "name": record.get("n", ""),
        "item": record.get("i"),
        "xml_id": record.get("x"),
        "default": record.get("d"),
        "table": record.get("t"),
        "metadata": tuple(Requirement(*mark) for mark in record.get("m", ())),
    }


def _make_input(record: dict[str, Any]) -> Input:
    return Input(
        **_common(record),
        used_for_staging=record.get("s", False),
        unit=record.get("u"),
        decimal_places=record.get("p"),
        default_table=record.get("f"),
    )


def _make_schema(key: str, record: dict[str, Any], algorithm: str) -> Schema:
    return Schema(
        id=key,
        title=record["t"],
        selection_table=record["s"],
        inputs=tuple(_make_input(entry) for entry in record.get("i", ())),
        outputs=tuple(Output(**_common(entry)) for entry in record.get("o", ())),
        mappings=tuple(
            SchemaMapping(
                name,
                tuple(_make_path(path) for path in inclusion),
                tuple(_make_path(path) for path in exclusion),
                _pairs(initial),
                tuple(_make_path(path) for path in tables),
            )
            for name, inclusion, exclusion, initial, tables in record.get("m", ())
        ),
        discriminators=tuple(record.get("d", ())),
        initial_context=_pairs(record.get("c", [])),
        on_invalid_input=record.get("e", CONTINUE),
        number=record.get("n"),
        algorithm=algorithm,
    )


def _make_table(key: str, record: dict[str, Any], labels: Sequence[str]) -> Table:
    columns = tuple(
        Column(name, _KINDS[kind], tuple([cells[row] for row in rows]) if rows else tuple(cells))
        for name, kind, cells, rows in record["c"]
    )
    row_labels = tuple(labels[number] for number in record.get("l", ()))
    return Table(key, columns, record["r"], record.get("t", ""), row_labels)
