"""Limited-duration prevalence by the counting method, and complete prevalence by the completeness index.

Counting (Gail et al., Biometrics 55 (1999) 1137-1144, as in SEER*Stat): who was diagnosed within L years before the
index date counts 1 when known alive at its start, 0 when dead before, and S(index) / S(last contact) when lost before,
with S the Kaplan-Meier survival of the person's group since diagnosis. Variance: Poisson, the sum of squared
contributions; limits on the logarithmic scale.

Complete (Capocaccia and De Angelis, Stat Med 16 (1997) 425-440): each contribution is divided by the completeness
index R of the person's age and sex at the index date, the share of all prevalent cases whose diagnosis lies within L
years, from incidence by age and from survival = cure model for net survival times background survival.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit

from survival.errors import SurvivalError
from survival.frames import EPOCH, Faults, FollowUp, read_numbers, read_table
from survival.intervals import normal_quantile
from survival.kaplan_meier import Curves, estimate_curves
from survival.lifetables import LifeTable, read_sex
from survival.net.cohort import Cohort
from survival.results import Result
from survival.risksets import count_followup

YEAR = 365.25
OLDEST = 110


def years_before(index: float, years: float) -> float:
    """Gives the day (since 1960) that lies so many years before; whole years keep month and day."""
    whole = int(np.floor(years))
    date = EPOCH + np.timedelta64(int(index), "D")
    month = date.astype("datetime64[M]")
    day = (date - month.astype("datetime64[D]")).astype("int64")
    start = (month - 12 * whole).astype("datetime64[D]") + day
    return float((start - EPOCH).astype("int64")) - (years - whole) * YEAR


def contributions(followup: FollowUp, diagnosis: np.ndarray, index: float) -> tuple[np.ndarray, np.ndarray]:
    """Gives each person's probability of being alive at the start of the index date, and who was lost before it.

    `followup` is in days, `diagnosis` in days since 1960-01-01. Persons diagnosed on or after the index date get 0.
    """
    curves = estimate_curves(count_followup(followup))
    elapsed = index - diagnosis
    left = followup.time < elapsed
    lost = left & ~followup.event & (elapsed > 0)
    alive = np.where(left & followup.event, 0.0, 1.0)
    rows = np.flatnonzero(lost)
    at_index = _survival_at(curves, followup.group[rows], elapsed[rows])
    at_loss = _survival_at(curves, followup.group[rows], followup.time[rows])
    alive[rows] = np.divide(at_index, at_loss, out=np.zeros(len(rows)), where=at_loss > 0)
    return np.where(elapsed > 0, alive, 0.0), lost


def _survival_at(curves: Curves, group: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Gives the survival just before each time; beyond the last follow-up the last value is carried on."""
    position = np.searchsorted(curves.sets.times, time, side="left") - 1
    return np.where(position >= 0, curves.survival[group, np.maximum(position, 0)], 1.0)


def limited_duration(
    followup: FollowUp,
    diagnosis: np.ndarray,
    *,
    index: float,
    durations: Sequence[float] | None = None,
    level: float = 0.95,
    completeness: np.ndarray | None = None,
) -> Result:
    """Gives prevalence at the index date (days since 1960) by stratum and duration in years.

    Rows: `time` (the duration), `n_cases` diagnosed within it, `n_alive` known alive, `n_lost`, `n_event` (died
    before), `estimate`, `se`, limits. Without durations the whole time since the first diagnosis is one. With
    `completeness` (the index R of each person) the estimate is the complete prevalence.
    """
    if not (diagnosis < index).any():
        raise SurvivalError("group-empty", "nobody was diagnosed before the index date", hint="Check --index-date.")
    part, lost = contributions(followup, diagnosis, index)
    longest = float((index - diagnosis.min()) / YEAR)
    asked = [longest] if durations is None else list(durations)
    weight = part if completeness is None else np.divide(part, completeness, out=np.zeros_like(part), where=part > 0)
    rows, warnings = [], []
    for g in range(followup.groups):
        for duration in asked:
            within = (followup.group == g) & (diagnosis < index) & (diagnosis >= years_before(index, duration))
            estimate, variance = float(weight[within].sum()), float((weight[within] ** 2).sum())
            se = np.sqrt(variance)
            reach = np.exp(normal_quantile(level) * se / estimate) if estimate > 0 else np.nan
            rows.append(
                {
                    **{name: followup.strata[name].iloc[g] for name in followup.by},
                    "time": duration,
                    "n_cases": int(within.sum()),
                    "n_alive": int((within & ~lost & (part > 0)).sum()),
                    "n_lost": int((within & lost).sum()),
                    "n_event": int((within & (part == 0) & ~lost).sum()),
                    "estimate": estimate,
                    "se": se,
                    "lower": estimate / reach,
                    "upper": estimate * reach,
                }
            )
    beyond = [duration for duration in asked if duration > longest + 1]
    if beyond:
        warnings.append(
            f"Cases are known for {longest:.1f} years before the index date only: prevalence for "
            f"{', '.join(f'{value:g}' for value in beyond)} years misses earlier ones."
        )
    return Result(
        method="complete-prevalence" if completeness is not None else "limited-duration-prevalence",
        n=followup.n,
        events=int(followup.event.sum()),
        frame=pd.DataFrame(rows),
        by=followup.by,
        warnings=tuple(warnings),
        extra={"index_date": str(EPOCH + np.timedelta64(int(index), "D"))},
        settings={"level": level, "durations": asked},
    )


