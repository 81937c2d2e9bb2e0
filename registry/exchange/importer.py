"""The importer that reconciles: every row in is created, updated, unchanged or rejected with a reason.

A patient's key is the source (registry 40, facility 540) and patientIdNumber 20; a tumor's adds tumorRecordNumber 60.
New records are written in short transactions under a batch that nobody sees; changes of visible records wait; one flip shows
all. A record that equals what its source sent last is unchanged, whatever was edited here since; one that differs replaces
the source's account, except the items that a person edited here, which are kept and reported.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.db import Store, touched
from registry.exchange import batches
from registry.exchange.changes import apply_changes
from registry.exchange.incoming import IncomingPatient, Noticed, Reader, Rejected
from registry.exchange.writing import LOADED, RECEIVED, Plan, write_plan
from registry.models import Document, ImportChange, ImportReject, now

KEPT_REASONS = 1000
"""So many reasons are listed in a report; all are counted, and every rejected row is kept with its content."""

KEPT_OF_A_CODE = 200
"""So many notices of one code are listed in a report, so that a frequent one never crowds out a rare one; all are counted."""

BREATH_SECONDS = 0.01
"""Pause between two transactions, in which another writer of SQLite gets its turn."""


@dataclass
class TableCounts:
    """What became of the rows of one table."""

    rows_in: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0

    def as_dict(self) -> dict[str, int]:
        return dict(self.__dict__)


@dataclass
class Report:
    """The reconciliation of one import; `rows_in` is always the sum of the four."""

    tumors: TableCounts = field(default_factory=TableCounts)
    tables: dict[str, TableCounts] = field(default_factory=dict)
    reasons: list[dict[str, Any]] = field(default_factory=list)
    reason_counts: Counter[str] = field(default_factory=Counter)
    notices: list[dict[str, Any]] = field(default_factory=list)
    notice_counts: Counter[str] = field(default_factory=Counter)
    indicators: Counter[str] = field(default_factory=Counter)
    batch_id: int | None = None
    dry_run: bool = False
    source: str = ""
    format: str = ""
    version: str = ""
    keep: Callable[[Rejected | Noticed], Any] = lambda event: None
    edits: dict[str, Any] = field(default_factory=dict)
    linkage: dict[str, Any] = field(default_factory=dict)

    def table(self, name: str) -> TableCounts:
        return self.tumors if name == "tumor" else self.tables.setdefault(name, TableCounts())

    def count(self, table: str, fate: str, rows: int) -> None:
        """Counts rows of a table that met the same fate."""
        counts = self.table(table)
        counts.rows_in += rows
        setattr(counts, fate, getattr(counts, fate) + rows)

    def reject(self, rejected: Rejected) -> None:
        """Counts a rejected row and lists its reason."""
        self.count(rejected.table, "rejected", 1)
        self.keep(rejected)
        self.reason_counts[rejected.code] += 1
        if len(self.reasons) < KEPT_REASONS:
            row = {"row": rejected.row, "code": rejected.code, "message": rejected.message}
            self.reasons.append(row if rejected.table == "tumor" else row | {"table": rejected.table})

    def notice(self, noticed: Noticed) -> None:
        """Counts and lists something that was pointed out in a row which was taken."""
        self.keep(noticed)
        self.notice_counts[noticed.code] += 1
        if self.notice_counts[noticed.code] <= KEPT_OF_A_CODE:
            self.notices.append(
                {"row": noticed.row, "code": noticed.code, "message": noticed.message, "item": noticed.item}
            )

    def as_dict(self) -> dict[str, Any]:
        """The report as the command line's JSON document."""
        return {
            **self.tumors.as_dict(),
            "reasons": self.reasons,
            "tables": {name: counts.as_dict() for name, counts in self.tables.items()},
            "reason_counts": dict(self.reason_counts),
            "notices": self.notices,
            "notice_counts": dict(self.notice_counts),
            "indicators": dict(self.indicators),
            "source": self.source,
            "format": self.format,
            "naaccr_version": self.version,
            "dry_run": self.dry_run,
            "batch": self.batch_id,
            "edits": self.edits,
            "linkage": self.linkage,
        }


