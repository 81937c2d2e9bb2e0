"""Making ready what the first page of a kind would wait for, in a thread, between the pages that are asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

QUIET_SECONDS = 0.5
"""So long nobody must have asked for a page before a step of the warm-up begins."""

Step = Callable[[], Any]


class Pages:
    """A WSGI application that knows whether it is answering: what is not urgent waits for it."""

    def __init__(self, application: Callable[..., Iterable[bytes]], *, clock: Callable[[], float] = time.monotonic):
        self.application, self._clock = application, clock
        self._lock = threading.Lock()
        self._answering, self._last = 0, clock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self._lock:
            self._answering += 1
        try:
            return self.application(environ, start_response)
        finally:
            with self._lock:
                self._answering -= 1
                self._last = self._clock()

    def are_quiet(self) -> bool:
        """Whether no page is being answered, and none was within `QUIET_SECONDS`."""
        with self._lock:
            return not self._answering and self._clock() - self._last >= QUIET_SECONDS


def warm_up(steps: Sequence[Step], pages: Pages, *, say: Callable[[str], Any]) -> threading.Thread:
    """Runs the steps one after the other in a thread, each when the pages are quiet; gives the started thread.

    A step that fails is said and the others run: the page that needs it will tell its reader what is wrong.
    """

    def run() -> None:
        for step in steps:
            while not pages.are_quiet():
                time.sleep(0.05)
            try:
                step()
            except Exception as error:
                say(f"warm-up: {type(error).__name__}: {error}")

    thread = threading.Thread(target=run, name="warm-up", daemon=True)
    thread.start()
    return thread
