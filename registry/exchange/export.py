"""Export of a selection: NAACCR XML of v24, v25, v26 in the record types A, M, C, I; CSV, Excel and Parquet.

The registry's knowledge (`Tumor`) is written; with a facility, that facility's own accounts (`Abstract`). Items are
converted by number from the version each record came in; every value that has no place in the target is counted and listed
before the file takes its name. Each file that leaves is a disclosure with its purpose and checksum.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, selectinload

from abstracting.naaccr.convert import Conversion, convert_patient, plan
from abstracting.naaccr.items import Dictionary, dictionary
from abstracting.naaccr.records import Patient as FilePatient
from abstracting.naaccr.records import Tumor as FileTumor
from abstracting.naaccr.target import open_target
from abstracting.naaccr.writer import new_root, write_xml
from registry.db import Store
from registry.errors import RegistryError
from registry.items import known, site_dictionaries
from registry.models import Abstract, Disclosure, Facility, ImportBatch, Patient, PatientRecord, Tumor
from registry.selection import ABSTRACTS, Condition, clause

VERSIONS = ("240", "250", "260")
EDITING_VERSION = "260"
CHUNK = 500
EXCEL_ROWS = 1_048_575
Choose = Callable[[int, int, dict[int, str], dict[int, str]], bool]
"""Whether a tumor (patient, tumor, the person's items, the tumor's items) is written; it may take values out of both."""

FORMULA = ("=", "+", "@", "\t", "\r")
"""First characters that a spreadsheet takes for a formula; such a cell is written with an apostrophe before it."""


@dataclass
class ExportReport:
    """What a file holds, and what of the store has no place in it."""

    path: str
    version: str
    record_type: str
    patients: int = 0
    tumors: int = 0
    lost: Counter[tuple[str, str]] = field(default_factory=Counter)
    changed: Counter[tuple[int, int]] = field(default_factory=Counter)
    losses: list[dict[str, Any]] = field(default_factory=list)
    sha256: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The report as the command line's JSON document."""
        return {
            "file": self.path,
            "naaccr_version": self.version,
            "record_type": self.record_type,
            "patients": self.patients,
            "tumors": self.tumors,
            "lost": [{"kind": k, "item": i, "values": n} for (k, i), n in sorted(self.lost.items())],
            "converted": [{"from": a, "to": b, "values": n} for (a, b), n in sorted(self.changed.items())],
            "losses": self.losses,
            "sha256": self.sha256,
        }


def run_export(
    store: Store,
    path: Path,
    *,
    conditions: Iterable[Condition] = (),
    version: str = EDITING_VERSION,
    record_type: str = "A",
    facility: str = "",
    scope: ColumnElement[bool] | None = None,
    choose: Choose = lambda patient, tumor, person, items: True,
    who: str,
    purpose: str = "",
) -> ExportReport:
    """Writes the selected cases to a file whose suffix tells the form (as .xml.gz, .csv or .xlsx), and discloses it."""
    conditions = list(conditions)
    report = write_export(
        store,
        path,
        conditions=conditions,
        version=version,
        record_type=record_type,
        facility=facility,
        scope=scope,
        choose=choose,
    )
    with store.writing() as session:
        disclose(
            session,
            who=who,
            what=f"export {path.name}",
            purpose=purpose,
            selection=selection_of(conditions, version=version, record_type=record_type, facility=facility),
            rows=report.tumors,
            sha256=report.sha256,
        )
    return report


def write_export(
    store: Store,
    path: Path,
    *,
    conditions: Iterable[Condition] = (),
    version: str = EDITING_VERSION,
    record_type: str = "A",
    facility: str = "",
    scope: ColumnElement[bool] | None = None,
    progress: Callable[[float, int], Any] = lambda done, patients: None,
    choose: Choose = lambda patient, tumor, person, items: True,
) -> ExportReport:
    """Writes the file and gives its account of losses; nothing has left the registry before it is disclosed.

    With a facility, its own accounts are selected and written, and the conditions are asked of them alone. `choose` is
    asked of every selected tumor.
    """
    check_form(path, version=version, record_type=record_type)
    report = ExportReport(str(path), version, record_type)
    with store.reading() as session:
        patients = _converted(_patients(session, list(conditions), facility, scope, progress, choose), report)
        WRITERS[suffix_of(path)](path, patients, report)
    report.sha256 = file_sha256(path)
    return report


