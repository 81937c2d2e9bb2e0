"""Imports as pages show them: the history, one reconciliation with its rows, and where the file stands against the limits."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from registry.errors import RegistryError
from registry.exchange import batches
from registry.models import LOADING, Abstract, ImportBatch, ImportReject, Job, PatientRecord, Revision, Tumor
from registry.security.permissions import Actor, visible

FATES = ("created", "updated", "unchanged", "rejected")


@dataclass(frozen=True)
class Criterion:
    """One thing the national limits are about: the indicator counted in a file, its denominator, and its cases."""

    name: str
    title: str
    indicator: str
    of: str
    conditions: tuple[str, ...] = ()


CRITERIA = (
    Criterion("age", "Age at diagnosis missing", "missing_age", "tumors", ("age=999,blank",)),
    Criterion("sex", "Sex missing", "missing_sex", "tumors", ("sex=9,blank",)),
    Criterion("county", "County at diagnosis missing", "missing_county", "tumors", ("90=998,999,blank",)),
    Criterion("race", "Race missing", "missing_race", "tumors", ("race=99,blank",)),
    Criterion("dco", "Death certificate only", "death_certificate_only", "incident", ("500=7", "behavior=2,3")),
    Criterion("duplicates", "The same tumor again", "duplicates", "tumors"),
)


@dataclass(frozen=True)
class Limit:
    """One program's limit of a criterion, in percent; `strict` where the limit itself does not meet it any more."""

    program: str
    percent: float
    strict: bool

    def __str__(self) -> str:
        return f"{'<' if self.strict else '≤'} {self.percent:g} %"

    def met(self, count: int, of: int) -> bool:
        """Whether so many of so many meet the limit; compared in whole numbers, so that no rounding decides."""
        left, right = count * 1000, round(self.percent * 10) * of
        return left < right if self.strict else left <= right


@dataclass(frozen=True)
class Standing:
    """Where a file stands in one criterion; `limits` pairs each program with its limit (None: it has none)."""

    criterion: Criterion
    count: int
    of: int
    limits: tuple[tuple[str, Limit | None], ...]

    @property
    def percent(self) -> float | None:
        """The share in percent; None of an empty file."""
        return 100 * self.count / self.of if self.of else None

    def verdict(self, limit: Limit | None) -> str:
        """`met`, `not met`, or nothing where there is no limit or no record."""
        if limit is None or not self.of:
            return ""
        return "met" if limit.met(self.count, self.of) else "not met"


@cache
def limits() -> dict[str, dict[str, Limit]]:
    """The limits by criterion and program, from `limits.csv`."""
    text = (files("registry.exchange") / "data" / "limits.csv").read_text(encoding="utf-8")
    found: dict[str, dict[str, Limit]] = {}
    for row in csv.DictReader(line for line in text.splitlines() if not line.startswith("#")):
        limit = Limit(row["program"], float(row["percent"]), row["comparison"] == "<")
        found.setdefault(row["criterion"], {})[limit.program] = limit
    return found


@cache
def programs() -> tuple[str, ...]:
    """The programs in the order of the table."""
    return tuple(dict.fromkeys(program for row in limits().values() for program in row))


def standings(indicators: Mapping[str, int]) -> tuple[Standing, ...]:
    """Gives where a file with these indicators stands in every criterion."""
    found = []
    for criterion in CRITERIA:
        row = limits()[criterion.name]
        of = indicators.get(criterion.of, 0)
        pairs = tuple((program, row.get(program)) for program in programs())
        found.append(Standing(criterion, indicators.get(criterion.indicator, 0), of, pairs))
    return tuple(found)


@dataclass(frozen=True)
class Counts:
    """What became of the rows of one table."""

    table: str
    rows_in: int
    created: int
    updated: int
    unchanged: int
    rejected: int


