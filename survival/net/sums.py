"""Sums over the persons at risk, weighted by background survival, for every step of a time grid.

Everything net (Pohar Perme, Ederer, Hakulinen, crude probabilities, the log-rank-type test) is arithmetic on these
sums. They come from a compiled kernel, or from plain numpy where numba is absent; both give the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from survival.lifetables import LifeTable
from survival.net.cohort import Cohort


@dataclass(frozen=True)
class Sums:
    """One value per step (start, end] of the grid; H is a person's background hazard within the step.

    `n_risk`, `n_event`: counts. `hazard`: sum of H. `weight_start`, `weight_end`: sum of w at the start and the end
    of the step, w = exp(+cumulative background hazard) (or exp(-…) where `sign` was -1). `hazard_start`,
    `hazard_end`: sum of w H with either weight. `weight_event`, `square_event`: sum of w and w^2 of those with the
    event at the end. `square_end`: sum of w^2 at the end.
    """

    start: np.ndarray
    end: np.ndarray
    n_risk: np.ndarray
    n_event: np.ndarray
    hazard: np.ndarray
    weight_start: np.ndarray
    weight_end: np.ndarray
    hazard_start: np.ndarray
    hazard_end: np.ndarray
    weight_event: np.ndarray
    square_event: np.ndarray
    square_end: np.ndarray

    def trim(self) -> Sums:
        """Gives the steps up to the last one with anyone at risk."""
        used = np.flatnonzero(self.n_risk > 0)
        stop = int(used[-1]) + 1 if len(used) else 0
        return Sums(**{item.name: getattr(self, item.name)[:stop] for item in fields(self)})


def daily_grid(cohort: Cohort, *, until: float | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Gives starts and ends of steps: whole days, cut further at every entry and exit that is no whole day.

    A step of length zero at 0 is first when somebody's follow-up ends on the day of diagnosis.
    """
    last = float(cohort.time.max()) if cohort.n else 0.0
    if until is not None:
        last = min(last, until)
    points = [np.arange(1, np.floor(last) + 1)]
    for values in (cohort.time, cohort.entry):
        if values is not None:
            broken = values[(values != np.floor(values)) & (values <= last)]
            if len(broken):
                points.append(np.unique(broken))
    ends = np.unique(np.concatenate(points)) if len(points) > 1 else points[0]
    starts = np.concatenate([[0.0], ends[:-1]]) if len(ends) else ends
    if cohort.n and cohort.time.min() == 0:
        starts, ends = np.concatenate([[0.0], starts]), np.concatenate([[0.0], ends])
    return starts, ends


def sum_steps(
    cohort: Cohort,
    table: LifeTable,
    starts: np.ndarray,
    ends: np.ndarray,
    *,
    sign: float = 1.0,
    split: bool = True,
    engine: str = "auto",
) -> Sums:
    """Gives the sums of one group (`cohort.group` is not looked at).

    `split`: a step in which a person's age or year changes is cut there; otherwise the hazard at the start of the
    step holds for all of it, as relsurv's `rs.surv` has it. `engine` is numba, numpy or auto. Persons whose time
    lies beyond the last step stay at risk to its end.
    """
    year = table.place(cohort.date, cohort.age)
    exits = np.searchsorted(ends, cohort.time, side="left").astype(np.int64)
    late = cohort.entry if cohort.entry is not None else np.zeros(cohort.n)
    entries = np.searchsorted(starts, late, side="left").astype(np.int64)
    if len(starts) > 1 and starts[0] == ends[0]:
        # the zero-length first step is for those who are there from the day of diagnosis
        entries[late == 0] = 0
    weight = cohort.weight if cohort.weight is not None else np.ones(cohort.n)
    arguments = (
        cohort.sex.astype(np.int64),
        cohort.age.astype(float),
        np.asarray(year, dtype=float),
        entries,
        exits,
        cohort.event.astype(np.bool_),
        weight.astype(float),
        np.ascontiguousarray(table.hazards, dtype=float),
        table.age_cuts.astype(float),
        table.year_cuts.astype(float),
        starts.astype(float),
        ends.astype(float),
        float(sign),
        bool(split),
    )
    return Sums(starts, ends, *_accumulator(engine)(*arguments))


