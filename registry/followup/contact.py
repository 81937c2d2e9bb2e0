"""What news of a patient does to the record: vital status and last contact, forward only, never over a death without review.

Vital status (1760) and its date (1750) are the patient's; cancer status and its date (1770, 1772), recurrence, later
treatment and the functional note are the tumor's. A letter's date, a bill, a no-show and a cancelled visit are no contact;
whoever calls this has a date on which somebody saw or heard of the patient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from abstracting.values import PartialDate, clean, parse_date
from registry import audit, records
from registry.errors import RegistryError
from registry.followup.disclosure import HOSPITAL, redisclosure
from registry.linkage.consolidate import refresh_patient
from registry.models import Abstract, Patient, PatientRecord, Source, now
from registry.models.followup import REJECTED, WAITING, ContactReview, ValueSource

LAST_CONTACT, VITAL_STATUS, CAUSE, ICD_REVISION, CERTIFICATE, CENTRAL = 1750, 1760, 1910, 1920, 2380, 1791
CANCER_STATUS, CANCER_STATUS_DATE, FOLLOW_UP_SOURCE = 1770, 1772, 1790
ALIVE, DEAD = "1", "0"
CHAIN = "followup"

RECORDED, KEPT, REVIEW = "recorded", "kept", "review"
"""What news did: it is in the record; nothing newer than what stood; a person must decide."""

NO_CAUSE = frozenset({"", "0000", "7777", "7797"})
"""Cause of death (1910) of the living, without a certificate, and with one whose cause is not coded."""

COURSES = (
    (1660, (1671, 1672, 1673, 1674, 1675, 1676)),
    (1680, (1691, 1692, 1693, 1694, 1695, 1696)),
    (1700, (1711, 1712, 1713, 1714, 1715, 1716)),
)
"""Later courses of treatment, second to fourth: the date, and surgery, radiation, chemo, hormone, immune, other."""

TUMOR_ITEMS = frozenset({1770, 1772, 1780, 1790, 1800, 1850, 1860, 1880, 3190, 2680}) | {
    item for day, codes in COURSES for item in (day, *codes)
}
"""Items of a tumor that follow-up may write: cancer status, recurrence, later treatment, readmission, sources, a note."""


@dataclass(frozen=True, kw_only=True)
class News:
    """What somebody told: the coded day, alive or dead, who told it, and what more of death and of each tumor."""

    day: str
    vital_status: str
    source: str
    code: str = ""
    central: str = ""
    rule: str = "free"
    cause: str = ""
    icd_revision: str = ""
    certificate: str = ""
    tumors: Mapping[int, Mapping[int, str]] = field(default_factory=dict)
    attempt_id: int | None = None
    match_id: int | None = None

    @property
    def dead(self) -> bool:
        return self.vital_status == DEAD

    @property
    def person_items(self) -> dict[int, str]:
        """The items of the person that the news would set."""
        told = {LAST_CONTACT: self.day, VITAL_STATUS: self.vital_status}
        if self.central:
            told[CENTRAL] = self.central
        if self.dead:
            more = {CAUSE: self.cause, ICD_REVISION: self.icd_revision, CERTIFICATE: self.certificate}
            told |= {item: value for item, value in more.items() if value}
        return told


@dataclass(frozen=True)
class Effect:
    """What news did, in one word and one sentence, and what it changed, so that it can be taken back."""

    fate: str
    reason: str = ""
    changed: tuple[dict[str, Any], ...] = ()
    review_id: int | None = None


def check_day(text: str, *, today: date, born: date | None = None, what: str = "the date of contact") -> PartialDate:
    """Gives the coded day; one that cannot be read, has no year, lies ahead or before birth is an error that says so."""
    day = parse_date(text)
    fault = ""
    if day.fault or day.earliest is None:
        fault = f"{what} {text!r} is no date with a known year"
    elif day.earliest > today:
        fault = f"{what} {text} lies in the future"
    elif born is not None and day.latest is not None and day.latest < born:
        fault = f"{what} {text} lies before birth"
    if fault:
        raise RegistryError(
            "item-value", fault, hint="the reply's own date or postmark, as YYYYMMDD or with unknown parts"
        )
    return day


def record_news(
    session: Session,
    patient_id: int,
    news: News,
    *,
    who: str,
    facility_id: int | None = None,
    today: date | None = None,
) -> Effect:
    """Writes news of a patient into the accounts that it may reach, or asks for a review; gives what it did.

    `facility_id` writes into that facility's accounts alone. News that no hospital may see goes into an account of its source.
    """
    today = today or date.today()
    patient = session.get(Patient, patient_id)
    if patient is None:
        raise RegistryError("not-found", f"there is no patient {patient_id}")
    check_day(news.day, today=today, born=patient.birth_latest)
    own = _accounts(patient, facility_id)
    if not own:
        raise RegistryError("not-found", f"patient {patient_id} has no account here")
    open_to_hospitals = redisclosure(news.rule).allows(HOSPITAL)
    kinds = [compare(account.items, news) for account in own]
    # what the registry knows beyond these accounts (a death that hospitals may not see) asks for a review as well
    verdicts = [*kinds, compare(patient.items, news)]
    conflict = next((reason for fate, reason in verdicts if fate == REVIEW), "")
    if conflict and not (facility_id is not None and all(fate != REVIEW for fate, _ in kinds)):
        return ask_for_review(session, patient, news, conflict, who=who, facility_id=facility_id)
    review = None
    if conflict:
        # the hospital records what it heard; only the registry learns that this contradicts a death it knows of
        review = ask_for_review(session, patient, news, conflict, who=who, facility_id=None).review_id
    why = f"follow-up: {news.source}"
    changed: list[dict[str, Any]] = []
    if open_to_hospitals:
        for account, (fate, _reason) in zip(own, kinds):
            changed += _write(session, account, news, fate, facility_id, who=who, why=why)
    elif compare(patient.items, news)[0] == RECORDED:
        changed.append(write_apart(session, patient, news, who=who, why=why))
    if any(change.get("person") for change in changed):
        _say_who(session, patient_id, news, who=who)
    if not changed:
        return Effect(KEPT, "nothing newer than what stands", review_id=review)
    return Effect(RECORDED, "", tuple(changed), review)


def _accounts(patient: Patient, facility_id: int | None) -> list[PatientRecord]:
    return [
        record
        for record in patient.records
        if any(facility_id in (None, abstract.facility_id) for abstract in record.abstracts)
    ]


def compare(items: Mapping[str, str], news: News) -> tuple[str, str]:
    """What news does to one account, and why: recorded, kept as it is, or a case for review."""
    stood, told = parse_date(items.get("1750")), parse_date(news.day)
    dead = clean(items.get("1760")) not in {"", ALIVE}
    assert told.earliest is not None
    if dead and not news.dead:
        if stood.earliest is not None and told.latest is not None and told.latest <= stood.earliest:
            return KEPT, "an earlier contact of one who died later"
        return REVIEW, "told alive after the death in the record"
    if dead and news.dead:
        if stood.earliest is None or stood.latest is None:
            return RECORDED, ""
        if told.latest is not None and (told.earliest > stood.latest or told.latest < stood.earliest):
            return REVIEW, "another date of death than the one in the record"
        finer = told.latest is not None and (told.latest - told.earliest) < (stood.latest - stood.earliest)
        adds = any(value and _is_open(items, item) for item, value in _death(news))
        return (RECORDED, "") if finer or adds else (KEPT, "the same death")
    if news.dead:
        if stood.earliest is not None and told.latest is not None and told.latest < stood.earliest:
            return REVIEW, "died before the last contact in the record"
        return RECORDED, ""
    if stood.earliest is not None and told.earliest <= stood.earliest:
        return KEPT, "the last contact in the record is not older"
    return RECORDED, ""


def _is_open(items: Mapping[str, str], item: int) -> bool:
    """Whether an item of death says nothing yet: blank, or a cause that means alive or not coded."""
    return clean(items.get(str(item))) in NO_CAUSE


def _death(news: News) -> list[tuple[int, str]]:
    return [(CAUSE, news.cause), (CERTIFICATE, news.certificate)]


def _write(
    session: Session,
    account: PatientRecord,
    news: News,
    fate: str,
    facility_id: int | None,
    *,
    who: str,
    why: str,
) -> list[dict[str, Any]]:
    """Saves the news into one account, person's items with its first abstract, tumor's items with each; gives what changed."""
    done = []
    abstracts = [a for a in account.abstracts if facility_id in (None, a.facility_id)]
    for number, abstract in enumerate(abstracts):
        changes: dict[int, str] = {}
        if number == 0 and fate == RECORDED:
            changes |= _person_changes(account.items, news)
        if fate == RECORDED and news.code:
            changes[FOLLOW_UP_SOURCE] = news.code
        changes |= _tumor_changes(abstract, news)
        if not changes:
            continue
        saved = records.save(session, abstract.id, changes, who=who, why=why)
        if saved.changes:
            items = {str(n): list(change) for n, change in saved.changes.items()}
            person = not _PERSON.isdisjoint(saved.changes)
            done.append({"abstract": abstract.id, "items": items, "person": person})
    return done


_PERSON = {LAST_CONTACT, VITAL_STATUS, CAUSE, ICD_REVISION, CERTIFICATE}


def _person_changes(items: Mapping[str, str], news: News) -> dict[int, str]:
    changes = news.person_items
    stood, told = parse_date(items.get("1750")), parse_date(news.day)
    dead = clean(items.get("1760")) not in {"", ALIVE}
    if dead and stood.earliest is not None and stood.latest is not None and told.latest is not None:
        # the same death told again: a finer date is taken, a coarser one is not
        assert told.earliest is not None
        if (told.latest - told.earliest) >= (stood.latest - stood.earliest):
            del changes[LAST_CONTACT]
        for item in (CAUSE, CERTIFICATE):
            if not _is_open(items, item):
                changes.pop(item, None)
    return changes


def _tumor_changes(abstract: Abstract, news: News) -> dict[int, str]:
    told = dict(news.tumors.get(abstract.id, {}))
    unknown = set(told) - TUMOR_ITEMS
    if unknown:
        raise RegistryError("item-value", f"items {sorted(unknown)} are not written by follow-up")
    day = told.get(CANCER_STATUS_DATE, "")
    if CANCER_STATUS in told:
        day = day or news.day
        before, after = parse_date(abstract.items.get("1772")).earliest, parse_date(day).earliest
        if before is not None and after is not None and after < before:
            told.pop(CANCER_STATUS), told.pop(CANCER_STATUS_DATE, None)
        else:
            told[CANCER_STATUS_DATE] = day
    return told


def write_apart(session: Session, patient: Patient, news: News, *, who: str, why: str) -> dict[str, Any]:
    """Keeps values that hospitals may not see in an account of their source's own; gives its number."""
    title = redisclosure(news.rule).title
    source = session.scalars(
        select(Source).where(Source.registry_id == "", Source.facility_number == "", Source.name == title)
    ).one_or_none()
    if source is None:
        source = Source(name=title)
        session.add(source)
        session.flush()
    key = news.certificate or f"match {news.match_id}"
    record = session.scalars(
        select(PatientRecord).where(PatientRecord.source_id == source.id, PatientRecord.patient_id_number == key)
    ).one_or_none()
    if record is None:
        record = PatientRecord(patient=patient, source=source, patient_id_number=key)
        session.add(record)
    record.items = {str(item): value for item, value in news.person_items.items()}
    session.flush()
    changes = {item: ["", value] for item, value in record.items.items()}
    audit.append(session, "patient_record", record.id, "change", changes, who=who, why=why, version=record.version_id)
    session.refresh(patient, ["records"])
    refresh_patient(session, patient, who=who, why=why)
    return {"record": record.id, "items": changes, "person": True}


