"""The review queue of linkage: pairs by score with their filters, what stands before and after one, and the last run.

A pair is seen by an account that sees both its reports. Paging goes by key (score, id) and never by offset, so that the last of
a hundred thousand pairs opens as fast as the first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, exists, func, or_, select
from sqlalchemy.orm import Session, selectinload

from registry.errors import RegistryError
from registry.models import Abstract, Facility, Job, PatientRecord
from registry.models.linkage import LinkagePair, LinkageRun
from registry.security.permissions import Actor, visible
from registry.views.patient import source_name

WAITING, SECOND, LINKED, DIFFERENT, STALE = "waiting", "second", "linked", "different", "stale"
STATES: dict[str, str] = {
    WAITING: "To decide",
    SECOND: "Second reviewer",
    LINKED: "One person",
    DIFFERENT: "Kept apart",
    STALE: "Overtaken",
}
"""States of a pair with their titles; `stale` is one whose reports changed or went since it was found."""

OPEN = (WAITING, SECOND)
JOB = "linkage"
"""The kind of job that a run is."""

SIZE = 50
ANY, NONE = "any", "none"


@cache
def conflicts() -> dict[str, str]:
    """Gives the conflicts that keep a pair from being linked by itself, by name with their words."""
    from registry.linkage.settling import WORDS  # it brings the compiled kernels, which most pages do without

    return dict(WORDS)


@dataclass(frozen=True)
class Filters:
    """What of the queue is shown; an empty value asks for nothing."""

    state: str = WAITING
    verdict: str = ""
    conflict: str = ""
    low: float | None = None
    high: float | None = None
    facility: int | None = None

    def __post_init__(self) -> None:
        known = {"state": {*STATES, ""}, "verdict": {"", "match", "review"}, "conflict": {"", ANY, NONE, *conflicts()}}
        for name, values in known.items():
            if getattr(self, name) not in values:
                raise RegistryError(
                    "usage", f"no {name} {getattr(self, name)!r}", hint=f"known: {', '.join(sorted(values))}"
                )


@dataclass(frozen=True)
class Account:
    """One report of a pair in one line: who it speaks of, who sent it, and the patient under whom it stands."""

    record_id: int
    patient_id: int
    name_last: str
    name_first: str
    born: str
    sex: str
    source: str


@dataclass(frozen=True)
class PairLine:
    """One pair of the queue."""

    id: int
    score: float
    weight: float
    verdict: str
    state: str
    conflicts: dict[str, str]
    left: Account
    right: Account
    asked_by: str
    decided_by: str
    decided_at: datetime | None


@dataclass(frozen=True)
class Queue:
    """One page of the queue, whether there is more on either side, and how many pairs each state holds."""

    lines: tuple[PairLine, ...]
    counts: dict[str, int]
    before: bool = False
    after: bool = False

    @property
    def total(self) -> int:
        """Pairs of all states under these filters."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class Cursor:
    """A place in the queue: the pair after which, or before which (`forward` False), the page begins."""

    score: float
    id: int
    forward: bool = True

    @classmethod
    def of(cls, text: str) -> Cursor | None:
        """Reads `after:SCORE:ID` or `before:SCORE:ID`; anything else is the beginning."""
        way, _, rest = text.partition(":")
        score, _, number = rest.partition(":")
        try:
            return cls(float(score), int(number), way == "after") if way in ("after", "before") else None
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{'after' if self.forward else 'before'}:{self.score!r}:{self.id}"


def seen_by(actor: Actor) -> ColumnElement[bool]:
    """The condition under which an account sees a pair: both reports are its to see."""
    if actor.facility_id is None and actor.may("cases.read"):
        return LinkagePair.id.is_not(None)
    # a set that is made once, not a question for each of a hundred thousand pairs
    seen = select(PatientRecord.id).where(visible(PatientRecord, actor))
    return and_(*(side.in_(seen) for side in (LinkagePair.left_id, LinkagePair.right_id)))


