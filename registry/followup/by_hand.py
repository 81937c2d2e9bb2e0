"""The last contact and the vital status typed by hand: forward only, and no life after a death, but by a review.

What somebody typed in the last day he may take back himself: that is a slip of the hand, and nobody else read it yet.
Everything else that would move the last contact backward, bring a dead person to life, change a day of death or empty
either is held back; a correction is asked for with a reason, and a person decides it on the page Review.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from abstracting.values import clean, parse_date
from registry import records
from registry.errors import RegistryError
from registry.followup.contact import ALIVE, LAST_CONTACT, VITAL_STATUS, Effect, News, ask_for_review, check_day
from registry.models import Abstract, now
from registry.models.followup import WAITING, ContactReview

SOURCE = "correction by hand"
CORRECTION = "a correction"
"""The kind of review of what somebody wants to set right by hand."""

OWN_SLIP = timedelta(days=1)
"""So long the person who typed a day or a status may take it back without a review."""

_UNIT = (LAST_CONTACT, VITAL_STATUS)


def faults(stood: Mapping[int, str], wanted: Mapping[int, str]) -> dict[int, str]:
    """Gives what is wrong with a new last contact (1750) and vital status (1760) beside those that stand, by item."""
    before, told = parse_date(stood.get(LAST_CONTACT)), parse_date(wanted.get(LAST_CONTACT))
    was, status = clean(stood.get(VITAL_STATUS)), clean(wanted.get(VITAL_STATUS))
    was_dead, dead = was not in {"", ALIVE}, status not in {"", ALIVE}
    found: dict[int, str] = {}
    if was and not status:
        found[VITAL_STATUS] = "the vital status is not emptied"
    elif was_dead and not dead:
        found[VITAL_STATUS] = "a death stands in the record; alive after it needs a review"
    if before.earliest is None:
        return found
    text = stood.get(LAST_CONTACT, "")
    if told.earliest is None:
        found[LAST_CONTACT] = f"{text} stands; it is not replaced by a day without a known year"
    elif told.earliest < before.earliest:
        what = "the day of death" if was_dead else "the last contact"
        found[LAST_CONTACT] = f"{text} stands; {what} does not move backward without a review"
    elif was_dead and dead and before.latest is not None and told.earliest > before.latest:
        found[LAST_CONTACT] = f"{text} stands as the day of death; another one needs a review"
    return found


def held(session: Session, abstract: Abstract, changes: Mapping[int, str], *, who: str) -> dict[int, str]:
    """Gives the items of a change by hand that may not be saved without a review, each with the sentence that says why."""
    items = abstract.record.items
    now_there = {item: items.get(str(item), "") for item in _UNIT}
    wanted = {item: changes.get(item, now_there[item]).strip() for item in _UNIT}
    if wanted == now_there:
        return {}
    found = faults(_before_own(session, abstract, now_there, who), wanted)
    if found:
        # a status without its day, or a day without its status, would tell another story
        for item in _UNIT:
            if wanted[item] != now_there[item]:
                found.setdefault(item, "it waits together with the other half of the last contact")
    return {item: why for item, why in found.items() if wanted[item] != now_there[item]}


def _before_own(session: Session, abstract: Abstract, now_there: Mapping[int, str], who: str) -> dict[int, str]:
    """What stood before the person's own changes of the last day, which are his to take back."""
    stood = dict(now_there)
    since = now() - OWN_SLIP
    for revision in records.history(session, "patient_record", abstract.record_id):
        touched = [item for item in _UNIT if str(item) in revision.changes]
        if not touched:
            continue
        # what follow-up wrote in his name is news of somebody, not a slip
        if revision.who != who or revision.at < since or revision.why.startswith(("follow-up", "review")):
            break
        for item in touched:
            stood[item] = revision.changes[str(item)][0]
    return stood


def waiting(session: Session, abstract: Abstract) -> list[ContactReview]:
    """Gives the corrections that were asked for in an abstract's facility and are not decided."""
    query = select(ContactReview).where(
        ContactReview.state == WAITING,
        ContactReview.kind == CORRECTION,
        ContactReview.patient_id == abstract.record.patient_id,
        ContactReview.facility_id.is_(abstract.facility_id)
        if abstract.facility_id is None
        else ContactReview.facility_id == abstract.facility_id,
    )
    return list(session.scalars(query))


def ask(
    session: Session, abstract: Abstract, *, day: str, vital_status: str, why: str, who: str, today: date | None = None
) -> Effect:
    """Puts a correction of the last contact before a person; without a reason, or of nothing, it is an error."""
    if not why.strip():
        raise RegistryError("usage", "a correction needs its reason", hint="say where the right day is written")
    if vital_status not in {ALIVE, "0"}:
        raise RegistryError("item-value", f"{vital_status!r} is no vital status", hint="1 alive, 0 dead")
    patient = abstract.record.patient
    check_day(day, today=today or date.today(), born=patient.birth_latest)
    stood = abstract.record.items
    if (day, vital_status) == (stood.get(str(LAST_CONTACT), ""), stood.get(str(VITAL_STATUS), "")):
        raise RegistryError("usage", "this stands in the record already", hint="type the day that is right")
    if waiting(session, abstract):
        raise RegistryError("conflict", "a correction of this waits already", hint="decide it on the page Review first")
    news = News(day=day, vital_status=vital_status, source=f"{SOURCE}: {why.strip()}"[:120])
    return ask_for_review(session, patient, news, CORRECTION, who=who, facility_id=abstract.facility_id)
