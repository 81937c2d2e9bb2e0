"""The reply desk: a scanned number becomes a line; the lines are saved together, each for itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from registry.db import Store
from registry.errors import RegistryError
from registry.followup.attempts import by_token
from registry.followup.contact import KEPT, RECORDED, REVIEW, Effect
from registry.followup.replies import Reply, read_day, record_reply
from registry.models.followup import ContactAttempt

TYPED = ("outcome", "heard", "seen", "cancer", "note", "street", "city", "state", "postal")
"""What a line of the grid holds, by the name of its fields."""

WORDS = {RECORDED: "recorded", KEPT: "noted; nothing newer than the record", REVIEW: "waits for a review"}


@dataclass(frozen=True)
class Line:
    """One line of the grid: the attempt that it ends, what was typed, and what is wrong with it."""

    attempt_id: int
    token: str
    patient_id: int
    name_last: str
    name_first: str
    born: str
    source: str
    sent_on: date | None
    last_contact: str
    sites: tuple[str, ...]
    typed: Mapping[str, str]
    fault: str = ""
    done: str = ""


def line(
    session: Session, text: str, *, facility_id: int | None = None, typed: Mapping[str, str] | None = None
) -> Line:
    """Gives the line of a scanned number; one that is ended already is an error that says when."""
    attempt = by_token(session, text, facility_id=facility_id)
    if attempt.heard_on is not None:
        when = f"{attempt.outcome or attempt.state}, {attempt.heard_on.isoformat()}"
        raise RegistryError("usage", f"this letter was answered already ({when})", hint="open the patient to add more")
    if attempt.state == "withdrawn":
        raise RegistryError("usage", "this letter was taken back", hint="open the patient to note what was heard")
    return _line(attempt, typed or {})


def _line(attempt: ContactAttempt, typed: Mapping[str, str], fault: str = "", done: str = "") -> Line:
    patient = attempt.patient
    own = [
        abstract
        for record in patient.records
        for abstract in record.abstracts
        if attempt.facility_id in (None, abstract.facility_id)
    ]
    # a facility sees the contact that its own account tells
    contact = own[0].record.items.get("1750", "") if own and attempt.facility_id is not None else None
    return Line(
        attempt.id,
        attempt.token,
        attempt.patient_id,
        patient.name_last or "",
        patient.name_first or "",
        patient.date_of_birth or "",
        attempt.source,
        attempt.sent_on,
        contact if contact is not None else patient.date_of_last_contact or "",
        tuple(sorted({abstract.tumor.primary_site or "" for abstract in own} - {""})),
        dict(typed),
        fault,
        done,
    )


def save_lines(
    store: Store,
    lines: Iterable[tuple[str, Mapping[str, str]]],
    *,
    who: str,
    today: date,
    facility_id: int | None = None,
) -> tuple[list[Line], list[Line]]:
    """Saves lines given as (number, typed); gives those that were saved and those with a fault, which changed nothing.

    Each line is a transaction of its own: a fault in one takes nothing from the others.
    """
    saved, faulty = [], []
    for token, typed in lines:
        try:
            with store.writing() as session:
                attempt = by_token(session, token, facility_id=facility_id)
                effect = record_reply(session, attempt, read_reply(typed, today=today), who=who, today=today)
                saved.append(_line(attempt, typed, done=_words(effect)))
        except RegistryError as error:
            with store.reading() as session:
                attempt = by_token(session, token, facility_id=facility_id)
                faulty.append(_line(attempt, typed, fault=in_words(error)))
    return saved, faulty


def in_words(error: RegistryError) -> str:
    """A fault as one sentence: what is wrong and what to do."""
    text = "; ".join(part for part in (error.message, error.hint) if part)
    return f"{text[:1].upper()}{text[1:]}."


def _words(effect: Effect) -> str:
    words = WORDS[effect.fate]
    return f"{words}: {effect.reason}" if effect.fate == REVIEW and effect.reason else words


def read_reply(typed: Mapping[str, str], *, today: date) -> Reply:
    """Gives the reply that a line tells; a missing outcome or an unreadable day is an error."""
    if not typed.get("outcome"):
        raise RegistryError(
            "usage", "the outcome is missing", hint="a alive, d deceased, u not known, r returned, x refused"
        )
    heard = read_day(typed.get("heard") or "t", today=today)
    if len(heard) != 8:
        raise RegistryError("item-value", f"the reply's date {typed.get('heard')!r} is not complete")
    seen = read_day(typed["seen"], today=today) if typed.get("seen", "").strip() else ""
    address = {
        name: typed[name].strip() for name in ("street", "city", "state", "postal") if typed.get(name, "").strip()
    }
    return Reply(
        outcome=typed["outcome"],
        heard=date(int(heard[:4]), int(heard[4:6]), int(heard[6:])),
        seen=seen,
        cancer_status=typed.get("cancer", ""),
        note=typed.get("note", ""),
        address=address,
    )
