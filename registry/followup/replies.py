"""What came back: replies to letters, calls, looks into the record, returned mail; each in one step, with its effect.

A reply's own date (or postmark) is when it was heard; the day on which the patient was seen or heard of is the contact. The
day on which a letter was written is never taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy.orm import Session

from abstracting.values import parse_date
from registry import audit, records
from registry.errors import RegistryError
from registry.followup.attempts import pack
from registry.followup.chances import Group
from registry.followup.contact import ALIVE, CHAIN, DEAD, KEPT, Effect, News, record_news
from registry.followup.holds import set_hold
from registry.followup.sources import SOURCES
from registry.followup.tokens import new_token
from registry.models import Patient
from registry.models.followup import (
    ANSWERED,
    RETURNED,
    SENT,
    SILENT,
    WAITING,
    ContactAttempt,
)

OUTCOMES: dict[str, tuple[str, str]] = {
    "alive": ("a", "alive"),
    "dead": ("d", "deceased"),
    "unknown": ("u", "not known there"),
    "returned": ("r", "mail came back"),
    "refused": ("x", "no more letters"),
    "no-answer": ("n", "no answer"),
}
"""How an attempt ends: the key that a clerk presses and the words."""

ADDRESS_ITEMS = {"street": 2350, "supplement": 2355, "city": 1810, "state": 1820, "postal": 1830, "phone": 2360}
SPEAKS_FOR_ITSELF = frozenset({"patient", "contact", "phone"})
"""Ways whose reply is itself a sign of life on its own date; a physician or hospital must name the day."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One line of the reply grid. `heard` is the reply's date, `seen` the coded day of contact or of death."""

    outcome: str
    heard: date
    seen: str = ""
    cancer_status: str = ""
    cause: str = ""
    note: str = ""
    address: Mapping[str, str] = field(default_factory=dict)
    tumors: Mapping[int, Mapping[int, str]] = field(default_factory=dict)


def read_day(text: str, *, today: date) -> str:
    """Gives a typed day as a coded date: 20250630, 6/30/2025, 063025, 2025-06, 2025, t (today), t-3; else an error."""
    plain = text.strip().lower()
    if match := re.fullmatch(r"t(?:-(\d{1,3}))?", plain):
        return (today - timedelta(days=int(match[1] or 0))).strftime("%Y%m%d")
    if match := re.fullmatch(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4}|\d{2})", plain):
        plain = f"{_year(match[3], today)}{int(match[1]):02d}{int(match[2]):02d}"
    elif re.fullmatch(r"\d{6}", plain) and not (1900 <= int(plain[:4]) <= today.year and 1 <= int(plain[4:]) <= 12):
        plain = f"{_year(plain[4:], today)}{plain[:4]}"
    found = parse_date(plain)
    if found.fault or found.year is None:
        raise RegistryError(
            "item-value", f"{text.strip()!r} is no day", hint="write it as 20250630, 6/30/2025 or t for today"
        )
    return re.sub(r"\D", "", plain)


def _year(text: str, today: date) -> str:
    if len(text) == 4:
        return text
    year = today.year // 100 * 100 + int(text)
    return str(year if year <= today.year else year - 100)


def record_reply(
    session: Session, attempt: ContactAttempt, reply: Reply, *, who: str, today: date | None = None
) -> Effect:
    """Ends an attempt by its reply and writes what it tells into the record; gives the effect on the record."""
    today = today or date.today()
    if attempt.state not in {WAITING, SENT, SILENT}:
        when = attempt.heard_on.isoformat() if attempt.heard_on else "an earlier day"
        raise RegistryError("usage", f"this {attempt.channel} was ended already ({attempt.state}, {when})")
    return _end(session, attempt, reply, who=who, today=today)


