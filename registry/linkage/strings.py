# ruff: noqa: SIM110  (compiled loops: numba knows no generator in all())
"""Likeness of short texts in compiled kernels: Jaro-Winkler, and edit distance with neighbours swapped.

Texts are arrays of bytes. Sources: Jaro (1989), JASA 84:414-420; Winkler (1990), ASA Survey Research Methods,
354-359 (prefix scale 0.1, up to four letters); optimal string alignment after Damerau (1964).
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def jaro_winkler(a, b) -> float:
    """Gives the Jaro-Winkler likeness of two texts, 0 to 1."""
    la, lb = len(a), len(b)
    if la == 0 or lb == 0:
        return 0.0
    window = max(la, lb) // 2 - 1
    if window < 0:
        window = 0
    used_a = np.uint64(0)
    used_b = np.uint64(0)
    one = np.uint64(1)
    same = 0
    for i in range(la):
        low = i - window if i > window else 0
        high = min(i + window + 1, lb)
        for j in range(low, high):
            if a[i] == b[j] and not (used_b >> np.uint64(j)) & one:
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
            while not (used_b >> np.uint64(j)) & one:
                j += 1
            if a[i] != b[j]:
                moved += 1
            j += 1
    jaro = (same / la + same / lb + (same - moved / 2) / same) / 3.0
    prefix = 0
    for i in range(min(4, la, lb)):
        if a[i] != b[i]:
            break
        prefix += 1
    return jaro + prefix * 0.1 * (1.0 - jaro)


@njit(cache=True, nogil=True)
def within_one(a, b) -> bool:
    """Whether one letter more, less or other, or two neighbours swapped, makes one text the other."""
    la, lb = len(a), len(b)
    if la < lb:
        a, la, b, lb = b, lb, a, la
    if la - lb > 1:
        return False
    i = 0
    while i < lb and a[i] == b[i]:
        i += 1
    if i == lb:
        return True
    if la > lb:
        for k in range(i, lb):
            if a[k + 1] != b[k]:
                return False
        return True
    k = i + 1
    while k < lb and a[k] == b[k]:
        k += 1
    if k == lb:
        return True
    if i + 1 < lb and a[i] == b[i + 1] and a[i + 1] == b[i]:
        for k in range(i + 2, lb):
            if a[k] != b[k]:
                return False
        return True
    return False


@njit(cache=True, nogil=True)
def differing(a, b) -> int:
    """Gives how many places of two numbers of one length differ (255 where the lengths differ)."""
    la, lb = len(a), len(b)
    if la != lb:
        return 255
    count = 0
    for i in range(la):
        if a[i] != b[i]:
            count += 1
    return count


@njit(cache=True, nogil=True)
def same_end(a, b, size: int) -> bool:
    """Whether two texts agree in their last `size` letters."""
    la, lb = len(a), len(b)
    if la < size or lb < size:
        return False
    for i in range(1, size + 1):
        if a[la - i] != b[lb - i]:
            return False
    return True


@njit(cache=True, nogil=True)
def starts_with(a, b) -> bool:
    """Whether the longer of two texts starts with the shorter."""
    for i in range(min(len(a), len(b))):
        if a[i] != b[i]:
            return False
    return True


@njit(cache=True, nogil=True)
def short_form(a, b) -> bool:
    """Whether the one text is the other's beginning (three letters or more) with -y, -ie or -i behind it."""
    la, lb = len(a), len(b)
    for turn in range(2):
        if turn == 1:
            a, la, b, lb = b, lb, a, la
        stem = la
        if la > 3 and (a[la - 1] == 89 or a[la - 1] == 73):  # Y, I
            stem = la - 1
        elif la > 4 and a[la - 2] == 73 and a[la - 1] == 69:  # IE
            stem = la - 2
        else:
            continue
        if stem > 3 and a[stem - 1] == a[stem - 2]:  # Robby is Rob
            stem -= 1
        if stem >= 3 and stem <= lb:
            like = True
            for i in range(stem):
                if a[i] != b[i]:
                    like = False
                    break
            if like:
                return True
    return False
