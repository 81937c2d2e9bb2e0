"""Consolidation in the store: choices with undo, sealed; replay that counts, writes and can be taken back; the sequence."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from registry import audit, jobs, records
from registry.commands.consolidation import consolidate as command
from registry.consolidation import choices, stories, upkeep
from registry.consolidation.replay import replay
from registry.consolidation.rules import FILE, with_file
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.importer import run_import
from registry.exchange.incoming import IncomingPatient, IncomingTumor
from registry.linkage.consolidate import refresh_patient, refresh_tumor
from registry.models import Abstract, Patient, PatientRecord, Tumor


class Reader:
    format, version, done = "test", "", 0.0

    def __init__(self, number: str, person: dict[int, str], tumors: list[dict[int, str]]):
        self.number, self.person, self.tumors = number, person, tumors

    def __iter__(self):  # type: ignore[no-untyped-def]
        found = [IncomingTumor(n, {60: str(n), **items}) for n, items in enumerate(self.tumors, 1)]
        yield IncomingPatient(1, {20: self.number, **self.person}, found)


GENERAL = Reader(
    "G1",
    {2230: "EXAMPLE", 225: "2", 1760: "1", 1750: "20240115"},
    [
        {540: "0000010001", 400: "C504", 522: "8500", 523: "3", 390: "20190304", 610: "14", 764: "2", 380: "00"},
    ],
)
LAKESIDE = Reader(
    "L1",
    {2230: "EXAMPLE", 225: "2", 1760: "1", 1750: "20240620"},
    [
        {540: "0000010002", 400: "C509", 522: "8500", 523: "3", 390: "20190310", 610: "30", 764: "3", 380: "01"},
        {540: "0000010002", 400: "C341", 522: "8140", 523: "3", 390: "20150101", 610: "14", 764: "1", 380: "02"},
    ],
)


def move(session, record: PatientRecord, patient: Patient, tumors: dict[Abstract, Tumor]) -> None:
    """What linking does: accounts change their groups, and every group touched is refreshed."""
    touched = {record.patient, patient}
    groups = {abstract.tumor for abstract in record.abstracts} | set(tumors.values())
    record.patient = patient
    for abstract in record.abstracts:
        abstract.tumor = tumors.get(abstract, abstract.tumor)
    for tumor in {abstract.tumor for abstract in record.abstracts}:
        tumor.patient = patient
    session.flush()
    session.expire_all()
    for row in touched:
        refresh_patient(session, row, who="test", why="linked")
    for row in groups | {tumor for patient in touched for tumor in patient.tumors}:
        refresh_tumor(session, row, who="test", why="linked")


def snapshot(session) -> dict[tuple[str, int], dict[str, str]]:
    return {
        (row.__tablename__, row.id): dict(row.items)
        for model in (Patient, Tumor)
        for row in session.query(model)
        if row.items
    }


@pytest.fixture(params=[(GENERAL, LAKESIDE), (LAKESIDE, GENERAL)], ids=["general first", "lakeside first"])
def pair(store: Store, request: pytest.FixtureRequest) -> SimpleNamespace:
    """Two hospitals' accounts of one woman, linked; the breast cancer is one tumor."""
    for n, reader in enumerate(request.param):
        run_import(store, reader, name=f"{n}.xml", who="tester")
    with store.writing() as session:
        before = snapshot(session)
        general = session.query(PatientRecord).filter_by(patient_id_number="G1").one()
        lakeside = session.query(PatientRecord).filter_by(patient_id_number="L1").one()
        breast = general.abstracts[0].tumor
        home = (lakeside.patient_id, lakeside.abstracts[0].tumor_id)
        move(session, lakeside, general.patient, {lakeside.abstracts[0]: breast})
        ids = SimpleNamespace(
            patient=general.patient_id,
            tumor=breast.id,
            lung=lakeside.abstracts[1].tumor_id,
            general=general.abstracts[0].id,
            lakeside=lakeside.abstracts[0].id,
            record=lakeside.id,
            home=home,
        )
    return SimpleNamespace(store=store, before=before, **ids.__dict__)


