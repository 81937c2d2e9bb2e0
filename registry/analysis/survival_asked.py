"""Which annual reports were asked for: jobs of the kind `report` for one facility, or for the whole registry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.models import Job

KIND = "report"
SHOWN = 30


@dataclass(frozen=True)
class Asked:
    """One report that was asked for: how far it is and, when done, the key of its files."""

    number: int
    state: str
    progress: float
    message: str
    who: str
    at: datetime
    facility: str
    result: dict[str, Any]

    @property
    def key(self) -> str:
        """The key of the files; empty until it is done."""
        return str(self.result.get("key", ""))


def _of(job: Job) -> Asked:
    return Asked(
        job.id,
        job.state,
        job.progress,
        job.message,
        job.who,
        job.created_at,
        str(job.parameters.get("facility", "")),
        job.result or {},
    )


def asked_reports(session: Session, facility: str) -> list[Asked]:
    """Gives the reports of one scope, latest first."""
    rows = session.scalars(select(Job).where(Job.kind == KIND).order_by(Job.id.desc()).limit(SHOWN * 4))
    return [found for found in map(_of, rows) if found.facility == facility][:SHOWN]


def asked_report(session: Session, number: int, facility: str) -> Asked | None:
    """Gives one report of a scope; None where it is no report or another's."""
    job = session.get(Job, number)
    if job is None or job.kind != KIND:
        return None
    found = _of(job)
    return found if found.facility == facility else None
