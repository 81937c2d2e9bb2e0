"""Any sequence of linking, taking back and beginning abstracts: no tumor has two persons' abstracts, and undoing restores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from registry import config, schema
from registry.db import Store
from registry.errors import RegistryError
from registry.linkage import decisions, grouping
from registry.models import Abstract, Patient, PatientRecord, Source, Tumor
from registry.models.linkage import LinkageDecision, RowHome, TumorDecision, TumorPair

REPORTS = 4
STEP = st.one_of(
    st.tuples(st.just("link"), st.integers(0, REPORTS - 1), st.integers(0, REPORTS - 1)),
    st.tuples(st.just("undo"), st.integers(0, 9), st.just(0)),
    st.tuples(st.just("begin"), st.integers(0, REPORTS - 1), st.integers(0, 9)),
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for all examples; each example empties it."""
    store = Store(config.load(tmp_path_factory.mktemp("sequences")))
    schema.upgrade(store.engine)
    yield store
    store.close()


def fill(session: Any) -> list[int]:
    """Makes four reports of four persons with a tumor each, in an empty registry; gives the reports."""
    for model in (RowHome, TumorDecision, TumorPair, LinkageDecision, Abstract, Tumor, PatientRecord, Patient, Source):
        session.execute(delete(model))
    found = []
    for n in range(REPORTS):
        source = Source(facility_number=f"000000100{n}")
        patient = Patient(items={})
        session.add_all([source, patient])
        session.flush()
        record = PatientRecord(patient_id=patient.id, source_id=source.id, patient_id_number="1", items={"20": f"{n}"})
        tumor = Tumor(patient_id=patient.id, items={})
        session.add_all([record, tumor])
        session.flush()
        session.add(Abstract(record_id=record.id, tumor_id=tumor.id, tumor_record_number="01", items={"60": "01"}))
        found.append(record.id)
    session.flush()
    return found


def persons_of_tumors(session: Any) -> dict[int, set[int]]:
    """The persons whose abstracts each tumor has, and to whom the tumor belongs."""
    query = select(Abstract.tumor_id, PatientRecord.patient_id, Tumor.patient_id)
    query = query.join(Abstract.record).join(Tumor, Abstract.tumor_id == Tumor.id)
    found: dict[int, set[int]] = {}
    for tumor, *persons in session.execute(query):
        found.setdefault(tumor, set()).update(persons)
    return found


def places(session: Any) -> dict[str, dict[int, int]]:
    """Where reports and abstracts stand."""
    return {
        "reports": dict(session.execute(select(PatientRecord.id, PatientRecord.patient_id)).tuples().all()),
        "abstracts": dict(session.execute(select(Abstract.id, Abstract.tumor_id)).tuples().all()),
    }


def begin(session: Any, record_id: int, which: int) -> None:
    """Begins an abstract of a report's person on one of that person's tumors, as the desk does."""
    record = session.get_one(PatientRecord, record_id)
    tumors = session.scalars(select(Tumor.id).where(Tumor.patient_id == record.patient_id).order_by(Tumor.id)).all()
    number = f"{len(session.scalars(select(Abstract.id).where(Abstract.record_id == record_id)).all()) + 1:02d}"
    tumor = tumors[which % len(tumors)]
    session.add(Abstract(record_id=record_id, tumor_id=tumor, tumor_record_number=number, items={"60": number}))
    session.flush()


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEP, max_size=9))
def test_no_tumor_ever_has_the_abstracts_of_two_persons(kept: Store, steps: list[tuple[str, int, int]]) -> None:
    with kept.writing() as session:
        reports = fill(session)
        made: list[int] = []
        for what, one, other in steps:
            if what == "begin":
                begin(session, reports[one], other)
            elif what == "undo" and made:
                decisions.undo(session, made.pop(one % len(made)), who="registrar", why="test")
            elif what == "link" and one != other:
                try:
                    made.append(decisions.link(session, (reports[one], reports[other]), who="registrar").id)
                except RegistryError as refused:
                    assert refused.code == "conflict"
            assert all(len(persons) == 1 for persons in persons_of_tumors(session).values())
        before = places(session)
        grouping.regroup(session, reports, who="registrar")
        assert places(session) == before, "regrouping twice changes nothing"
        if made:
            ends = session.get_one(LinkageDecision, made[-1])
            pair = (ends.left_id, ends.right_id)
            decisions.undo(session, made[-1], who="registrar", why="test")
            decisions.link(session, pair, who="registrar")
            assert places(session) == before, "what was parted and is linked again is as it was"
        for number in session.scalars(select(LinkageDecision.id).where(LinkageDecision.undone_at.is_(None))).all():
            decisions.undo(session, number, who="registrar", why="test")
        apart = dict(session.execute(select(PatientRecord.id, PatientRecord.home_patient_id)).tuples().all())
        assert places(session)["reports"] == apart, "with all links taken back every report is at home"
        assert all(len(persons) == 1 for persons in persons_of_tumors(session).values())


def test_an_abstract_begun_on_the_tumor_of_a_linked_person_goes_with_its_own(kept: Store) -> None:
    with kept.writing() as session:
        first, second, *_ = fill(session)
        made = decisions.link(session, (first, second), who="registrar")
        tumor = session.scalars(select(Abstract.tumor_id).where(Abstract.record_id == first)).one()
        session.add(Abstract(record_id=second, tumor_id=tumor, tumor_record_number="02", items={"60": "02"}))
        session.flush()
        linked = places(session)
        decisions.undo(session, made.id, who="registrar", why="two persons after all")
        begun = session.scalars(
            select(Abstract).where(Abstract.record_id == second, Abstract.tumor_record_number == "02")
        ).one()
        assert begun.tumor_id != tumor and begun.tumor.patient_id == begun.record.patient_id
        assert session.get_one(Tumor, tumor).patient_id == session.get_one(PatientRecord, first).patient_id
        said = session.scalars(select(TumorDecision).where(TumorDecision.right_id == begun.id)).one()
        assert said.kind == "same" and said.automatic
        decisions.link(session, (first, second), who="registrar")
        assert places(session) == linked
