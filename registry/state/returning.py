"""Files that go back to a facility: its own records with what is to be said of them, as NAACCR XML and as CSV.

The XML holds the records alone and is plain NAACCR XML, so that every program of a hospital validates and reads it; the CSV
beside it holds each remark with the keys of its record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from abstracting.naaccr.items import dictionary
from abstracting.naaccr.records import Patient as FilePatient
from abstracting.naaccr.records import Tumor as FileTumor
from abstracting.naaccr.writer import new_root, write_xml
from registry.exchange.export import EDITING_VERSION, write_table
from registry.items import known

RECORD_TYPES = {"reason": "A", "change": "M"}
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Note:
    """One remark on a record: a reason (code, message), or a change of an item from what was sent."""

    kind: str
    code: str
    message: str
    item: int | None = None
    sent: str = ""
    now: str = ""


@dataclass(frozen=True)
class Returned:
    """One record on its way back: the items of person and tumor, and the remarks."""

    items: Mapping[int, str]
    notes: tuple[Note, ...]


def printable(text: str) -> str:
    """Gives a text that XML can hold: what it cannot is marked by the replacement character."""
    return _NOT_XML.sub("\ufffd", text)


def write_returned(path: Path, kind: str, records: Iterable[Returned], *, version: str = EDITING_VERSION) -> None:
    """Writes the records as NAACCR XML; items that the version does not have are left out."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    root = new_root(version, RECORD_TYPES[kind])
    write_xml(path, root, (_patient(record, version) for record in records))


def _patient(record: Returned, version: str) -> FilePatient:
    items = dictionary(version)
    found: dict[str, dict[int, str]] = {"Patient": {}, "Tumor": {}}
    for number, value in sorted(record.items.items()):
        item = items.by_number(number)
        if item is not None and item.level in found and value:
            found[item.level][number] = printable(value)
    return FilePatient(items=found["Patient"], tumors=[FileTumor(items=found["Tumor"])])


def write_lines(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a table as CSV; no spreadsheet computes any of its cells."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_table(path, header, [["" if cell is None else str(cell) for cell in row] for row in rows])


def item_name(number: int | None) -> str:
    """Gives the name of an item, empty where there is none."""
    item = known(number) if number is not None else None
    return item.name if item else ""


def numbered(content: Mapping[str, object]) -> dict[int, str]:
    """Gives the items of kept content by number; what is no item number is not among them."""
    return {int(key): str(value) for key, value in content.items() if key.isdigit()}
