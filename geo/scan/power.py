"""How often a scan finds what is there, and how often it cries wolf: seeded experiments on synthetic data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.errors import GeoError
from geo.scan.zones import positions

if TYPE_CHECKING:
    import pandas as pd

FIRST_YEAR = 2001
CONTROLS = 2
"""Controls of one case where cases are compared with controls."""
KNOWN_POWER, LEVEL = 0.99, 0.05
DRAWS = 20_000


@dataclass(frozen=True)
class Experiment:
    """A map, how it is scanned, and where the cases of one experiment are planted.

    ids, population, points (n, 2): the map. The planted circle lies around `centre` (default: the location nearest to
    the middle of the map) and takes in locations up to `planted_share` of the population, at least one; a temporal scan
    has every location planted. With `analysis` other than spatial the cases fall into `years` years (2001 on) of equal
    population, and the circle has its risk only in the years `window` (first and last, all when None). `model` is
    poisson, bernoulli (with two controls to a case) or stp. The points of ellipses must be plane.
    """

    ids: tuple[str, ...]
    population: np.ndarray
    points: np.ndarray
    cases: int
    planted_share: float = 0.05
    centre: str | None = None
    latlon: bool = False
    model: str = "poisson"
    analysis: str = "spatial"
    shape: str = "circular"
    years: int = 1
    window: tuple[int, int] | None = None

    @property
    def inside(self) -> np.ndarray:
        """The places of the planted locations."""
        if self.analysis.endswith("temporal"):
            return np.arange(len(self.ids))
        place = positions(self.points, self.latlon)
        away = ((place - place.mean(axis=0)) ** 2).sum(axis=1)
        middle = int(away.argmin()) if self.centre is None else self.ids.index(self.centre)
        order = np.argsort(((place - place[middle]) ** 2).sum(axis=1), kind="stable")
        people = np.cumsum(self.population[order])
        return order[: max(1, int(np.searchsorted(people, self.planted_share * people[-1], side="right")))]

    @property
    def during(self) -> np.ndarray:
        """Which years are planted."""
        calendar = np.arange(FIRST_YEAR, FIRST_YEAR + self.years)
        first, last = self.window or (calendar[0], calendar[-1])
        return (first <= calendar) & (calendar <= last)

    def draw(self, random: np.random.Generator, relative_risk: float) -> tuple[np.ndarray, np.ndarray | None]:
        """Gives the cases of every location and year, and the controls where there are any."""
        people = np.repeat(self.population[:, None], self.years, axis=1) / self.years
        risk = np.ones_like(people)
        risk[np.ix_(self.inside, self.during)] = relative_risk
        if self.model != "bernoulli":
            share = people * risk / (people * risk).sum()
            return random.multinomial(self.cases, share.ravel()).reshape(share.shape), None
        persons = np.rint((1 + CONTROLS) * self.cases * people / people.sum()).astype(int)
        cases = random.binomial(persons, np.minimum(1.0, risk * self.cases / (persons * risk).sum()))
        return cases, persons - cases

    def scan(self, cases: np.ndarray, controls: np.ndarray | None, *, seed: int, replicates: int) -> Any:
        """Gives the result of scanning the cases."""
        import pandas as pd

        from geo.scan.analysis import scan

        names = ("lat", "lon") if self.latlon else ("x", "y")
        coordinates = pd.DataFrame({"id": self.ids, names[0]: self.points[:, 0], names[1]: self.points[:, 1]})
        timed = self.analysis != "spatial"
        calendar = {"start": str(FIRST_YEAR), "end": str(FIRST_YEAR + self.years - 1)} if timed else {}
        return scan(
            self._frame(cases, "cases"),
            pd.DataFrame({"id": self.ids, "pop": self.population}) if self.model == "poisson" else None,
            None if self.analysis.endswith("temporal") else coordinates,
            controls=None if controls is None else self._frame(controls, "controls"),
            model=self.model,
            analysis=self.analysis,
            shape=self.shape,
            replicates=replicates,
            seed=seed,
            **calendar,
        )

    def _frame(self, counts: np.ndarray, name: str) -> pd.DataFrame:
        import pandas as pd

        frame = pd.DataFrame({"id": np.repeat(self.ids, self.years), name: counts.ravel()})
        if self.analysis != "spatial":
            frame["year"] = np.tile(np.arange(FIRST_YEAR, FIRST_YEAR + self.years), len(self.ids)).astype(str)
        return frame[frame[name] > 0]


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
    seeds: Sequence[int] = range(200),
    replicates: int = 999,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Power:
    """Measures how often a scan finds a planted circle, or with relative risk 1 raises a false alarm.

    cases: their number in each experiment, spread by population with the relative risk inside the planted circle;
    further options are those of `Experiment`. seeds: one experiment each; a seed fixes both its cases and its replicates.
    """
    plan = Experiment(tuple(ids), np.asarray(population, float), np.asarray(points, float), cases, **options)
    planted = {plan.ids[i] for i in plan.inside} if relative_risk != 1.0 else set()
    span = plan.window if planted and plan.analysis != "spatial" else None
    outcomes = []
    for done, seed in enumerate(seeds, 1):
        drawn = plan.draw(np.random.default_rng(seed), relative_risk)
        result = plan.scan(*drawn, seed=int(seed), replicates=replicates)
        outcomes.append(detection(int(seed), result.clusters[0] if result.clusters else None, planted, span))
        if progress is not None:
            progress(done, len(seeds))
    return Power(tuple(outcomes), tuple(sorted(planted)))


def known_window_power(plan: Experiment, relative_risk: float, critical_value: float) -> float:
    """Gives how often the planted window's own likelihood ratio exceeds the scan's critical value.

    A scan's maximum is at least that of the planted window, so the scan is significant at least as often: no method that
    must look everywhere can be expected to find less than what is seen by one who knows where to look and pays for
    looking everywhere. Reckoned from 20,000 draws of the planted window, the rest of its places and of its time.
    """
    from geo.scan.statistic import bernoulli_llr, poisson_llr

    random = np.random.default_rng(1)
    place = plan.population[plan.inside].sum() / plan.population.sum()
    time = float(plan.during.mean())
    share = np.array([place * time, place * (1 - time), (1 - place) * time, (1 - place) * (1 - time)])
    risk = np.array([relative_risk, 1.0, 1.0, 1.0])
    if plan.model == "bernoulli":
        persons = np.rint((1 + CONTROLS) * plan.cases * share).astype(int)
        drawn = random.binomial(persons, np.minimum(1.0, risk * plan.cases / (persons * risk).sum()), (DRAWS, 4))
        everyone = float(persons.sum())
        reached = [
            c * everyone > total * persons[0] and bernoulli_llr(c, persons[0], total, everyone) > critical_value
            for c, total in zip(drawn[:, 0].astype(float), drawn.sum(axis=1).astype(float))
        ]
        return float(np.mean(reached))
    drawn = random.multinomial(plan.cases, share * risk / (share * risk).sum(), DRAWS).astype(float)
    expected = np.full(DRAWS, plan.cases * share[0])
    if plan.model == "stp":
        expected = (drawn[:, 0] + drawn[:, 1]) * (drawn[:, 0] + drawn[:, 2]) / plan.cases
    total = float(plan.cases)
    return float(np.mean([c > e and poisson_llr(c, e, total) > critical_value for c, e in zip(drawn[:, 0], expected)]))


def least_risk(plan: Experiment, *, power: float = KNOWN_POWER, replicates: int = 999) -> float:
    """Gives the least relative risk, in steps of a tenth, that a planted cluster must have to be called findable.

    That is the risk at which `known_window_power` reaches `power`; the critical value at 5 % is that of a map without any
    cluster (seed 0). Fixed before a single planted map is scanned.
    """
    drawn = plan.draw(np.random.default_rng(0), 1.0)
    critical = plan.scan(*drawn, seed=0, replicates=replicates).critical_values[f"{LEVEL:g}"]
    for tenths in range(11, 301):
        if known_window_power(plan, tenths / 10, critical) >= power:
            return tenths / 10
    raise GeoError("usage", "no relative risk up to 30 would be found", hint="take more cases or a larger circle")


def detection(seed: int, cluster: object, planted: set[str], span: tuple[int, int] | None) -> Detection:
    """Gives the outcome of one experiment from its most likely cluster, planted locations and planted years."""
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
