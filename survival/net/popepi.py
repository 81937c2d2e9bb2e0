"""Net survival exactly as popEpi 0.4 (`survtab`) computes it on monthly intervals, its slips included; on request.

Differences from our own: follow-up in monthly intervals of years of 365.25 days (dates as year + day / 365.242199);
one record per person and interval, with the hazard at the middle of the record; the Pohar Perme weight of a record is
1 / (S_P(start) exp(+h D / 2)) where exp(-h D / 2) is meant; the life-table variant takes its Pohar Perme variance
from unweighted effective numbers, and Ederer II divides expected deaths by n rather than by the effective number.
Sources: Seppa, Hakulinen, Laara and Pitkaniemi, Stat Med 35 (2016); the notes in the reference folder, section 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from survival.errors import SurvivalError
from survival.frames import DAYS, EPOCH, FollowUp
from survival.lifetables import YEAR_OF_AGE, LifeTable
from survival.net.cohort import Cohort
from survival.net.estimators import Method, NetCurve, ratio

YEAR = 365.25
YEAR_OF_DATES = 365.242199
PER_YEAR = 12
# the distance by which popEpi moves breaks down before it measures to the end of an interval
NUDGE = float(np.sqrt(np.finfo(float).eps))
Transform = Literal["hazard", "lifetable"]


@dataclass(frozen=True)
class IntervalSums:
    """Sums per monthly interval: deaths, censored, persons, person-years, expected deaths; `pp_` with weights."""

    d: np.ndarray
    censored: np.ndarray
    n: np.ndarray
    years: np.ndarray
    expected: np.ndarray
    pp_d: np.ndarray
    pp_d2: np.ndarray
    pp_expected: np.ndarray
    pp_years: np.ndarray
    pp_n: np.ndarray
    pp_censored: np.ndarray


def fractional_years(days: np.ndarray) -> np.ndarray:
    """Gives dates (days since 1960) as popEpi's `get.yrs`: the year plus its completed days / 365.242199."""
    dates = EPOCH + np.floor(days).astype("int64").astype("timedelta64[D]")
    first = dates.astype("datetime64[Y]")
    return first.astype("int64") + 1970 + (dates - first.astype("datetime64[D]")).astype("int64") / YEAR_OF_DATES


def sum_intervals(cohort: Cohort, table: LifeTable) -> IntervalSums:
    """Gives the monthly sums of one group up to its last follow-up."""
    calendar = fractional_years(cohort.date)
    if cohort.from_dates:
        followed = fractional_years(cohort.date + cohort.time) - calendar
    elif cohort.time_unit == "days":
        followed = cohort.time / YEAR
    else:
        followed = cohort.time / DAYS[cohort.time_unit] / (PER_YEAR if cohort.time_unit == "months" else 1)
    age = cohort.age / (YEAR if cohort.age_unit == "days" else YEAR_OF_AGE)
    rates = table.hazards * table.year_days
    count = int(np.ceil(followed.max() * PER_YEAR - 1e-9)) if cohort.n else 0
    cumulative = np.zeros(cohort.n)
    weight = cohort.weight if cohort.weight is not None else np.ones(cohort.n)
    rows = np.zeros((11, count))
    for k in range(count):
        low, high = k / PER_YEAR, (k + 1) / PER_YEAR
        here = np.flatnonzero(followed > low + 1e-12)
        length = np.minimum(followed[here], high) - low
        middle = low + length / 2
        a = np.clip(np.searchsorted(table.ages, np.floor(age[here] + middle), side="right") - 1, 0, None)
        y = np.clip(np.searchsorted(table.years, np.floor(calendar[here] + middle), side="right") - 1, 0, None)
        h = rates[cohort.sex[here], a, y]
        w = weight[here] * np.exp(cumulative[here] - h * (high - NUDGE - low) / 2)
        leaves = followed[here] <= high
        dies, lost = leaves & cohort.event[here], leaves & ~cohort.event[here]
        rows[:, k] = (
            dies.sum(),
            lost.sum(),
            len(here),
            length.sum(),
            h @ length,
            w[dies].sum(),
            w[dies] @ w[dies],
            w @ (h * length),
            w @ length,
            w.sum(),
            w[lost].sum(),
        )
        cumulative[here] += h * length
    return IntervalSums(*rows)


