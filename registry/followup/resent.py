"""What a source's new account of a person does to its old one: the last contact goes forward only, a death stays.

A file that is sent again with an earlier contact changes nothing of it. One that says alive of a person whom the account
counts dead, or another day of death, waits for a person's decision. News that go on are taken, also where follow-up wrote
the day that stood before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from abstracting.values import clean, parse_date
from registry.followup.contact import ALIVE, DEAD, KEPT, RECORDED, REVIEW, News, ask_for_review, compare
from registry.models import PatientRecord
from registry.models.followup import ContactReview

DAY = frozenset({"1750"})
CONTACT = DAY | {"1760"}
DEATH = frozenset({"1755", "1791", "1910", "1920", "1930", "1940", "1942", "1944", "2380"})
UNIT = CONTACT | DEATH
"""Items that speak of one event, the last contact or the death, and are kept or taken together."""


@dataclass(frozen=True)
class Resent:
    """Which items of the old account stand, which of the new one are taken whoever wrote the old; `news` asks for a review."""

    keep: frozenset[str] = frozenset()
    take: frozenset[str] = frozenset()
    reason: str = ""
    news: News | None = None


def compare_accounts(before: Mapping[str, str], told: Mapping[str, str], *, source: str = "") -> Resent:
    """Gives what a new account does to the vital status and last contact of the old one."""
    if not any(clean(before.get(item)) for item in CONTACT):
        return Resent()
    day, status = clean(told.get("1750")), clean(told.get("1760"))
    when = parse_date(day)
    dead, was_dead = status not in {"", ALIVE}, clean(before.get("1760")) not in {"", ALIVE}
    if when.fault or when.earliest is None:
        # a death without a day is one all the same: nobody is written to any more
        keep, take = (DAY, UNIT - DAY) if dead and not was_dead else (UNIT, frozenset())
        return Resent(keep=keep, take=take, reason="the new account tells no day")
    news = News(
        day=day,
        vital_status=DEAD if dead else ALIVE,
        source=source,
        cause=clean(told.get("1910")),
        icd_revision=clean(told.get("1920")),
        certificate=clean(told.get("2380")),
    )
    fate, reason = compare(before, news)
    if fate == REVIEW:
        return Resent(keep=UNIT, reason=reason, news=news)
    if dead and was_dead:
        # the same death told again: the source may correct what else it said of it
        return Resent()
    if fate == RECORDED:
        return Resent(take=UNIT if dead else CONTACT)
    assert fate == KEPT
    same = when.earliest == parse_date(before.get("1750")).earliest and not was_dead
    return Resent() if same else Resent(keep=UNIT if was_dead else CONTACT, reason=reason)


def ask_once(session: Session, record: PatientRecord, news: News, reason: str, *, who: str) -> None:
    """Asks for a review of what a source's new account says; what was asked before is not asked again."""
    proposed = {str(item): value for item, value in news.person_items.items()}
    asked = session.scalars(select(ContactReview).where(ContactReview.patient_id == record.patient_id))
    if any(review.proposed == proposed for review in asked):
        return
    places = {abstract.facility_id for abstract in record.abstracts}
    place = places.pop() if len(places) == 1 else None
    ask_for_review(session, record.patient, news, reason, who=who, facility_id=place)
