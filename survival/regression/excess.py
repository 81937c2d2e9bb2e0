"""Excess-hazard regression: the hazard is the population's plus exp(baseline of the interval + covariates).

Full maximum likelihood on individual data after Esteve et al. (1990), with a piecewise constant baseline; years count 365.241
days. `exp_coef` of a covariate is an excess hazard ratio.
Coefficients agree with relsurv's `rsadd(method = "max.lik")` to 1e-4.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from survival.errors import SurvivalError
from survival.lifetables import YEAR_OF_AGE, LifeTable
from survival.net.cohort import Cohort
from survival.regression.background import hazard_at_exit
from survival.regression.maximum import ParametricModel, finish, maximise

YEARLY = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)


def fit_excess(
    cohort: Cohort,
    table: LifeTable,
    covariates: np.ndarray,
    *,
    terms: Sequence[str],
    breaks: Sequence[float] = YEARLY,
) -> ParametricModel:
    """Fits the model to follow-up between the first and last of `breaks` (years); an interval without deaths is an error."""
    bounds = np.array(breaks, dtype=float)
    if len(bounds) < 2 or (np.diff(bounds) <= 0).any():
        raise SurvivalError("usage", "the intervals do not ascend", hint="Like --breaks 0,1,2,5.")
    exit_ = cohort.time / YEAR_OF_AGE
    entry = np.zeros(cohort.n) if cohort.entry is None else cohort.entry / YEAR_OF_AGE
    exposure = np.clip(np.minimum(exit_[:, None], bounds[1:]) - np.maximum(entry[:, None], bounds[:-1]), 0, None)
    # a death on the day of diagnosis belongs to the first interval
    interval = np.searchsorted(bounds[1:], exit_, side="left")
    died = cohort.event & (interval < len(bounds) - 1) & (exit_ >= bounds[0])
    deaths = np.bincount(interval[died], minlength=len(bounds) - 1)[: len(bounds) - 1]
    empty = np.flatnonzero(deaths == 0)
    if len(empty):
        text = ", ".join(f"{bounds[k]:g} to {bounds[k + 1]:g}" for k in empty)
        raise SurvivalError("group-empty", f"no deaths between {text} years", hint="Join intervals with --breaks.")
    center = covariates.mean(axis=0)
    x = covariates - center
    background = hazard_at_exit(cohort, table)[died]
    place, own = interval[died], x[died]
    count = len(bounds) - 1

    def likelihood(point: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        base, beta = point[:count], point[count:]
        relative = np.exp(np.clip(x @ beta, -50, 50))
        rate = np.exp(np.clip(base, -50, 50))
        carried = exposure * rate * relative[:, None]
        excess = rate[place] * relative[died]
        share = excess / (background + excess)
        value = float(np.log(background + excess).sum() - carried.sum())
        gradient = np.concatenate(
            [
                np.bincount(place, weights=share, minlength=count) - carried.sum(axis=0),
                own.T @ share - x.T @ carried.sum(axis=1),
            ]
        )
        curve = share * (1 - share)
        hessian = np.zeros((len(point), len(point)))
        hessian[:count, :count] = np.diag(np.bincount(place, weights=curve, minlength=count) - carried.sum(axis=0))
        mixed = np.stack([np.bincount(place, weights=curve * column, minlength=count) for column in own.T], axis=1)
        mixed -= carried.T @ x
        hessian[:count, count:], hessian[count:, :count] = mixed, mixed.T
        hessian[count:, count:] = (own * curve[:, None]).T @ own - (x * carried.sum(axis=1)[:, None]).T @ x
        return value, gradient, hessian

    expected = np.bincount(place, weights=background, minlength=count) / np.maximum(deaths, 1) * exposure.sum(axis=0)
    start = np.log(np.maximum(deaths - expected, 0.5) / exposure.sum(axis=0))
    fitted = maximise(likelihood, np.concatenate([start, np.zeros(x.shape[1])]))
    names = [f"baseline {bounds[k]:g}-{bounds[k + 1]:g}" for k in range(count)]
    return finish(
        "excess-hazard",
        [*names, *terms],
        fitted,
        n=cohort.n,
        events=int(died.sum()),
        extra={"baseline_at": dict(zip(terms, center.tolist(), strict=True)), "breaks": bounds.tolist()},
    )
