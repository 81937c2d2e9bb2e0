"""Staging: how fast tables are ready, and cases a second on one core, from embedded tables.

    python benchmarks/bench_staging.py [CASES]

Cases are drawn from the codes the tables themselves allow, with a fixed seed, and each is staged once. The last column
is the share of the target of 5,000 cases a second; the published engine in Java did 4,800 to 6,300 a second on a machine
of this kind. CPU time throughout.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time

from abstracting.staging.engine import Engine
from abstracting.staging.inquiry import valid_codes
from abstracting.staging.library import embedded, load_algorithm

TARGET = 5000
CURRENT_YEAR = 2026
SEED = 20261124

READY = """
import time; start = time.process_time()
from abstracting.staging.engine import Engine
from abstracting.staging.library import load_algorithm
engine = Engine(load_algorithm({name!r}), current_year=2026)
loaded = time.process_time()
engine.stage({{"site": "C509", "hist": "8500", "year_dx": {year!r}}})
print(loaded - start, time.process_time() - start)
"""


def make_cases(engine: Engine, count: int) -> list[dict[str, str | None]]:
    """Gives cases that select a schema and hold valid codes for nine inputs in ten."""
    dice = random.Random(SEED)
    algorithm = engine.algorithm
    codes: dict[tuple[str, str], list[str]] = {}
    schemas = list(algorithm.schemas.values())
    cases = []
    while len(cases) < count:
        schema = dice.choice(schemas)
        table = algorithm.table(schema.selection_table)
        row = table.row(dice.randrange(table.size))
        case: dict[str, str | None] = {}
        for entry in schema.inputs:
            cell = row.get(entry.key)
            if cell not in (None, "*"):
                parts = [part for part in cell.split(",") if part.strip()]
                low, _, high = dice.choice(parts).strip().partition("-")
                case[entry.key] = dice.choice([low, high or low])
                continue
            key = (schema.id, entry.key)
            if key not in codes:
                found = valid_codes(engine, *key)
                codes[key] = [end for code in found for end in (code.low, code.high)] or [""]
            if dice.random() < 0.9:
                case[entry.key] = dice.choice(codes[key])
        if len(algorithm.selection.lookup(case)) == 1:
            cases.append(case)
    return cases


def ready_times(name: str) -> tuple[float, float]:
    """Gives CPU seconds in a new process until the tables are loaded, and until a first case is staged."""
    year = {"cs": "2012", "tnm": "2016"}.get(name, "2024")
    command = [sys.executable, "-c", READY.format(name=name, year=year)]
    loaded, first = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(loaded), float(first)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    print(f"{'algorithm':22} {'loaded s':>9} {'1st case s':>10} {'cases/s':>9} {'staged':>7} {'of 5,000/s':>10}")
    for name, version in embedded():
        loaded, first = ready_times(name)
        engine = Engine(load_algorithm(name, version=version), current_year=CURRENT_YEAR)
        cases = make_cases(engine, count)
        # making the cases has looked up schemas and read validation tables; mapping tables are read in the timed part
        start = time.process_time()
        staged = sum(engine.stage(case).is_staged for case in cases)
        speed = count / (time.process_time() - start)
        label = f"{name} {version}"
        print(f"{label:22} {loaded:9.3f} {first:10.3f} {speed:9,.0f} {staged / count:7.0%} {speed / TARGET:9.1f}x")


if __name__ == "__main__":
    main()
