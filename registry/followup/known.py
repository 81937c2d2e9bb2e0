"""What is known for reaching a patient: address, telephone, physicians in order of the hierarchy, contact, other hospital."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from abstracting.values import clean
from registry.followup.status import is_foreign
from registry.models import Abstract, Facility, Patient, PatientRecord, Physician

CHUNK = 500

PHYSICIANS = (("2470", "2475"), ("2460", "2465"), ("2480", "2485"), ("2490", "2495"), ("2500", "2505"))
"""Physician items by number and NPI, in the order in which they are asked: follow-up, managing, primary surgeon, others."""

HOSPITALS = (("2420", "2425"), ("2410", "2415"))
"""Institution referred to, then the one referred from, by number and NPI."""

NOBODY = frozenset("09 ")
"""A number made of these alone says that there is none, or that it is unknown."""


@dataclass(frozen=True)
class Address:
    """To whom and where a letter goes."""

    name: str
    street: str = ""
    supplement: str = ""
    city: str = ""
    state: str = ""
    postal: str = ""
    country: str = ""
    number: str = ""

    @property
    def complete(self) -> bool:
        """Whether a letter can arrive: a street (or box) and a place."""
        return bool(self.name and self.street and (self.city or self.postal))

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of a domestic address block."""
        place = ", ".join(part for part in (self.city, self.state) if part)
        lines = (self.name, self.supplement, self.street, f"{place} {_postal(self.postal)}".strip())
        return tuple(line for line in lines if line)


@dataclass(frozen=True)
class Known:
    """Everything by which one patient can be reached."""

    patient: Address
    phone: str
    physician: Address | None
    contact: Address | None
    hospital: Address | None
    country: str
    record_number: str

    @property
    def has(self) -> frozenset[str]:
        """The names of what is there, as the ways of follow-up need them."""
        domestic = not is_foreign(self.country)
        found = {
            "address": self.patient.complete and domestic,
            "phone": bool(self.phone),
            "physician": self.physician is not None,
            "contact": self.contact is not None,
            "hospital": self.hospital is not None,
        }
        return frozenset(name for name, there in found.items() if there)


def known(session: Session, patient_ids: Iterable[int], *, facility_id: int | None = None) -> dict[int, Known]:
    """Gives by patient what is known for reaching them; of a facility, from its own accounts alone."""
    ids = sorted(set(patient_ids))
    found: dict[int, Known] = {}
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        rows = _rows(session, part, facility_id)
        physicians = _physicians(session, rows)
        hospitals = _hospitals(session, rows)
        for patient_id, (person, tumors, reporters) in rows.items():
            found[patient_id] = _known(person, tumors, reporters, physicians, hospitals)
    return found


_Rows = dict[int, tuple[dict[str, str], list[dict[str, str]], set[str]]]


def _rows(session: Session, ids: list[int], facility_id: int | None) -> _Rows:
    account = Patient if facility_id is None else PatientRecord
    query = (
        select(PatientRecord.patient_id, account.items, Abstract.items)
        .join(Abstract, Abstract.record_id == PatientRecord.id)
        .join(Patient, PatientRecord.patient_id == Patient.id)
        .where(PatientRecord.patient_id.in_(ids))
        .order_by(Abstract.first_contact_earliest.desc().nulls_last(), Abstract.id)
    )
    if facility_id is not None:
        query = query.where(Abstract.facility_id == facility_id)
    rows: _Rows = {}
    for patient_id, person, tumor in session.execute(query):
        kept, tumors, reporters = rows.setdefault(patient_id, ({}, [], set()))
        for number, value in person.items():
            kept.setdefault(number, value)
        tumors.append(tumor)
        reporters.add(clean(tumor.get("540")))
    return rows


def _numbers(rows: _Rows, pairs: Iterable[tuple[str, str]]) -> tuple[set[str], set[str]]:
    own, npi = set(), set()
    for _, tumors, _ in rows.values():
        for tumor in tumors:
            for number, second in pairs:
                own.add(_number(tumor, number))
                npi.add(_number(tumor, second))
    return own - {""}, npi - {""}


def _number(items: Mapping[str, str], item: str) -> str:
    value = clean(items.get(item))
    return "" if set(value) <= NOBODY else value


def _physicians(session: Session, rows: _Rows) -> dict[str, Address]:
    own, npi = _numbers(rows, PHYSICIANS)
    found = session.scalars(
        select(Physician).where(or_(Physician.number.in_(own), Physician.npi.in_(npi)), Physician.active)
    )
    return {
        number: Address(
            f"{p.name_first} {p.name_last}".strip(),
            p.address or "",
            "",
            p.city or "",
            p.state or "",
            p.postal_code or "",
            number=p.npi or p.number or "",
        )
        for p in found
        for number in (p.number, p.npi)
        if number
    }


def _hospitals(session: Session, rows: _Rows) -> dict[str, Address]:
    own, npi = _numbers(rows, HOSPITALS)
    found = session.scalars(
        select(Facility).where(or_(Facility.number.in_(own), Facility.npi.in_(npi)), Facility.active)
    )
    return {
        number: Address(f.name, "", "", f.city or "", f.state or "", "", number=f.number)
        for f in found
        for number in (f.number, f.npi)
        if number
    }


def _first(
    tumors: list[dict[str, str]], pairs: Iterable[tuple[str, str]], by_number: Mapping[str, Address], without: set[str]
) -> Address | None:
    for number, second in pairs:
        for tumor in tumors:
            for value in (_number(tumor, number), _number(tumor, second)):
                if value in by_number and by_number[value].number not in without:
                    return by_number[value]
    return None


def _known(
    person: Mapping[str, str],
    tumors: list[dict[str, str]],
    reporters: set[str],
    physicians: Mapping[str, Address],
    hospitals: Mapping[str, Address],
) -> Known:
    def get(number: str) -> str:
        return clean(person.get(number))

    name = f"{get('2240')} {get('2230')}".strip()
    phone = get("2360")
    return Known(
        patient=Address(name, get("2350"), get("2355"), get("1810"), get("1820"), get("1830"), get("1832")),
        phone="" if set(phone) <= NOBODY else phone,
        physician=_first(tumors, PHYSICIANS, physicians, set()),
        contact=next((found for tumor in tumors if (found := _contact(tumor)).complete), None),
        hospital=_first(tumors, HOSPITALS, hospitals, reporters),
        country=get("1832"),
        record_number=next((clean(t.get("2300")) for t in tumors if clean(t.get("2300"))), ""),
    )


def _contact(tumor: Mapping[str, str]) -> Address:
    numbers = ("2394", "2392", "2393", "1842", "1844", "1846", "1847")
    return Address(*(clean(tumor.get(number)) for number in numbers))


def _postal(code: str) -> str:
    return f"{code[:5]}-{code[5:]}" if len(code) == 9 and code.isdigit() else code
