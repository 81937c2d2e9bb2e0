"""Rejected cases and changes go back to their facility once, with reasons and values, and never what may not be passed on."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from abstracting.naaccr.reader import read_xml
from abstracting.naaccr.validate import validate
from registry import audit, records
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.importer import run_import
from registry.exchange.incoming import Rejected
from registry.followup import passive
from registry.followup.matching import exact
from registry.linkage.consolidate import refresh_patient, refresh_tumor
from registry.models import Abstract, Disclosure, EditFinding, PatientRecord
from registry.models.state import Transmission
from registry.state import changes, rejects, transmissions

GENERAL, LAKESIDE = "0000010001", "0000010002"
PURPOSE = "back to the hospital for correction"


def table(store: Store, number: int, place: int = 0) -> list[dict[str, str]]:
    with store.reading() as session:
        line = transmissions.load(session, number)
    with transmissions.file_of(store, line, place).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def xml(store: Store, number: int) -> tuple[list[Any], str]:
    with store.reading() as session:
        line = transmissions.load(session, number)
    path = transmissions.file_of(store, line, 1)
    found = validate(path)
    # a hospital's program reads it as it is; patient numbers of these tests are shorter than the standard's
    assert found.fatal is None and [f.item for f in found.findings if f.code != "Value too short"] == []
    return list(read_xml(path)), path.read_text(encoding="utf-8")


def bad(row: int, number: str, facility: str = GENERAL, **more: str) -> Rejected:
    content = {"20": number, "60": "01", "540": facility, "2230": "SYNTHETIC", "400": "C509", "2680": "a\x01b", **more}
    return Rejected("tumor", row, "control-character", "a value holds control characters", content)


# ---- rejected cases ------------------------------------------------------------------------------------------------


def test_a_rejected_row_goes_back_with_its_reason_and_only_once(central: Store, rows: Any) -> None:
    run_import(central, rows([{20: "A"}, bad(2, "B"), bad(3, "C", LAKESIDE)]), name="june.xml", who="t")
    number = rejects.return_to(central, GENERAL, who="t", purpose=PURPOSE)
    told = table(central, number)
    assert [(r["File"], r["Row"], r["Patient ID"], r["Reason code"]) for r in told] == [
        ("june.xml", "2", "B", "control-character")
    ]
    people, text = xml(central, number)
    assert [p.items[20] for p in people] == ["B"] and people[0].tumors[0].items[400] == "C509"
    assert 'recordType="A"' in text and told[0]["Reason"] == "a value holds control characters"
    with central.reading() as session:
        found = {line.number: line for line in rejects.waiting(session)}
        assert (found[GENERAL].from_imports, found[GENERAL].open_again) == (0, 1)
        assert found[LAKESIDE].from_imports == 1
        disclosed = session.scalars(select(Disclosure)).all()
        assert len(disclosed) == 2 and {d.purpose for d in disclosed} == {PURPOSE}
    with pytest.raises(RegistryError, match="nothing waits"):
        rejects.return_to(central, GENERAL, who="t", purpose=PURPOSE)
    again = rejects.return_to(central, GENERAL, who="t", purpose=PURPOSE, again=True)
    assert len(table(central, again)) == 1
    assert audit.verify(central) == []


def test_a_row_that_came_in_since_is_done_with(central: Store, rows: Any) -> None:
    run_import(central, rows([{20: "A"}, bad(2, "B")]), name="june.xml", who="t")
    run_import(central, rows([{20: "B"}]), name="july.xml", who="t")
    with central.reading() as session:
        assert rejects.waiting(session) == []


def test_an_abstract_that_fails_an_error_goes_back_until_it_passes(central: Store, rows: Any) -> None:
    run_import(central, rows([{20: "A"}, {20: "B"}]), name="june.xml", who="t")

    def fail(rule: str, severity: str = "error", mark: str = "1") -> None:
        with central.writing() as session:
            abstract = session.scalars(select(Abstract).order_by(Abstract.id)).first()
            session.add(
                EditFinding(
                    abstract_id=abstract.id,
                    rule=rule,
                    edit=rule,
                    severity=severity,
                    items={"400": "C509", "522": "8500"},
                    message=f"{rule} fails",
                    fingerprint=mark,
                )
            )

    fail("N1", "warning")
    with central.reading() as session:
        assert rejects.waiting(session) == []
    fail("N2")
    number = rejects.return_to(central, GENERAL, who="t", purpose=PURPOSE)
    assert {(r["Reason code"], r["Item"], r["Value"]) for r in table(central, number)} == {
        ("N2", "400", "C509"),
        ("N2", "522", "8500"),
    }
    fail("N3")
    number = rejects.return_to(central, GENERAL, who="t", purpose=PURPOSE)
    assert {r["Reason code"] for r in table(central, number)} == {"N2", "N3"}
    with central.writing() as session:
        for finding in session.scalars(select(EditFinding)):
            finding.state = "cleared"
    with central.reading() as session:
        assert rejects.waiting(session) == []


def test_a_purpose_that_says_nothing_sends_nothing(central: Store, rows: Any) -> None:
    run_import(central, rows([bad(1, "B"), {20: "A"}]), name="june.xml", who="t")
    with pytest.raises(RegistryError, match="purpose"):
        rejects.return_to(central, GENERAL, who="t", purpose="x")
    with central.reading() as session:
        assert session.scalars(select(Transmission)).all() == []
        assert rejects.waiting(session)[0].from_imports == 1


def test_a_return_is_taken_back_and_waits_again(central: Store, rows: Any) -> None:
    run_import(central, rows([bad(1, "B"), {20: "A"}]), name="june.xml", who="t")
    number = rejects.return_to(central, GENERAL, who="t", purpose=PURPOSE)
    with pytest.raises(RegistryError, match="reason"), central.writing() as session:
        transmissions.undo(session, number, who="t", why=" ")
    with central.writing() as session:
        transmissions.undo(session, number, who="t", why="the mail came back")
    with pytest.raises(RegistryError, match="already"), central.writing() as session:
        transmissions.undo(session, number, who="t", why="again")
    with central.reading() as session:
        assert rejects.waiting(session)[0].from_imports == 1


# ---- changes -------------------------------------------------------------------------------------------------------


@pytest.fixture
def shared(central: Store, rows: Any) -> Store:
    """One person with one tumor, known to General and Lakeside, who differ in grade of site and in the last contact."""
    run_import(central, rows([{20: "A", 2320: "900000001"}]), name="general", who="t")
    lakeside = {20: "L", 540: LAKESIDE, 2320: "900000001", 1750: "20250601", 400: "C504", 610: "20", 1220: "20240301"}
    run_import(central, rows([lakeside]), name="lakeside", who="t")
    with central.writing() as session:
        ours, theirs = session.scalars(select(PatientRecord).order_by(PatientRecord.id)).all()
        alone, lone = theirs.patient, theirs.abstracts[0].tumor
        theirs.patient, theirs.abstracts[0].tumor = ours.patient, ours.abstracts[0].tumor
        theirs.home_patient_id, theirs.abstracts[0].home_tumor_id = ours.patient_id, ours.abstracts[0].tumor_id
        session.flush()
        session.expire_all()
        for table_, row in (("tumor", lone), ("patient", alone)):
            assert table_
            session.delete(row)
        session.flush()
        refresh_patient(session, ours.patient, who="t")
        refresh_tumor(session, ours.abstracts[0].tumor, who="t")
    return central


def of(store: Store, number: str) -> dict[int, tuple[str, str]]:
    with store.reading() as session:
        line = changes.changes(session, number=number)[0]
        return {c.item: (c.sent, c.now) for case in line.cases for c in case.changes}


def test_what_another_facility_knows_goes_back(shared: Store) -> None:
    general = of(shared, GENERAL)
    assert general[1750] == ("20250101", "20250601") and general[1220] == ("", "20240301")
    number = changes.return_to(shared, GENERAL, who="t", purpose=PURPOSE)
    told = {r["Item"]: (r["Sent"], r["Registry"], r["Patient ID"]) for r in table(shared, number)}
    assert told["1750"] == ("20250101", "20250601", "A")
    people, text = xml(shared, number)
    assert people[0].items[20] == "A" and people[0].items[1750] == "20250601"
    assert 'recordType="M"' in text and "1750" not in text and "xmlns:" not in text
    # the other facility's own numbers never go to this one
    assert "2320" not in told and LAKESIDE not in text


def test_a_value_goes_back_once_and_again_when_it_changes(shared: Store) -> None:
    changes.return_to(shared, GENERAL, who="t", purpose=PURPOSE)
    assert of(shared, GENERAL) == {}
    with pytest.raises(RegistryError, match="nothing changed"):
        changes.return_to(shared, GENERAL, who="t", purpose=PURPOSE)
    with shared.writing() as session:
        record = session.scalars(select(PatientRecord).where(PatientRecord.patient_id_number == "L")).one()
        record.items = record.items | {"1750": "20250701"}
        session.flush()
        refresh_patient(session, record.patient, who="t")
    assert of(shared, GENERAL) == {1750: ("20250101", "20250701")}


def test_an_edit_here_is_told_against_what_was_sent(central: Store, rows: Any) -> None:
    run_import(central, rows([{20: "A", 764: "1"}]), name="general", who="t")
    assert of(central, GENERAL) == {}
    with central.writing() as session:
        abstract = session.scalars(select(Abstract)).one()
        records.save(session, abstract.id, {764: "3"}, who="t", why="nodes")
    assert of(central, GENERAL) == {764: ("1", "3")}


def deaths(store: Store, folder: Path, layout: str, rule: str = "") -> None:
    path = folder / f"{layout}{rule}.csv"
    path.write_text("certificate,last,first,sex,dob,ssn,dod,ucod\n1,SYNTHETIC,P1,2,19500101,900000001,20250710,C509\n")
    found = passive.load_file(store, path, layout, who="t", matcher=exact, rule=rule)
    assert found.accepted == 1, found


def test_a_death_of_the_national_death_index_never_goes_back(shared: Store, tmp_path: Path) -> None:
    changes.return_to(shared, GENERAL, who="t", purpose=PURPOSE)
    deaths(shared, tmp_path, "ndi")
    with shared.reading() as session:
        line = changes.changes(session, number=GENERAL)[0]
        assert line.cases == [] and line.held_back >= 3
        assert session.scalars(select(PatientRecord)).first().patient.vital_status == "0"
    with pytest.raises(RegistryError):
        changes.return_to(shared, GENERAL, who="t", purpose=PURPOSE)


@pytest.mark.parametrize(("layout", "rule"), [("ndi", "ndi-shared"), ("state", "")])
def test_a_death_that_the_rule_lets_go_is_returned_with_its_source(
    shared: Store, tmp_path: Path, layout: str, rule: str
) -> None:
    changes.return_to(shared, GENERAL, who="t", purpose=PURPOSE)
    deaths(shared, tmp_path, layout, rule)
    assert {k: v[1] for k, v in of(shared, GENERAL).items()} == {1750: "20250710", 1760: "0", 1910: "C509"} | (
        {1920: "1"} if 1920 in of(shared, GENERAL) else {}
    )
    number = changes.return_to(shared, GENERAL, who="t", purpose=PURPOSE)
    assert {r["Source"] for r in table(shared, number)} != {"consolidated"}
