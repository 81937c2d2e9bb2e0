"""Speed of the survival room as ratios in one run: CPU seconds (user and system), each figure the best of a few.

`python benchmarks/bench_survival.py [--rows N] [--engine-rows N]`. relsurv's figure is recorded (R 4.2.2, relsurv
2.2-9, 100,000 patients, 31.2 CPU seconds on the machine of the reference notes); everything else is measured here.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from survival.frames import build_followup
from survival.kaplan_meier import kaplan_meier
from survival.lifetables import us_life_table
from survival.net.analysis import net_survival
from survival.net.cohort import build_cohort

RELSURV_100K = 31.2


def make(n: int, *, seed: int = 1) -> pd.DataFrame:
    """Gives n synthetic patients with follow-up in whole days up to ten years."""
    rng = np.random.default_rng(seed)
    time_ = np.ceil(rng.exponential(1400, n)).clip(1, 3652)
    return pd.DataFrame(
        {
            "time": time_,
            "event": ((rng.random(n) < 0.8) & (time_ < 3652)).astype(np.int64),
            "group": rng.integers(0, 200, n),
            "age": rng.normal(66, 12, n).clip(18, 100),
            "sex": rng.integers(1, 3, n),
            "date": rng.integers(11_000, 16_000, n),
        }
    )


def cpu(work: Callable[[], object], *, repeats: int = 3) -> float:
    """Gives the least CPU seconds of a few runs."""
    best = float("inf")
    for _ in range(repeats):
        begin = time.process_time()
        work()
        best = min(best, time.process_time() - begin)
    return best


def bare_bincount(frame: pd.DataFrame) -> np.ndarray:
    """Kaplan-Meier and Greenwood with nothing around them."""
    times = frame["time"].to_numpy().astype(np.int64)
    dead = np.bincount(times[frame["event"].to_numpy() == 1], minlength=3653)
    risk = np.bincount(times, minlength=3653)[::-1].cumsum()[::-1]
    return np.cumprod(1 - dead / risk) * np.sqrt(np.cumsum(dead / (risk * np.maximum(risk - dead, 1))))


def with_lifelines(frame: pd.DataFrame) -> None:
    from lifelines import KaplanMeierFitter

    KaplanMeierFitter().fit(frame["time"], frame["event"])


def grouped_lifelines(frame: pd.DataFrame) -> None:
    for _, part in frame.groupby("group"):
        with_lifelines(part)


def ours(frame: pd.DataFrame, *, by: tuple[str, ...] = ()) -> None:
    kaplan_meier(build_followup(frame, time="time", event="event", by=by), at=[365, 1826])


def pohar_perme(frame: pd.DataFrame) -> None:
    cohort = build_cohort(frame, time="time", event="event", age="age", age_unit="years", sex="sex", date="date")
    net_survival(cohort, us_life_table(), at=[1, 5, 10], at_unit="years")


def show(name: str, seconds: float, against: float, bound: str) -> None:
    print(f"{name:44} {seconds:9.4f} s   ratio {against:8.2f}   ({bound})")


def bench_memory(rows: int) -> None:
    frame = make(rows)
    bare = cpu(lambda: bare_bincount(frame), repeats=7)
    km = cpu(lambda: ours(frame), repeats=7)
    show(f"Kaplan-Meier {rows} rows / bare bincount", km, km / bare, "at most 5")
    lifelines = cpu(lambda: with_lifelines(frame))
    show(f"lifelines {rows} rows / ours", lifelines, lifelines / km, "at least 5")
    grouped = cpu(lambda: ours(frame, by=("group",)), repeats=5)
    loop = cpu(lambda: grouped_lifelines(frame), repeats=1)
    show(f"lifelines {rows} rows, 200 groups / ours", loop, loop / grouped, "at least 50")
    small = make(100_000)
    pohar_perme(small.head(1000))
    net = cpu(lambda: pohar_perme(small))
    show("relsurv (recorded) 100000 / Pohar Perme", net, RELSURV_100K / net, "at least 80")
    wall = time.perf_counter()
    pohar_perme(make(1_000_000))
    print(f"{'Pohar Perme 1000000, wall':44} {time.perf_counter() - wall:9.4f} s   (under 10 on two cores)")


ENGINE = """
import resource, sys, time
from survival.counts import count_in_engine, interval_counts, open_parquet
from survival.kaplan_meier import kaplan_meier
from survival.actuarial import life_table
begin, before = time.perf_counter(), time.process_time()
sets = count_in_engine(open_parquet(sys.argv[1]), time="time", event="event", by=["group"])
kaplan_meier(sets, at=[365, 1826])
life_table(interval_counts(sets, unit="months"))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(time.perf_counter() - begin, time.process_time() - before, peak)
"""


def bench_engine(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cohort"
        path.mkdir()
        for part in range(max(rows // 1_000_000, 1)):
            chunk = make(min(rows, 1_000_000), seed=part)
            chunk.assign(group=chunk["group"] % 5).to_parquet(path / f"{part}.parquet")
        run = subprocess.run([sys.executable, "-c", ENGINE, str(path)], capture_output=True, text=True, check=True)
    seconds, used, gigabytes = map(float, run.stdout.split())
    print(
        f"{f'in DuckDB: {rows} rows, 5 groups, KM + life table':44} {seconds:9.4f} s   "
        f"{used:.2f} s CPU, {gigabytes:.2f} GB   (under 5 s and 2 GB)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--engine-rows", type=int, default=10_000_000)
    options = parser.parse_args()
    bench_memory(options.rows)
    bench_engine(options.engine_rows)
    print(f"peak memory of this run {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