@dataclass(frozen=True)
class Reconciliation:
    """The report of an import or of its dry run."""

    tables: tuple[Counts, ...]
    reasons: tuple[tuple[str, int], ...]
    notices: tuple[tuple[str, int], ...]
    standings: tuple[Standing, ...]
    source: str
    format: str
    version: str
    listed: tuple[dict[str, Any], ...]

    @property
    def adds_up(self) -> bool:
        """Whether rows in are the sum of the four, in every table."""
        return all(t.rows_in == t.created + t.updated + t.unchanged + t.rejected for t in self.tables)

    @property
    def rejected(self) -> int:
        """How many rows of all tables were rejected."""
        return sum(table.rejected for table in self.tables)

    @property
    def is_empty(self) -> bool:
        """Whether the file held no row."""
        return not any(table.rows_in for table in self.tables)

    @property
    def changes_nothing(self) -> bool:
        """Whether no row is new or differs."""
        return not any(table.created or table.updated for table in self.tables)


def reconciliation(report: Mapping[str, Any]) -> Reconciliation:
    """Reads a report as the importer gives it."""
    tables = {"tumor": report, **report.get("tables", {})}
    return Reconciliation(
        tables=tuple(
            Counts(name, *(int(row.get(key, 0)) for key in ("rows_in", *FATES))) for name, row in tables.items()
        ),
        reasons=_by_count(report.get("reason_counts", {})),
        notices=_by_count(report.get("notice_counts", {})),
        standings=standings(report.get("indicators", {})),
        source=report.get("source", ""),
        format=report.get("format", ""),
        version=report.get("naaccr_version", "") or "",
        listed=tuple(report.get("notices", ())),
    )


