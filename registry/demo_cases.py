"""The demo's open cases: the latest of each facility, brought into the last nine months and cut back to what is known by then.

The synthetic registry ends some months ago; a worklist needs cases that came in last week and cases that are late. What
lies in the future after the move is not known yet: its treatment is blank, and a case in suspense has little but its
pathology report.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from abstracting.codes.surgery import is_valid
from abstracting.values import parse_date
from registry import records
from registry.abstracting import layout, treatment
from registry.abstracting.derived import age_at_diagnosis
from registry.items import is_text, known
from registry.models import Abstract, Patient, PatientRecord
from registry.models.tumors import INCOMPLETE, SUSPENSE

PER_FACILITY = 18
"""So many cases of each facility are open, half of them in suspense."""

SPREAD_DAYS = 275
"""Their first contacts lie so many days back at most: two thirds are within six months, the others late."""

NEWEST_DAYS = 4
MOVED_AT_MOST = timedelta(days=3 * 365)
_IN_TEXT = re.compile(r"\b(\d{2})/(\d{2})/(\d{4})\b")
_KEPT_IN_SUSPENSE = frozenset({"Identification", "Demographics", "Administration"})
_KEPT_ITEMS = frozenset({390, 400, 410, 522, 523, 490, 1750, 1760, 2570, 2580, 2590})
DONE = (2090, 2092, 2110)
LAST_CONTACT, VITAL_STATUS, DEAD, FIRST_CONTACT = 1750, 1760, "0", 580


def open_cases(session: Session, *, today: date, who: str) -> int:
    """Makes the open cases of every facility and gives how many; the same registry gives the same cases."""
    one = (
        select(PatientRecord.patient_id)
        .join(Abstract, Abstract.record_id == PatientRecord.id)
        .group_by(PatientRecord.patient_id)
        .having(func.count() == 1)
    )
    query = (
        select(Abstract)
        .join(PatientRecord, Abstract.record_id == PatientRecord.id)
        .join(Patient, PatientRecord.patient_id == Patient.id)
        .where(PatientRecord.patient_id.in_(one), Patient.vital_status != DEAD)
        .where(Abstract.facility_id.is_not(None), Abstract.first_contact_earliest >= today - MOVED_AT_MOST)
        .order_by(Abstract.facility_id, Abstract.first_contact_earliest.desc(), Abstract.id)
    )
    found: dict[int, list[Abstract]] = {}
    for abstract in session.scalars(query):
        mine = found.setdefault(abstract.facility_id or 0, [])
        if len(mine) < PER_FACILITY:
            mine.append(abstract)
    count = 0
    for cases in found.values():
        for place, abstract in enumerate(cases):
            back = NEWEST_DAYS + place * (SPREAD_DAYS - NEWEST_DAYS) // max(1, len(cases) - 1)
            # the newest cases are mostly untouched, the older ones mostly begun
            status = SUSPENSE if place % 2 == 0 else INCOMPLETE
            count += _move(session, abstract, today - timedelta(days=back), today, status, who)
    return count


def _move(session: Session, abstract: Abstract, to: date, today: date, status: str, who: str) -> bool:
    items = records.all_items(abstract)
    contact = parse_date(items.get(FIRST_CONTACT)).earliest
    if contact is None:
        return False
    moved = _moved(items, to - contact, today)
    if status == SUSPENSE:
        kept = _KEPT_ITEMS | {
            n for s in layout.sections(moved) if s.title in _KEPT_IN_SUSPENSE for n in layout.numbers([s])
        }
        moved = {n: value for n, value in moved.items() if n in kept}
    changes = {n: moved.get(n, "") for n in {*items, *moved} if items.get(n, "") != moved.get(n, "")}
    records.save(session, abstract.id, changes, who=who, why="case of the last months")
    abstract.status = status
    session.flush()
    return True


def _moved(items: Mapping[int, str], by: timedelta, today: date) -> dict[int, str]:
    """The items with every date later by the same days; what would be in the future is not known yet."""
    found = {}
    for number, value in items.items():
        item = known(number)
        if is_text(number):
            found[number] = _IN_TEXT.sub(lambda part: _text_date(part, by), value)
        elif item is not None and item.type == "date" and number not in (240, 252) and (day := _full(value)):
            later = min(day + by, today) if number == LAST_CONTACT else day + by
            found[number] = later.strftime("%Y%m%d") if later <= today else ""
        else:
            found[number] = value
    for modality in treatment.modalities():
        future = modality.date and items.get(modality.date) and not found.get(modality.date)
        if future or _of_another_edition(modality, found):
            for number in (modality.here, modality.total, modality.date, modality.reason, modality.text):
                found.pop(number or 0, None)
    if not treatment.any_given(found):
        for number in (treatment.STATUS, treatment.INITIAL_SEER, treatment.INITIAL_COC, 3170, 1380, 1639):
            found.pop(number, None)
    for number in DONE:
        found.pop(number, None)
    found[230] = age_at_diagnosis(found)
    return {number: value for number, value in found.items() if value}


def _of_another_edition(modality: treatment.Modality, items: Mapping[int, str]) -> bool:
    """Whether the move brought a surgery code into years whose table does not have it."""
    year = items.get(390, "")[:4]
    return modality.order == treatment.BY_SITE and any(
        is_valid(items[n], site=items.get(400), histology=items.get(522), year=int(year)) is False
        for n in (modality.here, modality.total)
        if n and items.get(n) and year.isdigit()
    )


def _full(value: str) -> date | None:
    parsed = parse_date(value)
    return parsed.earliest if len(value) == 8 and parsed.earliest == parsed.latest else None


def _text_date(part: re.Match[str], by: timedelta) -> str:
    day = _full(part[3] + part[1] + part[2])
    return (day + by).strftime("%m/%d/%Y") if day else part[0]
