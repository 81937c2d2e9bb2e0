"""The last contact typed by hand: forward only, a death stays, a slip is one's own, everything else is a correction."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from registry import records
from registry.errors import RegistryError
from registry.exchange.importer import run_import
from registry.exchange.incoming import IncomingPatient, IncomingTumor
from registry.followup import by_hand, reviews
from registry.models import Abstract
from registry.models.followup import ContactReview

ALIVE, DEAD = "1", "0"
CASES = [
    # stands, wanted, items that are held
    (("20240115", ALIVE), ("20240301", ALIVE), set()),
    (("20240115", ALIVE), ("20240301", DEAD), set()),
    (("20240115", ALIVE), ("20240115", ALIVE), set()),
    (("", ""), ("20240301", ALIVE), set()),
    (("", ALIVE), ("2024", DEAD), set()),
    (("202401", ALIVE), ("20240110", ALIVE), set()),
    (("202401", DEAD), ("20240110", DEAD), set()),
    (("20240115", ALIVE), ("20240114", ALIVE), {1750}),
    (("20240115", ALIVE), ("202401", ALIVE), {1750}),
    (("20240115", ALIVE), ("2024", ALIVE), {1750}),
    (("20240115", ALIVE), ("", ALIVE), {1750}),
    (("20240115", ALIVE), ("20249999", ALIVE), {1750}),
    (("20240115", ALIVE), ("20231201", DEAD), {1750}),
    (("20240115", ALIVE), ("20240301", ""), {1760}),
    (("20240115", DEAD), ("20240301", ALIVE), {1760}),
    (("20240115", DEAD), ("20240115", ALIVE), {1760}),
    (("20240115", DEAD), ("20240114", DEAD), {1750}),
    (("20240115", DEAD), ("20240116", DEAD), {1750}),
    (("20240115", DEAD), ("20231201", ALIVE), {1750, 1760}),
]


@pytest.mark.parametrize(("stands", "wanted", "held"), CASES)
def test_what_is_held_back(stands, wanted, held):
    names = (1750, 1760)
    assert set(by_hand.faults(dict(zip(names, stands)), dict(zip(names, wanted)))) == held


class One:
    """A reader of one case whose last contact comes with the file."""

    format, version, done = "test", "", 0.0

    def __iter__(self):
        person = {20: "P1", 240: "19500101", 1750: "20240115", 1760: ALIVE}
        yield IncomingPatient(1, person, [IncomingTumor(1, {60: "1", 400: "C509", 540: "0000010001"})])


def begin(session):
    """The abstract of the file."""
    return session.scalars(select(Abstract)).one()


@pytest.fixture
def case(store):
    run_import(store, One(), name="one", who="tester")
    return store


def test_a_slip_of_the_hand_is_ones_own_for_a_day_and_no_further_than_what_stood_before(case):
    with case.writing() as session:
        abstract = begin(session)
        records.save(session, abstract.id, {1750: "20250115"}, who="rosa")
        assert by_hand.held(session, abstract, {1750: "20240215"}, who="rosa") == {}
        assert set(by_hand.held(session, abstract, {1750: "20240115"}, who="rosa")) == set()
        assert set(by_hand.held(session, abstract, {1750: "20240114"}, who="rosa")) == {1750}
        assert set(by_hand.held(session, abstract, {1750: "20240215"}, who="ben")) == {1750}
        records.save(session, abstract.id, {1760: DEAD}, who="rosa")
        assert by_hand.held(session, abstract, {1760: ALIVE}, who="rosa") == {}
        assert set(by_hand.held(session, abstract, {1760: ALIVE}, who="ben")) == {1760}


def test_what_follow_up_wrote_in_ones_name_is_no_slip(case):
    with case.writing() as session:
        abstract = begin(session)
        records.save(session, abstract.id, {1750: "20250115"}, who="rosa", why="follow-up: letter")
        assert set(by_hand.held(session, abstract, {1750: "20240215"}, who="rosa")) == {1750}


def test_half_of_a_last_contact_is_not_saved_alone(case):
    with case.writing() as session:
        abstract = begin(session)
        held = by_hand.held(session, abstract, {1750: "20231201", 1760: DEAD}, who="rosa")
        assert set(held) == {1750, 1760} and "does not move backward" in held[1750]


def test_a_correction_is_decided_by_somebody_else_and_then_stands(case):
    with case.writing() as session:
        abstract = begin(session)
        by_hand.ask(session, abstract, day="20231201", vital_status=ALIVE, why="chart note", who="rosa")
        with pytest.raises(RegistryError, match="waits already"):
            by_hand.ask(session, abstract, day="20231202", vital_status=ALIVE, why="chart note", who="rosa")
        review = session.scalars(select(ContactReview)).one()
        with pytest.raises(RegistryError, match="does not take it"):
            reviews.decide(session, review.id, True, who="rosa", why="I know")
        reviews.decide(session, review.id, True, who="ben", why="chart read")
        assert session.get(Abstract, abstract.id).record.items["1750"] == "20231201"
        assert by_hand.waiting(session, abstract) == []


@pytest.mark.parametrize(
    ("day", "status", "why", "says"),
    [
        ("20231201", ALIVE, " ", "reason"),
        ("20231201", "7", "chart", "no vital status"),
        ("soon", ALIVE, "chart", "known year"),
        ("20990101", ALIVE, "chart", "future"),
        ("20240115", ALIVE, "chart", "already"),
    ],
)
def test_a_correction_that_says_nothing_is_refused(case, day, status, why, says):
    with case.writing() as session, pytest.raises(RegistryError, match=says):
        by_hand.ask(session, begin(session), day=day, vital_status=status, why=why, who="rosa")
