"""Edits in the store: kept findings, reviews that hold for their values, reports, external reports, the command."""

from __future__ import annotations

import csv
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from openpyxl import load_workbook
from sqlalchemy import select

from abstracting.edits.batch import check_frame
from abstracting.edits.engine import make_set
from abstracting.edits.rules import built_in, parse_rules
from registry import audit, jobs, records
from registry import edits as store_edits
from registry.cli import cli
from registry.db import Store
from registry.edits import reports
from registry.edits.evaluation import RULES_FILE, accounts_of
from registry.edits.external import finish
from registry.errors import RegistryError
from registry.exchange.export import run_export
from registry.exchange.importer import run_import
from registry.exchange.incoming import IncomingPatient, IncomingTumor
from registry.models import Abstract, EditFinding, EditOverride, PatientRecord, WorklistEntry
from registry.models import edits as states
from registry.security.permissions import PROGRAM, Actor
from registry.synthetic import make
from registry.synthetic.defects import DEFECTS, inject

PERSON = {
    160: "01", 161: "88", 162: "88", 163: "88", 164: "88", 190: "0", 225: "2", 240: "19650704", 254: "USA",
    1750: "20230601", 1760: "1", 1910: "0000", 1920: "0", 2230: "Doe", 2240: "Mary",
}  # fmt: skip
TUMOR = {
    80: "FL", 90: "086", 230: "053", 380: "00", 390: "20190315", 400: "C502", 410: "1", 490: "1", 500: "1", 522: "8500",
    523: "3", 540: "9999900013", 550: "201900001", 560: "00", 570: "ABC", 580: "20190310", 610: "10", 764: "1", 820: "00",
    830: "02", 1200: "20190401", 1260: "20190401", 1290: "22", 1340: "0", 1360: "0", 1390: "00", 1400: "00", 1410: "00",
    1420: "0", 3843: "2", 3844: "2",
}  # fmt: skip


class Cases:
    """A reader of three patients: one clean, one with a histology of another organ, one with two tumors."""

    format, version, done = "test", "260", 0.0

    def __iter__(self):  # type: ignore[no-untyped-def]
        second = {60: "02", 380: "02", 400: "C504", 390: "20200101", 550: "201900003", 560: "02", 580: "20200101",
                  1200: "20200201", 1260: "20200201", 230: "054"}  # fmt: skip
        yield IncomingPatient(1, {20: "00000001", **PERSON}, [IncomingTumor(1, {60: "01", **TUMOR})])
        yield IncomingPatient(
            2,
            {20: "00000002", **PERSON, 2230: "Roe", 2240: "Anna"},
            [IncomingTumor(2, {60: "01", **TUMOR, 522: "8170", 550: "201900002", 570: "XYZ"})],
        )
        yield IncomingPatient(
            3,
            {20: "00000003", **PERSON, 2230: "Poe", 2240: "Ruth"},
            [
                IncomingTumor(3, {60: "01", **TUMOR, 380: "01", 550: "201900003", 560: "01"}),
                IncomingTumor(4, {60: "02", **TUMOR, **second}),
            ],
        )


@pytest.fixture
def cases(store: Store) -> Store:
    run_import(store, Cases(), name="cases", who="tester")
    return store


def states_of(store: Store, abstract_id: int) -> dict[str, str]:
    with store.reading() as session:
        query = select(EditFinding.rule, EditFinding.state).where(EditFinding.abstract_id == abstract_id)
        return dict(session.execute(query).tuples().all())


def evaluate(store: Store, abstract_id: int, **changes: str) -> list[str]:
    """Saves items of an abstract, evaluates it, and gives the rules that stand open."""
    with store.writing() as session:
        if changes:
            records.save(session, abstract_id, {int(k[1:]): v for k, v in changes.items()}, who="abc")
        return [f.rule for f in store_edits.run_on_abstract(session, session.get_one(Abstract, abstract_id))]


def test_a_clean_abstract_has_no_findings(cases: Store) -> None:
    assert evaluate(cases, 1) == []
    assert states_of(cases, 1) == {}


def test_findings_are_opened_cleared_and_opened_again(cases: Store) -> None:
    assert evaluate(cases, 1, i400="C619") == ["SEX02"]
    with cases.reading() as session:
        found = session.scalars(select(EditFinding).where(EditFinding.abstract_id == 1)).one()
        assert found.items == {"225": "2", "400": "C619"} and "C619" in found.message and found.severity == "error"
        first_seen = found.first_seen
    assert evaluate(cases, 1, i400="C502") == []
    assert states_of(cases, 1) == {"SEX02": states.CLEARED}
    assert evaluate(cases, 1, i400="C619") == ["SEX02"]
    with cases.reading() as session:
        assert session.scalars(select(EditFinding).where(EditFinding.abstract_id == 1)).one().first_seen == first_seen


