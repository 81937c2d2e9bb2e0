"""Where pages ask for answers: computed once for a version of the data, kept, and told how far they are while they last.

A registry of ordinary size is answered in a thread of the process that asks; one with more tumors is given to the worker
as a job, whose answer lies in a file. Both are kept whole and cut to what an account may see only when shown.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry import jobs
from registry.analysis import survival_tables as kept_tables
from registry.analysis.snapshot import Snapshot, current, refresh
from registry.analysis.survival_answer import Answer, from_document
from registry.analysis.survival_request import Request, from_pairs
from registry.analysis.survival_scope import Scope
from registry.db import Store
from registry.errors import RegistryError

FOLDER = "survival/answers"
LAYOUT = 3
"""Raised when answers of an older program cannot be shown any more."""

KEPT_IN_MEMORY, KEPT_FILES = 100, 300
JOB_ABOVE_TUMORS = 100_000
"""Above so many tumors the worker computes; below it takes about a second in this process."""

PATIENCE_SECONDS = 1.2
"""So long a page waits for its answer before it shows how far it is."""


@dataclass(frozen=True)
class Waiting:
    """An answer that is not there yet: the share done and what is being done."""

    share: float
    text: str


@dataclass(frozen=True)
class Failure:
    """A request that cannot be answered: what is wrong and what to do."""

    code: str
    message: str
    hint: str


@dataclass
class _Work:
    """One computation under way in this process."""

    done: threading.Event
    share: float = 0.0
    text: str = "reading the data"
    snapshot: Snapshot | None = None
    failure: Exception | None = None


class Desk:
    """Answers of one store; made once in a process."""

    def __init__(self, store: Store, *, job_above: int = JOB_ABOVE_TUMORS):
        self.store, self.job_above = store, job_above
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._failures: OrderedDict[str, Failure] = OrderedDict()
        self._work: dict[str, _Work] = {}
        self._jobs: dict[str, int] = {}
        self._snapshot: tuple[float, Snapshot] | None = None

    def snapshot(self) -> Snapshot:
        """The snapshot in force; looked at anew after the seconds of the setting `snapshot_after_seconds`."""
        with self._refreshing:
            if self._snapshot is None or self._is_old(self._snapshot[0]):
                self._snapshot = (time.monotonic(), refresh(self.store))
            return self._snapshot[1]

    def _is_old(self, at: float) -> bool:
        return time.monotonic() - at > self.store.settings.snapshot_after_seconds

    def ask(
        self, request: Request, scope: Scope, *, patience: float = PATIENCE_SECONDS, who: str = ""
    ) -> Answer | Waiting | Failure:
        """Gives the answer, or how far it is after waiting `patience` seconds, or why there is none.

        What the scope may ask is checked before (`survival_scope.check`): a kept answer is for all scopes of a facility.
        """
        base = f"{scope.key}|{json.dumps(request.pairs())}|{self._beside(request)}"
        with self._lock:
            work = self._work.get(base)
            if work is not None and work.done.is_set() and self._snapshot and self._is_old(self._snapshot[0]):
                # done, but for nobody: what came out may be of older data
                work = None
            if work is None:
                at, snapshot = self._snapshot or (0.0, None)
                if snapshot is not None and not self._is_old(at):
                    if found := self._kept(key_of(snapshot.version, base)):
                        return found
                    if snapshot.tumors > self.job_above:
                        return self._by_job(snapshot, request, scope, base, who)
                work = self._work[base] = _Work(threading.Event())
                thread = threading.Thread(target=self._run, args=(base, request, scope, work), daemon=True)
                thread.start()
        if not work.done.wait(patience):
            return Waiting(work.share, work.text)
        with self._lock:
            self._work.pop(base, None)
        if work.failure is not None:
            return _failure(work.failure)
        assert work.snapshot is not None
        with self._lock:
            return self._kept(key_of(work.snapshot.version, base)) or self._by_job(
                work.snapshot, request, scope, base, who
            )

    def _beside(self, request: Request) -> str:
        """What beside cases and request an answer depends on."""
        recorded = kept_tables.ascertainment(self.store) if request.follow_up == "presumed" else None
        table = next((t for t in kept_tables.tables(self.store) if t.name == request.life_table), None)
        return f"{recorded}|{table}"

    def _run(self, base: str, request: Request, scope: Scope, work: _Work) -> None:
        try:
            work.snapshot = snapshot = self.snapshot()
            key = key_of(snapshot.version, base)
            with self._lock:
                if self._kept(key) is not None:
                    return
            if snapshot.tumors > self.job_above:
                return

            def report(share: float, text: str) -> None:
                work.share, work.text = share, text

            found = compute(self.store, snapshot, request, scope, report)
            with self._lock:
                self._keep(key, found)
        except Exception as error:
            work.failure = error
        finally:
            work.done.set()

    def _kept(self, key: str) -> Answer | None:
        if key in self._answers:
            self._answers.move_to_end(key)
            return self._answers[key]
        if (found := read_answer(self.store, key)) is not None:
            self._keep(key, found)
        return found

    def _keep(self, key: str, answer: Answer) -> None:
        self._answers[key] = answer
        while len(self._answers) > KEPT_IN_MEMORY:
            self._answers.popitem(last=False)

    def _by_job(self, snapshot: Snapshot, request: Request, scope: Scope, base: str, who: str) -> Waiting | Failure:
        key = key_of(snapshot.version, base)
        number = self._jobs.get(key)
        if number is None:
            parameters = {
                "pairs": request.pairs(),
                "facility": scope.facility,
                "facility_name": scope.facility_name,
                "key": key,
            }
            number = self._jobs[key] = jobs.ask(self.store, "survival", parameters, who=who)
        state = jobs.state(self.store, number)
        if state.state == jobs.FAILED:
            del self._jobs[key]
            return Failure("job", state.message, "ask again, or choose a smaller selection")
        return Waiting(state.progress, state.message or "waiting for the worker")


def key_of(version: str, base: str) -> str:
    """Gives the name under which an answer is kept."""
    return hashlib.sha256(f"{LAYOUT}|{version}|{base}".encode()).hexdigest()


def compute(
    store: Store,
    snapshot: Snapshot,
    request: Request,
    scope: Scope,
    progress: Callable[[float, str], Any] = lambda share, text: None,
) -> Answer:
    """Gives the unsuppressed answer; the heavy libraries are loaded here and not before."""
    from registry.analysis.survival import answer

    return answer(store, snapshot, request, scope, progress)


def _failure(error: Exception) -> Failure:
    if not hasattr(error, "code"):
        raise error
    return Failure(error.code, error.message, error.hint)  # type: ignore[attr-defined]


# ---- answers in files: what a worker computed for the pages ----------------------------------------------------------


def write_answer(store: Store, key: str, answer: Answer) -> Path:
    """Keeps an answer in the data folder; the oldest ones are thrown away."""
    folder = store.settings.folder(FOLDER)
    path = folder / f"{key}.json.gz"
    part = path.with_suffix(".part")
    part.write_bytes(gzip.compress(json.dumps(answer.to_document()).encode(), 5))
    os.chmod(part, 0o600)
    os.replace(part, path)
    kept = sorted(folder.glob("*.json.gz"), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in kept[KEPT_FILES:]:
        old.unlink(missing_ok=True)
    return path


def read_answer(store: Store, key: str) -> Answer | None:
    """Gives an answer that a worker kept."""
    path = store.settings.folder(FOLDER) / f"{key}.json.gz"
    return from_document(json.loads(gzip.decompress(path.read_bytes()))) if path.exists() else None


def run_job(store: Store, parameters: dict[str, Any], report: Callable[[float, str], None]) -> dict[str, Any]:
    """Computes what a page asked for by a job and keeps it under the key that the page looks for."""
    request = from_pairs([(str(name), str(value)) for name, value in parameters["pairs"]])
    scope = Scope(
        facility=str(parameters.get("facility", "")),
        facility_name=str(parameters.get("facility_name", "")),
        names=True,  # who asked was checked when the job was made
    )
    snapshot = current(store)
    if snapshot is None:
        raise RegistryError("no-cases", "there is no snapshot yet", hint="ask again")
    found = compute(store, snapshot, request, scope, report)
    write_answer(store, str(parameters["key"]), found)
    return {"key": parameters["key"], "persons": found.n}
