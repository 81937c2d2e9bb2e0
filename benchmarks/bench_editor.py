"""The editor's work on the server for one change: form, consequences, edits and derived values, over made-up cases."""

from __future__ import annotations

import time
from statistics import quantiles

from registry.abstracting import page
from registry.abstracting.derived import consequences

CASES = (
    {390: "20230410", 400: "C504", 522: "8500", 523: "3", 240: "19610412", 772: "100", 774: "000", 776: "00"},
    {390: "20230306", 400: "C187", 522: "8140", 523: "3", 240: "19500101", 772: "300", 774: "300", 776: "00"},
    {390: "20140126", 400: "C678", 522: "8070", 523: "3", 240: "19490310"},
)
ROUNDS = 60
LIMIT = 100.0
"""Milliseconds that the 95th percentile may take."""


def main() -> None:
    """Prints the median and the 95th percentile in milliseconds of processor time, and their share of the limit."""
    steps = {
        "edits, derived, text support": page.living,
        "what the program sets": lambda items: consequences(items, items),
        "form with new fields": page.form,
    }
    totals = [0.0] * (ROUNDS * len(CASES))
    print(f"{'step':32}{'median ms':>12}{'p95 ms':>10}{'of 100 ms':>12}")
    for name, step in steps.items():
        for case in CASES:
            step(case)
        taken = []
        for turn in range(ROUNDS * len(CASES)):
            begun = time.process_time()
            step(CASES[turn % len(CASES)])
            taken.append(1000 * (time.process_time() - begun))
            totals[turn] += taken[-1]
        _print(name, taken)
    _print("one change with all of it", totals)


def _print(name: str, taken: list[float]) -> None:
    marks = quantiles(taken, n=20)
    print(f"{name:32}{marks[9]:12.1f}{marks[18]:10.1f}{marks[18] / LIMIT:12.2f}")


if __name__ == "__main__":
    main()
