"""Dates as written in case and population files, the study period, its time intervals and the windows over them.

Days are proleptic Gregorian ordinals (`datetime.date.toordinal`); a period is [first day, day after the last).
"""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np

from geo.errors import GeoError

YEAR, MONTH, DAY = "year", "month", "day"
UNITS = (YEAR, MONTH, DAY)
_DATE = re.compile(r"(\d{1,4})(?:[-/](\d{1,2})(?:[-/](\d{1,2}))?)?(?:\.0+)?|(\d{4})(\d{2})(\d{2})?")


@dataclass(frozen=True)
class CodedDate:
    """A date with the precision it was written in: `month` or `day` is 0 where not given."""

    year: int
    month: int = 0
    day: int = 0

    @property
    def precision(self) -> str:
        return DAY if self.day else MONTH if self.month else YEAR

    @property
    def first(self) -> int:
        """The first day it can mean."""
        return date(self.year, self.month or 1, self.day or 1).toordinal()

    @property
    def after(self) -> int:
        """The day after the last it can mean."""
        if self.day:
            return self.first + 1
        month = self.month or 12
        return date(self.year, month, calendar.monthrange(self.year, month)[1]).toordinal() + 1

    @property
    def census(self) -> int:
        """The day a population count stands for: 1 July of a year, the 15th of a month."""
        return date(self.year, self.month or 7, self.day or (15 if self.month else 1)).toordinal()


def read_date(text: str) -> CodedDate | None:
    """Reads `1977`, `77` (1977), `2001/11`, `2001-11-22`, `20011122`; None where the text is no date."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day = (int(part or 0) for part in (match[1] or match[4], match[2] or match[5], match[3] or match[6]))
    if match[1] and len(match[1]) <= 2:
        year += 1900
    try:
        date(year, month or 1, day or 1)
    except ValueError:
        return None
    return CodedDate(year, month, day)


def read_day(text: str, *, option: str) -> CodedDate:
    """Reads a date option; `GeoError("usage")` where it is none."""
    found = read_date(str(text))
    if found is None:
        raise GeoError("usage", f"{option} {text!r} is no date", hint="write YYYY, YYYY-MM or YYYY-MM-DD")
    return found


@dataclass(frozen=True)
class Period:
    """The study period cut into intervals: `edges` are T + 1 days, interval t is [edges[t], edges[t + 1])."""

    edges: tuple[int, ...]
    unit: str | None = None
    length: int = 1

    @property
    def intervals(self) -> int:
        return len(self.edges) - 1

    @property
    def days(self) -> int:
        return self.edges[-1] - self.edges[0]

    def interval_of(self, days: np.ndarray) -> np.ndarray:
        """Gives each day's interval; -1 before and T after the period."""
        return np.searchsorted(np.asarray(self.edges), days, side="right") - 1

    def span(self, first: int, after: int) -> tuple[str, str]:
        """Gives the first and last day of intervals [first, after) as ISO text."""
        return (
            date.fromordinal(self.edges[first]).isoformat(),
            date.fromordinal(self.edges[after] - 1).isoformat(),
        )


def study_days(dates: Iterable[CodedDate], start: str | None, end: str | None) -> tuple[int, int]:
    """Gives the study period: as asked, else whole years from the first to the last date."""
    dates = list(dates)
    if start is None and not dates:
        raise GeoError("usage", "no file has a date and no start is given", hint="give --start and --end")
    first = read_day(start, option="--start").first if start else date(min(d.year for d in dates), 1, 1).toordinal()
    after = read_day(end, option="--end").after if end else None
    if after is None:
        last = max((d.year for d in dates), default=date.fromordinal(first).year)
        after = date(last + 1, 1, 1).toordinal()
    if after <= first:
        raise GeoError("usage", "the study period ends before it starts", hint="check --start and --end")
    return first, after


def _months_back(after: int, months: int) -> int:
    """Gives the day `months` before: the last day of a month stays the last day of its month."""
    last = date.fromordinal(after - 1)
    month = last.year * 12 + last.month - 1 - months
    year, month = month // 12, month % 12 + 1
    if year < 1:
        return 1
    length = calendar.monthrange(year, month)[1]
    at_end = last.day == calendar.monthrange(last.year, last.month)[1]
    return date(year, month, length if at_end else min(last.day, length)).toordinal() + 1


def cut(first: int, after: int, unit: str, length: int) -> Period:
    """Cuts the study period into intervals of `length` units, counted back from its end.

    A remainder at the start joins the first interval, which is then longer than the others.
    """
    if unit not in UNITS:
        raise GeoError("usage", f"time unit {unit!r} is unknown", hint="take year, month or day")
    if length < 1:
        raise GeoError("usage", "the time length must be 1 or more")
    edges = [after]
    while True:
        steps = len(edges) * length
        edge = after - steps if unit == DAY else _months_back(after, steps * (12 if unit == YEAR else 1))
        if edge <= first:
            break
        edges.append(edge)
    if edge < first and len(edges) > 1:
        edges.pop()
    edges.append(first)
    period = Period(tuple(reversed(edges)), unit, length)
    if period.intervals < 2:
        raise GeoError(
            "scan-window",
            f"the study period of {period.days} days holds fewer than two intervals of {length} {unit}(s)",
            hint="take a shorter --time-length or a finer --time-unit",
        )
    return period


def longest_window(period: Period, max_time: float) -> int:
    """Gives the greatest number of intervals in a window: a share of the study period (below 1) or a number of units."""
    if not max_time > 0:
        raise GeoError("usage", "the longest time window must be above 0")
    if max_time < 1:
        units = period.days if period.unit == DAY else _units_in(period)
        allowed = math.floor(units * max_time + 1e-9)
    else:
        allowed = math.floor(max_time)
    intervals = allowed // period.length
    if intervals < 1:
        raise GeoError(
            "scan-window",
            f"a time window of at most {max_time:g} holds no interval of {period.length} {period.unit}(s)",
            hint="raise --max-time or shorten --time-length",
        )
    return min(intervals, period.intervals)


def _units_in(period: Period) -> int:
    step = 12 if period.unit == YEAR else 1
    units = 1
    while _months_back(period.edges[-1], units * step) > period.edges[0]:
        units += 1
    return units


def windows(intervals: int, longest: int, *, alive: bool) -> tuple[np.ndarray, np.ndarray]:
    """Gives all windows [start, end) of at most `longest` intervals; with `alive` only those reaching the period's end."""
    pairs = [
        (s, t)
        for s in range(intervals)
        for t in range(s + 1, min(intervals, s + longest) + 1)
        if not alive or t == intervals
    ]
    found = np.array(pairs, dtype=np.int64)
    return np.ascontiguousarray(found[:, 0]), np.ascontiguousarray(found[:, 1])
