"""Findings for pages and worklists: counts for home, a report by edit, facility and registrar, the cases behind a number."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from registry.errors import RegistryError
from registry.models import Abstract, EditFinding, EditOverride, Facility, PatientRecord, WorklistEntry
from registry.models import edits as states
from registry.security.permissions import Actor, visible

GROUPS = ("edit", "facility", "registrar")
"""By what a report counts."""


@dataclass(frozen=True)
class EditCounts:
    """Open work of edits: findings by severity, abstracts with an open error, overrides, external entries that wait."""

    errors: int = 0
    warnings: int = 0
    abstracts: int = 0
    overridden: int = 0
    external: int = 0


@dataclass(frozen=True)
class ReportLine:
    """One line of a report: its key (rule, facility number, registrar), a title, and how many findings stand how."""

    key: str
    title: str
    severity: str
    open: int
    overridden: int
    cleared: int
    abstracts: int


@dataclass(frozen=True)
class FindingLine:
    """One finding with the case it stands on: what a list shows and a click opens."""

    id: int
    abstract_id: int
    patient_id: int
    facility: str
    accession: str
    registrar: str
    rule: str
    edit: str
    severity: str
    state: str
    items: dict[str, str] = field(default_factory=dict)
    message: str = ""
    first_seen: datetime | None = None
    reviewer: str = ""
    reason: str = ""


@dataclass(frozen=True)
class EntryLine:
    """One entry of another program's report with its case: what the worklist shows and a click opens."""

    id: int
    abstract_id: int
    facility: str
    accession: str
    registrar: str
    report: str
    agency: str
    edit: str
    severity: str
    message: str
    added_at: datetime
    done_by: str = ""
    note: str = ""


def counts(session: Session, actor: Actor) -> EditCounts:
    """Gives the open work of edits on the abstracts that the actor sees."""
    seen = visible(Abstract, actor)
    query = (
        select(EditFinding.state, EditFinding.severity, func.count())
        .join(Abstract, EditFinding.abstract_id == Abstract.id)
        .where(seen, EditFinding.state != states.CLEARED)
        .group_by(EditFinding.state, EditFinding.severity)
    )
    table = {(state, severity): count for state, severity, count in session.execute(query)}
    failing = (
        select(func.count(EditFinding.abstract_id.distinct()))
        .join(Abstract, EditFinding.abstract_id == Abstract.id)
        .where(seen, EditFinding.state == states.OPEN, EditFinding.severity == "error")
    )
    waiting = (
        select(func.count(WorklistEntry.id))
        .join(Abstract, WorklistEntry.abstract_id == Abstract.id)
        .where(seen, WorklistEntry.state == states.WAITING)
    )
    return EditCounts(
        errors=table.get((states.OPEN, "error"), 0),
        warnings=table.get((states.OPEN, "warning"), 0),
        abstracts=session.scalar(failing) or 0,
        overridden=sum(count for (state, _), count in table.items() if state == states.OVERRIDDEN),
        external=session.scalar(waiting) or 0,
    )


def report(session: Session, actor: Actor, *, by: str = "edit") -> list[ReportLine]:
    """Gives the findings counted by edit, facility or registrar, most open ones first."""
    if by not in GROUPS:
        raise RegistryError("usage", f"a report is by {', '.join(GROUPS)}, not by {by!r}")
    key: ColumnElement[str | None]
    if by == "edit":
        key, title = EditFinding.rule, func.max(EditFinding.edit)  # type: ignore[assignment]
    elif by == "facility":
        key, title = Facility.number, func.max(Facility.name)  # type: ignore[assignment]
    else:
        key, title = Abstract.abstracted_by, func.max(Abstract.abstracted_by)  # type: ignore[assignment]

    def number(state: str) -> ColumnElement[int]:
        return func.sum(case((EditFinding.state == state, 1), else_=0))

    query = (
        select(
            key,
            title,
            func.min(EditFinding.severity),
            number(states.OPEN),
            number(states.OVERRIDDEN),
            number(states.CLEARED),
            func.count(EditFinding.abstract_id.distinct()),
        )
        .join(Abstract, EditFinding.abstract_id == Abstract.id)
        .outerjoin(Facility, Abstract.facility_id == Facility.id)
        .where(visible(Abstract, actor))
        .group_by(key)
    )
    lines = [
        ReportLine(name or "", label or "", severity if by == "edit" else "", *(int(one or 0) for one in numbers))
        for name, label, severity, *numbers in session.execute(query)
    ]
    return sorted(lines, key=lambda line: (-line.open, line.key))