def run_import(
    store: Store,
    reader: Reader,
    *,
    name: str,
    who: str,
    source: str = "",
    facility: str = "",
    dry_run: bool = False,
    document_id: int | None = None,
    progress: Callable[[float, int], Any] = lambda done, patients: None,
    say: Callable[[str], Any] = lambda text: None,
    keep: Callable[[Rejected | Noticed], Any] = lambda event: None,
    about: dict[str, Any] | None = None,
    edits: bool = True,
    link: bool = False,
) -> Report:
    """Imports what a reader gives and returns the report; on any error nothing of it stays, and the error rises.

    `source` names the source of records whose file names none, `facility` their reporting facility (540) where it is blank.
    `keep` gets every rejected row and every notice, also of a dry run; `about` is kept with the batch from its begin.
    `edits` asks for the edits of what came in, once it is visible: of many patients as a job; `link` asks for its reports to
    be linked with the registry, of many as a job as well.
    """
    batches.recover(store, say)
    report = Report(dry_run=dry_run, format=reader.format, version=reader.version, keep=keep)
    if dry_run:
        _load(store, reader, report, None, source, facility, progress)
        report.version = reader.version
        return report
    from registry.edits import upkeep

    batch_id = batches.begin(
        store,
        name=name,
        format=reader.format,
        naaccr_version=reader.version or None,
        who=who,
        document_id=document_id,
        report=about or {},
    )
    report.batch_id = batch_id
    try:
        _load(store, reader, report, batch_id, source, facility, progress, central_dates(store, document_id))
        report.version = reader.version

        updated: set[int] = set()
        accounts: set[int] = set()

        def apply(session: Session) -> dict[str, Any]:
            held = select(ImportChange.row_id).where(ImportChange.batch_id == batch_id)
            accounts.update(session.scalars(held.where(ImportChange.table_name == "patient_record")))
            kept = apply_changes(session, batch_id, who=who, why=f"import {batch_id}: {name}")
            for notice in kept:
                report.notice(notice)
            updated.update(upkeep.take(session, touched(session)))
            return {**report.tumors.as_dict(), "report": {**(about or {}), **report.as_dict()}}

        batches.flip(store, batch_id, apply, who=who)
    except BaseException as error:
        batches.remove(store, batch_id, f"{type(error).__name__}: {error}")
        raise
    # what is visible stays, whatever its edits and the linkage say
    try:
        if link:
            from registry.linkage import runs

            report.linkage = runs.after_import(store, batch_id, accounts, who=who)
    finally:
        if edits:
            report.edits = upkeep.after_import(store, batch_id, updated, who=who)
    if link:
        batches.tell(store, batch_id, linkage=report.linkage)
    return report


def central_dates(store: Store, document_id: int | None = None) -> dict[str, str]:
    """Gives what a central registry writes into new abstracts: the days on which they were received and loaded.

    Received (2111) is the day the file came in, loaded (2112) today; a hospital's own abstracts get neither. Items that a
    source gives are never replaced, and a later version of a case keeps the days of the first.
    """
    if not store.settings.central:
        return {}
    received = now()
    if document_id is not None:
        with store.reading() as session:
            received = session.get_one(Document, document_id).received_at
    return {RECEIVED: f"{received.astimezone():%Y%m%d}", LOADED: f"{now().astimezone():%Y%m%d}"}


def _load(
    store: Store,
    reader: Reader,
    report: Report,
    batch_id: int | None,
    source: str,
    facility: str,
    progress: Callable[[float, int], Any],
    stamps: dict[str, str] | None = None,
) -> None:
    plan = Plan(report=report, source=source, facility=facility, stamps=stamps or {})
    patients = 0
    for chunk in _chunks(_without_notices(reader, report), store.settings.import_rows_a_transaction):
        people = [event for event in chunk if isinstance(event, IncomingPatient)]
        rejects = [event for event in chunk if isinstance(event, Rejected)]
        rejects += plan.prepare(people)
        if batch_id is None:
            with store.reading() as session:
                rejects += plan.classify(session, None)
        else:
            with store.writing() as session:
                rejects += plan.classify(session, batch_id)
                write_plan(session, plan, batch_id)
                session.add_all(
                    ImportReject(
                        batch_id=batch_id,
                        table_name=r.table,
                        row=r.row,
                        code=r.code,
                        message=r.message,
                        content=r.content,
                    )
                    for r in rejects
                )
            batches.beat(store, batch_id)
            time.sleep(BREATH_SECONDS)
        for reject in rejects:
            report.reject(reject)
        patients += len(people)
        progress(reader.done, patients)
    report.source = plan.sources_said()


def _without_notices(reader: Reader, report: Report) -> Iterator[IncomingPatient | Rejected]:
    for event in reader:
        if isinstance(event, Noticed):
            report.notice(event)
        else:
            yield event


def _chunks(events: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(events)
    while chunk := list(islice(iterator, size)):
        yield chunk
