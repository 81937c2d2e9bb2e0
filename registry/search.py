"""Case search: one box for a name, an accession or other number, a site and a year, answered from indexes.

`smith, jo 2019 C50` finds tumors of the breast of 2019 of patients whose last name begins with SMITH and first with JO.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, union
from sqlalchemy.orm import Session

from abstracting.values import name_key
from registry.models import Abstract, Patient, PatientRecord, Tumor

PAGE = 50

_SITE = re.compile(r"C\d{2}(\.?\d)?\Z", re.IGNORECASE)
_YEAR = re.compile(r"(19|20)\d\d\Z")
_NUMBER = re.compile(r"[\d-]{5,}\Z")


@dataclass(frozen=True)
class Query:
    """What was asked: name prefixes, a number, a site prefix (no dot), a diagnosis year."""

    last: str = ""
    first: str = ""
    number: str = ""
    site: str = ""
    year: int | None = None

    def __bool__(self) -> bool:
        return bool(self.last or self.first or self.number or self.site or self.year)


@dataclass(frozen=True)
class Hit:
    """One tumor found, with what identifies it at a glance."""

    patient_id: int
    tumor_id: int
    name_last: str
    name_first: str
    date_of_birth: str
    sex: str
    primary_site: str
    histology: str
    behavior: str
    date_of_diagnosis: str
    vital_status: str
    accession: str


@dataclass(frozen=True)
class Page:
    """One page of hits; `more` tells whether another follows."""

    hits: list[Hit]
    page: int
    more: bool


def parse(text: str) -> Query:
    """Reads the search box: words are names (`last, first` or `last first`), the rest tells itself by its shape."""
    names: list[str] = []
    found: dict[str, Any] = {}
    for word in text.replace(",", " ").split():
        if _SITE.match(word):
            found["site"] = word.upper().replace(".", "")
        elif _YEAR.match(word):
            found["year"] = int(word)
        elif _NUMBER.match(word):
            found["number"] = word.replace("-", "")
        else:
            names.append(name_key(word))
    if names:
        found["last"] = names[0]
        found["first"] = names[1] if len(names) > 1 else ""
    return Query(**found)


def _prefix(column: Any, value: str) -> ColumnElement[bool]:
    # a range and not LIKE: both engines answer it from the plain index whatever the collation of LIKE
    return and_(column >= value, column < value + "\uffff")


def _statement(query: Query) -> Select[Any]:
    statement = select(Tumor.id, Patient.id).join(Patient, Tumor.patient_id == Patient.id)
    if query.last:
        by_last = _prefix(Patient.name_last_key, query.last)
        by_birth = _prefix(Patient.birth_surname_key, query.last)
        persons = union(select(Patient.id).where(by_last), select(Patient.id).where(by_birth)).subquery()
        statement = statement.where(Patient.id.in_(select(persons.c.id)))
    if query.first:
        statement = statement.where(_prefix(Patient.name_first_key, query.first))
    if query.site:
        statement = statement.where(_prefix(Tumor.primary_site, query.site))
    if query.year:
        statement = statement.where(Tumor.diagnosis_year == query.year)
    if query.number:
        by_accession = select(Abstract.tumor_id.label("id")).where(Abstract.accession_number == query.number)
        by_record = (
            select(Tumor.id)
            .join(PatientRecord, PatientRecord.patient_id == Tumor.patient_id)
            .where(PatientRecord.patient_id_number == query.number)
        )
        by_person = (
            select(Tumor.id)
            .join(Patient, Tumor.patient_id == Patient.id)
            .where(or_(Patient.ssn == query.number, Patient.medical_record_number == query.number))
        )
        found = union(by_accession, by_record, by_person).subquery()
        statement = statement.where(Tumor.id.in_(select(found.c.id)))
    return statement


def search(
    session: Session, text: str, *, scope: ColumnElement[bool] | None = None, page: int = 1, size: int = PAGE
) -> Page:
    """Gives one page of tumors that match the text, by name and date; `scope` is the reader's permission on `Tumor`."""
    query = parse(text)
    if not query:
        return Page([], 1, False)
    statement = _statement(query)
    if scope is not None:
        statement = statement.where(scope)
    if query.last or query.first or query.number:
        order = (Patient.name_last_key, Patient.name_first_key, Patient.id, Tumor.id)
    else:
        order = (Tumor.primary_site, Tumor.diagnosis_year.desc(), Tumor.id)  # type: ignore[assignment]
    statement = statement.order_by(*order).offset((page - 1) * size).limit(size + 1)
    ids = [row[0] for row in session.execute(statement)]
    return Page(_hits(session, ids[:size]), page, len(ids) > size)


def _hits(session: Session, ids: list[int]) -> list[Hit]:
    accession = (
        select(func.min(Abstract.accession_number))
        .where(Abstract.tumor_id == Tumor.id)
        .correlate(Tumor)
        .scalar_subquery()
    )
    rows = session.execute(
        select(
            Tumor.id,
            Patient.id,
            Patient.name_last,
            Patient.name_first,
            Patient.date_of_birth,
            Patient.sex,
            Tumor.primary_site,
            Tumor.histology,
            Tumor.behavior,
            Tumor.date_of_diagnosis,
            Patient.vital_status,
            accession,
        )
        .join(Patient, Tumor.patient_id == Patient.id)
        .where(Tumor.id.in_(ids))
    )
    found = {row[0]: Hit(row[1], row[0], *(value or "" for value in row[2:])) for row in rows}
    return [found[i] for i in ids if i in found]
