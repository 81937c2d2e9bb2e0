"""Saving an abstract: revisions, the three-way view of a conflict, undo to any point, consolidation."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from registry import audit, records
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.importer import run_import
from registry.exchange.incoming import IncomingPatient, IncomingTumor
from registry.models import Abstract, Patient, Tumor


class One:
    """A reader of one case."""

    format, version, done = "test", "", 0.0

    def __iter__(self):  # type: ignore[no-untyped-def]
        items = {60: "1", 400: "C509", 522: "8500", 550: "202400001", 2680: "12/01/2024 biopsy"}
        yield IncomingPatient(1, {20: "P1", 2230: "Example", 225: "2"}, [IncomingTumor(1, items)])


@pytest.fixture
def case(store: Store) -> Store:
    run_import(store, One(), name="one", who="tester")
    return store


def items(store: Store) -> dict[int, str]:
    with store.reading() as session:
        return records.all_items(session.scalars(select(Abstract)).one())


def test_a_save_writes_person_tumor_and_text_items_where_they_belong(case: Store) -> None:
    with case.writing() as session:
        saved = records.save(session, 1, {400: "C504", 2230: "Sample", 2680: "another text"}, who="me", why="chart")
    assert saved.changes == {
        400: ("C509", "C504"),
        2230: ("Example", "Sample"),
        2680: ("12/01/2024 biopsy", "another text"),
    }
    with case.reading() as session:
        assert session.get_one(Tumor, 1).primary_site == "C504"
        assert session.get_one(Patient, 1).name_last_key == "SAMPLE"
        assert "2680" not in session.get_one(Abstract, 1).items
    assert audit.verify(case) == []


def test_saving_the_same_again_changes_nothing(case: Store) -> None:
    with case.writing() as session:
        saved = records.save(session, 1, {400: "C509"}, who="me", expected_version=1)
        assert (saved.version, saved.changes) == (1, {})
        assert records.history(session, "abstract", 1) == []


def test_a_blank_removes_an_item(case: Store) -> None:
    with case.writing() as session:
        records.save(session, 1, {522: "", 2680: ""}, who="me")
    assert 522 not in items(case) and 2680 not in items(case)


@pytest.mark.parametrize(
    ("changes", "said"),
    [({4: "x"}, "item 4 is not in the standard"), ({400: "C50.9 left"}, "item 400 holds 10 characters, at most 4 fit")],
)
def test_what_the_standard_cannot_hold_is_refused_whole(case: Store, changes: dict[int, str], said: str) -> None:
    with case.writing() as session, pytest.raises(RegistryError, match=said):
        records.save(session, 1, {522: "8520", **changes}, who="me")
    assert items(case)[522] == "8500"


def test_a_second_saver_sees_three_ways_and_loses_nothing(case: Store) -> None:
    with case.writing() as session:
        records.save(session, 1, {400: "C504"}, who="first", expected_version=1)
    with case.writing() as session, pytest.raises(records.Conflict) as caught:
        records.save(session, 1, {400: "C501", 522: "8520"}, who="second", expected_version=1)
    assert caught.value.who == "first" and caught.value.version == 2
    assert [(d.number, d.base, d.theirs, d.mine) for d in caught.value.differences] == [
        (400, "C509", "C504", "C501"),
        (522, "8500", "8500", "8520"),
    ]


def test_undo_goes_to_any_point_and_is_itself_a_revision(case: Store) -> None:
    for value in ("C501", "C502", "C503"):
        with case.writing() as session:
            records.save(session, 1, {400: value, 2680: f"text {value}"}, who="me")
    with case.writing() as session:
        records.undo_to(session, 1, 1, who="me")
    assert (items(case)[400], items(case)[2680]) == ("C501", "text C501")
    with case.writing() as session:
        records.undo_to(session, 1, 0, who="me")
    assert (items(case)[400], items(case)[2680]) == ("C509", "12/01/2024 biopsy")
    with case.reading() as session:
        why = [r.why for r in records.history(session, "abstract", 1)]
    assert why == ["undo to revision 0", "undo to revision 1", "", "", ""]
