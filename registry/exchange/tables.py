"""Delimited tables as a stream of incoming patients: one row a tumor, columns by item number, XML id, name or a map.

A map is a TOML file: `[columns]` gives the item (number or XML id) of each column header, `[values.HEADER]` the NAACCR code of
each code in that column, `[constants]` items that every row gets. Rows of one patient number are joined where they follow
each other, as in the flat format.
"""

from __future__ import annotations

import csv
import io
import itertools
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from abstracting.naaccr import items as standard
from registry.errors import RegistryError
from registry.exchange.incoming import Event, IncomingPatient, IncomingTumor, Noticed, Rejected, Values
from registry.items import is_patient_level, known

DELIMITERS = ",;\t|"
csv.field_size_limit(1_000_000)


@dataclass(frozen=True)
class ColumnMap:
    """How headers become items, codes become NAACCR codes, and which items every row gets."""

    columns: dict[str, int] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    constants: Values = field(default_factory=dict)


def item_number(name: str) -> int | None:
    """Gives the number of an item named by number, XML id of any version, or full name."""
    text = name.strip()
    if text.isdigit():
        return int(text) if known(int(text)) else None
    folded = text.casefold()
    for version in reversed(standard.VERSIONS):
        dictionary = standard.dictionary(version)
        if item := dictionary.by_id(text):
            return item.number
        for item in dictionary:
            if folded in (item.name.casefold(), item.id.casefold()):
                return item.number
    return None


def read_map(path: Path) -> ColumnMap:
    """Reads a column map; an unreadable file or an unknown item is an error that names it."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RegistryError("column-map", f"the map cannot be read: {error}", where=str(path)) from error
    columns, constants, unknown = {}, {}, []
    for section, target in (("columns", columns), ("constants", constants)):
        for header, value in document.get(section, {}).items():
            number = item_number(str(value if section == "columns" else header))
            if number is None:
                unknown.append(f"{header} = {value}")
            elif section == "columns":
                target[header] = number
            else:
                target[number] = str(value)
    if unknown:
        raise RegistryError("column-map", f"unknown items: {', '.join(unknown)}", where=str(path))
    codes = {h: {str(k): str(v) for k, v in table.items()} for h, table in document.get("values", {}).items()}
    return ColumnMap(columns, codes, constants)


def decode(path: Path, *, said: str = "") -> tuple[str, str]:
    """Gives a file's text and its encoding: UTF-8 (with or without a mark), else Windows-1252.

    `said` is the place that an error names where it is not the path.
    """
    raw = path.read_bytes()
    if b"\x00" in raw[:4096] and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RegistryError("not-a-table", "the file is binary, not a table of text", where=said or str(path))
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace"), "utf-16"
    try:
        return raw.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace"), "windows-1252"


def read_rows(path: Path, *, said: str = "") -> tuple[list[str], list[list[str]], str]:
    """Gives headers, rows and encoding of a delimited file; the delimiter is the one that the header line holds most of."""
    text, encoding = decode(path, said=said)
    head = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=head.count)
    try:
        # lines end where files end them: other separators of Unicode may stand inside a cell
        rows, ends = [], [0]
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        for row in reader:
            ends = [ends[-1], reader.line_num]
            if row:
                rows.append(row)
    except csv.Error as error:
        raise RegistryError("not-a-table", f"the table cannot be read: {error}", where=said or str(path)) from error
    if _is_open(text, ends, delimiter):
        raise RegistryError(
            "not-a-table",
            f"the file ends within a quoted cell of the row that begins in line {ends[0] + 1}",
            where=said or str(path),
            hint="close the quotation mark, or write it twice where it belongs to the cell",
        )
    if len(rows) < 1:
        raise RegistryError("not-a-table", "the file is empty", where=said or str(path))
    return [header.strip() for header in rows[0]], rows[1:], encoding


def _is_open(text: str, ends: list[int], delimiter: str) -> bool:
    """Whether the last row, the lines between the two ends, ends within quotation marks and so has swallowed what followed."""
    if '"' not in text:
        return False
    last = itertools.islice(io.StringIO(text, newline=""), ends[0], ends[-1])
    try:
        list(csv.reader(last, delimiter=delimiter, strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


class TableReader:
    """A delimited file as a stream of incoming patients."""

    format = "csv"
    version = ""

    def __init__(self, path: Path, mapping: ColumnMap | None = None):
        self.path = path
        self.headers, self.rows, self.encoding = read_rows(path)
        self.mapping = mapping or ColumnMap()
        self.numbers = [self.mapping.columns.get(header) or item_number(header) for header in self.headers]
        self.read = 0
        missing = set(self.mapping.columns) - set(self.headers)
        if missing:
            raise RegistryError("column-map", f"the file has no column {', '.join(sorted(missing))}", where=str(path))
        if not any(self.numbers):
            raise RegistryError(
                "column-map",
                "no column is known as an item",
                where=str(path),
                hint="name columns by item number or XML id, or give a map with --map",
            )

    @property
    def done(self) -> float:
        return self.read / max(len(self.rows), 1)

    def __iter__(self) -> Iterator[Event]:
        if self.encoding == "windows-1252":
            yield Noticed(0, "encoding", "the file is not UTF-8: it was read as Windows-1252")
        for header, number in zip(self.headers, self.numbers):
            if number is None:
                yield Noticed(0, "unknown-column", f"column {header!r} is no item and was left out")
        waiting: IncomingPatient | None = None
        for row, cells in enumerate(self.rows, 1):
            self.read = row
            if len(cells) != len(self.headers):
                content = {str(i): cell for i, cell in enumerate(cells)}
                message = f"the row has {len(cells)} cells, the header {len(self.headers)}"
                yield Rejected("tumor", row, "ragged-row", message, content)
                continue
            person, tumor = self._split(cells)
            if waiting is not None and person.get(20) and waiting.items.get(20) == person.get(20):
                waiting.tumors.append(IncomingTumor(row, tumor))
                continue
            if waiting is not None:
                yield waiting
            waiting = IncomingPatient(row, person, [IncomingTumor(row, tumor)], self.mapping.constants.get(40, ""))
        if waiting is not None:
            yield waiting

    def _split(self, cells: list[str]) -> tuple[Values, Values]:
        person: Values = {}
        tumor: Values = {}
        pairs = [(n, self._code(h, cell)) for n, h, cell in zip(self.numbers, self.headers, cells) if n is not None]
        for number, value in [*self.mapping.constants.items(), *pairs]:
            if value:
                (person if is_patient_level(number) else tumor)[number] = value
        return person, tumor

    def _code(self, header: str, cell: str) -> str:
        value = cell.strip()
        return self.mapping.values.get(header, {}).get(value, value)
