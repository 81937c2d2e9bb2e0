"""Edits follow what changes: with every save, undo and move of a record, after an import, behind a mass change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from registry import audit, jobs, records
from registry.cli import cli
from registry.db import Store
from registry.edits import override, run_batch, upkeep
from registry.edits.evaluation import RULES_FILE, site_fault
from registry.exchange.importer import run_import
from registry.exchange.incoming import IncomingPatient, IncomingTumor
from registry.models import Abstract, EditFinding, EditOverride, PatientRecord, Revision
from registry.models import edits as states

PERSON = {
    160: "01", 161: "88", 162: "88", 163: "88", 164: "88", 190: "0", 225: "2", 240: "19650704", 254: "USA",
    1750: "20230601", 1760: "1", 1910: "0000", 1920: "0", 2230: "Doe", 2240: "Mary",
}  # fmt: skip
TUMOR = {
    60: "01", 80: "FL", 90: "086", 230: "053", 380: "00", 390: "20190315", 400: "C502", 410: "1", 490: "1", 500: "1",
    522: "8500", 523: "3", 540: "9999900013", 550: "201900001", 560: "00", 570: "ABC", 580: "20190310", 610: "10",
    764: "1", 820: "00", 830: "02", 1200: "20190401", 1260: "20190401", 1290: "22", 1340: "0", 1360: "0", 1390: "00",
    1400: "00", 1410: "00", 1420: "0", 3843: "2", 3844: "2",
}  # fmt: skip


class People:
    """A reader of so many women with one breast cancer each; what differs from the clean case is given by row."""

    format, version, done = "test", "260", 0.0

    def __init__(
        self,
        count: int,
        differing: dict[int, dict[int, str]] | None = None,
        persons: dict[int, dict[int, str]] | None = None,
    ):
        self.count, self.differing, self.persons = count, differing or {}, persons or {}

    def __iter__(self) -> Any:
        for row in range(1, self.count + 1):
            # born on days of their own: strangers are not asked about
            born = f"1965{7 + row // 28:02d}{1 + row % 28:02d}"
            person = {20: f"{row:08d}", **PERSON, 2230: f"Doe{row}", 240: born} | self.persons.get(row, {})
            tumor = TUMOR | {550: f"2019{row:05d}"} | self.differing.get(row, {})
            yield IncomingPatient(row, person, [IncomingTumor(row, tumor)])


def bring(store: Store, count: int, differing: dict[int, dict[int, str]] | None = None) -> dict[str, Any]:
    return run_import(store, People(count, differing), name="people", who="tester").edits  # type: ignore[arg-type]


def open_findings(store: Store) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    with store.reading() as session:
        query = select(EditFinding.abstract_id, EditFinding.rule).where(EditFinding.state == states.OPEN)
        for abstract_id, rule in session.execute(query):
            found.setdefault(abstract_id, set()).add(rule)
    return found


def save(store: Store, abstract_id: int, changes: dict[int, str], **more: Any) -> None:
    with store.writing() as session:
        records.save(session, abstract_id, changes, who="registrar", **more)


ALIKE = {240: "19650704", 2230: "Smith", 2240: "Mary"}
"""A person whose birth date, sex and sounding names two patients may share."""


def twins(store: Store, *numbers: int, count: int = 4) -> dict[str, Any]:
    told = {number: ALIKE | {2230: spelling} for number, spelling in zip(numbers, ("Smith", "Smyth", "Schmidt"))}
    return run_import(store, People(count, None, told), name="people", who="tester").edits  # type: ignore[arg-type]


def test_two_patients_who_may_be_one_are_asked_about_at_once_and_as_the_whole_run_does(store: Store) -> None:
    told = twins(store, 2, 3, 4)
    assert open_findings(store) == {3: {"SEQ04"}, 4: {"SEQ04"}} and told["failed"] == 2
    run_batch(store)
    assert open_findings(store) == {3: {"SEQ04"}, 4: {"SEQ04"}}


@pytest.mark.parametrize(
    "change", [{240: "19650705"}, {2240: "Ann"}, {225: "1"}, {240: "196507"}], ids=["birth", "name", "sex", "no day"]
)
def test_a_change_of_the_first_frees_the_second_and_its_undo_asks_again(store: Store, change: dict[int, str]) -> None:
    twins(store, 2, 3)
    save(store, 2, change)
    assert "SEQ04" not in open_findings(store).get(3, set())
    with store.writing() as session:
        records.undo_to(session, 2, 0, who="registrar")
    assert open_findings(store) == {3: {"SEQ04"}}


def test_a_link_ends_the_question_and_a_split_asks_it_again(store: Store) -> None:
    twins(store, 2, 3)
    for patient in (2, 3):
        with store.writing() as session:
            session.get_one(PatientRecord, 3).patient_id = patient
        assert ("SEQ04" in open_findings(store).get(3, set())) == (patient == 3)


def test_a_review_of_two_alike_holds_until_a_name_changes(store: Store) -> None:
    twins(store, 2, 3)
    with store.writing() as session:
        override(session, 3, "SEQ04", who="abc", reason="sisters in law, both seen")
    save(store, 3, {490: "2"})
    assert open_findings(store) == {}
    save(store, 3, {2230: "Smithe"})
    assert open_findings(store) == {3: {"SEQ04"}}


@pytest.mark.parametrize("here", [2, upkeep.HERE], ids=["by its job", "behind it"])
def test_many_alike_are_compared_after_an_import(store: Store, monkeypatch: pytest.MonkeyPatch, here: int) -> None:
    monkeypatch.setattr(upkeep, "HERE", here)
    last = upkeep.AT_ONCE + 2
    told = twins(store, 2, last, count=last)
    if here == 2:
        jobs.run(store, told["job"])
        told = jobs.state(store, told["job"]).result
    assert told["failed"] == 1
    assert open_findings(store) == {last: {"SEQ04"}}


def test_a_save_its_undo_and_a_save_that_fails(store: Store) -> None:
    bring(store, 1)
    assert open_findings(store) == {}
    save(store, 1, {400: "C619"})
    assert open_findings(store) == {1: {"SEX02"}}
    with store.writing() as session:
        records.undo_to(session, 1, 0, who="registrar")
    assert open_findings(store) == {}
    with pytest.raises(ZeroDivisionError), store.writing() as session:
        records.save(session, 1, {400: "C619"}, who="registrar")
        raise ZeroDivisionError
    assert open_findings(store) == {}


@pytest.mark.parametrize("count", [3, upkeep.AT_ONCE + 3], ids=["few", "more than a save takes"])
def test_an_import_is_checked_once_it_is_visible_and_again_what_it_changes(store: Store, count: int) -> None:
    told = bring(store, count, {2: {522: "8170"}})
    assert told == {"records": count, "failed": 2} and open_findings(store) == {2: {"MOR01", "MOR03"}}
    told = bring(store, count, {1: {522: "8170"}})
    assert told["records"] == 2 and set(open_findings(store)) == {1}, "the two that changed"
    assert bring(store, count, {1: {522: "8170"}})["records"] == 0


def test_a_large_import_is_checked_by_a_job(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "HERE", 2)
    told = bring(store, 5, {4: {522: "8170"}})
    assert open_findings(store) == {}
    with store.reading() as session:
        assert upkeep.unfinished(session) == [told["job"]]
    jobs.run(store, told["job"])
    done = jobs.state(store, told["job"])
    assert done.state == "done" and done.result is not None and done.result["records"] == 5
    assert open_findings(store) == {4: {"MOR01", "MOR03"}}
    with store.reading() as session:
        assert upkeep.unfinished(session) == []


def test_a_mass_change_is_checked_behind_its_transaction(store: Store) -> None:
    count = upkeep.AT_ONCE + 1
    bring(store, count)
    with store.writing() as session:
        for number in range(1, count + 1):
            records.save(session, number, {400: "C619"}, who="registrar", why="mass correction")
    assert open_findings(store) == {number: {"SEX02"} for number in range(1, count + 1)}


def test_a_record_that_moves_is_checked_with_both_patients(store: Store) -> None:
    bring(store, 2)
    with store.writing() as session:
        session.get_one(PatientRecord, 2).patient_id = 1
    moved = open_findings(store)
    assert moved, "two tumors with sequence 00 belong to one patient now"
    with store.writing() as session:
        session.get_one(PatientRecord, 2).patient_id = 2
    assert open_findings(store) == {}


def test_a_review_ends_with_the_save_that_changes_its_values_and_that_is_sealed(store: Store) -> None:
    bring(store, 1, {1: {522: "8170"}})
    with store.writing() as session:
        for rule in ("MOR01", "MOR03"):
            override(session, 1, rule, who="abc", reason="seen on the slide")
    assert open_findings(store) == {}
    save(store, 1, {522: "8180"})
    assert open_findings(store) == {1: {"MOR01", "MOR03"}}
    with store.reading() as session:
        assert session.get_one(Abstract, 1).items.get("2030") is None, "the override item went with the review"
        assert all(review.ended_at for review in session.scalars(select(EditOverride)))
        ended = select(Revision.why).where(Revision.chain == "edit_override", Revision.action == "end")
        assert set(session.scalars(ended)) == {"a value changed"}
    assert audit.verify(store) == []


OWN = """
[[rule]]
id = "OUR01"
category = "reporting"
level = "interfield"
severity = "error"
items = ["#610"]
require = "#610 in [10]"
message = "Class {#610} is none of ours."
source = "our manual"
"""


def test_rules_of_the_site_judge_saves_and_a_broken_file_stops_nobody(store: Store) -> None:
    bring(store, 1)
    rules = store.settings.home / RULES_FILE
    rules.write_text(OWN)
    assert site_fault(store.settings) == ""
    save(store, 1, {610: "11"})
    assert open_findings(store) == {1: {"OUR01"}}
    rules.write_text("[[rule]\n")
    save(store, 1, {610: "12", 400: "C619"})
    assert "SEX02" in open_findings(store)[1] and site_fault(store.settings)


def test_an_import_says_what_waits_and_a_command_does_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONCOREGISTRY_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ONCOREGISTRY_DATABASE_URL", raising=False)
    monkeypatch.setattr(upkeep, "HERE", 2)

    def run(*arguments: str) -> str:
        return CliRunner().invoke(cli, arguments, catch_exceptions=False).output

    file = str(tmp_path / "five.xml")
    run("synth", "--patients", "5", "--seed", "3", file)
    run("init")
    told = run("import", file)
    assert "NOT CHECKED YET: 5 patients" in told and "oncoregistry edits run --pending" in told
    assert "job 1: done: " in run("edits", "run", "--pending")
    assert "nothing waits" in run("edits", "run", "--pending")
    run("synth", "--patients", "6", "--seed", "4", file)
    again = run("import", file, "--edits", "now")
    assert "NOT CHECKED" not in again and "abstracts checked" in again
    assert json.loads(run("edits", "run", "--pending", "--json")) == {"jobs": []}