def test_the_result_is_the_same_whoever_came_first_and_unlinking_restores_what_was(pair) -> None:
    with pair.store.reading() as session:
        breast, lung = session.get_one(Tumor, pair.tumor), session.get_one(Tumor, pair.lung)
        person = session.get_one(Patient, pair.patient)
        assert {n: breast.items[n] for n in ("400", "390", "764", "610")} == {
            "400": "C504",
            "390": "20190304",
            "764": "2",
            "610": "14",
        }
        assert breast.primary_site == "C504" and person.items["1750"] == "20240620"
        assert (lung.items["380"], breast.items["380"]) == ("01", "02"), "numbered over both records, by diagnosis"
    with pair.store.writing() as session:
        record = session.get_one(PatientRecord, pair.record)
        shared = next(a for a in record.abstracts if a.id == pair.lakeside)
        move(session, record, session.get_one(Patient, pair.home[0]), {shared: session.get_one(Tumor, pair.home[1])})
    with pair.store.reading() as session:
        assert snapshot(session) == pair.before
    assert audit.verify(pair.store) == []


def test_refreshing_again_changes_nothing(pair) -> None:
    with pair.store.writing() as session:
        before = session.get_one(Tumor, pair.tumor).version_id
        assert refresh_patient(session, session.get_one(Patient, pair.patient), who="me") == {}
        assert refresh_tumor(session, session.get_one(Tumor, pair.tumor), who="me") == {}
        assert session.get_one(Tumor, pair.tumor).version_id == before


def test_a_choice_over_the_rule_follows_its_account_and_can_be_undone(pair) -> None:
    with pair.store.writing() as session:
        tumor = session.get_one(Tumor, pair.tumor)
        made = choices.choose(session, tumor, 764, pair.lakeside, who="rosa", why="nodes seen", expected_version=None)
        assert tumor.items["764"] == "3"
        story = next(s for s in stories.explain(tumor, session) if s.item == 764)
        assert story.choice is not None and story.choice.id == made.id and story.value == "3"
        assert story.sentence.startswith("rosa chose Facility 0000010002 on ") and "nodes seen" in story.sentence
        assert "By rule Facility 0000010001 gives it." in story.sentence
        assert records.history(session, "tumor", tumor.id)[0].action == "choose"
    with pair.store.writing() as session:
        records.save(session, pair.lakeside, {764: "4"}, who="lakeside")
        assert session.get_one(Tumor, pair.tumor).items["764"] == "2", "the account no longer says what was chosen"
        records.save(session, pair.lakeside, {764: "3"}, who="lakeside")
        tumor = session.get_one(Tumor, pair.tumor)
        assert tumor.items["764"] == "3"
        choices.undo(session, tumor, made.id, who="ada", why="wrong chart")
        assert tumor.items["764"] == "2"
        assert records.history(session, "tumor", tumor.id)[0].action == "unchoose"
        with pytest.raises(RegistryError, match="no standing choice"):
            choices.undo(session, tumor, made.id, who="ada", why="again")
    assert audit.verify(pair.store) == []


def test_a_later_choice_of_what_goes_together_takes_the_place_of_an_earlier_one(pair) -> None:
    with pair.store.writing() as session:
        tumor = session.get_one(Tumor, pair.tumor)
        first = choices.choose(session, tumor, 522, pair.lakeside, who="a", why="slides")
        choices.choose(session, tumor, 523, pair.general, who="b", why="second reading")
        assert first.undone_by == "b" and first.undone_at is not None


@pytest.mark.parametrize(
    ("item", "account", "why", "said"),
    [
        (764, "lakeside", " ", "needs its reason"),
        (410, "lakeside", "x", "tells Laterality"),
        (380, "lakeside", "x", "central sequence"),
        (764, 999, "x", "no account 999"),
    ],
)
def test_a_choice_that_cannot_be_is_refused_with_its_reason(pair, item, account, why, said) -> None:
    with pair.store.writing() as session, pytest.raises(RegistryError, match=said):
        tumor = session.get_one(Tumor, pair.tumor)
        choices.choose(session, tumor, item, getattr(pair, str(account), account), who="me", why=why)


def test_a_choice_on_a_row_changed_meanwhile_is_a_conflict(pair) -> None:
    with pair.store.writing() as session, pytest.raises(RegistryError) as caught:
        tumor = session.get_one(Tumor, pair.tumor)
        choices.choose(session, tumor, 764, pair.lakeside, who="me", why="x", expected_version=tumor.version_id - 1)
    assert caught.value.code == "conflict"


