"""Crude probability of death from cancer and from other causes, when both act, without causes of death.

Source: Cronin and Feuer, Stat Med 19 (2000) 1729-1740; in continuous time Pohar Perme and Pavlic, J Stat Softw 87
(2018), section 2.3; equals relsurv's `cmp.rel` at the days of its grid. With observed survival S, d deaths and Y at
risk: F_cancer(t) = sum of S(u-) (d/Y - mean background hazard), F_other(t) = sum of S(u-) mean background hazard.
Var F_cancer(t) = sum of d/Y^2 (S(u) - (F(t) - F(u)))^2, Var F_other(t) = sum of d/Y^2 (F(t) - F(u))^2; both sums are
expanded so that they cost one pass, not one per time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from survival.cautions import few_at_risk
from survival.frames import DAYS, Unit
from survival.intervals import Scale, confidence_limits
from survival.lifetables import YEAR_OF_AGE, LifeTable
from survival.net.cohort import Cohort
from survival.net.estimators import ratio
from survival.net.sums import daily_grid, sum_steps
from survival.results import Result


@dataclass(frozen=True)
class CrudeCurves:
    """Both probabilities at the end of each day, and what is needed for their variances and for times inside a day.

    `background` is S(u-) times the mean background hazard of the day; the `noise` rows are the running sums of d/Y^2
    times 1, S + F_cancer, its square, F_other and its square.
    """

    start: np.ndarray
    end: np.ndarray
    cancer: np.ndarray
    other: np.ndarray
    background: np.ndarray
    noise: np.ndarray
    n_risk: np.ndarray
    n_event: np.ndarray

    def at(self, times: np.ndarray) -> dict[str, np.ndarray]:
        """Gives both probabilities, their standard errors, n_risk and cumulative events; NaN beyond the follow-up."""
        times = np.asarray(times, dtype=float)
        k = np.searchsorted(self.end, times, side="left")
        beyond = k >= len(self.end)
        k = np.minimum(k, len(self.end) - 1)
        exact = self.end[k] == times
        part = (times - self.start[k]) / np.maximum(self.end[k] - self.start[k], 1e-300)
        lift = np.clip(part, 0.0, 1.0) * self.background[k]
        earlier = np.maximum(k - 1, 0)
        begun = k > 0
        cancer = np.where(exact, self.cancer[k], np.where(begun, self.cancer[earlier], 0.0) - lift)
        other = np.where(exact, self.other[k], np.where(begun, self.other[earlier], 0.0) + lift)
        noise = np.where(exact, self.noise[:, k], np.where(begun, self.noise[:, earlier], 0.0))
        total, level, level2, other1, other2 = noise
        events = np.cumsum(self.n_event)
        return {
            "cancer": np.where(beyond, np.nan, cancer),
            "other": np.where(beyond, np.nan, other),
            "cancer_se": np.sqrt(
                np.where(beyond, np.nan, np.maximum(level2 - 2 * cancer * level + cancer**2 * total, 0.0))
            ),
            "other_se": np.sqrt(
                np.where(beyond, np.nan, np.maximum(other2 - 2 * other * other1 + other**2 * total, 0.0))
            ),
            "n_risk": np.where(beyond, 0, self.n_risk[k]),
            "events": np.where(beyond, events[-1], np.where(exact, events[k], np.where(begun, events[earlier], 0))),
        }

    def years_lost(self, until: float) -> tuple[float, float]:
        """Gives the areas under both curves in days: time lost to cancer and to other causes by `until` days."""
        inside = self.end < until
        last = self.at(np.array([until]))
        length = np.diff(np.concatenate([[0.0], self.end[inside], [until]]))
        return (
            float(np.append(self.cancer[inside], last["cancer"]) @ length),
            float(np.append(self.other[inside], last["other"]) @ length),
        )


def crude_probability(cohort: Cohort, table: LifeTable, *, engine: str = "auto") -> CrudeCurves:
    """Gives the crude probabilities of death of one group day by day."""
    starts, ends = daily_grid(cohort)
    sums = sum_steps(cohort, table, starts, ends, engine=engine).trim()
    d, y = sums.n_event, sums.n_risk
    mean, observed = ratio(sums.hazard, y), ratio(d, y)
    survival = np.cumprod(1.0 - observed)
    before = np.concatenate([[1.0], survival[:-1]])
    cancer, other = np.cumsum(before * (observed - mean)), np.cumsum(before * mean)
    level, noise = survival + cancer, ratio(d, y**2)
    sums_of_noise = np.cumsum(noise * np.stack([np.ones(len(d)), level, level**2, other, other**2]), axis=1)
    return CrudeCurves(sums.start, sums.end, cancer, other, before * mean, sums_of_noise, y, d)


def crude_death(
    cohort: Cohort,
    table: LifeTable,
    *,
    at: Sequence[float] | None = None,
    at_unit: Unit = "days",
    tau: float | None = None,
    ci: Scale = "log",
    level: float = 0.95,
    engine: str = "auto",
) -> Result:
    """Gives the probabilities of death from cancer (`estimate`, `se`, limits) and other causes (`other`, …) by stratum.

    Times are in `at_unit`; without `at`, the end of every day at which somebody leaves. `extra["years_lost"]` holds,
    by stratum, the mean years of 365.241 days lost to cancer and to other causes up to `tau` (in `at_unit`, default
    the last requested time).
    """
    frames, lost = [], []
    for g in range(len(cohort.strata)):
        group = cohort.take(cohort.group == g)
        curves = crude_probability(group, table, engine=engine)
        days = np.unique(group.time) if at is None else np.asarray(at, dtype=float) * DAYS[at_unit]
        values = curves.at(days)
        order = np.argsort(days, kind="stable")
        counts = np.empty(len(days))
        counts[order] = np.diff(values["events"][order], prepend=0.0)
        columns = {
            "time": days / DAYS[at_unit] if at is None else np.asarray(at, dtype=float),
            "n_risk": values["n_risk"].astype(np.int64),
            "n_event": counts.astype(np.int64),
        }
        for cause, name in (("cancer", ""), ("other", "other_")):
            estimate, se = values[cause], values[f"{cause}_se"]
            lower, upper = confidence_limits(estimate, se, scale=ci, level=level)
            columns |= {name + "estimate": estimate, name + "se": se, name + "lower": lower, name + "upper": upper}
        label = cohort.strata.iloc[np.full(len(days), g)].reset_index(drop=True)
        frames.append(label.assign(**columns))
        until = tau * DAYS[at_unit] if tau is not None else float(days.max(initial=0.0))
        until = min(until, float(curves.end[-1]))
        cancer, other = curves.years_lost(until)
        lost.append(
            {
                "stratum": {name: cohort.strata[name].iloc[g] for name in cohort.by},
                "years": until / YEAR_OF_AGE,
                "cancer": cancer / YEAR_OF_AGE,
                "other": other / YEAR_OF_AGE,
            }
        )
    frame = pd.concat(frames, ignore_index=True)
    return Result(
        method="crude-probability-of-death",
        n=cohort.n,
        events=int(cohort.event.sum()),
        frame=frame,
        by=cohort.by,
        warnings=(*table.cautions(cohort.date, cohort.time), *few_at_risk(frame)),
        extra={"years_lost": lost, "excluded": [{"reason": reason, "n": n} for reason, n in cohort.excluded]},
        settings={"ci": ci, "level": level, "at": at, "at_unit": at_unit, "life_table": table.name},
    )