def cases(
    session: Session,
    actor: Actor,
    *,
    rule: str = "",
    facility: str = "",
    registrar: str = "",
    state: str = states.OPEN,
    severity: str = "",
    abstract_id: int | None = None,
    page: int = 1,
    size: int = 50,
) -> tuple[list[FindingLine], bool]:
    """Gives one page of findings, oldest first, and whether more follow; filters that are blank let everything pass."""
    query = (
        select(EditFinding, Abstract, PatientRecord.patient_id, Facility.name)
        .join(Abstract, EditFinding.abstract_id == Abstract.id)
        .join(PatientRecord, Abstract.record_id == PatientRecord.id)
        .outerjoin(Facility, Abstract.facility_id == Facility.id)
        .where(visible(Abstract, actor))
        .order_by(EditFinding.first_seen, EditFinding.id)
    )
    for wanted, column in (
        (rule, EditFinding.rule),
        (facility, Facility.number),
        (registrar, Abstract.abstracted_by),
        (state, EditFinding.state),
        (severity, EditFinding.severity),
        (abstract_id, EditFinding.abstract_id),
    ):
        if wanted:
            query = query.where(column == wanted)
    rows = session.execute(query.offset((page - 1) * size).limit(size + 1)).all()
    ids = {finding.abstract_id for finding, *_ in rows}
    reviews = {
        (one.abstract_id, one.rule): one
        for one in session.scalars(
            select(EditOverride).where(EditOverride.abstract_id.in_(ids), EditOverride.ended_at.is_(None))
        )
    }
    lines = []
    for finding, abstract, patient_id, name in rows[:size]:
        review = reviews.get((finding.abstract_id, finding.rule))
        lines.append(
            FindingLine(
                id=finding.id,
                abstract_id=abstract.id,
                patient_id=patient_id,
                facility=name or "",
                accession=abstract.accession_number or "",
                registrar=abstract.abstracted_by or "",
                rule=finding.rule,
                edit=finding.edit,
                severity=finding.severity,
                state=finding.state,
                items=dict(finding.items),
                message=finding.message,
                first_seen=finding.first_seen,
                reviewer=review.reviewer if review else "",
                reason=review.reason if review else "",
            )
        )
    return lines, len(rows) > size


def findings_of(session: Session, actor: Actor, abstract_id: int) -> list[FindingLine]:
    """Gives what stands open or overridden on one abstract."""
    found: list[FindingLine] = []
    for state in (states.OPEN, states.OVERRIDDEN):
        found += cases(session, actor, abstract_id=abstract_id, state=state, size=1000)[0]
    return found


def entries(
    session: Session, actor: Actor, *, state: str = states.WAITING, abstract_id: int | None = None, limit: int = 500
) -> list[WorklistEntry]:
    """Gives worklist entries from external reports on the abstracts that the actor sees, oldest first."""
    query = (
        select(WorklistEntry)
        .join(Abstract, WorklistEntry.abstract_id == Abstract.id)
        .where(visible(Abstract, actor), WorklistEntry.state == state)
        .order_by(WorklistEntry.added_at, WorklistEntry.id)
        .limit(limit)
    )
    if abstract_id is not None:
        query = query.where(WorklistEntry.abstract_id == abstract_id)
    return list(session.scalars(query))


def worklist(
    session: Session,
    actor: Actor,
    *,
    state: str = states.WAITING,
    edit: str = "",
    registrar: str = "",
    page: int = 1,
    size: int = 50,
) -> tuple[list[EntryLine], bool]:
    """Gives one page of what external reports left to do or was done, oldest first, and whether more follow."""
    query = (
        select(WorklistEntry, Abstract, Facility.name)
        .join(Abstract, WorklistEntry.abstract_id == Abstract.id)
        .outerjoin(Facility, Abstract.facility_id == Facility.id)
        .where(visible(Abstract, actor), WorklistEntry.state == state)
        .order_by(WorklistEntry.added_at, WorklistEntry.id)
    )
    for wanted, column in ((edit, WorklistEntry.edit), (registrar, Abstract.abstracted_by)):
        if wanted:
            query = query.where(column == wanted)
    rows = session.execute(query.offset((page - 1) * size).limit(size + 1)).all()
    lines = [
        EntryLine(
            id=entry.id,
            abstract_id=abstract.id,
            facility=name or "",
            accession=abstract.accession_number or "",
            registrar=abstract.abstracted_by or "",
            report=entry.report,
            agency=entry.agency,
            edit=entry.edit,
            severity=entry.severity,
            message=entry.message,
            added_at=entry.added_at,
            done_by=entry.done_by,
            note=entry.note,
        )
        for entry, abstract, name in rows[:size]
    ]
    return lines, len(rows) > size
