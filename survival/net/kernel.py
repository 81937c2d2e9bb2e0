"""The compiled way to the sums of `survival.net.sums`: one pass, its cost hardly depending on the number of persons.

All persons in the same cell of the life table (sex, age, year) share one hazard, so that their weights grow by one
factor per step. The kernel therefore carries the sum of weights of each occupied cell from step to step and touches a
person only when entering, changing cell, or leaving. A cell that becomes empty is set to exactly zero, so that
rounding of the removals cannot build up.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _first_after(values: np.ndarray, limit: float, low: int) -> int:
    """Gives the first position from `low` on whose value is above `limit`."""
    high = len(values)
    while low < high:
        middle = (low + high) // 2
        if values[middle] > limit:
            high = middle
        else:
            low = middle + 1
    return low


@njit(cache=True, nogil=True)
def _first_from(values: np.ndarray, limit: float, low: int) -> int:
    """Gives the first position from `low` on whose value is `limit` or above."""
    high = len(values)
    while low < high:
        middle = (low + high) // 2
        if values[middle] >= limit:
            high = middle
        else:
            low = middle + 1
    return low


@njit(cache=True, nogil=True)
def accumulate(
    sex,
    age,
    year,
    entries,
    exits,
    event,
    weight,
    hazards,
    age_cuts,
    year_cuts,
    starts,
    ends,
    sign,
    split,
):
    """Gives the ten sums (rows, in the order of `Sums`) of one group; arguments as `sums.accumulate_numpy`."""
    n, steps = len(sex), len(ends)
    ages, years = len(age_cuts), len(year_cuts)
    out = np.zeros((10, steps))
    rates = hazards.ravel()
    cells = len(rates)
    # per cell: sum of w, sum of w^2, persons, and its position in the list of occupied cells
    total, square = np.zeros(cells), np.zeros(cells)
    persons, place = np.zeros(cells, np.int64), np.full(cells, -1, np.int64)
    occupied, used = np.zeros(cells, np.int64), 0
    daily = np.exp(sign * rates)
    # per person: cell, cumulative hazard and the time it is known for; linked lists of whom to touch at a step
    row, column = np.zeros(n, np.int64), np.zeros(n, np.int64)
    cumulative, known = np.zeros(n), np.zeros(n)
    inside, gone = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    head, follower = np.full(steps + 1, -1, np.int64), np.full(n, -1, np.int64)

    for i in range(n):
        a = 0
        while a + 1 < ages and age[i] >= age_cuts[a + 1]:
            a += 1
        y = 0
        while y + 1 < years and year[i] >= year_cuts[y + 1]:
            y += 1
        row[i], column[i] = a, y
        if entries[i] < steps and entries[i] <= exits[i]:
            follower[i] = head[entries[i]]
            head[entries[i]] = i
        else:
            gone[i] = True

    # persons by the step they leave at
    offsets = np.zeros(steps + 2, np.int64)
    for i in range(n):
        if exits[i] < steps:
            offsets[exits[i] + 1] += 1
    for k in range(steps):
        offsets[k + 1] += offsets[k]
    leaving = np.zeros(max(offsets[steps], 1), np.int64)
    filled = offsets.copy()
    for i in range(n):
        if exits[i] < steps:
            leaving[filled[exits[i]]] = i
            filled[exits[i]] += 1

    waiting = np.zeros(n, np.int64)
    for k in range(steps):
        start, end = starts[k], ends[k]
        length = end - start
        count, dead = 0.0, 0.0
        plain = w_start = w_end = h_start = h_end = w_dead = s_dead = s_end = 0.0
        pending = 0
        i = head[k]
        while i >= 0:
            following = follower[i]
            a, y = row[i], column[i]
            cell = (sex[i] * ages + a) * years + y
            if inside[i]:
                cumulative[i] += rates[cell] * (start - known[i])
                w = weight[i] * np.exp(sign * cumulative[i])
                persons[cell] -= 1
                if persons[cell] == 0:
                    total[cell] = square[cell] = 0.0
                    used -= 1
                    last = occupied[used]
                    occupied[place[cell]] = last
                    place[last] = place[cell]
                    place[cell] = -1
                else:
                    total[cell] -= w
                    square[cell] -= w * w
            else:
                inside[i] = True
                # the hazard from diagnosis to a delayed entry counts: weights run from diagnosis
                if split or start == 0.0:
                    moment = 0.0
                    while moment < start:
                        change = start
                        if a + 1 < ages:
                            change = min(change, max(age_cuts[a + 1] - age[i], moment))
                        if y + 1 < years:
                            change = min(change, max(year_cuts[y + 1] - year[i], moment))
                        cumulative[i] += rates[(sex[i] * ages + a) * years + y] * (change - moment)
                        moment = change
                        if moment < start:
                            if a + 1 < ages and age_cuts[a + 1] - age[i] <= moment:
                                a += 1
                            if y + 1 < years and year_cuts[y + 1] - year[i] <= moment:
                                y += 1
                else:
                    for m in range(k):
                        while a + 1 < ages and age[i] + starts[m] >= age_cuts[a + 1]:
                            a += 1
                        while y + 1 < years and year[i] + starts[m] >= year_cuts[y + 1]:
                            y += 1
                        cumulative[i] += rates[(sex[i] * ages + a) * years + y] * (ends[m] - starts[m])
            # the cell that holds at the start of the step
            while a + 1 < ages and age[i] + start >= age_cuts[a + 1]:
                a += 1
            while y + 1 < years and year[i] + start >= year_cuts[y + 1]:
                y += 1
            change = np.inf
            if a + 1 < ages:
                change = age_cuts[a + 1] - age[i]
            if y + 1 < years:
                change = min(change, year_cuts[y + 1] - year[i])
            if split and change < end:
                # age or year changes within the step: this person is counted alone
                w = weight[i] * np.exp(sign * cumulative[i])
                moment, own = start, 0.0
                while moment < end:
                    until = min(max(change, moment), end)
                    own += rates[(sex[i] * ages + a) * years + y] * (until - moment)
                    moment = until
                    if moment < end:
                        if a + 1 < ages and age_cuts[a + 1] - age[i] <= moment:
                            a += 1
                        if y + 1 < years and year_cuts[y + 1] - year[i] <= moment:
                            y += 1
                        change = np.inf
                        if a + 1 < ages:
                            change = age_cuts[a + 1] - age[i]
                        if y + 1 < years:
                            change = min(change, year_cuts[y + 1] - year[i])
                cumulative[i] += own
                known[i] = end
                later = weight[i] * np.exp(sign * cumulative[i])
                count += 1
                plain += own
                w_start += w
                w_end += later
                h_start += w * own
                h_end += later * own
                s_end += later * later
                row[i], column[i] = a, y
                if exits[i] == k:
                    gone[i] = True
                    if event[i]:
                        dead += 1
                        w_dead += later
                        s_dead += later * later
                else:
                    waiting[pending] = i
                    pending += 1
            else:
                row[i], column[i] = a, y
                known[i] = start
                cell = (sex[i] * ages + a) * years + y
                if persons[cell] == 0:
                    place[cell] = used
                    occupied[used] = cell
                    used += 1
                w = weight[i] * np.exp(sign * cumulative[i])
                persons[cell] += 1
                total[cell] += w
                square[cell] += w * w
                if change < np.inf:
                    if split:
                        due = _first_after(ends, change, k + 1)
                    else:
                        due = _first_from(starts, change, k + 1)
                    if due <= exits[i] and due < steps:
                        follower[i] = head[due]
                        head[due] = i
            i = following

        for m in range(used):
            cell = occupied[m]
            own = rates[cell] * length
            factor = daily[cell] if length == 1.0 else np.exp(sign * own)
            w = total[cell]
            later = w * factor
            count += persons[cell]
            plain += persons[cell] * own
            w_start += w
            w_end += later
            h_start += w * own
            h_end += later * own
            total[cell] = later
            square[cell] *= factor * factor
            s_end += square[cell]

        for m in range(pending):
            i = waiting[m]
            cell = (sex[i] * ages + row[i]) * years + column[i]
            if persons[cell] == 0:
                place[cell] = used
                occupied[used] = cell
                used += 1
            w = weight[i] * np.exp(sign * cumulative[i])
            persons[cell] += 1
            total[cell] += w
            square[cell] += w * w
            change = np.inf
            if row[i] + 1 < ages:
                change = age_cuts[row[i] + 1] - age[i]
            if column[i] + 1 < years:
                change = min(change, year_cuts[column[i] + 1] - year[i])
            if change < np.inf:
                due = _first_after(ends, change, k + 1)
                if due <= exits[i] and due < steps:
                    follower[i] = head[due]
                    head[due] = i

        for m in range(offsets[k], offsets[k + 1]):
            i = leaving[m]
            if gone[i]:
                continue
            gone[i] = True
            cell = (sex[i] * ages + row[i]) * years + column[i]
            cumulative[i] += rates[cell] * (end - known[i])
            w = weight[i] * np.exp(sign * cumulative[i])
            if event[i]:
                dead += 1
                w_dead += w
                s_dead += w * w
            persons[cell] -= 1
            if persons[cell] == 0:
                total[cell] = square[cell] = 0.0
                used -= 1
                last = occupied[used]
                occupied[place[cell]] = last
                place[last] = place[cell]
                place[cell] = -1
            else:
                total[cell] -= w
                square[cell] -= w * w

        out[0, k], out[1, k], out[2, k] = count, dead, plain
        out[3, k], out[4, k], out[5, k], out[6, k] = w_start, w_end, h_start, h_end
        out[7, k], out[8, k], out[9, k] = w_dead, s_dead, s_end
    return out
