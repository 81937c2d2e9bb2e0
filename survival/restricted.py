"""Restricted mean survival time and life years lost, with standard errors.

Source: Klein and Moeschberger, Survival Analysis, 2nd ed., 2003, section 4.5; as R's `print(fit, rmean = tau)`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from survival.frames import FollowUp, Unit, convert
from survival.intervals import normal_quantile
from survival.kaplan_meier import estimate_curves
from survival.results import Result
from survival.risksets import RiskSets, count_followup


def restricted_mean(
    data: FollowUp | RiskSets, *, tau: Sequence[float] | None = None, unit: Unit | None = None, level: float = 0.95
) -> Result:
    """Gives the mean time lived within the first `tau` (in `unit`, default the data's), and the time lost.

    One row per stratum and tau; `time` is tau, `estimate` the area under Kaplan-Meier up to it with its `se` and
    symmetric limits, `lost` = tau - estimate with `lost_lower` and `lost_upper`; all in `unit`. Without tau the
    largest follow-up time of all strata is taken. Where tau lies beyond the last follow-up the curve is carried
    forward, as R does, and a warning says so.
    """
    sets = data if isinstance(data, RiskSets) else count_followup(data)
    unit = unit or sets.unit
    curves = estimate_curves(sets)
    scale = convert(1.0, sets.unit, unit)
    z = normal_quantile(level)
    rows, warnings = [], []
    longest = float(sets.times[-1]) * scale if len(sets.times) else 0.0
    for g in range(len(sets.total)):
        used = (sets.events[g] + sets.censored[g]) > 0
        times, survival = sets.times[used], curves.survival[g][used]
        d, n = sets.events[g][used].astype(float), sets.at_risk[g][used].astype(float)
        end = float(times[-1]) if len(times) else 0.0
        for wanted in tau if tau is not None else [longest]:
            limit = convert(wanted, unit, sets.unit)
            if limit > end and len(survival) and survival[-1] > 0:
                warnings.append(
                    f"Follow-up ends at {end * scale:g}, before {wanted:g}: the last survival is carried on."
                )
            inside = times < limit
            points = np.concatenate([[0.0], times[inside], [limit]])
            steps = np.concatenate([[1.0], survival[inside]]) * np.diff(points)
            mean = steps.sum()
            remaining = mean - np.cumsum(steps)[:-1]
            with np.errstate(divide="ignore", invalid="ignore"):
                hazard = np.where(n > d, d / (n * (n - d)), 0.0)[inside]
            se = float(np.sqrt((remaining**2 * hazard).sum())) * scale
            mean = float(mean) * scale
            rows.append(
                {
                    **{name: sets.strata[name].iloc[g] for name in sets.by},
                    "time": wanted,
                    "n_risk": int(n[np.searchsorted(times, limit)]) if limit <= end else 0,
                    "n_event": int(sets.events[g][sets.times <= limit].sum()),
                    "estimate": mean,
                    "se": se,
                    "lower": mean - z * se,
                    "upper": mean + z * se,
                    "lost": wanted - mean,
                    "lost_lower": wanted - mean - z * se,
                    "lost_upper": wanted - mean + z * se,
                }
            )
    return Result(
        method="restricted-mean",
        n=int(sets.total.sum()),
        events=int(sets.events.sum()),
        frame=pd.DataFrame(rows),
        by=sets.by,
        warnings=tuple(dict.fromkeys(warnings)),
        settings={"tau": tau, "unit": unit, "level": level},
    )
