"""How alike two records are in each field, as a level: 0 is missing on either side, and missing says nothing.

Levels are named in `COMPARISONS`; a pair's levels are packed, four bits each, into one number (`pattern`), so that a
million equal patterns are one row of the model.
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
    Comparison("address", ("same", "similar", "different"), (0.6, 0.12, 0.28), (0.00001, 0.0005, 0.9995)),
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
def _letters(p, code):
    return p.text[p.start[code] : p.start[code + 1]]


@njit(cache=True, nogil=True)
def _size(p, code) -> int:
    return p.start[code + 1] - p.start[code]


@njit(cache=True, nogil=True)
def _letter(p, code, at) -> int:
    return p.text[p.start[code] + at]


@njit(cache=True, nogil=True)
def _same(p, a, q, b) -> bool:
    return a >= 0 and b >= 0 and p.hash[a] == q.hash[b]


@njit(cache=True, nogil=True)
def _alike(p, a, q, b) -> float:
    if a < 0 or b < 0:
        return 0.0
    if p.hash[a] == q.hash[b]:
        return 1.0
    return jaro_winkler(_letters(p, a), _letters(q, b))


@njit(cache=True, nogil=True)
def _slip(p, a, q, b) -> bool:
    x, y = _letters(p, a), _letters(q, b)
    return min(len(x), len(y)) > 2 and within_one(x, y)


@njit(cache=True, nogil=True)
def _nickname(p, a, q, b) -> bool:
    for i in range(4):
        if p.roots[a, i] == 0:
            break
        for j in range(4):
            if q.roots[b, j] == 0:
                break
            if p.roots[a, i] == q.roots[b, j]:
                return True
    return short_form(_letters(p, a), _letters(q, b))


@njit(cache=True, nogil=True)
def first_level(p: Persons, i: int, q: Persons, j: int) -> int:
    """Gives the level of the given names."""
    a, b = p.codes[i, FIRST_CODE], q.codes[j, FIRST_CODE]
    if a < 0 or b < 0:
        return 0
    if p.hash[a] == q.hash[b]:
        return 1
    if _swapped(p, i, q, j):
        return 7
    one_a, one_b = p.codes[i, FIRST_ONE_CODE], q.codes[j, FIRST_ONE_CODE]
    if _same(p, one_a, q, b) or _same(p, a, q, one_b) or _same(p, one_a, q, one_b):
        return 2
    if _nickname(p, a, q, b):
        return 2
    la, lb = _size(p, a), _size(q, b)
    if min(la, lb) == 1:
        return 5 if _letter(p, a, 0) == _letter(q, b, 0) else 8
    if _slip(p, a, q, b):
        return 3
    likeness = _alike(p, a, q, b)
    if likeness >= 0.93:
        return 3
    long = min(la, lb) >= 3
    if long and (likeness >= 0.84 or starts_with(_letters(p, a), _letters(q, b))):
        return 4
    ma, mb = p.codes[i, MIDDLE_CODE], q.codes[j, MIDDLE_CODE]
    if ma >= 0 and _size(p, ma) > 1 and (p.hash[ma] == q.hash[b] or _alike(p, ma, q, b) >= 0.93):
        return 6
    if mb >= 0 and _size(q, mb) > 1 and (q.hash[mb] == p.hash[a] or _alike(q, mb, p, a) >= 0.93):
        return 6
    return 8


@njit(cache=True, nogil=True)
def _swapped(p: Persons, i: int, q: Persons, j: int) -> bool:
    """Whether given name and surname stand in each other's place (one of the four may be missing or misspelt)."""
    across, back = (
        _alike(p, p.codes[i, FIRST_CODE], q, q.codes[j, LAST_CODE]),
        _alike(p, p.codes[i, LAST_CODE], q, q.codes[j, FIRST_CODE]),
    )
    return min(across, back) >= 0.85 and max(across, back) >= 0.95


