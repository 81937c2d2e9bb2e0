"""Age-standardised observed and cause-specific survival, by Kaplan-Meier or the actuarial life table.

Traditional weights: the sum of w_k S_k over age groups, with the variance sum of w_k^2 SE_k^2 (Corazziari et al., Eur J
Cancer 40 (2004) 2307-2316). Individual weights: one curve in which every person of age group k weighs w_k / (n_k / n)
(Brenner et al., Eur J Cancer 40 (2004) 2317-2322); its variance is Greenwood's with the squares of the weights.

The rules are those of net survival (`survival.net.analysis`): weights are never renormalised. Where an age group has no
persons, or (traditional) where its follow-up has ended before all of it died, there is no estimate and a warning names the
group. An age group of which all have died keeps survival 0 and adds no variance. Persons younger than the first age count
with the youngest group, persons of unknown age are left out; both are told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from survival.actuarial import count_intervals, life_table
from survival.cautions import few_at_risk
from survival.errors import SurvivalError
from survival.frames import FollowUp, Unit, convert
from survival.intervals import Scale, confidence_limits
from survival.kaplan_meier import kaplan_meier
from survival.results import Result
from survival.risksets import count_followup
from survival.standards import Standard

Way = Literal["kaplan-meier", "life-table"]
Weighting = Literal["traditional", "individual"]
# a requested time this close (relatively) to the end of an interval means that end
SAME = 1e-4


def age_standardised(
    data: FollowUp,
    age: np.ndarray,
    standard: Standard,
    *,
    at: Sequence[float],
    at_unit: Unit | None = None,
    method: Way = "kaplan-meier",
    weighting: Weighting = "traditional",
    breaks: Sequence[float] | None = None,
    ci: Scale = "log",
    level: float = 0.95,
    given: float = 0.0,
) -> Result:
    """Gives age-standardised survival by stratum and requested time; `age` is in years, NaN where unknown.

    Rows: stratum, `time` (echoes `at`, in `at_unit`), `n_risk`, `n_event` since the previous requested time (of the
    interval for a life table), `estimate`, `se`, `lower`, `upper`. `breaks` are bounds of the life table in `at_unit`;
    `given` conditions Kaplan-Meier on survival beyond it.
    """
    if not len(at):
        raise SurvivalError("usage", "no times for the age-standardised estimate", hint="Give --at 1,3,5.")
    if given and method == "life-table":
        raise SurvivalError("usage", "a life table is not conditional", hint="Use Kaplan-Meier, or leave out --given.")
    unit = at_unit or data.unit
    data, age_group, warnings = by_age(data, age, standard)
    width = len(standard.lower)
    parts = replace(
        data,
        group=data.group * width + age_group,
        strata=pd.DataFrame({"part": np.arange(len(data.strata) * width)}),
    )
    sizes = np.bincount(parts.group, minlength=len(parts.strata)).reshape(-1, width)
    if method == "kaplan-meier":
        found = kaplan_meier(parts, at=at, at_unit=unit, given=given).frame
    else:
        found = life_table(parts, breaks=breaks, at=at, unit=unit).frame
    shape = (len(data.strata), width, len(at))
    n_risk, n_event = (found[name].to_numpy().reshape(shape).sum(axis=1) for name in ("n_risk", "n_event"))
    if weighting == "traditional":
        estimate, se = _combine(found, shape, standard)
    elif method == "kaplan-meier":
        estimate, se = _weigh_times(parts, standard, sizes, at=at, unit=unit, given=given)
    else:
        estimate, se = _weigh_intervals(parts, standard, sizes, at=at, unit=unit, breaks=breaks)
    empty = (sizes == 0).any(axis=1)
    estimate[empty], se[empty] = np.nan, np.nan
    warnings += _undefined(data, standard, sizes, found["estimate"].to_numpy().reshape(shape), at, weighting)
    lower, upper = confidence_limits(estimate.ravel(), se.ravel(), scale=ci, level=level)
    row, column = (index.ravel() for index in np.indices(estimate.shape))
    frame = data.strata.iloc[row].reset_index(drop=True)
    frame = frame.assign(
        time=np.asarray(at, dtype=float)[column],
        n_risk=n_risk.ravel(),
        n_event=n_event.ravel(),
        estimate=estimate.ravel(),
        se=se.ravel(),
        lower=lower,
        upper=upper,
    )
    return Result(
        method=method,
        n=data.n,
        events=int(data.event.sum()),
        frame=frame,
        by=data.by,
        warnings=(*warnings, *few_at_risk(frame)),
        settings={
            "ci": ci,
            "level": level,
            "given": given,
            "unit": data.unit,
            "at": at,
            "at_unit": unit,
            "standard": standard.name,
            "weighting": weighting,
            **({"breaks": list(breaks)} if breaks else {}),
        },
    )


def by_age(data: FollowUp, age: np.ndarray, standard: Standard) -> tuple[FollowUp, np.ndarray, list[str]]:
    """Gives the persons of known age with the standard's age group of each, and what must be told of the others."""
    warnings, known = [], np.isfinite(age)
    if lost := int((~known).sum()):
        warnings.append(f"{lost} persons of unknown age are not in the age-standardised estimate.")
        data, age = _take(data, known), age[known]
    return data, standard.group(age), warnings + standard.tell_younger(age)


