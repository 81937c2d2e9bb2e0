"""Sequence numbers written to the abstracts of a patient, and the places (facility, accession, sequence) that they take."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import records
from registry.abstracting.sequences import SequencedTumor, sequence
from registry.models import Abstract, Patient, PatientRecord
from registry.models.desk import CasePlace

HOSPITAL, CENTRAL = 560, 380
WHY = "sequence of tumors"


def renumber(session: Session, patient: Patient, facility_id: int, *, who: str) -> dict[int, str]:
    """Renumbers a patient's tumors at a facility (560) and in the registry (380); gives the numbers by abstract.

    The patient's tumors of every facility count in the central series; the hospital series counts those that the
    facility has, beside numbers that it gave to tumors elsewhere.
    """
    query = (
        select(Abstract)
        .join(PatientRecord, Abstract.record_id == PatientRecord.id)
        .where(PatientRecord.patient_id == patient.id)
        .order_by(Abstract.id)
    )
    every = list(session.scalars(query))
    mine = [abstract for abstract in every if abstract.facility_id == facility_id]
    hospital = sequence([_tumor(a, a.items, HOSPITAL) for a in mine])
    by_tumor = {a.tumor_id: a for a in reversed(every)}
    central = sequence([_tumor(a, a.tumor.items or a.items, CENTRAL) for a in by_tumor.values()], central=True)
    for abstract in every:
        wanted = {CENTRAL: central[by_tumor[abstract.tumor_id].id]}
        if abstract.facility_id == facility_id:
            wanted[HOSPITAL] = hospital[abstract.id]
        changes = {n: value for n, value in wanted.items() if abstract.items.get(str(n), "") != value}
        if changes:
            records.save(session, abstract.id, changes, who=who, why=WHY)
    _take_places(session, mine, {a.id: hospital[a.id] for a in mine})
    return {a.id: hospital[a.id] for a in mine}


def _tumor(abstract: Abstract, items: dict[str, str], number: int) -> SequencedTumor:
    get = items.get
    stage = get("764") or get("762") or ""
    return SequencedTumor(
        abstract.id,
        get("390", ""),
        get("400", ""),
        get("522", ""),
        get("523", ""),
        stage,
        abstract.items.get(str(number), ""),
    )


def _take_places(session: Session, abstracts: list[Abstract], numbers: dict[int, str]) -> None:
    # all go before any comes back: two cases may change places
    for abstract in abstracts:
        if place := session.get(CasePlace, abstract.id):
            session.delete(place)
    session.flush()
    taken: set[tuple[str, str]] = set()
    for abstract in abstracts:
        key = (abstract.accession_number or "", numbers[abstract.id])
        # accounts that came by file with the number of another are for the linkage to settle
        if abstract.accession_number and abstract.facility_id and key not in taken:
            taken.add(key)
            session.add(
                CasePlace(abstract_id=abstract.id, facility_id=abstract.facility_id, accession=key[0], sequence=key[1])
            )
    session.flush()
