"""Net and relative survival of one group: Pohar Perme, Ederer I, Ederer II and Hakulinen.

Sources: Perme, Stare and Esteve, Biometrics 68 (2012) 113-120; Ederer, Axtell and Cutler, NCI Monograph 6 (1961)
101-121; Ederer and Heise (1959); Hakulinen, Biometrics 38 (1982) 933-942; Hakulinen and Tenkanen (1987).

Pohar Perme. With background survival S_P of a person, w = 1 / S_P, N and Y the person's event and at-risk processes
and l the background hazard: L(t) = int sum(w dN) / sum(w Y) - int sum(w l Y) / sum(w Y) du, and net survival is the
product of 1 - dL over days. The second integral is taken day by day as the mean of its integrand at the start and
the end of the day, whatever the days at which somebody leaves; a person's hazard of a day is the one at its start.
relsurv's `rs.surv` differs: between two days at which somebody leaves it averages the integrand over the days since
the first of them (it does not reset its sums), which matters where follow-up times are sparse: 1e-7 after one year
of its example `colrec`, 1.3e-5 after five, 1.3e-4 after ten. It also takes its product over observed times and
`add.times`, so that asking for a further time changes the answer; here it does not. Var(log S) = int sum(w^2 dN) /
sum(w Y)^2. Weights run from diagnosis, also for those who enter later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from survival.lifetables import LifeTable
from survival.net.cohort import Cohort
from survival.net.sums import Sums, daily_grid, sum_steps

Method = Literal["pohar-perme", "ederer1", "ederer2", "hakulinen"]


@dataclass(frozen=True)
class NetCurve:
    """Net survival at the end of each step, with the variance of its logarithm.

    `drift` is the factor by which background mortality alone lifts the curve within the step, for times inside it.
    `effective`: to how many equally weighted persons those at risk amount, (sum w)^2 / sum w^2.
    """

    start: np.ndarray
    end: np.ndarray
    survival: np.ndarray
    variance: np.ndarray
    drift: np.ndarray
    n_risk: np.ndarray
    n_event: np.ndarray
    effective: np.ndarray

    def at(self, times: np.ndarray) -> dict[str, np.ndarray]:
        """Gives estimate, se_log, n_risk, cumulative events and effective number; NaN beyond the last follow-up."""
        k = np.searchsorted(self.end, times, side="left")
        beyond = k >= len(self.end)
        k = np.minimum(k, max(len(self.end) - 1, 0))
        if not len(self.end):
            empty = np.full(len(times), np.nan)
            zero = np.zeros(len(times))
            return {"estimate": empty, "se_log": empty, "n_risk": zero, "events": zero, "effective": zero}
        exact = self.end[k] == times
        before = np.concatenate([[1.0], self.survival])[k]
        length = np.where(self.end > self.start, self.end - self.start, 1.0)[k]
        part = np.clip((times - self.start[k]) / length, 0.0, 1.0)
        with np.errstate(invalid="ignore"):
            inside = before * self.drift[k] ** part
        events = np.cumsum(self.n_event)
        earlier = np.concatenate([[0.0], events])[k]
        variance = np.where(exact, self.variance[k], np.concatenate([[0.0], self.variance])[k])
        estimate = np.where(beyond, np.nan, np.where(exact, self.survival[k], inside))
        return {
            "estimate": estimate,
            "se_log": np.where(beyond, np.nan, np.sqrt(variance)),
            "n_risk": np.where(beyond, 0, self.n_risk[k]),
            "events": np.where(beyond, events[-1], np.where(exact, events[k], earlier)),
            "effective": np.where(beyond, np.nan, self.effective[k]),
        }


def ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Gives top / bottom, 0 where nobody is at risk."""
    return np.divide(top, bottom, out=np.zeros(len(top)), where=bottom > 0)


def background(sums: Sums) -> np.ndarray:
    """Gives the weighted background hazard of each step: the mean of its values at start and end (trapezium)."""
    return 0.5 * (ratio(sums.hazard_start, sums.weight_start) + ratio(sums.hazard_end, sums.weight_end))


def _curve(
    sums: Sums, survival: np.ndarray, variance: np.ndarray, drift: np.ndarray, effective: np.ndarray
) -> NetCurve:
    return NetCurve(sums.start, sums.end, survival, variance, drift, sums.n_risk, sums.n_event, effective)


