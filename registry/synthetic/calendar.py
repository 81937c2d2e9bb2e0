"""Days as integers since 1970-01-01: real dates inside the generator, coded text only at its border."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

UNKNOWN_DAY, UNKNOWN_MONTH = 1, 2
FIRST = -43830  # 1850-01-01


def day_of(year: np.ndarray | int, month: np.ndarray | int = 1, day: np.ndarray | int = 1) -> np.ndarray:
    """Gives the day number of a calendar date (arrays or scalars)."""
    months = (np.asarray(year, dtype=np.int64) - 1970) * 12 + np.asarray(month) - 1
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + np.asarray(day) - 1


def year_of(days: np.ndarray) -> np.ndarray:
    """Gives the calendar year of day numbers."""
    return np.asarray(days).astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970


def completed_years(birth: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Gives the age in completed years; who is born on 29 February has a birthday on 1 March of other years."""
    b, a = np.asarray(birth).astype("datetime64[D]"), np.asarray(at).astype("datetime64[D]")
    bm, am = b.astype("datetime64[M]"), a.astype("datetime64[M]")
    months = am.astype(np.int64) - bm.astype(np.int64)
    return (months - ((a - am) < (b - bm))) // 12


@lru_cache(maxsize=1)
def _texts() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    days = np.arange(FIRST, int(day_of(2101))).astype("datetime64[D]").astype("U10")
    full = np.char.replace(days, "-", "").astype(object)
    return full, np.array([t[:6] for t in full], dtype=object), np.array([t[:4] for t in full], dtype=object)


def coded(days: np.ndarray, precision: np.ndarray | None = None, present: np.ndarray | None = None) -> np.ndarray:
    """Gives YYYYMMDD texts; YYYYMM where `precision` is UNKNOWN_DAY, YYYY where UNKNOWN_MONTH, blank where not `present`."""
    full, month, year = _texts()
    where = np.asarray(days, dtype=np.int64) - FIRST
    if present is not None:
        where = np.where(present, where, 0)
    out = full[where]
    if precision is not None:
        out = np.where(precision == UNKNOWN_DAY, month[where], np.where(precision == UNKNOWN_MONTH, year[where], out))
    if present is not None:
        out = np.where(present, out, "")
    return out