def popepi_curve(cohort: Cohort, table: LifeTable, *, method: Method, transform: Transform = "hazard") -> NetCurve:
    """Gives the curve of one group at the ends of months (`end` in days of 365.25 / 12 per month).

    Raises `usage` for Ederer I and Hakulinen, which popEpi does not have, and for delayed entry.
    """
    if method not in ("pohar-perme", "ederer2"):
        raise SurvivalError("usage", f"popEpi has no {method}", hint="Give --method pohar-perme or ederer2.")
    if cohort.entry is not None:
        raise SurvivalError("usage", "--compat popepi is for cohorts", hint="Leave out --compat for a period window.")
    s = sum_intervals(cohort.take(cohort.time > 0), table)
    step = 1.0 / PER_YEAR
    variance: np.ndarray
    effective: np.ndarray = s.n - s.censored / 2
    if method == "pohar-perme":
        if transform == "hazard":
            survival = np.cumprod(np.exp(-step * ratio(s.pp_d - s.pp_expected, s.pp_years)))
            variance = np.cumsum(ratio(step**2 * s.pp_d2, s.pp_years**2))
        else:
            survival = np.cumprod(1.0 - ratio(s.pp_d - s.pp_expected, s.pp_n - s.pp_censored / 2))
            variance = np.cumsum(ratio(s.pp_d2, effective**2))
    elif transform == "hazard":
        survival = np.cumprod(np.exp(-step * ratio(s.d - s.expected, s.years)))
        variance = np.cumsum(ratio(step**2 * s.d, s.years**2))
        observed = np.cumprod(np.exp(-step * ratio(s.d, s.years)))
        expected = np.cumprod(np.exp(-step * ratio(s.expected, s.years)))
        variance = variance * ratio(observed, expected * survival) ** 2
    else:
        survival = np.cumprod(1.0 - ratio(s.d - s.expected, effective))
        observed = np.cumprod(1.0 - ratio(s.d, effective))
        expected = np.cumprod(1.0 - ratio(s.expected, s.n))
        variance = np.cumsum(ratio(s.d, effective * (effective - s.d)))
        # the standard error of the observed survival over expected survival, given as one of the logarithm
        variance = variance * ratio(observed, expected * survival) ** 2
    months = np.arange(1, len(s.d) + 1) * (YEAR / PER_YEAR)
    start = np.concatenate([[0.0], months[:-1]])
    return NetCurve(start, months, survival, variance, np.ones(len(months)), s.n, s.d, s.n)


def popepi_observed(
    followup: FollowUp, causes: Sequence[float] = (), *, transform: Transform = "hazard"
) -> pd.DataFrame:
    """Gives popEpi's observed survival of one group by month, and by cause when the status codes of causes are given.

    Columns: `end` (years), `n`, `d`, `estimate`, `se`; for each cause c `d_c`, `survival_c` (others censored, from
    hazards), `se_c` and `cif_c` (the interval's deaths shared among causes). `followup` comes from two dates, or has
    times in days (years of 365.25), months or years.
    """
    if followup.origin is not None:
        days = followup.time if followup.unit == "days" else followup.time * DAYS[followup.unit]
        followed = fractional_years(followup.origin + days) - fractional_years(followup.origin)
    else:
        followed = followup.time / {"days": YEAR, "months": PER_YEAR, "years": 1}[followup.unit]
    kept = followed > 0
    followed, event, status = followed[kept], followup.event[kept], followup.status[kept]
    count = int(np.ceil(followed.max() * PER_YEAR - 1e-9))
    ends = np.arange(1, count + 1) / PER_YEAR
    month = np.minimum(np.searchsorted(ends, followed, side="left"), count - 1)
    gone = np.bincount(month, minlength=count)
    n = len(followed) - np.concatenate([[0], np.cumsum(gone)[:-1]])
    step = 1.0 / PER_YEAR
    years = (n - gone) * step + np.bincount(month, followed - month * step, minlength=count)

    def curve(d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if transform == "hazard":
            survival = np.exp(-np.cumsum(step * ratio(d, years)))
            return survival, survival * np.sqrt(np.cumsum(ratio(step**2 * d, years**2)))
        effective = n - (gone - d) / 2
        survival = np.cumprod(1.0 - ratio(d, effective))
        return survival, survival * np.sqrt(np.cumsum(ratio(d, effective * (effective - d))))

    deaths = np.bincount(month[event], minlength=count).astype(float)
    survival, se = curve(deaths)
    table = {"end": ends, "n": n, "d": deaths, "estimate": survival, "se": se}
    before = np.concatenate([[1.0], survival[:-1]])
    for cause in causes:
        d = np.bincount(month[event & (status == cause)], minlength=count).astype(float)
        own, own_se = curve(d)
        shared = np.cumsum((before - survival) * ratio(d, deaths))
        table |= {f"d_{cause:g}": d, f"survival_{cause:g}": own, f"se_{cause:g}": own_se, f"cif_{cause:g}": shared}
    return pd.DataFrame(table)
