"""The attempts of a registry: what is on its way, what was tried since the last contact, and what the model learns from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Row, and_, func, or_, select
from sqlalchemy.orm import Session

from registry import audit
from registry.errors import RegistryError
from registry.followup.chances import Attempt, Group
from registry.followup.contact import CHAIN
from registry.followup.sources import SOURCES
from registry.followup.status import Person
from registry.followup.tokens import read_token
from registry.models.followup import (
    ANSWERED,
    FAILED,
    RETURNED,
    SENT,
    SILENT,
    WAITING,
    WITHDRAWN,
    ContactAttempt,
)

CHUNK = 5000
ENDED = frozenset({ANSWERED, SILENT, RETURNED, FAILED})
ON_ITS_WAY = frozenset({WAITING, SENT})


@dataclass(frozen=True)
class Out:
    """An attempt on its way: its number, the way, and the day from which it waits (None in the outbox)."""

    attempt_id: int
    source: str
    channel: str
    sent_on: date | None


def pack(group: Group) -> dict[str, str]:
    """The group as an attempt keeps it: the model learns from the group at the time."""
    return {name: str(value) for name, value in group.__dict__.items()}


def unpack(kept: Mapping[str, str]) -> Group | None:
    """The group that an attempt kept; None where it kept none."""
    if set(kept) != set(Group.__dataclass_fields__):
        return None
    return Group(kept["age"], kept["years"], kept["silence"], kept["moved"] == "True", int(kept["failed"]))


def waits_until(sent_on: date, source: str) -> date:
    """The last day on which an answer to an attempt is waited for."""
    return sent_on + timedelta(days=SOURCES[source].wait_days)


def is_out(attempt: ContactAttempt | Row[Any], as_of: date) -> bool:
    """Whether an attempt is on its way: in the outbox, or sent and still waited for."""
    if attempt.state == WAITING:
        return True
    return (
        attempt.state == SENT and attempt.sent_on is not None and waits_until(attempt.sent_on, attempt.source) >= as_of
    )


def rounds(
    session: Session, persons: Iterable[Person], *, as_of: date, facility_id: int | None = None
) -> tuple[dict[int, tuple[str, ...]], dict[int, Out]]:
    """Gives by patient the ways tried since the last contact, and the attempt that is on its way."""
    heard = {person.patient_id: person.last_contact_day for person in persons}
    tried: dict[int, list[str]] = {}
    out: dict[int, Out] = {}
    ids = sorted(heard)
    for start in range(0, len(ids), CHUNK):
        query = select(
            ContactAttempt.id,
            ContactAttempt.patient_id,
            ContactAttempt.source,
            ContactAttempt.channel,
            ContactAttempt.state,
            ContactAttempt.sent_on,
            ContactAttempt.heard_on,
            ContactAttempt.told,
        ).where(ContactAttempt.patient_id.in_(ids[start : start + CHUNK]), ContactAttempt.state != WITHDRAWN)
        if facility_id is not None:
            query = query.where(ContactAttempt.facility_id == facility_id)
        for attempt in session.execute(query.order_by(ContactAttempt.id)):
            contact = heard[attempt.patient_id]
            day = attempt.sent_on or attempt.heard_on
            if is_out(attempt, as_of):
                out[attempt.patient_id] = Out(attempt.id, attempt.source, attempt.channel, attempt.sent_on)
            if attempt.told or (day is not None and contact is not None and day <= contact):
                continue
            tried.setdefault(attempt.patient_id, []).append(attempt.source)
    return {patient: tuple(dict.fromkeys(ways)) for patient, ways in tried.items()}, out


def learned(session: Session, *, as_of: date, facility_id: int | None = None) -> Counter[Attempt]:
    """Gives how many attempts of each kind ended, for the model; an unanswered letter is silent once its time is over."""
    over = [ContactAttempt.sent_on.is_(None)]
    over += [
        and_(ContactAttempt.source == name, ContactAttempt.sent_on < as_of - timedelta(days=source.wait_days))
        for name, source in SOURCES.items()
    ]
    kind = (ContactAttempt.source, ContactAttempt.group, ContactAttempt.told)
    query = (
        select(*kind, func.count())
        .where(
            ContactAttempt.source.in_(SOURCES),
            or_(
                ContactAttempt.state.in_(ENDED),
                and_(ContactAttempt.state == SENT, or_(*over)),
            ),
        )
        .group_by(*kind)
    )
    if facility_id is not None:
        query = query.where(ContactAttempt.facility_id == facility_id)
    found: Counter[Attempt] = Counter()
    for source, kept, told, times in session.execute(query):
        group = unpack(kept)
        if group is not None:
            found[Attempt(source, group, told)] += times
    return found


def by_token(session: Session, text: str, *, facility_id: int | None = None) -> ContactAttempt:
    """Gives the attempt of a scanned or typed number; a wrong one is an error that says whether it was misread."""
    token = read_token(text)
    if token is None:
        raise RegistryError(
            "not-found", f"{text.strip()[:20]!r} is no number of a letter", hint="scan or type it again"
        )
    query = select(ContactAttempt).where(ContactAttempt.token == token)
    if facility_id is not None:
        query = query.where(ContactAttempt.facility_id == facility_id)
    found = session.scalars(query).one_or_none()
    if found is None:
        raise RegistryError("not-found", f"no letter of this registry has the number {token}")
    return found


def close_silent(session: Session, *, as_of: date, who: str, facility_id: int | None = None) -> int:
    """Marks letters silent whose time of waiting is over; gives how many."""
    query = select(ContactAttempt).where(ContactAttempt.state == SENT)
    if facility_id is not None:
        query = query.where(ContactAttempt.facility_id == facility_id)
    over = [attempt for attempt in session.scalars(query) if not is_out(attempt, as_of)]
    for attempt in over:
        attempt.state = SILENT
    if over:
        session.flush()
        audit.append(session, CHAIN, over[0].id, "silent", {"attempts": [a.id for a in over]}, who=who)
    return len(over)
