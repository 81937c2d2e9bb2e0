"""How alike two records are in each field, as a level: 0 is missing on either side, and missing says nothing.

Levels are named in `COMPARISONS`; a pair's levels are packed, four bits each, into one number (`pattern`), so that a
million equal patterns are one row of the model. Kernels take the arrays of `Persons` one by one: codes, values and text of
the first file (pc, pv, pt) and of the second (qc, qv, qt), as a tuple of arrays costs them six times the time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from registry.linkage.fields import (
    ADDRESS_CODE,
    CITY_CODE,
    DAY_CODE,
    DOB_CODE,
    FIRST_CODE,
    FIRST_ONE_CODE,
    LAST_A_CODE,
    LAST_B_CODE,
    LAST_CODE,
    MAIDEN_CODE,
    MIDDLE_CODE,
    MONTH_CODE,
    MRN_CODE,
    PHONE_CODE,
    SEX_CODE,
    SSN_CODE,
    SUFFIX_CODE,
    YEAR_CODE,
    ZIP_CODE,
    Persons,
)
from registry.linkage.strings import (
    differing,
    jaro_winkler,
    same_end,
    short_form,
    starts_with,
    within_one,
)
from registry.linkage.threads import in_parts


@dataclass(frozen=True)
class Comparison:
    """One comparison: the field it is shown under, its levels (from 1), and how true matches are expected to fall on them."""

    name: str
    levels: tuple[str, ...]
    matches: tuple[float, ...]
    chance: tuple[float, ...]


COMPARISONS: tuple[Comparison, ...] = (
    Comparison(
        "first",
        ("same", "short form", "one letter", "similar", "initial", "middle name", "surname", "different"),
        (0.83, 0.05, 0.05, 0.02, 0.01, 0.008, 0.01, 0.022),
        (0.01, 0.004, 0.004, 0.02, 0.02, 0.003, 0.001, 0.938),
    ),
    Comparison(
        "last",
        ("same", "part", "birth surname", "one letter", "similar", "given name", "different", "different, women"),
        (0.86, 0.015, 0.012, 0.05, 0.02, 0.008, 0.015, 0.02),
        (0.002, 0.001, 0.001, 0.002, 0.01, 0.001, 0.6, 0.38),
    ),
    Comparison(
        "middle", ("same", "initial", "similar", "different"), (0.62, 0.3, 0.05, 0.03), (0.01, 0.06, 0.02, 0.91)
    ),
    Comparison("suffix", ("same", "different"), (0.98, 0.02), (0.5, 0.5)),
    Comparison("sex", ("same", "different"), (0.995, 0.005), (0.5, 0.5)),
    Comparison(
        "dob",
        ("same", "day and month swapped", "one digit", "as far as known", "default", "two parts", "near", "different"),
        (0.91, 0.008, 0.05, 0.008, 0.004, 0.015, 0.003, 0.002),
        (0.00004, 0.00002, 0.0012, 0.0005, 0.0005, 0.005, 0.04, 0.9527),
    ),
    Comparison(
        "ssn",
        ("same", "one slip", "last four alone", "two digits", "different"),
        (0.935, 0.045, 0.005, 0.01, 0.005),
        (0.000001, 0.00002, 0.0001, 0.0005, 0.9994),
    ),
    Comparison(
        "address",
        ("same", "similar", "street", "different"),
        (0.6, 0.1, 0.03, 0.27),
        (0.00001, 0.0001, 0.0005, 0.9994),
    ),
    Comparison(
        "zip",
        ("code and town", "code", "town", "similar", "different"),
        (0.7, 0.06, 0.06, 0.06, 0.12),
        (0.003, 0.001, 0.002, 0.01, 0.984),
    ),
    Comparison("phone", ("same", "one slip", "different"), (0.68, 0.02, 0.3), (0.000003, 0.00005, 0.99995)),
    Comparison("mrn", ("same", "one slip", "different"), (0.15, 0.01, 0.84), (0.000002, 0.00002, 0.99998)),
)
FIRST, LAST, MIDDLE, SUFFIX, SEX, DOB, SSN, ADDRESS, PLACE, PHONE, MRN = range(len(COMPARISONS))
NAMES = tuple(c.name for c in COMPARISONS)
MAX_LEVELS = 9


def level(comparison: int, name: str) -> int:
    """Gives the number of a level by its name."""
    return COMPARISONS[comparison].levels.index(name) + 1


@njit(cache=True, nogil=True)
def _same(pv, a, qv, b) -> bool:
    return a >= 0 and b >= 0 and pv[a].hash == qv[b].hash


@njit(cache=True, nogil=True)
def _alike(pv, pt, a, qv, qt, b) -> float:
    if a < 0 or b < 0:
        return 0.0
    if pv[a].hash == qv[b].hash:
        return 1.0
    if _strange(pv[a].letters, qv[b].letters):
        return 0.0
    return jaro_winkler(pt, pv[a].start, pv[a].length, qt, qv[b].start, qv[b].length)


@njit(cache=True, nogil=True)
def _strange(a, b) -> bool:
    """Whether two values share so few letters that they cannot be alike: fewer than half of the one with fewer."""
    return 2 * _ones(a & b) < min(_ones(a), _ones(b))


@njit(cache=True, nogil=True)
def _ones(bits) -> int:
    # counts in parallel within the word, as there is no instruction for it here
    x = bits - ((bits >> np.uint32(1)) & np.uint32(0x55555555))
    x = (x & np.uint32(0x33333333)) + ((x >> np.uint32(2)) & np.uint32(0x33333333))
    x = (x + (x >> np.uint32(4))) & np.uint32(0x0F0F0F0F)
    return ((x * np.uint32(0x01010101)) >> np.uint32(24)) & np.uint32(63)


@njit(cache=True, nogil=True)
def _one(pv, pt, a, qv, qt, b) -> bool:
    return within_one(pt, pv[a].start, pv[a].length, qt, qv[b].start, qv[b].length)


@njit(cache=True, nogil=True)
def _differing(pv, pt, a, qv, qt, b) -> int:
    return differing(pt, pv[a].start, pv[a].length, qt, qv[b].start, qv[b].length)


@njit(cache=True, nogil=True)
def _slip(pv, pt, a, qv, qt, b) -> bool:
    return min(pv[a].length, qv[b].length) > 2 and _one(pv, pt, a, qv, qt, b)


@njit(cache=True, nogil=True)
def _nickname(pv, pt, a, qv, qt, b) -> bool:
    one, other = pv[a], qv[b]
    if one.root0 != 0 and other.root0 != 0:
        for x in (one.root0, one.root1, one.root2, one.root3):
            if x != 0 and (x == other.root0 or x == other.root1 or x == other.root2 or x == other.root3):
                return True
    return short_form(pt, one.start, one.length, qt, other.start, other.length)


@njit(cache=True, nogil=True)
def first_level(pc, pv, pt, i: int, qc, qv, qt, j: int) -> int:
    """Gives the level of the given names."""
    a, b = pc[i, FIRST_CODE], qc[j, FIRST_CODE]
    if a < 0 or b < 0:
        return 0
    if pv[a].hash == qv[b].hash:
        return 1
    if _swapped(pc, pv, pt, i, qc, qv, qt, j):
        return 7
    one_a, one_b = pc[i, FIRST_ONE_CODE], qc[j, FIRST_ONE_CODE]
    if _same(pv, one_a, qv, b) or _same(pv, a, qv, one_b) or _same(pv, one_a, qv, one_b):
        return 2
    if _nickname(pv, pt, a, qv, qt, b):
        return 2
    la, lb = pv[a].length, qv[b].length
    if min(la, lb) == 1:
        return 5 if pt[pv[a].start + 0] == qt[qv[b].start + 0] else 8
    if _slip(pv, pt, a, qv, qt, b):
        return 3
    likeness = _alike(pv, pt, a, qv, qt, b)
    if likeness >= 0.93:
        return 3
    long = min(la, lb) >= 3
    if long and (likeness >= 0.84 or starts_with(pt, pv[a].start, la, qt, qv[b].start, lb)):
        return 4
    ma, mb = pc[i, MIDDLE_CODE], qc[j, MIDDLE_CODE]
    if ma >= 0 and pv[ma].length > 1 and (pv[ma].hash == qv[b].hash or _alike(pv, pt, ma, qv, qt, b) >= 0.93):
        return 6
    if mb >= 0 and qv[mb].length > 1 and (qv[mb].hash == pv[a].hash or _alike(qv, qt, mb, pv, pt, a) >= 0.93):
        return 6
    return 8


@njit(cache=True, nogil=True)
def _swapped(pc, pv, pt, i: int, qc, qv, qt, j: int) -> bool:
    """Whether given name and surname stand in each other's place (one of the four may be missing or misspelt)."""
    across, back = (
        _alike(pv, pt, pc[i, FIRST_CODE], qv, qt, qc[j, LAST_CODE]),
        _alike(pv, pt, pc[i, LAST_CODE], qv, qt, qc[j, FIRST_CODE]),
    )
    return min(across, back) >= 0.85 and max(across, back) >= 0.95


