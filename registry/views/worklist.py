"""The work that waits: abstracts to finish, patients to follow, imports to look at; each count is a list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

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


def _condition(name: str, today: date) -> ColumnElement[bool]:
    open_status = Abstract.status.in_((SUSPENSE, INCOMPLETE))
    conditions: dict[str, ColumnElement[bool]] = {
        "suspense": Abstract.status == SUSPENSE,
        "incomplete": Abstract.status == INCOMPLETE,
        "overdue": and_(open_status, Abstract.first_contact_earliest < today - COMPLETE_WITHIN),
        "complete": Abstract.status == COMPLETE,
        "follow-up": and_(
            Patient.vital_status == ALIVE,
            or_(Patient.last_contact_latest < today - FOLLOW_AFTER, Patient.last_contact_latest.is_(None)),
        ),
    }
    return conditions[name]


def _joined(statement: Select, name: str, actor: Actor, today: date) -> Select:
    return (
        statement.join(PatientRecord, Abstract.record_id == PatientRecord.id)
        .join(Patient, PatientRecord.patient_id == Patient.id)
        .where(_condition(name, today), visible(Abstract, actor))
    )


def counts(session: Session, actor: Actor, *, today: date | None = None) -> dict[str, int]:
    """Gives how many rows each list holds; persons, not abstracts, in the follow-up list."""
    found = {}
    for name in QUEUES:
        what = func.count(Patient.id.distinct()) if name == "follow-up" else func.count()
        statement = _joined(select(what).select_from(Abstract), name, actor, today or date.today())
        found[name] = session.scalar(statement) or 0
    return found


def items(
    session: Session, actor: Actor, name: str, *, page: int = 1, size: int = 50, today: date | None = None
) -> tuple[list[WorkItem], bool]:
    """Gives one page of a list, oldest first contact first, and whether more follow."""
    statement = _joined(
        select(Abstract, Patient, Tumor, Facility.name)
        .select_from(Abstract)
        .join(Tumor, Abstract.tumor_id == Tumor.id)
        .outerjoin(Facility, Abstract.facility_id == Facility.id),
        name,
        actor,
        today or date.today(),
    )
    order = Patient.last_contact_latest if name == "follow-up" else Abstract.first_contact_earliest
    statement = statement.order_by(order.is_(None), order, Abstract.id).offset((page - 1) * size).limit(size + 1)
    rows = [
        WorkItem(
            abstract.id,
            patient.id,
            tumor.id,
            patient.name_last or "",
            patient.name_first or "",
            facility or "",
            abstract.accession_number or "",
            abstract.class_of_case or "",
            tumor.primary_site or "",
            abstract.date_of_first_contact or "",
            patient.date_of_last_contact or "",
            abstract.status,
        )
        for abstract, patient, tumor, facility in session.execute(statement)
    ]
    return rows[:size], len(rows) > size


def imports(session: Session, *, limit: int = 5) -> list[BatchLine]:
    """Gives the last imports, newest first."""
    batches = session.scalars(select(ImportBatch).order_by(ImportBatch.id.desc()).limit(limit))
    return [BatchLine(b.id, b.name, b.status, b.rows_in, b.rejected, b.started_at) for b in batches]


def totals(session: Session, actor: Actor) -> dict[str, int]:
    """Gives how many patients, tumors and abstracts the actor sees."""
    return {
        name: session.scalar(select(func.count()).select_from(model).where(visible(model, actor))) or 0
        for name, model in (("patients", Patient), ("tumors", Tumor), ("abstracts", Abstract))
    }
