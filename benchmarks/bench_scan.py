"""Times the scan at national size against SaTScan's recorded figures; with options, its power and its false alarms.

    python benchmarks/bench_scan.py               3,108 locations, 149,000 cases, 999 replicates, 1 and 2 threads
    python benchmarks/bench_scan.py --power       planted clusters of every kind of scan in 200 fixed seeds
    python benchmarks/bench_scan.py --alarms      200 fixed seeds without any
    python benchmarks/bench_scan.py --registry    the synthetic registry's own clusters, and its counts without any

SaTScan 10.3.2 on the same class of machine: 30.3 s wall on one thread, 16.1 s on two (3,108 counties, 149,407 cases).
Compilation is done before the clock starts (it is cached on disk); reading, zones, replicates and the report are timed.
"""

from __future__ import annotations

import argparse
import resource
import time
from dataclasses import fields

import numpy as np
import pandas as pd

from geo.scan import Experiment, detection_power, known_window_power, least_risk, scan
from geo.scan.power import KNOWN_POWER, Power

SATSCAN_SECONDS = {1: 30.3, 2: 16.1}
LOCATIONS, NATIONAL = 3108, 149_000


def national(locations: int = LOCATIONS, cases: int = NATIONAL, seed: int = 2023) -> tuple[pd.DataFrame, ...]:
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
    print(f"{LOCATIONS} locations, {NATIONAL} cases, 999 replicates, circular Poisson, 50 % of the population")
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


TIMED = {"years": 10, "window": (2004, 2006)}
LATEST = {"years": 10, "window": (2008, 2010)}
KINDS = {
    "where, Poisson": {},
    "where, Poisson, ellipses": {"shape": "elliptic"},
    "where, Bernoulli": {"model": "bernoulli"},
    "when, Poisson": {"analysis": "temporal", **TIMED},
    "where and when, Poisson": {"analysis": "space-time", **TIMED},
    "where and when, Bernoulli": {"model": "bernoulli", "analysis": "space-time", **TIMED},
    "where and when, permutation": {"model": "stp", "analysis": "space-time", **TIMED},
    "still going on, Poisson": {"analysis": "prospective", **LATEST},
    "still going on, permutation": {"model": "stp", "analysis": "prospective", **LATEST},
}
"""Every kind of scan that the page offers: where, when, both, still going on; by each model."""

SHARES = (0.1, 0.05)
WEAKER = (0.75,)
CASES = 1000
BAR = 0.95


def experiment(kind: str, share: float = SHARES[0]) -> Experiment:
    """Gives the experiment of a kind of scan on a map of 100 places."""
    ids, people, points = map_of()
    options = KINDS[kind]
    if options.get("shape") == "elliptic":
        # ellipses need a plane: kilometers about the middle
        middle = points.mean(axis=0)
        points = (points - middle) * 111.2 * np.array([1.0, np.cos(np.radians(middle[0]))])
        points = points[:, ::-1]
    return Experiment(
        tuple(ids), people, points, CASES, planted_share=share, latlon="shape" not in options, **options
    )  # fmt: skip


def outcome(plan: Experiment, risk: float, seeds: int) -> Power:
    options = {one.name: getattr(plan, one.name) for one in fields(plan)}
    return detection_power(**options, relative_risk=risk, seeds=range(seeds))


