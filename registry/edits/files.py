"""Edits over a file that the importer reads (NAACCR XML or flat, CSV, the CanReg tables), without a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from abstracting.edits.batch import PersonKey, check_frame
from abstracting.edits.engine import EditSet
from abstracting.edits.indicators import indicators
from abstracting.edits.summary import EditReport
from registry.exchange.formats import open_reader
from registry.exchange.incoming import IncomingPatient, Reader

ROWS_AT_ONCE = 50_000
"""Tumors that are checked together: the memory of a run does not grow with the file."""

KEPT = (20, 40, 60, 540, 545, 550, 560, 570)
"""Items that a report names, beside those that the edits read."""

_FOR_INDICATORS = (20, 240, 380, 390, 400, 500, 1750, 1760)
PERSON = "person"


def items_read(edits: EditSet) -> frozenset[int]:
    """Gives the items that a set of edits, its overrides, the indicators and the report need."""
    numbers = {*KEPT, *_FOR_INDICATORS, 225, 220, 240, 2230, 2240}
    for rule in (*edits.rules, *(gate for gates in edits.gates.values() for gate in gates)):
        numbers.update(rule.reads)
        if rule.override:
            numbers.add(rule.override.number)
    return frozenset(numbers)


def check_files(
    paths: list[Path],
    edits: EditSet,
    *,
    format: str = "auto",
    mapping: Path | None = None,
    user_dictionaries: list[Path] | None = None,
    keep: int | None = None,
    progress: Callable[[float, int], object] = lambda done, records: None,
) -> EditReport:
    """Gives the report of a set of edits on the tumors of a file; rows count from 1 in the file's order.

    `keep` limits the findings that are listed, never those that are counted.
    """
    reader = open_reader(paths, format=format, mapping=mapping, user_dictionaries=user_dictionaries)
    report = EditReport(edits, keep=keep)
    persons: dict[PersonKey, str] = {}
    small: list[pd.DataFrame] = []
    for frame, patients in _frames(reader, items_read(edits)):
        result = check_frame(frame, edits=edits, patient=PERSON, persons=persons)
        report.add(result, patients=patients, first_row=report.records + 1)
        wanted = [PERSON, *(name for name in frame if name in {str(number) for number in _FOR_INDICATORS})]
        small.append(frame[wanted])
        progress(reader.done, report.records)
    if small:
        report.indicators = indicators(pd.concat(small).fillna(""), today=edits.today, patient=PERSON)
    return report


@dataclass
class _Rows:
    """Records as columns, filled row by row."""

    wanted: frozenset[int]
    columns: dict[int, list[str]] = field(default_factory=dict)
    persons: list[str] = field(default_factory=list)

    def add(self, person: str, *layers: dict[int, str]) -> None:
        size = len(self.persons)
        self.persons.append(person)
        for layer in layers:
            for number, value in layer.items():
                if number not in self.wanted:
                    continue
                column = self.columns.get(number)
                if column is None:
                    column = self.columns[number] = []
                if len(column) > size:
                    column[size] = value
                else:
                    column.extend([""] * (size - len(column)))
                    column.append(value)

    def frame(self) -> pd.DataFrame:
        size = len(self.persons)
        for column in self.columns.values():
            column.extend([""] * (size - len(column)))
        return pd.DataFrame(
            {PERSON: self.persons, **{str(n): c for n, c in sorted(self.columns.items())}}, dtype=object
        )


def _frames(reader: Reader, wanted: frozenset[int]) -> Iterator[tuple[pd.DataFrame, int]]:
    rows, patients = _Rows(wanted), 0
    for event in reader:
        if not isinstance(event, IncomingPatient):
            continue
        root = {40: event.registry_id} if event.registry_id else {}
        for tumor in event.tumors:
            rows.add(str(event.row), root, event.items, tumor.items)
        patients += 1
        if len(rows.persons) >= ROWS_AT_ONCE:
            yield rows.frame(), patients
            rows, patients = _Rows(wanted), 0
    if rows.persons or patients:
        yield rows.frame(), patients
