"""Types, lengths and spaces of values: one row a value."""

from __future__ import annotations

import pytest

from abstracting.naaccr.findings import ENDS_WITH_SPACE, STARTS_WITH_SPACE, TOO_LONG, TOO_SHORT, WRONG_TYPE
from abstracting.naaccr.items import Item
from abstracting.naaccr.values import find_fault, is_day, text_length

L, S, T, A, Z = TOO_LONG, TOO_SHORT, WRONG_TYPE, STARTS_WITH_SPACE, ENDS_WITH_SPACE

CASES = [
    # type, length, value, fault
    ("digits", 2, "01", None),
    ("digits", 2, "1", S),
    ("digits", 2, "001", L),
    ("digits", 2, "1a", T),
    ("digits", 2, " 1", T),
    ("digits", 2, "٠١", T),  # Arabic-Indic digits: ASCII only
    ("digits", 2, "1\n", T),
    ("alpha", 2, "NY", None),
    ("alpha", 2, "ny", T),
    ("alpha", 2, "ÄÖ", T),
    ("mixed", 3, "A1B", None),
    ("mixed", 3, "A1", S),
    ("mixed", 3, "A1.", T),
    ("numeric", 5, "1", None),
    ("numeric", 5, "02.10", None),
    ("numeric", 5, "1.", T),
    ("numeric", 5, ".5", T),
    ("numeric", 5, "-1", T),
    ("numeric", 5, "1e3", T),
    ("numeric", 5, "123456", L),
    ("date", 8, "20200115", None),
    ("date", 8, "202001", None),
    ("date", 8, "2020", None),
    ("date", 8, "20200229", None),
    ("date", 8, "20190229", T),
    ("date", 8, "20200230", T),
    ("date", 8, "19000229", T),
    ("date", 8, "20000229", None),
    ("date", 8, "20200431", T),
    ("date", 8, "20201", T),
    ("date", 8, "202013", T),
    ("date", 8, "17991231", T),
    ("date", 8, "21000101", T),
    ("date", 8, "99999999", T),
    ("date", 8, "2020    ", T),
    ("dateTime", 25, "2020", None),
    ("dateTime", 25, "2020-01", None),
    ("dateTime", 25, "2020-01-15", None),
    ("dateTime", 25, "2020Z", None),
    ("dateTime", 25, "2020-01-15T10:20:30", None),
    ("dateTime", 25, "2020-01-15T10:20:30Z", None),
    ("dateTime", 25, "2020-01-15T10:20:30+14:00", None),
    ("dateTime", 25, "2020-01-15T10:20:30+14:30", T),
    ("dateTime", 25, "2020-01-15T24:00:00", T),
    ("dateTime", 25, "2020-01-15T10:20:30.5Z", T),
    ("dateTime", 25, "2020-01-15T10:20", T),
    ("dateTime", 25, "20200115", T),
    ("dateTime", 25, "2020-02-31", T),
    ("dateTime", 25, "2020-13", T),
    ("text", 4, "C509", None),
    ("text", 4, "c50.", None),
    ("text", 4, "C5099", L),
    ("text", 4, " C5", A),
    ("text", 4, "C5 ", Z),
    ("text", 4, "    ", A),
    ("text", 4, "\tC5", None),
    ("text", 4, "\U0001f600\U0001f600", None),
    ("text", 4, "\U0001f600\U0001f600\U0001f600", L),
]


@pytest.mark.parametrize(("kind", "length", "value", "fault"), CASES)
def test_first_fault_of_a_value(kind: str, length: int, value: str, fault: str | None) -> None:
    item = Item(1, "one", "One", "Tumor", length, kind)
    found = find_fault(item, value)
    assert (found[0] if found else None) == fault
    unchecked = find_fault(item, value, check_type=False)
    assert (unchecked[0] if unchecked else None) == (L if fault == L else None), "lengths are always checked"


def test_unlimited_text_has_no_length() -> None:
    assert find_fault(Item(1, "one", "One", "Tumor", 4, unlimited=True), "x" * 5000) is None


def test_lengths_are_utf16_code_units() -> None:
    assert (text_length("abc"), text_length("é"), text_length("\U0001f600")) == (3, 1, 2)


def test_days_of_the_calendar() -> None:
    assert [is_day(day) for day in ("20240229", "20230229", "2023", "202302", "20230431")] == [
        True, False, True, True, False,
    ]  # fmt: skip
