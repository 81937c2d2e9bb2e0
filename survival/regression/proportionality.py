"""The test of proportional hazards as R's `cox.zph` gives it since survival 3.0: a score test of coefficients in time.

For each term a coefficient times g(t) is added to the model and tested at 0; g is 1 - KM just before the time, the rank of the
time, the time itself, or its logarithm. Grambsch and Therneau (1994), exact and not by their approximation. Where the data
say nothing of a change in time (all events at one time, or a time of 0 under the logarithm) chi-square and p are None.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy.stats import chi2, rankdata

from survival.regression.cox import CoxModel
from survival.regression.maximum import quadratic_form

Transform = Literal["km", "rank", "identity", "log"]
GLOBAL = "GLOBAL"
# an information this much smaller than what it was reckoned from is nothing but rounding
ROUNDING = 1e-10


def proportionality(model: CoxModel, *, transform: Transform = "km") -> list[dict[str, Any]]:
    """Gives {"term", "chisq", "df", "p"} of each term and of all together (`GLOBAL`)."""
    plan, at = model.plan, model.at
    g = _transform(model, transform)
    dying = plan.order[plan.deaths]
    second = (g[:, None] * (model.covariates[dying] - at.mean)).sum(axis=0)
    plain = at.information
    mixed = (g[:, None, None] * at.spread).sum(axis=0)
    squared = ((g**2)[:, None, None] * at.spread).sum(axis=0)
    # the information on g(t)'s coefficients left after the model's own coefficients were estimated
    rows = []
    for place, name in enumerate(model.terms):
        own = mixed[:, place]
        left = squared[place, place] - own @ np.linalg.solve(plain, own)
        told = np.isfinite(left) and left > ROUNDING * squared[place, place]
        rows.append(_row(name, float(second[place] ** 2 / left) if told else None, 1))
    told = all(row["chisq"] is not None for row in rows)
    left = squared - mixed.T @ np.linalg.solve(plain, mixed)
    rows.append(_row(GLOBAL, quadratic_form(left, second) if told else None, len(second)))
    return rows


def _row(name: str, chisq: float | None, df: int) -> dict[str, Any]:
    return {"term": name, "chisq": chisq, "df": df, "p": None if chisq is None else float(chi2.sf(chisq, df))}


def _transform(model: CoxModel, transform: Transform) -> np.ndarray:
    """Gives g at each death, centred at its mean (which changes no test, and keeps the sums small)."""
    time = model.plan.time
    if transform == "km":
        g = 1 - _survival_before(model, time)
    elif transform == "rank":
        # the rank among all rows' times, the censored ones too
        g = rankdata(model.plan.exit)[model.plan.order[model.plan.deaths]]
    elif transform == "log":
        with np.errstate(divide="ignore"):
            g = np.log(time)
    else:
        g = time.astype(float)
    with np.errstate(invalid="ignore"):
        return g - g.mean()


def _survival_before(model: CoxModel, time: np.ndarray) -> np.ndarray:
    """Gives the Kaplan-Meier estimate of all rows, whatever their stratum, just before each time."""
    plan = model.plan
    moments, deaths = np.unique(time, return_counts=True)
    leaving = np.sort(plan.exit)
    at_risk = len(leaving) - np.searchsorted(leaving, moments, side="left")
    if plan.entry is not None:
        entering = np.sort(plan.entry)
        at_risk = at_risk - (len(entering) - np.searchsorted(entering, moments, side="left"))
    curve = np.cumprod(1 - deaths / at_risk)
    return np.concatenate([[1.0], curve[:-1]])[np.searchsorted(moments, time)]
