"""Accession numbers (item 550): one a patient and facility, shared by all primaries there, never given twice.

Whoever asks holds the facility's counter of that year for the rest of the transaction, so that two people who start the
same patient at once come one after the other, and the second finds the number of the first.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from registry.errors import RegistryError
from registry.models import Abstract, PatientRecord
from registry.models.desk import Accession, AccessionCounter

FIRST_YEAR = 1944
LOCK_YEAR = 0
"""The counter that is taken as the facility's lock; no patient is of year 0."""


def lock(session: Session, facility_id: int, year: int = LOCK_YEAR) -> AccessionCounter:
    """Takes a facility's counter of a year, made when it is not there, until the transaction ends."""
    session.flush()
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    insert = dialect.insert(AccessionCounter).values(facility_id=facility_id, year=year, last=0)
    session.execute(insert.on_conflict_do_nothing())
    query = select(AccessionCounter).where(AccessionCounter.facility_id == facility_id, AccessionCounter.year == year)
    return session.scalars(query.with_for_update().execution_options(populate_existing=True)).one()


def number_of(session: Session, facility_id: int, patient_id: int) -> str:
    """Gives the number that a patient has at a facility, "" where there is none."""
    given = select(Accession.number).where(Accession.facility_id == facility_id, Accession.patient_id == patient_id)
    if found := session.scalars(given.order_by(Accession.id)).first():
        return found
    imported = (
        select(Abstract.accession_number)
        .join(PatientRecord, Abstract.record_id == PatientRecord.id)
        .where(Abstract.facility_id == facility_id, PatientRecord.patient_id == patient_id)
        .where(Abstract.accession_number.is_not(None))
    )
    return session.scalars(imported.order_by(Abstract.id)).first() or ""


def give(session: Session, facility_id: int, patient_id: int, *, year: int, who: str) -> str:
    """Gives a patient's number at a facility, a new one of that year where there is none; year is of first contact."""
    if not FIRST_YEAR <= year <= 9998:
        raise RegistryError("usage", f"{year} is no year of an accession number", hint="give the date of first contact")
    lock(session, facility_id)
    if number := number_of(session, facility_id, patient_id):
        return number
    counter = lock(session, facility_id, year)
    counter.last = max(counter.last, _last_used(session, facility_id, year)) + 1
    if counter.last > 99_999:
        raise RegistryError("usage", f"all accession numbers of {year} are given")
    number = f"{year:04d}{counter.last:05d}"
    session.add(Accession(facility_id=facility_id, number=number, patient_id=patient_id, given_by=who))
    session.flush()
    return number


def _last_used(session: Session, facility_id: int, year: int) -> int:
    used = select(func.max(Abstract.accession_number)).where(
        Abstract.facility_id == facility_id, Abstract.accession_number.between(f"{year}00000", f"{year}99999")
    )
    found = session.execute(used, execution_options={"see_loading": True}).scalar() or ""
    return int(found[4:]) if len(found) == 9 and found.isdigit() else 0