def suffix_of(path: Path) -> str:
    """Gives the suffix that tells the form."""
    return "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix


def check_form(path: Path, *, version: str, record_type: str) -> None:
    """Raises where no file can be written as asked."""
    if version not in VERSIONS:
        raise RegistryError("export", f"no export in version {version}", hint=f"use {', '.join(VERSIONS)}", exit_code=2)
    if record_type not in "AMCI" or len(record_type) != 1:
        raise RegistryError("export", f"no record type {record_type!r}", hint="use A, M, C or I", exit_code=2)
    if suffix_of(path) not in WRITERS:
        hint = f"use {', '.join(WRITERS)}"
        raise RegistryError("export", f"no form has the suffix {suffix_of(path)!r}", hint=hint, exit_code=2)


def selection_of(conditions: Iterable[Condition], *, version: str, record_type: str, facility: str) -> dict[str, Any]:
    """Gives what was selected as the disclosure keeps it."""
    return {"where": [str(c) for c in conditions], "version": version, "type": record_type, "facility": facility}


def disclose(
    session: Session, *, who: str, what: str, purpose: str, selection: dict[str, Any], rows: int, sha256: str
) -> Disclosure:
    """Writes down that a file leaves the registry: who takes what selection, for which purpose, with its checksum."""
    row = Disclosure(who=who, what=what[:60], purpose=purpose, selection=selection, rows=rows, sha256=sha256)
    session.add(row)
    return row


def _patients(
    session: Session,
    conditions: list[Condition],
    facility: str,
    scope: ColumnElement[bool] | None,
    progress: Callable[[float, int], Any],
    choose: Choose,
) -> Iterator[tuple[str, FilePatient]]:
    """Gives (version it came in, patient with tumors) of the selection, in order of patient number, in constant memory."""
    batches: dict[int | None, str] = dict(
        session.execute(select(ImportBatch.id, ImportBatch.naaccr_version)).tuples().all()
    )
    query = select(Tumor.id, Tumor.patient_id).join(Patient, Tumor.patient_id == Patient.id)
    if facility:
        own = select(Abstract.tumor_id).join(PatientRecord, Abstract.record_id == PatientRecord.id)
        own = own.join(Facility, Abstract.facility_id == Facility.id).where(Facility.number == facility)
        query = query.where(Tumor.id.in_(own.where(*(clause(c, ABSTRACTS) for c in conditions))))
    else:
        query = query.where(*(clause(c) for c in conditions))
    if scope is not None:
        query = query.where(scope)
    found = session.execute(query.order_by(Tumor.patient_id, Tumor.id)).all()
    by_patient = [(pid, [row[0] for row in rows]) for pid, rows in groupby(found, key=lambda row: row[1])]
    for start in range(0, len(by_patient), CHUNK):
        progress(start / len(by_patient), start)
        chunk = by_patient[start : start + CHUNK]
        people = {p.id: p for p in session.scalars(select(Patient).where(Patient.id.in_([pid for pid, _ in chunk])))}
        wanted = [tumor for _, tumors in chunk for tumor in tumors]
        tumors = {
            t.id: t
            for t in session.scalars(
                select(Tumor)
                .where(Tumor.id.in_(wanted))
                .options(
                    selectinload(Tumor.abstracts).selectinload(Abstract.texts),
                    selectinload(Tumor.abstracts).joinedload(Abstract.facility),
                    selectinload(Tumor.abstracts).joinedload(Abstract.record),
                )
            )
        }
        for pid, ids in chunk:
            person = people[pid]
            accounts = [(i, account) for i in ids if (account := _account(tumors[i], facility)) is not None]
            if not accounts:
                continue
            items = accounts[0][1][0] if facility else _numbers(person.items)
            chosen = [values for i, (_, values) in accounts if choose(pid, i, items, values)]
            if not chosen:
                continue
            version = batches.get(tumors[ids[0]].batch_id) or EDITING_VERSION
            yield version, FilePatient(items=items, tumors=[FileTumor(items=values) for values in chosen])
        session.expunge_all()


def _account(tumor: Tumor, facility: str) -> tuple[dict[int, str], dict[int, str]] | None:
    """Gives (patient items, tumor items with texts) of a tumor, or of the facility's own abstract of it."""
    abstracts = list(tumor.abstracts)
    if facility:
        abstracts = [a for a in abstracts if a.facility is not None and a.facility.number == facility]
        if not abstracts:
            return None
        values = _numbers(abstracts[0].items)
        person = _numbers(abstracts[0].record.items)
    else:
        values, person = _numbers(tumor.items), {}
    for abstract in abstracts:
        for text in abstract.texts:
            values.setdefault(text.item, text.text)
    return person, dict(sorted(values.items()))


