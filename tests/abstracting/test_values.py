"""Partial dates, three-valued answers, ages, blanks and names: scalar forms as tables, columns equal to scalars."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abstracting import values as v

DATES = [
    # text, coded, earliest, latest, precision
    ("20240229", "20240229", "2024-02-29", "2024-02-29", "day"),
    ("2024-02-29", "20240229", "2024-02-29", "2024-02-29", "day"),
    ("202402", "202402", "2024-02-01", "2024-02-29", "month"),
    ("202402  ", "202402", "2024-02-01", "2024-02-29", "month"),
    ("20240299", "202402", "2024-02-01", "2024-02-29", "month"),
    ("2024", "2024", "2024-01-01", "2024-12-31", "year"),
    ("20249999", "2024", "2024-01-01", "2024-12-31", "year"),
    ("20249915", "2024", "2024-01-01", "2024-12-31", "year"),
    ("99999999", "", None, None, "none"),
    ("9999", "", None, None, "none"),
    ("        ", "", None, None, "none"),
    (None, "", None, None, "none"),
    (dt.date(2020, 5, 7), "20200507", "2020-05-07", "2020-05-07", "day"),
]


@pytest.mark.parametrize(("text", "coded", "earliest", "latest", "precision"), DATES)
def test_a_partial_date_is_an_interval_of_days(text, coded, earliest, latest, precision):
    date = v.parse_date(text)
    ends = [None if end is None else end.isoformat() for end in (date.earliest, date.latest)]
    assert (date.coded(), *ends, date.precision, date.fault) == (coded, earliest, latest, precision, "")


@pytest.mark.parametrize(
    "text", ["20230229", "20231301", "20230500", "202313", "17991231", "22000101", "2o240101", "20240", "٢٠٢٤", "999"]
)
def test_a_text_that_is_no_date_says_why_and_compares_as_unknown(text):
    date = v.parse_date(text)
    assert date.fault and not date
    assert v.before(date, v.parse_date("2024")) is None


COMPARISONS = [
    # a, b, before, on or before, same day
    ("20200101", "20200102", True, True, False),
    ("20200102", "20200102", False, True, True),
    ("20200103", "20200102", False, False, False),
    ("2020", "20201231", None, True, None),
    ("2020", "20200101", False, None, None),
    ("202005", "202005", None, None, None),
    ("2019", "2020", True, True, False),
    ("2020", "9999", None, None, None),
]


@pytest.mark.parametrize(("a", "b", "before", "on_or_before", "same"), COMPARISONS)
def test_comparisons_are_certain_or_unknown(a, b, before, on_or_before, same):
    a, b = v.parse_date(a), v.parse_date(b)
    assert (v.before(a, b), v.on_or_before(a, b), v.same_day(a, b)) == (before, on_or_before, same)


AGES = [
    ("19500228", "20200228", 70),
    ("19500301", "20200228", 69),
    ("19520229", "20210228", 68),
    ("19500615", "202006", None),
    ("19500615", "202007", 70),
    ("1950", "20201231", 70),
    ("1950", "20200615", None),
    ("20200615", "20200101", None),
    ("", "20200615", None),
]


@pytest.mark.parametrize(("birth", "at", "age"), AGES)
def test_age_is_given_only_where_it_is_certain(birth, at, age):
    assert v.age_at(v.parse_date(birth), v.parse_date(at)) == age


@pytest.mark.parametrize(
    ("truths", "conjunction", "disjunction"),
    [
        ([True, True], True, True),
        ([True, None], None, True),
        ([None, False], False, None),
        ([False, False], False, False),
        ([], True, False),
    ],
)
def test_logic_is_kleenes(truths, conjunction, disjunction):
    assert (v.all_of(truths), v.any_of(truths)) == (conjunction, disjunction)


@pytest.mark.parametrize(
    ("name", "normal", "key"),
    [
        ("O'Brien-Núñez", "OBRIEN NUNEZ", "OBRIENNUNEZ"),
        ("de la Cruz", "DE LA CRUZ", "DELACRUZ"),
        ("Smith Jr.", "SMITH JR", "SMITH"),
        ("Jr", "JR", "JR"),
        ("Müller-Weiß", "MULLER WEISS", "MULLERWEISS"),
        ("Łukasz Ørsted", "LUKASZ ORSTED", "LUKASZORSTED"),
        ("  unknown ", "", ""),
        ("李", "李", "李"),
        (None, "", ""),
        (float("nan"), "", ""),
    ],
)
def test_names_compare_without_accents_signs_and_suffixes(name, normal, key):
    assert (v.normalise_name(name), v.name_key(name)) == (normal, key)


coded_dates = st.builds(
    lambda year, month, day: f"{year}{month}{day}".rstrip(),
    st.sampled_from(["1899", "1950", "1951", "2000", "2020", "9999", "1700"]),
    st.sampled_from(["01", "02", "06", "12", "13", "99", "  "]),
    st.sampled_from(["01", "28", "29", "30", "31", "99", "  "]),
)


@settings(deadline=None)  # the first call imports pandas
@given(st.lists(st.tuples(coded_dates, coded_dates), min_size=1, max_size=20))
def test_columns_agree_with_scalars(pairs):
    a, b = (v.parse_dates([pair[side] for pair in pairs]) for side in (0, 1))
    scalars = [(v.parse_date(x), v.parse_date(y)) for x, y in pairs]
    code = {True: v.TRUE, False: v.FALSE, None: v.UNKNOWN}
    assert v.befores(a, b).tolist() == [code[v.before(x, y)] for x, y in scalars]
    assert v.on_or_befores(a, b).tolist() == [code[v.on_or_before(x, y)] for x, y in scalars]
    unknown = (v.UNKNOWN_AGE, v.UNKNOWN_AGE)
    assert np.array(v.ages(a, b)).T.tolist() == [list(v.age_bounds(x, y) or unknown) for x, y in scalars]
    assert a.faulty.tolist() == [bool(x.fault) for x, _ in scalars]


@given(coded_dates)
def test_the_coded_form_reads_back_as_the_same_date(text):
    date = v.parse_date(text)
    again = v.parse_date(date.coded())
    assert (again.earliest, again.latest) == (date.earliest, date.latest)


@given(coded_dates, coded_dates, coded_dates)
def test_before_is_transitive_where_certain(x, y, z):
    x, y, z = map(v.parse_date, (x, y, z))
    if v.before(x, y) and v.before(y, z):
        assert v.before(x, z) is True