def _by_count(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


@dataclass(frozen=True)
class BatchLine:
    """One import of the history."""

    id: int
    name: str
    format: str
    status: str
    who: str
    started_at: datetime
    finished_at: datetime | None
    rows_in: int
    created: int
    updated: int
    unchanged: int
    rejected: int
    stopped: bool


@dataclass(frozen=True)
class KeptFile:
    """A file of an import as it is kept."""

    id: int
    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class BatchPage:
    """One import with its report and its kept files; `removed` says why nothing of it is there."""

    line: BatchLine
    report: Reconciliation
    files: tuple[KeptFile, ...]
    removed: str
    raw: dict[str, Any]


def _own(actor: Actor) -> Select[Any]:
    query = select(ImportBatch)
    # an account bound to a facility sees what it brought in itself
    return query if actor.facility_id is None else query.where(ImportBatch.who == actor.username)


def history(session: Session, actor: Actor, *, page: int = 1, size: int = 50) -> tuple[list[BatchLine], bool]:
    """Gives one page of the imports, newest first, and whether more follow."""
    query = _own(actor).order_by(ImportBatch.id.desc()).offset((page - 1) * size).limit(size + 1)
    rows = [_line(batch) for batch in session.scalars(query)]
    return rows[:size], len(rows) > size


def _line(batch: ImportBatch) -> BatchLine:
    return BatchLine(
        batch.id,
        batch.name,
        batch.format,
        batch.status,
        batch.who,
        batch.started_at,
        batch.finished_at,
        batch.rows_in,
        batch.created,
        batch.updated,
        batch.unchanged,
        batch.rejected,
        stopped=batch.status == LOADING and not batches.is_alive(batch),
    )


def load(session: Session, actor: Actor, batch_id: int) -> BatchPage:
    """Gives one import; one that is not there and one that may not be seen are the same `not-found`."""
    batch = session.scalars(_own(actor).where(ImportBatch.id == batch_id)).one_or_none()
    if batch is None:
        raise RegistryError("not-found", f"there is no import {batch_id}, or none that you may see")
    kept = [KeptFile(d["id"], d["name"], d["size"], d["sha256"]) for d in batch.report.get("documents", [])]
    if not kept and batch.document is not None:
        document = batch.document
        kept = [KeptFile(document.id, document.name, document.size, document.sha256)]
    return BatchPage(
        _line(batch), reconciliation(batch.report), tuple(kept), batch.report.get("removed", ""), dict(batch.report)
    )


@dataclass(frozen=True)
class RejectedRow:
    """A row that was not taken, with everything that stood in it."""

    row: int
    table: str
    code: str
    message: str
    content: dict[str, Any]


def rejected(
    session: Session, actor: Actor, batch_id: int, *, code: str = "", page: int = 1, size: int = 50
) -> tuple[list[RejectedRow], bool, int]:
    """Gives one page of an import's rejected rows in the file's order, whether more follow, and how many there are."""
    load(session, actor, batch_id)
    condition = [ImportReject.batch_id == batch_id] + ([ImportReject.code == code] if code else [])
    total = session.scalar(select(func.count()).select_from(ImportReject).where(*condition)) or 0
    query = select(ImportReject).where(*condition).order_by(ImportReject.row, ImportReject.id)
    found = session.scalars(query.offset((page - 1) * size).limit(size + 1))
    rows = [RejectedRow(r.row, r.table_name, r.code, r.message, r.content) for r in found]
    return rows[:size], len(rows) > size, total


@dataclass(frozen=True)
class UpdatedRow:
    """A record that an import changed: what of it, and where it is."""

    abstract_id: int
    patient_id: int
    tumor_id: int
    name_last: str
    name_first: str
    primary_site: str
    items: tuple[int, ...]


def updated(
    session: Session, actor: Actor, batch_id: int, *, page: int = 1, size: int = 50
) -> tuple[list[UpdatedRow], bool]:
    """Gives one page of the abstracts that an import changed, with the items that changed."""
    line = load(session, actor, batch_id).line
    query = (
        select(Revision.changes, Abstract, PatientRecord, Tumor.primary_site)
        .join(Abstract, Abstract.id == Revision.row_id)
        .join(PatientRecord, Abstract.record_id == PatientRecord.id)
        .join(Tumor, Abstract.tumor_id == Tumor.id)
        .where(
            Revision.chain == "abstract",
            Revision.action == "import",
            Revision.why == f"import {line.id}: {line.name}",
            visible(Abstract, actor),
        )
        .order_by(Revision.number)
        .offset((page - 1) * size)
        .limit(size + 1)
    )
    rows = []
    for changes, abstract, record, site in session.execute(query):
        items = tuple(sorted(int(n) for n in changes))
        person = record.items
        rows.append(
            UpdatedRow(
                abstract.id,
                record.patient_id,
                abstract.tumor_id,
                person.get("2230", ""),
                person.get("2240", ""),
                site or "",
                items,
            )
        )
    return rows[:size], len(rows) > size


@dataclass(frozen=True)
class JobPage:
    """An import on its way: its state, how far it is, what it said, and which upload or batch it is about."""

    id: int
    state: str
    progress: float
    message: str
    who: str
    created_at: datetime
    dry_run: bool
    upload: str
    batch_id: int | None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ("done", "failed")


def job(session: Session, actor: Actor, number: int) -> JobPage:
    """Gives an import job; one of another kind, or of somebody else for a bound account, is `not-found`."""
    found = session.get(Job, number)
    if found is None or found.kind != "import" or (actor.facility_id is not None and found.who != actor.username):
        raise RegistryError("not-found", f"there is no import job {number}, or none that you may see")
    return JobPage(
        found.id,
        found.state,
        found.progress,
        found.message,
        found.who,
        found.created_at,
        bool(found.parameters.get("dry_run")),
        found.parameters.get("upload", ""),
        (found.result or {}).get("batch"),
    )


def job_report(session: Session, number: int) -> dict[str, Any]:
    """Gives the report that a finished import job left."""
    found = session.get(Job, number)
    return dict(found.result or {}) if found is not None else {}


def running_job(session: Session, token: str) -> int | None:
    """Gives the number of the job that imports an upload just now; None where none does."""
    query = select(Job).where(Job.kind == "import", Job.state.in_(("waiting", "running"))).order_by(Job.id.desc())
    for found in session.scalars(query):
        if found.parameters.get("upload") == token and not found.parameters.get("dry_run"):
            return found.id
    return None
