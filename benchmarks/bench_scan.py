"""Times the scan at national size against SaTScan's recorded figures; with options, its power and its false alarms.

    python benchmarks/bench_scan.py               3,108 locations, 149,000 cases, 999 replicates, 1 and 2 threads
    python benchmarks/bench_scan.py --power       a planted cluster in 200 fixed seeds
    python benchmarks/bench_scan.py --alarms      200 fixed seeds without any

SaTScan 10.3.2 on the same class of machine: 30.3 s wall on one thread, 16.1 s on two (3,108 counties, 149,407 cases).
Compilation is done before the clock starts (it is cached on disk); reading, zones, replicates and the report are timed.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import pandas as pd

from geo.scan import detection_power, scan

SATSCAN_SECONDS = {1: 30.3, 2: 16.1}
LOCATIONS, CASES = 3108, 149_000


def national(locations: int = LOCATIONS, cases: int = CASES, seed: int = 2023) -> tuple[pd.DataFrame, ...]:
    """Gives cases, population and coordinates of a made-up country: crowded in places, log-normal sizes."""
    rng = np.random.default_rng(seed)
    towns = rng.uniform((25, -124), (49, -67), (60, 2))
    near = rng.random(locations) < 0.5
    points = np.where(
        near[:, None], towns[rng.integers(0, 60, locations)] + rng.normal(0, 1.5, (locations, 2)),
        rng.uniform((25, -124), (49, -67), (locations, 2)),
    )  # fmt: skip
    people = np.exp(rng.normal(10.2, 1.4, locations)).round() + 100
    ids = [f"{i:05d}" for i in range(locations)]
    drawn = rng.multinomial(cases, people / people.sum())
    return (
        pd.DataFrame({"id": ids, "cases": drawn}),
        pd.DataFrame({"id": ids, "pop": people}),
        pd.DataFrame({"id": ids, "lat": points[:, 0], "lon": points[:, 1]}),
    )


def speed() -> None:
    tables = national()
    small = national(200, 2000)
    scan(*small, replicates=65)  # compiles
    print(f"{LOCATIONS} locations, {CASES} cases, 999 replicates, circular Poisson, 50 % of the population")
    print(f"{'threads':>7} {'wall s':>8} {'cpu s':>8} {'SaTScan s':>10} {'ratio':>6}   most likely cluster")
    for threads in (1, 2):
        forget()
        wall, cpu = time.perf_counter(), time.process_time()
        result = scan(*tables, threads=threads)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        best = result.clusters[0]
        print(
            f"{threads:>7} {wall:>8.2f} {cpu:>8.2f} {SATSCAN_SECONDS[threads]:>10.1f} {SATSCAN_SECONDS[threads] / wall:>6.1f}"
            f"   {best.center}, {len(best.members)} members, LLR {best.llr:.6f}, p {best.p_value}"
        )
    print(f"greatest memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def forget() -> None:
    """Drops the remembered zones, so that every run pays for them."""
    from geo.scan import replicates

    replicates._memory.clear()


def map_of(locations: int = 100) -> tuple[list[str], np.ndarray, np.ndarray]:
    _, people, points = national(locations, 10, seed=7)
    return people["id"].tolist(), people["pop"].to_numpy(), points[["lat", "lon"]].to_numpy()


KINDS = {
    "where, Poisson": {},
    "where and when, Poisson": {"analysis": "space-time", "years": 10, "window": (2004, 2006)},
    "where and when, permutation": {"model": "stp", "analysis": "space-time", "years": 10, "window": (2004, 2006)},
    "still going on, Poisson": {"analysis": "prospective", "years": 10, "window": (2008, 2010)},
}


def power(seeds: int) -> None:
    ids, people, points = map_of()
    print(
        f"1000 cases in {len(ids)} locations (10 years where time counts); found: p <= 0.05, at least half of the planted "
        "locations and years inside"
    )
    print(f"{'kind':<28} {'planted':>8} {'of people':>10} {'RR':>4} {'found':>11} {'p <= 0.05':>10} {'precision':>10}")
    for kind, options in KINDS.items():
        for share, risk in ((0.1, 2.0), (0.05, 2.5), (0.05, 2.0)) if not options else ((0.1, 3.0), (0.1, 3.5)):
            result = detection_power(
                ids, people, points, cases=1000, relative_risk=risk, planted_share=share, seeds=range(seeds), latlon=True,
                **options,
            )  # fmt: skip
            inside = people[[ids.index(one) for one in result.planted]].sum() / people.sum()
            significant = sum(one.p_value is not None and one.p_value <= 0.05 for one in result.outcomes)
            precision = np.mean([one.precision or 0.0 for one in result.outcomes])
            print(
                f"{kind:<28} {len(result.planted):>8} {100 * inside:>8.1f} % {risk:>4.1f} {result.hits:>4} of {seeds}"
                f" {100 * significant / seeds:>8.1f} % {precision:>10.2f}"
            )


def florida(seeds: int) -> None:
    """The demo's own map: 67 counties of Florida with their residents, the bladder cluster about Volusia County."""
    from geo.boundaries import load_edition
    from geo.counties import centroids
    from geo.populations import florida_population

    people = florida_population(2010).groupby("county")["population"].sum()
    places = centroids(load_edition("2017", states={"12"})).set_index("code").loc[people.index]
    points = places[["latitude", "longitude"]].to_numpy()
    print("Florida, 67 counties, relative risk 2.4 about Volusia County (the demo's), by number of cases")
    for cases in (200, 400, 800):
        result = detection_power(
            people.index.tolist(), people.to_numpy(), points, cases=cases, relative_risk=2.4, planted_share=0.1,
            centre="12127", seeds=range(seeds), latlon=True,
        )  # fmt: skip
        print(f"  {cases} cases: found in {result.hits} of {seeds}, planted {', '.join(result.planted)}")


def alarms(seeds: int) -> None:
    from scipy import stats

    ids, people, points = map_of()
    low, high = stats.binom.ppf(0.005, seeds, 0.05), stats.binom.ppf(0.995, seeds, 0.05)
    for kind, options in KINDS.items():
        found = detection_power(ids, people, points, cases=1000, seeds=range(seeds), latlon=True, **options)
        inside = "inside" if low <= found.hits <= high else "OUTSIDE"
        print(
            f"{kind:<28} false alarms: {found.hits} of {seeds}; {inside} the 99 % binomial interval {low:.0f} to "
            f"{high:.0f} of 5 %"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--power", action="store_true")
    parser.add_argument("--alarms", action="store_true")
    parser.add_argument("--seeds", type=int, default=200)
    options = parser.parse_args()
    if options.power:
        power(options.seeds)
        florida(options.seeds)
    if options.alarms:
        alarms(options.seeds)
    if not (options.power or options.alarms):
        speed()


if __name__ == "__main__":
    main()
