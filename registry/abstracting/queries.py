"""Questions to physicians about a case: ask, remind, answer, close; and the letter that goes out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.abstracting.status import CHAIN
from registry.errors import RegistryError
from registry.models import Abstract, Physician, now
from registry.models.desk import ANSWERED, CLOSED, OPEN, PhysicianQuery
from registry.security.permissions import Actor, visible

ANSWER_WITHIN = timedelta(days=14)
MANAGING = (2465, 2485, 2475)
"""NPI items of a case in the order in which a physician is proposed: managing, primary surgeon, follow-up."""


@dataclass(frozen=True)
class QueryLine:
    """One question as lists show it."""

    id: int
    abstract_id: int
    patient_id: int
    name_last: str
    name_first: str
    to: str
    item: int | None
    question: str
    state: str
    due_on: date
    asked_by: str
    asked_at: object
    reminders: int
    answer: str
    overdue: bool
    version: int


def ask(
    session: Session,
    actor: Actor,
    abstract: Abstract,
    question: str,
    *,
    physician_id: int | None = None,
    addressee: str = "",
    item: int | None = None,
    due_on: date | None = None,
) -> PhysicianQuery:
    """Asks a physician; without an addressee the managing physician of the case is taken."""
    if not question.strip():
        raise RegistryError("usage", "the question is empty", hint="write what the physician is asked")
    physician = session.get(Physician, physician_id) if physician_id else None
    if physician is None and not addressee.strip():
        physician = proposed(session, abstract)
        if physician is None:
            raise RegistryError("usage", "the case names no physician", hint="write to whom the question goes")
    query = PhysicianQuery(
        abstract_id=abstract.id,
        physician_id=physician.id if physician else None,
        addressee=addressee.strip()[:120],
        item=item,
        question=question.strip()[:4000],
        due_on=due_on or date.today() + ANSWER_WITHIN,
        asked_by=actor.username,
    )
    session.add(query)
    session.flush()
    _tell(session, query, "ask", actor)
    return query


def proposed(session: Session, abstract: Abstract) -> Physician | None:
    """The physician whom a case names first, None where it names none that the registry knows."""
    for number in MANAGING:
        npi = abstract.items.get(str(number), "")
        if npi and (found := session.scalars(select(Physician).where(Physician.npi == npi)).first()):
            return found
    return None


def remind(session: Session, actor: Actor, query: PhysicianQuery) -> None:
    """Notes a reminder and gives the physician the same time again."""
    _require(query, OPEN)
    query.reminders += 1
    query.reminded_at = now()
    query.due_on = date.today() + ANSWER_WITHIN
    _tell(session, query, "remind", actor)


def answer(session: Session, actor: Actor, query: PhysicianQuery, text: str) -> None:
    """Writes down the answer; it changes no item by itself."""
    _require(query, OPEN, ANSWERED)
    if not text.strip():
        raise RegistryError("usage", "the answer is empty", hint="write what the physician said")
    query.answer, query.answered_at, query.state = text.strip()[:4000], now(), ANSWERED
    _tell(session, query, "answer", actor)


def close(session: Session, actor: Actor, query: PhysicianQuery) -> None:
    """Closes a question, answered or not."""
    _require(query, OPEN, ANSWERED)
    query.state, query.closed_by, query.closed_at = CLOSED, actor.username, now()
    _tell(session, query, "close", actor)


def find(session: Session, actor: Actor, query_id: int) -> PhysicianQuery:
    """Gives a question on a case that the actor sees."""
    query = select(PhysicianQuery).join(Abstract).where(PhysicianQuery.id == query_id, visible(Abstract, actor))
    found = session.scalars(query).one_or_none()
    if found is None:
        raise RegistryError("not-found", f"there is no query {query_id}, or none that you may see")
    return found


def listed(
    session: Session, actor: Actor, *, abstract_id: int | None = None, closed: bool = False, limit: int = 200
) -> list[QueryLine]:
    """Gives questions, the longest due first; those of one case, or all that are not closed."""
    query = select(PhysicianQuery).join(Abstract).where(visible(Abstract, actor))
    if abstract_id is not None:
        query = query.where(PhysicianQuery.abstract_id == abstract_id)
    if not closed:
        query = query.where(PhysicianQuery.state != CLOSED)
    rows = session.scalars(query.order_by(PhysicianQuery.due_on, PhysicianQuery.id).limit(limit))
    return [line(row) for row in rows]


def line(row: PhysicianQuery) -> QueryLine:
    """Gives a question as lists show it."""
    record = row.abstract.record
    return QueryLine(
        row.id,
        row.abstract_id,
        record.patient_id,
        record.items.get("2230", ""),
        record.items.get("2240", ""),
        addressee(row),
        row.item,
        row.question,
        row.state,
        row.due_on,
        row.asked_by,
        row.asked_at,
        row.reminders,
        row.answer,
        row.state == OPEN and row.due_on < date.today(),
        row.version_id,
    )


def addressee(query: PhysicianQuery) -> str:
    """To whom a question goes, in words."""
    if query.addressee or query.physician is None:
        return query.addressee
    return f"Dr. {query.physician.name_first} {query.physician.name_last}".replace("  ", " ")


def _require(query: PhysicianQuery, *states: str) -> None:
    if query.state not in states:
        raise RegistryError("usage", f"the question is {query.state}")


def _tell(session: Session, query: PhysicianQuery, what: str, actor: Actor) -> None:
    session.flush()
    summary = {"query": query.id, "state": query.state}
    audit.append(session, CHAIN, query.abstract_id, what, summary, who=actor.username, version=query.version_id)