@njit(cache=True, nogil=True)
def last_level(p: Persons, i: int, q: Persons, j: int) -> int:
    """Gives the level of the surnames."""
    a, b = p.codes[i, LAST_CODE], q.codes[j, LAST_CODE]
    if a < 0 or b < 0:
        return 0
    if p.hash[a] == q.hash[b]:
        return 1
    if _swapped(p, i, q, j):
        return 6
    for x in (a, p.codes[i, LAST_A_CODE], p.codes[i, LAST_B_CODE]):
        for y in (b, q.codes[j, LAST_A_CODE], q.codes[j, LAST_B_CODE]):
            if _same(p, x, q, y):
                return 2
    if _same(p, p.codes[i, MAIDEN_CODE], q, b) or _same(p, a, q, q.codes[j, MAIDEN_CODE]):
        return 3
    if _slip(p, a, q, b):
        return 4
    likeness = _alike(p, a, q, b)
    if likeness >= 0.93:
        return 4
    if likeness >= 0.86 or (p.phonetic[a] == q.phonetic[b] and likeness >= 0.75):
        return 5
    part = max(
        max(_alike(p, p.codes[i, LAST_A_CODE], q, b), _alike(p, p.codes[i, LAST_B_CODE], q, b)),
        max(_alike(p, a, q, q.codes[j, LAST_A_CODE]), _alike(p, a, q, q.codes[j, LAST_B_CODE])),
    )
    part = max(part, max(_alike(p, p.codes[i, MAIDEN_CODE], q, b), _alike(p, a, q, q.codes[j, MAIDEN_CODE])))
    if part >= 0.93:
        return 5
    return 8 if p.codes[i, SEX_CODE] == 2 and q.codes[j, SEX_CODE] == 2 else 7


@njit(cache=True, nogil=True)
def middle_level(p: Persons, i: int, q: Persons, j: int) -> int:
    """Gives the level of the middle names."""
    a, b = p.codes[i, MIDDLE_CODE], q.codes[j, MIDDLE_CODE]
    if a < 0 or b < 0:
        return 0
    if p.hash[a] == q.hash[b]:
        return 1 if _size(p, a) > 1 else 2
    if min(_size(p, a), _size(q, b)) == 1:
        return 2 if _letter(p, a, 0) == _letter(q, b, 0) else 4
    if _slip(p, a, q, b) or _nickname(p, a, q, b) or _alike(p, a, q, b) >= 0.88:
        return 3
    return 4


@njit(cache=True, nogil=True)
def dob_level(p: Persons, i: int, q: Persons, j: int) -> int:
    """Gives the level of the dates of birth."""
    ya, ma, da, yb, mb, db = (
        p.codes[i, YEAR_CODE],
        p.codes[i, MONTH_CODE],
        p.codes[i, DAY_CODE],
        q.codes[j, YEAR_CODE],
        q.codes[j, MONTH_CODE],
        q.codes[j, DAY_CODE],
    )
    if ya == 0 or yb == 0:
        return 0
    known = ma > 0 and da > 0 and mb > 0 and db > 0
    if known:
        if ya == yb and ma == mb and da == db:
            return 1
        if ya == yb and ma == db and da == mb:
            return 2
        if within_one(_letters(p, p.codes[i, DOB_CODE]), _letters(q, q.codes[j, DOB_CODE])):
            return 3
        first_a, first_b = da == 1 and ma == 1, db == 1 and mb == 1
        middle_a, middle_b = (da == 1 or da == 15) and ma == 7, (db == 1 or db == 15) and mb == 7
        if ya == yb and (first_a or first_b or middle_a or middle_b or (ma == mb and (da == 15 or db == 15))):
            return 5
        if (ya == yb) + (ma == mb) + (da == db) == 2:
            return 6
        if ya == yb or differing(_letters(p, p.codes[i, DOB_CODE]), _letters(q, q.codes[j, DOB_CODE])) <= 2:
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
def ssn_level(p: Persons, i: int, q: Persons, j: int) -> int:
    """Gives the level of the social security numbers."""
    a, b = p.codes[i, SSN_CODE], q.codes[j, SSN_CODE]
    if a < 0 or b < 0:
        return 0
    la, lb = _size(p, a), _size(q, b)
    if p.hash[a] == q.hash[b]:
        return 3 if la == 4 else 1
    if min(la, lb) == 4 and max(la, lb) > 4:
        return 3 if same_end(_letters(p, a), _letters(q, b), 4) else 5
    if within_one(_letters(p, a), _letters(q, b)):
        return 2
    return 4 if differing(_letters(p, a), _letters(q, b)) == 2 else 5


@njit(cache=True, nogil=True)
def address_level(p: Persons, i: int, q: Persons, j: int) -> int:
    """Gives the level of the streets with their house numbers."""
    a, b = p.codes[i, ADDRESS_CODE], q.codes[j, ADDRESS_CODE]
    if a < 0 or b < 0:
        return 0
    if p.hash[a] == q.hash[b]:
        return 1
    if _slip(p, a, q, b):
        return 2
    # another house number in one street is another house
    digit_a, digit_b = 48 <= _letter(p, a, 0) <= 57, 48 <= _letter(q, b, 0) <= 57
    if digit_a and digit_b:
        k = 0
        while k < min(_size(p, a), _size(q, b)) and _letter(p, a, k) != 32 and _letter(p, a, k) == _letter(q, b, k):
            k += 1
        whole = k < min(_size(p, a), _size(q, b)) and _letter(p, a, k) == 32 and _letter(q, b, k) == 32
        return 2 if whole and _alike(p, a, q, b) >= 0.9 else 3
    return 2 if _alike(p, a, q, b) >= 0.88 else 3


