"""Edits between patients, as patients change: those born on one day are compared with each other, and nobody else.

The run over the whole store compares everybody; the results are the same, as the first of two patients alike passes and the
later one fails on its first abstract. Who was born on a day is read from the patient's consolidated birth date.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from abstracting.edits.engine import EditSet
from abstracting.edits.patients import BETWEEN_PATIENTS, person_key
from abstracting.edits.records import EditRecord
from abstracting.edits.results import FAIL, EditResult, result_of
from abstracting.values import parse_date
from registry.db import Store
from registry.edits.evaluation import (
    Kept,
    accounts_of,
    applies,
    is_of_canreg,
    items_of,
    keep_results,
    set_in_force,
)
from registry.models import Abstract, Patient, PatientRecord

PERSON_ITEMS = (240, 225, 220, 2230, 2240)
DAYS_AT_ONCE = 400
"""Birth dates that one query and one transaction take."""


@dataclass
class _Person:
    """One patient as the question sees it: the first abstract's account of the person, and all abstracts."""

    key: tuple[str, str, str, str] | None
    abstracts: list[int] = field(default_factory=list)


def compare(session: Session, births: Iterable[str], *, edits: EditSet | None = None) -> int:
    """Asks the edits between patients of all who were born on some days (YYYYMMDD) and keeps the results.

    Gives how many patients were compared; dates that are not whole say nothing.
    """
    edits = edits or set_in_force(session)
    rules = [rule for rule in edits.between if rule.between == BETWEEN_PATIENTS]
    days = sorted({day for text in births if (day := _day(text)) is not None})
    if not rules or not days:
        return 0
    compared = 0
    for start in range(0, len(days), DAYS_AT_ONCE):
        persons = _born(session, days[start : start + DAYS_AT_ONCE])
        later = set(_later(persons))
        kept = [Kept(number, []) for person in persons.values() for number in person.abstracts]
        first = {person.abstracts[0]: patient for patient, person in persons.items()}
        for one in kept:
            if first.get(one.abstract_id) in later:
                one.found = _failing(session, one.abstract_id, edits)
        keep_results(session, kept, frozenset(rule.id for rule in rules))
        compared += len(persons)
    session.flush()
    return compared


def compare_births(store: Store, births: Iterable[str]) -> int:
    """Does what `compare` does for many days, in short transactions."""
    days = sorted(set(births))
    compared = 0
    for start in range(0, len(days), DAYS_AT_ONCE):
        with store.writing() as session:
            compared += compare(session, days[start : start + DAYS_AT_ONCE])
    return compared


def births_of(session: Session, patients: Iterable[int], at_once: int = 10_000) -> set[str]:
    """Gives the birth dates of some patients."""
    found, numbers = set(), sorted(patients)
    for start in range(0, len(numbers), at_once):
        query = select(Patient.date_of_birth).where(Patient.id.in_(numbers[start : start + at_once]))
        found |= set(session.scalars(query.distinct())) - {None}
    return {birth for birth in found if birth}


def is_alike(session: Session, abstract: Abstract, record: EditRecord) -> bool:
    """Tells whether a patient before is like the one of an abstract, whose items may be as somebody types them."""
    key = person_key(record)
    day = _day(record.value(240))
    if key is None or day is None:
        return False
    patient = abstract.record.patient_id
    persons = _born(session, [day])
    own = persons.pop(patient, None)
    if own is not None and own.abstracts[0] != abstract.id:
        return False
    return any(one.key == key for number, one in persons.items() if number < patient)


def _day(text: str) -> date | None:
    born = parse_date(text)
    return born.earliest if born.is_complete else None


def _born(session: Session, days: list[date]) -> dict[int, _Person]:
    """The patients born on some days, by number, in its order."""
    query = (
        select(PatientRecord.patient_id, Abstract.id, PatientRecord.items)
        .join(PatientRecord, Abstract.record_id == PatientRecord.id)
        .join(Patient, PatientRecord.patient_id == Patient.id)
        .where(Patient.birth_earliest.in_(days))
        .order_by(PatientRecord.patient_id, Abstract.id)
    )
    persons: dict[int, _Person] = {}
    for patient, abstract, items in session.execute(query):
        if patient not in persons:
            told = {number: items[str(number)] for number in PERSON_ITEMS if items.get(str(number))}
            persons[patient] = _Person(person_key(EditRecord(told)))
        persons[patient].abstracts.append(abstract)
    return persons


def _later(persons: dict[int, _Person]) -> Iterator[int]:
    """The patients that are like one before."""
    seen: set[tuple[str, str, str, str]] = set()
    for patient, person in persons.items():
        if person.key is None:
            continue
        if person.key in seen:
            yield patient
        seen.add(person.key)


def _failing(session: Session, abstract_id: int, edits: EditSet) -> list[EditResult]:
    abstract = session.get_one(Abstract, abstract_id)
    record = edits.prepared(items_of(abstract))
    return results(session, abstract, record, edits)


def results(session: Session, abstract: Abstract, record: EditRecord, edits: EditSet) -> list[EditResult]:
    """Gives the failing results of an abstract whose patient is like one before."""
    accounts = accounts_of(session, abstract.record.patient_id)
    others = [edits.prepared(items_of(one)) for one in accounts if one.id != abstract.id]
    of_canreg = is_of_canreg(record.items)
    return [
        result_of(rule, FAIL, record, others)
        for rule in edits.between
        if rule.between == BETWEEN_PATIENTS and applies(edits, rule.id, of_canreg)
    ]
