"""Counts at each follow-up time: the only thing that Kaplan-Meier, life tables and restricted means need.

The counts come from arrays here, or from a database engine (`survival.counts`); the estimators do not know which.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from survival.frames import FollowUp, Unit

# up to this many cells a dense table of whole-number times beats sorting
DENSE_CELLS = 20_000_000
# rows numbered at a time: what is needed of them stays in the processor's cache
BLOCK = 1 << 16


@dataclass(frozen=True)
class RiskSets:
    """Counts by stratum (G rows) and distinct exit time (T columns).

    `times` ascend, in `unit`; `events` and `censored` count who left at `times[j]`; `total` is the number of persons
    of each stratum. Under delayed entry `entered[g, j]` are those whose first time at risk is the j-th (the last
    column: at none of them).
    """

    times: np.ndarray
    events: np.ndarray
    censored: np.ndarray
    total: np.ndarray
    strata: pd.DataFrame
    unit: Unit = "days"
    entered: np.ndarray | None = None

    @property
    def by(self) -> tuple[str, ...]:
        return tuple(self.strata.columns)

    @cached_property
    def at_risk(self) -> np.ndarray:
        """Who entered before each time and left at it or later (G, T)."""
        leaving = self.events + self.censored
        # who is there just before a time: all who came, less those who left before or at it, plus those who leave at it
        present = np.cumsum(leaving, axis=1)
        np.subtract(leaving, present, out=present)
        present += self.total[:, None]
        if self.entered is None:
            return present
        return present - self.entered.sum(axis=1)[:, None] + np.cumsum(self.entered[:, : len(self.times)], axis=1)

    def until(self, columns: int) -> RiskSets:
        """Gives the counts of the first `columns` times (views, nothing is copied)."""
        first = slice(0, columns)
        return replace(self, times=self.times[first], events=self.events[:, first], censored=self.censored[:, first])

    def reversed(self) -> RiskSets:
        """Gives the same counts with events and censorings exchanged, for the follow-up distribution."""
        return replace(self, events=self.censored, censored=self.events)


def count_followup(followup: FollowUp) -> RiskSets:
    """Gives the counts of a cohort; whole-number times are counted without sorting."""
    times, cells = _number_cells(followup)
    groups = followup.groups
    # one pass tells events from censorings: they are the second half of the cells
    both = np.bincount(cells, minlength=2 * groups * len(times)).reshape(2, groups, len(times))
    used = np.flatnonzero(both.any(axis=(0, 1)))
    if len(used) == used[-1] - used[0] + 1:
        # a slice is a view, without the copies that picking columns costs
        kept: slice | np.ndarray = slice(int(used[0]), int(used[-1]) + 1)
    else:
        kept = used
    times, both = times[kept], both[:, :, kept]
    entered: np.ndarray | None = None
    if followup.entry is not None:
        late = followup.entry > 0
        first = np.searchsorted(times, followup.entry[late], side="right")
        width = len(times) + 1
        entered = np.bincount(followup.group[late] * width + first, minlength=groups * width).reshape(groups, width)
    total = both.sum(axis=(0, 2))
    return RiskSets(times, both[1], both[0], total, followup.strata, followup.unit, entered)


def _number_cells(followup: FollowUp) -> tuple[np.ndarray, np.ndarray]:
    """Gives candidate times, and each row's cell in a table of (censored, event) by group by time."""
    longest = float(followup.time.max()) if followup.n else np.inf
    if longest * followup.groups < DENSE_CELLS:
        times = np.arange(int(longest) + 1, dtype=float)
        cells = _dense_cells(followup, len(times))
        if cells is not None:
            return times, cells
    distinct, position = np.unique(followup.time, return_inverse=True)
    row = followup.event * followup.groups + followup.group
    return distinct.astype(float), row * len(distinct) + position


def _dense_cells(followup: FollowUp, width: int) -> np.ndarray | None:
    """Gives each row's cell where the times themselves are the columns; None when a time is no whole number."""
    cells = np.empty(followup.n, dtype=np.int64)
    half = followup.groups * width
    for begin in range(0, followup.n, BLOCK):
        rows = slice(begin, begin + BLOCK)
        time, cell = followup.time[rows], cells[rows]
        whole = time.astype(np.int64, copy=False)
        if time.dtype.kind not in "iu" and not np.array_equal(whole, time):
            return None
        np.multiply(followup.group[rows], width, out=cell)
        cell += whole
        cell += followup.event[rows] * half
    return cells