@njit(cache=True, nogil=True)
def last_level(pc, pv, pt, i: int, qc, qv, qt, j: int) -> int:
    """Gives the level of the surnames."""
    a, b = pc[i, LAST_CODE], qc[j, LAST_CODE]
    if a < 0 or b < 0:
        return 0
    if pv[a].hash == qv[b].hash:
        return 1
    if _swapped(pc, pv, pt, i, qc, qv, qt, j):
        return 6
    for x in (a, pc[i, LAST_A_CODE], pc[i, LAST_B_CODE]):
        for y in (b, qc[j, LAST_A_CODE], qc[j, LAST_B_CODE]):
            if _same(pv, x, qv, y):
                return 2
    if _same(pv, pc[i, MAIDEN_CODE], qv, b) or _same(pv, a, qv, qc[j, MAIDEN_CODE]):
        return 3
    if _slip(pv, pt, a, qv, qt, b):
        return 4
    likeness = _alike(pv, pt, a, qv, qt, b)
    if likeness >= 0.93:
        return 4
    if likeness >= 0.86 or (pv[a].phonetic == qv[b].phonetic and likeness >= 0.75):
        return 5
    part = max(
        max(_alike(pv, pt, pc[i, LAST_A_CODE], qv, qt, b), _alike(pv, pt, pc[i, LAST_B_CODE], qv, qt, b)),
        max(_alike(pv, pt, a, qv, qt, qc[j, LAST_A_CODE]), _alike(pv, pt, a, qv, qt, qc[j, LAST_B_CODE])),
    )
    part = max(part, max(_alike(pv, pt, pc[i, MAIDEN_CODE], qv, qt, b), _alike(pv, pt, a, qv, qt, qc[j, MAIDEN_CODE])))
    if part >= 0.93:
        return 5
    return 8 if pc[i, SEX_CODE] == 2 and qc[j, SEX_CODE] == 2 else 7


