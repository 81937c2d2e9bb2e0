"""Everything that happened to one person's record in order of time: care, contacts, letters, files, imports, decisions.

An account bound to a facility sees its own accounts' days, its own letters, and of files from outside those that hospitals may
know of. Days keep their coded form: an unknown month or day stays unknown and stands at its earliest possible day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, selectinload

from abstracting.values import parse_date
from registry.followup.disclosure import HOSPITAL, redisclosure
from registry.followup.sources import SOURCES
from registry.models import Abstract, ImportBatch, PatientRecord
from registry.models.followup import ACCEPTED, ContactAttempt, OutsideMatch
from registry.models.linkage import LinkageDecision, TumorDecision
from registry.security.permissions import Actor, visible
from registry.views import patient as patients

KINDS: dict[str, str] = {
    "diagnosis": "Diagnoses",
    "treatment": "Treatments",
    "contact": "Contacts",
    "death": "Death",
    "follow-up": "Follow-up",
    "file": "Files from outside",
    "import": "Reports received",
    "linkage": "Linkage",
    "consolidation": "Consolidation",
    "change": "Changes",
}
"""Kinds of events in their order, with the titles under which they are shown."""

HISTORY_ROWS = 1000
ACTIONS = {"consolidate": "consolidation", "import": "import"}
"""Actions of the audit chain by the kind under which they stand; linkage is told from its decisions, all else is a change."""

LINKAGE_ACTIONS = frozenset({"link", "unlink", "move", "regroup", "merge", "restore"})


@dataclass(frozen=True)
class Moment:
    """One event: its day as coded (or the moment), the kind, what happened, and the row that it is about."""

    day: str
    kind: str
    title: str
    detail: str = ""
    codes: tuple[tuple[int, str], ...] = ()
    at: datetime | None = None
    who: str = ""
    about: tuple[str, int] | None = None

    @property
    def earliest(self) -> date | None:
        """The earliest possible day; None where nothing is known."""
        return self.at.astimezone().date() if self.at is not None else parse_date(self.day).earliest

    @property
    def year(self) -> int:
        """The year under which it stands; 9999 where no day is known."""
        return self.earliest.year if self.earliest is not None else 9999


@dataclass(frozen=True)
class TimeLine:
    """One person's events in order of time, those without a day last, and how many there are of each kind."""

    person: patients.PatientView
    moments: tuple[Moment, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many events there are by kind, in order of kinds."""
        return {kind: sum(m.kind == kind for m in self.moments) for kind in KINDS}

    def of(self, kinds: Iterable[str]) -> list[Moment]:
        """The events of some kinds; of all where none is named."""
        wanted = set(kinds)
        return [moment for moment in self.moments if not wanted or moment.kind in wanted]


def load(session: Session, actor: Actor, patient_id: int) -> TimeLine:
    """Gives the time line of a person; one that is not there and one that may not be seen are the same `not-found`."""
    view = patients.load(session, actor, patient_id)
    abstracts = [abstract.id for tumor in view.tumors for abstract in tumor.abstracts]
    found = [
        *_care(view),
        *_attempts(session, actor, patient_id),
        *_files(session, actor, patient_id),
        *_reports(session, actor, patient_id),
        *_decisions(session, actor, patient_id, abstracts),
        *_history(session, actor, patient_id, abstracts),
    ]
    order = list(KINDS)
    found.sort(key=lambda m: (m.earliest or date.max, m.at.timestamp() if m.at else 0.0, order.index(m.kind)))
    return TimeLine(view, tuple(found))


def _care(view: patients.PatientView) -> Iterator[Moment]:
    """Diagnoses, first contacts of each facility, treatments (once, though several accounts tell of one), last contact."""
    told: set[tuple[str, str, int | None]] = set()
    for event in view.events:
        if event.title == "First contact":
            continue
        key = (event.date, event.title.split()[0].lower(), event.tumor_id)
        if key not in told:
            told.add(key)
            about = ("tumor", event.tumor_id) if event.tumor_id else None
            yield Moment(event.date, event.kind, event.title, codes=event.codes, about=about)
    for tumor in view.tumors:
        for abstract in tumor.abstracts:
            if abstract.date_of_first_contact:
                codes = ((610, abstract.class_of_case),) if abstract.class_of_case else ()
                detail = f"at {abstract.facility}" if abstract.facility else ""
                yield Moment(
                    abstract.date_of_first_contact,
                    "contact",
                    "First contact",
                    detail,
                    codes,
                    about=("abstract", abstract.id),
                )


def _attempts(session: Session, actor: Actor, patient_id: int) -> Iterator[Moment]:
    query = select(ContactAttempt).where(ContactAttempt.patient_id == patient_id).order_by(ContactAttempt.id)
    if actor.facility_id is not None:
        query = query.where(ContactAttempt.facility_id == actor.facility_id)
    for attempt in session.scalars(query):
        way = SOURCES[attempt.source].title if attempt.source in SOURCES else attempt.source
        about = ("follow-up", patient_id)
        if attempt.sent_on:
            yield Moment(
                _coded(attempt.sent_on), "follow-up", f"Asked: {way}", attempt.channel, who=attempt.made_by, about=about
            )
        if attempt.heard_on:
            detail = attempt.outcome.replace("-", " ")
            yield Moment(
                _coded(attempt.heard_on), "follow-up", f"Answer: {way}", detail, who=attempt.made_by, about=about
            )


def _files(session: Session, actor: Actor, patient_id: int) -> Iterator[Moment]:
    query = (
        select(OutsideMatch)
        .where(OutsideMatch.patient_id == patient_id, OutsideMatch.state == ACCEPTED)
        .options(selectinload(OutsideMatch.file))
    )
    for match in session.scalars(query):
        file = match.file
        hidden = actor.facility_id is not None and not redisclosure(file.redisclosure).allows(HOSPITAL)
        if hidden or (actor.facility_id is not None and file.facility_id not in (None, actor.facility_id)):
            continue
        title = "Death told" if file.kind == "deaths" else "Seen"
        yield Moment(
            match.values.get("day", ""),
            "file",
            title,
            f"{file.title}, row {match.row}",
            who=match.decided_by,
            about=("file", file.id),
        )


def _reports(session: Session, actor: Actor, patient_id: int) -> Iterator[Moment]:
    query = (
        select(PatientRecord, ImportBatch)
        .join(ImportBatch, PatientRecord.batch_id == ImportBatch.id)
        .where(PatientRecord.patient_id == patient_id, visible(PatientRecord, actor))
        .options(selectinload(PatientRecord.source))
    )
    for record, batch in session.execute(query):
        detail = f"{patients.source_name(record)}, {batch.name}"
        at = batch.finished_at or batch.started_at
        yield Moment("", "import", "Report received", detail, at=at, who=batch.who, about=("batch", batch.id))


def _decisions(session: Session, actor: Actor, patient_id: int, abstracts: list[int]) -> Iterator[Moment]:
    own = select(PatientRecord.id).where(PatientRecord.patient_id == patient_id, visible(PatientRecord, actor))
    one_of = or_ if actor.facility_id is None else _both
    links = select(LinkageDecision).where(one_of(LinkageDecision.left_id.in_(own), LinkageDecision.right_id.in_(own)))
    for decision in session.scalars(links.order_by(LinkageDecision.id)):
        title = "Linked" if decision.kind == "link" else "Never to be linked"
        about = ("decision", decision.pair_id) if decision.pair_id else None
        yield from _decided(decision, title, f"reports {decision.left_id} and {decision.right_id}", about)
    mine = select(Abstract.id).where(Abstract.id.in_(abstracts))
    same = select(TumorDecision).where(one_of(TumorDecision.left_id.in_(mine), TumorDecision.right_id.in_(mine)))
    for decision in session.scalars(same.order_by(TumorDecision.id)):
        title = "One tumor" if decision.kind == "same" else "Two tumors"
        about = ("tumor-pair", decision.pair_id) if decision.pair_id else None
        yield from _decided(decision, title, f"abstracts {decision.left_id} and {decision.right_id}", about)


def _both(left: ColumnElement[bool], right: ColumnElement[bool]) -> ColumnElement[bool]:
    return left & right


def _decided(
    decision: LinkageDecision | TumorDecision, title: str, detail: str, about: tuple[str, int] | None
) -> Iterator[Moment]:
    who = "by the program" if decision.automatic else decision.who
    why = f"{detail}: {decision.why}" if decision.why else detail
    yield Moment("", "linkage", title, why, at=decision.at, who=who, about=about)
    if decision.undone_at is not None:
        why = f"{detail}: {decision.undone_why}" if decision.undone_why else detail
        yield Moment(
            "",
            "linkage",
            f"Taken back: {title.lower()}",
            why,
            at=decision.undone_at,
            who=decision.undone_by,
            about=about,
        )


def _history(session: Session, actor: Actor, patient_id: int, abstracts: list[int]) -> Iterator[Moment]:
    """The saves; what linkage moved is told by its decisions, what an import made by the report."""
    rows = list(session.scalars(select(Abstract).where(Abstract.id.in_(abstracts))))
    bound = actor.facility_id is not None
    for line in patients.history(session, patient_id, rows, bound=bound, limit=HISTORY_ROWS):
        if line.action in LINKAGE_ACTIONS:
            continue
        kind = ACTIONS.get(line.action, "change")
        count = len(line.changes)
        items = f"{count} {'item' if count == 1 else 'items'}" if count else ""
        what = {"consolidation": "Consolidated", "import": "Updated by an import"}.get(kind, "Changed")
        title = f"{what}: {line.chain.replace('_', ' ')} {line.row_id}"
        detail = "; ".join(part for part in (items, line.why) if part)
        about = ("abstract", line.row_id) if line.chain == "abstract" else None
        yield Moment("", kind, title, detail, at=line.at, who=line.who, about=about)


def _coded(day: date) -> str:
    return day.strftime("%Y%m%d")
