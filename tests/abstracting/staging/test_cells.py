"""Cells of decision tables: what a value matches, and what an endpoint is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abstracting.staging.cells import Endpoint, Span, is_number, parse_endpoint, parse_input_cell, trim
from abstracting.staging.decisions import RowMasks, bits, lowest, positions

# cell, then values it holds, then values it does not
MATCHES = [
    ("500", ["500"], ["50", "0500", "501", ""]),
    ("", [""], ["0", " "]),
    ("000,999", ["000", "999"], ["500", ""]),
    ("000,,999", ["", "000"], ["1"]),
    ("C500-C509", ["C500", "C505", "C509"], ["C510", "C50", "c505", ""]),
    # numeric ranges know no length: 1 lies in 000-988, and 10 in 001-999
    ("000-988", ["000", "1", "988", "0988", "00988"], ["989", "", "1.5", "-1", "X"]),
    ("001-999", ["10", "001"], ["0", "1000"]),
    # with a decimal point in a bound, decimals are allowed
    ("0.1-99.9", ["0.1", "50", "99.9", "2.55"], ["0.05", "100", ""]),
    ("1-10.0", ["1.5"], ["11"]),
    # unequal lengths that are not numeric are one literal text
    ("N0(mol-)", ["N0(mol-)"], ["N0(mol"]),
    ("0I-", ["0I-"], ["0I"]),
    ("c0M-", ["c0M-"], ["c0M"]),
    ("A-BC", ["A-BC"], ["A", "B"]),
    ("A-B-C", ["A-B-C"], ["A", "B"]),
    (" 1 - 5 ,  7 ", ["1", "3", "7"], ["6", " 7"]),
    ("5.", ["5."], ["5"]),
    # not numeric on one side only: same length, so compared as text
    ("1A-3B", ["1A", "2Z", "3A"], ["1", "3C"]),
    # the same number written twice is a numeric range, not a literal
    ("1-01", ["1", "01", "001"], ["2"]),
]


@pytest.mark.parametrize(("cell", "inside", "outside"), MATCHES, ids=[case[0] for case in MATCHES])
def test_values_in_a_cell(cell: str, inside: list[str], outside: list[str]) -> None:
    spans = parse_input_cell(cell)
    masks = RowMasks("key", [cell])
    for value in inside:
        assert any(span.contains(value) for span in spans), value
        assert masks.rows(value, {}) == 1, value
    for value in outside:
        assert not any(span.contains(value) for span in spans), value
        assert masks.rows(value, {}) == 0, value


@pytest.mark.parametrize("cell", [None, "*"])
def test_null_and_star_hold_everything_even_a_missing_value(cell: str | None) -> None:
    masks = RowMasks("key", [cell])
    assert parse_input_cell(cell) is None
    assert [masks.rows(value, {}) for value in (None, "", "x")] == [1, 1, 1]


def test_a_star_among_others_is_a_literal() -> None:
    assert parse_input_cell("*,1") == (Span("*", "*"), Span("1", "1"))


def test_references_are_read_from_the_context() -> None:
    masks = RowMasks("year_dx", ["2018-{{ctx_year_current}}", "{{other}}"])
    assert masks.references == ("ctx_year_current", "other")
    assert masks.rows("2026", {"ctx_year_current": "2026"}) == 0b01
    assert masks.rows("2026", {"ctx_year_current": "2025"}) == 0b00
    assert masks.rows("7", {"ctx_year_current": "2026", "other": "7"}) == 0b10
    # a missing key is blank, and blank equals blank
    assert masks.rows(None, {}) == 0b10


def test_ranges_compare_in_single_precision() -> None:
    # 16777217 is no 32-bit float: it reads as 16777216
    assert Span("0", "16777216").contains("16777217")
    assert not Span("0", "16777216").contains("16777218")
    assert Span("0", "9" * 60).contains("9" * 50)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", ".5", "-.5", "007"])
def test_numbers(text: str) -> None:
    assert is_number(text)


@pytest.mark.parametrize("text", ["", "-", ".", "5.", "1.2.3", "+1", "1e3", " 1", "1 ", "--1", "٣", "X", "1\n"])
def test_not_numbers(text: str) -> None:
    assert not is_number(text)


ENDPOINTS = [
    ("MATCH", Endpoint("MATCH", None, "k")),
    ("STOP", Endpoint("STOP", None, "k")),
    ("VALUE:", Endpoint("VALUE", "", "k")),
    ("VALUE", Endpoint("VALUE", None, "k")),
    (" VALUE : a:b ", Endpoint("VALUE", "a:b", "k")),
    ("VALUE:{{ssf8}}", Endpoint("VALUE", "{{ssf8}}", "k", "ssf8")),
    ("JUMP:table", Endpoint("JUMP", "table", "k")),
    ("ERROR:why", Endpoint("ERROR", "why", "k")),
]


@pytest.mark.parametrize(("cell", "endpoint"), ENDPOINTS, ids=[case[0] for case in ENDPOINTS])
def test_endpoints(cell: str, endpoint: Endpoint) -> None:
    assert parse_endpoint(cell, "k") == endpoint


@pytest.mark.parametrize("cell", ["", "value:1", "GOTO:x", "JUMP", "JUMP:", "JUMP: ", None, 5])
def test_other_endpoints_are_refused(cell: object) -> None:
    with pytest.raises(ValueError):
        parse_endpoint(cell, "k")


def test_only_plain_blanks_are_trimmed() -> None:
    assert trim("\t 5 \x00") == "5"
    assert trim("\u00a05") == "\u00a05"


CELLS = st.one_of(
    st.none(),
    st.sampled_from(
        ["*", "", "0I-", "C500-C509", "A-B", "000-988", "0.1-9.9", "1,2,3", "X8,X9", "-", "5--3", "{{b}}-9"]
    ),
    st.text("0123456789AB-,. *X", max_size=9),
)
VALUES = st.one_of(st.none(), st.text("0123456789AB.X-", max_size=4), st.sampled_from(["C505", "0I-", "500"]))


@given(st.lists(CELLS, min_size=1, max_size=8), VALUES, st.dictionaries(st.sampled_from("ab"), VALUES))
def test_masks_agree_with_the_naive_rule(naive, cells: list[str | None], value: str | None, context: dict) -> None:
    simple = naive(None)
    expected = [index for index, cell in enumerate(cells) if simple.holds(cell, value, context)]
    assert list(positions(RowMasks("a", cells).rows(value, context))) == expected


@given(st.sets(st.integers(0, 300)))
def test_bits_and_positions_are_inverse(indexes: set[int]) -> None:
    mask = bits(sorted(indexes))
    assert list(positions(mask)) == sorted(indexes)
    assert lowest(mask) == min(indexes, default=None)