def _take(data: FollowUp, rows: np.ndarray) -> FollowUp:
    return replace(
        data,
        time=data.time[rows],
        event=data.event[rows],
        status=data.status[rows],
        group=data.group[rows],
        entry=None if data.entry is None else data.entry[rows],
        origin=None if data.origin is None else data.origin[rows],
    )


def _combine(found: pd.DataFrame, shape: tuple[int, int, int], standard: Standard) -> tuple[np.ndarray, np.ndarray]:
    """Gives the weighted mean over age groups and its standard error (stratum, time)."""
    survival, se = (found[name].to_numpy(dtype=float).reshape(shape) for name in ("estimate", "se"))
    weights = np.asarray(standard.weights)[None, :, None]
    spread = np.where(survival == 0, 0.0, se)
    return (weights * survival).sum(axis=1), np.sqrt(((weights * spread) ** 2).sum(axis=1))


def _person_weights(standard: Standard, sizes: np.ndarray) -> np.ndarray:
    """Gives what a person of each stratum and age group weighs; the weights of a stratum sum to its size."""
    return np.asarray(standard.weights) * sizes.sum(axis=1, keepdims=True) / np.maximum(sizes, 1)


def _curve(d: np.ndarray, squares: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gives weighted survival and its standard error from weighted events, events by squared weight, and at risk.

    With equal weights the variance is Greenwood's: d / n^2 / (1 - d / n) = d / (n (n - d)).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        hazard = np.where(d > 0, d / n, 0.0)
        staying = np.maximum(1.0 - hazard, 0.0)
        gathered = np.cumsum(np.where(d > 0, squares / n**2 / staying, 0.0), axis=1)
        survival = np.cumprod(staying, axis=1)
        return survival, survival * np.sqrt(gathered)


def _weigh_times(
    parts: FollowUp, standard: Standard, sizes: np.ndarray, *, at: Sequence[float], unit: Unit, given: float
) -> tuple[np.ndarray, np.ndarray]:
    sets = count_followup(parts)
    shape = (*sizes.shape, len(sets.times))
    weight = _person_weights(standard, sizes)[:, :, None]
    start = convert(given, unit, sets.unit)
    events = np.where(sets.times > start, sets.events, 0).reshape(shape) if start > 0 else sets.events.reshape(shape)
    n = (weight * sets.at_risk.reshape(shape)).sum(axis=1)
    survival, se = _curve((weight * events).sum(axis=1), (weight**2 * events).sum(axis=1), n)
    wanted = np.array([convert(value, unit, sets.unit) for value in at])
    last = np.searchsorted(sets.times, wanted, side="right") - 1
    found = np.where(last >= 0, survival[:, last], 1.0)
    left = (sets.events + sets.censored).reshape(shape).sum(axis=1) > 0
    end = np.where(left, sets.times, 0.0).max(axis=1)
    undefined = ((wanted[None, :] > end[:, None]) & (found > 0)) | (wanted < start)[None, :]
    return np.where(undefined, np.nan, found), np.where(undefined, np.nan, np.where(last >= 0, se[:, last], 0.0))


def _weigh_intervals(
    parts: FollowUp,
    standard: Standard,
    sizes: np.ndarray,
    *,
    at: Sequence[float],
    unit: Unit,
    breaks: Sequence[float] | None,
) -> tuple[np.ndarray, np.ndarray]:
    counts = count_intervals(parts, breaks, unit=unit)
    ends = counts.breaks[1:]
    shape = (*sizes.shape, len(ends))
    weight = _person_weights(standard, sizes)[:, :, None]
    events, alive = counts.events.reshape(shape), counts.alive.reshape(shape)
    n = (weight * (alive + (counts.entered - counts.censored).reshape(shape) / 2.0)).sum(axis=1)
    survival, se = _curve((weight * events).sum(axis=1), (weight**2 * events).sum(axis=1), n)
    wanted = np.asarray(at, dtype=float)
    chosen = np.searchsorted(ends, wanted * (1 + SAME), side="right") - 1
    nobody = (alive.sum(axis=1) == 0) & (survival > 0)
    undefined = nobody[:, np.maximum(chosen, 0)] | ((chosen < 0) | (wanted > ends[-1] * (1 + SAME)))[None, :]
    chosen = np.maximum(chosen, 0)
    return np.where(undefined, np.nan, survival[:, chosen]), np.where(undefined, np.nan, se[:, chosen])


def _undefined(
    data: FollowUp,
    standard: Standard,
    sizes: np.ndarray,
    estimates: np.ndarray,
    at: Sequence[float],
    weighting: Weighting,
) -> list[str]:
    """Names the age groups that leave an estimate undefined."""
    warnings = []
    for g, k in np.argwhere(sizes == 0):
        warnings.append(f"Age group {standard.labels[k]}{_name(data, g)} has no persons: no standardised estimate.")
    if weighting == "traditional":
        for g, k in np.argwhere(np.isnan(estimates).any(axis=2) & (sizes > 0)):
            first = min(time for time, value in zip(at, estimates[g, k], strict=True) if np.isnan(value))
            warnings.append(
                f"Follow-up of age group {standard.labels[k]}{_name(data, g)} ends before {first:g}: no standardised "
                "estimate from there on."
            )
    return warnings


def _name(data: FollowUp, g: int) -> str:
    label = ", ".join(f"{name} {data.strata[name].iloc[g]}" for name in data.by)
    return f" ({label})" if label else ""
