"""Counts at each follow-up time: the only thing that Kaplan-Meier, life tables and restricted means need.

The counts come from arrays here, or from a database engine (`survival.counts`); the estimators do not know which.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from survival.frames import FollowUp, Unit

# up to this many cells a dense table of whole-number times beats sorting
DENSE_CELLS = 20_000_000


@dataclass(frozen=True)
class RiskSets:
    """Counts by stratum (G rows) and distinct exit time (T columns).

    `times` ascend, in `unit`; `at_risk[g, j]` counts who entered before `times[j]` and left at it or later;
    `events` and `censored` who left at it. `total` is the number of persons of each stratum.
    """

    times: np.ndarray
    events: np.ndarray
    censored: np.ndarray
    at_risk: np.ndarray
    total: np.ndarray
    strata: pd.DataFrame
    unit: Unit = "days"

    @property
    def by(self) -> tuple[str, ...]:
        return tuple(self.strata.columns)

    def until(self, columns: int) -> RiskSets:
        """Gives the counts of the first `columns` times (views, nothing is copied)."""
        first = slice(0, columns)
        return RiskSets(
            self.times[first],
            self.events[:, first],
            self.censored[:, first],
            self.at_risk[:, first],
            self.total,
            self.strata,
            self.unit,
        )

    def reversed(self) -> RiskSets:
        """Gives the same counts with events and censorings exchanged, for the follow-up distribution."""
        return RiskSets(self.times, self.censored, self.events, self.at_risk, self.total, self.strata, self.unit)


def count_followup(followup: FollowUp) -> RiskSets:
    """Gives the counts of a cohort; whole-number times are counted without sorting."""
    groups = followup.groups
    times, position = _grid(followup.time, groups)
    cells = groups * len(times)
    # one count tells events from censorings: twice the cell number, plus one for an event
    key = position * 2
    if groups > 1:
        key += followup.group * (2 * len(times))
    key += followup.event
    both = np.bincount(key, minlength=2 * cells).reshape(groups, -1, 2)
    events, censored = both[:, :, 1], both[:, :, 0]
    used = np.flatnonzero(both.sum(axis=0).any(axis=1))
    if len(used) == used[-1] - used[0] + 1:
        # a slice is a view, without the copies that picking columns costs
        kept: slice | np.ndarray = slice(int(used[0]), int(used[-1]) + 1)
    else:
        kept = used
    times, events, censored = times[kept], events[:, kept], censored[:, kept]
    entered: np.ndarray | None = None
    if followup.entry is not None:
        late = followup.entry > 0
        first = np.searchsorted(times, followup.entry[late], side="right")
        width = len(times) + 1
        entered = np.bincount(followup.group[late] * width + first, minlength=groups * width).reshape(groups, width)
    total = np.bincount(followup.group, minlength=groups) if groups > 1 else np.array([followup.n])
    return RiskSets(
        times, events, censored, count_at_risk(events, censored, total, entered), total, followup.strata, followup.unit
    )


def count_at_risk(
    events: np.ndarray, censored: np.ndarray, total: np.ndarray, entered: np.ndarray | None = None
) -> np.ndarray:
    """Gives who is at risk at each time; `entered[g, j]` are those whose first time at risk is the j-th."""
    leaving = events + censored
    # who is there just before a time: all who came, less those who left before or at it, plus those who leave at it
    present = np.cumsum(leaving, axis=1)
    np.subtract(leaving, present, out=present)
    present += total[:, None]
    if entered is None:
        return present
    return present - entered.sum(axis=1)[:, None] + np.cumsum(entered[:, :-1], axis=1)


def _grid(time: np.ndarray, groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Gives candidate times and each row's position among them."""
    if len(time) and float(time.max()) * groups < DENSE_CELLS:
        whole = time if time.dtype.kind in "iu" else time.astype(np.int64)
        if time.dtype.kind in "iu" or np.array_equal(whole, time):
            return np.arange(int(whole.max()) + 1, dtype=float), whole
    distinct, position = np.unique(time, return_inverse=True)
    return distinct.astype(float), position
