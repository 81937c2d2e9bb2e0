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


def wide_weights(frame: pd.DataFrame, effective: np.ndarray, *, fewest: int = FEW) -> tuple[str, ...]:
    """Gives a sentence when the weights of many at risk amount to fewer than `fewest` equally weighted persons."""
    wide = frame["estimate"].notna().to_numpy() & (effective < fewest) & (frame["n_risk"].to_numpy() >= fewest)
    if not wide.any():
        return ()
    row = int(np.argmax(wide))
    return (
        f"At time {frame['time'].iloc[row]:g} the {frame['n_risk'].iloc[row]:.0f} persons at risk have such unequal "
        f"weights that they count as {effective[row]:.1f}: net survival is unstable from there on.",
    )
