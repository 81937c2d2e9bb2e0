"""Sequence numbers written to the abstracts of a patient, and the places (facility, accession, sequence) that they take."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import records
from registry.abstracting.sequences import SequencedTumor, sequence
from registry.models import Abstract, Patient, PatientRecord, Revision
from registry.models.desk import CasePlace

HOSPITAL, CENTRAL = 560, 380
WHY = "sequence of tumors"


@dataclass(frozen=True)
class Renumbering:
    """One number that the sequence of a patient's tumors wants to be another; `diagnosed` is why."""

    abstract_id: int
    item: int
    old: str
    new: str
    diagnosed: str
    site: str


def plan(
    session: Session,
    patient_id: int,
    facility_id: int | None,
    *,
    central: bool = True,
    typed: Mapping[int, Mapping[int, str]] | None = None,
) -> list[Renumbering]:
    """Gives what renumbering a patient's tumors would change: at a facility (560) and, with `central`, everywhere (380).

    The patient's tumors of every facility count in the central series; the hospital series counts those that the
    facility has, beside numbers that it gave to tumors elsewhere. `typed` holds items of abstracts that are not saved yet.
    """
    every = _abstracts(session, patient_id)
    wanted = _numbers(every, facility_id, typed or {})
    found = []
    for abstract in every:
        for item, new in sorted(wanted[abstract.id].items()):
            old = abstract.items.get(str(item), "")
            if old != new and (central or item == HOSPITAL):
                now = _items(abstract, typed or {})
                found.append(Renumbering(abstract.id, item, old, new, now.get("390", ""), now.get("400", "")))
    return found


def renumber(
    session: Session, patient: Patient, facility_id: int | None, *, who: str, central: bool = True
) -> dict[int, str]:
    """Renumbers a patient's tumors as `plan` says; gives the hospital numbers by abstract."""
    every = _abstracts(session, patient.id)
    run = f"{WHY} {secrets.token_hex(4)}"
    changes: dict[int, dict[int, str]] = {}
    for line in plan(session, patient.id, facility_id, central=central):
        changes.setdefault(line.abstract_id, {})[line.item] = line.new
    for abstract_id, wanted in changes.items():
        records.save(session, abstract_id, wanted, who=who, why=run)
    mine = [abstract for abstract in every if facility_id is not None and abstract.facility_id == facility_id]
    given = {abstract.id: abstract.items.get(str(HOSPITAL), "") for abstract in mine}
    _take_places(session, mine, given)
    return given


def undo(session: Session, patient_id: int, facility_id: int | None, *, who: str) -> int:
    """Takes the last renumbering of a patient back, number by number; one that was changed since stays. Gives how many."""
    every = _abstracts(session, patient_id)
    query = select(Revision).where(Revision.chain == "abstract", Revision.row_id.in_([a.id for a in every]))
    runs = list(session.scalars(query.where(Revision.why.startswith(WHY)).order_by(Revision.number.desc())))
    if not runs:
        return 0
    last = [revision for revision in runs if revision.why == runs[0].why]
    count = 0
    for revision in last:
        now = session.get_one(Abstract, revision.row_id).items
        back = {int(n): old for n, (old, new) in revision.changes.items() if now.get(n, "") == new}
        # the reason must not look like a run, so that the next undo takes the one before
        why = f"undo of {revision.why}"
        count += len(records.save(session, revision.row_id, back, who=who, why=why).changes)
    mine = [abstract for abstract in every if facility_id is not None and abstract.facility_id == facility_id]
    _take_places(session, mine, {abstract.id: abstract.items.get(str(HOSPITAL), "") for abstract in mine})
    return count


def last_run(session: Session, patient_id: int) -> Revision | None:
    """Gives a revision of the last renumbering that was not taken back, None where there is none."""
    ids = [abstract.id for abstract in _abstracts(session, patient_id)]
    query = select(Revision).where(Revision.chain == "abstract", Revision.row_id.in_(ids))
    runs = query.where(Revision.why.startswith(WHY)).order_by(Revision.number.desc()).limit(1)
    found = session.scalars(runs).first()
    if found is None:
        return None
    taken_back = session.scalars(query.where(Revision.why == f"undo of {found.why}").limit(1)).first()
    return None if taken_back else found


def _abstracts(session: Session, patient_id: int) -> list[Abstract]:
    query = (
        select(Abstract)
        .join(PatientRecord, Abstract.record_id == PatientRecord.id)
        .where(PatientRecord.patient_id == patient_id)
        .order_by(Abstract.id)
    )
    return list(session.scalars(query))


def _items(abstract: Abstract, typed: Mapping[int, Mapping[int, str]]) -> dict[str, str]:
    unsaved = {str(n): value for n, value in typed.get(abstract.id, {}).items()}
    return {**abstract.items, **unsaved}


def _numbers(
    every: list[Abstract], facility_id: int | None, typed: Mapping[int, Mapping[int, str]]
) -> dict[int, dict[int, str]]:
    mine = [a for a in every if facility_id is not None and a.facility_id == facility_id]
    hospital = sequence([_tumor(a, _items(a, typed), HOSPITAL) for a in mine])
    by_tumor = {a.tumor_id: a for a in reversed(every)}
    told = {a.id: _items(a, typed) if a.id in typed else a.tumor.items or a.items for a in by_tumor.values()}
    central = sequence([_tumor(a, told[a.id], CENTRAL) for a in by_tumor.values()], central=True)
    return {
        a.id: {CENTRAL: central[by_tumor[a.tumor_id].id]} | ({HOSPITAL: hospital[a.id]} if a.id in hospital else {})
        for a in every
    }


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