def _say_who(session: Session, patient_id: int, news: News, *, who: str) -> None:
    for item, value in news.person_items.items():
        session.add(
            ValueSource(
                patient_id=patient_id,
                item=item,
                value=value,
                source=news.source,
                redisclosure=news.rule,
                attempt_id=news.attempt_id,
                match_id=news.match_id,
                who=who,
            )
        )


def ask_for_review(
    session: Session, patient: Patient, news: News, reason: str, *, who: str, facility_id: int | None
) -> Effect:
    """Puts news before a person instead of writing them."""
    review = ContactReview(
        patient_id=patient.id,
        facility_id=facility_id,
        kind=reason[:20],
        source=news.source,
        standing={str(n): patient.items.get(str(n), "") for n in (LAST_CONTACT, VITAL_STATUS, CAUSE)},
        proposed={str(n): value for n, value in news.person_items.items()},
        attempt_id=news.attempt_id,
        match_id=news.match_id,
        who=who,
    )
    session.add(review)
    session.flush()
    audit.append(session, CHAIN, review.id, "review", {"patient": patient.id, "kind": review.kind}, who=who, why=reason)
    return Effect(REVIEW, reason, (), review.id)


def take_back(session: Session, changed: list[dict[str, Any]], *, who: str, why: str) -> list[str]:
    """Takes back what news changed, where the record still says it; gives what was left because somebody changed it since."""
    left = []
    for change in changed:
        if "record" in change:
            record = session.get(PatientRecord, change["record"])
            if record is not None:
                patient = record.patient
                items = {item: [value, ""] for item, value in record.items.items()}
                audit.append(session, "patient_record", record.id, "remove", items, who=who, why=why)
                session.delete(record)
                session.flush()
                session.refresh(patient, ["records"])
                refresh_patient(session, patient, who=who, why=why)
            continue
        abstract = session.get(Abstract, change["abstract"])
        if abstract is None:
            continue
        view = records.all_items(abstract)
        back = {}
        for item, (old, new) in change["items"].items():
            if view.get(int(item), "") == new:
                back[int(item)] = old
            else:
                left.append(f"item {item} of abstract {abstract.id} was changed since")
        records.save(session, abstract.id, back, who=who, why=why)
    return left


def withdraw_sources(session: Session, *, match_id: int) -> None:
    """Marks what a match said as no longer in force."""
    for said in session.scalars(select(ValueSource).where(ValueSource.match_id == match_id)):
        said.withdrawn_at = now()


def withdraw_reviews(session: Session, *, match_id: int, who: str, why: str) -> None:
    """Ends the questions that a match asked and nobody decided: what it told is no longer told."""
    query = select(ContactReview).where(ContactReview.match_id == match_id, ContactReview.state == WAITING)
    for review in session.scalars(query.order_by(ContactReview.id)):
        review.state, review.decided_by, review.decided_at, review.why = REJECTED, who, now(), why
        summary = {"patient": review.patient_id, "taken": False, "proposed": review.proposed}
        audit.append(session, CHAIN, review.id, "decide", summary, who=who, why=why)
