"""Kaplan-Meier survival with Greenwood's variance, its quantiles, conditional and reversed forms.

Sources: Kaplan and Meier, J Am Stat Assoc 53 (1958) 457-481; Greenwood (1926); quantiles as Brookmeyer and Crowley,
Biometrics 38 (1982) 29-41, with R's rule for a flat curve (`quantile.survfit`); Schemper and Smith, Control Clin
Trials 17 (1996) 343-346 for the reversed form. Agrees with R's `survfit` (see tests/survival).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from survival.cautions import few_at_risk
from survival.frames import FollowUp, Unit, convert
from survival.intervals import Scale, confidence_limits
from survival.results import Result
from survival.risksets import RiskSets, count_followup


@dataclass(frozen=True)
class Curves:
    """Survival and the variance of its logarithm just after each time, G strata by T times."""

    sets: RiskSets
    survival: np.ndarray
    variance: np.ndarray

    @property
    def se(self) -> np.ndarray:
        """The standard error of the survival itself; undefined (NaN) once survival is 0."""
        with np.errstate(invalid="ignore"):
            return self.survival * np.sqrt(self.variance)


def estimate_curves(sets: RiskSets, *, given: float = 0.0) -> Curves:
    """Gives the product-limit curves; `given` makes them conditional on being alive just after that time."""
    staying, variance = _steps(sets, given)
    np.cumsum(variance, axis=1, out=variance)
    np.cumprod(staying, axis=1, out=staying)
    return Curves(sets, staying, variance)


def estimate_until(sets: RiskSets, columns: np.ndarray, *, given: float = 0.0) -> Curves:
    """Gives the curves of `estimate_curves` at some ascending columns only, without the way between them."""
    staying, variance = (steps[:, : int(columns.max(initial=0)) + 1] for steps in _steps(sets, given))
    begins = np.concatenate([[0], columns + 1])[:-1]
    survival = np.cumprod(np.multiply.reduceat(staying, begins, axis=1), axis=1)
    return Curves(sets, survival, np.cumsum(np.add.reduceat(variance, begins, axis=1), axis=1))


def _steps(sets: RiskSets, given: float) -> tuple[np.ndarray, np.ndarray]:
    """Gives for each time the share that stays alive and its term of Greenwood's sum, d / (n (n - d)).

    Where all at risk die the term is infinite, and survival 0 from there on.
    """
    d = sets.events if given <= 0 else np.where(sets.times > given, sets.events, 0)
    # in place: for hundreds of groups the time goes into memory
    left = np.maximum(sets.at_risk, 1).astype(float)
    hazard = d / left
    left -= d
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.divide(hazard, left, out=left)
    return np.subtract(1.0, hazard, out=hazard), variance


def kaplan_meier(
    data: FollowUp | RiskSets,
    *,
    at: Sequence[float] | None = None,
    at_unit: Unit | None = None,
    ci: Scale = "log",
    level: float = 0.95,
    given: float = 0.0,
    reverse: bool = False,
    quantiles: Sequence[float] = (),
) -> Result:
    """Gives survival by stratum and time, and in `extra["quantiles"]` the quantiles of survival time asked for.

    With `at`, one row per stratum and requested time (`time` echoes the request in `at_unit`); `n_event` then counts
    since the previous requested time, as R's `summary.survfit`. Beyond the last follow-up the estimate is undefined
    unless survival reached 0. Without `at`, one row per distinct exit time, in the data's unit. `given` (in `at_unit`)
    conditions on survival beyond it; `reverse` gives the distribution of follow-up, whose median is the reversed
    Kaplan-Meier median. `n_risk` counts just before the time. `se` is Greenwood's, of the estimate itself.
    """
    sets = data if isinstance(data, RiskSets) else count_followup(data)
    total = sets.total
    if reverse:
        sets = sets.reversed()
    unit = at_unit or sets.unit
    start = convert(given, unit, sets.unit)
    extra = {}
    if at is None or len(quantiles):
        curves = estimate_curves(sets, given=start)
        extra = {"quantiles": survival_quantiles(curves, quantiles, ci=ci, level=level)} if len(quantiles) else {}
    if at is None:
        frame = _all_rows(curves, ci=ci, level=level, after=start)
    else:
        frame = _rows_at(sets, at, unit=unit, ci=ci, level=level, after=start)
    warnings = few_at_risk(frame) if at is not None else ()
    if at is not None and frame["estimate"].isna().any():
        beyond = sorted(frame.loc[frame["estimate"].isna(), "time"].unique())
        warnings = (*warnings, f"Follow-up ends before {', '.join(f'{t:g}' for t in beyond)}: no estimate there.")
    return Result(
        method="reverse-kaplan-meier" if reverse else "kaplan-meier",
        n=int(total.sum()),
        events=int(data.event.sum()) if isinstance(data, FollowUp) and not reverse else int(sets.events.sum()),
        frame=frame,
        by=sets.by,
        warnings=tuple(warnings),
        extra=extra,
        settings={"ci": ci, "level": level, "given": given, "unit": sets.unit, "at": at, "at_unit": unit},
    )


def _limits(frame: pd.DataFrame, *, ci: Scale, level: float) -> pd.DataFrame:
    lower, upper = confidence_limits(frame["estimate"].to_numpy(), frame["se"].to_numpy(), scale=ci, level=level)
    return frame.assign(lower=lower, upper=upper)


def _all_rows(curves: Curves, *, ci: Scale, level: float, after: float) -> pd.DataFrame:
    sets = curves.sets
    row, column = np.nonzero(((sets.events + sets.censored) > 0) & (sets.times >= after))
    frame = sets.strata.iloc[row].reset_index(drop=True)
    frame = frame.assign(
        time=sets.times[column],
        n_risk=sets.at_risk[row, column],
        n_event=sets.events[row, column],
        n_censor=sets.censored[row, column],
        estimate=curves.survival[row, column],
        se=curves.se[row, column],
    )
    return _limits(frame, ci=ci, level=level)


def _rows_at(sets: RiskSets, at: Sequence[float], *, unit: Unit, ci: Scale, level: float, after: float) -> pd.DataFrame:
    requested = np.asarray(at, dtype=float)
    wanted = np.array([convert(value, unit, sets.unit) for value in requested])
    groups = len(sets.total)
    last = np.searchsorted(sets.times, wanted, side="right") - 1
    following = np.searchsorted(sets.times, wanted, side="left")

    started = last >= 0
    columns, place = np.unique(np.maximum(last, 0), return_inverse=True)
    # nothing after the last requested time is asked for
    reach = min(int(max(columns.max(initial=0), following.max(initial=0))) + 1, len(sets.times))
    near = sets.until(reach)
    curves = estimate_until(near, columns, given=after)
    survival = np.where(started, curves.survival[:, place], 1.0)
    variance = np.where(started, curves.variance[:, place], 0.0)
    with np.errstate(invalid="ignore"):
        se = survival * np.sqrt(variance)
    there = following < reach
    risk = np.where(there, near.at_risk[:, np.minimum(following, reach - 1)], 0)
    events = _events_between(sets, last, after=after)
    undefined = np.broadcast_to(wanted < after, survival.shape)
    if (risk == 0).any():
        undefined = undefined | ((wanted[None, :] > _last_times(sets)[:, None]) & (survival > 0))
    survival, se = np.where(undefined, np.nan, survival), np.where(undefined, np.nan, se)
    row, column = (index.ravel() for index in np.indices((groups, len(wanted))))
    frame = sets.strata.iloc[row].reset_index(drop=True)
    frame = frame.assign(
        time=requested[column],
        n_risk=risk[row, column],
        n_event=events[row, column],
        estimate=survival[row, column],
        se=se[row, column],
    )
    frame = _limits(frame, ci=ci, level=level)
    # while nobody has left survival is 1 for certain, on every scale (R's summary.survfit has it so)
    untouched = (wanted[None, :] < _first_times(sets, after)[:, None]) & ~undefined
    frame.loc[untouched.ravel(), ["lower", "upper"]] = 1.0
    return frame


def _events_between(sets: RiskSets, last: np.ndarray, *, after: float) -> np.ndarray:
    """Gives the events of each stratum since the previous requested time; `last` are positions among the times."""
    counts = np.zeros((len(sets.total), len(last)), dtype=np.int64)
    begin = int(np.searchsorted(sets.times, after, side="right")) if after > 0 else 0
    for column in np.argsort(last, kind="stable"):
        stop = int(last[column]) + 1
        counts[:, column] = sets.events[:, begin:stop].sum(axis=1)
        begin = max(begin, stop)
    return counts


def survival_quantiles(
    curves: Curves, probabilities: Sequence[float], *, ci: Scale = "log", level: float = 0.95
) -> list[dict]:
    """Gives for each stratum and probability p the time by which a share p has had the event, with limits.

    The limits are where the confidence limits of the curve cross; a quantile that is not reached is None.
    """
    if not len(probabilities):
        return []
    limits = confidence_limits(curves.survival, curves.se, scale=ci, level=level)
    end = _last_times(curves.sets)
    crossings = {
        p: [_crossings(curves.sets.times, curve, 1.0 - p, end) for curve in (curves.survival, *limits)]
        for p in probabilities
    }
    labels = curves.sets.strata.to_dict("records") if curves.sets.by else [{}]
    return [
        {"stratum": labels[g], "p": p} | {name: values[g] for name, values in zip(("time", "lower", "upper"), found)}
        for g in range(len(end))
        for p, found in crossings.items()
    ]


def _last_times(sets: RiskSets) -> np.ndarray:
    """Gives each stratum's last exit time."""
    left = (sets.events[:, ::-1] > 0) | (sets.censored[:, ::-1] > 0)
    last = sets.times[left.shape[1] - 1 - np.argmax(left, axis=1)]
    return np.where(sets.total > 0, last, 0.0)


def _first_times(sets: RiskSets, after: float) -> np.ndarray:
    """Gives each stratum's first exit time beyond `after`, infinity where there is none."""
    left = ((sets.events > 0) | (sets.censored > 0)) & (sets.times > after)
    return np.where(left.any(axis=1), sets.times[np.argmax(left, axis=1)], np.inf)


def _crossings(times: np.ndarray, curve: np.ndarray, target: float, end: np.ndarray) -> np.ndarray:
    """Gives for each stratum the first time at which the curve is at or below the target; NaN where it never is.

    A step exactly at the target ends in the middle between its ends, as R has it. A confidence limit may rise again late in
    the tail; the first crossing counts, while R's `quantile.survfit` sorts the limits and may give a later time.
    """
    tolerance = np.sqrt(np.finfo(float).eps)
    rows = np.arange(len(end))
    with np.errstate(invalid="ignore"):
        reached, below = curve <= target + tolerance, curve < target - tolerance
    first, lower = np.argmax(reached, axis=1), np.argmax(below, axis=1)
    start = times[first]
    stop = np.where(below[rows, lower], times[lower], end)
    middle = np.where(below[rows, first], start, (start + stop) / 2)
    return np.where(reached[rows, first], middle, np.nan)
