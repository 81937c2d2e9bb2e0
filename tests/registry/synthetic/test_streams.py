"""Streams and calendar: same seed same draws, one stage never moves another, dates as the calendar has them."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import RegistryError
from registry.synthetic.calendar import UNKNOWN_DAY, UNKNOWN_MONTH, coded, completed_years, day_of, year_of
from registry.synthetic.streams import choose, choose_rows, stream

DAYS = st.dates(dt.date(1850, 1, 1), dt.date(2100, 12, 31))


def number(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days


def test_a_stage_draws_the_same_whatever_other_stages_do():
    first = stream(5, "incidence").random(10)
    stream(5, "a new stage").random(1000)
    assert (stream(5, "incidence").random(10) == first).all()
    assert (stream(5, "types").random(10) != first).all() and (stream(6, "incidence").random(10) != first).all()


def test_the_generator_is_pcg64():
    assert isinstance(stream(1, "x").bit_generator, np.random.PCG64)


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(RegistryError) as error:
        stream(seed, "x")
    assert error.value.code == "usage" and error.value.exit_code == 2


def test_choices_follow_their_weights():
    drawn = choose(stream(1, "x"), np.array([0.0, 1.0, 3.0]), 40_000)
    assert np.bincount(drawn, minlength=3)[0] == 0 and abs(np.mean(drawn == 2) - 0.75) < 0.01
    rows = choose_rows(stream(1, "x"), np.tile([2.0, 0.0, 2.0], (40_000, 1)))
    assert set(rows) == {0, 2} and abs(np.mean(rows == 0) - 0.5) < 0.01


@given(DAYS)
def test_day_numbers_are_those_of_the_calendar(day):
    assert int(day_of(day.year, day.month, day.day)) == number(day)
    assert int(year_of(np.array([number(day)]))[0]) == day.year
    assert coded(np.array([number(day)]))[0] == f"{day:%Y%m%d}"


@given(DAYS, st.integers(0, 40_000))
def test_completed_years_change_on_the_birthday(birth, days):
    at = birth + dt.timedelta(days=days)
    wanted = at.year - birth.year - ((at.month, at.day) < (birth.month, birth.day))
    assert int(completed_years(np.array([number(birth)]), np.array([number(at)]))[0]) == wanted


def test_unknown_parts_and_missing_dates_are_coded_as_naaccr_does():
    days = np.full(4, day_of(2015, 3, 9))
    precision = np.array([0, UNKNOWN_DAY, UNKNOWN_MONTH, 0])
    present = np.array([True, True, True, False])
    assert list(coded(days, precision, present)) == ["20150309", "201503", "2015", ""]
