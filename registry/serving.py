"""Serving the pages with waitress, the background worker beside it as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from registry.analysis import rates_warming, survival_warming
from registry.config import Settings
from registry.db import Store, open_store
from registry.exchange import batches
from registry.schema import require_head
from registry.warming import Pages, warm_up

THREADS = 8


def _linkage(store: Store) -> None:
    """Reads the standing index of reports, where there is one: the first search before a case asks it."""
    from registry.linkage import standing

    standing.ready(store, build=False)


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def serve_pages(settings: Settings, say: Callable[[str], Any], *, ready: Callable[[], Any] = lambda: None) -> None:
    """Serves until the process is stopped; a worker that dies with it is started and ended here."""
    store = open_store(settings)
    require_head(store.engine)
    batches.recover(store, say)
    # the face is above this room and is named, not imported: `serve` is the one place that starts it
    import importlib

    from waitress.server import create_server

    app = importlib.import_module("web").create_app(settings)
    pages = Pages(app)
    server = create_server(pages, host=settings.host, port=settings.port, threads=THREADS, ident="oncoregistry")
    environment = {
        **os.environ,
        "ONCOREGISTRY_HOME": str(settings.home),
        "ONCOREGISTRY_DATABASE_URL": settings.database_url,
    }
    worker = subprocess.Popen(
        [sys.executable, "-m", "registry.cli", "worker"], env=environment, stdout=subprocess.DEVNULL
    )
    if threading.current_thread() is threading.main_thread():
        # a service manager stops with SIGTERM what a person stops with Ctrl+C: the worker ends with the server
        signal.signal(signal.SIGTERM, _stop)
    try:
        say(f"serving http://{settings.host}:{server.effective_port}/ (Ctrl+C stops)")
        warm_up((*survival_warming.steps(store), lambda: _linkage(store), *rates_warming.steps()), pages, say=say)
        ready()
        server.run()
    except KeyboardInterrupt:
        say("stopped")
    finally:
        server.close()
        worker.terminate()
        worker.wait(timeout=10)
        store.close()
