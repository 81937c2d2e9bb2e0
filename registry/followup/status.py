"""Follow-up status of each patient at each facility: current, due, delinquent, dead, or not followed and why.

A partial date of last contact counts as its earliest possible day, so that nobody is falsely current; the mid-point of the
survival recode is never used here. The patient is counted once, whatever the number of primaries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from abstracting.values import clean, parse_date
from registry.followup.rules import RuleSet, months_later
from registry.models import Abstract, Facility, Patient, PatientRecord, Tumor

CURRENT, DUE, DELINQUENT, DEAD, NOT_FOLLOWED = "current", "due", "delinquent", "dead", "not followed"
ALIVE = "1"
BASAL_SQUAMOUS = range(8000, 8111)
CHUNK = 2000


@dataclass(frozen=True)
class Case:
    """One abstract as follow-up sees it: its patient, facility, diagnosis, and why it does not count, if so."""

    abstract_id: int
    tumor_id: int
    patient_id: int
    facility_id: int | None
    facility: str
    site: str
    histology: str
    behavior: str
    age: int | None
    diagnosis: date | None
    class_of_case: str
    excluded: str


@dataclass(frozen=True)
class Person:
    """One patient of one facility: contact, status and the cases that make them followed."""

    patient_id: int
    facility_id: int | None
    facility: str
    name_last: str
    name_first: str
    born: date | None
    last_contact: str
    last_contact_day: date | None
    due_day: date | None
    status: str
    reason: str
    next_source: str
    cases: tuple[Case, ...]


def people(
    session: Session,
    rules: RuleSet,
    *,
    as_of: date,
    facility_id: int | None = None,
    scope: ColumnElement[bool] | None = None,
) -> Iterator[Person]:
    """Gives every patient of a facility (or of each facility) with cases, in order of patient number."""
    query = (
        select(
            Abstract.id,
            Abstract.tumor_id,
            Abstract.items,
            Abstract.class_of_case,
            Abstract.facility_id,
            Facility.name,
            Tumor.primary_site,
            Tumor.histology,
            Tumor.behavior,
            Tumor.age_at_diagnosis,
            Tumor.diagnosis_earliest,
            Tumor.summary_stage,
            Patient.id,
            Patient.name_last,
            Patient.name_first,
            Patient.birth_earliest,
            Patient.vital_status,
            Patient.date_of_last_contact,
            Patient.items,
        )
        .join(Tumor, Abstract.tumor_id == Tumor.id)
        .join(PatientRecord, Abstract.record_id == PatientRecord.id)
        .join(Patient, PatientRecord.patient_id == Patient.id)
        .outerjoin(Facility, Abstract.facility_id == Facility.id)
        .order_by(Patient.id, Abstract.facility_id, Abstract.id)
    )
    if facility_id is not None:
        query = query.where(Abstract.facility_id == facility_id)
    if scope is not None:
        query = query.where(scope)
    group: list[Any] = []
    for row in session.execute(query.execution_options(yield_per=CHUNK)):
        if group and (group[0][12], group[0][4]) != (row[12], row[4]):
            yield _person(group, rules, as_of)
            group = []
        group.append(row)
    if group:
        yield _person(group, rules, as_of)


def _person(rows: list[Any], rules: RuleSet, as_of: date) -> Person:
    cases = tuple(_case(row, rules) for row in rows)
    first = rows[0]
    contact = parse_date(first[17]).earliest
    followed = [case for case in cases if not case.excluded]
    due = months_later(contact, rules.due_months) if contact else None
    status, reason = _status(first, rules, as_of, contact, bool(followed))
    if not followed and status != DEAD:
        reason = cases[0].excluded
    return Person(
        patient_id=first[12],
        facility_id=first[4],
        facility=first[5] or "",
        name_last=first[13] or "",
        name_first=first[14] or "",
        born=first[15],
        last_contact=first[17] or "",
        last_contact_day=contact,
        due_day=due,
        status=status,
        reason=reason,
        next_source=clean(first[18].get("1800")),
        cases=cases,
    )


def _status(row: Any, rules: RuleSet, as_of: date, contact: date | None, followed: bool) -> tuple[str, str]:
    if clean(row[16]) and row[16] != ALIVE:
        return DEAD, ""
    if not followed:
        return NOT_FOLLOWED, ""
    if rules.exclude_foreign and is_foreign(row[18]):
        return NOT_FOLLOWED, "lives in a foreign country"
    born = row[15]
    stale = contact is None or months_later(contact, rules.due_months) < as_of
    aged_out = rules.aged_out_years and born is not None and months_later(born, 12 * rules.aged_out_years) < as_of
    if aged_out and stale:
        if rules.aged_out_counts_as == "dead":
            return DEAD, f"over {rules.aged_out_years} years, counted as dead by this rule set"
        return NOT_FOLLOWED, f"over {rules.aged_out_years} years and no contact for {rules.due_months} months"
    if contact is None:
        return DELINQUENT, "no date of last contact"
    if as_of < months_later(contact, rules.due_months):
        return CURRENT, ""
    return (DUE if as_of <= months_later(contact, rules.delinquent_months) else DELINQUENT), ""


def is_foreign(items: dict[str, str]) -> bool:
    """Whether a person lives abroad: country of the current address (1832), or next source 8 (foreign resident)."""
    country = clean(items.get("1832"))
    return country not in {"", "USA", "ZZU", "ZZN"} or clean(items.get("1800")) == "8"


def _case(row: Any, rules: RuleSet) -> Case:
    age = clean(row[9])
    return Case(
        abstract_id=row[0],
        tumor_id=row[1],
        patient_id=row[12],
        facility_id=row[4],
        facility=row[5] or "",
        site=row[6] or "",
        histology=row[7] or "",
        behavior=row[8] or "",
        age=int(age) if age.isdigit() and age != "999" else None,
        diagnosis=row[10],
        class_of_case=row[3] or "",
        excluded=_excluded(row, rules),
    )


def _excluded(row: Any, rules: RuleSet) -> str:
    """Why a case does not make its patient followed; blank where it does."""
    class_of_case, site, histology, behavior = row[3] or "", row[6] or "", row[7] or "", row[8] or ""
    if rules.classes and class_of_case not in rules.classes:
        return f"class of case {class_of_case or 'blank'} is not followed"
    if rules.exclude_benign and behavior in {"0", "1"}:
        return "benign or borderline"
    if rules.exclude_cervix_in_situ and site.startswith("C53") and behavior == "2":
        return "cervix in situ"
    skin = site.startswith("C44") and histology.isdigit() and int(histology) in BASAL_SQUAMOUS
    if rules.exclude_skin_basal_squamous and skin and (row[11] or "") in {"0", "1", ""}:
        return "in situ or localized basal or squamous cell skin cancer"
    return ""
