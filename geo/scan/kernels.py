"""The compiled loops over windows: the observed data's best window per centre, and the best of simulated data sets.

A *list* is the order in which locations join the windows around one centre (one list per centre and shape). Counts come as
running sums over the time intervals, so that the cases of intervals [s, t) are a difference of two entries. Simulated
data sets lie side by side in memory (*lanes*): one pass over the lists serves them all.
Every kernel computes the same statistic with the same function; `statistic.py` holds the proof that the skipping ones
skip nothing that matters.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from geo.scan.statistic import BERNOULLI, BOTH, HIGH, LOW, SLACK, bernoulli_bound, window_llr


@njit(cache=True, nogil=True)
def best_windows(
    order, starts, penalty, cases, expected, at_risk, window_start, window_end, measure, caps, model, rates, least
):  # fmt: skip
    """Gives, per cap and list, the greatest penalised LLR of the observed data and its window.

    order, starts: the lists, flat; cases, expected, at_risk: (locations, intervals) running sums over time;
    measure: a location's share in the size of a window; caps: ascending size limits, the last one open.
    Returns (value, length, window) of shape (caps, lists); length 0 where no window has a positive LLR.
    Of equal values the first met is kept: fewest locations, then the first window.
    """
    lists, intervals = starts.size - 1, cases.shape[1]
    value = np.zeros((caps.size, lists))
    length = np.zeros((caps.size, lists), np.int32)
    window = np.zeros((caps.size, lists), np.int32)
    total, persons = 0.0, 0.0
    for j in range(cases.shape[0]):
        total += cases[j, intervals - 1]
        persons += at_risk[j, intervals - 1]
    for i in range(lists):
        c_sum, e_sum, u_sum = np.zeros(intervals + 1), np.zeros(intervals + 1), np.zeros(intervals + 1)
        best, best_length, best_window, size, cap = 0.0, 0, 0, 0.0, 0
        for p in range(starts[i], starts[i + 1]):
            j = order[p]
            size += measure[j]
            while cap < caps.size - 1 and size > caps[cap]:
                value[cap, i], length[cap, i], window[cap, i] = best, best_length, best_window
                cap += 1
            for t in range(intervals):
                c_sum[t + 1] += cases[j, t]
                e_sum[t + 1] += expected[j, t]
                u_sum[t + 1] += at_risk[j, t]
            for w in range(window_start.size):
                s, t = window_start[w], window_end[w]
                c, e, u = c_sum[t] - c_sum[s], e_sum[t] - e_sum[s], u_sum[t] - u_sum[s]
                if model != BERNOULLI and rates == HIGH and c <= total - e:
                    # bound (3): most windows are far from the best and need no logarithm
                    bound = total * (c - e) * (c - e) * penalty[i] * (1.0 + 1e-9)
                    if c <= e or bound <= best * 2.0 * e * (total - e):
                        continue
                now = window_llr(model, rates, least, c, e, u, total, persons) * penalty[i]
                if now > best:
                    best, best_length, best_window = now, p - starts[i] + 1, w
        while cap < caps.size:
            value[cap, i], length[cap, i], window[cap, i] = best, best_length, best_window
            cap += 1
    return value, length, window


@njit(cache=True, nogil=True)
def every_window(
    order, starts, penalty, sims, expected, at_risk, window_start, window_end, total, persons, model, rates, least, best
):  # fmt: skip
    """Raises `best` (one per lane) to the greatest penalised LLR, computing every window: the yardstick for the others."""
    intervals, lanes = sims.shape[1], sims.shape[2]
    for i in range(starts.size - 1):
        c_sum = np.zeros((intervals + 1, lanes))
        e_sum, u_sum = np.zeros(intervals + 1), np.zeros(intervals + 1)
        for p in range(starts[i], starts[i + 1]):
            j = order[p]
            for t in range(intervals):
                e_sum[t + 1] += expected[j, t]
                u_sum[t + 1] += at_risk[j, t]
                for lane in range(lanes):
                    c_sum[t + 1, lane] += sims[j, t, lane]
            for w in range(window_start.size):
                s, t = window_start[w], window_end[w]
                e, u = e_sum[t] - e_sum[s], u_sum[t] - u_sum[s]
                for lane in range(lanes):
                    c = c_sum[t, lane] - c_sum[s, lane]
                    now = window_llr(model, rates, least, c, e, u, total, persons) * penalty[i]
                    if now > best[lane]:
                        best[lane] = now


@njit(cache=True, nogil=True)
def root_floor(best, penalty, root):
    """Writes sqrt(best / penalty), a little lowered for single precision, per lane; gives the greatest of them."""
    top = 0.0
    for lane in range(best.size):
        value = math.sqrt(best[lane] / penalty)
        top = max(top, value)
        root[lane] = np.float32(value * (1.0 - SLACK) - SLACK)
    return top * (1.0 + SLACK)


@njit(cache=True, nogil=True)
def high_thresholds(order, starts, expected, total):
    """Gives, per zone of purely spatial lists, the factor sqrt(C / (2E(C-E))) and E times it, lowered for rounding."""
    factor = np.zeros(order.size, np.float32)
    shift = np.zeros(order.size, np.float32)
    for i in range(starts.size - 1):
        e = 0.0
        for p in range(starts[i], starts[i + 1]):
            e += expected[order[p], 0]
            # a zone without expectation, or with all of it, has no LLR: factor 0 and shift 0 never exceed a positive root
            if 0.0 < e < total:
                z = math.sqrt(total / (2.0 * e * (total - e)))
                factor[p] = np.float32(z)
                shift[p] = np.float32(e * z * (1.0 - SLACK))
    return factor, shift


@njit(cache=True, nogil=True, fastmath={"contract"})
def spatial_high(order, starts, penalty, factor, shift, sims, expected, total, least, best):
    """Raises `best` for purely spatial windows of high rate under the Poisson expression: the fast path, by (3)."""
    lanes = sims.shape[2]
    c_sum = np.empty(lanes, np.float32)
    root = np.empty(lanes, np.float32)
    for i in range(starts.size - 1):
        top = root_floor(best, penalty[i], root)
        c_sum[:] = 0
        e = 0.0
        for p in range(starts[i], starts[i + 1]):
            j = order[p]
            e += expected[j, 0]
            a, b = factor[p], shift[p]
            hit = np.int32(0)
            for lane in range(lanes):
                c = c_sum[lane] + sims[j, 0, lane]
                c_sum[lane] = c
                hit |= np.int32(c * a - b > root[lane])
            # the bound (3) ends at c = C - E; where a root lies beyond, every lane is looked at
            if hit != 0 or (total - 2.0 * e) * a < top:
                for lane in range(lanes):
                    now = window_llr(0, HIGH, least, np.float64(c_sum[lane]), e, 0.0, total, 0.0) * penalty[i]
                    if now > best[lane]:
                        best[lane] = now
                        value = math.sqrt(now / penalty[i])
                        top = max(top, value * (1.0 + SLACK))
                        root[lane] = np.float32(value * (1.0 - SLACK) - SLACK)


@njit(cache=True, nogil=True, fastmath={"contract"})
def any_window(
    order, starts, penalty, sims, expected, at_risk, window_start, window_end, total, persons, model, rates, least, best
):  # fmt: skip
    """Raises `best` for windows of every model, kind of rate and number of intervals, by (3), (4) or the Bernoulli bound."""
    intervals, lanes = sims.shape[1], sims.shape[2]
    c_sum = np.empty((intervals + 1, lanes), np.float32)
    e_sum, u_sum = np.empty(intervals + 1), np.empty(intervals + 1)
    root = np.empty(lanes, np.float32)
    for i in range(starts.size - 1):
        top = root_floor(best, penalty[i], root)
        c_sum[:] = 0
        e_sum[:] = 0
        u_sum[:] = 0
        for p in range(starts[i], starts[i + 1]):
            j = order[p]
            for t in range(intervals):
                e_sum[t + 1] += expected[j, t]
                u_sum[t + 1] += at_risk[j, t]
                for lane in range(lanes):
                    c_sum[t + 1, lane] += sims[j, t, lane]
            for w in range(window_start.size):
                s, t = window_start[w], window_end[w]
                e, u = e_sum[t] - e_sum[s], u_sum[t] - u_sum[s]
                if e <= 0.0 or e >= total:
                    continue
                hit = np.int32(0)
                if model == BERNOULLI:
                    for lane in range(lanes):
                        c = np.float64(c_sum[t, lane] - c_sum[s, lane])
                        bound = bernoulli_bound(c, e, u, total, persons) * penalty[i]
                        hit |= np.int32(bound * (1.0 + 1e-9) + 1e-9 > best[lane])
                else:
                    z = math.sqrt(total / (2.0 * e * (total - e)))
                    if rates & HIGH:
                        a, b = np.float32(z), np.float32(e * z * (1.0 - SLACK))
                        for lane in range(lanes):
                            hit |= np.int32((c_sum[t, lane] - c_sum[s, lane]) * a - b > root[lane])
                        hit |= np.int32((total - 2.0 * e) * z < top)
                    if rates & LOW:
                        v = math.sqrt(2.0 * total / (total - e))
                        a, b = np.float32(v), np.float32(math.sqrt(e) * v * (1.0 + SLACK))
                        for lane in range(lanes):
                            hit |= np.int32(b - np.sqrt(c_sum[t, lane] - c_sum[s, lane]) * a > root[lane])
                if hit == 0:
                    continue
                for lane in range(lanes):
                    c = np.float64(c_sum[t, lane] - c_sum[s, lane])
                    now = window_llr(model, rates, least, c, e, u, total, persons) * penalty[i]
                    if now > best[lane]:
                        best[lane] = now
                        value = math.sqrt(now / penalty[i])
                        top = max(top, value * (1.0 + SLACK))
                        root[lane] = np.float32(value * (1.0 - SLACK) - SLACK)


ALL_RATES = {"high": HIGH, "low": LOW, "both": BOTH}
