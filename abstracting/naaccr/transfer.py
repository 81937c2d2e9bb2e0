"""From one file to another: XML, flat and CSV in any direction, between versions, with the losses known beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path, PurePath

from abstracting.errors import AbstractingError
from abstracting.naaccr.convert import NO_PLACE, Conversion, Loss, Rule, convert_patient, convert_root, plan
from abstracting.naaccr.csv_files import write_csv
from abstracting.naaccr.flat import write_flat
from abstracting.naaccr.items import RECORD_TYPES
from abstracting.naaccr.options import ReadOptions
from abstracting.naaccr.reader import SUFFIXES, Reading, read_any
from abstracting.naaccr.records import Node, Patient
from abstracting.naaccr.writer import write_xml


def format_of(path: str | Path) -> str:
    """Gives `xml`, `flat` or `csv` by the suffix of a path to be written (.gz aside); raises `usage` for any other."""
    suffixes = [suffix.lower() for suffix in PurePath(path).suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    form = SUFFIXES.get(suffixes[-1] if suffixes else "")
    if form is None:
        raise AbstractingError(
            "usage", f"cannot tell the format of {PurePath(path).name}", hint="end it in .xml, .txt or .csv (and .gz)"
        )
    return form


def all_nodes(patient: Patient) -> list[Node]:
    """Gives the patient and their tumors."""
    return [patient, *patient.tumors]


def convert_file(
    source: str | Path,
    target: str | Path,
    *,
    version: str | None = None,
    record_type: str | None = None,
    source_version: str | None = None,
    options: ReadOptions | None = None,
    rules: list[Rule] | None = None,
    before_writing: Callable[[Conversion], None] | None = None,
) -> tuple[Conversion, int, int]:
    """Converts a file and gives (the account, patients, tumors written).

    The source is read twice: the first time the whole account of losses and changes is made and handed to
    `before_writing`, the second time the file is written. An error leaves the target as it was.
    """
    form = format_of(target)
    if Path(source).exists() and not Path(source).is_file():
        raise AbstractingError("usage", "the source is read twice and must be a file", hint="save it first")
    options = replace(options or ReadOptions(), unknown_items="process")

    def open_source() -> tuple[Reading, Conversion]:
        reading = read_any(source, options=options, version=source_version)
        kept = record_type or reading.root.record_type
        if kept not in RECORD_TYPES:
            raise AbstractingError("usage", f"record type {kept} is not known", hint="use A, M, C or I")
        conversion = plan(
            reading.root.version,
            version or reading.root.version,
            record_type=kept,
            user_dictionaries=[one for one in options.user_dictionaries if one.uri in reading.root.user_uris],
            rules=rules,
            flat=form == "flat",
        )
        return reading, conversion

    reading, account = open_source()
    convert_root(reading.root, account)
    for patient in reading:
        new = convert_patient(patient, account)
        if form == "csv":
            for position, node in enumerate(all_nodes(new)):
                for extension in node.extensions:
                    account.lose(Loss(NO_PLACE, None, "extension", extension[:80], patient.index, position or None))
    if before_writing is not None:
        before_writing(account)

    reading, conversion = open_source()
    root = convert_root(reading.root, conversion)
    dictionaries = [
        one for one in options.user_dictionaries if one.uri in root.user_uris and one.version in ("", root.version)
    ]

    def patients() -> Iterator[Patient]:
        for patient in reading:
            new = convert_patient(patient, conversion)
            if form == "csv":
                for node in all_nodes(new):
                    node.extensions = []
            yield new

    write = {"xml": write_xml, "flat": write_flat, "csv": write_csv}[form]
    written, tumors = write(target, root, patients(), user_dictionaries=dictionaries)
    return account, written, tumors
