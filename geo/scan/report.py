"""From candidates to the clusters and locations of a result: names, days, counts, risks and p-values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from geo.scan import clusters as selection
from geo.scan.data import Data
from geo.scan.replicates import Plan
from geo.scan.result import Cluster, Location
from geo.scan.zones import along_sphere, squeeze


class Describer:
    """Turns candidates into clusters with names, days, counts and p-values."""

    def __init__(self, data: Data, plan: Plan, significance: selection.Significance, analysis: str) -> None:
        self.data, self.plan, self.significance = data, plan, significance
        self.alive = analysis.startswith("prospective")
        self.period: tuple[str | None, str | None] = (None, None)
        if data.dated:
            self.period = data.period.span(0, data.period.intervals)

    def cluster(self, rank: int, one: selection.Candidate, choice: selection.GiniChoice | None) -> Cluster:
        from geo.scan.statistic import llr

        plan, places, period = self.plan, self.data.places, self.data.period
        c, e, u = selection.window_counts(plan, one)
        first, after = int(plan.window_start[one.window]), int(plan.window_end[one.window])
        everywhere = plan.place is None
        members: Iterable[int] = range(len(places.names)) if everywhere else one.members.tolist()
        p_value = self.significance.p_value(one.statistic)
        form = plan.forms[one.form]
        radius = None
        if plan.place is not None:
            ends = squeeze(plan.place[[one.centre, one.members[-1]]], form)
            radius = float(np.sqrt(((ends[0] - ends[1]) ** 2).sum()))
            radius = along_sphere(radius) if places.latlon else radius
        population = self.data.cells.population
        return Cluster(
            rank=rank,
            center="All" if everywhere else places.names[one.centre][0],
            members=tuple(name for i in members for name in places.names[i]),
            point=None if everywhere else (float(places.points[one.centre, 0]), float(places.points[one.centre, 1])),
            radius_km=radius,
            start=period.span(first, after)[0] if self.data.dated else None,
            end=period.span(first, after)[1] if self.data.dated else None,
            observed=round(c),
            expected=e,
            observed_expected=c / e,
            relative_risk=None if plan.model == "stp" else relative_risk(c, e, plan.total),
            llr=llr(plan.model, c, e, u, plan.total, plan.persons),
            statistic=one.statistic,
            p_value=p_value,
            p_gumbel=self.significance.gumbel(one.statistic),
            population=None if population is None else float(population[list(members)].sum()),
            ellipse=None if form.shape == 1 else {"shape": form.shape, "angle_degrees": float(np.degrees(form.angle))},
            recurrence_days=period.days / period.intervals / p_value if self.alive and p_value else None,
            in_gini=choice is not None and any(_same(one, chosen) for chosen in choice.clusters),
        )

    def locations(self) -> list[Location]:
        cells, total = self.data.cells, self.plan.total
        observed, expected = cells.cases.sum(axis=1), cells.expected.sum(axis=1)
        return [
            Location(
                " / ".join(names), round(c), float(e), None if self.plan.model == "stp" else relative_risk(c, e, total)
            )
            for names, c, e in zip(self.data.places.names, observed, expected)
        ]

    def gini(self, choice: selection.GiniChoice | None) -> dict[str, Any] | None:
        if choice is None:
            return None
        return {
            "max_share": choice.share,
            "coefficient": choice.coefficient,
            "compared": [{"max_share": share, "coefficient": value} for share, value in choice.compared],
            "clusters": [
                {"center": one.center, "members": one.members, "observed": one.observed, "expected": one.expected,
                 "relative_risk": one.relative_risk, "llr": one.llr, "p_value": one.p_value,
                 "start": one.start, "end": one.end}
                for k, found in enumerate(choice.clusters, 1)
                for one in [self.cluster(k, found, choice)]
            ],
        }  # fmt: skip


def _same(one: selection.Candidate, other: selection.Candidate) -> bool:
    return one.window == other.window and set(one.members) == set(other.members)


def relative_risk(c: float, e: float, total: float) -> float | None:
    """Gives (c/E) / ((C-c)/(C-E)); None where nothing is expected inside, or all cases lie inside."""
    if e <= 0 or c >= total or e >= total:
        return None
    return float((c / e) / ((total - c) / (total - e)))
