"""Records of NAACCR items: how they are read, and the short answer for consolidation."""

from __future__ import annotations

from typing import Any

import pytest

from abstracting.naaccr.record import RecordView
from abstracting.primaries.records import compare_records, same_primary
from abstracting.primaries.rules import INVALID, MULTIPLE, QUESTIONABLE, SINGLE
from abstracting.primaries.tumors import tumor_of_record
from abstracting.values import PartialDate

BREAST: dict[Any, Any] = {400: "C504", 522: "8500", 523: "3", 410: "1", 390: "20200110"}


def with_items(**items: str) -> dict[Any, Any]:
    return {**BREAST, **{int(name[1:]): value for name, value in items.items()}}


@pytest.mark.parametrize(
    ("other", "result", "rule", "same"),
    [
        (with_items(_390="20200210"), SINGLE, "M12", True),
        (with_items(_410="2"), MULTIPLE, "M7", False),
        (with_items(_410="9"), QUESTIONABLE, "M7", None),
        (with_items(_400="C349", _522="8140"), MULTIPLE, None, False),
        (with_items(_390=""), INVALID, None, None),
        ({}, INVALID, None, None),
    ],
)
def test_two_records(other: dict[Any, Any], result: str, rule: str | None, same: bool | None) -> None:
    verdict = compare_records(BREAST, other, current_year=2026)
    assert (verdict.result, verdict.rule) == (result, rule)
    assert same_primary(BREAST, other, current_year=2026) is same


def test_items_may_be_named_by_text() -> None:
    texts = {str(number): value for number, value in BREAST.items()}
    assert tumor_of_record(texts) == tumor_of_record(BREAST)
    assert tumor_of_record(texts).morphology == "8500/3"


def test_a_view_of_patient_and_tumor_is_a_record() -> None:
    view = RecordView(BREAST, {20: "1"})
    assert tumor_of_record(view) == tumor_of_record(BREAST)
    assert same_primary(view, view) is True


@pytest.mark.parametrize(
    ("coded", "parts"),
    [
        ("20200110", (2020, 1, 10)),
        ("2020-01-10", (2020, 1, 10)),
        ("202001", (2020, 1, None)),
        ("2020-01", (2020, 1, None)),
        ("20200199", (2020, 1, None)),
        ("20209999", (2020, None, None)),
        ("20200230", (2020, 2, None)),
        ("2020", (2020, None, None)),
        ("", (None, None, None)),
        ("unknown", (None, None, None)),
    ],
)
def test_date_of_diagnosis(coded: str, parts: tuple[int | None, int | None, int | None]) -> None:
    date: PartialDate = tumor_of_record(with_items(_390=coded)).date
    assert (date.year, date.month, date.day) == parts


@pytest.mark.parametrize(
    ("date", "old", "read"),
    [
        ("20001231", ("8140", "2"), "8140/2"),
        ("20010101", ("8140", "2"), "8500/3"),
        ("20001231", ("", ""), "8500/3"),
        ("20001231", ("8140", ""), "8140/3"),
        ("20001231", ("abcd", "7"), "8500/3"),
    ],
)
def test_morphology_is_of_the_second_edition_to_2000(date: str, old: tuple[str, str], read: str) -> None:
    assert tumor_of_record(with_items(_390=date, _420=old[0], _430=old[1])).morphology == read
