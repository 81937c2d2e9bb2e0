"""Linkage in the store: a central registry of so many patients, into which hospitals' second reports come in one file.

    python benchmarks/bench_link_store.py [--patients 50000] [--reports 5000]

Prints seconds of CPU and of wall for the import, for comparing the registry with itself, and for linking the file, with the
cost of a link and the memory at most. On two cores, 60,000 patients and 4,971 reports: 8.4 ms of CPU a link, of which its
edits are 2.3, and 0.56 GB (16.9 ms before persons were consolidated many at once).
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np


def fill(store: Any, patients: int, reports: int, folder: Path) -> Path:
    """Imports a synthetic registry and writes the file of its hospitals' second reports, which it gives."""
    from registry.exchange.formats import open_reader
    from registry.exchange.importer import run_import
    from registry.synthetic import make
    from registry.synthetic.writing import write_folder, write_submissions_xml

    made = make(patients=patients, seed=7)
    write_folder(made, folder, version=made.version, record_type="A", workers=2)
    second = made.abstracts.index[~made.abstracts["main"]][:reports]
    path = folder / "second.xml.gz"
    chosen = np.isin(np.arange(len(made.abstracts)), second)
    write_submissions_xml(made, path, version=made.version, workers=2, chosen=chosen, registry_id="0000099999")
    del made
    run_import(store, open_reader([folder / "registry.xml.gz"]), name="registry", who="bench", edits=False)
    return path


def link(store: Any, path: Path) -> None:
    """Imports the file, links it, and prints what that took."""
    from sqlalchemy import func, select

    from registry.exchange.formats import open_reader
    from registry.exchange.importer import run_import
    from registry.linkage import runs
    from registry.models import ImportBatch

    run_import(store, open_reader([path]), name="second", who="bench", edits=False)
    with store.reading() as session:
        batch = session.scalar(select(func.max(ImportBatch.id)))
    numbers = runs.reports_of(store, batch)
    found = timed("link the file", lambda: runs.link_reports(store, numbers, who="bench", batch_id=batch))
    took = timed.last  # type: ignore[attr-defined]
    print(f"{'of one link, CPU ms':<28}{1000 * took / max(found['automatic'], 1):>10.1f}")
    print(f"{'of one report, CPU ms':<28}{1000 * took / max(len(numbers), 1):>10.1f}")


def timed(title: str, work: Any) -> Any:
    """Gives what the work gives and prints its CPU and wall seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    timed.last = time.process_time() - cpu  # type: ignore[attr-defined]
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    told = result if isinstance(result, dict) else ""
    print(f"{title:<28}{timed.last:>10.1f}{time.perf_counter() - wall:>10.1f}{rss:>8.2f}  {told}", flush=True)
    return result


def main() -> None:
    """Prints the table."""
    from registry import config, schema
    from registry.db import Store
    from registry.linkage import runs
    from registry.linkage.index import compile_kernels

    parser = argparse.ArgumentParser()
    parser.add_argument("--patients", type=int, default=60_000)
    parser.add_argument("--reports", type=int, default=5_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(config.load(Path(folder) / "home"))
        schema.upgrade(store.engine)
        compile_kernels()
        print(f"{'':<28}{'CPU s':>10}{'wall s':>10}{'GB':>8}")
        path = timed("make and import", lambda: fill(store, asked.patients, asked.reports, Path(folder)))
        timed("compare the registry", lambda: runs.link_registry(store, who="bench"))
        link(store, path)
        store.close()


if __name__ == "__main__":
    main()
