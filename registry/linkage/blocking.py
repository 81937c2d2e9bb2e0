"""Candidate pairs by several passes: two records are compared when they agree in the key of any one pass.

A pass is a 64-bit key per record; a block larger than its limit is parted by a second key, and what is still too large is
left to the other passes. The limit is chosen so that a pass yields a bounded number of pairs per record, therefore a
million records take the time of twenty times fifty thousand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from registry.linkage.fields import (
    ADDRESS_CODE,
    CITY_CODE,
    DAY_CODE,
    FIRST_CODE,
    LAST_A_CODE,
    LAST_B_CODE,
    LAST_CODE,
    MAIDEN_CODE,
    MONTH_CODE,
    MRN_CODE,
    PHONE_CODE,
    SSN_CODE,
    YEAR_CODE,
    ZIP_CODE,
    Persons,
)

BUDGET = 5
"""Pairs per record that one pass may yield."""
LARGEST = 400
"""Records of a block at most, however small the file."""
PLACE_BITS, PASS_BITS = 29, 6
"""Bits of a record's place, twice in a packed pair, and of the pass; the model has room for 20 passes."""
LEFT_SHIFT, RIGHT_SHIFT = np.uint64(PLACE_BITS + PASS_BITS), np.uint64(PASS_BITS)
PLACE_MASK, PASS_MASK = np.uint64((1 << PLACE_BITS) - 1), np.uint64((1 << PASS_BITS) - 1)

PASSES = (
    "social security number",
    "both names, either order",
    "formal given name and surname",
    "date of birth",
    "date of birth and surname",
    "given name and parts of the date",
    "any surname, year and initial",
    "given name, year and place",
    "surname and place",
    "address",
    "telephone",
    "record number",
    "last four digits and year",
    "month, day and surname",
    "given name and street",
    "surname and street",
    "street and year",
    "given name and place",
    "given name and town",
    "date of birth and place",
)
"""The passes in the order of `passes`."""


@dataclass(frozen=True)
class Pass:
    """One pass: its name, the fields it blocks on, keys as (record, key), and the keys that part a large block."""

    name: str
    fields: frozenset[str]
    record: np.ndarray
    key: np.ndarray
    finer: np.ndarray


def mixed(*parts: np.ndarray) -> np.ndarray:
    """Gives one 64-bit key of several; a part that is 0 (missing) makes the whole 0."""
    out = np.full(len(parts[0]), 0x9E3779B97F4A7C15, dtype=np.uint64)
    known = np.ones(len(out), dtype=bool)
    for part in parts:
        value = part.astype(np.uint64)
        known &= value != 0
        out = (out ^ value) * np.uint64(0xFF51AFD7ED558CCD)
        out ^= out >> np.uint64(29)
    return np.where(known, out, np.uint64(0))


def passes(p: Persons) -> list[Pass]:
    """Gives the passes over prepared records (see the table in the function: name, key, what parts a large block)."""
    size = len(p.codes)
    all_records = np.arange(size, dtype=np.int64)

    def at(column: int, values: np.ndarray) -> np.ndarray:
        codes = p.codes[:, column]
        return (
            np.where(codes >= 0, values[np.maximum(codes, 0)], np.uint64(0))
            if len(values)
            else np.zeros(size, np.uint64)
        )

    hashed, sound = p.values["hash"], p.values["phonetic"]
    initial = p.text[p.values["start"]].astype(np.uint64) + np.uint64(1)
    # the formal name stands for its short forms; a name without one for itself
    given = np.where(p.values["root0"] != 0, p.values["root0"], sound)
    first, last, one = at(FIRST_CODE, given), at(LAST_CODE, sound), at(FIRST_CODE, initial)
    year, month, day = (p.codes[:, c].astype(np.int64) for c in (YEAR_CODE, MONTH_CODE, DAY_CODE))
    born = np.where(year > 0, year + 1, 0)
    both = np.where((month > 0) & (day > 0), np.minimum(month, day) * 64 + np.maximum(month, day), 0)
    full = np.where((year > 0) & (month > 0) & (day > 0), year * 512 + month * 32 + day, 0)
    ssn, home, phone = at(SSN_CODE, hashed), at(ADDRESS_CODE, hashed), at(PHONE_CODE, hashed)
    place, end = at(ZIP_CODE, hashed), _last_four(p)
    street, town, letter = at(ADDRESS_CODE, sound), at(CITY_CODE, hashed), at(LAST_CODE, initial)
    sounds = at(FIRST_CODE, sound)
    ordered = mixed(np.minimum(sounds, last), np.maximum(sounds, last))
    surnames = (LAST_CODE, LAST_A_CODE, LAST_B_CODE, MAIDEN_CODE)
    many = np.concatenate([all_records] * 4)
    any_last = np.concatenate([at(c, sound) for c in surnames])
    any_last_exact = np.concatenate([at(c, hashed) for c in surnames])

    def of(name: str, fields: str, key: np.ndarray, finer: np.ndarray) -> Pass:
        record = all_records if len(key) == size else many
        kept = key != 0
        return Pass(name, frozenset(fields.split()), record[kept], key[kept], finer[kept])

    four = lambda values: np.concatenate([values] * 4)  # noqa: E731
    return [
        of("social security number", "ssn", ssn, one),
        of("both names, either order", "first last", ordered, born),
        of("formal given name and surname", "first last", mixed(first, last), born),
        of("date of birth", "dob", full, first),
        of("date of birth and surname", "dob last maiden", mixed(four(full), any_last), four(one)),
        of("given name and parts of the date", "first dob", mixed(first, born, both), last),
        of("any surname, year and initial", "last maiden dob first", mixed(any_last, four(born), four(one)), four(place)),
        of("given name, year and place", "first dob zip", mixed(first, born, place), last),
        of("surname and place", "last maiden zip", mixed(any_last_exact, four(place)), four(one)),
        of("address", "address", home, place),
        of("telephone", "phone", phone, one),
        of("record number", "mrn", at(MRN_CODE, hashed), one),
        of("last four digits and year", "ssn dob", mixed(end, born), one),
        of("month, day and surname", "dob last", mixed(last, both), first),
        of("given name and street", "first address", mixed(first, street), place),
        of("surname and street", "last address", mixed(last, street), place),
        of("street and year", "address dob", mixed(street, born), place),
        of("given name and place", "first zip", mixed(first, place), letter),
        of("given name and town", "first zip", mixed(first, town), letter),
        of("date of birth and place", "dob zip", mixed(full, place), one),
    ]  # fmt: skip


