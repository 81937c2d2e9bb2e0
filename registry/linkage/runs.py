"""Runs of linkage: the whole registry, or what an import or a person brought in, against the standing index.

The unit is the report (`PatientRecord`). Running again changes nothing: pairs with a standing decision, and reports that are
one person already, are left alone; a pair that waits is brought up to the new score. A run over the registry learns the
model anew and makes the index; a run over some reports asks it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from registry import audit
from registry.db import Store
from registry.linkage.grouping import CHAIN
from registry.models import Abstract, PatientRecord, now
from registry.models.linkage import LinkageRun

if TYPE_CHECKING:
    from registry.linkage.index import Index
    from registry.linkage.settling import Found

A_TRANSACTION = 200
"""Pairs that one transaction settles."""

HERE = 2_000
"""Reports that who brings them in compares himself; more are left to the background worker."""

WHOLE = 0.2
"""New reports by which a registry is compared as a whole: faster than one by one, and there is much to learn."""

WHO = "linkage"
REGISTRY, BATCH = "registry", "batch"

Report = Callable[[float, str], None]


def run_job(store: Store, parameters: dict[str, Any], report: Report) -> dict[str, Any]:
    """Compares all reports, or with `batch` those that an import brought; gives records, automatic links, pairs to review.

    What was linked before a fault stays linked, the run says that it failed, and running again goes on.
    """
    batch = parameters.get("batch")
    who = str(parameters.get("who") or WHO)
    if batch is None:
        return link_registry(store, who=who, report=report)
    return link_reports(
        store, reports_of(store, batch, parameters.get("records", ())), who=who, batch_id=batch, report=report
    )


def after_import(store: Store, batch_id: int, updated: Iterable[int], *, who: str) -> dict[str, Any]:
    """Links what an import brought, new and changed reports; gives what was done, or the job that will do it."""
    from registry import jobs
    from registry.linkage import standing

    updated = sorted(updated)
    numbers = reports_of(store, batch_id, updated)
    if not numbers:
        return {"records": 0, "automatic": 0, "review": 0}
    with store.reading() as session:
        total = session.scalar(select(func.count(PatientRecord.id))) or 0
    if total < 2:
        return {"records": len(numbers), "automatic": 0, "review": 0}
    if len(numbers) > HERE or standing.ready(store) is None:
        asked = {"batch": batch_id, "records": updated, "who": who}
        return {"job": jobs.submit(store, "linkage", asked, who=who)}
    return link_reports(store, numbers, who=who, batch_id=batch_id)


def after_begin(store: Store, abstract_id: int, *, who: str) -> dict[str, Any]:
    """Compares the report of a case that a person began, where it is new; a registry without an index waits for a run."""
    from registry.linkage import standing

    with store.reading() as session:
        query = select(PatientRecord).join(Abstract, Abstract.record_id == PatientRecord.id)
        record = session.scalars(query.where(Abstract.id == abstract_id)).one()
        fresh = session.scalar(select(func.count(Abstract.id)).where(Abstract.record_id == record.id)) == 1
        total = session.scalar(select(func.count(PatientRecord.id))) or 0
    if not fresh or total < 2 or standing.ready(store) is None:
        return {}
    return link_reports(store, [record.id], who=who)


def reports_of(store: Store, batch_id: int, updated: Iterable[int] = ()) -> list[int]:
    """Gives the reports that a batch brought, with those it changed."""
    with store.reading() as session:
        made = session.scalars(select(PatientRecord.id).where(PatientRecord.batch_id == batch_id))
        return sorted({*made, *updated})


def link_registry(store: Store, *, who: str, report: Report = lambda share, text: None) -> dict[str, Any]:
    """Compares all reports with each other, learns the model anew and makes the standing index."""
    return _whole(store, None, who, None, report)


def link_reports(
    store: Store,
    numbers: Sequence[int],
    *,
    who: str,
    batch_id: int | None = None,
    report: Report = lambda share, text: None,
) -> dict[str, Any]:
    """Compares some reports with all; of many in a small registry by comparing the whole."""
    from registry.linkage import standing

    index = standing.ready(store)
    if index is None or len(numbers) > max(HERE, WHOLE * len(index)):
        return _whole(store, frozenset(numbers), who, batch_id, report)
    return _against(store, index, numbers, who, batch_id, report)


def _whole(store: Store, of: frozenset[int] | None, who: str, batch_id: int | None, report: Report) -> dict[str, Any]:
    from registry.linkage import standing
    from registry.linkage.index import Index
    from registry.linkage.match import Thresholds, match
    from registry.linkage.reports import reports_frame
    from registry.linkage.settling import found_by

    with store.reading() as session:
        stamp = standing.stamp_of(session)
        frame = reports_frame(session)
    report(0.05, f"{len(frame):,} reports read")
    kind = REGISTRY if of is None else BATCH
    counted = _counts(len(frame) if of is None else len(of))
    with _run(store, kind, batch_id, who, Thresholds(), counted) as (number, model):
        if len(frame) > 1:
            found = match(frame, id="id", thresholds=Thresholds())
            counted["candidates"] = found.candidates
            model |= found.model.as_dict()
            index = Index.build(frame, id="id", model=found.model)
            del frame
            standing.keep(store, index, stamp)
            report(0.5, f"{len(found.pairs):,} pairs may be one person")
            _settle_all(store, list(found_by(found, of)), index, number, counted, report)
    return counted | {"run": number}


def _against(
    store: Store, index: Index, numbers: Sequence[int], who: str, batch_id: int | None, report: Report
) -> dict[str, Any]:
    """Compares some reports, one after the other, with the index."""
    from registry.linkage.reports import reports
    from registry.linkage.settling import found_of, retire

    counted = _counts(len(numbers))
    with _run(store, BATCH, batch_id, who, index.thresholds, counted) as (number, model):
        model |= {"records": index.census.records}
        pairs: dict[tuple[int, int], Found] = {}
        for start in range(0, len(numbers), A_TRANSACTION):
            part = numbers[start : start + A_TRANSACTION]
            with store.reading() as session:
                rows = list(reports(session, part))
            pairs |= {one.ends: one for one in found_of(index, rows)}
            report(0.5 * (start + len(part)) / len(numbers), f"{len(pairs):,} pairs may be one person")
        counted["candidates"] = len(pairs)
        # surest first over all of them, so that what is linked does not depend on the order of the file
        found = sorted(pairs.values(), key=lambda one: (-one.weight, one.ends))
        _settle_all(store, found, index, number, counted, report)
        with store.writing() as session:
            counted["overtaken"] = retire(session, numbers, found)
    return counted | {"run": number}


def _counts(records: int) -> dict[str, int]:
    return {"records": records, "candidates": 0, "automatic": 0, "review": 0, "known": 0, "contradicted": 0}


def _settle_all(
    store: Store, found: list[Found], index: Index, number: int, counted: dict[str, int], report: Report
) -> None:
    from registry.linkage.settling import settle

    for start in range(0, len(found), A_TRANSACTION):
        with store.writing() as session:
            done: Counter[str] = settle(session, found[start : start + A_TRANSACTION], index, run=number)
        for name, count in done.items():
            counted[name] += count
        report(0.5 + 0.5 * min(start + A_TRANSACTION, len(found)) / len(found), f"{counted['automatic']:,} linked")


@contextmanager
def _run(store: Store, kind: str, batch_id: int | None, who: str, limits: Any, counted: dict[str, int]):
    """Keeps a run with its model and report; one that fails says so."""
    with store.writing() as session:
        run = LinkageRun(
            kind=kind, batch_id=batch_id, who=who, thresholds={"match": limits.match, "review": limits.review}
        )
        session.add(run)
        session.flush()
        number = run.id
    model: dict[str, Any] = {}
    try:
        yield number, model
    except Exception:
        with store.writing() as session:
            run = session.get_one(LinkageRun, number)
            run.finished_at, run.state = now(), "failed"
        raise
    with store.writing() as session:
        run = session.get_one(LinkageRun, number)
        run.finished_at, run.state, run.report = now(), "done", dict(counted)
        run.model = model
        audit.append(session, CHAIN, number, "run", dict(counted), who=who)
