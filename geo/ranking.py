"""Ranks of areas with intervals: how sure it is that one area's rate is the highest.

The ranks of draws from each rate's sampling distribution: gamma about the age-adjusted rate, as for its interval
(Zhang S, Luo J, Zhu L, et al. Confidence intervals for ranks of age-adjusted rates. Stat Med 2014;33:1853-66).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from geo.errors import GeoError


def rank_rates(
    rates: np.ndarray, errors: np.ndarray, *, draws: int = 10_000, level: float = 0.95, seed: int = 1
) -> pd.DataFrame:
    """Gives rank (1 is the highest rate), rank_lower and rank_upper per area; missing rates have no rank.

    `errors` are standard errors. Rates are drawn independently; a rate with error 0 keeps its value. Equal rates share
    the mean of their ranks.
    """
    rates, errors = np.asarray(rates, float), np.asarray(errors, float)
    if rates.shape != errors.shape or rates.ndim != 1 or draws < 100:
        raise GeoError("usage", "rates and errors must be vectors of one length, with at least 100 draws")
    known = np.isfinite(rates) & np.isfinite(errors)
    if (rates[known] < 0).any() or (errors[known] < 0).any():
        raise GeoError("input-values", "rates and standard errors must be 0 or more")
    table = pd.DataFrame({"rank": np.nan, "rank_lower": np.nan, "rank_upper": np.nan}, index=range(len(rates)))
    if not known.any():
        return table
    value, error = rates[known], errors[known]
    sample = np.tile(value, (draws, 1))
    free = (error > 0) & (value > 0)
    rng = np.random.default_rng(seed)
    shape, scale = (value[free] / error[free]) ** 2, error[free] ** 2 / value[free]
    sample[:, free] = rng.gamma(shape, scale, (draws, int(free.sum())))
    ranks = (-sample).argsort(axis=1).argsort(axis=1) + 1
    tail = (1 - level) / 2
    low, high = np.quantile(ranks, [tail, 1 - tail], axis=0, method="inverted_cdf")
    table.loc[known, "rank"] = pd.Series(value).rank(ascending=False).to_numpy()
    table.loc[known, "rank_lower"], table.loc[known, "rank_upper"] = low, high
    return table
