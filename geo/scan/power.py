"""How often a scan finds what is there, and how often it cries wolf: seeded experiments on synthetic data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from geo.scan.zones import positions


@dataclass(frozen=True)
class Detection:
    """One experiment's outcome: p-value of the most likely cluster and its agreement with the planted one.

    sensitivity: share of the planted locations inside the cluster; precision: share of the cluster's locations that are
    planted; timing: share of the planted years inside the cluster's; all None where nothing was planted or nothing was
    found (timing also where the plant has no years of its own).
    """

    seed: int
    p_value: float | None
    sensitivity: float | None
    precision: float | None
    timing: float | None = None

    def found(self, level: float = 0.05) -> bool:
        """Whether a significant cluster was reported and, where one was planted, shares half of its places and years."""
        significant = self.p_value is not None and self.p_value <= level
        return significant and all(share is None or share >= 0.5 for share in (self.sensitivity, self.timing))


@dataclass(frozen=True)
class Power:
    """The outcomes of all seeds; `share` is the part with a significant and, where planted, right cluster."""

    outcomes: tuple[Detection, ...]
    planted: tuple[str, ...]

    @property
    def hits(self) -> int:
        return sum(one.found() for one in self.outcomes)

    @property
    def share(self) -> float:
        return self.hits / len(self.outcomes)


def detection_power(
    ids: Sequence[str],
    population: Sequence[float],
    points: np.ndarray,
    *,
    cases: int,
    relative_risk: float = 1.0,
    planted_share: float = 0.05,
    centre: str | None = None,
    seeds: Sequence[int] = range(200),
    replicates: int = 999,
    latlon: bool = False,
    model: str = "poisson",
    analysis: str = "spatial",
    years: int = 1,
    window: tuple[int, int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Power:
    """Measures how often a scan finds a planted circle, or with relative risk 1 raises a false alarm.

    ids, population, points (n, 2): the map; cases: their number in each experiment, spread by population with the
    relative risk inside the planted circle. The circle lies around `centre` (default: the location nearest to the middle
    of the map) and takes in locations up to `planted_share` of the population, at least one. With `analysis` other than
    spatial the cases fall into `years` years (2001 on) of equal population, and the circle has its risk only in the years
    `window` (first and last, all when None). `model` is poisson or stp. seeds: one experiment each; a seed fixes both its
    cases and its replicates.
    """
    import pandas as pd

    from geo.scan.analysis import scan

    ids, people = list(ids), np.asarray(population, float)
    place = positions(np.asarray(points, float), latlon)
    middle = ids.index(centre) if centre is not None else int(((place - place.mean(axis=0)) ** 2).sum(axis=1).argmin())
    order = np.argsort(((place - place[middle]) ** 2).sum(axis=1), kind="stable")
    number = max(1, int(np.searchsorted(np.cumsum(people[order]), planted_share * people.sum(), side="right")))
    inside = order[:number] if relative_risk != 1.0 else order[:0]
    calendar = [2001 + i for i in range(years)]
    first, last = window or (calendar[0], calendar[-1])
    risk = np.repeat(people[:, None], years, axis=1)
    risk[np.ix_(inside, [first <= year <= last for year in calendar])] *= relative_risk
    names = ("lat", "lon") if latlon else ("x", "y")
    coordinates = pd.DataFrame({"id": ids, names[0]: np.asarray(points)[:, 0], names[1]: np.asarray(points)[:, 1]})
    table = pd.DataFrame({"id": ids, "pop": people})
    timed = {} if analysis == "spatial" else {"start": str(calendar[0]), "end": str(calendar[-1])}
    planted = {ids[i] for i in inside}
    outcomes = []
    for done, seed in enumerate(seeds, 1):
        drawn = np.random.default_rng(seed).multinomial(cases, risk.ravel() / risk.sum()).reshape(risk.shape)
        frame = pd.DataFrame({"id": np.repeat(ids, years), "cases": drawn.ravel()})
        if timed:
            frame["year"] = np.tile(calendar, len(ids)).astype(str)
        result = scan(
            frame[frame["cases"] > 0],
            table if model == "poisson" else None,
            coordinates,
            model=model,
            analysis=analysis,
            replicates=replicates,
            seed=int(seed),
            **timed,
        )
        span = (first, last) if timed and planted and window else None
        outcomes.append(_outcome(int(seed), result.clusters[0] if result.clusters else None, planted, span))
        if progress is not None:
            progress(done, len(seeds))
    return Power(tuple(outcomes), tuple(sorted(planted)))


def _outcome(seed: int, cluster: object, planted: set[str], span: tuple[int, int] | None) -> Detection:
    if cluster is None:
        return Detection(seed, None, 0.0 if planted else None, None)
    members = set(cluster.members)  # type: ignore[attr-defined]
    both, timing = len(members & planted), None
    if span is not None:
        first, last = int(cluster.start[:4]), int(cluster.end[:4])  # type: ignore[attr-defined]
        timing = max(0, min(last, span[1]) - max(first, span[0]) + 1) / (span[1] - span[0] + 1)
    return Detection(
        seed,
        cluster.p_value,  # type: ignore[attr-defined]
        both / len(planted) if planted else None,
        both / len(members) if planted else None,
        timing,
    )
