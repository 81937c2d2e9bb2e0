"""Speed of the synthetic registry, in CPU seconds (user and system), every ratio from the same run.

    python benchmarks/bench_synthetic.py [--patients 20000] [--million]

`floor` is what writing costs at least: compressing the finished XML once. With `--million` the true course of 1,000,000
tumors (incidence, types, dates, stage, survival, persons) is drawn too.
"""

from __future__ import annotations

import argparse
import gzip
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from registry.synthetic import case_counts, make
from registry.synthetic.calendar import day_of
from registry.synthetic.course import draw_course
from registry.synthetic.incidence import build_model
from registry.synthetic.writing import write


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Gives the CPU seconds of a call and what it gave."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--patients", type=int, default=20_000)
    parser.add_argument("--million", action="store_true")
    options = parser.parse_args()
    n = options.patients
    rows: list[tuple[str, float, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        making, made = timed(lambda: make(patients=n, seed=1))
        rows.append(("make", making, f"{n / making:,.0f} patients a second"))
        path = Path(folder) / "a.xml.gz"
        writing, _ = timed(lambda: write(made, path, version="250", workers=2))
        raw = gzip.decompress(path.read_bytes())
        floor, _ = timed(lambda: gzip.compress(raw, 6, mtime=0))
        rows.append(("write NAACCR XML v25, gzip", writing, f"{len(raw) / 1e6:.0f} MB, {writing / floor:.2f} x floor"))
        rows.append(("floor: gzip alone", floor, ""))
        total = making + writing
        rows.append(("make and write", total, f"{60 / total:.1f} x faster than the promised 60 s for 20,000"))
        everything, _ = timed(lambda: write(made, Path(folder) / "all", version="250", workers=2))
        rows.append(("write the whole folder", everything, f"{everything / writing:.2f} x the file alone"))
    counting, _ = timed(lambda: [case_counts(patients=n, seed=s) for s in range(10)])
    rows.append(("case counts of one seed", counting / 10, f"{making / (counting / 10):.0f} x faster than make"))
    if options.million:
        years = range(2000, 2025)
        model = build_model(1, years)
        million, course = timed(lambda: draw_course(1, model, 920_000, 80_000, int(day_of(2025, 12, 31))))
        rows.append(
            ("true course of 1,000,000 tumors", million, f"{len(course.tumors) / million:,.0f} tumors a second")
        )
    width = max(len(name) for name, _, _ in rows)
    print(f"{'':<{width}}  CPU s")
    for name, seconds, note in rows:
        print(f"{name:<{width}} {seconds:6.2f}  {note}")


if __name__ == "__main__":
    main()
