"""Linkage in the store: a run links what is sure, decisions bring rows together and taking them back restores what was."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from registry import audit, records
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.importer import run_import
from registry.exchange.incoming import IncomingPatient, IncomingTumor
from registry.linkage import decisions, grouping, runs, tumors
from registry.models import Abstract, Patient, PatientRecord, Tumor
from registry.models.followup import ContactPerson, OutsideFile, OutsideMatch
from registry.models.linkage import LinkageDecision, LinkagePair, TumorDecision, TumorPair


class Reports:
    """The same persons from one source."""

    format, version, done = "test", "260", 0.0

    def __init__(self, facility: str, people: list[tuple[str, str, str, str]]):
        self.facility, self.people = facility, people

    def __iter__(self) -> Any:
        for n, (last, first, born, number) in enumerate(self.people, 1):
            person = {20: f"{self.facility[-2:]}{n:03d}", 2230: last, 2240: first, 240: born, 225: "2", 2320: number}
            person |= {1760: "1", 1750: "20240115", 2350: f"{n} ELM ST", 1810: "OCALA", 1830: "34470"}
            tumor = {60: "01", 400: "C504", 522: "8500", 523: "3", 390: "20190304", 410: "1", 540: self.facility}
            yield IncomingPatient(n, person, [IncomingTumor(1, tumor | {550: f"2019{n:05d}", 610: "14"})], "")


PEOPLE = [
    ("HOLMBERG", "ASTRID", "19510203", "900110001"),
    ("OKONKWO", "NGOZI", "19620704", "900220002"),
    ("PETROVA", "IRINA", "19440930", "900330003"),
]


@pytest.fixture
def three(store: Store) -> tuple[Store, list[list[int]]]:
    """Three persons, each reported by three sources; the reports' ids by person."""
    for n in range(3):
        run_import(store, Reports(f"000001000{n}", PEOPLE), name=f"{n}.xml", who="test", source=f"s{n}")
    with store.reading() as session:
        found = [
            list(
                session.scalars(
                    select(PatientRecord.id)
                    .where(PatientRecord.items["2230"].as_string() == last)
                    .order_by(PatientRecord.id)
                )
            )
            for last, *_ in PEOPLE
        ]
    return store, found


def picture(store: Store) -> dict[str, Any]:
    """Where everything stands and what the registry holds to be true."""
    with store.reading() as session:
        return {
            "records": dict(session.execute(select(PatientRecord.id, PatientRecord.patient_id)).tuples().all()),
            "abstracts": dict(session.execute(select(Abstract.id, Abstract.tumor_id)).tuples().all()),
            "patients": {p.id: dict(p.items) for p in session.scalars(select(Patient))},
            "tumors": {t.id: (t.patient_id, dict(t.items)) for t in session.scalars(select(Tumor))},
            "contacts": dict(session.execute(select(ContactPerson.id, ContactPerson.patient_id)).tuples().all()),
        }


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12), st.randoms())
def test_groups_do_not_depend_on_the_order_of_arrival(edges: list[tuple[int, int]], random: Any) -> None:
    shuffled = [(b, a) for a, b in edges]
    random.shuffle(shuffled)
    found = grouping.groups(range(10), edges)
    assert grouping.groups(reversed(range(10)), shuffled) == found
    assert all(found[a] == found[b] for a, b in edges)


def test_links_in_any_order_give_the_same_registry_and_undoing_restores_it(
    three: tuple[Store, list[list[int]]],
) -> None:
    store, reports = three
    a, b, c = reports[0]
    with store.writing() as session:
        last = session.get_one(PatientRecord, c)
        session.add(ContactPerson(patient_id=last.patient_id, name="Kim Synthetic"))
    before, pictures = picture(store), []
    for order in permutations([(a, b), (b, c), (a, c)]):
        made = []
        with store.writing() as session:
            for pair in order:
                made.append(decisions.link(session, pair, who="registrar").id)
        pictures.append(picture(store))
        with store.writing() as session:
            for number in made:
                decisions.undo(session, number, who="registrar", why="test")
        assert picture(store) == before
    assert all(found == pictures[0] for found in pictures)
    home = before["records"][a]
    assert {pictures[0]["records"][n] for n in (a, b, c)} == {home}
    assert set(pictures[0]["contacts"].values()) == {home}, "what hangs on a patient moves along"
    assert audit.verify(store) == []


def test_regrouping_twice_changes_nothing(three: tuple[Store, list[list[int]]]) -> None:
    store, reports = three
    with store.writing() as session:
        decisions.link(session, reports[0][:2], who="registrar")
    once = picture(store)
    with store.writing() as session:
        grouping.regroup(session, reports[0], who="registrar")
    assert picture(store) == once


def test_a_never_inside_a_group_is_refused_with_its_reason(three: tuple[Store, list[list[int]]]) -> None:
    store, reports = three
    a, b, c = reports[0]
    with store.writing() as session:
        decisions.never(session, (a, c), who="registrar")
        decisions.link(session, (a, b), who="registrar")
        with pytest.raises(RegistryError, match="decided to be two persons"):
            decisions.link(session, (b, c), who="registrar")
        with pytest.raises(RegistryError, match="decided already"):
            decisions.never(session, (a, b), who="registrar")