def _accumulator(engine: str) -> Callable[..., np.ndarray]:
    """Gives the compiled kernel, or plain numpy where numba is absent or finds no folder to keep its cache in."""
    if engine == "numpy":
        return accumulate_numpy
    try:
        from survival.net.kernel import accumulate
    except (ImportError, RuntimeError):
        if engine == "numba":
            raise
        return accumulate_numpy
    return accumulate


def accumulate_numpy(
    sex: np.ndarray,
    age: np.ndarray,
    year: np.ndarray,
    entries: np.ndarray,
    exits: np.ndarray,
    event: np.ndarray,
    weight: np.ndarray,
    hazards: np.ndarray,
    age_cuts: np.ndarray,
    year_cuts: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    sign: float,
    split: bool,
) -> np.ndarray:
    """Gives the ten sums (rows, in the order of `Sums`) step by step over all persons still there."""
    steps = len(ends)
    out = np.zeros((10, steps))
    order = np.argsort(-exits, kind="stable")
    sex, age, year = sex[order], age[order], year[order]
    entries, exits, event, weight = entries[order], exits[order], event[order], weight[order]
    alive = np.searchsorted(-exits, -np.arange(steps), side="right")
    a = np.maximum(np.searchsorted(age_cuts, age, side="right") - 1, 0)
    y = np.maximum(np.searchsorted(year_cuts, year, side="right") - 1, 0)
    next_age, next_year = np.append(age_cuts[1:], np.inf), np.append(year_cuts[1:], np.inf)
    hazard = hazards[sex, a, y]
    change = np.minimum(next_age[a] - age, next_year[y] - year)
    total = np.zeros(len(sex))
    now = weight.copy()
    delayed = bool(entries.any())

    def advance(who: np.ndarray, time: float) -> None:
        """Moves persons to the cell that holds at `time`."""
        while len(who):
            older = age[who] + time >= next_age[a[who]]
            later = year[who] + time >= next_year[y[who]]
            a[who] += older
            y[who] += later
            moved = who[older | later]
            hazard[moved] = hazards[sex[moved], a[moved], y[moved]]
            change[who] = np.minimum(next_age[a[who]] - age[who], next_year[y[who]] - year[who])
            who = moved

    for k in range(steps):
        n = int(alive[k])
        if n == 0:
            break
        start, end = starts[k], ends[k]
        length = end - start
        due = np.flatnonzero(change[:n] <= start)
        advance(due, start)
        step = hazard[:n] * length
        if split and length > 0:
            inside = np.flatnonzero(change[:n] < end)
            moment = np.full(len(inside), start)
            step[inside] = 0.0
            while len(inside):
                until = np.minimum(change[inside], end)
                step[inside] += hazard[inside] * (until - moment)
                crossing = change[inside] < end
                inside, moment = inside[crossing], until[crossing]
                older = next_age[a[inside]] - age[inside] <= moment
                later = next_year[y[inside]] - year[inside] <= moment
                a[inside] += older
                y[inside] += later
                hazard[inside] = hazards[sex[inside], a[inside], y[inside]]
                change[inside] = np.minimum(next_age[a[inside]] - age[inside], next_year[y[inside]] - year[inside])
        at_start = now[:n]
        total[:n] += step
        now = weight[:n] * np.exp(sign * total[:n]) if sign else at_start
        at_end = now
        dying = event[:n] & (exits[:n] == k)
        if delayed:
            there = entries[:n] <= k
            at_start, at_end, step, dying = at_start[there], at_end[there], step[there], dying[there]
        out[0, k] = len(step)
        out[1, k] = np.count_nonzero(dying)
        out[2, k] = step.sum()
        out[3, k] = at_start.sum()
        out[4, k] = at_end.sum()
        out[5, k] = at_start @ step
        out[6, k] = at_end @ step
        out[7, k] = at_end[dying].sum()
        out[8, k] = at_end[dying] @ at_end[dying]
        out[9, k] = at_end @ at_end
    return out
