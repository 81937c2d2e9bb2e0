"""Dates as written, study periods, intervals counted back from the end, windows."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import GeoError
from geo.scan.expected import person_days
from geo.scan.periods import Period, cut, longest_window, read_date, study_days, windows

DATES = """
    1977        | 1977 0 0
    77          | 1977 0 0
    05          | 1905 0 0
    1977.0      | 1977 0 0
    2001/11     | 2001 11 0
    2001-11     | 2001 11 0
    2001/11/22  | 2001 11 22
    2001-1-2    | 2001 1 2
    20011122    | 2001 11 22
    200111      | 2001 11 0
    99/12/31    | 1999 12 31
    2001/13     | -
    2001/2/30   | -
    x           | -
                | -
    0           | 1900 0 0
    19777       | -
"""


@pytest.mark.parametrize("line", [line for line in DATES.splitlines() if "|" in line])
def test_dates(line: str) -> None:
    text, wanted = (part.strip() for part in line.split("|"))
    found = read_date(text)
    assert (f"{found.year} {found.month} {found.day}" if found else "-") == wanted


def test_population_dates_stand_for_the_middle() -> None:
    assert date.fromordinal(read_date("73").census) == date(1973, 7, 1)
    assert date.fromordinal(read_date("2001/11").census) == date(2001, 11, 15)


def test_study_period_is_whole_years_of_the_cases() -> None:
    first, after = study_days([read_date("1973/5"), read_date("1991/2/3")], None, None)
    assert (date.fromordinal(first), date.fromordinal(after)) == (date(1973, 1, 1), date(1992, 1, 1))
    assert study_days([], "1980/6", "1981") == (date(1980, 6, 1).toordinal(), date(1982, 1, 1).toordinal())


INTERVALS = """
    1973-01-01 1991-12-31 year  1 | 19 1973-01-01 1974-01-01
    1973-01-01 1991-12-31 year  2 |  9 1973-01-01 1976-01-01
    2001-11-01 2001-11-24 day   1 | 24 2001-11-01 2001-11-02
    2001-11-01 2001-11-24 day   7 |  3 2001-11-01 2001-11-11
    2001-01-31 2001-06-30 month 1 |  5 2001-01-31 2001-03-01
    2001-01-15 2001-06-14 month 1 |  5 2001-01-15 2001-02-15
    2000-03-01 2001-02-28 month 1 | 12 2000-03-01 2000-04-01
"""


@pytest.mark.parametrize("line", [line for line in INTERVALS.splitlines() if "|" in line])
def test_intervals(line: str) -> None:
    left, right = line.split("|")
    start, end, unit, length = left.split()
    number, first, second = right.split()
    period = cut(date.fromisoformat(start).toordinal(), date.fromisoformat(end).toordinal() + 1, unit, int(length))
    assert period.intervals == int(number)
    assert [date.fromordinal(edge).isoformat() for edge in period.edges[:2]] == [first, second]
    assert period.span(0, period.intervals) == (start, end)


@pytest.mark.parametrize(
    ("unit", "length", "max_time", "intervals"),
    [
        ("year", 1, 0.5, 9), ("year", 1, 0.9, 17), ("year", 2, 0.5, 4),
        ("year", 1, 3, 3), ("year", 1, 99, 19), ("month", 6, 0.5, 19),
    ],
)  # fmt: skip
def test_longest_window(unit: str, length: int, max_time: float, intervals: int) -> None:
    period = cut(date(1973, 1, 1).toordinal(), date(1992, 1, 1).toordinal(), unit, length)
    assert longest_window(period, max_time) == intervals


def test_a_window_too_short_for_one_interval_is_an_error() -> None:
    period = cut(date(2000, 1, 1).toordinal(), date(2004, 1, 1).toordinal(), "year", 2)
    with pytest.raises(GeoError, match="holds no interval") as error:
        longest_window(period, 1.0)
    assert error.value.code == "scan-window"
    with pytest.raises(GeoError, match="fewer than two intervals"):
        cut(date(2000, 1, 1).toordinal(), date(2001, 1, 1).toordinal(), "year", 1)


@given(intervals=st.integers(2, 30), longest=st.integers(1, 30))
def test_windows(intervals: int, longest: int) -> None:
    start, end = windows(intervals, min(longest, intervals), alive=False)
    assert ((end - start >= 1) & (end - start <= longest)).all()
    assert len({*zip(start, end)}) == len(start)
    alive_start, alive_end = windows(intervals, min(longest, intervals), alive=True)
    assert (alive_end == intervals).all()
    assert {*zip(alive_start, alive_end)} <= {*zip(start, end)}


@given(
    years=st.lists(st.integers(1960, 2020), min_size=1, max_size=6, unique=True),
    values=st.lists(st.integers(0, 1000), min_size=6, max_size=6),
)
def test_person_days_are_the_integral_of_a_line_between_censuses(years: list[int], values: list[int]) -> None:
    years = sorted(years)
    period = cut(date(1975, 1, 1).toordinal(), date(1990, 1, 1).toordinal(), "year", 1)
    dates = np.array([date(y, 7, 1).toordinal() for y in years], float)
    counted = np.array(values[: len(years)], float)
    days = np.arange(period.edges[0], period.edges[-1]) + 0.5  # the midpoint rule is exact on a line
    daily = np.interp(days, dates, counted)
    wanted = [daily[(days > a) & (days < b)].sum() for a, b in zip(period.edges, period.edges[1:])]
    assert person_days(dates, period) @ counted == pytest.approx(wanted, abs=1e-6)


def test_one_census_is_constant() -> None:
    period = Period((100, 200, 300))
    assert person_days(np.array([50.0]), period).tolist() == [[100.0], [100.0]]
