"""Consolidation: persons with two accounts each, their tumors with two abstracts each, brought to the rules.

    python benchmarks/bench_consolidation.py [--patients 20000]

Prints rows per CPU second of a dry run (compare alone), of a replay that writes what differs, and of one that finds nothing
to write, with the share of values that differ; a last line says how a single save of an abstract compares.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

OTHER = {"2240": "OTHER", "1750": "20250101", "2350": "2 OTHER ST"}
TUMOR_OTHER = {"400": "C809", "764": "9", "490": "9", "1200": "", "522": "8000"}


def fill(store: Any, patients: int, folder: Path) -> None:
    """Imports a synthetic file and gives every person a second account of another facility, with differences."""
    from registry.exchange.formats import open_reader
    from registry.exchange.importer import run_import

    path = folder / "one.xml.gz"
    command = [sys.executable, "-m", "registry.cli", "synth", "--patients", str(patients), "--seed", "3", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    run_import(store, open_reader([path]), name="one", who="bench")
    _second(store)


def _second(store: Any) -> None:
    from sqlalchemy import insert, select

    from registry.models import Abstract, Facility, PatientRecord, Source
    from registry.projection import abstract_columns, fitted

    with store.writing() as session:
        facility = Facility(number="0000099999", name="Second Hospital", kind="hospital")
        session.add(facility)
        session.flush()
        source = Source(name="second", facility_number=facility.number, facility_id=facility.id)
        session.add(source)
        session.flush()
        records, abstracts, last = [], [], 0
        for record in session.scalars(select(PatientRecord).order_by(PatientRecord.id)):
            items = dict(record.items) | {n: v for n, v in OTHER.items() if record.id % 3 or n == "1750"}
            records.append(
                {
                    "patient_id": record.patient_id,
                    "home_patient_id": record.patient_id,
                    "source_id": source.id,
                    "patient_id_number": record.patient_id_number,
                    "items": items,
                }
            )
            last = max(last, record.id)
        made = list(
            session.scalars(insert(PatientRecord).returning(PatientRecord.id, sort_by_parameter_order=True), records)
        )
        by_patient = {row["patient_id"]: number for row, number in zip(records, made)}
        query = select(Abstract, PatientRecord.patient_id).join(PatientRecord, Abstract.record_id == PatientRecord.id)
        for abstract, patient in session.execute(query.where(PatientRecord.id <= last)):
            items = {n: v for n, v in (dict(abstract.items) | TUMOR_OTHER).items() if v}
            abstracts.append(
                {
                    "record_id": by_patient[patient],
                    "tumor_id": abstract.tumor_id,
                    "home_tumor_id": abstract.tumor_id,
                    "tumor_record_number": f"{len(abstracts):09d}"[-9:],
                    "items": items,
                    **fitted(Abstract, abstract_columns(items)),
                    "facility_id": facility.id,
                }
            )
        session.execute(insert(Abstract), abstracts)


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Gives what the work gives, its CPU seconds and its wall seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.process_time() - cpu, time.perf_counter() - wall


def saves(store: Any, count: int = 200) -> Iterator[float]:
    """CPU seconds of saves of abstracts of tumors with two of them."""
    from sqlalchemy import select

    from registry import records
    from registry.models import Abstract

    with store.reading() as session:
        ids = list(session.scalars(select(Abstract.id).order_by(Abstract.id).limit(count)))
    for number in ids:
        started = time.process_time()
        with store.writing() as session:
            records.save(session, number, {490: "7"}, who="bench", why="bench")
        yield time.process_time() - started


def main() -> None:
    """Prints the table."""
    from registry import config, schema
    from registry.consolidation.replay import replay
    from registry.db import Store

    parser = argparse.ArgumentParser()
    parser.add_argument("--patients", type=int, default=20_000)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(config.load(Path(folder) / "home"))
        schema.upgrade(store.engine)
        fill(store, parser.parse_args().patients, Path(folder))
        print(f"{'':<24}{'rows':>9}{'changed':>9}{'rows per CPU s':>16}{'wall s':>9}")
        for title, dry in (("dry run", True), ("replay that writes", False), ("replay, nothing to do", False)):
            found, cpu, wall = timed(lambda dry=dry: replay(store, dry_run=dry))
            seen = sum(found[chain]["seen"] for chain in ("patients", "tumors"))
            changed = sum(found[chain]["changed"] for chain in ("patients", "tumors"))
            print(f"{title:<24}{seen:>9,}{changed:>9,}{seen / cpu:>16,.0f}{wall:>9.1f}", flush=True)
        print(f"save of one abstract: {1000 * statistics.median(saves(store)):.1f} ms of CPU, median")
        store.close()


if __name__ == "__main__":
    main()
