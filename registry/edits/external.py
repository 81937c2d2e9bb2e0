"""Edit reports of other programs (CSV), attached to their cases as worklist entries.

Columns are known by item number, XML id, item name, or the names below; others are left aside. A case is named by accession
and hospital sequence (550, 560), or by patient id and tumor record number (20, 60), with facility (540) or registry (40)
where a number alone fits several. Attaching a report twice adds nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.tables import item_number, read_rows
from registry.models import Abstract, Facility, PatientRecord, Source, WorklistEntry, now
from registry.models import edits as states

EDIT, MESSAGE, SEVERITY, ITEMS, AGENCY = "edit", "message", "severity", "items", "agency"
NAMES: dict[str, tuple[str, ...]] = {
    EDIT: ("edit", "edit name", "edit id", "edit tag", "tag", "edit number", "rule", "rule id"),
    MESSAGE: ("message", "edit message", "error message", "error text", "description", "text"),
    SEVERITY: ("severity", "type", "error type", "level", "error/warning"),
    ITEMS: ("items", "fields", "fields involved", "values", "data items", "field values"),
    AGENCY: ("agency", "edit set", "edit set name", "source", "metafile", "program"),
}
"""What a column can be beside an item, with the header names under which it is known (case and punctuation aside)."""

ALIASES = {
    "accession": 550,
    "accession number": 550,
    "sequence": 560,
    "sequence number": 560,
    "sequence number hospital": 560,
    "hospital sequence": 560,
    "facility": 540,
    "facility id": 540,
    "reporting facility": 540,
    "registry": 40,
    "patient id": 20,
    "patient": 20,
    "patient id number": 20,
    "tumor": 60,
    "tumor record": 60,
    "tumor number": 60,
    "tumor record number": 60,
}
KEYS = (540, 40, 550, 560, 20, 60)
_EDIT_LENGTH, _SHORT, _AGENCY_LENGTH = 120, 20, 60


@dataclass
class AttachReport:
    """What became of the rows: new entries, entries known already, and rows that found no case, named with the reason."""

    report: str
    rows: int = 0
    added: int = 0
    known: int = 0
    unmatched: list[dict[str, Any]] = field(default_factory=list)
    by_edit: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        """The report as the command line's JSON document."""
        return {
            "report": self.report,
            "rows": self.rows,
            "added": self.added,
            "known": self.known,
            "unmatched": self.unmatched,
            "edits": dict(self.by_edit),
        }


def import_report(store: Store, path: Path, *, who: str, name: str = "") -> AttachReport:
    """Attaches the rows of an external edit report to their abstracts; a file without the needed columns is an error."""
    headers, rows, _ = read_rows(path)
    columns = _columns(headers, path)
    report = AttachReport(name or path.name)
    with store.writing() as session:
        for number, cells in enumerate(rows, 2):
            row = {key: cells[at].strip() for key, at in columns.items() if at < len(cells)}
            if not any(row.values()):
                continue
            report.rows += 1
            _attach(session, row, number, report, who)
    return report


def finish(
    session: Session, entry_id: int, *, who: str, note: str = "", abstract_id: int | None = None
) -> WorklistEntry:
    """Marks a worklist entry as done; with `abstract_id`, one of another abstract is `not-found`."""
    entry = session.get(WorklistEntry, entry_id)
    if entry is None or abstract_id not in (None, entry.abstract_id):
        raise RegistryError("not-found", f"there is no worklist entry {entry_id}")
    entry.state, entry.done_by, entry.done_at, entry.note = states.DONE, who, now(), note.strip()
    return entry


def _plain(header: str) -> str:
    kept = "".join(c if c.isalnum() or c == "/" else " " for c in header.casefold())
    return " ".join(kept.split())


def _columns(headers: Sequence[str], path: Path) -> dict[str | int, int]:
    """Where each item and each other part of a row stands."""
    found: dict[str | int, int] = {}
    for at, header in enumerate(headers):
        plain = _plain(header)
        key: str | int | None = next((part for part, names in NAMES.items() if plain in names), None)
        if key is None:
            key = ALIASES.get(plain) or item_number(header)
        if key is not None:
            found.setdefault(key, at)
    missing = [part for part in (EDIT, MESSAGE) if part not in found]
    if not ({550, 560} <= set(found) or {20, 60} <= set(found) or 550 in found or 20 in found):
        missing.append("a case (accession and sequence, or patient id and tumor record number)")
    if missing:
        raise RegistryError(
            "edit-report",
            f"the report has no column for {' and '.join(missing)}",
            where=str(path),
            hint=f"its columns are {', '.join(headers)}; name one of them Edit, Message, Accession Number, Patient ID …",
        )
    return found


def _attach(session: Session, row: Mapping[str | int, str], number: int, report: AttachReport, who: str) -> None:
    found = _cases(session, row)
    named = ", ".join(f"{item} {row[item]}" for item in KEYS if row.get(item))
    if len(found) != 1:
        edit = row.get(EDIT, "")
        if not named:
            message = f"the row names no case: give an accession or a patient id (edit {edit})"
        elif not found:
            message = f"no case has {named} (edit {edit})"
        else:
            message = f"{len(found)} cases have {named}: name the facility or the sequence too (edit {edit})"
        report.unmatched.append({"row": number, "edit": row.get(EDIT, ""), "message": message})
        return
    text = row.get(MESSAGE, "")
    digest = hashlib.sha256(text.encode()).hexdigest()
    edit, agency = row.get(EDIT, "")[:_EDIT_LENGTH], row.get(AGENCY, "")[:_AGENCY_LENGTH]
    present = session.scalar(
        select(WorklistEntry.id).where(
            WorklistEntry.abstract_id == found[0],
            WorklistEntry.agency == agency,
            WorklistEntry.edit == edit,
            WorklistEntry.message_digest == digest,
        )
    )
    report.by_edit[edit] += 1
    if present is not None:
        report.known += 1
        return
    report.added += 1
    session.add(
        WorklistEntry(
            abstract_id=found[0],
            report=report.report[:255],
            agency=agency,
            edit=edit,
            severity=row.get(SEVERITY, "")[:_SHORT],
            items=row.get(ITEMS, ""),
            message=text,
            message_digest=digest,
            added_by=who,
        )
    )
    session.flush()


def _cases(session: Session, row: Mapping[str | int, str]) -> list[int]:
    """The abstracts that a row's numbers fit; none where it names neither an accession nor a patient."""
    query = (
        select(Abstract.id)
        .join(PatientRecord, Abstract.record_id == PatientRecord.id)
        .join(Source, PatientRecord.source_id == Source.id)
        .outerjoin(Facility, Abstract.facility_id == Facility.id)
    )
    if row.get(550):
        query = query.where(Abstract.accession_number == row[550])
        if row.get(560):
            query = query.where(Abstract.sequence_hospital == row[560].zfill(2))
    elif row.get(20):
        query = query.where(PatientRecord.patient_id_number.in_({row[20], row[20].zfill(8)}))
        if row.get(60):
            query = query.where(Abstract.tumor_record_number.in_({row[60], row[60].zfill(2)}))
    else:
        return []
    if row.get(540):
        query = query.where(Facility.number.in_({row[540], row[540].zfill(10)}))
    if row.get(40):
        query = query.where(Source.registry_id.in_({row[40], row[40].zfill(10)}))
    return list(session.scalars(query.limit(5)))
