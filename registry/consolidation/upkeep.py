"""A registry's own rules kept by people: tried on all data first, brought into force with a reason, and taken back.

The text in force is `consolidation.toml` of the data folder; each text that ever was stands sealed in the audit chain, so
that every earlier one can be tried and brought back the same way.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit, jobs
from registry.config import Settings
from registry.consolidation.rules import FILE, in_force, shipped, with_text
from registry.db import Store
from registry.errors import RegistryError
from registry.models import Job, Patient, Revision, now

JOB = "consolidation"
CHAIN, ROW = "consolidation_rules", 1
"""The chain of the texts; there is one text in force, so its row is always the first."""

WHO = "oncoregistry"
FIRST_OPEN = "0008"
"""The schema since which values left open are kept."""

LISTED = 500
LONGEST = 200_000


@dataclass(frozen=True)
class Text:
    """A text that came into force: who brought it, when and why, and what it said."""

    number: int
    who: str
    why: str
    at: datetime
    version: str
    text: str


def own_text(settings: Settings) -> str:
    """Gives the registry's own rules as they are in force; empty where the shipped ones stand alone."""
    path = settings.home / FILE
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def override(text: str, rule_id: str) -> str:
    """Gives the text with the named rule written out at its end, so that it can be changed; unchanged where it has it."""
    if f'id = "{rule_id}"' in text:
        return text
    rules = with_text(text).rules if text.strip() else shipped().rules
    rule = next((rule for rule in rules if rule.id == rule_id), None)
    if rule is None:
        raise RegistryError("not-found", f"there is no rule {rule_id!r}")
    asked = ", ".join(f'"{question}"' for question in rule.by)
    return f'{text.rstrip()}\n\n[[rule]]\nid = "{rule.id}"   # {rule.title}\nby = [{asked}]\n'.lstrip()


def check(text: str) -> str:
    """Gives the text as it would be kept; one that is no rules is an error that says all its faults."""
    kept = text.replace("\r\n", "\n").strip()
    if len(kept) > LONGEST:
        raise RegistryError("consolidation-rules", f"the text is longer than {LONGEST:,} signs", where=FILE)
    with_text(kept)
    return kept + "\n" if kept else ""


def try_text(store: Store, text: str, *, who: str) -> int:
    """Asks for a dry run of a text over all persons and tumors; gives the job's number."""
    kept = check(text)
    asked = {"dry_run": True, "listed": LISTED, "text": kept, "instead": own_text(store.settings), "who": who}
    return jobs.ask(store, JOB, asked, who=who)


def count(store: Store, *, who: str) -> int:
    """Asks for a dry run of the rules in force, which counts what each rule does; gives the job's number."""
    return jobs.ask(store, JOB, {"dry_run": True, "listed": LISTED, "who": who}, who=who)


def bring_into_force(store: Store, number: int, *, who: str, why: str) -> int:
    """Brings the text of a finished dry run into force and asks for its replay; gives the replay's number.

    Errors: no reason, no finished trial of that number, or rules that came into force after the trial.
    """
    if not why.strip():
        raise RegistryError("usage", "rules change for a reason", hint="say why in a few words")
    with store.reading() as session:
        job = session.get(Job, number)
        if job is None or job.kind != JOB or "text" not in job.parameters or job.state != jobs.DONE:
            raise RegistryError("not-found", f"there is no finished trial {number}", hint="try the rules first")
        text, instead = str(job.parameters["text"]), str(job.parameters.get("instead", ""))
    if own_text(store.settings) != instead:
        raise RegistryError("conflict", "other rules came into force since these were tried", hint="try them again")
    with store.writing() as session:
        version = with_text(text).version
        changed = {"text": [instead, text], "version": [in_force(store.settings).version, version]}
        audit.append(session, CHAIN, ROW, "rules", changed, who=who, why=why.strip())
        _write(store.settings.home / FILE, text)
    return replay_now(store, who=who)


def replay_now(store: Store, *, who: str) -> int:
    """Asks for a replay of the rules in force; gives the job's number."""
    return jobs.ask(store, JOB, {"who": who, "listed": LISTED}, who=who)


def _write(path: Path, text: str) -> None:
    if not text:
        path.unlink(missing_ok=True)
        return
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text, encoding="utf-8")
    os.replace(fresh, path)


def past(session: Session) -> list[Text]:
    """Gives the texts that came into force, newest first."""
    query = select(Revision).where(Revision.chain == CHAIN).order_by(Revision.number.desc())
    return [
        Text(r.number, r.who, r.why, r.at, str(r.changes["version"][1]), str(r.changes["text"][1]))
        for r in session.scalars(query)
    ]


def note(store: Store, result: dict[str, Any], *, dry_run: bool, who: str) -> int:
    """Keeps what a replay at the command line gave as a finished job, so that the pages tell it; gives its number."""
    with store.writing() as session:
        job = Job(kind=JOB, state=jobs.DONE, parameters={"dry_run": dry_run, "who": who}, result=result, who=who)
        job.progress, job.started_at, job.finished_at = 1.0, now(), now()
        session.add(job)
        session.flush()
        return job.id


def after_upgrade(store: Store, before: str | None) -> int | None:
    """Asks for a replay where the schema was older than the values left open: they are of no person linked before."""
    if before is None or before >= FIRST_OPEN:
        return None
    with store.reading() as session:
        if session.scalar(select(Patient.id).limit(1)) is None:
            return None
    return jobs.submit(store, JOB, {"who": WHO, "listed": LISTED}, who=WHO)


def was_replayed(session: Session) -> bool:
    """Whether rules were ever replayed over all persons and tumors."""
    query = select(Job.parameters).where(Job.kind == JOB, Job.state == jobs.DONE)
    return any(not asked.get("dry_run") for asked in session.scalars(query))


def latest_count(session: Session) -> Job | None:
    """Gives the last finished job under the rules in force that counted what each rule does."""
    query = select(Job).where(Job.kind == JOB, Job.state == jobs.DONE).order_by(Job.id.desc()).limit(50)
    return next((job for job in session.scalars(query) if "text" not in job.parameters and _counted(job)), None)


def _counted(job: Job) -> bool:
    return bool(job.result) and "decided" in (job.result or {})
