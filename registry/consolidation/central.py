"""The central sequence of a person whose tumors come from several records: the registry's own number, not an account's.

A person of one record keeps what the record says. Of several, each numbered its own tumors alone, so the registry numbers
them anew by the rule of item 380; taking the records apart again brings each record's numbers back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.abstracting.sequences import SequencedTumor, sequence
from registry.models import Abstract, PatientRecord, Source, Tumor

ITEM = "380"
DECISIVE = frozenset({"380", "390", "400", "522", "523", "764", "762"})
"""Items on which a tumor's place in the sequence depends."""


def is_several(session: Session, patient_id: int) -> bool:
    """Whether a person has tumors from more than one record."""
    return bool(of_several(session, [patient_id]))


def of_several(session: Session, patient_ids: Collection[int]) -> set[int]:
    """Gives those of some persons who have tumors from more than one record."""
    if not patient_ids:
        return set()
    query = select(PatientRecord.patient_id).where(
        PatientRecord.patient_id.in_(patient_ids),
        select(Abstract.id).where(Abstract.record_id == PatientRecord.id).exists(),
    )
    return set(session.scalars(query.group_by(PatientRecord.patient_id).having(func.count(PatientRecord.id) > 1)))


def central_numbers(
    session: Session, patient_ids: Collection[int], said: Mapping[int, Mapping[str, str]]
) -> dict[int, str]:
    """Gives the central sequence of all tumors of some persons; `said` has the items of tumors that are being consolidated.

    What the accounts number stays where it can: `sequence` leaves room for tumors elsewhere.
    """
    if not patient_ids:
        return {}
    tumors = list(session.scalars(select(Tumor).where(Tumor.patient_id.in_(patient_ids))))
    held = _held(session, [tumor.id for tumor in tumors])
    found: dict[int, list[tuple[tuple[str, ...], SequencedTumor]]] = {}
    for tumor in tumors:
        if tumor.id not in held:
            continue
        items = said.get(tumor.id, tumor.items)
        stage = items.get("764") or items.get("762") or ""
        facts = [items.get(number, "") for number in ("390", "400", "522", "523")]
        key, number = held[tumor.id]
        found.setdefault(tumor.patient_id, []).append((key, SequencedTumor(tumor.id, *facts, stage, number)))
    numbers: dict[int, str] = {}
    for of_person in found.values():
        ordered = [tumor for _, tumor in sorted(of_person, key=lambda pair: pair[0])]
        numbers |= {int(str(tumor)): number for tumor, number in sequence(ordered, central=True).items()}
    return numbers


def _held(session: Session, tumors: Iterable[int]) -> dict[int, tuple[tuple[str, ...], str]]:
    """By tumor: the first of its accounts by where they come from, and the lowest number that any of them gives."""
    query = (
        select(
            Abstract.tumor_id,
            Abstract.items[ITEM].as_string(),
            Source.registry_id,
            Source.facility_number,
            Source.name,
            PatientRecord.patient_id_number,
            Abstract.tumor_record_number,
        )
        .join(PatientRecord, Abstract.record_id == PatientRecord.id)
        .join(Source, PatientRecord.source_id == Source.id)
        .where(Abstract.tumor_id.in_(list(tumors)))
    )
    found: dict[int, tuple[tuple[str, ...], str]] = {}
    for tumor_id, number, *key in session.execute(query):
        first, lowest = found.get(tumor_id, (tuple(key), number))
        found[tumor_id] = (min(first, tuple(key)), min(filter(None, (lowest, number)), default=""))
    return found
