"""Keeping what edits say up to date: with every save in its own transaction, after an import or a mass change behind it.

The store notes whose accounts a transaction touched (`registry.db.touched`). Before it commits, the edits of a few patients
are evaluated with it, so that a save and its findings appear together and are undone together; those of many follow
after the commit, in short transactions, and those of a large import as a job.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.db import AFTER_COMMIT, Store, Touched, touched
from registry.edits import strangers
from registry.edits.evaluation import run_on_patient, set_in_force
from registry.models import Abstract, EditFinding, Job, PatientRecord
from registry.models.edits import OPEN

AT_ONCE = 40
"""Patients whose edits a transaction evaluates itself: some milliseconds each."""

HERE = 2_000
"""Patients whose edits are evaluated by who changed them; more are left to the background worker."""

ROUNDS = 4
NAMED_AT_ONCE = 10_000


def keep_up(session: Session) -> None:
    """Evaluates the edits of the patients whom the transaction touched, or has that done once it has ended."""
    edits = None
    for _ in range(ROUNDS):
        # evaluating may clear an override item, which touches the patient again
        found = touched(session)
        if not found:
            return
        moved = bool(found.patients)
        births, found.births = found.births, set()
        patients = take(session, found)
        if len(patients) > AT_ONCE:
            session.info.setdefault(AFTER_COMMIT, []).append(partial(follow, patients=patients, births=births))
            return
        edits = edits or set_in_force(session)
        for patient_id in patients:
            run_on_patient(session, patient_id, edits=edits)
        if moved:
            # a patient whose account is another may be like somebody else now, or no longer
            strangers.compare(session, births | strangers.births_of(session, patients), edits=edits)


def take(session: Session, found: Touched) -> list[int]:
    """Gives the patients whom a transaction touched so far, and forgets them."""
    patients = set(found.patients)
    records = sorted(found.records)
    found.patients, found.records = set(), set()
    for start in range(0, len(records), NAMED_AT_ONCE):
        part = records[start : start + NAMED_AT_ONCE]
        patients.update(session.scalars(select(PatientRecord.patient_id).where(PatientRecord.id.in_(part))))
    return sorted(patients)


def patients_of_import(session: Session, batch_id: int) -> set[int]:
    """Gives the patients of the rows that a batch brought in."""
    of_abstracts = (
        select(PatientRecord.patient_id)
        .join(Abstract, Abstract.record_id == PatientRecord.id)
        .where(Abstract.batch_id == batch_id)
    )
    return set(session.scalars(of_abstracts.distinct()))


def after_import(store: Store, batch_id: int, updated: Iterable[int], *, who: str) -> dict[str, Any]:
    """Evaluates the edits of an import's patients, new and updated; gives what was done, or the job that will do it."""
    with store.reading() as session:
        patients = patients_of_import(session, batch_id) | set(updated)
    # a job finds the patients of a batch by itself, so that its row stays small
    return follow(store, sorted(patients), who=who, asked={"batch": batch_id, "patients": sorted(updated)})


def follow(
    store: Store,
    patients: Sequence[int],
    *,
    who: str = "oncoregistry",
    asked: dict[str, Any] | None = None,
    births: Iterable[str] = (),
) -> dict[str, Any]:
    """Evaluates the edits of some patients in short transactions; many as a job, which a worker takes up."""
    from registry import jobs
    from registry.edits.batch import run_batch

    if not patients:
        return {"records": 0, "failed": 0}
    if len(patients) > HERE:
        job = jobs.submit(store, "edits", asked or {"patients": list(patients)}, who=who)
        return {"job": job, "patients": len(patients)}
    if len(patients) > AT_ONCE:
        records = run_batch(store, patients=patients, keep=0).records
    else:
        with store.writing() as session:
            edits = set_in_force(session)
            records = sum(run_on_patient(session, patient_id, edits=edits) for patient_id in patients)
    compare_with_others(store, patients, births=births)
    with store.reading() as session:
        return {"records": records, "failed": failing(session, patients)}


def compare_with_others(store: Store, patients: Sequence[int], *, births: Iterable[str] = ()) -> int:
    """Asks the edits between patients of some, and of all who were born on their days; gives how many were compared."""
    with store.reading() as session:
        days = strangers.births_of(session, patients) | set(births)
    return strangers.compare_births(store, days)


def failing(session: Session, patients: Sequence[int]) -> int:
    """Gives how many findings stand open on the abstracts of some patients."""
    counted = 0
    for start in range(0, len(patients), NAMED_AT_ONCE):
        of_patients = (
            select(Abstract.id)
            .join(PatientRecord, Abstract.record_id == PatientRecord.id)
            .where(PatientRecord.patient_id.in_(patients[start : start + NAMED_AT_ONCE]))
        )
        query = select(func.count(EditFinding.id)).where(
            EditFinding.abstract_id.in_(of_patients), EditFinding.state == OPEN
        )
        counted += session.scalar(query) or 0
    return counted


def unfinished(session: Session) -> list[int]:
    """Gives the jobs of edits that wait or run, oldest first."""
    query = select(Job.id).where(Job.kind == "edits", Job.state.in_(("waiting", "running"))).order_by(Job.id)
    return list(session.scalars(query))


def do_pending(store: Store) -> list[dict[str, Any]]:
    """Does the jobs of edits that wait, here and now; gives of each its number, its state, abstracts and findings.

    A job that another process does meanwhile is told with its state and left to it.
    """
    from registry import jobs

    with store.reading() as session:
        waiting = unfinished(session)
    done = []
    for number in waiting:
        jobs.run(store, number)
        found = jobs.state(store, number)
        result = found.result or {}
        told = {name: result[key] for name, key in (("records", "records"), ("failed", "failed")) if key in result}
        done.append({"job": number, "state": found.state, "message": found.message, **told})
    return done
