"""Confidence limits of a probability on the five scales that R's `survfit` offers, and for net survival above one.

Sources: Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data, 2nd ed., 2002, section 1.4;
Therneau, R package survival, `survfit.formula` (argument `conf.type`).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.special import expit, ndtri

Scale = Literal["plain", "log", "log-log", "logit", "arcsin"]
SCALES: tuple[Scale, ...] = ("plain", "log", "log-log", "logit", "arcsin")


def normal_quantile(level: float) -> float:
    """Gives the two-sided normal quantile of a confidence level, 1.96 for 0.95."""
    return float(ndtri(0.5 + level / 2.0))


def confidence_limits(
    estimate: np.ndarray,
    se: np.ndarray,
    *,
    scale: Scale = "log",
    level: float = 0.95,
    bounded: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Gives lower and upper limits of `estimate` from its own standard error (not the one of its logarithm).

    `bounded` keeps the limits within 0 and 1 as a probability must be; net survival may exceed 1 and is not bounded.
    Where a scale does not exist (log at 0; log-log, logit and arcsin at 0 and 1) both limits are NaN, as in R.
    """
    estimate = np.asarray(estimate, dtype=float)
    se = np.asarray(se, dtype=float)
    half = normal_quantile(level) * se
    with np.errstate(divide="ignore", invalid="ignore"):
        if scale == "plain":
            lower, upper = estimate - half, estimate + half
        elif scale == "log":
            inside = np.where(estimate > 0, estimate, np.nan)
            lower, upper = inside * np.exp(-half / inside), inside * np.exp(half / inside)
        elif scale == "log-log":
            inside = np.where((estimate > 0) & (estimate < 1), estimate, np.nan)
            centre, reach = np.log(-np.log(inside)), half / (inside * np.log(inside))
            # log S is negative, so subtracting the (negative) reach gives the lower limit
            lower, upper = np.exp(-np.exp(centre - reach)), np.exp(-np.exp(centre + reach))
        elif scale == "logit":
            inside = np.where((estimate > 0) & (estimate < 1), estimate, np.nan)
            centre, reach = np.log(inside / (1 - inside)), half / (inside * (1 - inside))
            lower, upper = expit(centre - reach), expit(centre + reach)
        else:
            inside = np.where((estimate > 0) & (estimate < 1), estimate, np.nan)
            centre, reach = np.arcsin(np.sqrt(inside)), 0.5 * half / np.sqrt(inside * (1 - inside))
            lower = np.sin(np.maximum(0.0, centre - reach)) ** 2
            upper = np.sin(np.minimum(np.pi / 2, centre + reach)) ** 2
    if bounded:
        lower, upper = np.maximum(lower, 0.0), np.minimum(upper, 1.0)
    return lower, upper
