"""Warnings in words: what a reader of a survival table must know before quoting it."""

from __future__ import annotations

import numpy as np
import pandas as pd

# below this many at risk the estimate at that time rests on single persons (SEER*Stat and NORDCAN use 10)
FEW = 10


def few_at_risk(frame: pd.DataFrame, *, fewest: int = FEW) -> tuple[str, ...]:
    """Gives a sentence when rows with an estimate rest on fewer than `fewest` persons at risk."""
    thin = frame[(frame["n_risk"] < fewest) & frame["estimate"].notna()]
    if thin.empty:
        return ()
    times = ", ".join(f"{value:g}" for value in sorted(thin["time"].unique())[:5])
    return (f"Fewer than {fewest} persons are at risk at time {times}: read these estimates with care.",)


def rising_net_survival(frame: pd.DataFrame, by: tuple[str, ...]) -> tuple[str, ...]:
    """Gives a sentence when net survival rises between reported times by more than one standard error."""
    for _, rows in frame.groupby(list(by), sort=False) if by else [((), frame)]:
        known = rows[rows["estimate"].notna()].sort_values("time")
        rise = np.diff(known["estimate"].to_numpy())
        if (rise > np.maximum(0.005, 0.5 * known["se"].to_numpy()[:-1])).any():
            first = int(np.argmax(rise > 0))
            a, b = known["time"].iloc[first], known["time"].iloc[first + 1]
            return (
                f"Net survival rises between {a:g} and {b:g}: patients die less than the life table expects, or "
                "few old survivors carry most of the weight; report an earlier time or check the life table.",
            )
    return ()


def wide_weights(largest_share: np.ndarray, times: np.ndarray, *, limit: float = 0.2) -> tuple[str, ...]:
    """Gives a sentence when at a reported time one person carries more than `limit` of the whole weight."""
    wide = np.flatnonzero(np.nan_to_num(largest_share) > limit)
    if not len(wide):
        return ()
    worst = wide[int(np.argmax(largest_share[wide]))]
    return (
        f"At time {times[worst]:g} one person carries {100 * largest_share[worst]:.0f} % of the weight: "
        "the net survival estimate is unstable there.",
    )