@dataclass(frozen=True)
class CureModel:
    """Net survival cured + (1 - cured) exp(-rate t), t in years."""

    cured: float
    rate: float

    def survival(self, years: np.ndarray) -> np.ndarray:
        return self.cured + (1 - self.cured) * np.exp(-self.rate * years)


def fit_cure_model(cohort: Cohort, table: LifeTable) -> CureModel:
    """Gives the maximum-likelihood cure model of a cohort with background mortality from the life table."""
    years = np.maximum(cohort.time, 0.5) / YEAR
    age, date = cohort.age + cohort.time, cohort.date + cohort.time
    row = np.clip(np.searchsorted(table.age_cuts, age, side="right") - 1, 0, None)
    column = np.clip(np.searchsorted(table.year_cuts, table.place(date, age), side="right") - 1, 0, None)
    other = table.hazards[cohort.sex, row, column] * YEAR

    def loss(parameters: np.ndarray) -> float:
        cured, rate = expit(parameters[0]), np.exp(parameters[1])
        dying = (1 - cured) * np.exp(-rate * years)
        survival = cured + dying
        excess = rate * dying / survival
        return float(-(np.log(other + excess)[cohort.event].sum() + np.log(survival).sum()))

    found = minimize(loss, x0=np.array([0.0, -1.0]), method="Nelder-Mead", options={"maxiter": 2000})
    if not found.success:
        raise SurvivalError("no-convergence", "the cure model did not converge", hint="Give a larger cohort.")
    return CureModel(float(expit(found.x[0])), float(np.exp(found.x[1])))


def completeness_index(
    incidence: np.ndarray, model: CureModel, table: LifeTable, *, index: float, years: float
) -> np.ndarray:
    """Gives R by sex (0, 1) and age at the index date (0 to 109): prevalent within `years` over all prevalent.

    `incidence[sex, age]` are rates by single year of age, of which only the shape matters.
    """
    ages = np.arange(OLDEST)
    yearly = table.hazards * YEAR
    labels = np.searchsorted(table.ages, ages, side="right") - 1
    shares = np.ones((2, OLDEST))
    for sex in (0, 1):
        for age in range(1, OLDEST):
            ago = np.arange(age) + 0.5
            at_diagnosis = np.clip((age - ago).astype(int), 0, OLDEST - 1)
            # each year since diagnosis was lived at its own age and calendar year, on the way to this age now
            column = np.clip(np.searchsorted(table.year_cuts, index - ago * YEAR, side="right") - 1, 0, None)
            background = np.exp(-np.cumsum(yearly[sex, labels[at_diagnosis], column]))
            weight = incidence[sex, at_diagnosis] * background * model.survival(ago)
            everyone = weight.sum()
            # the year in which the registry began counts by its part
            part = np.clip(years - (ago - 0.5), 0.0, 1.0)
            shares[sex, age] = (weight * part).sum() / everyone if everyone > 0 else 1.0
    return shares


def complete_prevalence(
    cohort: Cohort,
    followup: FollowUp,
    table: LifeTable,
    incidence: np.ndarray,
    *,
    index: float,
    years: float,
    level: float = 0.95,
) -> Result:
    """Gives complete prevalence at the index date from cases of the last `years` (see the module)."""
    model = fit_cure_model(cohort, table)
    shares = completeness_index(incidence, model, table, index=index, years=years)
    age = np.clip((cohort.age + index - cohort.date) / YEAR, 0, OLDEST - 1).astype(int)
    result = limited_duration(
        followup,
        cohort.date,
        index=index,
        durations=[years],
        level=level,
        completeness=np.maximum(shares[cohort.sex, age], 1e-6),
    )
    extra = {**result.extra, "cure_model": {"cured": model.cured, "rate_per_year": model.rate}}
    return Result(
        result.method, result.n, result.events, result.frame, result.by, result.warnings, extra, result.settings
    )


def read_incidence(path: str) -> np.ndarray:
    """Gives incidence rates [sex, age] of a file with the columns sex, age (single years) and rate."""
    frame = read_table(path, columns=["sex", "age", "rate"])
    faults = Faults(path)
    sex = read_sex(frame, "sex", faults)
    age = read_numbers(frame, "age", faults, minimum=0, maximum=OLDEST - 1)
    rate = read_numbers(frame, "rate", faults, minimum=0)
    faults.raise_if_any()
    rates = np.full((2, OLDEST), np.nan)
    rates[sex, age.astype(int)] = rate
    for row, name in zip(rates, ("men", "women")):
        known = np.flatnonzero(~np.isnan(row))
        if not len(known):
            raise SurvivalError(
                "group-empty", f"no incidence for {name}", hint="Give rates for both sexes.", where=path
            )
        # ages between those given are filled in a straight line, ages outside take the nearest
        row[:] = np.interp(np.arange(OLDEST), known, row[known])
    return rates
