"""A renewed standing is the standing that would be computed from nothing, whatever was saved in between."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from registry import records
from registry.db import Store
from registry.exchange.importer import run_import
from registry.followup import contact, holds
from registry.followup.contact import News
from registry.followup.renewal import changed_patients, renewed
from registry.followup.rules import rule_set
from registry.followup.standing import stamp, standing
from registry.models import Abstract, Facility, Patient, PatientRecord

DAY = date(2026, 6, 1)


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


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("changes", [[heard], [died], [edited], [held], [heard, died, edited, held], []])
def test_renewal_equals_computing_all(filled: Store, changes: list[Any], own: bool) -> None:
    with filled.reading() as session:
        facility = session.scalars(select(Facility.id)).first() if own else None
        before = stamp(session)
        old = standing(session, rule_set(), as_of=DAY, facility_id=facility, own=own)
    for change in changes:
        with filled.writing() as session:
            change(session)
    with filled.reading() as session:
        new = renewed(session, old, before, stamp(session))
        whole = standing(session, rule_set(), as_of=DAY, facility_id=facility, own=own)
        assert new is not None
        assert new.people == whole.people and new.held == whole.held and new.tried == whole.tried
        assert {k: new.known[k] for k in whole.known} == whole.known
        assert new.counts == whole.counts and new.rates == whole.rates


def test_an_import_or_an_unknown_chain_asks_for_all(filled: Store, rows: Any) -> None:
    with filled.reading() as session:
        before = stamp(session)
    run_import(filled, rows([{20: "N"}]), name="b", who="t")
    with filled.reading() as session:
        assert changed_patients(session, before, stamp(session)) is None
        heads, batches = stamp(session)
        assert changed_patients(session, (heads, batches), ((*heads, ("physician", 1)), batches)) is None
        assert session.scalars(select(PatientRecord.id)).first()
