"""Net survival by group: from a cohort and a life table to a result, age-standardised when asked.

Age standardisation, traditional: the sum of w_g S_g over age groups, with the variance sum of w_g^2 SE_g^2
(Corazziari et al., Eur J Cancer 40 (2004)). Individual weights (Brenner et al., Eur J Cancer 40 (2004) 2317-2322):
one estimate in which every person of age group g weighs w_g / (n_g / n). Persons younger than the first age of the
standard are counted with the youngest group, with a warning. The rule for empty groups: weights are never
renormalised. Where an age group has no persons, or (traditional) where its follow-up has ended, the standardised
estimate is undefined and a warning names the group; merge age groups or choose an earlier time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from survival.cautions import few_at_risk, rising_net_survival, wide_weights
from survival.errors import SurvivalError
from survival.frames import DAYS, Unit
from survival.intervals import Scale, confidence_limits
from survival.lifetables import YEAR_OF_AGE, LifeTable
from survival.net.cohort import Cohort
from survival.net.estimators import Method, NetCurve, estimator
from survival.net.popepi import Transform, popepi_curve
from survival.net.relsurv import relsurv_curves
from survival.results import Result
from survival.standards import Standard

Compat = Literal["relsurv", "popepi"]
Weighting = Literal["traditional", "individual"]
DAYS_OF_POPEPI = {"days": 1.0, "months": 30.4375, "years": 365.25}
# a time this close (relatively) to the end of a monthly interval means that end
SAME = 1e-4


@dataclass(frozen=True)
class _Request:
    """The times asked for, as given and in days; all exit times of a group when none are given."""

    given: np.ndarray | None
    days: np.ndarray | None
    unit: Unit

    def of(self, cohort: Cohort) -> tuple[np.ndarray, np.ndarray]:
        if self.given is not None and self.days is not None:
            return self.given, self.days
        days = np.unique(cohort.time)
        return days / DAYS[self.unit], days


def net_survival(
    cohort: Cohort,
    table: LifeTable,
    *,
    method: Method = "pohar-perme",
    at: Sequence[float] | None = None,
    at_unit: Unit = "days",
    ci: Scale = "log",
    level: float = 0.95,
    standard: Standard | None = None,
    weighting: Weighting = "traditional",
    compat: Compat | None = None,
    transform: Transform = "hazard",
    precision: float = 1.0,
    closing: float | None = None,
    split: bool = False,
    given: float = 0.0,
    threads: int | None = None,
    engine: str = "auto",
) -> Result:
    """Gives net survival by stratum and time, with `se` of the estimate and `se_log` of its logarithm.

    Rows: stratum, `time` (echoes `at`, in `at_unit`; a year has 365.241 days, a month 30.4375), `n_risk` just before,
    `n_event` since the previous requested time, `estimate`, `se`, `se_log`, `lower`, `upper`. Limits are not cut at 1,
    because net survival can exceed it. Estimators and where they differ from R: `survival.net.estimators`.
    `compat` relsurv or popepi reproduces those programs with their faults; then `at` is relsurv's `add.times`, and
    `precision` its argument, `transform` popEpi's `surv.method`. `closing` (days since 1960) is the end of study for
    Hakulinen. `given` (in `at_unit`) conditions on survival beyond it: the ratio of net survivals, with the variance
    that was gathered since. `threads` work on groups side by side; the numbers do not depend on it. What was excluded is in
    `extra["excluded"]`.
    """
    scale = DAYS_OF_POPEPI if compat == "popepi" else DAYS
    asked = None if at is None else np.asarray(at, dtype=float)
    start = given * scale[at_unit]
    request = _Request(asked, None if asked is None else asked * scale[at_unit], at_unit)
    warnings: list[str] = list(table.cautions(cohort.date, cohort.time))

    def curves(groups: list[Cohort]) -> list[NetCurve]:
        if compat == "relsurv":
            times = () if request.days is None else request.days
            return relsurv_curves(groups, table, method=method, add_times=times, precision=precision, engine=engine)
        if compat == "popepi":
            one: Callable[[Cohort], NetCurve] = lambda group: popepi_curve(  # noqa: E731
                group, table, method=method, transform=transform
            )
        else:
            of_method = estimator(method, closing=closing, split=split)
            one = lambda group: of_method(group, table, engine=engine)  # noqa: E731
        if len(groups) == 1 or threads == 1:
            return [one(group) for group in groups]
        with ThreadPoolExecutor(max_workers=threads) as pool:
            return list(pool.map(one, groups))

    if standard is not None:
        years = cohort.age / YEAR_OF_AGE
        age_group = standard.group(years)
        warnings += standard.tell_younger(years)
    strata = [cohort.take(cohort.group == g) for g in range(len(cohort.strata))]
    if standard is None:
        found = [_at(curve, request.of(group), compat, start) for curve, group in zip(curves(strata), strata)]
    elif weighting == "individual":
        found = _individual(cohort, age_group, standard, curves, request, warnings, compat, start)
    else:
        found = _traditional(cohort, age_group, standard, curves, request, warnings, compat, start)
    frame = _frame(cohort.strata, found)
    effective = frame.pop("effective").to_numpy()
    lower, upper = confidence_limits(
        frame["estimate"].to_numpy(), frame["se"].to_numpy(), scale=ci, level=level, bounded=False
    )
    frame = frame.assign(lower=lower, upper=upper)
    warnings += few_at_risk(frame)
    if method == "pohar-perme":
        warnings += wide_weights(frame, effective)
    warnings += rising_net_survival(_yearly(frame, cohort.by) if at is None else frame, cohort.by)
    beyond = sorted(frame.loc[frame["estimate"].isna(), "time"].unique())
    if beyond:
        warnings.append(f"No estimate at {', '.join(f'{t:g}' for t in beyond[:10])}: follow-up has ended.")
    return Result(
        method=method,
        n=cohort.n,
        events=int(cohort.event.sum()),
        frame=frame,
        by=cohort.by,
        warnings=tuple(dict.fromkeys(warnings)),
        extra={"excluded": [{"reason": reason, "n": n} for reason, n in cohort.excluded]},
        settings={
            "ci": ci,
            "level": level,
            "at": at,
            "at_unit": at_unit,
            "compat": compat,
            "standard": standard.name if standard else None,
            "weighting": weighting if standard else None,
            "life_table": table.name,
            "delayed_entry": cohort.entry is not None,
            "given": given,
        },
    )


def _ends_of_months(curve: NetCurve, days: np.ndarray) -> np.ndarray:
    """Gives the ends of popEpi's intervals that lie at or before the days asked for; infinity beyond the last."""
    if not len(curve.end):
        return days
    place = np.searchsorted(curve.end, days * (1 + SAME), side="right") - 1
    ends = np.where(place >= 0, curve.end[np.maximum(place, 0)], 0.0)
    return np.where(days > curve.end[-1] * (1 + SAME), np.inf, ends)


