"""Dates with missing parts: an answer is given only when every date that the coded parts allow gives the same."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abstracting.primaries.tumors import (
    Tumor,
    is_later,
    more_days_apart,
    on_same_day,
    tumor_of_input,
    tumor_of_record,
    years_apart,
)


def dated(text: str) -> Tumor:
    keys = ("dateOfDiagnosisYear", "dateOfDiagnosisMonth", "dateOfDiagnosisDay")
    return tumor_of_input(dict(zip(keys, (text[:4], text[4:6], text[6:8]), strict=True)))


@pytest.mark.parametrize(
    ("first", "second", "days", "expected"),
    [
        ("20200101", "20200301", 60, False),  # 60 days, 2020 is a leap year
        ("20200101", "20200302", 60, True),
        ("20210101", "20210303", 60, True),
        ("202001", "202002", 60, False),  # at most 59 days
        ("202001", "202003", 60, None),  # 30 to 90 days
        ("202001", "202004", 60, True),  # 61 days at least: 31 January to 1 April
        ("202101", "202104", 60, None),  # 60 at least
        ("202001", "202005", 60, True),
        ("2020", "2020", 60, None),
        ("2019", "2021", 60, True),
        ("2020", "20201231", 400, False),
        ("202001", "202001", 30, False),
        ("", "20200101", 60, None),
    ],
)
def test_days_apart(first: str, second: str, days: int, expected: bool | None) -> None:
    assert more_days_apart(dated(first), dated(second), days) is expected
    assert more_days_apart(dated(second), dated(first), days) is expected


@pytest.mark.parametrize(
    ("first", "second", "years", "expected"),
    [
        ("20150110", "20200110", 5, True),  # the anniversary counts as apart
        ("20150110", "20200109", 5, False),
        ("2015", "2021", 5, True),
        ("2015", "2019", 5, False),
        ("2015", "2020", 5, None),
        ("201503", "202004", 5, True),
        ("201503", "202002", 5, False),
        ("201503", "20200320", 5, None),
        ("20120229", "20170228", 5, False),
        ("20120229", "20170301", 5, True),
    ],
)
def test_years_apart(first: str, second: str, years: int, expected: bool | None) -> None:
    assert years_apart(dated(first), dated(second), years) is expected
    assert years_apart(dated(second), dated(first), years) is expected


@pytest.mark.parametrize(
    ("first", "second", "later", "same_day"),
    [
        ("20200102", "20200101", True, False),
        ("20200101", "20200101", False, True),
        ("2021", "20201231", True, False),
        ("2020", "202005", None, None),
        ("202005", "202005", None, None),
        ("202006", "202005", True, False),
        ("20200531", "202099", None, None),  # 99 is not known
        ("20200230", "202002", None, None),  # there is no such day
    ],
)
def test_order(first: str, second: str, later: bool | None, same_day: bool | None) -> None:
    assert is_later(dated(first), dated(second)) is later
    assert on_same_day(dated(first), dated(second)) is same_day


parts = st.tuples(st.sampled_from([2019, 2020, 2021]), st.integers(0, 12), st.integers(0, 31))


def every_day(tumor: Tumor) -> list[dt.date]:
    first, last = tumor.date.earliest, tumor.date.latest
    assert first is not None and last is not None
    # the ends and the middle are enough: the questions are monotone in the dates
    return [first, first + (last - first) / 2, last]


@given(a=parts, b=parts, days=st.sampled_from([0, 21, 60, 365]))
def test_an_answer_holds_for_every_date_that_is_possible(
    a: tuple[int, int, int], b: tuple[int, int, int], days: int
) -> None:
    first, second = (dated("{:04d}{:02d}{:02d}".format(*given)) for given in (a, b))
    pairs = [(x, y) for x in every_day(first) for y in every_day(second)]
    questions = [
        (more_days_apart(first, second, days), [abs((x - y).days) > days for x, y in pairs]),
        (is_later(first, second), [x > y for x, y in pairs]),
        (on_same_day(first, second), [x == y for x, y in pairs]),
    ]
    for answer, possible in questions:
        assert answer is None or set(possible) == {answer}


def test_old_morphology_is_read_to_2000_and_each_code_by_itself() -> None:
    record = {522: "8500", 523: "3", 420: "8541", 430: "9", 390: "2000"}
    assert tumor_of_record(record).morphology == "8541/3"
    assert tumor_of_record(record | {390: "20010101"}).morphology == "8500/3"
