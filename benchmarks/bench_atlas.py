"""Atlas queries at 1,000,000 tumors: the one query on the snapshot, and the answer that a page shows.

Run `python benchmarks/bench_atlas.py [tumors]`. The snapshot is made of generated rows in a temporary folder, in spans as
the store writes them; each query is asked of a fresh site or definition, so that nothing kept answers it. The ratio is
that to a bare count of the rows of the same files.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from registry.analysis.cohort import CaseDefinition, open_cohort
from registry.analysis.rates_cube import read_cube
from registry.analysis.snapshot import Snapshot
from registry.analysis.survival_request import sites

SPAN = 20_000
ROUNDS = 7
TARGET_MS = 300
COUNTIES = [f"12{n:03d}" for n in range(1, 134, 2)]


def make(folder: Path, tumors: int, seed: int = 1) -> Snapshot:
    """Writes generated spans with the columns that the atlas reads, and others that it must not read."""
    rng = np.random.default_rng(seed)
    codes = [code for one in sites().values() if one.depth == 0 for code in one.codes]
    for number, start in enumerate(range(0, tumors, SPAN)):
        size = min(SPAN, tumors - start)
        text = {
            "primarySite": rng.choice(["C504", "C619", "C341", "C180", "C679", "C443"], size),
            "histologicTypeIcdO3": rng.choice(["8500", "8140", "8070", "8720"], size),
            "behaviorCodeIcdO3": rng.choice(["2", "3"], size, p=[0.08, 0.92]),
            "behavior_recode": rng.choice(["2", "3"], size, p=[0.08, 0.92]),
            "addrAtDxState": np.full(size, "FL"),
            "county_geoid": rng.choice(COUNTIES, size),
            "county_analysis_flag": rng.choice(["2", "2.1", "4"], size),
            "site_recode_2008": rng.choice(codes, size),
            "summary_stage": rng.choice(["0", "1", "2", "7", "9"], size),
            "sex": rng.choice(["1", "2"], size),
            "typeOfReportingSource": rng.choice(["1", "7", "8"], size, p=[0.9, 0.02, 0.08]),
            "iarc_indicator": rng.choice(["1", "9"], size, p=[0.92, 0.08]),
            **{f"other{n}": rng.choice(["a", "b", "c"], size) for n in range(40)},
        }
        frame = pd.DataFrame(text).astype("string[pyarrow]")
        frame["year_of_diagnosis"] = pd.array(rng.integers(2000, 2025, size), dtype="Int32")
        frame["age_at_diagnosis"] = pd.array(rng.integers(20, 95, size), dtype="Int32")
        frame["tumor_id"] = np.arange(start, start + size)
        frame.to_parquet(folder / f"tumors-{number:05d}.parquet", index=False, compression="zstd")
    return Snapshot(folder, f"bench-{tumors}", "2026-01-01", tumors)


def milliseconds(work) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    """Gives the median of wall and of processor time of a piece of work."""
    wall, cpu = [], []
    for _ in range(ROUNDS):
        started, used = time.perf_counter(), time.process_time()
        work()
        wall.append(1000 * (time.perf_counter() - started))
        cpu.append(1000 * (time.process_time() - used))
    return median(wall), median(cpu)


def main() -> None:
    """Prints the table."""
    tumors = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        snapshot = make(Path(name), tumors)
        definition = CaseDefinition(residents_of="FL")
        lung = sites()["lung-and-bronchus"].codes
        read_cube(snapshot, definition, lung)
        bare, _ = milliseconds(lambda: open_cohort(snapshot).table.count().execute())
        queries = {
            "bare count of rows": lambda: open_cohort(snapshot).table.count().execute(),
            "one site, county × age × sex × year": lambda: read_cube(snapshot, definition, lung),
            "one site by stage": lambda: read_cube(snapshot, definition, lung, extra="stage"),
            "one site, no certificate only": lambda: read_cube(
                snapshot, replace(definition, death_certificate_only=False), lung
            ),
            "all sites, county × age × sex × year": lambda: read_cube(snapshot, definition),
            "all sites by site (release)": lambda: read_cube(snapshot, definition, (), extra="site", ages=False),
        }
        print(f"{tumors:,} tumors, median of {ROUNDS}; target {TARGET_MS} ms a query")
        print(f"{'query':<40}{'ms':>8}{'cpu ms':>9}{'ratio':>8}")
        for title, work in queries.items():
            wall, cpu = milliseconds(work)
            print(f"{title:<40}{wall:8.0f}{cpu:9.0f}{wall / bare:8.1f}")


if __name__ == "__main__":
    main()