OWN = '[[rule]]\nid = "stage"\ntitle = "stage"\nchain = "tumor"\nitems = [764]\nby = ["known", "highest"]\n'


def test_a_replay_counts_first_writes_then_and_the_old_rules_bring_the_old_values_back(pair) -> None:
    path = pair.store.settings.home / FILE
    with pair.store.reading() as session:
        before = snapshot(session)
    assert replay(pair.store, dry_run=True)["tumors"]["changed"] == 0
    path.write_text(OWN)
    expected = {"changed": 1, "items": [{"item": 764, "name": "Summary Stage 2018", "changed": 1}]}
    tried = replay(pair.store, dry_run=True)
    assert {key: tried["tumors"][key] for key in expected} == expected
    with pair.store.reading() as session:
        assert snapshot(session) == before, "a dry run writes nothing"
    done = replay(pair.store, who="ada")
    assert done["tumors"] == tried["tumors"] and done["patients"]["changed"] == 0
    with pair.store.reading() as session:
        assert session.get_one(Tumor, pair.tumor).items["764"] == "3"
        revision = records.history(session, "tumor", pair.tumor)[0]
        assert revision.changes == {"764": ["2", "3"]} and revision.who == "ada"
        assert revision.why == f"replay, rules {done['rules']}"
    assert replay(pair.store)["tumors"]["changed"] == 0
    path.unlink()
    assert replay(pair.store)["tumors"]["changed"] == 1
    with pair.store.reading() as session:
        assert snapshot(session) == before
    assert audit.verify(pair.store) == []


def test_rules_not_in_force_are_only_tried(pair, tmp_path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(OWN)
    assert replay(pair.store, rules=with_file(other), dry_run=True)["tumors"]["changed"] == 1
    with pytest.raises(RegistryError, match="not in force"):
        replay(pair.store, rules=with_file(other))


def test_the_replay_is_a_job_and_a_command(pair, monkeypatch, tmp_path) -> None:
    number = jobs.submit(pair.store, "consolidation", {"dry_run": True}, who="ada")
    jobs.run(pair.store, number)
    state = jobs.state(pair.store, number)
    assert (state.state, state.result["tumors"]["seen"]) == (jobs.DONE, 3)
    monkeypatch.setenv("ONCOREGISTRY_HOME", str(pair.store.settings.home))
    monkeypatch.setenv("ONCOREGISTRY_DATABASE_URL", pair.store.settings.database_url or "")
    answer = CliRunner().invoke(command, ["--dry-run", "--json"])
    assert answer.exit_code == 0 and json.loads(answer.stdout)["patients"]["changed"] == 0
    assert "0 would change" in CliRunner().invoke(command, ["--dry-run"]).stdout
    with pair.store.reading() as session:
        told = upkeep.latest_count(session)  # what the command counted is on the page of rules
        assert (
            told is not None and told.id > number and told.result["patients"] == json.loads(answer.stdout)["patients"]
        )
        assert not upkeep.was_replayed(session)
    rules = tmp_path / "own.toml"
    rules.write_text(OWN)
    refused = CliRunner().invoke(command, ["--rules", str(rules)])
    assert refused.exit_code == 2 and "--dry-run" in refused.stderr


@pytest.mark.parametrize(("before", "asks"), [("0007", True), ("0008", False), (None, False)])
def test_a_registry_from_before_the_open_values_is_replayed_after_its_upgrade(pair, before, asks) -> None:
    number = upkeep.after_upgrade(pair.store, before)
    assert (number is not None) == asks
    if number is not None:
        jobs.run(pair.store, number)
        with pair.store.reading() as session:
            assert upkeep.was_replayed(session)


def test_a_death_known_elsewhere_stands_against_a_later_contact(pair) -> None:
    with pair.store.writing() as session:
        records.save(session, pair.general, {1760: "0", 1750: "20240301", 1910: "C509"}, who="me", why="death")
        person = session.get_one(Patient, pair.patient)
        assert (person.vital_status, person.date_of_last_contact, person.cause_of_death) == ("0", "20240301", "C509")
        records.save(session, pair.lakeside, {1750: "20250101"}, who="lakeside")
        assert (person.vital_status, person.date_of_last_contact) == ("0", "20240301")
