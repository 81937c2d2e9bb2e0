"""Flexible parametric models: the log cumulative (excess) hazard is a restricted cubic spline of log time plus covariates.

Royston and Parmar (2002); with a background hazard after Nelson et al. (2007). Knots lie at quantiles of the log times of
events; time is in years of 365.241 days.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from survival.errors import SurvivalError
from survival.regression.maximum import ParametricModel, finish, maximise

DAY_OF_YEAR = 1 / 365.241


def knots_of(log_time: np.ndarray, df: int) -> np.ndarray:
    """Gives the boundary and `df` - 1 inner knots of log event times."""
    if not 1 <= df <= 8:
        raise SurvivalError("usage", f"{df} degrees of freedom", hint="Choose 1 to 8.")
    return np.quantile(log_time, np.linspace(0, 1, df + 1))


def spline(u: np.ndarray, knots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gives a restricted cubic spline basis (n, 1 + df) with a constant, and its derivative by u."""
    low, high = knots[0], knots[-1]
    columns, slopes = [np.ones_like(u), u], [np.zeros_like(u), np.ones_like(u)]

    def cube(at: float) -> np.ndarray:
        return np.clip(u - at, 0, None) ** 3

    def square(at: float) -> np.ndarray:
        return 3 * np.clip(u - at, 0, None) ** 2

    for knot in knots[1:-1]:
        share = (high - knot) / (high - low)
        columns.append(cube(knot) - share * cube(low) - (1 - share) * cube(high))
        slopes.append(square(knot) - share * square(low) - (1 - share) * square(high))
    return np.column_stack(columns), np.column_stack(slopes)


def fit_flexible(
    time: np.ndarray,
    event: np.ndarray,
    covariates: np.ndarray,
    *,
    terms: Sequence[str],
    background: np.ndarray | None = None,
    entry: np.ndarray | None = None,
    df: int = 4,
    at: Sequence[float] = (),
) -> ParametricModel:
    """Fits the model; `time` and `entry` in years, `background` the population's hazard per year at exit.

    A time of 0 counts as half a day. `at` (years) adds the survival, net where there is a background, averaged over the
    persons (column `estimate` of `curve`).
    """
    t = np.maximum(time, DAY_OF_YEAR / 2)
    u = np.log(t)
    if event.sum() < df + 2:
        raise SurvivalError("group-empty", "too few events for this spline", hint="Choose fewer degrees of freedom.")
    knots = knots_of(u[event], df)
    if (np.diff(knots) <= 0).any():
        raise SurvivalError("usage", "events are too tied for so many knots", hint="Choose fewer degrees of freedom.")
    basis, slope = spline(u, knots)
    size = basis.shape[1]
    x = covariates - covariates.mean(axis=0)
    z = np.column_stack([basis, x])
    dz = np.column_stack([slope, np.zeros_like(x)])[event] / t[event, None]
    late = None if entry is None else np.flatnonzero(entry > 0)
    z0 = None
    if late is not None and len(late):
        assert entry is not None
        z0 = np.column_stack([spline(np.log(entry[late]), knots)[0], x[late]])
    hazard = np.zeros(len(t)) if background is None else background
    population, own = hazard[event], z[event]

    def likelihood(point: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        gone = np.exp(np.clip(z @ point, -60, 60))
        rise = dz @ point
        excess = gone[event] * rise
        total = population + excess
        if (rise <= 0).any() or (total <= 0).any():
            return -np.inf, np.zeros(len(point)), np.zeros((len(point), len(point)))
        value = float(np.log(total).sum() - gone.sum())
        first = excess[:, None] * own + gone[event, None] * dz
        gradient = (first / total[:, None]).sum(axis=0) - z.T @ gone
        weight = 1 / total
        cross = (own * (gone[event] * weight)[:, None]).T @ dz
        hessian = (own * (excess * weight)[:, None]).T @ own + cross + cross.T
        hessian -= (first * (weight**2)[:, None]).T @ first
        hessian -= (z * gone[:, None]).T @ z
        if z0 is not None:
            before = np.exp(np.clip(z0 @ point, -60, 60))
            value += float(before.sum())
            gradient += z0.T @ before
            hessian += (z0 * before[:, None]).T @ z0
        return value, gradient, hessian

    fitted = maximise(likelihood, _start(u, event, z, size))
    model = finish(
        "flexible-parametric",
        [*(f"spline{k}" for k in range(size)), *terms],
        fitted,
        n=len(t),
        events=int(event.sum()),
        extra={"knots": np.exp(knots).tolist()},
    )
    if len(at):
        curve = []
        for year in at:
            moment = spline(np.full(1, np.log(max(year, DAY_OF_YEAR / 2))), knots)[0] @ model.coef[:size]
            curve.append({"time": year, "estimate": float(np.exp(-np.exp(moment + x @ model.coef[size:])).mean())})
        model.extra["curve"] = curve
    return model


def _start(u: np.ndarray, event: np.ndarray, z: np.ndarray, size: int) -> np.ndarray:
    """Gives a starting point with a rising cumulative hazard: the straight line through Nelson and Aalen's estimate."""
    order = np.argsort(u, kind="stable")
    at_risk = np.arange(len(u), 0, -1)
    hazard = np.cumsum(event[order] / at_risk)
    dying = event[order]
    level, rise = np.log(hazard[dying]), u[order][dying]
    slope = max(float(np.polyfit(rise, level, 1)[0]), 0.1) if np.ptp(rise) > 0 else 1.0
    point = np.zeros(z.shape[1])
    point[0], point[1] = level.mean() - slope * rise.mean(), slope
    return point
