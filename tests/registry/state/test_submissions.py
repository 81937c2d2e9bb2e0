"""Submissions expected and received: the arithmetic of the grid, the cases behind a number, expectations as typed."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from registry import audit
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.importer import run_import
from registry.models import Facility, ImportBatch, now
from registry.security.permissions import PROGRAM
from registry.state import submissions

TODAY = date(2025, 8, 10)
LAKESIDE = "0000010002"


@pytest.fixture
def filled(central: Store, rows: Any) -> dict[str, int]:
    """General sent three cases in June and one in July, Lakeside one in July."""
    days = ["20250601", "20250615", "20250630", "20250701"]
    cases = [{2111: day} for day in days] + [{2111: "20250702", 540: LAKESIDE}]
    run_import(central, rows(cases), name="a", who="t")
    with central.reading() as session:
        return {f.number: f.id for f in session.scalars(select(Facility))}


def cell(grid: submissions.Grid, facility: int, month: str) -> submissions.Cell:
    line = next(line for line in grid.lines if line.facility_id == facility)
    return next(c for c in line.cells if c.month == month)


def test_expected_received_overdue_and_share(central: Store, filled: dict[str, int]) -> None:
    general = filled["0000010001"]
    typed = {(general, "2025-06"): "5", (general, "2025-07"): " 1 ", (general, "2025-08"): "4"}
    with central.writing() as session:
        assert submissions.expect(session, typed, actor=PROGRAM) == 3
    with central.reading() as session:
        grid = submissions.grid(session, today=TODAY)
    assert grid.months[-1] == "2025-08" and len(grid.months) == 12
    june, july, august = (cell(grid, general, f"2025-0{n}") for n in (6, 7, 8))
    assert (june.expected, june.received, june.overdue, june.share) == (5, 3, 2, 0.6)
    assert (july.expected, july.received, july.overdue, july.share) == (1, 1, 0, 1.0)
    # the month is not over: nothing of it is overdue yet
    assert (august.expected, august.received, august.overdue, august.share) == (4, 0, 0, 0.0)
    line = next(line for line in grid.lines if line.facility_id == general)
    assert (line.expected, line.received, line.overdue) == (10, 4, 2) and line.share == pytest.approx(0.4)
    assert grid.total("2025-07") == (1, 2, 0) and grid.overdue == 2


def test_every_number_opens_exactly_its_cases(central: Store, filled: dict[str, int]) -> None:
    with central.reading() as session:
        grid = submissions.grid(session, today=TODAY)
        for line in grid.lines:
            for one in line.cells:
                assert len(submissions.received(session, line.facility_id, one.month)) == one.received


def test_without_2111_the_day_of_the_import_counts(central: Store, filled: dict[str, int], rows: Any) -> None:
    run_import(central, rows([{20: "X1", 2111: "20250101"}]), name="b", who="t")
    with central.writing() as session:
        from registry.models import Abstract

        for abstract in session.scalars(select(Abstract)):
            abstract.items = {n: v for n, v in abstract.items.items() if n != "2111"}
    month = f"{now().astimezone():%Y-%m}"
    with central.reading() as session:
        assert session.scalars(select(ImportBatch)).first() is not None
        grid = submissions.grid(session)
        assert cell(grid, filled["0000010001"], month).received == 5
        assert len(submissions.received(session, filled["0000010001"], month)) == 5


def test_an_expectation_is_changed_and_taken_back_and_sealed(central: Store, filled: dict[str, int]) -> None:
    key = (filled[LAKESIDE], "2025-07")
    for text, changed in (("7", 1), ("7", 0), ("9", 1), ("", 1), ("", 0), ("0", 1)):
        with central.writing() as session:
            assert submissions.expect(session, {key: text}, actor=PROGRAM) == changed
    with central.reading() as session:
        assert cell(submissions.grid(session, today=TODAY), *key).expected == 0
    assert audit.verify(central) == []


@pytest.mark.parametrize("text", ["-1", "1.5", "x", "9999999", "²", "1e3"])
def test_what_is_no_number_is_refused_and_nothing_is_written(central: Store, filled: dict[str, int], text: str) -> None:
    general = filled["0000010001"]
    with pytest.raises(RegistryError), central.writing() as session:
        submissions.expect(session, {(general, "2025-05"): "3", (general, "2025-06"): text}, actor=PROGRAM)
    with central.reading() as session:
        assert cell(submissions.grid(session, today=TODAY), general, "2025-05").expected is None


def test_an_unknown_facility_or_month_is_refused(central: Store, filled: dict[str, int]) -> None:
    for key in ((999, "2025-06"), (filled[LAKESIDE], "2025-13"), (filled[LAKESIDE], "June")):
        with pytest.raises(RegistryError), central.writing() as session:
            submissions.expect(session, {key: "1"}, actor=PROGRAM)


def test_months_go_back_over_the_turn_of_the_year() -> None:
    assert submissions.months_until("2025-02", 4) == ("2024-11", "2024-12", "2025-01", "2025-02")