def _matching(actor: Actor, filters: Filters) -> list[ColumnElement[bool]]:
    """The conditions of the filters without the state."""
    found = [seen_by(actor)]
    if filters.verdict:
        found.append(LinkagePair.verdict == filters.verdict)
    blank = cast(LinkagePair.conflicts, String) == "{}"
    if filters.conflict in (ANY, NONE):
        found.append(blank if filters.conflict == NONE else ~blank)
    elif filters.conflict:
        found.append(LinkagePair.conflicts[filters.conflict].as_string().is_not(None))
    if filters.low is not None:
        found.append(LinkagePair.score >= filters.low)
    if filters.high is not None:
        found.append(LinkagePair.score <= filters.high)
    if filters.facility is not None:
        side = or_(Abstract.record_id == LinkagePair.left_id, Abstract.record_id == LinkagePair.right_id)
        found.append(exists().where(side, Abstract.facility_id + 0 == filters.facility))
    return found


def _in_state(filters: Filters) -> list[ColumnElement[bool]]:
    return [LinkagePair.state == filters.state] if filters.state else []


def _beyond(cursor: Cursor) -> ColumnElement[bool]:
    """Pairs behind the place: surest first, the older of equal ones first."""
    if cursor.forward:
        further, tied = LinkagePair.score < cursor.score, LinkagePair.id > cursor.id
    else:
        further, tied = LinkagePair.score > cursor.score, LinkagePair.id < cursor.id
    return or_(further, and_(LinkagePair.score == cursor.score, tied))


def _ordered(query: Select[Any], forward: bool = True) -> Select[Any]:
    if forward:
        return query.order_by(LinkagePair.score.desc(), LinkagePair.id)
    return query.order_by(LinkagePair.score, LinkagePair.id.desc())


def queue(session: Session, actor: Actor, filters: Filters, cursor: Cursor | None = None, *, size: int = SIZE) -> Queue:
    """Gives one page of the queue from a place on, with the counts of all states."""
    query = select(LinkagePair).where(*_matching(actor, filters), *_in_state(filters))
    forward = cursor is None or cursor.forward
    if cursor is not None:
        query = query.where(_beyond(cursor))
    rows = list(session.scalars(_ordered(query, forward).limit(size + 1)))
    more, rows = len(rows) > size, rows[:size]
    if not forward:
        rows.reverse()
    return Queue(
        tuple(_lines(session, rows)),
        counts(session, actor, filters),
        before=more if not forward else cursor is not None,
        after=more if forward else True,
    )


def counts(session: Session, actor: Actor, filters: Filters) -> dict[str, int]:
    """Gives how many pairs each state holds under the other filters, every state named."""
    query = select(LinkagePair.state, func.count()).where(*_matching(actor, filters)).group_by(LinkagePair.state)
    found = dict(session.execute(query).tuples().all())
    return {state: found.get(state, 0) for state in STATES}


def place(session: Session, actor: Actor, filters: Filters, pair: LinkagePair) -> int:
    """Gives how many pairs of the queue stand before this one."""
    cursor = Cursor(pair.score, pair.id, forward=False)
    query = select(func.count()).select_from(LinkagePair)
    return session.scalar(query.where(*_matching(actor, filters), *_in_state(filters), _beyond(cursor))) or 0


def neighbor(
    session: Session, actor: Actor, filters: Filters, pair: LinkagePair, *, forward: bool = True, skip_asked: str = ""
) -> int | None:
    """Gives the next pair of the queue, or the one before; `skip_asked` leaves out what this account asked a second about."""
    query = select(LinkagePair.id).where(
        *_matching(actor, filters), *_in_state(filters), _beyond(Cursor(pair.score, pair.id, forward))
    )
    if skip_asked:
        asked = and_(LinkagePair.state == SECOND, LinkagePair.asked_by == skip_asked)
        query = query.where(~asked)
    return session.scalars(_ordered(query, forward).limit(1)).first()


def first_of(session: Session, actor: Actor, filters: Filters) -> int | None:
    """Gives the first pair of the queue."""
    query = select(LinkagePair.id).where(*_matching(actor, filters), *_in_state(filters))
    return session.scalars(_ordered(query).limit(1)).first()


