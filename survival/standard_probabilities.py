"""Age-standardised probabilities of death under competing risks: by cause (Aalen-Johansen), or crude and without causes.

The probability of each age group weighs as much as the standard says: the sum of w_k F_k, with the variance sum of
w_k^2 SE_k^2, as for survival (Corazziari et al., Eur J Cancer 40 (2004) 2307-2316). The probabilities of all causes then
still add up to one minus the standardised survival. Individual weights are defined for one curve of survival and not here.

The rules are those of `survival.age_standard`: weights are never renormalised; an age group without persons, or whose
follow-up has ended while somebody lived, leaves no estimate and is named. After the last death of a group of which all
died by cause, its probabilities stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from survival.age_standard import by_age
from survival.cautions import few_at_risk
from survival.competing.incidence import (
    IncidenceCurve,
    Variance,
    cause_codes,
    count_causes,
    estimate_incidence,
    incidence_rows,
)
from survival.errors import SurvivalError
from survival.frames import FollowUp, Unit, convert
from survival.intervals import Scale, confidence_limits
from survival.lifetables import YEAR_OF_AGE, LifeTable
from survival.net.cohort import Cohort
from survival.net.crude import crude_death
from survival.results import Result
from survival.standards import Standard


def standardised_incidence(
    data: FollowUp,
    age: np.ndarray,
    standard: Standard,
    *,
    at: Sequence[float],
    at_unit: Unit | None = None,
    causes: Sequence[str | float] | None = None,
    censored: str | float = 0,
    ci: Scale = "log",
    level: float = 0.95,
    variance: Variance = "jackknife",
) -> Result:
    """Gives age-standardised cumulative incidence by stratum, cause and time; `age` is in years, NaN where unknown.

    Rows as `cumulative_incidence` gives them with `at`; numbers at risk and events are those of all age groups together.
    """
    if not len(at):
        raise SurvivalError("usage", "no times for the age-standardised probabilities", hint="Give --at 1,3,5.")
    unit = at_unit or data.unit
    data, group, warnings = by_age(data, age, standard)
    every, wanted = cause_codes(data, None, censored), cause_codes(data, causes, censored)
    places = [every.index(code) for code in wanted]
    tables, events = [], 0
    for g in range(len(data.strata)):
        parts: list[pd.DataFrame | None] = []
        for k in range(len(standard.lower)):
            rows = np.flatnonzero((data.group == g) & (group == k))
            if not len(rows):
                parts.append(None)
                continue
            curve = estimate_incidence(count_causes(data, rows, every, censored))
            events += int(curve.counts.by_cause[places].sum())
            parts.append(_incidence(curve, places, data, at, unit, variance))
        tables.append(_weigh(parts, standard, data.strata, g, at, ("",), warnings, labels={"cause": wanted}))
    frame = _limits(pd.concat(tables, ignore_index=True), ("",), ci, level)
    settings = {"causes": wanted, "ci": ci, "level": level, "variance": variance}
    settings |= {"at": at, "at_unit": unit, "standard": standard.name, "weighting": "traditional"}
    told = (*warnings, *few_at_risk(frame))
    return Result("aalen-johansen", data.n, events, frame, data.by, told, {}, settings)


def _incidence(
    curve: IncidenceCurve,
    causes: Sequence[int],
    data: FollowUp,
    at: Sequence[float],
    unit: Unit,
    variance: Variance,
) -> pd.DataFrame:
    """Gives the rows of one age group of one stratum, cause by cause; who all died keep their probabilities."""
    counts = curve.counts
    last = counts.times[-1]
    gone = counts.by_cause[:, -1].sum() == counts.at_risk[-1]
    asked = np.array([convert(value, unit, data.unit) for value in at])
    beyond = asked > last
    times = np.minimum(asked, last) if gone else asked
    found = [incidence_rows(curve, cause, data, times, data.unit, variance) for cause in causes]
    kept = [rows.assign(time=np.asarray(at, dtype=float), n_risk=rows["n_risk"].mask(beyond, 0)) for rows in found]
    return pd.concat(kept, ignore_index=True)


def standardised_crude_death(
    cohort: Cohort,
    table: LifeTable,
    standard: Standard,
    *,
    at: Sequence[float],
    at_unit: Unit = "days",
    ci: Scale = "log",
    level: float = 0.95,
    engine: str = "auto",
) -> Result:
    """Gives age-standardised probabilities of death from cancer and from other causes, columns as `crude_death` has.

    Years of life lost are not standardised.
    """
    if not len(at):
        raise SurvivalError("usage", "no times for the age-standardised probabilities", hint="Give --at 1,3,5.")
    years = cohort.age / YEAR_OF_AGE
    group, warnings = standard.group(years), list(table.cautions(cohort.date, cohort.time))
    warnings += standard.tell_younger(years)
    tables, names = [], ("", "other_")
    for g in range(len(cohort.strata)):
        parts: list[pd.DataFrame | None] = []
        for k in range(len(standard.lower)):
            rows = (cohort.group == g) & (group == k)
            alone = replace(
                cohort.take(rows), group=np.zeros(int(rows.sum()), dtype=int), strata=pd.DataFrame(index=[0])
            )
            found = crude_death(alone, table, at=at, at_unit=at_unit, engine=engine).frame if rows.any() else None
            parts.append(found)
        tables.append(_weigh(parts, standard, cohort.strata, g, at, names, warnings))
    frame = _limits(pd.concat(tables, ignore_index=True), names, ci, level)
    return Result(
        method="crude-probability-of-death",
        n=cohort.n,
        events=int(cohort.event.sum()),
        frame=frame,
        by=cohort.by,
        warnings=(*warnings, *few_at_risk(frame)),
        extra={"excluded": [{"reason": reason, "n": n} for reason, n in cohort.excluded]},
        settings={
            "ci": ci,
            "level": level,
            "at": at,
            "at_unit": at_unit,
            "life_table": table.name,
            "standard": standard.name,
            "weighting": "traditional",
        },
    )


def _weigh(
    parts: Sequence[pd.DataFrame | None],
    standard: Standard,
    strata: pd.DataFrame,
    g: int,
    at: Sequence[float],
    names: Sequence[str],
    warnings: list[str],
    *,
    labels: dict[str, list] | None = None,
) -> pd.DataFrame:
    """Gives the weighted rows of one stratum; adds to `warnings` which age group leaves no estimate."""
    label = ", ".join(f"{name} {strata[name].iloc[g]}" for name in strata.columns)
    where = f" ({label})" if label else ""
    width = len(next(iter(labels.values()))) if labels else 1
    there = [part for part in parts if part is not None]
    rows = width * len(at)
    found: dict[str, object] = {name: strata[name].iloc[g] for name in strata.columns}
    for name, values in (labels or {}).items():
        found[name] = np.repeat(np.asarray(values, dtype=object), len(at))
    found["time"] = np.tile(np.asarray(at, dtype=float), width)
    for name in ("n_risk", "n_event"):
        found[name] = sum((part[name].to_numpy() for part in there), np.zeros(rows, dtype=np.int64))
    for name in names:
        estimate, spread = np.zeros(rows), np.zeros(rows)
        for part, weight in zip(parts, standard.weights, strict=True):
            estimate += weight * (np.nan if part is None else part[f"{name}estimate"].to_numpy())
            spread += (weight * (np.nan if part is None else part[f"{name}se"].to_numpy())) ** 2
        found[f"{name}estimate"], found[f"{name}se"] = estimate, np.sqrt(spread)
    for part, ages in zip(parts, standard.labels, strict=True):
        if part is None:
            warnings.append(f"Age group {ages}{where} has no persons: no standardised estimate.")
        elif part["estimate"].isna().any():
            first = part.loc[part["estimate"].isna(), "time"].min()
            warnings.append(
                f"Follow-up of age group {ages}{where} ends before {first:g}: no standardised estimate from there on."
            )
    return pd.DataFrame(found, index=range(rows))


def _limits(frame: pd.DataFrame, names: Sequence[str], ci: Scale, level: float) -> pd.DataFrame:
    for name in names:
        estimate, se = frame[f"{name}estimate"].to_numpy(), frame[f"{name}se"].to_numpy()
        frame[f"{name}lower"], frame[f"{name}upper"] = confidence_limits(estimate, se, scale=ci, level=level)
    return frame
