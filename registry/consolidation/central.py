"""The central sequence of a person whose tumors come from several records: the registry's own number, not an account's.

A person of one record keeps what the record says. Of several, each numbered its own tumors alone, so the registry numbers
them anew by the rule of item 380; taking the records apart again brings each record's numbers back.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.abstracting.sequences import SequencedTumor, sequence
from registry.models import Abstract, PatientRecord, Tumor

ITEM = "380"
DECISIVE = frozenset({"380", "390", "400", "522", "523", "764", "762"})
"""Items on which a tumor's place in the sequence depends."""


def is_several(session: Session, patient_id: int) -> bool:
    """Whether a person has tumors from more than one record."""
    query = select(func.count(PatientRecord.id)).where(
        PatientRecord.patient_id == patient_id,
        select(Abstract.id).where(Abstract.record_id == PatientRecord.id).exists(),
    )
    return (session.scalar(query) or 0) > 1


def central_numbers(session: Session, patient_id: int, said: dict[int, dict[str, str]]) -> dict[int, str]:
    """Gives the central sequence of a person's tumors; `said` has the items of tumors that are being consolidated.

    What the accounts number stays where it can: `sequence` leaves room for tumors elsewhere.
    """
    tumors = list(session.scalars(select(Tumor).where(Tumor.patient_id == patient_id)))
    held = _held(session, [tumor.id for tumor in tumors])
    found = []
    for tumor in tumors:
        if tumor.id not in held:
            continue
        items = said.get(tumor.id, tumor.items)
        stage = items.get("764") or items.get("762") or ""
        facts = [items.get(number, "") for number in ("390", "400", "522", "523")]
        key, number = held[tumor.id]
        found.append((key, SequencedTumor(tumor.id, *facts, stage, number)))
    numbers = sequence([tumor for _, tumor in sorted(found, key=lambda pair: pair[0])], central=True)
    return {int(str(tumor)): number for tumor, number in numbers.items()}


def _held(session: Session, tumors: Iterable[int]) -> dict[int, tuple[tuple[str, ...], str]]:
    """By tumor: the first of its accounts by where they come from, and the lowest number that any of them gives."""
    query = select(Abstract).where(Abstract.tumor_id.in_(list(tumors))).execution_options(populate_existing=False)
    found: dict[int, tuple[tuple[str, ...], str]] = {}
    for abstract in session.scalars(query):
        source = abstract.record.source
        key = (
            source.registry_id,
            source.facility_number,
            source.name,
            abstract.record.patient_id_number,
            abstract.tumor_record_number,
        )
        number = abstract.items.get(ITEM, "")
        first, lowest = found.get(abstract.tumor_id, (key, number))
        found[abstract.tumor_id] = (min(first, key), min(filter(None, (lowest, number)), default=""))
    return found
