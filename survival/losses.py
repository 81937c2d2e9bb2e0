"""Loss-adjusted survival: survival when the chance of being lost to follow-up depends on prognosis.

Source: Ganesh, Natl Med J India 8 (1995); Swaminathan et al., Cancer Survival in Africa, Asia, the Caribbean and
Central America, IARC Scientific Publications 162 (2011), chapter 2. Losses are taken to be uninformative within
groups of the factors they depend on; the groups' curves are joined with the shares at diagnosis as weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from survival.frames import FollowUp, Unit, convert
from survival.intervals import Scale, confidence_limits
from survival.kaplan_meier import kaplan_meier
from survival.results import Result


def loss_adjusted(
    followup: FollowUp,
    by: Sequence[str],
    *,
    at: Sequence[float],
    at_unit: Unit | None = None,
    ci: Scale = "log",
    level: float = 0.95,
) -> Result:
    """Gives survival by the columns of the follow-up's strata that are not in `by`, adjusted for losses within `by`.

    Besides the usual columns: `unadjusted`, the Kaplan-Meier value, and `lost`, the number censored before the time.
    Variance: the sum of share^2 SE^2 of the groups plus the sampling of the shares. Where a group's follow-up has
    ended the estimate is undefined.
    """
    outer = [name for name in followup.by if name not in by]
    unit = at_unit or followup.unit
    inner = kaplan_meier(followup, at=at, at_unit=at_unit, ci=ci, level=level).frame
    sizes = followup.strata.assign(_n=np.bincount(followup.group, minlength=followup.groups))
    inner = inner.merge(sizes, on=list(followup.by)) if followup.by else inner.assign(_n=followup.n)
    lost = _lost(followup, [convert(value, unit, followup.unit) for value in at])
    inner = inner.assign(_lost=lost.ravel())
    rows = []
    for labels, part in inner.groupby([*outer, "time"], sort=False):
        share = part["_n"].to_numpy() / part["_n"].sum()
        survival, se = part["estimate"].to_numpy(), part["se"].to_numpy()
        estimate = float(share @ survival)
        variance = float(share**2 @ se**2 + share @ (survival - estimate) ** 2 / part["_n"].sum())
        rows.append(
            dict(zip((*outer, "time"), labels))
            | {
                "n_risk": int(part["n_risk"].sum()),
                "n_event": int(part["n_event"].sum()),
                "estimate": estimate,
                "se": np.sqrt(variance),
                "lost": int(part["_lost"].sum()),
            }
        )
    frame = pd.DataFrame(rows)
    lower, upper = confidence_limits(frame["estimate"].to_numpy(), frame["se"].to_numpy(), scale=ci, level=level)
    pooled = kaplan_meier(_pool(followup, outer), at=at, at_unit=at_unit, ci=ci, level=level).frame
    keys = [*outer, "time"]
    frame = frame.assign(lower=lower, upper=upper).merge(
        pooled[[*keys, "estimate"]].rename(columns={"estimate": "unadjusted"}), on=keys, how="left"
    )
    return Result(
        method="loss-adjusted",
        n=followup.n,
        events=int(followup.event.sum()),
        frame=frame,
        by=tuple(outer),
        settings={"ci": ci, "level": level, "at": at, "at_unit": unit, "losses_by": tuple(by)},
    )


def _lost(followup: FollowUp, times: Sequence[float]) -> np.ndarray:
    """Counts who was censored before each time, by stratum."""
    counts = np.zeros((followup.groups, len(times)), dtype=np.int64)
    for k, time in enumerate(times):
        gone = ~followup.event & (followup.time < time)
        counts[:, k] = np.bincount(followup.group[gone], minlength=followup.groups)
    return counts


def _pool(followup: FollowUp, outer: Sequence[str]) -> FollowUp:
    """Gives the follow-up with the strata of the outer columns only."""
    if not outer:
        return replace(followup, group=np.zeros(followup.n, dtype=np.int64), strata=pd.DataFrame(index=range(1)))
    labels = followup.strata[list(outer)]
    number = labels.groupby(list(outer), sort=True).ngroup().to_numpy()
    strata = labels.assign(_g=number).drop_duplicates("_g").sort_values("_g").drop(columns="_g").reset_index(drop=True)
    return replace(followup, group=number[followup.group], strata=strata)
