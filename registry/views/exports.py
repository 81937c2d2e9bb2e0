"""Exports as pages show them: a file being written, its account of losses, and the log of what left the registry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.errors import RegistryError
from registry.models import Disclosure, Job
from registry.security.permissions import Actor, Refused

RECORD_TYPES = {
    "A": "A: full abstract with text",
    "M": "M: changed records, with text",
    "C": "C: confidential, without text",
    "I": "I: incidence, without names and numbers of persons",
}
FORMS = {
    ".xml.gz": "NAACCR XML, compressed",
    ".xml": "NAACCR XML",
    ".csv": "CSV, a row a tumor",
    ".xlsx": "Excel, a row a tumor",
    ".parquet": "Parquet, a row a tumor",
}


def check_record_type(actor: Actor, record_type: str) -> None:
    """Refuses the record types that carry names to those who may not see persons."""
    if record_type != "I" and not actor.may("cases.identify"):
        raise Refused("Record types A, M and C carry names and numbers, which your role does not see. Choose I.")


@dataclass(frozen=True)
class ExportPage:
    """An export: what was asked, how far it is, and what its file holds and lacks."""

    id: int
    state: str
    progress: float
    message: str
    created_at: datetime
    token: str
    name: str
    conditions: tuple[str, ...]
    version: str
    record_type: str
    facility: str
    patients: int
    tumors: int
    size: int
    sha256: str
    lost: tuple[dict[str, Any], ...]
    converted: tuple[dict[str, Any], ...]
    losses: tuple[dict[str, Any], ...]
    recipient: str = ""
    since: dict[str, int] | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ("done", "failed")

    @property
    def values_lost(self) -> int:
        """How many values have no place in the file."""
        return sum(row["values"] for row in self.lost)


def load(session: Session, actor: Actor, number: int) -> ExportPage:
    """Gives an export that this account asked for; any other is `not-found`."""
    job = session.get(Job, number)
    if job is None or job.kind != "export" or job.who != actor.username:
        raise RegistryError("not-found", f"there is no export {number} of yours")
    asked, found = job.parameters, job.result or {}
    return ExportPage(
        job.id,
        job.state,
        job.progress,
        job.message,
        job.created_at,
        asked["token"],
        asked["name"],
        tuple(asked["conditions"]),
        asked["version"],
        asked["record_type"],
        asked["facility"],
        found.get("patients", 0),
        found.get("tumors", 0),
        found.get("size", 0),
        found.get("sha256", ""),
        tuple(found.get("lost", ())),
        tuple(found.get("converted", ())),
        tuple(found.get("losses", ())),
        asked.get("recipient", ""),
        found.get("since"),
    )


@dataclass(frozen=True)
class DisclosureLine:
    """One file that left the registry."""

    id: int
    at: datetime
    who: str
    what: str
    purpose: str
    rows: int
    conditions: tuple[str, ...]
    details: str
    sha256: str


def disclosures(session: Session, actor: Actor, *, page: int = 1, size: int = 50) -> tuple[list[DisclosureLine], bool]:
    """Gives one page of what left the registry, newest first: all of it to auditors, else one's own."""
    query = select(Disclosure).order_by(Disclosure.id.desc())
    if not actor.may("audit"):
        query = query.where(Disclosure.who == actor.username)
    rows = []
    for row in session.scalars(query.offset((page - 1) * size).limit(size + 1)):
        selection = row.selection
        details = [f"version {selection['version']}, type {selection['type']}"] if selection.get("version") else []
        details += [f"accounts of facility {selection['facility']}"] if selection.get("facility") else []
        details += [f"{len(selection['columns'])} columns"] if selection.get("columns") else []
        conditions = tuple(selection.get("where", ()))
        rows.append(
            DisclosureLine(
                row.id, row.at, row.who, row.what, row.purpose, row.rows, conditions, "; ".join(details), row.sha256
            )
        )
    return rows[:size], len(rows) > size