@njit(cache=True, nogil=True)
def place_level(p: Persons, i: int, q: Persons, j: int) -> int:
    """Gives the level of postal code and town together: they are one fact, so their agreement counts once."""
    za, zb, ca, cb = p.codes[i, ZIP_CODE], q.codes[j, ZIP_CODE], p.codes[i, CITY_CODE], q.codes[j, CITY_CODE]
    codes, towns = za >= 0 and zb >= 0, ca >= 0 and cb >= 0
    if not codes and not towns:
        return 0
    code, town = _same(p, za, q, zb), _same(p, ca, q, cb)
    if towns and not town and _alike(p, ca, q, cb) >= 0.9:
        town = True
    if code and town:
        return 1
    if code:
        return 2
    if town:
        return 3
    if codes and _slip(p, za, q, zb):
        return 4
    return 5


@njit(cache=True, nogil=True)
def number_level(p, a, q, b) -> int:
    """Gives the level of two telephone or record numbers: 1 same, 2 one slip, 3 different."""
    if a < 0 or b < 0:
        return 0
    if p.hash[a] == q.hash[b]:
        return 1
    la, lb = _size(p, a), _size(q, b)
    if la >= 6 and lb >= 6 and within_one(_letters(p, a), _letters(q, b)):
        return 2
    if max(la, lb) == 10 and min(la, lb) == 7 and same_end(_letters(p, a), _letters(q, b), 7):
        return 2
    return 3


@njit(cache=True, nogil=True)
def pattern_of(p: Persons, i: int, q: Persons, j: int) -> np.uint64:
    """Gives the packed levels of a pair, the first comparison in the lowest four bits."""
    first = first_level(p, i, q, j)
    out = np.uint64(first) | np.uint64(last_level(p, i, q, j)) << np.uint64(4)
    middle = 0 if first == 6 else middle_level(p, i, q, j)
    out |= np.uint64(middle) << np.uint64(8)
    if p.codes[i, SUFFIX_CODE] > 0 and q.codes[j, SUFFIX_CODE] > 0:
        out |= np.uint64(1 if p.codes[i, SUFFIX_CODE] == q.codes[j, SUFFIX_CODE] else 2) << np.uint64(12)
    if p.codes[i, SEX_CODE] > 0 and q.codes[j, SEX_CODE] > 0:
        out |= np.uint64(1 if p.codes[i, SEX_CODE] == q.codes[j, SEX_CODE] else 2) << np.uint64(16)
    out |= np.uint64(dob_level(p, i, q, j)) << np.uint64(20)
    out |= np.uint64(ssn_level(p, i, q, j)) << np.uint64(24)
    out |= np.uint64(address_level(p, i, q, j)) << np.uint64(28)
    out |= np.uint64(place_level(p, i, q, j)) << np.uint64(32)
    out |= np.uint64(number_level(p, p.codes[i, PHONE_CODE], q, q.codes[j, PHONE_CODE])) << np.uint64(36)
    out |= np.uint64(number_level(p, p.codes[i, MRN_CODE], q, q.codes[j, MRN_CODE])) << np.uint64(40)
    return out


@njit(cache=True, nogil=True)
def _patterns(p: Persons, left, q: Persons, right, out) -> None:
    for k in range(len(left)):
        out[k] = pattern_of(p, left[k], q, right[k])


def patterns(p: Persons, left: np.ndarray, q: Persons, right: np.ndarray) -> np.ndarray:
    """Gives the packed levels of many pairs: `left` are places in `p`, `right` in `q`."""
    left, right = left.astype(np.int64, copy=False), right.astype(np.int64, copy=False)
    out = np.empty(len(left), dtype=np.uint64)
    in_parts(len(left), lambda part: _patterns(p, left[part], q, right[part], out[part]))
    return out


def unpack(packed: np.ndarray) -> np.ndarray:
    """Gives the levels of packed patterns: shape (patterns, comparisons), bytes."""
    shifts = np.arange(len(COMPARISONS), dtype=np.uint64) * np.uint64(4)
    return ((packed[:, None] >> shifts[None, :]) & np.uint64(15)).astype(np.uint8)
