"""What each way of follow-up costs and brings: attempts, how many told of the patient, minutes, and by whom they were made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from registry.followup.attempts import is_out
from registry.followup.layouts import DEATHS
from registry.followup.sources import SOURCES
from registry.models.followup import ACCEPTED, RETURNED, WITHDRAWN, ContactAttempt, OutsideFile, OutsideMatch


@dataclass
class Yield:
    """One way, or one person, in a span of days."""

    name: str
    title: str
    attempts: int = 0
    out: int = 0
    told: int = 0
    returned: int = 0
    minutes: int = 0
    days: int = 0

    @property
    def ended(self) -> int:
        """Attempts whose end is known."""
        return self.attempts - self.out

    @property
    def share(self) -> float | None:
        """How many of the ended ones told of the patient; None where none ended."""
        return self.told / self.ended if self.ended else None

    @property
    def an_hour(self) -> float | None:
        """Patients told of in an hour of work; None where no work was counted."""
        return 60 * self.told / self.minutes if self.minutes else None

    @property
    def wait(self) -> float | None:
        """Mean days from sending to the reply that told; None where none did."""
        return self.days / self.told if self.told else None


@dataclass(frozen=True)
class Productivity:
    """Yields by way and by person, and what files from outside told in the same days."""

    ways: tuple[Yield, ...]
    persons: tuple[Yield, ...]
    files: tuple[Yield, ...]


def productivity(
    session: Session, *, first: date, last: date, as_of: date, facility_id: int | None = None
) -> Productivity:
    """Gives what was done from one day to another (both counted), by way, by person and by kind of file."""
    query = select(ContactAttempt).where(
        ContactAttempt.state != WITHDRAWN,
        or_(ContactAttempt.sent_on.is_(None), ContactAttempt.sent_on.between(first, last)),
    )
    if facility_id is not None:
        query = query.where(ContactAttempt.facility_id == facility_id)
    attempts = [a for a in session.scalars(query) if a.sent_on is not None]
    ways = {name: Yield(name, source.title) for name, source in SOURCES.items() if source.channel != "file"}
    persons: dict[str, Yield] = {}
    for attempt in attempts:
        _add(ways[attempt.source], attempt, as_of)
        _add(persons.setdefault(attempt.made_by, Yield(attempt.made_by, attempt.made_by)), attempt, as_of)
    return Productivity(
        tuple(way for way in ways.values() if way.attempts),
        tuple(sorted(persons.values(), key=lambda person: -person.told)),
        tuple(_files(session, first, last, facility_id)),
    )


def _add(to: Yield, attempt: ContactAttempt, as_of: date) -> None:
    to.attempts += 1
    to.out += is_out(attempt, as_of)
    to.told += attempt.told
    to.returned += attempt.state == RETURNED
    to.minutes += attempt.minutes
    if attempt.told and attempt.heard_on is not None and attempt.sent_on is not None:
        to.days += (attempt.heard_on - attempt.sent_on).days


def _files(session: Session, first: date, last: date, facility_id: int | None) -> Iterable[Yield]:
    query = select(OutsideFile)
    if facility_id is not None:
        query = query.where(OutsideFile.facility_id == facility_id)
    found: dict[str, Yield] = {}
    for file in session.scalars(query.order_by(OutsideFile.id)):
        if not first <= file.received_at.date() <= last:
            continue
        line = found.setdefault(file.title, Yield(file.title, file.title))
        line.attempts += file.rows_in
        taken = select(OutsideMatch).where(OutsideMatch.file_id == file.id, OutsideMatch.state == ACCEPTED)
        line.told += sum(match.outcome == "recorded" for match in session.scalars(taken))
        line.returned += 0 if file.kind != DEATHS else int(file.report.get("review", 0))
    return found.values()
