"""One patient as follow-up sees them: where they stand, every attempt and its end, holds, contacts, who said what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry import audit
from registry.errors import RegistryError
from registry.followup.contact import CHAIN
from registry.followup.disclosure import HOSPITAL, redisclosure
from registry.followup.letters_text import LANGUAGES
from registry.models import Abstract, Patient
from registry.models.followup import ContactAttempt, ContactHold, ContactPerson, ContactProfile, ValueSource

CHUNK = 5000
SEEN = {"see_merged": True}

PERSON_FIELDS = {
    "name": 120,
    "relation": 60,
    "street": 60,
    "supplement": 60,
    "city": 50,
    "state": 2,
    "postal_code": 10,
    "country": 3,
    "phone": 20,
    "email": 254,
    "language": 3,
}
"""Fields of a contact person with their greatest length."""


@dataclass(frozen=True)
class Chart:
    """One patient's follow-up: profile, contacts, holds in force and lifted, attempts newest first, who said what."""

    patient: Patient
    profile: ContactProfile | None
    persons: tuple[ContactPerson, ...]
    holds: tuple[ContactHold, ...]
    attempts: tuple[ContactAttempt, ...]
    sources: tuple[ValueSource, ...]
    withheld: bool


def chart(session: Session, patient_id: int, *, facility_id: int | None = None) -> Chart:
    """Gives a patient's follow-up; a facility sees its own attempts, and no source that hospitals may not know of."""
    patient = session.get(Patient, patient_id)
    if patient is None or not own_abstracts(patient, facility_id):
        raise RegistryError("not-found", f"there is no patient {patient_id}, or none that you may see")
    attempts = select(ContactAttempt).where(ContactAttempt.patient_id == patient_id)
    if facility_id is not None:
        attempts = attempts.where(ContactAttempt.facility_id == facility_id)
    said = select(ValueSource).where(ValueSource.patient_id == patient_id).order_by(ValueSource.id.desc())
    sources = list(session.scalars(said))
    shown = [s for s in sources if facility_id is None or redisclosure(s.redisclosure).allows(HOSPITAL)]
    return Chart(
        patient=patient,
        profile=profiles(session, [patient_id]).get(patient_id),
        persons=tuple(
            session.scalars(
                select(ContactPerson)
                .where(ContactPerson.patient_id == patient_id, ContactPerson.active)
                .order_by(ContactPerson.id)
            )
        ),
        holds=tuple(
            session.scalars(
                select(ContactHold).where(ContactHold.patient_id == patient_id).order_by(ContactHold.id.desc())
            )
        ),
        attempts=tuple(session.scalars(attempts.order_by(ContactAttempt.id.desc()))),
        sources=tuple(shown),
        withheld=len(shown) < len(sources) and facility_id is None,
    )


def own_abstracts(patient: Patient, facility_id: int | None) -> list[Abstract]:
    """Gives the patient's abstracts: of a facility, or all."""
    return [a for r in patient.records for a in r.abstracts if facility_id in (None, a.facility_id)]


def profiles(session: Session, patient_ids: Iterable[int]) -> dict[int, ContactProfile]:
    """Gives by patient how they are written to; of a person put together from several, the profile saved last.

    Nothing is moved when persons are linked: a merged person's profile speaks for the one who stands while they are one,
    and for themselves again once the link is undone.
    """
    ids, found = sorted(set(patient_ids)), {}
    for start in range(0, len(ids), CHUNK):
        stands = func.coalesce(Patient.merged_into_id, Patient.id)
        query = (
            select(stands, ContactProfile)
            .join(Patient, ContactProfile.patient_id == Patient.id)
            .where(stands.in_(ids[start : start + CHUNK]))
            .order_by(ContactProfile.updated_at, ContactProfile.patient_id)
        )
        for number, profile in session.execute(query, execution_options=SEEN):
            found[number] = profile
    return found


def save_profile(session: Session, patient_id: int, *, language: str, email: str, note: str, who: str) -> None:
    """Keeps how a patient is written to; an unknown language or a text that is no address is an error."""
    if language and language not in LANGUAGES:
        raise RegistryError("usage", f"no language {language!r}", hint=f"known: {', '.join(LANGUAGES)}")
    _check_email(email)
    profile = session.get(ContactProfile, patient_id)
    if profile is None:
        profile = ContactProfile(patient_id=patient_id)
        session.add(profile)
    profile.language, profile.email, profile.note = language, email.strip(), note.strip()
    session.flush()
    audit.append(session, CHAIN, patient_id, "profile", {"language": language, "email": bool(email.strip())}, who=who)


def _check_email(email: str) -> None:
    text = email.strip()
    name, at, domain = text.rpartition("@")
    if text and (not at or not name or "." not in domain or any(sign.isspace() for sign in text)):
        raise RegistryError(
            "item-value", f"{text[:60]!r} is no e-mail address", hint="leave it blank where there is none"
        )


def save_person(session: Session, patient_id: int, values: Mapping[str, str], *, who: str) -> ContactPerson:
    """Adds somebody who can tell of a patient; a name is needed, and what is too long is named."""
    told = {name: values.get(name, "").strip() for name in PERSON_FIELDS}
    faults = [
        f"{name} holds {len(value)} characters, {PERSON_FIELDS[name]} fit"
        for name, value in told.items()
        if len(value) > PERSON_FIELDS[name]
    ]
    if not told["name"]:
        faults.append("the name is missing")
    if faults:
        raise RegistryError("item-value", "; ".join(faults), hint="correct the contact and save again")
    _check_email(told["email"])
    person = ContactPerson(patient_id=patient_id, **told)
    session.add(person)
    session.flush()
    audit.append(session, CHAIN, person.id, "contact", {"patient": patient_id, "name": told["name"]}, who=who)
    return person


def drop_person(session: Session, patient_id: int, person_id: int, *, who: str) -> None:
    """Ends a contact person; attempts that went to them stay."""
    person = session.get(ContactPerson, person_id)
    if person is None or person.patient_id != patient_id or not person.active:
        raise RegistryError("not-found", f"there is no contact {person_id} of this patient")
    person.active = False
    session.flush()
    audit.append(session, CHAIN, person.id, "drop", {"patient": patient_id, "name": person.name}, who=who)
