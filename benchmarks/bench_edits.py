"""Edits at size: all of them over 100,000 abstracts, one record as the editor checks it, and what a change touches.

    python benchmarks/bench_edits.py [ABSTRACTS]

CPU time is that of this process and its children, so that other work on the machine does not count.
"""

from __future__ import annotations

import datetime as dt
import resource
import sys
import time

from abstracting.edits.batch import check_frame
from abstracting.edits.engine import make_set
from abstracting.edits.rules import built_in, parse_rules
from registry.synthetic import make
from registry.synthetic.defects import inject

TODAY = dt.date(2026, 6, 1)
LIMIT_SECONDS, LIMIT_MILLISECONDS = 60.0, 5.0


def cpu() -> float:
    """Gives CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    started = cpu()
    site = parse_rules('[lists]\ncatchment = ["FL"]', "site", built_in().lists)
    edits = make_set("all", site=site, today=TODAY)
    print(f"{'rules ready':44}{len(edits.rules):>10,} rules   {cpu() - started:8.2f} s CPU")

    frame = make(patients=int(wanted / 1.085), seed=7, text=False).flat()
    bad, labels = inject(frame, rate=0.01, seed=1)
    for title, data in (("clean abstracts", frame), ("with planted defects", bad)):
        started = cpu()
        result = check_frame(data, edits=edits)
        spent = cpu() - started
        print(
            f"{title:44}{len(data):>10,} records {spent:8.2f} s CPU  {spent / LIMIT_SECONDS:6.2f} of the limit, "
            f"{len(result.findings):,} findings"
        )
    started = cpu()
    count = sum(1 for _ in result.details())
    print(f"{'messages and values of the findings':44}{count:>10,} texts   {cpu() - started:8.2f} s CPU")

    records = bad.iloc[:: max(len(bad) // 2_000, 1)].to_dict("records")
    edits.check_record(records[0])
    for title, changed in (("one record, every edit", None), ("one record, site changed", [400]),
                           ("one record, race changed", [160])):  # fmt: skip
        times = []
        for record in records:
            begun = time.process_time()
            edits.check_record(record, changed=changed)
            times.append(1000 * (time.process_time() - begun))
        times.sort()
        median, late = times[len(times) // 2], times[int(0.95 * len(times))]
        print(
            f"{title:44}{len(records):>10,} records {median:8.2f} ms median, {late:.2f} ms 95th percentile, "
            f"{late / LIMIT_MILLISECONDS:.2f} of the limit"
        )
    found = set(zip(result.findings["row"], result.findings["edit"]))
    recall = sum((row, edit) in found for row, edit in zip(labels.row, labels.edit)) / len(labels)
    print(f"{'planted defects':44}{len(labels):>10,} planted {recall:8.4f} found by their edit")


if __name__ == "__main__":
    main()