def test_the_batch_and_single_evaluations_agree(cases: Store) -> None:
    whole = store_edits.run_batch(cases)
    kept = {number: states_of(cases, number) for number in (1, 2, 3, 4)}
    assert kept[1] == {} and {"MOR01"} <= set(kept[2]) and {"LAT04", "SEQ03"} <= set(kept[4]) and kept[3] == {}
    assert whole.records == 4 and whole.failed == sum(len(rules) for rules in kept.values())
    for number in kept:
        evaluate(cases, number)
        assert states_of(cases, number) == kept[number]
    again = store_edits.run_batch(cases)
    assert again.as_dict() == whole.as_dict()


def test_what_is_live_is_what_is_kept(cases: Store) -> None:
    store_edits.run_batch(cases)
    with cases.reading() as session:
        for number in (1, 2, 3, 4):
            live = store_edits.check_abstract(session, session.get_one(Abstract, number))
            assert {r.rule for r in live} == set(states_of(cases, number))
        changed = store_edits.check_abstract(session, session.get_one(Abstract, 4), changed=[610])
        assert changed == []


def test_an_override_holds_for_its_values_and_leaves_with_the_export(cases: Store, tmp_path: Path) -> None:
    assert evaluate(cases, 2) == ["MOR01", "MOR03"]
    with cases.writing() as session:
        given = store_edits.override(
            session, 2, "MOR01", who="abc", reason="metastatic look, slides reviewed by Dr. N."
        )
        store_edits.override(session, 2, "MOR03", who="abc", reason="as MOR01")
        assert given.reviewer == "abc" and given.items == {"400": "C502", "522": "8170"}
    with cases.reading() as session:
        assert session.get_one(Abstract, 2).items["2030"] == "1"
    assert evaluate(cases, 2) == [] and states_of(cases, 2) == {"MOR01": "overridden", "MOR03": "overridden"}
    assert store_edits.run_batch(cases).by_edit["MOR01"]["overridden"] == 1
    run_export(cases, tmp_path / "out.csv", record_type="A", who="tester", purpose="test")
    rows = list(csv.DictReader((tmp_path / "out.csv").open(newline="")))
    column = next(name for name in rows[0] if "overRideSiteType" in name or name == "2030")
    assert sorted(row[column] for row in rows) == ["", "", "", "1"]

    # a value that the edits read changes: both stand open again, and the code is taken back
    assert evaluate(cases, 2, i400="C509") == ["MOR01", "MOR03"]
    with cases.reading() as session:
        assert "2030" not in session.get_one(Abstract, 2).items
        ended = session.scalars(select(EditOverride)).all()
        assert len(ended) == 2 and all(one.ended_at and one.ended_why == "a value changed" for one in ended)
    assert audit.verify(cases) == []


def test_other_values_leave_an_override_alone(cases: Store) -> None:
    evaluate(cases, 2)
    with cases.writing() as session:
        store_edits.override(session, 2, "MOR01", who="abc", reason="seen")
    assert evaluate(cases, 2, i610="22", i1750="20240101") == ["MOR03"]
    assert states_of(cases, 2)["MOR01"] == states.OVERRIDDEN


def test_an_override_can_be_withdrawn(cases: Store) -> None:
    evaluate(cases, 2)
    with cases.writing() as session:
        for rule in ("MOR01", "MOR03"):
            store_edits.override(session, 2, rule, who="abc", reason="seen")
    with cases.writing() as session:
        store_edits.withdraw(session, 2, "MOR01", who="boss", reason="not convincing")
        assert session.get_one(Abstract, 2).items["2030"] == "1", "MOR03 still stands on the item"
        store_edits.withdraw(session, 2, "MOR03", who="boss")
        assert "2030" not in session.get_one(Abstract, 2).items
    assert states_of(cases, 2) == {"MOR01": "open", "MOR03": "open"}
    assert audit.verify(cases) == []


@pytest.mark.parametrize(
    "abstract_id, rule, reason, said",
    [
        (2, "MOR01", "  ", "needs a reason"),
        (1, "MOR01", "why", "does not fail"),
        (99, "MOR01", "why", "no abstract 99"),
    ],
)
def test_overrides_that_are_refused(cases: Store, abstract_id: int, rule: str, reason: str, said: str) -> None:
    with cases.writing() as session, pytest.raises(RegistryError, match=said):
        store_edits.override(session, abstract_id, rule, who="abc", reason=reason)


