"""Follow-up status of each patient at each facility: current, due, delinquent, dead, or not followed and why.

A partial date of last contact counts as its earliest possible day, so that nobody is falsely current; the mid-point of the
survival recode is never used here. The patient is counted once, whatever the number of primaries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Row, select
from sqlalchemy.orm import Session

from abstracting.values import clean, parse_date
from registry.followup.rules import RuleSet, months_later
from registry.models import Abstract, Facility, Patient, PatientRecord, Tumor

CURRENT, DUE, DELINQUENT, DEAD, NOT_FOLLOWED = "current", "due", "delinquent", "dead", "not followed"
ALIVE = "1"
FOREIGN_RESIDENT = "8"
"""Next follow-up source (1800) of a person who lives abroad and is not followed."""

PERSON_ITEMS = {
    "name_last": "2230",
    "name_first": "2240",
    "date_of_birth": "240",
    "vital_status": "1760",
    "date_of_last_contact": "1750",
    "person_next_source": "1800",
    "country": "1832",
    "street": "2350",
    "telephone": "2360",
}

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
    """One patient of one facility: contact, status and the cases that make them followed.

    `facility_id` is None, and `facility` names them all, where the patient was put together over facilities.
    """

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
    died: bool = False
    foreign: bool = False
    phone: bool = False
    moved: bool = False

    @cached_property
    def followed(self) -> tuple[Case, ...]:
        """The cases that count."""
        return tuple(case for case in self.cases if not case.excluded)

    @property
    def diagnosed(self) -> date | None:
        """The latest known day of diagnosis among the cases that count."""
        return max((case.diagnosis for case in self.followed if case.diagnosis), default=None)


def people(
    session: Session,
    rules: RuleSet,
    *,
    as_of: date,
    facility_id: int | None = None,
    scope: ColumnElement[bool] | None = None,
    own: bool = False,
) -> Iterator[Person]:
    """Gives every patient of a facility (or of each facility) with cases, in order of patient number.

    `own` reads person and last contact from the facility's own accounts alone: what the registry knows from elsewhere,
    as from a death index that may not be passed on, is then neither shown nor told of.
    """
    account = PatientRecord if own else Patient
    query = (
        select(
            Abstract.id.label("abstract_id"),
            Abstract.tumor_id,
            Abstract.class_of_case,
            Abstract.facility_id,
            Abstract.items["1800"].as_string().label("next_source"),
            Abstract.items["2330"].as_string().label("street_at_diagnosis"),
            Facility.name.label("facility"),
            Tumor.primary_site,
            Tumor.histology,
            Tumor.behavior,
            Tumor.age_at_diagnosis,
            Tumor.diagnosis_earliest,
            Tumor.summary_stage,
            Patient.id.label("patient_id"),
            *(account.items[number].as_string().label(name) for name, number in PERSON_ITEMS.items()),
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
    rows = session.execute(query.execution_options(yield_per=CHUNK))
    for _, group in groupby(rows, key=lambda row: (row.patient_id, row.facility_id)):
        yield _person(list(group), rules, as_of)


def whole(found: Iterable[Person], rules: RuleSet, *, as_of: date) -> Iterator[Person]:
    """Gives each patient once over all facilities, each tumor once: by the abstract that counts, where one does."""
    for _, group in groupby(found, key=lambda person: person.patient_id):
        persons = list(group)
        if len(persons) == 1:
            yield persons[0]
            continue
        by_tumor: dict[int, Case] = {}
        for case in (case for person in persons for case in person.cases):
            kept = by_tumor.get(case.tumor_id)
            if kept is None or (kept.excluded and not case.excluded):
                by_tumor[case.tumor_id] = case
        names = dict.fromkeys(person.facility for person in persons if person.facility)
        joined = replace(
            persons[0],
            facility_id=None,
            facility=", ".join(names),
            next_source=next((p.next_source for p in persons if p.next_source), ""),
            foreign=any(p.foreign for p in persons),
            moved=any(p.moved for p in persons),
            cases=tuple(by_tumor.values()),
        )
        yield restated(joined, rules, as_of=as_of)


def restated(person: Person, rules: RuleSet, *, as_of: date) -> Person:
    """Gives the person as they would stand on another day if nobody had heard of them until then."""
    status, reason = _status(person, rules, as_of)
    if status == person.status and reason == person.reason:
        return person
    return replace(person, status=status, reason=reason)


def _person(rows: list[Row[Any]], rules: RuleSet, as_of: date) -> Person:
    # several accounts of one person speak only where a facility's own are read: a death first, else the latest contact
    first = max(rows, key=lambda row: (_is_dead(row), clean(row.date_of_last_contact)))
    contact = parse_date(first.date_of_last_contact).earliest
    sources = [clean(source) for row in rows for source in (row.next_source, row.person_next_source)]
    streets = {clean(row.street_at_diagnosis) for row in rows} - {""}
    person = Person(
        patient_id=first.patient_id,
        facility_id=first.facility_id,
        facility=first.facility or "",
        name_last=first.name_last or "",
        name_first=first.name_first or "",
        born=parse_date(first.date_of_birth).earliest,
        last_contact=first.date_of_last_contact or "",
        last_contact_day=contact,
        due_day=months_later(contact, rules.due_months) if contact else None,
        status="",
        reason="",
        next_source=next((source for source in sources if source), ""),
        cases=tuple(_case(row, rules) for row in rows),
        died=_is_dead(first),
        foreign=is_foreign(first.country) or FOREIGN_RESIDENT in sources,
        phone=bool(clean(first.telephone).strip("09")),
        moved=bool(streets) and bool(clean(first.street)) and clean(first.street) not in streets,
    )
    return restated(person, rules, as_of=as_of)


def _is_dead(row: Row[Any]) -> bool:
    return clean(row.vital_status) not in {"", ALIVE}


def _status(person: Person, rules: RuleSet, as_of: date) -> tuple[str, str]:
    """The status on a day and, where it needs one, the reason in words."""
    if person.died:
        return DEAD, ""
    if not person.followed:
        return NOT_FOLLOWED, person.cases[0].excluded
    if rules.exclude_foreign and person.foreign:
        return NOT_FOLLOWED, "lives in a foreign country"
    contact, born = person.last_contact_day, person.born
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


def is_foreign(country: str | None) -> bool:
    """Whether the country of the current address (1832) is abroad; unknown countries are not."""
    return clean(country) not in {"", "USA", "ZZU", "ZZN"}


def _case(row: Row[Any], rules: RuleSet) -> Case:
    age = clean(row.age_at_diagnosis)
    return Case(
        abstract_id=row.abstract_id,
        tumor_id=row.tumor_id,
        patient_id=row.patient_id,
        facility_id=row.facility_id,
        facility=row.facility or "",
        site=row.primary_site or "",
        histology=row.histology or "",
        behavior=row.behavior or "",
        age=int(age) if age.isdigit() and age != "999" else None,
        diagnosis=row.diagnosis_earliest,
        class_of_case=row.class_of_case or "",
        excluded=_excluded(row, rules),
    )


def _excluded(row: Row[Any], rules: RuleSet) -> str:
    """Why a case does not make its patient followed; blank where it does."""
    site, histology, behavior = row.primary_site or "", row.histology or "", row.behavior or ""
    if rules.classes and (row.class_of_case or "") not in rules.classes:
        return f"class of case {row.class_of_case or 'blank'} is not followed"
    for agreement in rules.agreements:
        if agreement.covers(site, histology, behavior):
            return f"reportable by agreement: {agreement.title}"
    if rules.exclude_benign and behavior in {"0", "1"}:
        return "benign or borderline"
    if rules.exclude_cervix_in_situ and site.startswith("C53") and behavior == "2":
        return "cervix in situ"
    skin = site.startswith("C44") and histology.isdigit() and int(histology) in BASAL_SQUAMOUS
    if rules.exclude_skin_basal_squamous and skin and (row.summary_stage or "") in {"0", "1", ""}:
        return "in situ or localized basal or squamous cell skin cancer"
    return ""
