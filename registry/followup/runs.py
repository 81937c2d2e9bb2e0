"""Runs of letters as pages show them: their letters with what became of each, and who got none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from registry.followup.holds import holds, public_reason, stopping
from registry.followup.letters import EMAIL
from registry.followup.sources import LETTER
from registry.models import Facility, Patient
from registry.models.followup import SENT, WAITING, ContactAttempt, LetterRun

CHUNK = 5000


@dataclass(frozen=True)
class RunLine:
    """One run in the list."""

    id: int
    title: str
    facility: str
    made_at: datetime
    made_by: str
    printed_at: datetime | None
    states: dict[str, int]

    @property
    def letters(self) -> int:
        return sum(self.states.values())


@dataclass(frozen=True)
class LetterLine:
    """One letter of a run; `held` says why it does not go out."""

    id: int
    token: str
    patient_id: int
    name_last: str
    name_first: str
    source: str
    channel: str
    state: str
    language: str
    recipient: str
    address: str
    subject: str
    body: str
    sent_on: date | None
    heard_on: date | None
    outcome: str
    note: str
    held: str


@dataclass(frozen=True)
class RunView:
    """One run with its letters and the patients without one, `(patient_id, last, first, reason)`."""

    line: RunLine
    letters: tuple[LetterLine, ...]
    skipped: tuple[tuple[int, str, str, str], ...]

    @property
    def waiting(self) -> list[LetterLine]:
        """The letters that are still to be posted or sent."""
        return [letter for letter in self.letters if letter.state == WAITING and not letter.held]


def list_runs(session: Session, *, facility_id: int | None = None, limit: int = 50) -> list[RunLine]:
    """Gives the last runs, newest first: of a facility, or all."""
    query = select(LetterRun).order_by(LetterRun.id.desc()).limit(limit)
    if facility_id is not None:
        query = query.where(LetterRun.facility_id == facility_id)
    runs = list(session.scalars(query))
    counted = (
        select(ContactAttempt.run_id, ContactAttempt.state, func.count())
        .where(ContactAttempt.run_id.in_([run.id for run in runs]))
        .group_by(ContactAttempt.run_id, ContactAttempt.state)
    )
    states: dict[int, dict[str, int]] = {}
    for run_id, state, count in session.execute(counted):
        states.setdefault(run_id, {})[state] = count
    return [_line(session, run, states.get(run.id, {})) for run in runs]


def _line(session: Session, run: LetterRun, states: dict[str, int]) -> RunLine:
    facility = session.get(Facility, run.facility_id) if run.facility_id is not None else None
    name = facility.name if facility else "All facilities"
    return RunLine(run.id, run.title, name, run.made_at, run.made_by, run.printed_at, states)


def view_run(session: Session, run: LetterRun, *, see_deaths: bool = True) -> RunView:
    """Gives a run as its page shows it."""
    of_run = select(ContactAttempt).where(ContactAttempt.run_id == run.id).order_by(ContactAttempt.id)
    attempts = list(session.scalars(of_run.options(selectinload(ContactAttempt.patient))))
    held = holds(session, [attempt.patient_id for attempt in attempts])
    letters = []
    for attempt in attempts:
        stop = stopping(held.get(attempt.patient_id, []), attempt.source, attempt.address)
        why = "" if stop is None or attempt.state != WAITING else stop.kind.title if see_deaths else public_reason(stop)
        letters.append(
            LetterLine(
                attempt.id,
                attempt.token,
                attempt.patient_id,
                attempt.patient.name_last or "",
                attempt.patient.name_first or "",
                attempt.source,
                attempt.channel,
                attempt.state,
                attempt.language,
                attempt.recipient,
                attempt.address,
                attempt.subject,
                attempt.body,
                attempt.sent_on,
                attempt.heard_on,
                attempt.outcome,
                attempt.note,
                why,
            )
        )
    without = dict(run.details.get("skipped", []))
    people: dict[int, tuple[str, str]] = {}
    for start in range(0, len(without), CHUNK):
        query = select(Patient.id, Patient.name_last, Patient.name_first)
        for number, last, first in session.execute(query.where(Patient.id.in_(list(without)[start : start + CHUNK]))):
            people[number] = (last or "", first or "")
    skipped = tuple((number, *people[number], reason) for number, reason in without.items() if number in people)
    return RunView(_line(session, run, Counter(a.state for a in attempts)), tuple(letters), skipped)


def to_print(session: Session, run: LetterRun) -> list[ContactAttempt]:
    """Gives the letters of a run that go on paper: waiting or posted, none that a reason holds by now."""
    letters = [a for a in run.attempts if a.channel == LETTER and a.state in {WAITING, SENT}]
    held = holds(session, [attempt.patient_id for attempt in letters])
    return [a for a in letters if stopping(held.get(a.patient_id, []), a.source, a.address) is None]


def to_send(session: Session, run: LetterRun) -> list[ContactAttempt]:
    """Gives the e-mails of a run that wait for the mail server, none that a reason holds by now."""
    mails = [a for a in run.attempts if a.channel == EMAIL and a.state == WAITING]
    held = holds(session, [attempt.patient_id for attempt in mails])
    return [a for a in mails if stopping(held.get(a.patient_id, []), a.source, a.address) is None]