def test_a_run_links_what_is_sure_and_running_again_changes_nothing(three: tuple[Store, list[list[int]]]) -> None:
    store, reports = three
    first = runs.run_job(store, {"who": "registrar"}, lambda share, text: None)
    once = picture(store)
    assert {len({once["records"][n] for n in group}) for group in reports} == {1}
    assert len({once["records"][group[0]] for group in reports}) == 3
    assert first["automatic"] == 6 and first["contradicted"] == 0
    assert len({t for t, _ in once["tumors"].items()}) == 3, "the same tumor of three reports is one"
    again = runs.run_job(store, {"who": "registrar"}, lambda share, text: None)
    assert again["automatic"] == 0 and picture(store) == once
    assert audit.verify(store) == []


def test_what_a_person_took_back_is_not_linked_again_by_itself(three: tuple[Store, list[list[int]]]) -> None:
    store, _ = three
    runs.run_job(store, {}, lambda share, text: None)
    with store.writing() as session:
        for number in session.scalars(select(TumorDecision.id)).all():
            decisions.undo_tumor(session, number, who="registrar", why="test")
        for number in session.scalars(select(LinkageDecision.id)).all():
            decisions.undo(session, number, who="registrar", why="not sure")
    runs.run_job(store, {}, lambda share, text: None)
    with store.reading() as session:
        undone = select(LinkageDecision).where(LinkageDecision.undone_at.is_not(None))
        for decision in session.scalars(undone):
            assert session.get_one(LinkagePair, decision.pair_id).state == "waiting"


def tumor_pair(session: Any) -> TumorPair:
    return session.scalars(select(TumorPair)).one()


def test_a_tumor_pair_is_compared_again_when_its_data_change(three: tuple[Store, list[list[int]]]) -> None:
    store, reports = three
    first, second, _ = reports[0]
    with store.writing() as session:
        decisions.link(session, (first, second), who="registrar")
        tumors.compare(session, session.get_one(PatientRecord, first).patient_id)
        assert tumor_pair(session).state == "same"
        abstract = session.scalars(select(Abstract).where(Abstract.record_id == second)).one()
    joined = abstract.tumor_id
    with store.writing() as session:
        records.save(session, abstract.id, {400: "C341", 410: "2", 522: "8070"}, who="registrar", why="wrong chart")
    with store.writing() as session:
        pair, other = tumor_pair(session), session.get_one(Abstract, abstract.id)
        assert (pair.result, pair.state) == ("multiple", "different"), "what the program joined, it parts again"
        assert other.tumor_id != joined and other.tumor.items["400"] == "C341"
        records.save(session, other.id, {400: "C504", 410: "1", 522: "8500"}, who="registrar", why="it was right")
    with store.writing() as session:
        pair = tumor_pair(session)
        assert pair.state == "same" and session.get_one(Abstract, abstract.id).tumor_id == joined
        decisions.undo_tumor(session, session.scalars(LAST).first().id, who="registrar", why="not sure")
        decisions.different_tumor(session, pair, who="registrar", why="two clips")
        records.save(session, abstract.id, {410: "2"}, who="registrar")
    with store.reading() as session:
        pair = tumor_pair(session)
        assert pair.state == "different" and "changed" in pair.facts, (
            "a person's decision stands and tells of the change"
        )
    assert audit.verify(store) == []


LAST = select(TumorDecision).where(TumorDecision.undone_at.is_(None)).order_by(TumorDecision.id.desc())


def test_a_pair_that_conflicts_needs_two_people(three: tuple[Store, list[list[int]]]) -> None:
    store, reports = three
    left, right, _ = reports[0]
    with store.writing() as session:
        pair = LinkagePair(left_id=left, right_id=right, conflicts={"twin": "born on one day"})
        session.add(pair)
        session.flush()
        with pytest.raises(RegistryError, match="these reports conflict"):
            decisions.link(session, pair, who="registrar")
        decisions.ask_second(session, pair.id, who="registrar", why="twins?")
        with pytest.raises(RegistryError, match="registrar asked"):
            decisions.retract(session, pair.id, who="other")
        decisions.retract(session, pair.id, who="registrar")
        assert (pair.state, pair.asked_by) == ("waiting", "")
        decisions.ask_second(session, pair.id, who="registrar", why="twins?")
        with pytest.raises(RegistryError, match="you asked"):
            decisions.link(session, pair, who="registrar")
        decisions.link(session, pair, who="other")
        assert pair.state == "linked"


def test_what_a_person_has_once_does_not_depend_on_the_order_of_links(three: tuple[Store, list[list[int]]]) -> None:
    """One line of a death file can match a person once: of three persons who become one, the smallest home keeps it."""
    store, reports = three
    a, b, c = reports[0]
    with store.writing() as session:
        file = OutsideFile(
            kind="deaths", name="d.csv", layout="csv", title="deaths", redisclosure="free", received_by="test"
        )
        session.add(file)
        session.flush()
        for number in (b, c):
            patient = session.get_one(PatientRecord, number).patient_id
            session.add(OutsideMatch(file_id=file.id, row=1, patient_id=patient, key="1", score=1.0))
    found = []
    for order in permutations([(a, b), (a, c)]):
        with store.writing() as session:
            made = [decisions.link(session, pair, who="registrar").id for pair in order]
            rows = select(OutsideMatch.id, OutsideMatch.patient_id).order_by(OutsideMatch.id)
            found.append(session.execute(rows).tuples().all())
            for number in made:
                decisions.undo(session, number, who="registrar", why="test")
    assert found[0] == found[1]
