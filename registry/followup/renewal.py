"""A standing brought up to date after saves: only the patients that the audit chain says were changed are read again.

Attempts, holds and the success model are read anew, they are small. Where a chain moved of which this does not know what it
means for follow-up, or an import came in, or very many patients changed, there is no renewal and the caller computes all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.followup import lists
from registry.followup.attempts import learned, rounds
from registry.followup.chances import fit
from registry.followup.contact import CHAIN
from registry.followup.holds import holds
from registry.followup.known import known
from registry.followup.standing import Standing
from registry.followup.status import DELINQUENT, DUE
from registry.models import Abstract, Patient, PatientRecord, Revision, Tumor

MOST = 2000
"""From so many changed patients on it is not worth it."""

CHUNK = 500
PATIENTS: dict[str, Any] = {
    "patient": select(Patient.id, Patient.id),
    "patient_record": select(PatientRecord.id, PatientRecord.patient_id),
    "abstract": select(Abstract.id, PatientRecord.patient_id).join(
        PatientRecord, Abstract.record_id == PatientRecord.id
    ),
    "tumor": select(Tumor.id, Tumor.patient_id),
}
"""By chain the query that tells the patient of a row."""

ASIDE = frozenset(
    {CHAIN, "transmission", "death_notice", "duplicate_review", "expected_submission", "exchange_agreement"}
)
"""Chains whose links change no patient by themselves: what they change of one is a link of a patient's chain too."""


def renewed(session: Session, old: Standing, before: tuple[Any, ...], after: tuple[Any, ...]) -> Standing | None:
    """Gives the standing under a new mark (see `standing.stamp`) from the one under an old mark; None where that cannot be."""
    changed = changed_patients(session, before, after)
    if changed is None:
        return None
    fresh = []
    ids = sorted(changed)
    for start in range(0, len(ids), CHUNK):
        scope = Patient.id.in_(ids[start : start + CHUNK])
        fresh += lists.followed(
            session, old.rules, as_of=old.as_of, facility_id=old.facility_id, scope=scope, own=not old.see_deaths
        )
    people = [person for person in old.people if person.patient_id not in changed] + fresh
    people.sort(key=lambda person: person.patient_id)
    open_ = [person for person in people if person.status in {DUE, DELINQUENT}]
    numbers = [person.patient_id for person in open_]
    tried, out = rounds(session, open_, as_of=old.as_of, facility_id=old.facility_id)
    there = {number: found for number, found in old.known.items() if number not in changed}
    missing = [number for number in numbers if number not in there]
    there |= known(session, missing, facility_id=old.facility_id if not old.see_deaths else None)
    return replace(
        old,
        people=tuple(people),
        known=there,
        model=fit(learned(session, as_of=old.as_of, facility_id=old.facility_id)),
        tried=tried,
        out=out,
        held=holds(session, numbers),
    )


def changed_patients(session: Session, before: tuple[Any, ...], after: tuple[Any, ...]) -> set[int] | None:
    """Gives the patients changed between two marks; None where only reading everything tells."""
    (heads, batches), (new_heads, new_batches) = before, after
    if batches != new_batches:
        return None
    counts, changed = dict(heads), set()
    for chain, count in new_heads:
        since = counts.pop(chain, 0)
        if count == since or chain in ASIDE:
            continue
        if chain not in PATIENTS or count < since or count - since > MOST:
            return None
        rows = session.scalars(select(Revision.row_id).where(Revision.chain == chain, Revision.number > since))
        changed |= set(_patients(session, chain, set(rows)))
    return None if counts or len(changed) > MOST else changed


def _patients(session: Session, chain: str, rows: set[int]) -> Iterable[int]:
    query, ids = PATIENTS[chain], sorted(rows)
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        yield from (patient for _, patient in session.execute(query.where(query.selected_columns[0].in_(part))))
    if chain == "patient":
        # a person that was merged away or removed is in no table any more
        yield from ids
