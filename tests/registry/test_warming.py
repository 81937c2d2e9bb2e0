"""The warm-up after a start: it waits for the pages, does its steps in order, and a fault of one stops nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from registry import config
from registry.analysis import rates_warming, survival_warming
from registry.db import Store
from registry.warming import QUIET_SECONDS, Pages, warm_up


class Clock:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_pages_are_quiet_when_nobody_asked_for_a_while() -> None:
    clock, seen = Clock(), []

    def application(environ, start_response):
        clock.now += 2 * QUIET_SECONDS
        seen.append(pages.are_quiet())
        return [b"page"]

    pages = Pages(application, clock=clock)
    assert not pages.are_quiet()
    clock.now = QUIET_SECONDS
    assert pages.are_quiet()
    assert pages({}, lambda *_: None) == [b"page"]
    assert seen == [False], "a page that is being made is not quiet, however long it takes"
    assert not pages.are_quiet()
    clock.now += QUIET_SECONDS
    assert pages.are_quiet()


def test_a_page_that_fails_is_over_too() -> None:
    clock = Clock()

    def application(environ, start_response):
        raise OSError

    pages = Pages(application, clock=clock)
    with pytest.raises(OSError):
        pages({}, lambda *_: None)
    clock.now = QUIET_SECONDS
    assert pages.are_quiet()


def test_steps_go_in_order_and_one_that_fails_is_said() -> None:
    clock, done, said = Clock(), [], []
    pages = Pages(lambda environ, start_response: [], clock=clock)
    clock.now += QUIET_SECONDS

    def fails() -> None:
        raise LookupError("no life table")

    steps = (lambda: done.append("frames"), fails, lambda: done.append("kernels"))
    warm_up(steps, pages, say=said.append).join()
    assert done == ["frames", "kernels"]
    assert said == ["warm-up: LookupError: no life table"]


def test_survival_is_made_ready_without_a_snapshot(tmp_path: Path) -> None:
    for step in survival_warming.steps(Store(config.load(tmp_path))):
        step()
    from survival.net.kernel import accumulate

    assert accumulate.signatures, "the kernel waits compiled"


def test_local_statistics_are_made_ready() -> None:
    for step in rates_warming.steps():
        step()
    assert "esda.moran" in sys.modules and "registry.analysis.rates_local" in sys.modules


ONE_PERSON = """
import numpy as np
from survival.net.kernel import accumulate
one, zero = np.ones(1), np.zeros(1, np.int64)
accumulate(zero, one, one, zero, zero, one > 0, one, np.ones((2, 1, 1)), one, one, one, one, 1.0, False)
hits, misses = accumulate.stats.cache_hits, accumulate.stats.cache_misses
print(len(hits), len(misses))
"""


def test_a_second_start_compiles_nothing() -> None:
    exec(ONE_PERSON, {})
    again = subprocess.run([sys.executable, "-c", ONE_PERSON], capture_output=True, text=True, check=True)
    assert again.stdout.split() == ["1", "0"], again.stderr