def _last_four(p: Persons) -> np.ndarray:
    codes = p.codes[:, SSN_CODE]
    known = codes >= 0
    if not known.any():
        return np.zeros(len(codes), dtype=np.uint64)
    start, length = (p.values[name][np.maximum(codes, 0)] for name in ("start", "length"))
    stop = start + length
    out = np.zeros(len(codes), dtype=np.uint64)
    for back in range(1, 5):
        out = out * np.uint64(256) + p.text[np.maximum(stop - back, 0)]
    return np.where(known & (length >= 4), out, np.uint64(0))


def candidates(found: list[Pass], total: int, left: int, *, budget: float = BUDGET) -> tuple[np.ndarray, ...]:
    """Gives the pairs that any pass yields: (left, right, bits of the passes), each pair once, left before right.

    `total` is the number of records, `left` how many of them belong to the first file (0: one file against itself).
    """
    packed: list[np.ndarray] = []
    for number, one in enumerate(found):
        packed.append(_pairs_of(one.record, one.key, one.finer, total, left, number, budget))
    joined = np.concatenate(packed) if packed else np.zeros(0, dtype=np.uint64)
    packed.clear()
    joined.sort()
    return _unpack(joined)


def _pairs_of(record, key, finer, total: int, left: int, number: int, budget: float) -> np.ndarray:
    pieces = []
    for step in range(2):
        order = np.argsort(key, kind="stable")
        key, record, finer = key[order], record[order], finer[order]
        bounds = np.flatnonzero(np.r_[True, key[1:] != key[:-1], True]) if len(key) else np.zeros(1, dtype=np.int64)
        sizes = np.diff(bounds)
        limit = _limit(sizes, budget * max(total, 20_000) / (1 + step))
        small = sizes <= limit
        pieces.append(_emit(record, bounds[:-1][small], bounds[1:][small], left, np.uint64(number)))
        inside = np.repeat(~small, sizes)
        key, record, finer = mixed(key[inside], finer[inside]), record[inside], finer[inside]
        known = key != 0
        key, record, finer = key[known], record[known], finer[known]
        if not len(key):
            break
    return np.concatenate(pieces)


def _limit(sizes: np.ndarray, pairs: float) -> int:
    """The largest block size such that blocks up to it yield no more pairs than asked."""
    if not len(sizes):
        return LARGEST
    found = np.bincount(np.minimum(sizes, LARGEST + 1))
    yields = np.cumsum(found * np.arange(len(found)) * (np.arange(len(found)) - 1) / 2)
    fitting = np.flatnonzero(yields[: LARGEST + 1] <= pairs)
    return int(max(fitting[-1] if len(fitting) else 1, 2))


@njit(cache=True, nogil=True)
def _emit(record, start, stop, left: int, number):
    count = 0
    for b in range(len(start)):
        for x in range(start[b], stop[b]):
            for y in range(x + 1, stop[b]):
                if record[x] != record[y] and (left == 0 or (record[x] < left) != (record[y] < left)):
                    count += 1
    out = np.empty(count, dtype=np.uint64)
    at = 0
    for b in range(len(start)):
        for x in range(start[b], stop[b]):
            for y in range(x + 1, stop[b]):
                i, j = record[x], record[y]
                if i != j and (left == 0 or (i < left) != (j < left)):
                    if i > j:
                        i, j = j, i
                    out[at] = (np.uint64(i) << LEFT_SHIFT) | (np.uint64(j) << RIGHT_SHIFT) | number
                    at += 1
    return out


@njit(cache=True, nogil=True)
def _unpack(joined):
    count = 0
    for k in range(len(joined)):
        if k == 0 or joined[k] >> RIGHT_SHIFT != joined[k - 1] >> RIGHT_SHIFT:
            count += 1
    left, right, bits = np.empty(count, np.int32), np.empty(count, np.int32), np.zeros(count, np.uint32)
    at = -1
    for k in range(len(joined)):
        if k == 0 or joined[k] >> RIGHT_SHIFT != joined[k - 1] >> RIGHT_SHIFT:
            at += 1
            left[at] = joined[k] >> LEFT_SHIFT
            right[at] = (joined[k] >> RIGHT_SHIFT) & PLACE_MASK
        bits[at] |= np.uint32(1) << np.uint32(joined[k] & PASS_MASK)
    return left, right, bits
