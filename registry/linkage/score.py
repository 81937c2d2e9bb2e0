"""A pair's weights with the frequency of the values that agree, and the conflicts that keep it from being joined unseen.

Two Smiths agree by chance more often than two Byaruhangas: agreement is weighed by the value's own frequency. Address,
town and telephone belong to a household, not to a person: together they never weigh more than finding the household.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np
from numba import njit

from registry.linkage.compare import ADDRESS, COMPARISONS, DOB, FIRST, LAST, MIDDLE, PHONE, PLACE, SEX, SSN, SUFFIX
from registry.linkage.fields import (
    DOB_CODE,
    FIRST_CODE,
    LAST_A_CODE,
    LAST_B_CODE,
    LAST_CODE,
    MAIDEN_CODE,
    ZIP_CODE,
    Persons,
)
from registry.linkage.threads import in_parts

RULES: tuple[tuple[str, str], ...] = (
    ("suffix", "one is the elder and one the younger (Sr, Jr)"),
    ("given-name", "the given names differ and no number says that they are one person: a twin or sibling"),
    ("twin", "born on one day with neighboring numbers and names that are not the same: twins"),
    ("birth", "the dates of birth are far apart: parent and child, or two of one name"),
    ("sex", "the sexes differ and so does another fact"),
    ("number", "the social security numbers differ in more than one slip"),
    ("names", "no name agrees"),
)
"""Conflicts by bit: a pair with one is never a match by itself, whatever it weighs; a person decides."""
RULE_NAMES = tuple(name for name, _ in RULES)

Frequencies = namedtuple("Frequencies", "first last other usual household")
"""log2 of each value's frequency as given name, as surname and in its own field (`other`), by code; `usual` the same for the
mean chance of agreement by comparison; the most that a household's facts weigh together."""

MOST_RARE, MOST_COMMON = 6.0, 6.0
"""Bits by which a rare value may raise, and a common one lower, an agreement's weight."""


