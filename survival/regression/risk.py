"""Sums over risk sets for Cox models: one cumulative sum a column, whatever the strata, ties and entries.

Rows are ordered by stratum and time; the sum over everybody at risk at an event time is then a difference of two suffix sums
(who leaves at it or later, less who enters at it or later), so that one evaluation of a model costs a few passes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RiskPlan:
    """Where each event's risk set begins and ends in the ordered rows.

    An event is a death; deaths at the same time of the same stratum are tied: `rank` (0 to `ties` - 1) is a death's place
    among them, `first` the tie's first death in the list of deaths. `leave` and `enter` point into the suffix sums of the
    rows ordered by exit and by entry.
    """

    order: np.ndarray
    by_entry: np.ndarray | None
    deaths: np.ndarray
    time: np.ndarray
    first: np.ndarray
    rank: np.ndarray
    ties: np.ndarray
    leave: np.ndarray
    leave_end: np.ndarray
    enter: np.ndarray | None
    enter_end: np.ndarray | None
    tie: np.ndarray
    stratum: np.ndarray
    exit: np.ndarray
    entry: np.ndarray | None

    @property
    def events(self) -> int:
        return len(self.deaths)


def plan_risk(time: np.ndarray, event: np.ndarray, entry: np.ndarray | None, stratum: np.ndarray) -> RiskPlan:
    """Gives the plan of n rows; a person is at risk at t when entry < t <= time."""
    order = np.lexsort((time, stratum))
    t, s, dead = time[order], stratum[order], event[order]
    starts = np.flatnonzero(np.concatenate([[True], s[1:] != s[:-1]]))
    ends = np.append(starts[1:], len(s))
    new = np.concatenate([[True], (s[1:] != s[:-1]) | (t[1:] != t[:-1])])
    tied_from = np.maximum.accumulate(np.where(new, np.arange(len(t)), 0))
    deaths = np.flatnonzero(dead)
    leave = tied_from[deaths]
    number = np.cumsum(np.concatenate([[True], leave[1:] != leave[:-1]])) - 1 if len(deaths) else deaths
    ties = np.bincount(number) if len(deaths) else deaths
    first = np.concatenate([[0], np.cumsum(ties)[:-1]]).astype(int) if len(deaths) else deaths
    rank = np.arange(len(deaths)) - first[number]
    stratum_of = np.searchsorted(starts, deaths, side="right") - 1
    enter = enter_end = by_entry = None
    if entry is not None:
        by_entry = np.lexsort((entry, stratum))
        e = entry[by_entry]
        enter = np.empty(len(deaths), dtype=np.int64)
        for place, (low, high) in enumerate(zip(starts, ends, strict=True)):
            mine = stratum_of == place
            enter[mine] = low + np.searchsorted(e[low:high], t[deaths[mine]], side="left")
        enter_end = ends[stratum_of]
    return RiskPlan(
        order, by_entry, deaths, t[deaths], first[number], rank, ties[number], leave, ends[stratum_of], enter, enter_end,
        number, stratum, time, entry,
    )  # fmt: skip


def at_risk_sums(plan: RiskPlan, columns: np.ndarray) -> np.ndarray:
    """Gives the sum of each column (n rows as given, k columns) over the risk set of each death (events, k)."""
    total = _between(columns[plan.order], plan.leave, plan.leave_end)
    if plan.by_entry is not None:
        assert plan.enter is not None and plan.enter_end is not None
        total -= _between(columns[plan.by_entry], plan.enter, plan.enter_end)
    return total


def _between(ordered: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    sums = np.zeros((len(ordered) + 1, ordered.shape[1]))
    # summed from the end: late risk sets are small and must not be a difference of large numbers
    sums[:-1] = np.cumsum(ordered[::-1], axis=0)[::-1]
    return sums[low] - sums[high]


def tied_sums(plan: RiskPlan, columns: np.ndarray) -> np.ndarray:
    """Gives the sum of each column over the deaths tied with each death (events, k)."""
    dying = columns[plan.order[plan.deaths]]
    sums = np.stack([np.bincount(plan.tie, weights=dying[:, k]) for k in range(dying.shape[1])], axis=1)
    return sums[plan.tie]


def moments_until(plan: RiskPlan, time: np.ndarray | None) -> np.ndarray:
    """Gives for each row how many moments of death lie before it: all of earlier strata, and its own up to `time`.

    Without a time the moments of the row's own stratum are left out: where its follow-up begins.
    """
    starts = np.flatnonzero(np.concatenate([[True], plan.tie[1:] != plan.tie[:-1]]))
    moments, owner = plan.time[starts], plan.stratum[plan.order[plan.deaths[starts]]]
    count = np.empty(len(plan.stratum), dtype=np.int64)
    for code in np.unique(plan.stratum):
        rows = plan.stratum == code
        low, high = np.searchsorted(owner, [code, code + 1])
        count[rows] = low
        if time is not None:
            count[rows] += np.searchsorted(moments[low:high], time[rows], side="right")
    return count
