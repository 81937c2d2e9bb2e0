"""The actuarial (Cutler-Ederer) life table over any intervals, by default of one completed month as SEER*Stat.

Source: Cutler and Ederer, J Chronic Dis 8 (1958) 699-712. In an interval [start, end): those withdrawn (and, under
delayed entry, those who came in) count half: n_eff = n - censored / 2 + entered / 2; variance by Greenwood on n_eff.
A month is completed when 30.4375 days (365.25 / 12) have passed, a year when twelve months have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from survival.cautions import few_at_risk
from survival.errors import SurvivalError
from survival.frames import FollowUp, Unit
from survival.intervals import Scale, confidence_limits
from survival.results import Result

COMPLETED: dict[str, float] = {"days": 1.0, "months": 30.4375, "years": 365.25}
# a requested time this close (relatively) to the end of an interval means that end: 365.241 days are a year
SAME = 1e-4


@dataclass(frozen=True)
class IntervalCounts:
    """Counts by stratum (G) and interval (K): alive at the start, late entries, events and censorings within it."""

    breaks: np.ndarray
    alive: np.ndarray
    entered: np.ndarray
    events: np.ndarray
    censored: np.ndarray
    strata: pd.DataFrame
    unit: Unit

    @property
    def by(self) -> tuple[str, ...]:
        return tuple(self.strata.columns)


def make_breaks(breaks: Sequence[float] | None, *, unit: Unit, longest: float) -> np.ndarray:
    """Gives ascending interval bounds from 0; one number is the width, none means a month (a year for years).

    `longest` (in `unit`) is where bounds that are not listed stop. Raises `usage` for bounds that do not ascend.
    """
    if breaks is None or len(breaks) == 1:
        width = float(breaks[0]) if breaks else {"days": COMPLETED["months"]}.get(unit, 1.0)
        if width <= 0:
            raise SurvivalError("usage", "the interval width must be above zero", hint="Give --breaks 1, for example.")
        return width * np.arange(int(np.floor(longest / width)) + 2)
    bounds = np.asarray(breaks, dtype=float)
    if bounds[0] > 0:
        bounds = np.concatenate([[0.0], bounds])
    if (np.diff(bounds) <= 0).any():
        raise SurvivalError("usage", "the breaks do not ascend", hint="Give them like 0,1,3,6,12.")
    return bounds


def count_intervals(followup: FollowUp, breaks: Sequence[float] | None = None, *, unit: Unit) -> IntervalCounts:
    """Gives the counts of a cohort in intervals whose bounds are in `unit`."""
    scale = COMPLETED[unit] / COMPLETED[followup.unit]
    longest = float(followup.time.max()) / scale if followup.n else 0.0
    bounds = make_breaks(breaks, unit=unit, longest=longest)
    edges, groups, width = bounds * scale, followup.groups, len(bounds)
    # the last column takes those still under observation at the last bound
    place = np.searchsorted(edges, followup.time, side="right") - 1
    both = np.bincount((followup.group * width + place) * 2 + followup.event, minlength=2 * groups * width).reshape(
        groups, width, 2
    )
    entered = np.zeros((groups, width), dtype=np.int64)
    if followup.entry is not None:
        late = followup.entry > 0
        came = np.searchsorted(edges, followup.entry[late], side="right") - 1
        # an entry exactly at a bound is alive at that bound
        at_bound = edges[came] == followup.entry[late]
        key = followup.group[late] * width + came
        entered += np.bincount(key[~at_bound], minlength=groups * width).reshape(groups, width)
        joined = np.bincount(key[at_bound], minlength=groups * width).reshape(groups, width)
    else:
        joined = np.zeros_like(entered)
    total = np.bincount(followup.group, minlength=groups)
    start = total - entered.sum(axis=1) - joined.sum(axis=1)
    gone, came_in = both.sum(axis=2), entered
    alive = start[:, None] + np.cumsum(joined, axis=1)
    alive[:, 1:] += np.cumsum(came_in - gone, axis=1)[:, :-1]
    inner = slice(None, -1)
    return IntervalCounts(
        bounds, alive[:, inner], entered[:, inner], both[:, inner, 1], both[:, inner, 0], followup.strata, unit
    )


def life_table(
    data: FollowUp | IntervalCounts,
    *,
    breaks: Sequence[float] | None = None,
    at: Sequence[float] | None = None,
    unit: Unit | None = None,
    ci: Scale = "log",
    level: float = 0.95,
) -> Result:
    """Gives the actuarial survival by stratum and interval; bounds and times are in `unit` (default: the data's).

    Rows carry `start`, `end` and `time` (= end), `n_risk` (alive at the start), `n_enter`, `n_event`, `n_censor`,
    `n_eff`, `q` (probability of the event within the interval), `estimate` (survival at the end) and `se`. With `at`
    there is one row per stratum and requested time: the last interval that ends by then.
    """
    if isinstance(data, IntervalCounts):
        counts = data
    else:
        unit = unit or data.unit
        counts = count_intervals(data, breaks, unit=unit)
    n_eff = counts.alive + (counts.entered - counts.censored) / 2.0
    d = counts.events.astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        q = np.where(n_eff > 0, d / n_eff, np.where(d > 0, np.nan, np.where(counts.alive > 0, 0.0, np.nan)))
        survival = np.cumprod(1.0 - q, axis=1)
        se = survival * np.sqrt(np.cumsum(np.where(d > 0, d / (n_eff * (n_eff - d)), 0.0), axis=1))
    lower, upper = confidence_limits(survival, se, scale=ci, level=level)
    groups, width = d.shape
    ends = counts.breaks[1:]
    if at is None:
        row, column = (index.ravel() for index in np.indices((groups, width)))
        times, known = ends[column], np.ones(len(column), dtype=bool)
    else:
        requested = np.asarray(at, dtype=float)
        chosen = np.searchsorted(ends, requested * (1 + SAME), side="right") - 1
        row, which = (index.ravel() for index in np.indices((groups, len(requested))))
        column, times = chosen[which], requested[which]
        known = column >= 0
        column = np.maximum(column, 0)
        beyond = requested > ends[-1] * (1 + SAME)
        known &= ~beyond[which]
    values = {"estimate": survival, "se": se, "lower": lower, "upper": upper}
    frame = counts.strata.iloc[row].reset_index(drop=True)
    frame = frame.assign(
        time=times,
        start=counts.breaks[column],
        end=ends[column],
        n_risk=counts.alive[row, column],
        n_enter=counts.entered[row, column],
        n_event=counts.events[row, column],
        n_censor=counts.censored[row, column],
        n_eff=n_eff[row, column],
        q=q[row, column],
        **{name: np.where(known, table[row, column], np.nan) for name, table in values.items()},
    )
    if not counts.entered.any():
        frame = frame.drop(columns="n_enter")
    total = counts.alive[:, 0] + counts.entered.sum(axis=1)
    return Result(
        method="life-table",
        n=int(data.n if isinstance(data, FollowUp) else total.sum()),
        events=int(data.event.sum() if isinstance(data, FollowUp) else counts.events.sum()),
        frame=frame,
        by=counts.by,
        warnings=few_at_risk(frame),
        settings={"ci": ci, "level": level, "unit": counts.unit, "breaks": counts.breaks.tolist(), "at": at},
    )