@njit(cache=True, nogil=True)
def middle_level(pc, pv, pt, i: int, qc, qv, qt, j: int) -> int:
    """Gives the level of the middle names."""
    a, b = pc[i, MIDDLE_CODE], qc[j, MIDDLE_CODE]
    if a < 0 or b < 0:
        return 0
    if pv[a].hash == qv[b].hash:
        return 1 if pv[a].length > 1 else 2
    if min(pv[a].length, qv[b].length) == 1:
        return 2 if pt[pv[a].start + 0] == qt[qv[b].start + 0] else 4
    if _slip(pv, pt, a, qv, qt, b) or _nickname(pv, pt, a, qv, qt, b) or _alike(pv, pt, a, qv, qt, b) >= 0.88:
        return 3
    return 4


@njit(cache=True, nogil=True)
def dob_level(pc, pv, pt, i: int, qc, qv, qt, j: int) -> int:
    """Gives the level of the dates of birth."""
    ya, ma, da, yb, mb, db = (
        pc[i, YEAR_CODE],
        pc[i, MONTH_CODE],
        pc[i, DAY_CODE],
        qc[j, YEAR_CODE],
        qc[j, MONTH_CODE],
        qc[j, DAY_CODE],
    )
    if ya == 0 or yb == 0:
        return 0
    known = ma > 0 and da > 0 and mb > 0 and db > 0
    if known:
        if ya == yb and ma == mb and da == db:
            return 1
        if ya == yb and ma == db and da == mb:
            return 2
        if _one(pv, pt, pc[i, DOB_CODE], qv, qt, qc[j, DOB_CODE]):
            return 3
        first_a, first_b = da == 1 and ma == 1, db == 1 and mb == 1
        middle_a, middle_b = (da == 1 or da == 15) and ma == 7, (db == 1 or db == 15) and mb == 7
        if ya == yb and (first_a or first_b or middle_a or middle_b or (ma == mb and (da == 15 or db == 15))):
            return 5
        if (ya == yb) + (ma == mb) + (da == db) == 2:
            return 6
        if ya == yb or _differing(pv, pt, pc[i, DOB_CODE], qv, qt, qc[j, DOB_CODE]) <= 2:
            return 7
        # the swapped day and month with one more slip
        if ma == db and da == mb and abs(ya - yb) <= 1:
            return 7
        return 8
    if ya == yb:
        if (ma == 0 or mb == 0 or ma == mb) and (da == 0 or db == 0 or da == db):
            return 4
        return 7
    return 7 if abs(ya - yb) <= 1 else 8


