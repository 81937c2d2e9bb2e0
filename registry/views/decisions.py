"""Every decision of linkage, of persons and of tumors: who, when, why, what took it back; and how one person is made up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, select
from sqlalchemy.orm import Session, selectinload

from registry.errors import RegistryError
from registry.models import Abstract, ImportBatch, Patient, PatientRecord
from registry.models.linkage import LinkageDecision, TumorDecision
from registry.security.permissions import Actor, visible
from registry.views.linkage import Account, account, accounts
from registry.views.pairs import DecisionLine, decision_line

PERSONS, TUMORS = "persons", "tumors"
BY_PEOPLE, BY_PROGRAM = "people", "program"
SIZE = 50


@dataclass(frozen=True)
class LogFilters:
    """Which decisions: of persons or tumors, by people or by the program, of one account, standing or taken back."""

    about: str = PERSONS
    by: str = ""
    who: str = ""
    undone: str = ""
    before: int | None = None


@dataclass(frozen=True)
class LogLine:
    """One decision with the two that it is about."""

    decision: DecisionLine
    pair_id: int | None
    left: Account
    right: Account
    left_about: str = ""
    right_about: str = ""


@dataclass(frozen=True)
class Report:
    """One report of a person: whose account, when it came, how many tumors it tells of."""

    account: Account
    number: str
    file: str
    received_at: datetime | None
    tumors: int


@dataclass(frozen=True)
class Composition:
    """How a person is made up: the reports, their sources, and the decisions between them and to others."""

    patient: Patient
    reports: tuple[Report, ...]
    links: tuple[LogLine, ...]
    apart: tuple[LogLine, ...]

    @property
    def sources(self) -> list[str]:
        """The sources, each once."""
        return list(dict.fromkeys(report.account.source for report in self.reports))


def sees(session: Session, actor: Actor, *record_ids: int) -> bool:
    """Whether the account sees all of these reports."""
    query = select(PatientRecord.id).where(PatientRecord.id.in_(record_ids), visible(PatientRecord, actor))
    return set(session.scalars(query)) == set(record_ids)


def sees_abstracts(session: Session, actor: Actor, *abstract_ids: int) -> bool:
    """Whether the account sees all of these abstracts."""
    query = select(Abstract.id).where(Abstract.id.in_(abstract_ids), visible(Abstract, actor))
    return set(session.scalars(query)) == set(abstract_ids)


def _both_sides(decision: Any, row: Any, actor: Actor) -> list[ColumnElement[bool]]:
    if actor.facility_id is None:
        return []
    sides = (decision.left_id, decision.right_id)
    return [and_(*(exists().where(row.id == side, visible(row, actor)) for side in sides))]


def log(session: Session, actor: Actor, filters: LogFilters, *, size: int = SIZE) -> tuple[list[LogLine], bool]:
    """Gives one page of decisions, newest first, and whether more follow; `before` is the id from which the page goes back."""
    model, row = (TumorDecision, Abstract) if filters.about == TUMORS else (LinkageDecision, PatientRecord)
    query = select(model).where(*_both_sides(model, row, actor))
    if filters.by:
        query = query.where(model.automatic == (filters.by == BY_PROGRAM))
    if filters.who:
        query = query.where(model.who == filters.who)
    if filters.undone:
        query = query.where(model.undone_at.is_not(None) if filters.undone == "yes" else model.undone_at.is_(None))
    if filters.before is not None:
        query = query.where(model.id < filters.before)
    found = list(session.scalars(query.order_by(model.id.desc()).limit(size + 1)))
    lines = _tumor_lines(session, found[:size]) if filters.about == TUMORS else _lines(session, found[:size])
    return lines, len(found) > size


def _lines(session: Session, found: Iterable[LinkageDecision]) -> list[LogLine]:
    rows = list(found)
    known = accounts(session, [side for d in rows for side in (d.left_id, d.right_id)])
    return [
        LogLine(decision_line(d), d.pair_id, known[d.left_id], known[d.right_id])
        for d in rows
        if d.left_id in known and d.right_id in known
    ]


def _tumor_lines(session: Session, found: Iterable[TumorDecision]) -> list[LogLine]:
    rows = list(found)
    ids = sorted({side for d in rows for side in (d.left_id, d.right_id)})
    query = select(Abstract).where(Abstract.id.in_(ids))
    known = {
        a.id: a
        for a in session.scalars(
            query.options(
                selectinload(Abstract.record).selectinload(PatientRecord.source), selectinload(Abstract.facility)
            )
        )
    }
    return [
        LogLine(
            decision_line(d),
            d.pair_id,
            account(known[d.left_id].record),
            account(known[d.right_id].record),
            abstract_words(known[d.left_id]),
            abstract_words(known[d.right_id]),
        )
        for d in rows
        if d.left_id in known and d.right_id in known
    ]


def abstract_words(abstract: Abstract) -> str:
    """Gives an abstract in a few words: site, morphology, year, facility."""
    items = abstract.items
    site, year = items.get("400", ""), items.get("390", "")[:4]
    code = f"{site[:3]}.{site[3:]}" if len(site) == 4 else site
    facility = abstract.facility.name if abstract.facility else ""
    return ", ".join(part for part in (f"{code} {items.get('522', '')}/{items.get('523', '')}", year, facility) if part)


def composition(session: Session, actor: Actor, patient_id: int) -> Composition:
    """Gives how a person is made up of reports; what may not be seen is `not-found`."""
    patient = session.scalars(select(Patient).where(Patient.id == patient_id, visible(Patient, actor))).one_or_none()
    if patient is None:
        raise RegistryError("not-found", f"there is no patient {patient_id}, or none that you may see")
    query = (
        select(PatientRecord, ImportBatch)
        .outerjoin(ImportBatch, PatientRecord.batch_id == ImportBatch.id)
        .where(PatientRecord.patient_id == patient_id, visible(PatientRecord, actor))
        .options(selectinload(PatientRecord.source), selectinload(PatientRecord.abstracts))
        .order_by(PatientRecord.id)
    )
    reports = [
        Report(
            account(record),
            record.patient_id_number,
            batch.name if batch else "",
            (batch.finished_at or batch.started_at) if batch else None,
            len(record.abstracts),
        )
        for record, batch in session.execute(query)
    ]
    ids = [report.account.record_id for report in reports]
    left, right = LinkageDecision.left_id.in_(ids), LinkageDecision.right_id.in_(ids)
    found = session.scalars(
        select(LinkageDecision)
        .where(left | right, *_both_sides(LinkageDecision, PatientRecord, actor))
        .order_by(LinkageDecision.id.desc())
    )
    lines = _lines(session, found)
    links = tuple(line for line in lines if line.decision.kind == "link")
    return Composition(patient, tuple(reports), links, tuple(line for line in lines if line.decision.kind != "link"))


def deciders(session: Session, about: str) -> list[str]:
    """Gives the accounts that decided, by name."""
    model = TumorDecision if about == TUMORS else LinkageDecision
    return sorted(session.scalars(select(model.who).where(~model.automatic).distinct()))
