"""From the best window of every centre to the list of clusters: order, overlap, significance and Gini selection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geo.scan.replicates import Plan
from geo.scan.statistic import gumbel_p

TIE = 1e-9  # statistics nearer than this are equal: the same counts summed in another order
LEAST_REPORTED = 0.001
GINI_SHARES = (0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.10, 0.12, 0.15, 0.20, 0.25, 0.30, 0.40, 0.50)
GINI_LEVEL = 0.05

# criteria for secondary clusters, by their customary number in SaTScan's settings
OVERLAP = {
    "no-overlap": 0,
    "no-centres-in-other": 1,
    "no-centres-in-more-likely": 2,
    "no-centres-in-less-likely": 3,
    "no-pairs-of-centres": 4,
    "all": 5,
}


@dataclass(frozen=True)
class Candidate:
    """The best window of one centre: its list and window number, members (location indices, nearest first) and statistic."""

    row: int
    centre: int
    form: int
    window: int
    members: np.ndarray
    statistic: float


@dataclass(frozen=True)
class Significance:
    """p-values from the maxima of the replicates, in their order.

    `stopped_at` is the number of exceedances of the most likely cluster at which sequential Monte Carlo ended.
    """

    maxima: np.ndarray
    stopped_at: int | None = None

    def rank(self, statistic: float) -> int:
        """1 + the number of maxima that reach the statistic."""
        return 1 + int((self.maxima >= statistic - TIE * max(1.0, statistic)).sum())

    def p_value(self, statistic: float) -> float | None:
        """rank / (replicates + 1); after an early stop exceedances / replicates (Besag and Clifford, Biometrika 1991)."""
        if self.maxima.size == 0:
            return None
        rank = self.rank(statistic)
        if self.stopped_at is not None and rank > self.stopped_at:
            return (rank - 1) / self.maxima.size
        return rank / (self.maxima.size + 1)

    def gumbel(self, statistic: float) -> float | None:
        return gumbel_p(statistic, self.maxima)

    def reported(self, statistic: float) -> bool:
        """Whether a cluster is listed: its statistic is not 0, and some replicate stays below it."""
        return statistic >= LEAST_REPORTED and (self.maxima.size == 0 or self.rank(statistic) <= self.maxima.size)

    def critical_value(self, level: float) -> float | None:
        """The smallest maximum at which p <= level, None with too few replicates."""
        position = int(level * (self.maxima.size + 1) + 1e-9)
        return float(np.sort(self.maxima)[::-1][position - 1]) if position >= 1 else None


def candidates(plan: Plan, *, shares: Sequence[float] = (), threads: int = 1) -> list[list[Candidate]]:
    """Gives the best window of each centre in the observed data, most likely first; one list per size limit.

    shares: limits as shares of the total measure below the scan's own; the last list returned is the scan's own.
    """
    from geo.scan import kernels, statistic

    zones = plan.zones(threads)
    caps = np.array([share * plan.measure.sum() * (1 + 1e-9) for share in shares] + [np.inf])
    value, length, window = kernels.best_windows(
        zones.order, zones.starts, zones.penalty,
        np.cumsum(plan.cases, axis=1), np.cumsum(plan.expected, axis=1), np.cumsum(plan.at_risk, axis=1),
        plan.window_start, plan.window_end, plan.measure, caps,
        statistic.BERNOULLI if plan.model == "bernoulli" else statistic.POISSON,
        kernels.ALL_RATES[plan.rates], plan.least,
    )  # fmt: skip
    return [_ordered(_best_forms(plan, value[k], length[k], window[k])) for k in range(caps.size)]


def _best_forms(plan: Plan, value: np.ndarray, length: np.ndarray, window: np.ndarray) -> list[Candidate]:
    """Of all forms around one centre the best is kept, the first of equals: the rounder one."""
    zones = plan.zones()
    centres = int(zones.centre.max()) + 1 if zones.centre.size else 0
    by_form = value.reshape(-1, centres)
    best = by_form.argmax(axis=0)
    found = []
    for centre in range(centres):
        row = int(best[centre]) * centres + centre
        if value[row] > 0:
            members = zones.members(row, int(length[row]))
            form = int(zones.form[row])
            found.append(Candidate(row, centre, form, int(window[row]), members, float(value[row])))
    return found


def _ordered(found: list[Candidate]) -> list[Candidate]:
    """Most likely first; equal statistics by fewer locations, then by the centre's id."""
    found = sorted(found, key=lambda one: -one.statistic)
    ordered: list[Candidate] = []
    first = 0
    for i in range(1, len(found) + 1):
        if i == len(found) or found[first].statistic - found[i].statistic > TIE * max(1.0, found[first].statistic):
            ordered += sorted(found[first:i], key=lambda one: (len(one.members), one.centre))
            first = i
    return ordered