@njit(cache=True, nogil=True)
def ssn_level(pc, pv, pt, i: int, qc, qv, qt, j: int) -> int:
    """Gives the level of the social security numbers."""
    a, b = pc[i, SSN_CODE], qc[j, SSN_CODE]
    if a < 0 or b < 0:
        return 0
    la, lb = pv[a].length, qv[b].length
    if pv[a].hash == qv[b].hash:
        return 3 if la == 4 else 1
    if min(la, lb) == 4 and max(la, lb) > 4:
        return 3 if same_end(pt, pv[a].start, la, qt, qv[b].start, lb, 4) else 5
    if _one(pv, pt, a, qv, qt, b):
        return 2
    return 4 if _differing(pv, pt, a, qv, qt, b) == 2 else 5


@njit(cache=True, nogil=True)
def address_level(pc, pv, pt, i: int, qc, qv, qt, j: int) -> int:
    """Gives the level of the streets with their house numbers."""
    a, b = pc[i, ADDRESS_CODE], qc[j, ADDRESS_CODE]
    if a < 0 or b < 0:
        return 0
    if pv[a].hash == qv[b].hash:
        return 1
    if _slip(pv, pt, a, qv, qt, b):
        return 2
    # another house number in one street is another house
    number_a, number_b = _number(pv, pt, a), _number(qv, qt, b)
    rest = jaro_winkler(
        pt, pv[a].start + number_a, pv[a].length - number_a, qt, qv[b].start + number_b, qv[b].length - number_b
    )
    if number_a != number_b or not starts_with(pt, pv[a].start, number_a, qt, qv[b].start, number_b):
        return 3 if rest >= 0.92 else 4
    return 2 if rest >= 0.88 else 4


@njit(cache=True, nogil=True)
def _number(pv, pt, a) -> int:
    """Gives how many letters the house number and the blank behind it take."""
    if not 48 <= pt[pv[a].start] <= 57:
        return 0
    k = 0
    while k < pv[a].length and pt[pv[a].start + k] != 32:
        k += 1
    return min(k + 1, pv[a].length)


@njit(cache=True, nogil=True)
def place_level(pc, pv, pt, i: int, qc, qv, qt, j: int) -> int:
    """Gives the level of postal code and town together: they are one fact, so their agreement counts once."""
    za, zb, ca, cb = pc[i, ZIP_CODE], qc[j, ZIP_CODE], pc[i, CITY_CODE], qc[j, CITY_CODE]
    codes, towns = za >= 0 and zb >= 0, ca >= 0 and cb >= 0
    if not codes and not towns:
        return 0
    code, town = _same(pv, za, qv, zb), _same(pv, ca, qv, cb)
    if towns and not town and _alike(pv, pt, ca, qv, qt, cb) >= 0.9:
        town = True
    if code and town:
        return 1
    if code:
        return 2
    if town:
        return 3
    if codes and _slip(pv, pt, za, qv, qt, zb):
        return 4
    return 5


