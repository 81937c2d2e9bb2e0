"""Making letters: one a patient and never one a tumor, by the likeliest way that is open, held where a reason says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.errors import RegistryError
from registry.followup.attempts import pack
from registry.followup.chart import profiles
from registry.followup.contact import CHAIN
from registry.followup.holds import holds, public_reason, stopping
from registry.followup.known import Address, Known
from registry.followup.letters_text import LANGUAGES, LetterText, day_in_words, letter_text, render
from registry.followup.sources import LETTER, SOURCES
from registry.followup.standing import Standing
from registry.followup.status import Person
from registry.followup.tokens import grouped, new_token
from registry.models import Facility, now
from registry.models.followup import (
    SENT,
    WAITING,
    WITHDRAWN,
    ContactAttempt,
    ContactPerson,
    LetterRun,
)

EMAIL = "email"


@dataclass(frozen=True)
class Skipped:
    """A patient without a letter, and why."""

    patient_id: int
    reason: str


@dataclass(frozen=True)
class Made:
    """What a run made: its number, the letters, and who got none."""

    run_id: int | None
    letters: tuple[int, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True)
class Sender:
    """Who writes: the registry's name, and the facility's with its place."""

    registry_name: str
    facility_name: str
    facility_city: str
    facility_number: str


def sender(session: Session, registry_name: str, facility_id: int | None) -> Sender:
    """Gives who writes for a facility; the registry itself where none is named."""
    facility = session.get(Facility, facility_id) if facility_id is not None else None
    if facility is None:
        return Sender(registry_name, registry_name, "", "")
    return Sender(registry_name, facility.name, facility.city or "", facility.number)


def make_letters(
    session: Session,
    standing: Standing,
    persons: Iterable[Person],
    *,
    who: str,
    title: str,
    registry_name: str,
    source: str = "",
    channel: str = LETTER,
    today: date | None = None,
    see_deaths: bool = True,
    limit: int | None = None,
) -> Made:
    """Makes a run of letters (or e-mails) in the outbox, at most one a patient; gives it with everybody who got none.

    `source` asks for one way; without it each patient gets the way with the best chance. `see_deaths` False hides from a
    hospital why the registry holds a letter; `limit` ends the run at so many letters, those on their way counted, so that
    the next of a plan takes the place of one who cannot be written to. Nothing is sent: printing and posting come after.
    """
    if source and (source not in SOURCES or SOURCES[source].channel != LETTER):
        raise RegistryError("usage", f"there are no letters by way of {source!r}")
    today = today or date.today()
    wanted = list({person.patient_id: person for person in persons}.values())
    ids = [person.patient_id for person in wanted]
    held = holds(session, ids)
    profile_of = profiles(session, ids)
    others = _persons(session, ids)
    letters, skipped = [], []
    texts: dict[tuple[str, str], LetterText] = {}
    run = LetterRun(facility_id=standing.facility_id, title=title[:200], made_by=who)
    by = sender(session, registry_name, standing.facility_id)
    going = 0
    for person in wanted:
        if limit is not None and going + len(letters) >= limit:
            break
        out = standing.out.get(person.patient_id)
        if out is not None:
            going += 1
            skipped.append(Skipped(person.patient_id, _on_its_way(out.source, out.sent_on)))
            continue
        there = standing.known.get(person.patient_id)
        if there is None:
            skipped.append(Skipped(person.patient_id, "not due"))
            continue
        profile = profile_of.get(person.patient_id)
        choice = _choose(
            standing, person, there, others.get(person.patient_id), held.get(person.patient_id, []), source
        )
        if isinstance(choice, str):
            skipped.append(Skipped(person.patient_id, choice if see_deaths else _told(choice)))
            continue
        way, to, helper = choice
        email = (profile.email if profile and way == "patient" else helper.email if helper else "") or ""
        if channel == EMAIL and not email:
            skipped.append(Skipped(person.patient_id, "no e-mail address"))
            continue
        own_language = helper.language if helper and way == "contact" else profile.language if profile else ""
        language = own_language if own_language in LANGUAGES and way in {"patient", "contact"} else "en"
        token = new_token()
        text = texts.get((way, language)) or letter_text(session, way, language, by.facility_number)
        texts[way, language] = text
        subject, body = render(text, _values(person, there, to, by, text.language, token, today))
        letters.append(
            ContactAttempt(
                token=token,
                patient_id=person.patient_id,
                facility_id=standing.facility_id,
                run=run,
                source=way,
                channel=channel,
                state=WAITING,
                language=text.language,
                recipient=to.name[:200],
                address="\n".join(to.lines),
                email=email if channel == EMAIL else "",
                subject=subject,
                body=body,
                made_by=who,
                minutes=SOURCES[way].minutes,
                group=pack(standing.group(person)),
            )
        )
    if not letters:
        return Made(None, (), tuple(skipped))
    run.details = {"skipped": [[s.patient_id, s.reason] for s in skipped], "rule_set": standing.rules.id}
    session.add(run)
    session.add_all(letters)
    session.flush()
    summary = {"title": run.title, "letters": len(letters), "patients": [a.patient_id for a in letters]}
    audit.append(session, CHAIN, run.id, "letters", summary, who=who)
    return Made(run.id, tuple(letter.id for letter in letters), tuple(skipped))


def _told(reason: str) -> str:
    return "held by the registry" if reason in {"deceased", "possible death, to be reviewed"} else reason


def _on_its_way(source: str, sent_on: date | None) -> str:
    step = SOURCES[source].step
    return f"{step} of {sent_on.isoformat()} is on its way" if sent_on else f"{step} is in the outbox"


def _choose(
    standing: Standing,
    person: Person,
    there: Known,
    helper: ContactPerson | None,
    held: list,
    wanted: str,
) -> tuple[str, Address, ContactPerson | None] | str:
    """Gives the way, the address and the person that a letter takes, or the reason why there is none."""
    whole = next((hold for hold in held if {"physician", "patient"} <= hold.stops and not hold.address), None)
    if whole is not None:
        return whole.kind.title
    ways = [(chance, way) for way, chance in standing.ways(person, helper=helper is not None) if way.channel == LETTER]
    if wanted:
        ways = [(chance, way) for chance, way in ways if way.id == wanted]
    stopped = ""
    for _, way in sorted(ways, key=lambda pair: -pair[0]):
        to = address(way.id, there, helper)
        if to is None:
            continue
        hold = stopping(held, way.id, "\n".join(to.lines))
        if hold is None:
            return way.id, to, helper if way.id == "contact" and there.contact is None else None
        stopped = stopped or f"{hold.kind.title} ({way.title.lower()})"
    return stopped or "no letter can go out: look at the next step in the list"


def address(source: str, there: Known, helper: ContactPerson | None = None) -> Address | None:
    """Gives where a letter by a way goes; None where that is not known."""
    if source == "contact" and there.contact is None and helper is not None:
        return Address(
            helper.name,
            helper.street,
            helper.supplement,
            helper.city,
            helper.state,
            helper.postal_code,
            helper.country,
        )
    return {
        "physician": there.physician,
        "patient": there.patient,
        "contact": there.contact,
        "hospital": there.hospital,
    }.get(source)


def _values(
    person: Person, there: Known, to: Address, by: Sender, language: str, token: str, today: date
) -> dict[str, str]:
    from abstracting.codes.topography import topography

    sites = sorted({case.site for case in person.followed if case.site})
    return {
        "recipient_name": to.name,
        "patient_name": there.patient.name,
        "patient_born": day_in_words(person.born.strftime("%Y%m%d") if person.born else "", language),
        "record_number": there.record_number,
        "last_contact": day_in_words(person.last_contact, language),
        "diagnosis": "; ".join(topography().label(site) for site in sites) if language == "en" else ", ".join(sites),
        "facility_name": by.facility_name,
        "facility_city": by.facility_city,
        "registry_name": by.registry_name,
        "letter_date": day_in_words(today.strftime("%Y%m%d"), language),
        "reference": grouped(token),
    }


def _persons(session: Session, ids: list[int]) -> dict[int, ContactPerson]:
    query = select(ContactPerson).where(ContactPerson.patient_id.in_(ids), ContactPerson.active)
    found: dict[int, ContactPerson] = {}
    for person in session.scalars(query.order_by(ContactPerson.id)):
        found.setdefault(person.patient_id, person)
    return found


def open_run(session: Session, run_id: int, *, facility_id: int | None = None) -> LetterRun:
    """Gives a run with its letters; one of another facility is not found."""
    run = session.get(LetterRun, run_id)
    if run is None or (facility_id is not None and run.facility_id != facility_id):
        raise RegistryError("not-found", f"there is no run of letters {run_id}, or none that you may see")
    return run


def stop_held(session: Session, run: LetterRun, *, who: str) -> list[ContactAttempt]:
    """Takes letters out of a run that a reason holds by now: a death may have been told since they were made."""
    waiting = [attempt for attempt in run.attempts if attempt.state == WAITING]
    held = holds(session, [attempt.patient_id for attempt in waiting])
    stopped = []
    for attempt in waiting:
        hold = stopping(held.get(attempt.patient_id, []), attempt.source, attempt.address)
        if hold is not None:
            attempt.state, attempt.note = WITHDRAWN, f"held: {public_reason(hold)}"
            stopped.append(attempt)
    if stopped:
        session.flush()
        audit.append(session, CHAIN, run.id, "held", {"attempts": [a.id for a in stopped]}, who=who)
    return stopped


def mark_posted(session: Session, run: LetterRun, *, who: str, on: date | None = None) -> int:
    """Marks the letters of a run as posted on a day (never a date of contact); gives how many."""
    stop_held(session, run, who=who)
    letters = [a for a in run.attempts if a.state == WAITING and a.channel == LETTER]
    for attempt in letters:
        attempt.state, attempt.sent_on = SENT, on or date.today()
    run.printed_at = now()
    session.flush()
    audit.append(session, CHAIN, run.id, "posted", {"letters": len(letters)}, who=who)
    return len(letters)


def take_back(session: Session, run: LetterRun, *, who: str, why: str) -> int:
    """Takes back the letters of a run that are not answered yet, as if they had not been written; gives how many."""
    letters = [attempt for attempt in run.attempts if attempt.state in {WAITING, SENT}]
    for attempt in letters:
        attempt.state, attempt.note = WITHDRAWN, why
    session.flush()
    audit.append(session, CHAIN, run.id, "take back", {"letters": len(letters)}, who=who, why=why)
    return len(letters)