def _at(
    curve: NetCurve, times: tuple[np.ndarray, np.ndarray], compat: Compat | None, start: float
) -> dict[str, np.ndarray]:
    """Gives the columns of one group at its times, conditional on survival beyond `start` days."""
    shown, days = times
    values = curve.at(_ends_of_months(curve, days) if compat == "popepi" else days)
    if start > 0:
        moment = np.array([start])
        base = curve.at(_ends_of_months(curve, moment) if compat == "popepi" else moment)
        early = days < start
        values["estimate"] = np.where(early, np.nan, values["estimate"] / base["estimate"])
        gathered = np.maximum(values["se_log"] ** 2 - base["se_log"] ** 2, 0.0)
        values["se_log"] = np.where(early, np.nan, np.sqrt(gathered))
        values["events"] = np.maximum(values["events"] - base["events"], 0.0)
    order = np.argsort(days, kind="stable")
    counts = np.empty(len(days))
    counts[order] = np.diff(values["events"][order], prepend=0.0)
    return {
        "time": shown,
        "n_risk": values["n_risk"].astype(np.int64),
        "n_event": counts.astype(np.int64),
        "estimate": values["estimate"],
        "se": values["estimate"] * values["se_log"],
        "se_log": values["se_log"],
        "effective": values["effective"],
    }


