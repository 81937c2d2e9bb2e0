"""A renewed standing is the standing that would be computed from nothing, whatever was saved in between."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from registry import audit, records
from registry.db import Store
from registry.exchange.importer import run_import
from registry.followup import contact, holds
from registry.followup.contact import News
from registry.followup.renewal import changed_patients, renewed
from registry.followup.rules import rule_set
from registry.followup.standing import Standing, stamp, standing
from registry.linkage import decisions
from registry.models import Abstract, Facility, Patient, PatientRecord
from registry.models.followup import ContactAttempt
from registry.models.linkage import LinkageDecision

DAY, LATER = date(2026, 6, 1), date(2026, 9, 15)


@pytest.fixture
def filled(central: Store, rows: Any) -> Store:
    cases = [{20: f"P{n}", 1750: f"2025{n:02d}01", 2350: f"{n} Main St"} for n in range(1, 10)]
    run_import(central, rows(cases), name="a", who="t")
    return central


def heard(session: Any) -> None:
    patient = session.scalars(select(Patient.id).order_by(Patient.id)).first()
    told = News(day="20260501", vital_status="1", source="a letter", code="2", rule="free")
    contact.record_news(session, patient, told, who="t", today=DAY)


def died(session: Any) -> None:
    patient = session.scalars(select(Patient.id).order_by(Patient.id.desc())).first()
    told = News(day="20260401", vital_status="0", source="a file", code="7", rule="state", cause="C509")
    contact.record_news(session, patient, told, who="t", today=DAY)


def edited(session: Any) -> None:
    abstract = session.scalars(select(Abstract).order_by(Abstract.id)).all()[3]
    records.save(session, abstract.id, {610: "00"}, who="t", why="treated elsewhere")


def held(session: Any) -> None:
    patient = session.scalars(select(Patient.id).order_by(Patient.id)).all()[2]
    holds.set_hold(session, patient, "do-not-send", who="t", reason="asked for it")


def written(session: Any) -> None:
    patient = session.scalars(select(Patient.id).order_by(Patient.id)).all()[1]
    session.add(
        ContactAttempt(
            token="0000000000",
            patient_id=patient,
            facility_id=session.scalars(select(Facility.id)).first(),
            source="patient",
            channel="letter",
            state="sent",
            made_by="t",
            sent_on=DAY,
        )
    )
    session.flush()
    audit.append(session, contact.CHAIN, 1, "letters", {}, who="t")


def linked(session: Any) -> None:
    first, second = session.scalars(select(PatientRecord.id).order_by(PatientRecord.id)).all()[4:6]
    decisions.link(session, [first, second], who="t", why="one person")


def unlinked(session: Any) -> None:
    decisions.undo(session, session.scalars(select(LinkageDecision.id)).one(), who="t", why="two persons")


def signed_in(session: Any) -> None:
    audit.append(session, "account", 1, "secret", {}, who="t")


ALL = [heard, died, edited, held, written, linked]


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(
    "changes", [*([one] for one in ALL), ALL, [signed_in], []], ids=lambda all: "+".join(one.__name__ for one in all)
)
def test_renewal_equals_computing_all(filled: Store, changes: list[Any], own: bool) -> None:
    with filled.reading() as session:
        facility = session.scalars(select(Facility.id)).first() if own else None
        before = stamp(session)
        old = standing(session, rule_set(), as_of=DAY, facility_id=facility, own=own)
    for change in changes:
        with filled.writing() as session:
            change(session)
    with filled.reading() as session:
        for day in (DAY, LATER):
            new = renewed(session, old, before, stamp(session), as_of=day)
            assert_the_same(new, standing(session, rule_set(), as_of=day, facility_id=facility, own=own))


def test_persons_that_are_set_free_are_read_again(filled: Store) -> None:
    with filled.writing() as session:
        linked(session)
    with filled.reading() as session:
        before = stamp(session)
        old = standing(session, rule_set(), as_of=DAY)
    with filled.writing() as session:
        unlinked(session)
    with filled.reading() as session:
        whole = standing(session, rule_set(), as_of=DAY)
        assert len(whole.people) == len(old.people) + 1
        assert_the_same(renewed(session, old, before, stamp(session)), whole)


def assert_the_same(new: Standing | None, whole: Standing) -> None:
    assert new is not None
    assert new.as_of == whole.as_of and new.people == whole.people and new.held == whole.held
    assert new.tried == whole.tried and new.out == whole.out and new.paths == whole.paths
    assert {k: new.known[k] for k in whole.known} == whole.known
    assert new.counts == whole.counts and new.rates == whole.rates and new.forecast == whole.forecast
    for key, plan in whole.plans.items():
        assert new.plans[key].order == plan.order
        assert (new.plans[key].contacts, new.plans[key].attempts) == (plan.contacts, plan.attempts)


def test_an_import_or_an_unknown_chain_asks_for_all(filled: Store, rows: Any) -> None:
    with filled.reading() as session:
        before = stamp(session)
    run_import(filled, rows([{20: "N"}]), name="b", who="t")
    with filled.reading() as session:
        assert changed_patients(session, before, stamp(session)) is None
        heads, batches = stamp(session)
        assert changed_patients(session, (heads, batches), ((*heads, ("physician", 1)), batches)) is None
        assert session.scalars(select(PatientRecord.id)).first()