@njit(cache=True, nogil=True)
def number_level(pv, pt, a, qv, qt, b) -> int:
    """Gives the level of two telephone or record numbers: 1 same, 2 one slip, 3 different."""
    if a < 0 or b < 0:
        return 0
    if pv[a].hash == qv[b].hash:
        return 1
    la, lb = pv[a].length, qv[b].length
    if la >= 6 and lb >= 6 and _one(pv, pt, a, qv, qt, b):
        return 2
    if max(la, lb) == 10 and min(la, lb) == 7 and same_end(pt, pv[a].start, la, qt, qv[b].start, lb, 7):
        return 2
    return 3


@njit(cache=True, nogil=True)
def pattern_of(pc, pv, pt, i: int, qc, qv, qt, j: int) -> np.uint64:
    """Gives the packed levels of a pair, the first comparison in the lowest four bits."""
    first = first_level(pc, pv, pt, i, qc, qv, qt, j)
    out = np.uint64(first) | np.uint64(last_level(pc, pv, pt, i, qc, qv, qt, j)) << np.uint64(4)
    middle = 0 if first == 6 else middle_level(pc, pv, pt, i, qc, qv, qt, j)
    out |= np.uint64(middle) << np.uint64(8)
    if pc[i, SUFFIX_CODE] > 0 and qc[j, SUFFIX_CODE] > 0:
        out |= np.uint64(1 if pc[i, SUFFIX_CODE] == qc[j, SUFFIX_CODE] else 2) << np.uint64(12)
    if pc[i, SEX_CODE] > 0 and qc[j, SEX_CODE] > 0:
        out |= np.uint64(1 if pc[i, SEX_CODE] == qc[j, SEX_CODE] else 2) << np.uint64(16)
    out |= np.uint64(dob_level(pc, pv, pt, i, qc, qv, qt, j)) << np.uint64(20)
    out |= np.uint64(ssn_level(pc, pv, pt, i, qc, qv, qt, j)) << np.uint64(24)
    out |= np.uint64(address_level(pc, pv, pt, i, qc, qv, qt, j)) << np.uint64(28)
    out |= np.uint64(place_level(pc, pv, pt, i, qc, qv, qt, j)) << np.uint64(32)
    out |= np.uint64(number_level(pv, pt, pc[i, PHONE_CODE], qv, qt, qc[j, PHONE_CODE])) << np.uint64(36)
    out |= np.uint64(number_level(pv, pt, pc[i, MRN_CODE], qv, qt, qc[j, MRN_CODE])) << np.uint64(40)
    return out


@njit(cache=True, nogil=True)
def _patterns(pc, pv, pt, left, qc, qv, qt, right, out) -> None:
    for k in range(len(left)):
        out[k] = pattern_of(pc, pv, pt, left[k], qc, qv, qt, right[k])


def patterns(p: Persons, left: np.ndarray, q: Persons, right: np.ndarray) -> np.ndarray:
    """Gives the packed levels of many pairs: `left` are places in `p`, `right` in `q`."""
    left, right = left.astype(np.int64, copy=False), right.astype(np.int64, copy=False)
    out = np.empty(len(left), dtype=np.uint64)
    in_parts(len(left), lambda part: _patterns(*p, left[part], *q, right[part], out[part]))
    return out


def unpack(packed: np.ndarray) -> np.ndarray:
    """Gives the levels of packed patterns: shape (patterns, comparisons), bytes."""
    shifts = np.arange(len(COMPARISONS), dtype=np.uint64) * np.uint64(4)
    return ((packed[:, None] >> shifts[None, :]) & np.uint64(15)).astype(np.uint8)