def test_a_record_that_came_with_its_override_item_is_reviewed_already(cases: Store) -> None:
    assert evaluate(cases, 2, i2030="1") == []
    with cases.reading() as session:
        review = session.scalars(select(EditOverride).where(EditOverride.rule == "MOR01")).one()
        assert review.reviewer == "item 2030"
    assert evaluate(cases, 2, i400="C509") == ["MOR01", "MOR03"]


def test_edits_between_tumors_follow_both(cases: Store) -> None:
    assert "LAT04" in evaluate(cases, 4)
    # the other tumor turns out to be of the other side
    evaluate(cases, 3, i410="2")
    assert states_of(cases, 4)["LAT04"] == states.CLEARED


def test_tumor_numbers_are_each_sources_own(cases: Store) -> None:
    """Two sources of one person number their tumors from 01; inside a source's record the store itself keeps them apart."""
    with cases.writing() as session:
        session.get_one(PatientRecord, session.get_one(Abstract, 1).record_id).patient_id = session.get_one(
            PatientRecord, session.get_one(Abstract, 2).record_id
        ).patient_id
    with cases.reading() as session:
        accounts = accounts_of(session, session.get_one(Abstract, 1).record.patient_id)
        assert [one.tumor_record_number for one in accounts] == ["01", "01"]
    assert "ITM22/unique" not in {*evaluate(cases, 1), *evaluate(cases, 2)}


def test_counts_and_reports(cases: Store) -> None:
    store_edits.run_batch(cases)
    with cases.reading() as session:
        counts = reports.counts(session, PROGRAM)
        assert (counts.errors, counts.abstracts) == (0, 0) and counts.warnings == 4
        lines = {line.key: line.open for line in reports.report(session, PROGRAM, by="edit")}
        assert lines == {"MOR01": 1, "MOR03": 1, "LAT04": 1, "SEQ03": 1}
        assert [(line.key, line.open) for line in reports.report(session, PROGRAM, by="registrar")] == [
            ("ABC", 2),
            ("XYZ", 2),
        ]
        assert [line.key for line in reports.report(session, PROGRAM, by="facility")] == ["9999900013"]
        found, more = reports.cases(session, PROGRAM, rule="MOR01")
        assert not more and (found[0].abstract_id, found[0].accession, found[0].registrar) == (2, "201900002", "XYZ")
        assert {line.rule for line in reports.findings_of(session, PROGRAM, 4)} == {"LAT04", "SEQ03"}
        elsewhere = Actor(username="x", roles=("registrar",), facility_id=999)
        assert reports.counts(session, elsewhere) == reports.EditCounts()
        assert reports.cases(session, elsewhere) == ([], False)
        with pytest.raises(RegistryError, match="by edit, facility, registrar"):
            reports.report(session, PROGRAM, by="weather")


def test_the_job(cases: Store) -> None:
    number = jobs.submit(cases, "edits", {"name": "iarc"}, who="me")
    jobs.run(cases, number)
    state = jobs.state(cases, number)
    assert state.state == jobs.DONE and {row["edit"] for row in state.result["edits"]} == {"MOR01", "SEQ03"}


def test_rules_of_the_site_lie_in_the_data_folder(cases: Store) -> None:
    path = cases.settings.home / RULES_FILE
    rule = """
        [[rule]]
        id = "OUR01"
        category = "reporting"
        level = "interfield"
        severity = "error"
        items = ["#610"]
        require = "#610 in [10-14]"
        message = "Class {#610} is none of ours."
        source = "our manual"
    """
    path.write_text(rule)
    assert evaluate(cases, 1, i610="22") == ["OUR01"]
    path.write_text(rule.replace("10-14", "10-22"))
    assert evaluate(cases, 1) == []


# --- external reports -------------------------------------------------------------------------------------------------

REPORT = """Accession Number,Seq Number,Edit Name,Edit Tag,Error Text,Severity,Facility ID
201900001,,"Primary Site, Morph",N0123,Site and morphology conflict,Error,
201900003,2,"Laterality",N0456,"Conflict among sites, verify",Warning,9999900013
201900003,,"Laterality",N0456,which of the two,Warning,
209900001,00,"Laterality",N0456,nobody,Warning,
"""