def _numbers(items: dict[str, str]) -> dict[int, str]:
    return {int(number): items[number] for number in sorted(items, key=int)}


def _converted(patients: Iterator[tuple[str, FilePatient]], report: ExportReport) -> Iterator[FilePatient]:
    """Converts each patient from its own version and keeps the account of what is lost or rewritten."""
    ways: dict[str, Conversion] = {}
    for version, patient in patients:
        if version not in ways:
            ways[version] = plan(
                version, report.version, record_type=report.record_type, user_dictionaries=site_dictionaries()
            )
        yield convert_patient(patient, ways[version])
        report.patients += 1
        report.tumors += len(patient.tumors)
    for way in ways.values():
        report.lost.update(way.lost)
        report.changed.update(way.changed)
        report.losses += [
            {"kind": x.kind, "number": x.number, "item": x.item, "value": x.value, "patient": x.patient}
            for x in way.losses
        ]


def _write_xml(path: Path, patients: Iterator[FilePatient], report: ExportReport) -> None:
    own = site_dictionaries(report.version)
    root = new_root(report.version, report.record_type, user_uris=[one.uri for one in own])
    write_xml(path, root, patients, user_dictionaries=own)


def _rows(patients: Iterable[FilePatient]) -> Iterator[dict[int, str]]:
    for patient in patients:
        for tumor in patient.tumors:
            yield patient.items | tumor.items


def _columns(report: ExportReport) -> Dictionary:
    return dictionary(report.version)


def _header(rows: list[dict[int, str]], report: ExportReport) -> list[tuple[int, str]]:
    """Gives (number, XML id) of each column that some row fills, in order of number."""
    names = {item.number: item.id for item in _columns(report)}
    filled = sorted({number for row in rows for number in row})
    return [(n, names.get(n) or (known(n).id if known(n) else str(n))) for n in filled]  # type: ignore[union-attr]


def neutral(value: str) -> str:
    """Gives a cell that no spreadsheet computes: an apostrophe before what it would take for a formula."""
    return f"'{value}" if value.startswith(FORMULA) or (value.startswith("-") and not value[1:].isdigit()) else value


def _write_table(path: Path, patients: Iterator[FilePatient], report: ExportReport) -> None:
    rows = list(_rows(patients))
    header = _header(rows, report)
    write_table(path, [name for _, name in header], [[row.get(number, "") for number, _ in header] for row in rows])


def write_table(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Writes a table of texts as .csv, .xlsx or .parquet, told by the suffix; no spreadsheet computes any of its cells."""
    {".csv": _as_csv, ".xlsx": _as_excel, ".parquet": _as_parquet}[path.suffix](path, header, rows)


def _as_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with open_target(path) as raw:
        raw.write(_csv_line(header))
        for row in rows:
            raw.write(_csv_line([neutral(cell) for cell in row]))


def _csv_line(cells: Sequence[str]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue().encode()


def _as_excel(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    if len(rows) > EXCEL_ROWS:
        raise RegistryError("export", f"{len(rows):,} rows do not fit an Excel sheet", hint="write .csv or .parquet")
    book = Workbook(write_only=True)
    sheet = book.create_sheet("cases")
    sheet.append(list(header))
    for row in rows:
        cells = []
        for value in row:
            cell = WriteOnlyCell(sheet, value=value or None)
            # text stays text: no formula is computed and no leading zero is lost
            cell.data_type = "s" if value else "n"
            cells.append(cell)
        sheet.append(cells)
    with open_target(path) as raw:
        book.save(raw)


def _as_parquet(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {name: pa.array([row[n] or None for row in rows], pa.string()) for n, name in enumerate(header)}
    with open_target(path) as raw:
        pq.write_table(pa.table(columns), raw, compression="zstd")


WRITERS: dict[str, Callable[[Path, Iterator[FilePatient], ExportReport], None]] = {
    ".xml": _write_xml,
    ".xml.gz": _write_xml,
    ".csv": _write_table,
    ".xlsx": _write_table,
    ".parquet": _write_table,
}
"""The forms of an export by suffix."""


def file_sha256(path: Path) -> str:
    """Gives the SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
