"""Background jobs: asked, watched, done, failed in words, and never lost with their worker."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from registry import jobs
from registry.db import Store
from registry.errors import RegistryError
from registry.models import Job


def double(store: Store, parameters: dict[str, Any], report: jobs.Report) -> dict[str, Any]:
    report(0.5, "halfway")
    if parameters["n"] < 0:
        raise RegistryError("usage", "n is negative", hint="give a number from 0")
    return {"twice": parameters["n"] * 2}


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(jobs.KINDS, "double", f"{__name__}:double")
    import sys

    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or __import__("types").ModuleType(__name__))
    monkeypatch.setattr(sys.modules[__name__], "double", double, raising=False)


def test_a_job_is_done_by_a_worker_that_watches_the_queue(store: Store) -> None:
    number = jobs.submit(store, "double", {"n": 4}, who="me")
    assert jobs.state(store, number).state == jobs.WAITING
    consumer = jobs.queue(store).create_consumer(workers=1, worker_type="thread", periodic=False)
    consumer.start()
    try:
        for _ in range(200):
            if jobs.state(store, number).state == jobs.DONE:
                break
            time.sleep(0.05)
    finally:
        consumer.stop(graceful=True)
    done = jobs.state(store, number)
    assert (done.state, done.progress, done.result) == (jobs.DONE, 1.0, {"twice": 8})


def test_what_a_job_raises_becomes_its_message(store: Store) -> None:
    number = jobs.submit(store, "double", {"n": -1}, who="me")
    jobs.run(store, number)
    failed = jobs.state(store, number)
    assert (failed.state, failed.message) == (jobs.FAILED, "n is negative [usage]: give a number from 0")


def test_a_job_runs_once(store: Store) -> None:
    number = jobs.submit(store, "double", {"n": 1}, who="me")
    threads = [threading.Thread(target=jobs.run, args=(store, number)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert jobs.state(store, number).state == jobs.DONE


def test_a_job_whose_worker_died_is_marked_failed(store: Store) -> None:
    number = jobs.submit(store, "double", {"n": 1}, who="me")
    with store.writing() as session:
        job = session.get_one(Job, number)
        job.state, job.process = jobs.RUNNING, jobs.this_process().rsplit(":", 1)[0] + ":0"
    assert jobs.recover(store) == 1
    assert jobs.state(store, number).state == jobs.FAILED


@pytest.mark.parametrize(("kind", "parameters"), [("nothing", {}), ("double", {"n": {1, 2}})])
def test_what_cannot_be_asked_is_refused(store: Store, kind: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(RegistryError):
        jobs.submit(store, kind, parameters, who="me")


def test_a_job_is_done_here_when_no_worker_runs(store: Store) -> None:
    assert not jobs.worker_is_running(store)
    number = jobs.ask(store, "double", {"n": 4}, who="me")
    for _ in range(200):
        if jobs.state(store, number).state == jobs.DONE:
            break
        time.sleep(0.02)
    assert jobs.state(store, number).result == {"twice": 8}


def test_a_worker_is_seen_as_long_as_its_process_lives(store: Store) -> None:
    from registry.exchange.batches import this_process

    sign = store.settings.folder("jobs") / "1.worker"
    sign.write_text(this_process())
    assert jobs.worker_is_running(store)
    number = jobs.ask(store, "double", {"n": 4}, who="me")
    jobs.revive(store, number)
    assert jobs.state(store, number).state == jobs.WAITING, "the worker's to do"
    sign.write_text(this_process().rsplit(":", 1)[0] + ":1")
    assert not jobs.worker_is_running(store), "the process number was taken over by another process"
    jobs.revive(store, number)
    for _ in range(200):
        if jobs.state(store, number).state == jobs.DONE:
            return
        time.sleep(0.02)
    raise AssertionError("nobody did the job")
