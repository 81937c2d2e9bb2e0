"""A standing brought up to date after saves: only the patients that the audit chain says were changed are read again.

Attempts, holds and the success model are read anew, they are small. On another day everybody's status is asked again, of
what was read before. Where a chain moved of which this does not know what it means for follow-up, or an import came in, or
very many patients changed, there is no renewal and the caller computes all.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from itertools import compress
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.followup import lists
from registry.followup.attempts import learned, rounds
from registry.followup.chances import fit
from registry.followup.columns import columns
from registry.followup.contact import CHAIN
from registry.followup.holds import BY_RECORD, held_by_record, holds
from registry.followup.known import known
from registry.followup.standing import Standing, with_paths
from registry.followup.status import DELINQUENT, DUE, Person, restated
from registry.models import Abstract, Patient, PatientRecord, Revision, Tumor

MOST = 2000
"""From so many changed patients on it is not worth it."""

CHUNK = 500
ABSTRACTS = select(Abstract.id, PatientRecord.patient_id).join(PatientRecord, Abstract.record_id == PatientRecord.id)
PATIENTS: dict[str, Any] = {
    "patient": select(Patient.id, Patient.id),
    "patient_record": select(PatientRecord.id, PatientRecord.patient_id),
    "abstract": ABSTRACTS,
    "case": ABSTRACTS,
    "tumor": select(Tumor.id, Tumor.patient_id),
}
"""By chain the query that tells the patient of a row."""

ASIDE = frozenset(
    {
        CHAIN,
        "account",
        "edit_override",
        "population_area",
        "linkage",
        "tumor_linkage",
        "transmission",
        "death_notice",
        "duplicate_review",
        "expected_submission",
        "exchange_agreement",
    }
)
"""Chains whose links change no patient by themselves: what they change of one is a link of a patient's chain too."""


def renewed(
    session: Session, old: Standing, before: tuple[Any, ...], after: tuple[Any, ...], *, as_of: date | None = None
) -> Standing | None:
    """Gives the standing under a new mark (see `standing.stamp`) from the one under an old mark; None where that cannot be.

    `as_of` asks for another day than that of the old one.
    """
    changed = changed_patients(session, before, after)
    if changed is None:
        return None
    if as_of is not None and as_of != old.as_of:
        old = _on(old, as_of)
    people, table = _people(session, old, changed)
    open_ = list(compress(people, table.having(DUE, DELINQUENT)))
    numbers = [person.patient_id for person in open_]
    tried, out = rounds(session, open_, as_of=old.as_of, facility_id=old.facility_id)
    there = {number: found for number, found in old.known.items() if number not in changed}
    missing = [number for number in numbers if number not in there]
    there |= known(session, missing, facility_id=old.facility_id if not old.see_deaths else None)
    fresh = [number for number in numbers if number in changed or number not in old.paths]
    by_record = {
        number: hold.kind.id
        for number, found in old.held.items()
        if number not in changed
        for hold in found
        if hold.kind.id in BY_RECORD
    }
    by_record |= held_by_record(session, fresh)
    held = holds(session, numbers, by_record=by_record)
    new = replace(
        old,
        people=tuple(people),
        table=table,
        known=there,
        model=fit(learned(session, as_of=old.as_of, facility_id=old.facility_id)),
        tried=tried,
        out=out,
        held=held,
    )
    asked = {*fresh, *_differing(old.tried, tried), *_differing(old.out, out), *_differing(old.held, held)}
    return with_paths(new, open_, before={n: path for n, path in old.paths.items() if n not in asked})


def _on(old: Standing, as_of: date) -> Standing:
    """The people of a standing on another day; what their next steps follow from is asked again."""
    people = tuple(restated(person, old.rules, as_of=as_of) for person in old.people)
    return replace(old, as_of=as_of, people=people, table=columns(people, old.rules), held={}, paths={})


def _people(session: Session, old: Standing, changed: set[int]) -> tuple[list[Person], Any]:
    """The people with those read again that changed, and their columns."""
    if not changed:
        return list(old.people), old.table
    fresh: list[Person] = []
    ids = sorted(changed)
    for start in range(0, len(ids), CHUNK):
        scope = Patient.id.in_(ids[start : start + CHUNK])
        fresh += lists.followed(
            session, old.rules, as_of=old.as_of, facility_id=old.facility_id, scope=scope, own=not old.see_deaths
        )
    keep = ~np.isin(old.table.patient, ids)
    people = list(compress(old.people, keep))
    for person in fresh:
        insort(people, person, key=lambda person: person.patient_id)
    return people, old.table.without(ids).joined(columns(fresh, old.rules))


def _differing(old: dict[int, Any], new: dict[int, Any]) -> set[int]:
    """The patients of whom two accounts say different things."""
    return {number for number in old.keys() | new.keys() if old.get(number) != new.get(number)}


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
        links = select(Revision.row_id, Revision.action, Revision.changes)
        rows = session.execute(links.where(Revision.chain == chain, Revision.number > since)).all()
        changed |= set(_patients(session, chain, {row.row_id for row in rows}))
        # a report that was linked or set free left a person, who may have no other link to tell of it
        moved = (row.changes.get("patient") for row in rows if row.action == "regroup" and chain == "patient_record")
        changed |= {number for both in moved if both for number in both}
    return None if counts or len(changed) > MOST else changed


def _patients(session: Session, chain: str, rows: set[int]) -> Iterable[int]:
    query, ids = PATIENTS[chain], sorted(rows)
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        yield from (patient for _, patient in session.execute(query.where(query.selected_columns[0].in_(part))))
    if chain == "patient":
        # a person that was merged away or removed is in no table any more
        yield from ids