def select(found: Sequence[Candidate], criterion: str, locations: int) -> list[Candidate]:
    """Keeps the candidates that may stand beside the more likely ones, by a criterion of `OVERLAP`."""
    kept: list[Candidate] = []
    inside: list[np.ndarray] = []
    taken = np.zeros(locations, bool)
    for one in found:
        if criterion == "no-overlap":
            if taken[one.members].any():
                continue
            taken[one.members] = True
        else:
            within = np.zeros(locations, bool)
            within[one.members] = True
            if not all(_may_stand(criterion, one, within, other, zone) for other, zone in zip(kept, inside)):
                continue
            inside.append(within)
        kept.append(one)
    return kept


def _may_stand(criterion: str, one: Candidate, within: np.ndarray, other: Candidate, zone: np.ndarray) -> bool:
    """Whether `one` may be reported beside the more likely `other`; `within` and `zone` mark their locations."""
    in_more, in_less = bool(zone[one.centre]), bool(within[other.centre])
    return {
        "no-centres-in-other": not (in_more or in_less),
        "no-centres-in-more-likely": not in_more,
        "no-centres-in-less-likely": not in_less,
        "no-pairs-of-centres": not (in_more and in_less),
        "all": True,
    }[criterion]


def gini(cases: Sequence[float], expected: Sequence[float], total: float) -> float:
    """Gives the Gini coefficient of a set of disjoint clusters and the rest of the study region.

    The Lorenz curve runs over cumulative expected (base) and observed (height) shares by rising observed over expected.
    Han, Zhu, Kulldorff et al., International Journal of Health Geographics 15 (2016) 27.
    """
    observed = np.append(np.asarray(cases, float), total - np.sum(cases))
    base = np.append(np.asarray(expected, float), total - np.sum(expected))
    order = np.argsort(np.divide(observed, base, out=np.zeros_like(base), where=base > 0), kind="stable")
    x = np.concatenate([[0.0], np.cumsum(base[order]) / total])
    y = np.concatenate([[0.0], np.cumsum(observed[order]) / total])
    return float(1.0 - (np.diff(x) * (y[1:] + y[:-1])).sum())


def window_counts(plan: Plan, one: Candidate) -> tuple[float, float, float]:
    """Gives observed, expected and persons at risk of a candidate's window."""
    span = slice(plan.window_start[one.window], plan.window_end[one.window])
    rows = one.members if plan.place is not None else slice(None)
    return (
        float(plan.cases[rows, span].sum()),
        float(plan.expected[rows, span].sum()),
        float(plan.at_risk[rows, span].sum()),
    )


@dataclass(frozen=True)
class GiniChoice:
    """The size limit with the greatest Gini coefficient among those whose significant clusters were compared."""

    share: float
    coefficient: float
    clusters: tuple[Candidate, ...]
    compared: tuple[tuple[float, float], ...]


def gini_choice(
    plan: Plan, by_share: Sequence[tuple[float, list[Candidate]]], significance: Significance
) -> GiniChoice | None:
    """Chooses the size limit by the Gini coefficient of its significant clusters without overlap.

    None where no limit has a significant cluster; of equal coefficients the smaller limit is kept.
    """
    best: GiniChoice | None = None
    compared = []
    for share, found in by_share:
        kept = [
            one
            for one in select(found, "no-overlap", len(plan.measure))
            if (p := significance.p_value(one.statistic)) is None or p < GINI_LEVEL
        ]
        counts = [window_counts(plan, one) for one in kept]
        value = gini([c for c, _, _ in counts], [e for _, e, _ in counts], plan.total) if kept else 0.0
        compared.append((share, value))
        if kept and (best is None or value > best.coefficient + 1e-12):
            best = GiniChoice(share, value, tuple(kept), ())
    return None if best is None else GiniChoice(best.share, best.coefficient, best.clusters, tuple(compared))
