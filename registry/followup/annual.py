"""The annual review of a patient: treatment, survival and recovery of each tumor on one page, and writing its items.

Vital status and its day are the patient's; cancer status and its day, recurrence, later treatment, readmission and the
functional note are the tumor's. The functional note is kept as a dated line of the remarks (2680), quality of survival as 1780.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from sqlalchemy.orm import Session

from abstracting.values import clean, parse_date
from registry import records
from registry.errors import RegistryError
from registry.followup.chart import own_abstracts
from registry.followup.contact import CANCER_STATUS, CANCER_STATUS_DATE, COURSES, TUMOR_ITEMS
from registry.models import Abstract, Patient

REMARKS = 2680
LONGEST_REMARKS = 4000
SURVIVAL = (1770, 1772, 1860, 1880)
RECOVERY = (1780, 3190)
WRITTEN = (*SURVIVAL, *RECOVERY, *(item for day, codes in COURSES[:1] for item in (day, *codes)), 1800)
"""Items of the review's form, in their order."""

DATES = frozenset({1772, 1860, *(day for day, _ in COURSES)})


@dataclass(frozen=True)
class Treated:
    """One treatment: its kind in words, its code with the item that holds it (0 where none does), its day and course."""

    kind: str
    code: str
    item: int
    day: str
    course: str = "first"


@cache
def _kinds() -> list[dict[str, Any]]:
    return tomllib.loads((files("registry.followup") / "data" / "review.toml").read_text(encoding="utf-8"))["kind"]


def first_course(abstract: Abstract) -> tuple[Treated, ...]:
    """Gives the treatments of an abstract, by their own rows where it has some, else by its summary items."""
    rows = tuple(
        Treated(t.modality.capitalize(), t.code or "", 0, t.date_started or "", t.course) for t in abstract.treatments
    )
    if rows:
        return rows
    found = []
    for kind in _kinds():
        item = next((item for item in kind["codes"] if clean(abstract.items.get(str(item)))), 0)
        code = clean(abstract.items.get(str(item)))
        if code and code not in kind["not_given"]:
            found.append(Treated(kind["title"], code, item, abstract.items.get(str(kind["day"]), "")))
    return tuple(sorted(found, key=lambda treated: treated.day or "9"))


@dataclass(frozen=True)
class TumorReview:
    """One abstract on the review: what it is, its first course, later courses, and the items of survival and recovery."""

    abstract_id: int
    version: int
    facility: str
    site: str
    histology: str
    behavior: str
    diagnosed: str
    stage: str
    treatments: tuple[Treated, ...]
    later: tuple[tuple[str, tuple[tuple[int, str], ...]], ...]
    items: Mapping[int, str]
    notes: tuple[str, ...]


def annual_review(patient: Patient, *, facility_id: int | None = None) -> list[TumorReview]:
    """Gives the review of each abstract that is followed here, the latest diagnosis first."""
    found = [_review(abstract) for abstract in own_abstracts(patient, facility_id)]
    return sorted(found, key=lambda review: review.diagnosed, reverse=True)


def _review(abstract: Abstract) -> TumorReview:
    items = {int(number): value for number, value in abstract.items.items()}
    remarks = next((text.text for text in abstract.texts if text.item == REMARKS), "")
    later = tuple(
        (items.get(day, ""), tuple((n, items[n]) for n in codes if items.get(n, "").strip("0")))
        for day, codes in COURSES
        if items.get(day) or any(items.get(n, "").strip("0") for n in codes)
    )
    return TumorReview(
        abstract.id,
        abstract.version_id,
        abstract.facility.name if abstract.facility else "",
        abstract.tumor.primary_site or "",
        abstract.tumor.histology or "",
        abstract.tumor.behavior or "",
        abstract.tumor.date_of_diagnosis or "",
        abstract.tumor.summary_stage or "",
        first_course(abstract),
        later,
        {number: items.get(number, "") for number in WRITTEN},
        tuple(line for line in remarks.splitlines() if " function: " in line),
    )


def save_review(
    session: Session,
    abstract_id: int,
    values: Mapping[int, str],
    *,
    note: str = "",
    who: str,
    today: date,
    expected_version: int | None = None,
) -> records.Saved:
    """Writes items of the review; the day of cancer status never goes back, a day ahead or unreadable is an error."""
    abstract = session.get(Abstract, abstract_id)
    if abstract is None:
        raise RegistryError("not-found", f"there is no abstract {abstract_id}")
    faults = [f"item {n} is not part of the review" for n in values if n not in TUMOR_ITEMS]
    changes = {number: value.strip() for number, value in values.items()}
    for number in sorted(DATES & set(changes)):
        day = parse_date(changes[number])
        if changes[number] and (day.fault or day.earliest is None):
            faults.append(f"item {number}: {changes[number]!r} is no date with a known year")
        elif day.earliest is not None and day.earliest > today:
            faults.append(f"item {number}: {changes[number]} lies in the future")
    before = parse_date(abstract.items.get(str(CANCER_STATUS_DATE))).earliest
    after = parse_date(changes.get(CANCER_STATUS_DATE)).earliest
    if before is not None and CANCER_STATUS_DATE in changes and (after is None or after < before):
        faults.append(
            f"item {CANCER_STATUS_DATE}: the day of cancer status never goes back before {before.isoformat()}"
        )
    told = changes.get(CANCER_STATUS, abstract.items.get(str(CANCER_STATUS), ""))
    if told != abstract.items.get(str(CANCER_STATUS), "") and CANCER_STATUS_DATE not in changes:
        faults.append(f"item {CANCER_STATUS} was changed without its day ({CANCER_STATUS_DATE})")
    if faults:
        raise RegistryError("item-value", "; ".join(faults), hint="correct these and save again; nothing was written")
    if note.strip():
        remarks = next((text.text for text in abstract.texts if text.item == REMARKS), "")
        line = f"{today.isoformat()} function: {' '.join(note.split())}"
        changes[REMARKS] = f"{remarks.rstrip()}\n{line}".strip()
        if len(changes[REMARKS]) > LONGEST_REMARKS:
            raise RegistryError(
                "item-value", f"the remarks ({REMARKS}) are full", hint="shorten them in the abstract first"
            )
    return records.save(
        session, abstract_id, changes, who=who, why="follow-up: annual review", expected_version=expected_version
    )