def frequencies(p: Persons, u: np.ndarray) -> Frequencies:
    """Gives how frequent each value is among the records, beside the model's mean chance `u` of agreement."""
    size, values = len(p.codes), len(p.hash)

    def share(column: int, count: int) -> np.ndarray:
        codes = p.codes[:, column]
        counts = np.bincount(codes[codes >= 0], minlength=count).astype(np.float32)
        return np.log2(np.maximum(counts - 1.0, 1.0) / max(counts.sum(), 1.0)).astype(np.float32)

    names = len(p.phonetic)
    other = np.minimum(share(DOB_CODE, values), 0.0)
    zips = share(ZIP_CODE, values)
    own = p.codes[:, ZIP_CODE]
    own = own[own >= 0]
    other[own] = zips[own]
    return Frequencies(
        share(FIRST_CODE, names) if names else np.zeros(0, np.float32),
        share(LAST_CODE, names) if names else np.zeros(0, np.float32),
        other, np.log2(u[:, 1]), max(float(np.log2(max(size, 2))) - 1.0, 6.0),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _bounded(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


@njit(cache=True, nogil=True)
def _part_frequency(p: Persons, i: int, q: Persons, j: int, f) -> float:
    """log2 of the frequency of the surname part, or birth surname, that agrees; the mean where it is none's surname."""
    columns = (LAST_CODE, LAST_A_CODE, LAST_B_CODE, MAIDEN_CODE)
    for c in columns:
        y = q.codes[j, c]
        if y < 0:
            continue
        for d in columns:
            x = p.codes[i, d]
            if x >= 0 and p.hash[x] == q.hash[y]:
                return f.last[y]
    return f.usual[LAST]


@njit(cache=True, nogil=True)
def weigh_pair(p: Persons, i: int, q: Persons, j: int, pattern, weights, f, out) -> int:
    """Writes the weight of each comparison into `out` and gives the conflicts as bits of `RULES`."""
    n = len(out)
    for k in range(n):
        out[k] = weights[k, (pattern >> np.uint64(4 * k)) & np.uint64(15)]
    first, last = pattern & np.uint64(15), (pattern >> np.uint64(4)) & np.uint64(15)
    dob, ssn = (pattern >> np.uint64(4 * DOB)) & np.uint64(15), (pattern >> np.uint64(4 * SSN)) & np.uint64(15)
    middle, sex = (pattern >> np.uint64(4 * MIDDLE)) & np.uint64(15), (pattern >> np.uint64(4 * SEX)) & np.uint64(15)
    place, suffix = (
        (pattern >> np.uint64(4 * PLACE)) & np.uint64(15),
        (pattern >> np.uint64(4 * SUFFIX)) & np.uint64(15),
    )
    if first == 1:
        out[FIRST] += _bounded(f.usual[FIRST] - f.first[q.codes[j, FIRST_CODE]], -MOST_COMMON, MOST_RARE)
    if last == 1:
        out[LAST] += _bounded(f.usual[LAST] - f.last[q.codes[j, LAST_CODE]], -MOST_COMMON, MOST_RARE)
    elif last == 2 or last == 3:
        out[LAST] += _bounded(f.usual[LAST] - _part_frequency(p, i, q, j, f), -MOST_COMMON, MOST_RARE / 2)
    if dob == 1:
        out[DOB] += _bounded(f.usual[DOB] - f.other[q.codes[j, DOB_CODE]], -MOST_COMMON, 1.0)
    if (place == 1 or place == 2) and q.codes[j, ZIP_CODE] >= 0:
        out[PLACE] += _bounded(f.usual[PLACE] - f.other[q.codes[j, ZIP_CODE]], -3.0, 3.0)
    home = out[ADDRESS] + out[PLACE] + out[PHONE]
    if home > f.household:
        # taken from the telephone first, then from the address: what a household shares is one fact
        spare = home - f.household
        for k in (PHONE, ADDRESS, PLACE):
            less = min(spare, max(out[k], 0.0))
            out[k] -= less
            spare -= less
    same_number = ssn == 1
    dob_like = 1 <= dob <= 6
    conflicts = 0
    if suffix == 2:
        conflicts |= 1
    if first == 8 and not (same_number and dob_like and sex != 2):
        conflicts |= 2
    if dob == 1 and (ssn == 2 or ssn == 4) and not (first == 1 or first == 2) and not (first == 0 and last == 1):
        conflicts |= 4
    if dob == 8 and not same_number:
        conflicts |= 8
    if sex == 2 and not (dob == 1 and (first == 1 or first == 2)):
        conflicts |= 16
    if ssn >= 4:
        conflicts |= 32
    if (first == 8 or first == 0) and (last >= 7 or last == 0) and middle != 1:
        conflicts |= 64
    return conflicts


@njit(cache=True, nogil=True)
def _weigh(p: Persons, left, q: Persons, right, packed, weights, f, prior: float, rows, total, conflicts) -> None:
    out = np.empty(len(weights), dtype=np.float64)
    for k in range(len(left)):
        conflicts[k] = weigh_pair(p, left[k], q, right[k], packed[k], weights, f, out)
        total[k] = prior + out.sum()
        rows[k] = out


def weigh(p: Persons, left, q: Persons, right, packed, weights, f, prior: float, least: float):
    """Gives (kept, weights, total, conflicts) of pairs whose total is at least `least`; `kept` marks them among all."""
    left, right = left.astype(np.int64, copy=False), right.astype(np.int64, copy=False)
    n = len(left)
    rows, total, conflicts = np.empty((n, len(weights)), np.float32), np.empty(n), np.zeros(n, np.uint8)

    def work(part: slice) -> None:
        arrays = rows[part], total[part], conflicts[part]
        _weigh(p, left[part], q, right[part], packed[part], weights, f, prior, *arrays)

    in_parts(n, work)
    kept = np.flatnonzero(total >= least)
    return kept, rows[kept], total[kept], conflicts[kept]


def conflict_names(bits: int) -> list[str]:
    """Gives the names of the conflicts of a pair."""
    return [name for n, name in enumerate(RULE_NAMES) if bits >> n & 1]


def probability(total: np.ndarray | float) -> np.ndarray:
    """Gives the probability of a match from the total weight (log2 of the odds)."""
    return 1.0 / (1.0 + np.exp2(-np.clip(total, -60, 50)))


WIDTH = len(COMPARISONS)
