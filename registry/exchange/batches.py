"""The life of an import batch: one at a time, unseen while it loads, shown by one flip, removed when it died.

A batch names the process that loads it. The next start finds a batch whose process is gone, removes its rows in short
transactions and says so; rows of a loading batch are invisible to every query in between (`registry.db`).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select, update

from registry import audit
from registry.db import Store
from registry.errors import RegistryError
from registry.models import (
    LOADING,
    READY,
    REMOVED,
    Abstract,
    AbstractText,
    ImportBatch,
    ImportChange,
    Patient,
    PatientRecord,
    Tumor,
    now,
)

CHUNK = 500
SILENT = timedelta(minutes=10)
"""A batch of another machine counts as dead after so long without a sign of life."""


def this_process() -> str:
    """Names this process so that another on the same machine can tell whether it still lives."""
    return f"{socket.gethostname()}:{os.getpid()}:{_start_of(os.getpid())}"


def _start_of(pid: int) -> str:
    try:
        # field 22 of the kernel's line: the start time, so that a reused process number is not taken for the old process
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        return ""


def process_is_alive(name: str) -> bool | None:
    """Whether the process of this name still runs; None when it ran on another machine."""
    host, pid, started = (name.split(":") + ["", "", ""])[:3]
    if host != socket.gethostname() or not pid.isdigit():
        return None
    return _start_of(int(pid)) == started and started != ""


def is_alive(batch: ImportBatch) -> bool:
    """Whether the process that loads a batch still runs."""
    alive = process_is_alive(batch.process)
    return now() - batch.heartbeat < SILENT if alive is None else alive


def begin(store: Store, **columns: Any) -> int:
    """Opens a batch and gives its number; another one that still loads is an error."""
    with store.writing() as session:
        for batch in session.scalars(select(ImportBatch).where(ImportBatch.status == LOADING)):
            if is_alive(batch):
                raise RegistryError(
                    "busy", f"import {batch.id} ({batch.name}) is still running", hint="wait until it has ended"
                )
        batch = ImportBatch(process=this_process(), **columns)
        session.add(batch)
        session.flush()
        return batch.id


def beat(store: Store, batch_id: int, **columns: Any) -> None:
    """Gives a sign of life, with the counts so far."""
    with store.writing() as session:
        session.execute(update(ImportBatch).where(ImportBatch.id == batch_id).values(heartbeat=now(), **columns))


def tell(store: Store, batch_id: int, **more: Any) -> None:
    """Adds to a batch's report what was done with it after it became visible."""
    with store.writing() as session:
        batch = session.get_one(ImportBatch, batch_id)
        batch.report = {**batch.report, **more}


def remove(store: Store, batch_id: int, reason: str) -> None:
    """Removes every row of a batch that never became visible, in short transactions; the batch stays as a trace."""
    for model in (AbstractText, Abstract, Tumor, PatientRecord, Patient, ImportChange):
        while True:
            with store.writing() as session:
                if model is AbstractText:
                    owner = select(Abstract.id).where(Abstract.batch_id == batch_id)
                    session.execute(delete(AbstractText).where(AbstractText.abstract_id.in_(owner)))
                    break
                column: Any = model.batch_id  # type: ignore[attr-defined]
                ids = select(model.id).where(column == batch_id).limit(CHUNK)  # type: ignore[attr-defined]
                found = list(session.scalars(ids.execution_options(see_loading=True)))
                if not found:
                    break
                session.execute(delete(model).where(model.id.in_(found)))  # type: ignore[attr-defined]
    with store.writing() as session:
        batch = session.get_one(ImportBatch, batch_id)
        batch.status, batch.finished_at = REMOVED, now()
        batch.report = {**batch.report, "removed": reason}


def recover(store: Store, say: Callable[[str], Any]) -> int:
    """Removes what dead imports left behind and says so; gives how many batches there were."""
    with store.reading() as session:
        loading = list(session.scalars(select(ImportBatch).where(ImportBatch.status == LOADING)))
    dead = [batch for batch in loading if not is_alive(batch)]
    for batch in dead:
        remove(store, batch.id, "the process ended before the import was complete")
        say(
            f"import {batch.id} ({batch.name}) had not ended: none of it was visible, and it was removed; import it again"
        )
    return len(dead)


def flip(store: Store, batch_id: int, apply: Callable[[Any], dict[str, Any]], *, who: str) -> None:
    """Makes a batch visible in one transaction: applies its held-back updates, seals one link, sets it ready."""
    with store.writing() as session:
        summary = apply(session)
        session.execute(delete(ImportChange).where(ImportChange.batch_id == batch_id))
        audit.append(session, "import", batch_id, "import", summary, who=who)
        batch = session.get_one(ImportBatch, batch_id)
        for name in ("rows_in", "created", "updated", "unchanged", "rejected"):
            setattr(batch, name, summary[name])
        batch.report = summary["report"]
        batch.status, batch.finished_at = READY, now()
