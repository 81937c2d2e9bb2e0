"""Sequence numbers written to the abstracts of a patient, and the places (facility, accession, sequence) that they take."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from registry import audit, records
from registry.abstracting.sequences import SequencedTumor, sequence
from registry.abstracting.status import CHAIN
from registry.errors import RegistryError
from registry.models import Abstract, Patient, PatientRecord, Revision
from registry.models.desk import CasePlace

HOSPITAL, CENTRAL = 560, 380
WHY, WHY_BEGUN = "sequence of tumors", "numbers of a new case"


@dataclass(frozen=True)
class Renumbering:
    """One number that the sequence of a patient's tumors wants to be another; `diagnosed` is why."""

    abstract_id: int
    item: int
    old: str
    new: str
    diagnosed: str
    site: str


@dataclass(frozen=True)
class Run:
    """One renumbering that can be taken back: who and when, and what it changed."""

    why: str
    who: str
    at: datetime
    lines: tuple[Renumbering, ...]


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
    session: Session, patient: Patient, facility_id: int | None, *, who: str, central: bool = True, begun: bool = False
) -> dict[int, str]:
    """Renumbers a patient's tumors as `plan` says; gives the hospital numbers by abstract.

    The numbers that a `begun` case brought about are not taken back: the case stays.
    """
    every = _abstracts(session, patient.id)
    run = f"{WHY_BEGUN if begun else WHY} {secrets.token_hex(4)}"
    changes: dict[int, dict[int, str]] = {}
    for line in plan(session, patient.id, facility_id, central=central):
        changes.setdefault(line.abstract_id, {})[line.item] = line.new
    for abstract_id, wanted in changes.items():
        records.save(session, abstract_id, wanted, who=who, why=run)
    mine = [abstract for abstract in every if facility_id is not None and abstract.facility_id == facility_id]
    given = {abstract.id: abstract.items.get(str(HOSPITAL), "") for abstract in mine}
    _take_places(session, mine, given)
    return given


def undo(
    session: Session, patient_id: int, facility_id: int | None, *, who: str, run: str = "", central: bool = True
) -> int:
    """Takes renumberings of a patient back, the newest first, to the one named (else one); gives how many numbers changed.

    A number that was changed since by other hands stays; without `central` so do those of other facilities.
    """
    every = _abstracts(session, patient_id)
    standing = runs(session, patient_id, only=None if central else facility_id)
    if run and run not in [each.why for each in standing]:
        raise RegistryError("usage", "this renumbering was taken back already, or a case was begun since")
    count = 0
    for each in standing:
        back: dict[int, dict[int, str]] = {}
        for line in each.lines:
            if session.get_one(Abstract, line.abstract_id).items.get(str(line.item), "") == line.new:
                back.setdefault(line.abstract_id, {})[line.item] = line.old
        why = f"{_UNDO}{each.why}"
        for abstract_id, wanted in back.items():
            count += len(records.save(session, abstract_id, wanted, who=who, why=why).changes)
        # links of their own: where every number had been changed since, nothing else would say that the run is taken back
        for abstract_id in sorted({line.abstract_id for line in each.lines}):
            told = {"numbers": len(back.get(abstract_id, ()))}
            audit.append(session, CHAIN, abstract_id, "renumber", told, who=who, why=why)
        if each.why == run or not run:
            break
    mine = [abstract for abstract in every if facility_id is not None and abstract.facility_id == facility_id]
    _take_places(session, mine, {abstract.id: abstract.items.get(str(HOSPITAL), "") for abstract in mine})
    return count


def runs(session: Session, patient_id: int, *, only: int | None = None) -> list[Run]:
    """Gives the renumberings of a patient that can be taken back, newest first: down to the last case that was begun.

    `only` leaves the abstracts of other facilities out.
    """
    every = {a.id: a for a in _abstracts(session, patient_id) if only is None or a.facility_id == only}
    links = select(Revision).where(Revision.row_id.in_(list(every))).order_by(Revision.number.desc())
    undone = links.where(Revision.chain == CHAIN, Revision.why.startswith(_UNDO))
    taken_back = {(link.why.removeprefix(_UNDO), link.row_id) for link in session.scalars(undone)}
    made = links.where(
        Revision.chain == "abstract", or_(Revision.why.startswith(WHY), Revision.why.startswith(WHY_BEGUN))
    )
    found: dict[str, list[Revision]] = {}
    for link in session.scalars(made):
        if link.why.startswith(WHY_BEGUN):
            break
        if (link.why, link.row_id) not in taken_back:
            found.setdefault(link.why, []).append(link)
    return [
        Run(why, links[0].who, links[0].at, tuple(line for link in links for line in _lines(every[link.row_id], link)))
        for why, links in found.items()
    ]


_UNDO = "undo of "


def _lines(abstract: Abstract, link: Revision) -> list[Renumbering]:
    diagnosed, site = abstract.items.get("390", ""), abstract.items.get("400", "")
    return [
        Renumbering(abstract.id, int(item), old, new, diagnosed, site)
        for item, (old, new) in sorted(link.changes.items())
        if int(item) in (HOSPITAL, CENTRAL)
    ]


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