def find(session: Session, actor: Actor, pair_id: int) -> LinkagePair:
    """Gives a pair; one that is not there and one that may not be seen are the same `not-found`."""
    found = session.scalars(select(LinkagePair).where(LinkagePair.id == pair_id, seen_by(actor))).one_or_none()
    if found is None:
        raise RegistryError("not-found", f"there is no pair {pair_id}, or none that you may see")
    return found


def accounts(session: Session, record_ids: Iterable[int]) -> dict[int, Account]:
    """Gives reports in one line each, by id."""
    ids = sorted(set(record_ids))
    query = select(PatientRecord).where(PatientRecord.id.in_(ids)).options(selectinload(PatientRecord.source))
    return {record.id: account(record) for record in session.scalars(query)}


def account(record: PatientRecord) -> Account:
    """Gives one report in one line."""
    items = record.items
    return Account(
        record.id,
        record.patient_id,
        items.get("2230", ""),
        items.get("2240", ""),
        items.get("240", ""),
        items.get("225") or items.get("220", ""),
        source_name(record),
    )


def _lines(session: Session, pairs: list[LinkagePair]) -> list[PairLine]:
    found = accounts(session, [side for pair in pairs for side in (pair.left_id, pair.right_id)])
    return [
        PairLine(
            pair.id,
            pair.score,
            pair.weight,
            pair.verdict,
            pair.state,
            dict(pair.conflicts or {}),
            found[pair.left_id],
            found[pair.right_id],
            pair.asked_by or "",
            pair.decided_by or "",
            pair.decided_at,
        )
        for pair in pairs
        if pair.left_id in found and pair.right_id in found
    ]


def facilities(session: Session, actor: Actor) -> list[tuple[int, str]]:
    """Gives the facilities that a pair may be filtered by; an account bound to one has no choice."""
    if actor.facility_id is not None:
        return []
    query = select(Facility.id, Facility.name, Facility.number).order_by(Facility.name)
    return [(number, name or code) for number, name, code in session.execute(query)]


@dataclass(frozen=True)
class RunLine:
    """One run of linkage: what it was over, when, by whom, and its report."""

    id: int
    kind: str
    state: str
    started_at: datetime
    finished_at: datetime | None
    who: str
    report: dict[str, Any] = field(default_factory=dict)
    thresholds: dict[str, float] = field(default_factory=dict)


def runs(session: Session, *, limit: int = 10) -> list[RunLine]:
    """Gives the last runs, newest first."""
    return [_run_line(run) for run in session.scalars(select(LinkageRun).order_by(LinkageRun.id.desc()).limit(limit))]


def run_of_batch(session: Session, batch_id: int) -> RunLine | None:
    """Gives the last run over what an import brought; None where none was asked for, or it waits for the worker."""
    query = select(LinkageRun).where(LinkageRun.batch_id == batch_id).order_by(LinkageRun.id.desc()).limit(1)
    found = session.scalars(query).first()
    return _run_line(found) if found is not None else None


def _run_line(run: LinkageRun) -> RunLine:
    told = dict(run.report or {}), dict(run.thresholds or {})
    return RunLine(run.id, run.kind, run.state, run.started_at, run.finished_at, run.who, *told)


def latest_job(session: Session) -> Job | None:
    """Gives the job of the last run that was asked for."""
    return session.scalars(select(Job).where(Job.kind == JOB).order_by(Job.id.desc()).limit(1)).first()


def open_pairs(session: Session, actor: Actor, record_ids: Iterable[int]) -> list[PairLine]:
    """Gives the pairs of some reports that nobody decided yet."""
    ids = list(record_ids)
    query = select(LinkagePair).where(
        or_(LinkagePair.left_id.in_(ids), LinkagePair.right_id.in_(ids)), LinkagePair.state.in_(OPEN), seen_by(actor)
    )
    return _lines(session, list(session.scalars(_ordered(query))))
