"""What each way of follow-up costs and brings: attempts, how many told of the patient, minutes, and by whom they were made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.errors import RegistryError
from registry.followup.attempts import is_out
from registry.followup.contact import RECORDED
from registry.followup.sources import SOURCES
from registry.models import Patient
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


@dataclass(frozen=True)
class Line:
    """One attempt behind the numbers."""

    attempt_id: int
    patient_id: int
    name_last: str
    name_first: str
    source: str
    made_by: str
    state: str
    outcome: str
    sent_on: date
    heard_on: date | None
    told: bool
    out: bool
    minutes: int

    @property
    def wait(self) -> int | None:
        """Days from sending to the reply that told; None where none did."""
        return (self.heard_on - self.sent_on).days if self.told and self.heard_on is not None else None


NUMBERS: dict[str, Callable[[Line], bool]] = {
    "attempts": lambda line: True,
    "out": lambda line: line.out,
    "told": lambda line: line.told,
    "returned": lambda line: line.state == RETURNED,
}
"""Which attempts each number counts."""


def lines(session: Session, *, first: date, last: date, as_of: date, facility_id: int | None = None) -> list[Line]:
    """Gives the attempts of the days (both counted), in order of their making; what was taken back is none."""
    sent = ContactAttempt
    query = (
        select(
            *(sent.id, sent.patient_id, Patient.name_last, Patient.name_first, sent.source, sent.made_by, sent.state),
            *(sent.outcome, sent.sent_on, sent.heard_on, sent.told, sent.minutes),
        )
        .join(Patient, sent.patient_id == Patient.id)
        .where(sent.state != WITHDRAWN, sent.sent_on.between(first, last))
        .order_by(sent.id)
    )
    if facility_id is not None:
        query = query.where(sent.facility_id == facility_id)
    return [
        Line(
            row.id,
            row.patient_id,
            row.name_last or "",
            row.name_first or "",
            row.source,
            row.made_by,
            row.state,
            row.outcome,
            row.sent_on,
            row.heard_on,
            row.told,
            is_out(row, as_of),
            row.minutes,
        )
        for row in session.execute(query)
    ]


def behind(found: Iterable[Line], by: str, name: str, number: str) -> list[Line]:
    """Gives the attempts behind one number of a way (`by` way) or of a person (`by` person)."""
    if by not in {"way", "person"} or number not in NUMBERS:
        raise RegistryError("usage", f"no number {number!r} by {by!r}", hint=f"known: {', '.join(NUMBERS)}")
    return [line for line in found if (line.source if by == "way" else line.made_by) == name and NUMBERS[number](line)]


def productivity(
    session: Session, *, first: date, last: date, as_of: date, facility_id: int | None = None
) -> Productivity:
    """Gives what was done from one day to another (both counted), by way, by person and by kind of file."""
    ways = {name: Yield(name, source.title) for name, source in SOURCES.items() if source.channel != "file"}
    persons: dict[str, Yield] = {}
    for line in lines(session, first=first, last=last, as_of=as_of, facility_id=facility_id):
        _add(ways[line.source], line)
        _add(persons.setdefault(line.made_by, Yield(line.made_by, line.made_by)), line)
    return Productivity(
        tuple(way for way in ways.values() if way.attempts),
        tuple(sorted(persons.values(), key=lambda person: (-person.told, person.name))),
        tuple(_files(session, first, last, facility_id)),
    )


def _add(to: Yield, line: Line) -> None:
    for number, counts in NUMBERS.items():
        setattr(to, number, getattr(to, number) + counts(line))
    to.minutes += line.minutes
    to.days += line.wait or 0


@dataclass(frozen=True)
class Told:
    """One row of a file that told something new of a patient."""

    match_id: int
    patient_id: int
    name_last: str
    name_first: str
    file_id: int
    file: str
    row: int
    day: str
    decided_by: str


def files(
    session: Session, *, first: date, last: date, facility_id: int | None = None, title: str = ""
) -> list[OutsideFile]:
    """Gives the files of the days (both counted), of one kind where `title` names it, in order of their coming."""
    query = select(OutsideFile)
    if facility_id is not None:
        query = query.where(OutsideFile.facility_id == facility_id)
    if title:
        query = query.where(OutsideFile.title == title)
    found = session.scalars(query.order_by(OutsideFile.id))
    return [file for file in found if first <= file.received_at.date() <= last]


def told_by_files(session: Session, found: Iterable[OutsideFile]) -> list[Told]:
    """Gives the rows of the files that told something new, in order of the files and their rows."""
    return [
        Told(
            match.id,
            patient.id,
            patient.name_last or "",
            patient.name_first or "",
            file.id,
            file.name,
            match.row,
            match.values.get("day", ""),
            match.decided_by,
        )
        for file in found
        for match, patient in session.execute(
            _taken(select(OutsideMatch, Patient), file)
            .join(Patient, OutsideMatch.patient_id == Patient.id)
            .order_by(OutsideMatch.row, OutsideMatch.id)
        )
    ]


def _taken(query: Any, file: OutsideFile) -> Any:
    return query.where(
        OutsideMatch.file_id == file.id, OutsideMatch.state == ACCEPTED, OutsideMatch.outcome == RECORDED
    )


def _files(session: Session, first: date, last: date, facility_id: int | None) -> Iterable[Yield]:
    found: dict[str, Yield] = {}
    for file in files(session, first=first, last=last, facility_id=facility_id):
        line = found.setdefault(file.title, Yield(file.title, file.title))
        line.attempts += file.rows_in
        line.told += session.scalar(_taken(select(func.count()), file)) or 0
    return found.values()
