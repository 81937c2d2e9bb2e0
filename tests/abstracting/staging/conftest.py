"""Tiny algorithms written as text, real ones from the reference folder, and a naive engine to compare with."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abstracting.staging.algorithms import Algorithm
from abstracting.staging.engine import Engine
from abstracting.staging.packages import read_package

YEAR = 2026

BASE_TABLES = {
    "primary_site": "site:INPUT\nC500-C509\nC619\nC500,C501,C502,C509",
    "histology": "hist:INPUT\n8000-8999\n9000,9010",
    "select": "site:INPUT | hist:INPUT | ok:ENDPOINT\nC500,C501,C509 | 8000-8999 | MATCH",
    "year": "year_dx:INPUT | ok:ENDPOINT\n2018-{{ctx_year_current}},9999 | MATCH\n | MATCH",
}
BASE_INPUTS = [
    {"key": "site", "table": "primary_site", "used_for_staging": True},
    {"key": "hist", "table": "histology", "used_for_staging": True},
    {"key": "year_dx", "table": "year"},
]


def table_record(table_id: str, text: str) -> dict[str, Any]:
    """Gives the JSON of a table written as lines of cells parted by bars; the first line names `key:TYPE`."""
    head, *rows = [[cell.strip() for cell in line.split("|")] for line in text.split("\n")]
    columns = [dict(zip(("key", "type"), name.split(":"))) for name in head]
    return {
        "id": table_id,
        "algorithm": "tiny",
        "version": "1.0",
        "title": table_id,
        "definition": columns,
        "rows": rows,
    }


def zip_bytes(files: dict[str, Any], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Gives a ZIP file; values that are not bytes are written as JSON."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
    return buffer.getvalue()


def package_files(
    tables: dict[str, str] | None = None, schemas: dict[str, dict[str, Any]] | None = None, **schema: Any
) -> dict[str, Any]:
    """Gives the files of a small package: the base tables with more beside, and one schema or several."""
    schemas = schemas or {"breast": schema}
    records = {f"tables/{key}.json": table_record(key, text) for key, text in {**BASE_TABLES, **(tables or {})}.items()}
    for key, given in schemas.items():
        whole = {"schema_selection_table": "select", **given, "inputs": [*BASE_INPUTS, *given.get("inputs", [])]}
        records[f"schemas/{key}.json"] = {"id": key, "algorithm": "tiny", "version": "1.0", "title": key, **whole}
    return records


@pytest.fixture(scope="session")
def tiny() -> Callable[..., Engine]:
    """Gives a function that makes an engine of a tiny algorithm: `tiny(tables={…}, inputs=[…], mappings=[…])`."""

    def make(**parts: Any) -> Engine:
        return Engine(read_package(zip_bytes(package_files(**parts))), current_year=YEAR)

    return make


@pytest.fixture(scope="session")
def files() -> Callable[..., dict[str, Any]]:
    """Gives `package_files`, to spoil a package before it is read."""
    return package_files


@pytest.fixture(scope="session")
def pack() -> Callable[..., bytes]:
    return zip_bytes


@pytest.fixture(scope="session")
def official(reference: Path) -> Callable[[str, str], Algorithm]:
    """Gives an official package by name and version, read once."""
    return cache(lambda name, version: read_package(reference / "staging" / f"{name}-{version}.zip"))


@pytest.fixture(scope="session")
def staging_cases(reference: Path) -> list[dict[str, Any]]:
    with gzip.open(reference / "staging" / "cases.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


# --- the naive engine: the specification sentence by sentence, nothing remembered, nothing clever ---------------------


class Naive:
    """Reads `Algorithm` for its cells alone; every rule of matching and staging is written again here."""

    def __init__(self, algorithm: Algorithm, year: int = YEAR):
        self.algorithm, self.year = algorithm, year

    @staticmethod
    def number(text: str) -> bool:
        body = text[1:] if text.startswith("-") else text
        digits = body.replace(".", "", 1)
        return digits.isascii() and digits.isdigit() and not body.endswith(".")

    @staticmethod
    def say(text: str | None, context: dict) -> str | None:
        if text is not None and text.startswith("{{") and text.endswith("}}") and len(text) > 3:
            return context.get(text[2:-2], "")
        return text

    def spans(self, cell: str) -> list[tuple[str, str]]:
        found = []
        for part in cell.split(","):
            pieces = part.split("-")
            while len(pieces) > 1 and pieces[-1] == "":
                del pieces[-1]
            low, high = (pieces[0].strip(), pieces[1].strip()) if len(pieces) == 2 else ("", "?")
            is_range = len(pieces) == 2 and (
                len(low) == len(high)
                or (self.number(low) and self.number(high))
                or any(end.startswith("{{") and end.endswith("}}") for end in (low, high))
            )
            found.append((low, high) if is_range else (part.strip(), part.strip()))
        return found

    def holds(self, cell: str | None, value: str | None, context: dict) -> bool:
        if cell is None or cell == "*":
            return True
        value = value or ""
        for low, high in self.spans(cell):
            low, high = self.say(low, context) or "", self.say(high, context) or ""
            if low != high and self.number(low) and self.number(high):
                whole = "." not in low and "." not in high
                if self.number(value) and not (whole and "." in value):
                    a, v, b = (np.float32(text) for text in (low, value, high))
                    if a <= v <= b:
                        return True
            elif len(low) == len(high) == len(value) and low <= value <= high:
                return True
        return False

    def match(self, table_id: str, context: dict, keys: set[str] | None = None) -> int | None:
        table = self.algorithm.tables[table_id]
        for row in range(table.size):
            columns = [c for c in table.columns if c.kind == "INPUT" and (keys is None or c.key in keys)]
            if all(self.holds(c.cells[row], context.get(c.key), context) for c in columns):
                return row
        return None

    def is_listed(self, table_id: str, key: str, code: str) -> bool:
        for column in self.algorithm.tables[table_id].columns:
            if column.key == key:
                for low, high in (span for cell in column.cells for span in self.spans(cell)):
                    if code == low == high or (low != high and code in self._spelled(low, high)):
                        return True
        return False

    @staticmethod
    @cache
    def _spelled(low: str, high: str) -> set[str]:
        return {str(n).zfill(len(low)) for n in range(int(low), int(high) + 1)} if low.isdigit() else set()

    def lookup(self, request: dict) -> list[str]:
        site, hist = request.get("site"), request.get("hist")
        if site is None and hist is None:
            return []
        if (site is not None and not self.is_listed("primary_site", "site", site)) or (
            hist is not None and not self.is_listed("histology", "hist", hist)
        ):
            return []
        if (not site or not hist) and any(v for k, v in request.items() if k not in ("site", "hist")):
            return []
        return [
            key
            for key, schema in self.algorithm.schemas.items()
            if self.match(schema.selection_table, request, set(request)) is not None
        ]

    def stage(self, inputs: dict) -> dict[str, Any]:
        self.errors: list[list] = []
        self.path: list[str] = []
        if inputs.get("site") is None or inputs.get("hist") is None:
            return self.answer("FAILED_MISSING_SITE_OR_HISTOLOGY", None)
        found = self.lookup(inputs)
        if len(found) != 1:
            return self.answer(f"FAILED_{'MULITPLE_MATCHING_SCHEMAS' if found else 'NO_MATCHING_SCHEMA'}", None)
        schema = self.algorithm.schemas[found[0]]
        self.errors = [["UNKNOWN_INPUT", key, None] for key in inputs if schema.input(key) is None]
        if self.errors:
            return self.answer("FAILED_INVALID_INPUT", schema.id)
        context = {key: None if value is None else value.strip() for key, value in inputs.items()}
        context |= {"ctx_alg_version": self.algorithm.version, "ctx_year_current": str(self.year)}
        year = schema.input("year_dx")
        if year is None or (year.table and self.match(year.table, context) is None):
            return self.answer("FAILED_INVALID_YEAR_DX", schema.id)
        stop = False
        for entry in schema.inputs:
            value = context.get(entry.key)
            if value is None:
                context[entry.key] = self.say(entry.default, context) if entry.default is not None else ""
            elif value and entry.table and self.match(entry.table, context) is None:
                kind = "INVALID_REQUIRED_INPUT" if entry.used_for_staging else "INVALID_NON_REQUIRED_INPUT"
                self.errors.append([kind, entry.key, entry.table])
                when = schema.on_invalid_input
                stop |= when == "FAIL" or (when == "FAIL_WHEN_USED_FOR_STAGING" and entry.used_for_staging)
        if stop:
            return self.answer("FAILED_INVALID_INPUT", schema.id)
        for entry in schema.outputs:
            context[entry.key] = self.say(entry.default, context) if entry.default is not None else ""
        for mapping in schema.mappings:
            if self.involved(mapping, context):
                self.run_mapping(mapping, context)
        context = {key: value for key, value in context.items() if schema.output(key)}
        for entry in schema.outputs:
            if entry.table and entry.key in context and self.match(entry.table, context) is None:
                self.errors.append(["INVALID_OUTPUT", entry.key, entry.table])
        return self.answer("STAGED", schema.id, {key: value or "" for key, value in context.items()})

    def involved(self, mapping: Any, context: dict) -> bool:
        def fits(path: Any) -> bool:
            copy = dict(context)
            for source, target in path.input_mapping:
                if source in copy:
                    copy[target] = copy[source]
            return self.match(path.table, copy) is not None

        return all(map(fits, mapping.inclusion)) and not any(map(fits, mapping.exclusion))

    def run_mapping(self, mapping: Any, context: dict) -> None:
        self.path += [f"{mapping.id}.{path.table}" for path in (*mapping.inclusion, *mapping.exclusion)]
        context |= dict(mapping.initial_context)
        for path in mapping.tables:
            for source, target in path.input_mapping:
                if source in context:
                    context[target] = context[source]
                else:
                    self.errors.append(["UNKNOWN_INPUT_MAPPING", source, path.table])
            stop = self.run(mapping.id, path.table, path, context, [])
            for _, target in path.input_mapping:
                context.pop(target, None)
            if stop:
                break

    def run(self, mapping: str, table_id: str, path: Any, context: dict, stack: list[str]) -> bool:
        if table_id not in self.algorithm.tables:
            self.errors.append(["UNKNOWN_TABLE", None, table_id])
            return False
        if table_id in stack:
            self.errors.append(["INFINITE_LOOP", None, table_id])
            return False
        self.path.append(f"{mapping}.{table_id}")
        row = self.match(table_id, context)
        if row is None:
            self.errors.append(["MATCH_NOT_FOUND", None, table_id])
            return False
        stop = False
        for column in self.algorithm.tables[table_id].columns:
            if column.kind != "ENDPOINT":
                continue
            kind, colon, value = (part.strip() for part in column.cells[row].partition(":"))
            if kind == "STOP":
                stop = True
            elif kind == "JUMP":
                stop = self.run(mapping, value, path, context, [*stack, table_id])
            elif kind == "ERROR":
                self.errors.append(["STAGING_ERROR", None, table_id])
            elif kind == "VALUE":
                for key in [to for source, to in path.output_mapping if source == column.key] or [column.key]:
                    if colon:
                        context[key] = self.say(value, context)
                    else:
                        context.pop(key, None)
        return stop

    def answer(self, result: str, schema_id: str | None, output: dict | None = None) -> dict[str, Any]:
        return {
            "result": result,
            "schema_id": schema_id,
            "output": output or {},
            "errors": self.errors,
            "path": self.path,
        }


@pytest.fixture(scope="session")
def naive() -> type[Naive]:
    return Naive