def _frame(strata: pd.DataFrame, found: list[dict[str, np.ndarray]]) -> pd.DataFrame:
    parts = []
    for g, columns in enumerate(found):
        labels = strata.iloc[np.full(len(columns["time"]), g)].reset_index(drop=True)
        parts.append(labels.assign(**columns))
    return pd.concat(parts, ignore_index=True)


def _yearly(frame: pd.DataFrame, by: tuple[str, ...]) -> pd.DataFrame:
    """Gives the last row of every twentieth part of the time axis, enough to see a curve rise."""
    step = max(float(frame["time"].max()) / 20, 1e-9)
    part = np.floor(frame["time"] / step)
    return frame.groupby([*by, part.rename("_part")], sort=False, as_index=False).last()


def _name(cohort: Cohort, g: int) -> str:
    label = ", ".join(f"{name} {cohort.strata[name].iloc[g]}" for name in cohort.by)
    return f" ({label})" if label else ""


Curves = Callable[[list[Cohort]], list[NetCurve]]


def _traditional(
    cohort: Cohort,
    age_group: np.ndarray,
    standard: Standard,
    curves: Curves,
    request: _Request,
    warnings: list[str],
    compat: Compat | None,
    start: float,
) -> list[dict[str, np.ndarray]]:
    found = []
    for g in range(len(cohort.strata)):
        times = request.of(cohort.take(cohort.group == g))
        parts = [cohort.take((cohort.group == g) & (age_group == k)) for k in range(len(standard.lower))]
        estimate, variance = np.zeros(len(times[0])), np.zeros(len(times[0]))
        n_risk, n_event = np.zeros(len(times[0]), np.int64), np.zeros(len(times[0]), np.int64)
        for part, weight, label in zip(parts, standard.weights, standard.labels):
            if part.n == 0:
                warnings.append(f"Age group {label}{_name(cohort, g)} has no persons: no standardised estimate.")
                estimate += np.nan
                continue
            # each age group is a call of its own, as one would write it in R
            values = _at(curves([part])[0], times, compat, start)
            if np.isnan(values["estimate"]).any():
                first = times[0][np.isnan(values["estimate"])].min()
                warnings.append(
                    f"Follow-up of age group {label}{_name(cohort, g)} ends before {first:g}: no standardised "
                    "estimate from there on."
                )
            estimate += weight * values["estimate"]
            variance += (weight * values["se"]) ** 2
            n_risk += values["n_risk"]
            n_event += values["n_event"]
        se = np.where(np.isnan(estimate), np.nan, np.sqrt(variance))
        with np.errstate(divide="ignore", invalid="ignore"):
            found.append(
                {
                    "time": times[0],
                    "n_risk": n_risk,
                    "n_event": n_event,
                    "estimate": estimate,
                    "se": se,
                    "se_log": se / estimate,
                    "effective": n_risk.astype(float),
                }
            )
    return found


def _individual(
    cohort: Cohort,
    age_group: np.ndarray,
    standard: Standard,
    curves: Curves,
    request: _Request,
    warnings: list[str],
    compat: Compat | None,
    start: float,
) -> list[dict[str, np.ndarray]]:
    if compat is not None:
        raise SurvivalError("usage", "--compat knows no individual weights", hint="Leave out --compat.")
    groups = len(cohort.strata)
    width = len(standard.lower)
    counts = np.bincount(cohort.group * width + age_group, minlength=groups * width).reshape(groups, width)
    weight = np.asarray(standard.weights) * counts.sum(axis=1, keepdims=True) / np.maximum(counts, 1)
    weighted = replace(cohort, weight=weight[cohort.group, age_group])
    parts = [weighted.take(weighted.group == g) for g in range(groups)]
    found = []
    for g, (curve, part) in enumerate(zip(curves(parts), parts)):
        columns = _at(curve, request.of(part), compat, start)
        if (counts[g] == 0).any():
            label = standard.labels[int(np.argmax(counts[g] == 0))]
            warnings.append(f"Age group {label}{_name(cohort, g)} has no persons: no standardised estimate.")
            for name in ("estimate", "se", "se_log"):
                columns[name] = np.full(len(columns["time"]), np.nan)
        found.append(columns)
    return found