def _end(session: Session, attempt: ContactAttempt, reply: Reply, *, who: str, today: date) -> Effect:
    if reply.outcome not in OUTCOMES:
        raise RegistryError("usage", f"no outcome {reply.outcome!r}", hint=f"known: {', '.join(OUTCOMES)}")
    if reply.heard > today:
        raise RegistryError("item-value", f"the reply's date {reply.heard.isoformat()} lies in the future")
    seen = _seen(attempt, reply)
    effect = Effect(KEPT, "")
    if seen:
        tumors = {number: dict(items) for number, items in reply.tumors.items()}
        if reply.cancer_status:
            for abstract in _abstracts(session, attempt):
                tumors.setdefault(abstract, {})[1770] = reply.cancer_status
        news = News(
            day=seen,
            vital_status=DEAD if reply.outcome == "dead" else ALIVE,
            source=f"{SOURCES[attempt.source].step}, reply of {reply.heard.isoformat()}",
            code=SOURCES[attempt.source].code,
            cause=reply.cause,
            tumors=tumors,
            attempt_id=attempt.id,
        )
        effect = record_news(session, attempt.patient_id, news, who=who, facility_id=attempt.facility_id, today=today)
        if reply.address:
            _move(session, attempt, reply.address, who=who)
    if reply.outcome == "refused":
        kind = "no-physician" if attempt.source == "physician" else "do-not-send"
        set_hold(session, attempt.patient_id, kind, who=who, reason=f"reply of {reply.heard.isoformat()}")
    attempt.state = {"returned": RETURNED, "no-answer": SILENT}.get(reply.outcome, ANSWERED)
    attempt.heard_on, attempt.contact_date, attempt.outcome = reply.heard, seen, reply.outcome
    attempt.told = bool(seen)
    attempt.note = reply.note.strip()
    session.flush()
    summary = {"patient": attempt.patient_id, "source": attempt.source, "outcome": reply.outcome, "effect": effect.fate}
    audit.append(session, CHAIN, attempt.id, "reply", summary, who=who)
    return effect


def _seen(attempt: ContactAttempt, reply: Reply) -> str:
    """The coded day of contact or death; blank where the reply tells nothing of the patient."""
    if reply.outcome not in {"alive", "dead"}:
        return ""
    if reply.seen:
        return reply.seen
    if reply.outcome == "alive" and attempt.source in SPEAKS_FOR_ITSELF:
        return reply.heard.strftime("%Y%m%d")
    missing = "the date of death" if reply.outcome == "dead" else "the day on which the patient was last seen"
    raise RegistryError(
        "item-value", f"{missing} is missing", hint="the date of the letter or of the reply is no contact"
    )


def _abstracts(session: Session, attempt: ContactAttempt) -> list[int]:
    patient = session.get_one(Patient, attempt.patient_id)
    return [
        abstract.id
        for record in patient.records
        for abstract in record.abstracts
        if attempt.facility_id in (None, abstract.facility_id)
    ]


def _move(session: Session, attempt: ContactAttempt, address: Mapping[str, str], *, who: str) -> None:
    changes = {ADDRESS_ITEMS[name]: value.strip() for name, value in address.items() if value.strip()}
    if not changes:
        return
    if "street" in address and address["street"].strip():
        # a new street without its second line: the old one must not be joined to it
        changes.setdefault(ADDRESS_ITEMS["supplement"], "")
    patient = session.get_one(Patient, attempt.patient_id)
    for record in patient.records:
        first = next((a for a in record.abstracts if attempt.facility_id in (None, a.facility_id)), None)
        if first is not None:
            records.save(session, first.id, changes, who=who, why=f"follow-up: new address, {attempt.source}")


def log_attempt(
    session: Session,
    patient_id: int,
    source: str,
    reply: Reply,
    *,
    who: str,
    facility_id: int | None = None,
    group: Group | None = None,
    today: date | None = None,
) -> tuple[ContactAttempt, Effect]:
    """Writes a call, a look into the record or any other attempt that ends at once; gives it with its effect."""
    today = today or date.today()
    if source not in SOURCES:
        raise RegistryError("usage", f"no way of follow-up {source!r}", hint=f"known: {', '.join(SOURCES)}")
    if session.get(Patient, patient_id) is None:
        raise RegistryError("not-found", f"there is no patient {patient_id}")
    way = SOURCES[source]
    attempt = ContactAttempt(
        token=new_token(),
        patient_id=patient_id,
        facility_id=facility_id,
        source=source,
        channel=way.channel if way.channel != "letter" else "phone",
        state=SENT,
        made_by=who,
        sent_on=reply.heard,
        minutes=way.minutes,
        group=pack(group) if group else {},
    )
    session.add(attempt)
    session.flush()
    return attempt, _end(session, attempt, reply, who=who, today=today)
