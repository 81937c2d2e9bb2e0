"""NAACCR files (XML of any version, flat) as a stream of incoming patients.

What the standard's reader finds in a record is pointed out and the record is taken: a value that is too long or an unknown
item is a matter for the registrar, not a reason to lose a case. Only a document that cannot be read at all is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from abstracting.naaccr.options import ReadOptions
from abstracting.naaccr.reader import read_any, sniff_format
from abstracting.naaccr.records import Patient, Tumor
from abstracting.naaccr.user_dictionaries import read_user_dictionary
from registry.exchange.incoming import Event, IncomingPatient, IncomingTumor, Noticed


class NaaccrReader:
    """A NAACCR file as a stream of events; rows are the tumors of the file from 1."""

    def __init__(self, path: Path, user_dictionaries: list[Path] | None = None):
        dictionaries = tuple(read_user_dictionary(file) for file in user_dictionaries or [])
        # XML is read through a file of our own, whose place tells how far the reading is
        self.file = path.open("rb") if sniff_format(path) == "xml" else None
        self.reading = read_any(self.file or path, options=ReadOptions(user_dictionaries=dictionaries))
        self.format = f"naaccr-{self.reading.format}"
        self.version = self.reading.root.version
        self.row = 0
        self.size = max(path.stat().st_size, 1)

    @property
    def done(self) -> float:
        """How far the file is read; 0 where that cannot be told."""
        if self.file is None:
            return 0.0
        return 1.0 if self.file.closed else self.file.tell() / self.size

    def __iter__(self) -> Iterator[Event]:
        registry_id = self.reading.root.items.get(40, "").strip()
        for number, patient in enumerate(self.reading, 1):
            first = self.row + 1
            tumors = []
            for tumor in patient.tumors:
                self.row += 1
                tumors.append(IncomingTumor(self.row, tumor.items))
            yield from _notices(patient, first)
            yield IncomingPatient(number, patient.items, tumors, registry_id)
        for finding in self.reading.root.findings:
            yield Noticed(0, finding.code, finding.message, finding.number)


def _notices(patient: Patient, first: int) -> Iterator[Noticed]:
    for finding in patient.findings:
        place = f"line {finding.line}: " if finding.line else ""
        row = first + finding.tumor - 1 if finding.tumor else first
        yield Noticed(row, finding.code, f"{place}{finding.message}", finding.number)
    holders: list[Patient | Tumor] = [patient, *patient.tumors]
    for place, holder in enumerate(holders):
        for name, value in holder.unknown.items():
            row = first + max(place - 1, 0)
            yield Noticed(
                row, "unknown-item-kept-out", f"item {name!r} is not in the dictionary; its value was {value!r}"
            )