def test_an_external_report_becomes_work_on_its_cases(cases: Store, tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text(REPORT.replace("Seq Number", "Sequence Number"))
    report = store_edits.import_report(cases, path, who="abc")
    assert (report.rows, report.added, report.known) == (4, 2, 0)
    assert [(row["row"], row["message"][:14]) for row in report.unmatched] == [
        (4, "2 cases have 5"),
        (5, "no case has 54" if 0 else "no case has 55"),
    ]
    with cases.reading() as session:
        waiting = reports.entries(session, PROGRAM)
        assert {(entry.abstract_id, entry.edit) for entry in waiting} == {(1, "Primary Site, Morph"), (4, "Laterality")}
        assert reports.counts(session, PROGRAM).external == 2
    again = store_edits.import_report(cases, path, who="abc")
    assert (again.added, again.known) == (0, 2)
    with cases.writing() as session:
        finish(session, waiting[0].id, who="abc", note="site corrected")
    with cases.reading() as session:
        assert len(reports.entries(session, PROGRAM)) == 1
        done = session.scalars(select(WorklistEntry).where(WorklistEntry.state == states.DONE)).one()
        assert (done.done_by, done.note) == ("abc", "site corrected")


@pytest.mark.parametrize(
    "header, said",
    [("Patient ID Number,Message", "edit"), ("Edit,Message", "a case"), ("Accession Number,Edit", "message")],
)
def test_a_report_without_the_needed_columns_is_refused(cases: Store, tmp_path: Path, header: str, said: str) -> None:
    path = tmp_path / "report.csv"
    path.write_text(f"{header}\n1,2\n")
    with pytest.raises(RegistryError, match=f"no column for .*{said}") as caught:
        store_edits.import_report(cases, path, who="abc")
    assert caught.value.code == "edit-report"


# --- truth: planted defects -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clean() -> pd.DataFrame:
    return make(patients=20_000, seed=23, text=False).flat()


@pytest.fixture(scope="module")
def florida():  # type: ignore[no-untyped-def]
    site = parse_rules('[lists]\ncatchment = ["FL"]', "site", built_in().lists)
    return make_set("all", site=site, today=dt.date(2026, 6, 1))


def test_clean_data_has_no_finding_of_a_record(clean: pd.DataFrame, florida) -> None:  # type: ignore[no-untyped-def]
    result = check_frame(clean, edits=florida)
    # two strangers may share birth date, sex and the sound of their names: that edit asks, it does not accuse
    assert set(result.findings["rule"]) <= {"SEQ04"}


def test_every_planted_defect_is_found_by_its_edit(clean: pd.DataFrame, florida) -> None:  # type: ignore[no-untyped-def]
    bad, labels = inject(clean, rate=0.02, seed=5, at_most=40)
    result = check_frame(bad, edits=florida)
    found = set(zip(result.findings["row"], result.findings["edit"]))
    missed = [(row, edit) for row, edit in zip(labels.row, labels.edit) if (row, edit) not in found]
    assert missed == []
    assert set(labels.edit) == set(DEFECTS)
    elsewhere = set(result.findings["row"]) - set(labels.row)
    strangers = set(result.findings["row"][result.findings["rule"] == "SEQ04"])
    assert elsewhere <= strangers


@pytest.mark.shared
def test_defects_planted_in_a_canreg_export_come_out(store: Store, reference: Path) -> None:
    from registry.exchange.formats import open_reader

    folder = reference / "canreg" / "synth"
    planted = json.loads((folder / "planted.json").read_text())
    run_import(
        store, open_reader([folder / f"{name}.csv" for name in ("patient", "tumour", "source")]), name="c", who="t"
    )
    report = store_edits.run_batch(store, keep=None)
    with store.reading() as session:
        own = dict(session.execute(select(Abstract.id, Abstract.items)).tuples().all())
        patients = {a.id: a.record.patient_id_number for a in session.scalars(select(Abstract))}
        found: dict[str, set[str]] = {}
        for finding in session.scalars(select(EditFinding)):
            found.setdefault(finding.edit, set()).update(
                {own[finding.abstract_id]["90015"], patients[finding.abstract_id]}
            )
    for name, edits in (
        ("sex_topography_invalid", ("SEX01", "SEX02")),
        ("age_disagrees_with_dates", ("DAT04",)),
        ("last_contact_before_incidence", ("DAT02",)),
        ("morphology_not_in_icdo3", ("ITM02",)),
        ("basis_clinical_but_specific_morphology", ("BAS01",)),
    ):
        caught = set().union(*(found.get(edit, set()) for edit in edits))
        assert set(planted[name]) <= caught, name
    errors = sum(
        counts["failed"]
        for rule, counts in report.by_edit.items()
        if rule[:5] in ("SEX01", "SEX02", "DAT04", "DAT02", "ITM02")
    )
    assert errors == 5 + 5 + 5 + 3, "no error where none was planted"
    assert report.failed / report.records < 0.03, "warnings on fewer than 3 % of the records"


# --- the command ------------------------------------------------------------------------------------------------------


def run(*arguments: Any, text: str | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["edits", *map(str, arguments)], input=text, catch_exceptions=False)
    return result.exit_code, result.output


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "cases.csv"
    rows = []
    for event in Cases():
        rows += [{**event.items, **tumor.items} for tumor in event.tumors]
    frame = pd.DataFrame(rows).fillna("")
    frame.columns = [str(name) for name in frame.columns]
    frame.loc[0, "2230"] = '=HYPERLINK("x")'
    frame.loc[0, "400"] = "=C50"
    frame.to_csv(path, index=False)
    return path


def test_a_report_on_a_file(table: Path, tmp_path: Path) -> None:
    code, output = run("run", table, "--json", "--as-of", "2026-06-01")
    document = json.loads(output)
    assert code == 1 and document["records"] == 4 and not document["passes"]
    assert {row["rule"]: row["failed"] for row in document["edits"] if row["failed"]} == {
        "ITM01": 1, "MOR01": 1, "MOR03": 1, "LAT04": 1, "SEQ03": 1,
    }  # fmt: skip
    assert document["registrars"][0] == {
        "registrar": "ABC", "records": 3, "failing": 2, "passing_percent": 33.3, "error": 1, "warning": 2, "info": 0,
        "overridden": 0,
    }  # fmt: skip
    assert [f["rule"] for f in document["findings"] if f["patient"] == "00000001"] == ["ITM01"]
    code, output = run("run", table, "--set", "item", "--as-of", "2026-06-01")
    assert code == 1 and "[ITM01] Primary site =C50" in output and "passing %" in output
    for suffix in ("csv", "xlsx", "json"):
        run("run", table, "--output", tmp_path / f"out.{suffix}", "--as-of", "2026-06-01")
    rows = list(csv.DictReader((tmp_path / "out.csv").open(newline="")))
    assert len(rows) == 5 and rows[0]["items"] == "400==C50"
    book = load_workbook(tmp_path / "out.xlsx")
    assert book.sheetnames == ["Edits", "Facilities", "Registrars", "Indicators", "Findings"]
    assert json.loads((tmp_path / "out.json").read_text())["failed"] == 5


def test_a_file_without_findings_passes(table: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(table, dtype=str, keep_default_na=False).iloc[:1].assign(**{"400": "C502", "2230": "Doe"})
    frame.to_csv(tmp_path / "fine.csv", index=False)
    code, output = run("run", tmp_path / "fine.csv", "--as-of", "2026-06-01")
    assert code == 0 and "passes OncoRegistry checks" in output and "NAACCR" not in output


def test_usage_is_refused_in_words(table: Path, tmp_path: Path) -> None:
    assert run("run", table, "--output", tmp_path / "out.pdf")[0] == 2
    assert run("run", table, "--facility", "1")[0] == 2
    assert run("check", tmp_path / "absent.jsonl")[0] == 2


def test_lines_lists_and_explanations() -> None:
    line = json.dumps({"id": "a", "items": {"primarySite": "C619", "sex": "2"}})
    code, output = run("check", "--set", "iarc", text=line + "\nnot json\n")
    first, second = map(json.loads, output.splitlines())
    assert code == 1 and first["id"] == "a" and "SEX02" in {f["edit"] for f in first["findings"]}
    assert second["error"]["code"] == "json-line"
    assert "SEX02" in run("list", "--set", "iarc")[1] and "canreg" in run("list", "--sets")[1]
    assert len(json.loads(run("list", "--json")[1])) > 600
    assert "item 2030" in run("explain", "mor01")[1] and "Predicates:" in run("explain", "language")[1]
    assert json.loads(run("explain", "MOR10", "--json")[1])[0]["kind"] == "indicator"


def test_the_command_on_the_store(cases: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ONCOREGISTRY_HOME", str(cases.settings.home))
    if cases.settings.database_url:
        monkeypatch.setenv("ONCOREGISTRY_DATABASE_URL", cases.settings.database_url)
    code, output = run("run", "--json")
    assert code == 1 and json.loads(output)["records"] == 4
    path = tmp_path / "report.csv"
    path.write_text(REPORT)
    code, output = run("import-report", path, "--json")
    assert code == 1 and json.loads(output)["added"] == 1
