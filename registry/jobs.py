"""Background jobs: what is asked is a row that pages can watch, the queue itself is Huey's (SQLite file, or Redis).

A kind of job is one entry in `KINDS`: a function of the store, the parameters and a `report(share, message)` that gives the
result as JSON. A job whose worker died is marked failed at the next start and can be asked again.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huey import SqliteHuey
from huey.api import Task
from sqlalchemy import select

from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.batches import process_is_alive, this_process
from registry.models import Job, now

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"

KINDS: dict[str, str] = {
    "snapshot": "registry.analysis.jobs:snapshot",
    "survival": "registry.analysis.jobs:survival",
    "scan": "registry.analysis.scans:run_job",
    "report": "registry.analysis.jobs:report",
    "import": "registry.exchange.jobs:import_file",
    "export": "registry.exchange.jobs:export_file",
    "edits": "registry.edits:run_job",
    "followup-file": "registry.followup.jobs:match_file",
    "linkage": "registry.linkage.runs:run_job",
    "consolidation": "registry.consolidation.replay:run_job",
}
"""Kind of job by the function that does it, as `module:function`, imported by the worker alone."""

LONGEST_NAP = 1.0
"""Seconds after which an idle worker looks for work again: somebody waits for it on a page."""

Report = Callable[[float, str], None]


@dataclass(frozen=True)
class JobState:
    """What a page shows of a job."""

    id: int
    kind: str
    state: str
    progress: float
    message: str
    result: dict[str, Any] | None
    parameters: dict[str, Any]


class _RunJob(Task):
    """The one task of the queue: run the job of the given number."""

    def execute(self) -> None:
        run(_stores[self.args[0]], self.args[1])


_stores: dict[str, Store] = {}


def queue(store: Store) -> SqliteHuey:
    """Gives the queue of this installation, in a file of its own so that waiting for work never locks the registry."""
    key = str(store.settings.home)
    _stores[key] = store
    huey = SqliteHuey("oncoregistry", filename=str(store.settings.folder("jobs") / "queue.sqlite"), results=False)
    huey._registry.register(_RunJob)
    return huey


def submit(store: Store, kind: str, parameters: dict[str, Any], *, who: str) -> int:
    """Asks for a job and gives its number; an unknown kind or parameters that are no JSON are errors."""
    if kind not in KINDS:
        raise RegistryError("job", f"no job of kind {kind!r}", hint=f"known: {', '.join(KINDS)}")
    try:
        json.dumps(parameters)
    except (TypeError, ValueError) as error:
        raise RegistryError("job", f"the parameters are no JSON: {error}") from error
    with store.writing() as session:
        job = Job(kind=kind, parameters=parameters, who=who)
        session.add(job)
        session.flush()
        number = job.id
    queue(store).enqueue(_RunJob((str(store.settings.home), number), {}))
    return number


def state(store: Store, number: int) -> JobState:
    """Gives how far a job is; an unknown number is an error."""
    with store.reading() as session:
        job = session.get(Job, number)
        if job is None:
            raise RegistryError("not-found", f"there is no job {number}")
        return JobState(job.id, job.kind, job.state, job.progress, job.message, job.result, job.parameters)


def run(store: Store, number: int) -> None:
    """Runs one job to its end; what it raises becomes its message, never a lost worker."""
    with store.writing() as session:
        job = session.get_one(Job, number, with_for_update=True)
        if job.state != WAITING:
            return
        job.state, job.started_at, job.process = RUNNING, now(), this_process()
        kind, parameters = job.kind, dict(job.parameters)

    def report(share: float, message: str) -> None:
        _update(store, number, progress=min(max(share, 0.0), 1.0), message=message)

    module, function = KINDS[kind].split(":")
    try:
        result = getattr(importlib.import_module(module), function)(store, parameters, report)
    except Exception as error:
        _update(store, number, state=FAILED, message=_in_words(error), finished_at=now())
        if not hasattr(error, "code"):
            raise
    else:
        _update(store, number, state=DONE, progress=1.0, message="", result=result, finished_at=now())


def _in_words(error: Exception) -> str:
    """What went wrong, where, and what to do; a fault of ours is named by its kind alone."""
    if not hasattr(error, "code"):
        return f"a fault of ours: {type(error).__name__}"
    where, hint = getattr(error, "where", ""), getattr(error, "hint", "")
    place = f" ({where})" if where else ""
    text = f"{error.message}{place} [{error.code}]"  # type: ignore[attr-defined]
    return f"{text}: {hint}" if hint else text


def _update(store: Store, number: int, **columns: Any) -> None:
    with store.writing() as session:
        job = session.get_one(Job, number)
        for name, value in columns.items():
            setattr(job, name, value)


def recover(store: Store) -> int:
    """Marks jobs failed whose worker is gone; gives how many."""
    with store.writing() as session:
        lost = [
            j for j in session.scalars(select(Job).where(Job.state == RUNNING)) if process_is_alive(j.process) is False
        ]
        for job in lost:
            job.state, job.message, job.finished_at = FAILED, "the worker ended before the job; ask again", now()
        return len(lost)


def worker_is_running(store: Store) -> bool:
    """Whether a worker waits for this installation's jobs; one on another machine counts as long as it signed no end."""
    for sign in _signs(store).glob("*.worker"):
        if process_is_alive(sign.read_text()) is False:
            sign.unlink(missing_ok=True)
        else:
            return True
    return False


def run_here(store: Store, number: int) -> threading.Thread:
    """Runs a job in a thread of this process, for an installation whose worker is not running; gives the thread."""

    def work() -> None:
        try:
            run(store, number)
        except Exception as error:
            # the job's row says what happened; the log gets no values of records
            logging.getLogger("oncoregistry.jobs").error("job %d: %s", number, type(error).__name__)

    thread = threading.Thread(target=work, name=f"job-{number}", daemon=True)
    thread.start()
    return thread


def ask(store: Store, kind: str, parameters: dict[str, Any], *, who: str) -> int:
    """Asks for a job that is done whether a worker runs or not: without one it runs in this process; gives its number."""
    number = submit(store, kind, parameters, who=who)
    if not worker_is_running(store):
        run_here(store, number)
    return number


def revive(store: Store, number: int) -> None:
    """Sees to a job that nobody does: one whose process is gone is marked failed, one that waits without a worker runs here."""
    found = state(store, number)
    if found.state == RUNNING:
        recover(store)
    elif found.state == WAITING and not worker_is_running(store):
        run_here(store, number)


def _signs(store: Store) -> Path:
    return store.settings.folder("jobs")


def work_forever(store: Store, say: Callable[[str], Any], workers: int = 1) -> None:
    """Takes jobs from the queue until the process is told to stop; a file in the data folder says that it runs."""
    if lost := recover(store):
        say(f"{lost} jobs had lost their worker and are marked failed")
    sign = _signs(store) / f"{os.getpid()}.worker"
    sign.write_text(this_process())
    say("worker ready")
    try:
        queue(store).create_consumer(
            workers=workers, worker_type="thread", periodic=False, check_worker_health=False, max_delay=LONGEST_NAP
        ).run()
    finally:
        sign.unlink(missing_ok=True)
