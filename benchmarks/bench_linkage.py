"""Linkage: time, memory and quality on a synthetic registry of so many patients, and the index's answer to one report.

`python benchmarks/bench_linkage.py [PATIENTS]`; 745,000 patients are a million records. On two cores: processor time of
164 s, 2.8 GB, precision 0.99993, recall 0.9974.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np

from registry.linkage.index import Index
from registry.linkage.match import match
from registry.synthetic.registry import make_records

QUERIES = 200


def main(patients: int = 75_000) -> None:
    """Prints one line a measurement."""
    records, truth = make_records(patients=patients, seed=3)
    fields = records.drop(columns=[c for c in ("county", "facility", "person", "changes") if c in records.columns])
    match(fields[:500], id="record")  # compiles
    wall, cpu = time.perf_counter(), time.process_time()
    found = match(fields, id="record")
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    sure = found.pairs[found.pairs.verdict == "match"]
    same = truth[truth.match == 1]
    true = {frozenset(p) for p in zip(same.left, same.right)}
    hits = sum(frozenset(p) in true for p in zip(sure.left, sure.right))
    print(f"{'records':32}{len(fields):>14,}")
    print(f"{'pairs compared':32}{found.candidates:>14,}")
    print(f"{'match, processor seconds':32}{cpu:>14.1f}")
    print(f"{'match, seconds':32}{wall:>14.1f}")
    print(f"{'precision of matches':32}{hits / len(sure):>14.5f}")
    print(f"{'recall of matches':32}{hits / len(true):>14.5f}")
    print(f"{'pairs for review':32}{len(found.pairs) - len(sure):>14,}")
    start = time.perf_counter()
    index = Index.build(fields, id="record", model=found.model)
    print(f"{'index built, seconds':32}{time.perf_counter() - start:>14.1f}")
    asked = fields.sample(min(QUERIES, len(fields)), random_state=1).drop(columns="record").to_dict("records")
    taken = []
    for record in asked:
        start = time.perf_counter()
        index.candidates(record)
        taken.append(1000 * (time.perf_counter() - start))
    for name, share in (("median", 50), ("95 %", 95), ("slowest", 100)):
        print(f"{f'one report, {name}, milliseconds':32}{np.percentile(taken, share):>14.1f}")
    print(f"{'memory at most, GB':32}{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:>14.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
