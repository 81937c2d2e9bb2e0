"""Net survival exactly as relsurv 2.2-9 (`rs.surv`) computes it, its faults included; only on request.

What differs from our own: (1) steps lie between observed follow-up times and `add.times`, cut into days; within such
a gap the sums of the Pohar Perme integrand are not reset from day to day, so that a running mean is integrated;
(2) with several groups, `add.times` beyond the last follow-up of one group are moved to it for all later groups;
(3) Ederer estimates are those at the last observed time before the one asked for, with the variance sum d / Y^2 also
for Ederer I; (4) who leaves on the day of diagnosis is dropped; (5) with a table whose year moves on birthdays the
birthday is taken 3653 days too early (dates since 1970 are read as dates since 1960), one day off after leap years.
relsurv's Hakulinen looks all rates up ten years too early and is not reproduced.
Source: Pohar Perme and Pavlic, J Stat Softw 87 (2018) 1-27.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from survival.errors import SurvivalError
from survival.lifetables import LifeTable
from survival.net.cohort import Cohort
from survival.net.estimators import Method, NetCurve, expected_survival, ratio
from survival.net.sums import Sums, sum_steps

# days from 1960-01-01 to 1970-01-01, the two origins that relsurv mixes up
ORIGIN_MIXED_UP = -3653


def relsurv_curves(
    groups: Sequence[Cohort],
    table: LifeTable,
    *,
    method: Method,
    add_times: Sequence[float] | np.ndarray = (),
    precision: float = 1.0,
    engine: str = "auto",
) -> list[NetCurve]:
    """Gives the curve of each group in order, at its own times and `add_times` (days)."""
    if method == "hakulinen":
        raise SurvivalError(
            "usage", "relsurv 2.2-9 computes Hakulinen wrongly", hint="Leave out --compat: our own equals survexp."
        )
    added = np.asarray(add_times, dtype=float)
    if table.on_birthday:
        table = replace(table, birthday_shift=ORIGIN_MIXED_UP)
    curves = []
    for whole in groups:
        if whole.entry is not None:
            raise SurvivalError(
                "usage", "relsurv 2.2-9 knows no delayed entry", hint="Leave out --compat, or --entry and --period."
            )
        cohort = whole.take(whole.time > 0)
        times = np.unique(cohort.time)
        if method == "pohar-perme" and len(added) and len(times):
            added = np.minimum(added, times[-1])
            times = np.unique(np.concatenate([times, added[added > 0]]))
        curves.append(_curve(cohort, table, times, method=method, precision=precision, engine=engine))
    return curves


def fine_steps(times: np.ndarray, precision: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gives starts and ends of the fine steps, and for each the number of the gap between `times` it lies in."""
    before = np.concatenate([[0.0], times[:-1]])
    counts = np.maximum(np.ceil((times - before) / precision - 1e-12).astype(np.int64), 1)
    gap = np.repeat(np.arange(len(times)), counts)
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    starts = before[gap] + (np.arange(len(gap)) - first[gap]) * precision
    ends = np.append(starts[1:], times[-1:])
    return starts, ends, gap


def _curve(
    cohort: Cohort, table: LifeTable, times: np.ndarray, *, method: Method, precision: float, engine: str
) -> NetCurve:
    starts, ends, gap = fine_steps(times, precision)
    sums = sum_steps(cohort, table, starts, ends, split=False, engine=engine)
    last = np.searchsorted(gap, np.arange(len(times)), side="right") - 1
    n_risk, n_event = sums.n_risk[last], sums.n_event[last]
    effective = n_risk
    if method == "pohar-perme":
        lift = np.bincount(gap, _running_means(sums, gap), minlength=len(times))
        observed = ratio(sums.weight_event[last], sums.weight_end[last])
        variance = np.cumsum(ratio(sums.square_event[last], sums.weight_end[last] ** 2))
        survival = np.cumprod(1.0 - (observed - lift))
        effective = ratio(sums.weight_end[last] ** 2, sums.square_end[last])
    else:
        variance = np.cumsum(ratio(n_event, n_risk**2))
        if method == "ederer2":
            lift = ratio(np.bincount(gap, sums.hazard, minlength=len(times)), n_risk)
            survival = np.cumprod(1.0 - (ratio(n_event, n_risk) - lift))
        else:
            days, expected = expected_survival(cohort, table, kind="ederer1", engine=engine)
            at = np.exp(np.interp(times, np.concatenate([[0.0], days]), np.concatenate([[0.0], np.log(expected)])))
            survival = np.cumprod(1.0 - ratio(n_event, n_risk)) / at
    begin = np.concatenate([[0.0], times[:-1]])
    # a step function: what is asked between two times is the value at the earlier one
    return NetCurve(begin, times, survival, variance, np.ones(len(times)), n_risk, n_event, effective)


def _running_means(sums: Sums, gap: np.ndarray) -> np.ndarray:
    """Gives the integrand of each fine step from sums that run on from the first step of its gap."""
    length = sums.end - sums.start
    # hazards within a step are l * h; relsurv sums l
    rate_start, rate_end = ratio(sums.hazard_start, length), ratio(sums.hazard_end, length)

    def running(values: np.ndarray) -> np.ndarray:
        total = np.cumsum(values)
        first = np.searchsorted(gap, gap, side="left")
        return total - np.concatenate([[0.0], total])[first]

    start = ratio(running(rate_start), running(sums.weight_start))
    end = ratio(running(rate_end), running(sums.weight_end))
    return 0.5 * (start + end) * length
