# ruff: noqa: SIM110  (compiled loops: numba knows no generator in all())
"""Likeness of short texts in compiled kernels: Jaro-Winkler, and one edit with neighbours swapped.

A text is a part of a long array of bytes: array, start, length. Parts are not sliced, because a slice counts a reference,
and two threads that count references of one array wait for each other. Sources: Jaro (1989), JASA 84:414-420; Winkler
(1990), ASA Survey Research Methods, 354-359 (prefix scale 0.1, up to four letters); edit distance after Damerau (1964).
"""

from __future__ import annotations

import numpy as np
from numba import njit

LETTER_E, LETTER_I, LETTER_Y = 69, 73, 89


@njit(cache=True, nogil=True)
def jaro_winkler(a, sa: int, la: int, b, sb: int, lb: int) -> float:
    """Gives the Jaro-Winkler likeness of two texts of at most 64 letters, 0 to 1."""
    if la == 0 or lb == 0:
        return 0.0
    window = max(max(la, lb) // 2 - 1, 0)
    one = np.uint64(1)
    used_a, used_b = np.uint64(0), np.uint64(0)
    same = 0
    for i in range(la):
        letter = a[sa + i]
        for j in range(max(i - window, 0), min(i + window + 1, lb)):
            if letter == b[sb + j] and (used_b >> np.uint64(j)) & one == 0:
                used_a |= one << np.uint64(i)
                used_b |= one << np.uint64(j)
                same += 1
                break
    if same == 0:
        return 0.0
    moved = 0
    j = 0
    for i in range(la):
        if (used_a >> np.uint64(i)) & one:
            while (used_b >> np.uint64(j)) & one == 0:
                j += 1
            if a[sa + i] != b[sb + j]:
                moved += 1
            j += 1
    jaro = (same / la + same / lb + (same - moved / 2) / same) / 3.0
    prefix = 0
    for i in range(min(4, la, lb)):
        if a[sa + i] != b[sb + i]:
            break
        prefix += 1
    return jaro + prefix * 0.1 * (1.0 - jaro)


@njit(cache=True, nogil=True)
def within_one(a, sa: int, la: int, b, sb: int, lb: int) -> bool:
    """Whether one letter more, less or other, or two neighbours swapped, makes one text the other."""
    if abs(la - lb) > 1:
        return False
    i, shorter = 0, min(la, lb)
    while i < shorter and a[sa + i] == b[sb + i]:
        i += 1
    if i == shorter:
        return True
    # what follows must be the same, the longer text having one letter more
    skip_a, skip_b = (1, 0) if la > lb else ((0, 1) if lb > la else (1, 1))
    if _same_rest(a, sa + i + skip_a, la - i - skip_a, b, sb + i + skip_b, lb - i - skip_b):
        return True
    if la != lb or i + 1 >= la or a[sa + i] != b[sb + i + 1] or a[sa + i + 1] != b[sb + i]:
        return False
    return _same_rest(a, sa + i + 2, la - i - 2, b, sb + i + 2, lb - i - 2)


@njit(cache=True, nogil=True)
def _same_rest(a, sa: int, la: int, b, sb: int, lb: int) -> bool:
    if la != lb:
        return False
    for k in range(la):
        if a[sa + k] != b[sb + k]:
            return False
    return True


@njit(cache=True, nogil=True)
def differing(a, sa: int, la: int, b, sb: int, lb: int) -> int:
    """Gives how many places of two numbers of one length differ (255 where the lengths differ)."""
    if la != lb:
        return 255
    count = 0
    for i in range(la):
        if a[sa + i] != b[sb + i]:
            count += 1
    return count


@njit(cache=True, nogil=True)
def same_end(a, sa: int, la: int, b, sb: int, lb: int, size: int) -> bool:
    """Whether two texts agree in their last `size` letters."""
    if la < size or lb < size:
        return False
    return _same_rest(a, sa + la - size, size, b, sb + lb - size, size)


@njit(cache=True, nogil=True)
def starts_with(a, sa: int, la: int, b, sb: int, lb: int) -> bool:
    """Whether the longer of two texts starts with the shorter."""
    shorter = min(la, lb)
    return _same_rest(a, sa, shorter, b, sb, shorter)


@njit(cache=True, nogil=True)
def short_form(a, sa: int, la: int, b, sb: int, lb: int) -> bool:
    """Whether one text is the other's beginning (three letters or more) with -y, -ie or -i behind it."""
    return _shortens(a, sa, la, b, sb, lb) or _shortens(b, sb, lb, a, sa, la)


@njit(cache=True, nogil=True)
def _shortens(a, sa: int, la: int, b, sb: int, lb: int) -> bool:
    if la > 3 and (a[sa + la - 1] == LETTER_Y or a[sa + la - 1] == LETTER_I):
        stem = la - 1
    elif la > 4 and a[sa + la - 2] == LETTER_I and a[sa + la - 1] == LETTER_E:
        stem = la - 2
    else:
        return False
    if stem > 3 and a[sa + stem - 1] == a[sa + stem - 2]:  # Robby is Rob
        stem -= 1
    return 3 <= stem <= lb and _same_rest(a, sa, stem, b, sb, stem)