def power(seeds: int, only: str = "") -> None:
    """Plants chosen by the rule, which must be found; then weaker ones, of which it is told how often they are."""
    print(
        f"{CASES} cases in 100 places (10 years where time counts). A plant has the least relative risk at which the planted "
        f"window alone,\nknown beforehand, exceeds the scan's critical value in {100 * KNOWN_POWER:.0f} % of data sets. "
        "Found: p <= 0.05, and at least half of the planted\nplaces and years in the most likely cluster."
    )
    print(
        f"{'kind':<28} {'places':>7} {'people':>8} {'RR':>5} {'known':>6} {'found':>11} {'p <= 0.05':>10} {'precision':>10}"
    )
    for kind in KINDS:
        if only not in kind:
            continue
        for share in SHARES[:1] if "when" in kind or "going on" in kind else SHARES:
            plan = experiment(kind, share)
            critical = plan.scan(*plan.draw(np.random.default_rng(0), 1.0), seed=0, replicates=999).critical_values[
                "0.05"
            ]
            strong = least_risk(plan)
            weaker = [round(1 + part * (strong - 1), 1) for part in WEAKER]
            for risk in (strong, *weaker):
                result = outcome(plan, risk, seeds)
                people = plan.population[plan.inside].sum() / plan.population.sum()
                sure = sum(one.p_value is not None and one.p_value <= 0.05 for one in result.outcomes)
                precision = np.mean([one.precision or 0.0 for one in result.outcomes])
                verdict = "" if risk != strong else "holds" if result.share >= BAR else "UNDER 95 %"
                print(
                    f"{kind:<28} {len(plan.inside):>7} {100 * people:>6.1f} % {risk:>5.1f} "
                    f"{known_window_power(plan, risk, critical):>6.3f} {result.hits:>4} of {seeds} "
                    f"{100 * sure / seeds:>8.1f} % {precision:>10.2f} {verdict}",
                    flush=True,
                )


def registry(seeds: int, *, planted: bool) -> None:
    """The synthetic registry as it is: its own two clusters found in its own counts, or false alarms without any."""
    from geo.scan.power import detection
    from registry.synthetic import case_counts
    from registry.synthetic import planted as truth
    from registry.synthetic.population import population_cube
    from registry.synthetic.tables import counties

    years, place = range(2000, 2025), counties()
    calendar = [str(year) for year in years]
    people = population_cube(years).sum(axis=(1, 2))
    population = pd.DataFrame(
        {"id": np.repeat(place.county, len(years)), "year": calendar * len(place), "pop": people.ravel()}
    )
    points = pd.DataFrame({"id": place.county, "lat": place.latitude, "lon": place.longitude})
    print(
        f"the synthetic registry {'with its' if planted else 'without'} clusters, {seeds} seeds, 2000-2024, 67 counties"
    )
    for patients in (8_000, 20_000):
        hits = dict.fromkeys(truth.clusters(), 0)
        for seed in range(seeds):
            counts = case_counts(patients=patients, seed=seed, clusters=planted)
            for plant in hits:
                mine = counts[counts.group == plant.group].groupby(["county", "year"], as_index=False).cases.sum()
                mine = mine.rename(columns={"county": "id"}).astype({"year": str})
                analysis = "space-time" if plant.first_year else "spatial"
                found = scan(mine, population, points, analysis=analysis, start="2000", end="2024", seed=seed).clusters
                span = (plant.first_year, plant.last_year) if plant.first_year and planted else None
                members = set(plant.counties) if planted else set()
                hits[plant] += detection(seed, found[0] if found else None, members, span).found()
        for plant, count in hits.items():
            said = f"RR {plant.relative_risk:g}, {plant.name}" if planted else plant.group
            print(
                f"  {patients:>6} patients, {said}: {'found' if planted else 'false alarms'} {count} of {seeds}",
                flush=True,
            )


def alarms(seeds: int, only: str = "") -> None:
    from scipy import stats

    low, high = stats.binom.ppf(0.005, seeds, 0.05), stats.binom.ppf(0.995, seeds, 0.05)
    for kind in KINDS:
        if only not in kind:
            continue
        found = outcome(experiment(kind), 1.0, seeds)
        inside = "inside" if low <= found.hits <= high else "OUTSIDE"
        print(
            f"{kind:<28} false alarms: {found.hits} of {seeds}; {inside} the 99 % binomial interval {low:.0f} to "
            f"{high:.0f} of 5 %",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--power", action="store_true")
    parser.add_argument("--alarms", action="store_true")
    parser.add_argument("--registry", action="store_true")
    parser.add_argument("--only", default="", help="kinds of scan whose name has this in it")
    parser.add_argument("--seeds", type=int, default=200)
    options = parser.parse_args()
    if options.power:
        power(options.seeds, options.only)
    if options.alarms:
        alarms(options.seeds, options.only)
    if options.registry:
        registry(options.seeds, planted=True)
        registry(options.seeds, planted=False)
    if not (options.power or options.alarms or options.registry):
        speed()


if __name__ == "__main__":
    main()
