"""The work that waits: abstracts to finish, patients to follow, imports to look at; each count is a list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from registry.abstracting import queries, readiness
from registry.abstracting.queries import QueryLine
from registry.abstracting.readiness import QueueLine
from registry.edits import reports
from registry.edits.reports import EditCounts, FindingLine
from registry.models import Abstract, Facility, ImportBatch, Patient, PatientRecord, Tumor
from registry.models.tumors import COMPLETE, INCOMPLETE, SUSPENSE
from registry.security.permissions import Actor, visible

COMPLETE_WITHIN = timedelta(days=183)
"""A case is due six months after first contact (FIELD: timeliness; CoC standard and most states)."""

FOLLOW_AFTER = timedelta(days=456)
"""Follow-up is current when the last contact is within 15 months (CoC standard)."""

ALIVE = "1"


@dataclass(frozen=True)
class Queue:
    """One list of work: its name in addresses, its title and what is in it."""

    name: str
    title: str
    meaning: str
    kind: str = ""


QUEUES: dict[str, Queue] = {
    queue.name: queue
    for queue in (
        Queue("suspense", "In suspense", "found and accessioned, abstract not begun", "wait"),
        Queue("incomplete", "Begun, not complete", "abstracts that somebody has started", "warn"),
        Queue("overdue", "Past six months", "first contact more than six months ago and not complete", "bad"),
        Queue("complete", "Complete, not submitted", "ready to be sent", "good"),
        Queue("follow-up", "Follow-up due", "alive, last contact more than 15 months ago", "warn"),
    )
}


@dataclass(frozen=True)
class WorkItem:
    """One abstract of a list, with what identifies it."""

    abstract_id: int
    patient_id: int
    tumor_id: int
    name_last: str
    name_first: str
    facility: str
    accession: str
    class_of_case: str
    primary_site: str
    date_of_first_contact: str
    date_of_last_contact: str
    status: str


@dataclass(frozen=True)
class BatchLine:
    """One import as the start page shows it."""

    id: int
    name: str
    status: str
    rows_in: int
    rejected: int
    started_at: object


def _open_status(name: str, today: date) -> ColumnElement[bool]:
    if name == "overdue":
        waiting = Abstract.status.in_((SUSPENSE, INCOMPLETE))
        return and_(waiting, Abstract.first_contact_earliest < today - COMPLETE_WITHIN)
    return Abstract.status == name


def _follow_up(today: date) -> ColumnElement[bool]:
    old = or_(Patient.last_contact_latest < today - FOLLOW_AFTER, Patient.last_contact_latest.is_(None))
    return and_(Patient.vital_status == ALIVE, old)


def counts(session: Session, actor: Actor, *, today: date | None = None) -> dict[str, int]:
    """Gives how many rows each list holds; persons, not abstracts, in the follow-up list."""
    today = today or date.today()
    by_status = select(Abstract.status, func.count()).where(visible(Abstract, actor)).group_by(Abstract.status)
    statuses = dict(session.execute(by_status).tuples().all())
    overdue = select(func.count()).select_from(Abstract).where(visible(Abstract, actor), _open_status("overdue", today))
    due = select(func.count()).select_from(Patient).where(visible(Patient, actor), _follow_up(today))
    return {name: statuses.get(name, 0) for name in (SUSPENSE, INCOMPLETE, COMPLETE)} | {
        "overdue": session.scalar(overdue) or 0,
        "follow-up": session.scalar(due) or 0,
    }


def items(
    session: Session, actor: Actor, name: str, *, page: int = 1, size: int = 50, today: date | None = None
) -> tuple[list[WorkItem], bool]:
    """Gives one page of a list, oldest date first (no date last), and whether more follow; a person once in follow-up."""
    ids = _page_of_ids(session, actor, name, page, size, today or date.today())
    rows = session.execute(
        select(Abstract, PatientRecord, Patient, Tumor, Facility.name)
        .join(PatientRecord, Abstract.record_id == PatientRecord.id)
        .join(Patient, PatientRecord.patient_id == Patient.id)
        .join(Tumor, Abstract.tumor_id == Tumor.id)
        .outerjoin(Facility, Abstract.facility_id == Facility.id)
        .where(Abstract.id.in_(ids[:size]))
    )
    # an account bound to a facility reads what its own facility says, as on the patient page
    bound = actor.facility_id is not None
    found = {}
    for abstract, record, patient, tumor, facility in rows:
        person = record.items if bound else patient.items
        found[abstract.id] = WorkItem(
            abstract.id,
            patient.id,
            tumor.id,
            person.get("2230", ""),
            person.get("2240", ""),
            facility or "",
            abstract.accession_number or "",
            abstract.class_of_case or "",
            (abstract.items if bound else tumor.items).get("400", ""),
            abstract.date_of_first_contact or "",
            person.get("1750", ""),
            abstract.status,
        )
    return [found[number] for number in ids[:size] if number in found], len(ids) > size


def _page_of_ids(session: Session, actor: Actor, name: str, page: int, size: int, today: date) -> list[int]:
    # ids first, rows afterwards: a sort that carries every row's items along costs ten times as much
    offset, limit = (page - 1) * size, size + 1
    if name != "follow-up":
        query = select(Abstract.id).where(visible(Abstract, actor), _open_status(name, today))
        query = query.order_by(Abstract.first_contact_earliest.nulls_last(), Abstract.id)
        return list(session.scalars(query.offset(offset).limit(limit)))
    query = select(Patient.id).where(visible(Patient, actor), _follow_up(today))
    query = query.order_by(Patient.last_contact_latest.nulls_last(), Patient.id)
    persons = list(session.scalars(query.offset(offset).limit(limit)))
    latest = (
        select(PatientRecord.patient_id, Abstract.id, Abstract.facility_id)
        .join(Abstract, Abstract.record_id == PatientRecord.id)
        .where(PatientRecord.patient_id.in_(persons))
        .order_by(Abstract.id)
    )
    seen = {
        person: abstract
        for person, abstract, facility in session.execute(latest)
        if actor.facility_id in (None, facility)
    }
    return [seen[person] for person in persons if person in seen]


@dataclass(frozen=True)
class Today:
    """The work of the day, the most urgent first: cases to finish, failing edits, questions, cases that wait for treatment."""

    cases: list[QueueLine]
    ready: int
    waiting: int
    late: int
    treatment: list[QueueLine]
    awaiting: int
    questions: list[QueryLine]
    asked: int
    failing: list[FindingLine]
    edits: EditCounts


def today(session: Session, actor: Actor, *, lines: int = 8, on: date | None = None) -> Today:
    """Gives the first `lines` of every list that a registrar works from, and how long each is."""
    queue = readiness.suspense(session, actor, today=on)
    wait = readiness.awaiting_treatment(queue)
    asked = queries.listed(session, actor)
    failing, _ = reports.cases(session, actor, severity="error", size=lines)
    return Today(
        cases=queue[:lines],
        ready=sum(line.ready for line in queue),
        waiting=sum(not line.ready for line in queue),
        late=sum(line.days_left is not None and line.days_left < 0 for line in queue),
        treatment=wait[:lines],
        awaiting=len(wait),
        questions=asked[:lines],
        asked=len(asked),
        failing=failing,
        edits=reports.counts(session, actor),
    )


def imports(session: Session, *, limit: int = 5) -> list[BatchLine]:
    """Gives the last imports, newest first."""
    batches = session.scalars(select(ImportBatch).order_by(ImportBatch.id.desc()).limit(limit))
    return [BatchLine(b.id, b.name, b.status, b.rows_in, b.rejected, b.started_at) for b in batches]


def totals(session: Session, actor: Actor) -> dict[str, int]:
    """Gives how many patients, tumors and abstracts the actor sees."""
    if actor.facility_id is None:
        models = (("patients", Patient), ("tumors", Tumor), ("abstracts", Abstract))
        return {name: session.scalar(select(func.count()).select_from(model)) or 0 for name, model in models}
    own = select(
        func.count(PatientRecord.patient_id.distinct()), func.count(Abstract.tumor_id.distinct()), func.count()
    )
    query = own.select_from(Abstract).join(PatientRecord, Abstract.record_id == PatientRecord.id)
    return dict(zip(("patients", "tumors", "abstracts"), session.execute(query.where(visible(Abstract, actor))).one()))
