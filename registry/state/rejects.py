"""Cases that go back to their facility with reasons: rows that imports rejected, abstracts that fail an edit of severity error.

A case is returned once for the same reasons; it is waiting again when a new reason appears. A rejected row whose case came in
since is done with, and so is an abstract whose edits pass by now or were let stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.outgoing import new_token, place_of
from registry.models import READY, Abstract, EditFinding, Facility, ImportBatch, ImportReject, PatientRecord
from registry.models.edits import OPEN
from registry.models.state import REJECTS
from registry.state.returning import Note, Returned, item_name, numbered, write_lines, write_returned
from registry.state.transmissions import Sent, fingerprint, last_moments, last_told, send

SEVERITY = "error"
HEADER = (
    "Facility",
    "Origin",
    "File",
    "Row",
    "Accession number",
    "Patient ID",
    "Tumor record",
    "Last name",
    "First name",
    "Date of birth",
    "Primary site",
    "Histology",
    "Date of diagnosis",
    "Reason code",
    "Reason",
    "Item",
    "Item name",
    "Value",
)
KEYS = (550, 20, 60, 2230, 2240, 240, 400, 522, 390)
"""Items by which a facility finds its record again, in the order of the table."""


@dataclass(frozen=True)
class Rejected:
    """One case to be returned: where it was found, its items and its reasons; `told` when the same was returned before."""

    facility: str
    table: str
    row_id: int
    origin: str
    file: str
    row: int | None
    items: Mapping[int, str]
    notes: tuple[Note, ...]
    told: bool
    patient_id: int | None = None
    mark: str = ""


@dataclass
class Waiting:
    """One facility and what waits to be returned to it."""

    facility_id: int | None
    number: str
    name: str
    rejected: list[Rejected] = field(default_factory=list)
    last: datetime | None = None

    def count(self, table: str) -> int:
        """How many cases of an origin wait."""
        return sum(1 for one in self.rejected if one.table == table and not one.told)

    @property
    def from_imports(self) -> int:
        return self.count("import_reject")

    @property
    def from_edits(self) -> int:
        return self.count("abstract")

    @property
    def open_again(self) -> int:
        """Cases that were returned with the same reasons and not corrected since."""
        return sum(1 for one in self.rejected if one.told)

    @property
    def new(self) -> list[Rejected]:
        return [one for one in self.rejected if not one.told]


def waiting(session: Session, *, number: str = "") -> list[Waiting]:
    """Gives by facility what is to be returned, or of one facility; rows that name no facility stand under none."""
    facilities = {f.number: f for f in session.scalars(select(Facility))}
    moments = last_moments(session, REJECTS)
    found: dict[str, Waiting] = {}
    for one in (*_of_imports(session, number), *_of_edits(session, number)):
        if one.facility not in found:
            facility = facilities.get(one.facility)
            found[one.facility] = Waiting(
                facility.id if facility else None,
                one.facility,
                facility.name if facility else one.facility or "no facility named",
                last=moments.get(one.facility),
            )
        found[one.facility].rejected.append(one)
    return sorted(found.values(), key=lambda line: (line.facility_id is None, line.name))


def _of_imports(session: Session, number: str) -> Iterator[Rejected]:
    """The rejected rows of finished imports whose case did not come in since."""
    query = (
        select(ImportReject, ImportBatch)
        .join(ImportBatch, ImportReject.batch_id == ImportBatch.id)
        .where(ImportBatch.status == READY)
        .order_by(ImportReject.id)
    )
    rows = session.execute(query).tuples().all()
    taken = _taken(session, {str(reject.content.get("20", "")) for reject, _ in rows})
    told: dict[str, dict[int, str]] = {}
    for reject, batch in rows:
        items = numbered(reject.content)
        facility = items.get(540, "").strip() or str(batch.report.get("options", {}).get("facility", ""))
        if number and facility != number:
            continue
        came = taken.get((facility, items.get(20, "").strip(), items.get(60, "").strip()))
        if came is not None and came > batch.id:
            continue
        before = told.setdefault(facility, last_told(session, REJECTS, facility, "import_reject"))
        note = Note("reason", reject.code, reject.message)
        yield Rejected(
            facility,
            "import_reject",
            reject.id,
            "import",
            batch.name,
            reject.row,
            items,
            (note,),
            told=reject.id in before,
        )


def _taken(session: Session, numbers: set[str]) -> dict[tuple[str, str, str], int]:
    """By (facility, patient, tumor record) the import in which the case came in, of the persons that rejected rows name."""
    found: dict[tuple[str, str, str], int] = {}
    wanted = sorted(number.strip() for number in numbers if number.strip())
    for start in range(0, len(wanted), 500):
        query = (
            select(Facility.number, PatientRecord.patient_id_number, Abstract.tumor_record_number, Abstract.batch_id)
            .join(PatientRecord, Abstract.record_id == PatientRecord.id)
            .join(Facility, Abstract.facility_id == Facility.id)
            .where(PatientRecord.patient_id_number.in_(wanted[start : start + 500]))
        )
        for facility, patient, tumor, batch in session.execute(query):
            found[facility, patient, tumor] = batch or 0
    return found


def _of_edits(session: Session, number: str) -> Iterator[Rejected]:
    """The abstracts that fail an edit of severity error, each with all of them."""
    query = (
        select(EditFinding)
        .join(Abstract, EditFinding.abstract_id == Abstract.id)
        .join(Facility, Abstract.facility_id == Facility.id)
        .where(EditFinding.state == OPEN, EditFinding.severity == SEVERITY)
        .options(
            joinedload(EditFinding.abstract).joinedload(Abstract.record),
            joinedload(EditFinding.abstract).joinedload(Abstract.facility),
            joinedload(EditFinding.abstract).selectinload(Abstract.texts),
        )
        .order_by(EditFinding.abstract_id, EditFinding.edit, EditFinding.rule)
    )
    if number:
        query = query.where(Facility.number == number)
    by_abstract: dict[int, list[EditFinding]] = {}
    for finding in session.scalars(query):
        by_abstract.setdefault(finding.abstract_id, []).append(finding)
    told: dict[str, dict[int, str]] = {}
    for abstract_id, findings in by_abstract.items():
        abstract = findings[0].abstract
        facility = abstract.facility.number  # type: ignore[union-attr]
        before = told.setdefault(facility, last_told(session, REJECTS, facility, "abstract"))
        mark = fingerprint(sorted((f.rule, f.fingerprint) for f in findings))
        texts = {text.item: text.text for text in abstract.texts}
        yield Rejected(
            facility,
            "abstract",
            abstract_id,
            "edits",
            "",
            None,
            numbered(abstract.record.items) | numbered(abstract.items) | texts,
            tuple(_notes(findings)),
            told=before.get(abstract_id) == mark,
            patient_id=abstract.record.patient_id,
            mark=mark,
        )


def _notes(findings: list[EditFinding]) -> Iterator[Note]:
    for finding in findings:
        items = [(int(n), value) for n, value in finding.items.items() if n.isdigit()]
        for number, value in items or [(None, "")]:
            yield Note("reason", finding.edit, finding.message, number, sent=value)


def return_to(store: Store, number: str, *, who: str, purpose: str, again: bool = False) -> int:
    """Writes a facility's rejected cases with their reasons and logs the return; gives its number.

    `again` holds also what was returned before and not corrected. Where nothing waits there is no file.
    """
    with store.reading() as session:
        lines = waiting(session, number=number)
        line = next((line for line in lines if line.facility_id is not None), None)
        chosen = [] if line is None else line.rejected if again else line.new
    if line is None or not chosen:
        raise RegistryError("no-cases", "nothing waits to be returned to this facility")
    token = new_token(store)
    table, records = (place_of(store, token, f"rejected-{number}{suffix}") for suffix in (".csv", ".xml"))
    write_lines(table, HEADER, (row for one in chosen for row in _rows(line, one)))
    write_returned(records, "reason", (Returned(one.items, one.notes) for one in chosen))
    return send(
        store,
        [table, records],
        kind=REJECTS,
        recipient=number,
        facility_id=line.facility_id,
        rows=[Sent(one.table, one.row_id, one.mark) for one in chosen],
        who=who,
        purpose=purpose,
        details={
            "from imports": sum(one.table == "import_reject" for one in chosen),
            "from edits": sum(one.table == "abstract" for one in chosen),
        },
    )


def _rows(line: Waiting, one: Rejected) -> Iterator[list[Any]]:
    keys = [one.items.get(number, "") for number in KEYS]
    for note in one.notes:
        value = note.sent or (one.items.get(note.item, "") if note.item else "")
        yield [
            line.name,
            one.origin,
            one.file,
            one.row,
            *keys,
            note.code,
            note.message,
            note.item,
            item_name(note.item),
            value,
        ]