def pohar_perme(cohort: Cohort, table: LifeTable, *, split: bool = False, engine: str = "auto") -> NetCurve:
    """Gives the Pohar Perme estimate (see the module). `split` cuts days at which age or year changes."""
    sums = sum_steps(cohort, table, *daily_grid(cohort), split=split, engine=engine).trim()
    lift = background(sums)
    survival = np.cumprod(1.0 - ratio(sums.weight_event, sums.weight_end) + lift)
    variance = np.cumsum(ratio(sums.square_event, sums.weight_end**2))
    return _curve(sums, survival, variance, 1.0 + lift, ratio(sums.weight_end**2, sums.square_end))


def ederer2(cohort: Cohort, table: LifeTable, *, split: bool = False, engine: str = "auto") -> NetCurve:
    """Gives Ederer II: observed hazard minus the mean background hazard of those still at risk, as a daily product.

    Var(log S) = sum of d / Y^2, the variance of the cumulative hazard; background mortality is taken as known.
    """
    # without a sign the weights stay what they are: 1, or a person's own
    sums = sum_steps(cohort, table, *daily_grid(cohort), sign=0.0, split=split, engine=engine).trim()
    lift = ratio(sums.hazard_end, sums.weight_end)
    survival = np.cumprod(1.0 - ratio(sums.weight_event, sums.weight_end) + lift)
    variance = np.cumsum(ratio(sums.square_event, sums.weight_end**2))
    return _curve(sums, survival, variance, 1.0 + lift, ratio(sums.weight_end**2, sums.square_end))


def expected_survival(
    cohort: Cohort,
    table: LifeTable,
    *,
    kind: Literal["ederer1", "ederer2", "hakulinen"],
    until: float | None = None,
    closing: float | None = None,
    split: bool = True,
    engine: str = "auto",
) -> tuple[np.ndarray, np.ndarray]:
    """Gives days and the expected survival of a group at them, as R's `survexp` (ederer, conditional, hakulinen).

    ederer1: the mean background survival of all persons; hakulinen: persons leave at their potential follow-up time,
    for the dead `closing` (the last date of exit when left out, in days since 1960) minus diagnosis; ederer2: persons
    leave when they die or are lost.
    """
    until = until if until is not None else (float(cohort.time.max()) if cohort.n else 0.0)
    if kind == "ederer2":
        sums = sum_steps(cohort, table, *daily_grid(cohort, until=until), split=split, engine=engine)
        return sums.end, np.exp(-np.cumsum(ratio(sums.hazard, sums.n_risk)))
    nobody = np.zeros(cohort.n, dtype=bool)
    if kind == "ederer1":
        followed = replace(cohort, time=np.full(cohort.n, until), event=nobody)
    else:
        last = closing if closing is not None else float((cohort.date + cohort.time).max())
        potential = np.where(cohort.event, np.maximum(last - cohort.date, cohort.time), cohort.time)
        followed = replace(cohort, time=potential, event=nobody)
    starts, ends = daily_grid(followed, until=until)
    sums = sum_steps(followed, table, starts, ends, sign=-1.0, split=split, engine=engine)
    factors = np.where(sums.weight_start > 0, ratio(sums.weight_end, sums.weight_start), 1.0)
    return sums.end, np.cumprod(factors)


def observed_over_expected(
    cohort: Cohort,
    table: LifeTable,
    *,
    kind: Literal["ederer1", "hakulinen"],
    closing: float | None = None,
    engine: str = "auto",
) -> NetCurve:
    """Gives Kaplan-Meier divided by the expected survival of Ederer I or Hakulinen; se_log is Greenwood's."""
    sums = sum_steps(cohort, table, *daily_grid(cohort), sign=0.0, engine=engine).trim()
    days, expected = expected_survival(cohort, table, kind=kind, closing=closing, engine=engine)
    at_end = np.exp(np.interp(sums.end, np.concatenate([[0.0], days]), np.concatenate([[0.0], np.log(expected)])))
    before = np.concatenate([[1.0], at_end[:-1]])
    at_risk, dead = sums.weight_end, sums.weight_event
    observed = np.cumprod(1.0 - ratio(dead, at_risk))
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(np.where(dead > 0, sums.square_event / (at_risk * (at_risk - dead)), 0.0))
    return _curve(sums, observed / at_end, variance, before / at_end, ratio(at_risk**2, sums.square_end))


def estimator(method: Method, *, closing: float | None = None, split: bool = False) -> Callable[..., NetCurve]:
    """Gives the function of a method, called with a cohort of one group, a life table and `engine`."""
    if method == "pohar-perme":
        return lambda cohort, table, engine="auto": pohar_perme(cohort, table, split=split, engine=engine)
    if method == "ederer2":
        return lambda cohort, table, engine="auto": ederer2(cohort, table, split=split, engine=engine)
    return lambda cohort, table, engine="auto": observed_over_expected(
        cohort, table, kind=method, closing=closing, engine=engine
    )
