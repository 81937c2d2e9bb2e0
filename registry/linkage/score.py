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
from registry.linkage.model import Model
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

LIFTED = sum(1 << n for n, name in enumerate(RULE_NAMES) if name not in ("suffix", "sex"))
"""Conflicts that say nothing where pairs cannot be relatives (`Model.relatives`)."""

Frequencies = namedtuple("Frequencies", "first last other usual household lifted")
"""log2 of each value's frequency as given name, as surname and in its own field (`other`), by code; `usual` the same for the
mean chance of agreement by comparison; `household` the most that a household's facts weigh together; `lifted` the
conflicts that are not raised."""

MOST_RARE, MOST_COMMON = 6.0, 6.0
"""Bits by which a rare value may raise, and a common one lower, an agreement's weight."""


def frequencies(p: Persons, model: Model) -> Frequencies:
    """Gives how frequent each value is among the records, and what the model believes of the mean."""
    size, values = len(p.codes), len(p.values)

    def share(column: int, count: int) -> np.ndarray:
        codes = p.codes[:, column]
        return log_share(np.bincount(codes[codes >= 0], minlength=count).astype(np.float32))

    other = np.minimum(share(DOB_CODE, values), 0.0)
    zips = share(ZIP_CODE, values)
    own = p.codes[:, ZIP_CODE]
    own = own[own >= 0]
    other[own] = zips[own]
    return Frequencies(
        share(FIRST_CODE, values),
        share(LAST_CODE, values),
        other, *beliefs(model, size),
    )  # fmt: skip


def log_share(counts: np.ndarray) -> np.ndarray:
    """log2 of each value's share; one record less, because a pair that agrees has two of them itself."""
    return np.log2(np.maximum(counts - 1.0, 1.0) / max(counts.sum(), 1.0)).astype(np.float32)


def mean_frequencies(p: Persons, model: Model) -> Frequencies:
    """Gives frequencies for records without a file around them: each value as frequent as the mean of its field."""
    usual = np.log2(model.u[:, 1])
    flat = [np.full(len(p.values), usual[k], dtype=np.float32) for k in (FIRST, LAST, DOB)]
    zips = p.codes[:, ZIP_CODE]
    flat[2][zips[zips >= 0]] = usual[PLACE]
    records = np.sqrt(2.0 * max(model.possible, 1.0))
    return Frequencies(*flat, *beliefs(model, records))


def beliefs(model: Model, records: float) -> tuple[np.ndarray, float, int]:
    """Gives the last three of `Frequencies`: address, place and telephone single out a household among so many records,
    which is all that they can weigh where its members are in the file too.
    """
    usual = np.log2(model.u[:, 1])
    if not model.relatives:
        return usual, np.inf, LIFTED
    return usual, max(float(np.log2(max(records, 2.0))) - 1.0, 6.0), 0


@njit(cache=True, nogil=True)
def _bounded(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


@njit(cache=True, nogil=True)
def _part_frequency(pc, pv, i: int, qc, qv, j: int, surname, usual) -> float:
    """log2 of the frequency of the surname part, or birth surname, that agrees; the mean where it is none's surname."""
    columns = (LAST_CODE, LAST_A_CODE, LAST_B_CODE, MAIDEN_CODE)
    for c in columns:
        y = qc[j, c]
        if y < 0:
            continue
        for d in columns:
            x = pc[i, d]
            if x >= 0 and pv[x].hash == qv[y].hash:
                return surname[y]
    return usual[LAST]


@njit(cache=True, nogil=True)
def weigh_pair(
    pc, pv, i: int, qc, qv, j: int, pattern, weights, given, surname, other, usual, household, lifted, out
) -> int:
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
        out[FIRST] += _bounded(usual[FIRST] - given[qc[j, FIRST_CODE]], -MOST_COMMON, MOST_RARE)
    if last == 1:
        out[LAST] += _bounded(usual[LAST] - surname[qc[j, LAST_CODE]], -MOST_COMMON, MOST_RARE)
    elif last == 2 or last == 3:
        out[LAST] += _bounded(
            usual[LAST] - _part_frequency(pc, pv, i, qc, qv, j, surname, usual), -MOST_COMMON, MOST_RARE / 2
        )
    if first == 7:
        out[FIRST] += _bounded(usual[FIRST] - given[qc[j, LAST_CODE]], -MOST_COMMON, MOST_RARE)
        out[LAST] += _bounded(usual[LAST] - surname[qc[j, FIRST_CODE]], -MOST_COMMON, MOST_RARE)
    if dob == 1:
        out[DOB] += _bounded(usual[DOB] - other[qc[j, DOB_CODE]], -MOST_COMMON, 1.0)
    if (place == 1 or place == 2) and qc[j, ZIP_CODE] >= 0:
        out[PLACE] += _bounded(usual[PLACE] - other[qc[j, ZIP_CODE]], -3.0, 3.0)
    home = out[ADDRESS] + out[PLACE] + out[PHONE]
    if home > household:
        # taken from the telephone first, then from the address: what a household shares is one fact
        spare = home - household
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
    return conflicts & ~lifted


@njit(cache=True, nogil=True)
def _weigh(
    pc,
    pv,
    left,
    qc,
    qv,
    right,
    packed,
    weights,
    given,
    surname,
    other,
    usual,
    household,
    lifted,
    prior,
    rows,
    total,
    conflicts,
) -> None:
    out = np.empty(len(weights), dtype=np.float64)
    for k in range(len(left)):
        conflicts[k] = weigh_pair(
            pc, pv, left[k], qc, qv, right[k], packed[k], weights, given, surname, other, usual, household, lifted, out
        )
        # a loop, because numba compiles the method with all its errors for seconds
        summed = 0.0
        for weight in out:
            summed += weight
        total[k] = prior + summed
        rows[k] = out


def weigh(
    p: Persons,
    left,
    q: Persons,
    right,
    packed: np.ndarray,
    weights: np.ndarray,
    f: Frequencies,
    prior: float,
    least: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Gives (kept, weights, total, conflicts) of pairs whose total is at least `least`; `kept` marks them among all."""
    left, right = left.astype(np.int64, copy=False), right.astype(np.int64, copy=False)
    n = len(left)
    rows, total, conflicts = np.empty((n, len(weights)), np.float32), np.empty(n), np.zeros(n, np.uint8)

    def work(part: slice) -> None:
        arrays = rows[part], total[part], conflicts[part]
        _weigh(p.codes, p.values, left[part], q.codes, q.values, right[part], packed[part], weights, *f, prior, *arrays)

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
