"""The importer's promises: rows in = created + updated + unchanged + rejected, always; twice is once; all or nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from registry import config, records, schema
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange import batches
from registry.exchange.formats import open_reader
from registry.exchange.importer import Report, run_import
from registry.exchange.incoming import Event, IncomingPatient, IncomingTumor
from registry.models import Abstract, Facility, ImportBatch, ImportReject, Patient, PatientRecord, Source, Tumor


class Given:
    """A reader over events given in a test."""

    format, version = "test", ""

    def __init__(self, events: list[Event], before: Callable[[int], Any] = lambda n: None):
        self.events, self.before, self.done = events, before, 0.0

    def __iter__(self) -> Iterator[Event]:
        for number, event in enumerate(self.events):
            self.before(number)
            yield event


def patient(number: str, *tumors: dict[int, str], registry: str = "", **items: str) -> IncomingPatient:
    rows = [IncomingTumor(i, t) for i, t in enumerate(tumors, 1)]
    values = {20: number} if number else {}
    return IncomingPatient(1, values | {int(k[1:]): v for k, v in items.items()}, rows, registry)


def tumor(number: str = "1", **items: str) -> dict[int, str]:
    return ({60: number} if number else {}) | {int(k[1:]): v for k, v in items.items()}


def bring(store: Store, *events: Event, **options: Any) -> Report:
    return run_import(store, Given(list(events)), name="test", who="tester", **options)


def counts(report: Report) -> tuple[int, int, int, int]:
    t = report.tumors
    assert t.rows_in == t.created + t.updated + t.unchanged + t.rejected
    return t.created, t.updated, t.unchanged, t.rejected


CASES: list[tuple[str, list[list[Event]], tuple[int, int, int, int], int]] = [
    # what the files hold, one list a file; fate of the last file's tumors; patients afterwards
    ("a new tumor", [[patient("P1", tumor())]], (1, 0, 0, 0), 1),
    ("the same again", [[patient("P1", tumor())], [patient("P1", tumor())]], (0, 0, 1, 0), 1),
    ("another value", [[patient("P1", tumor())], [patient("P1", tumor(i400="C509"))]], (0, 1, 0, 0), 1),
    ("a second tumor", [[patient("P1", tumor())], [patient("P1", tumor(), tumor("2"))]], (1, 0, 1, 0), 1),
    ("no patientIdNumber", [[patient("", tumor())]], (0, 0, 0, 1), 0),
    ("no tumorRecordNumber", [[patient("P1", tumor(""))]], (0, 0, 0, 1), 1),
    ("twice in one file, equal", [[patient("P1", tumor()), patient("P1", tumor())]], (1, 0, 1, 0), 1),
    ("twice in one file, different", [[patient("P1", tumor()), patient("P1", tumor(i400="C509"))]], (1, 0, 0, 1), 1),
    ("a control character", [[patient("P1", tumor(i400="C5\x01"))]], (0, 0, 0, 1), 1),
    ("a person without tumors", [[patient("P1")]], (0, 0, 0, 0), 1),
    ("sequence 00 becomes 01", [[patient("P1", tumor(i560="00"))], [patient("P1", tumor(i560="01"))]], (0, 1, 0, 0), 1),
    (
        "the same number in two registries",
        [[patient("P1", tumor(), registry="R1")], [patient("P1", tumor(), registry="R2")]],
        (1, 0, 0, 0),
        2,
    ),
    (
        "the same number at two facilities of two files",
        [[patient("P1", tumor(i540="11"))], [patient("P1", tumor(i540="22"))]],
        (1, 0, 0, 0),
        2,
    ),
    (
        "one person whose tumors two facilities report",
        [[patient("P1", tumor(i540="11"), tumor("2", i540="22"))]],
        (2, 0, 0, 0),
        1,
    ),
]


@pytest.mark.parametrize(("files", "fate", "patients"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_every_row_has_one_fate(
    store: Store, files: list[list[Event]], fate: tuple[int, int, int, int], patients: int
) -> None:
    reports = [bring(store, *events) for events in files]
    assert counts(reports[-1]) == fate
    with store.reading() as session:
        assert session.scalar(select(func.count(Patient.id))) == patients


def test_a_dry_run_gives_the_same_counts_and_writes_nothing(store: Store) -> None:
    bring(store, patient("P1", tumor()))
    events: list[Event] = [
        patient("P1", tumor(i400="C509")),
        patient("P2", tumor()),
        patient("P2", tumor()),
        patient(""),
    ]
    dry = bring(store, *events, dry_run=True)
    with store.reading() as session:
        assert session.scalar(select(func.count(Patient.id))) == 1
        assert session.scalar(select(func.count(ImportBatch.id))) == 1
    wet = bring(store, *events)
    assert counts(dry) == counts(wet) == (1, 1, 1, 0)
    assert dry.tables == wet.tables


def test_a_file_that_names_no_source_gets_the_one_given_or_unspecified(store: Store) -> None:
    assert bring(store, patient("P1", tumor())).source == "unspecified"
    assert bring(store, patient("P1", tumor()), source="County clinic").source == "County clinic"
    assert bring(store, patient("P1", tumor(i540="0000000011")), source="County clinic").source == "0000000011"
    with store.reading() as session:
        assert session.scalar(select(func.count(Source.id))) == 3
        assert session.scalars(select(Facility.number)).all() == ["0000000011"]


def test_rejected_rows_keep_their_content(store: Store) -> None:
    bring(store, patient("P1", tumor("", i400="C509", i2680="a text")))
    with store.reading() as session:
        reject = session.scalars(select(ImportReject)).one()
    assert reject.code == "no-tumor-number"
    assert reject.content == {"400": "C509", "2680": "a text"}


def test_what_a_person_edited_here_survives_a_new_version_of_the_file_and_is_reported(store: Store) -> None:
    bring(store, patient("P1", tumor(i400="C509", i522="8500")))
    with store.writing() as session:
        records.save(session, 1, {400: "C504"}, who="registrar")
    again = bring(store, patient("P1", tumor(i400="C509", i522="8500")))
    assert counts(again) == (0, 0, 1, 0), "the source has not changed its account"
    report = bring(store, patient("P1", tumor(i400="C509", i522="8520")))
    assert counts(report) == (0, 1, 0, 0)
    assert report.notice_counts["edited-here"] == 1
    with store.reading() as session:
        abstract, case = session.get_one(Abstract, 1), session.get_one(Tumor, 1)
        assert (abstract.items["400"], abstract.items["522"]) == ("C504", "8520")
        assert (case.primary_site, case.histology) == ("C504", "8520")


def test_a_value_that_no_column_can_hold_stays_in_the_items(store: Store) -> None:
    bring(store, patient("P1", tumor(i400="C50.9 breast"), i1760="alive"))
    with store.reading() as session:
        case = session.scalars(select(Tumor)).one()
        assert case.items["400"] == "C50.9 breast"
        assert case.primary_site is None
        assert session.scalars(select(Patient)).one().vital_status is None


def test_nothing_is_visible_before_the_flip(store: Store) -> None:
    seen = []

    def look(number: int) -> None:
        with store.reading() as session:
            seen.append(session.scalar(select(func.count(Tumor.id))))

    small = store.settings.__class__(**{**store.settings.__dict__, "import_rows_a_transaction": 1})
    store.settings = small
    events: list[Event] = [patient(f"P{n}", tumor()) for n in range(5)]
    run_import(store, Given(events, before=look), name="test", who="tester")
    look(0)
    assert seen == [0, 0, 0, 0, 0, 5]


def test_an_error_in_the_middle_leaves_nothing(store: Store) -> None:
    def fail(number: int) -> None:
        if number == 3:
            raise RegistryError("file-format", "truncated")

    store.settings = store.settings.__class__(**{**store.settings.__dict__, "import_rows_a_transaction": 1})
    events: list[Event] = [patient(f"P{n}", tumor(i2680="text")) for n in range(5)]
    with pytest.raises(RegistryError, match="truncated"):
        run_import(store, Given(events, before=fail), name="test", who="tester")
    with store.reading() as session:
        for model in (Patient, PatientRecord, Tumor, Abstract):
            query = select(func.count(model.id)).execution_options(see_loading=True)
            assert session.scalar(query) == 0
        assert session.scalars(select(ImportBatch)).one().status == "removed"
    assert counts(bring(store, *events)) == (5, 0, 0, 0)


def test_two_imports_at_once_are_told_apart(store: Store) -> None:
    def second(number: int) -> None:
        if number == 0:
            with pytest.raises(RegistryError, match="still running"):
                bring(store, patient("P9", tumor()))

    run_import(store, Given([patient("P1", tumor())], before=second), name="test", who="tester")


KILLED = """
    import sys, time
    from registry import config
    from registry.db import open_store
    from registry.exchange.importer import run_import
    from tests_importer_events import events
    run_import(open_store(config.load()), events(), name="killed", who="tester")
"""


def test_a_killed_import_leaves_nothing_and_the_next_start_says_so(tmp_path: Path) -> None:
    home = tmp_path / "home"
    store = Store(config.load(home, import_rows_a_transaction=10))
    schema.upgrade(store.engine)
    (tmp_path / "tests_importer_events.py").write_text(
        textwrap.dedent("""
        import time
        from registry.exchange.incoming import IncomingPatient, IncomingTumor
        class events:
            format, version, done = "test", "", 0.0
            def __iter__(self):
                for n in range(100):
                    if n == 60:
                        print("written", flush=True)
                        time.sleep(60)
                    yield IncomingPatient(n, {20: f"P{n}"}, [IncomingTumor(n, {60: "1"})])
        """)
    )
    environment = {
        **os.environ,
        "ONCOREGISTRY_HOME": str(home),
        "ONCOREGISTRY_IMPORT_ROWS_A_TRANSACTION": "10",
        "PYTHONPATH": str(tmp_path),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED)], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    with store.reading() as session:
        assert session.scalar(select(func.count(Tumor.id)).execution_options(see_loading=True)) == 60
        assert session.scalar(select(func.count(Tumor.id))) == 0
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    said: list[str] = []
    assert batches.recover(store, said.append) == 1
    assert "killed" in said[0] and "removed" in said[0]
    with store.reading() as session:
        assert session.scalar(select(func.count(Tumor.id)).execution_options(see_loading=True)) == 0
    assert batches.recover(store, said.append) == 0


def test_a_registrar_saves_while_a_large_import_runs(store: Store) -> None:
    """A save of another session goes through after every transaction of the import, and each is kept."""
    bring(store, patient("P0", tumor(i400="C509")))
    saved: list[str] = []

    def autosave() -> None:
        site = f"C50{len(saved) % 9}"
        with store.writing() as session:
            records.save(session, 1, {400: site}, who="registrar")
        saved.append(site)

    def halfway(number: int) -> None:
        # the reader is asked for the next patient between two transactions; a save from another thread must not wait there
        if number % 100 == 50:
            thread = threading.Thread(target=autosave)
            thread.start()
            thread.join(timeout=20)
            assert not thread.is_alive(), "the import holds the lock while it reads"

    events: list[Event] = [patient(f"P{n}", tumor(i400="C619")) for n in range(1, 3001)]
    report = run_import(store, Given(events, before=halfway), name="test", who="tester")
    assert counts(report) == (3000, 0, 0, 0)
    assert len(saved) == 30
    with store.reading() as session:
        assert session.get_one(Abstract, 1).items["400"] == saved[-1]
        assert session.get_one(Tumor, 1).primary_site == saved[-1]


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(st.sampled_from(["", "A", "B"]), st.sampled_from(["", "1", "2"]), st.sampled_from(["C509", "C619"])),
        max_size=12,
    )
)
def test_rows_in_is_always_the_sum(store: Store, rows: list[tuple[str, str, str]]) -> None:
    events: list[Event] = [patient(p, tumor(t, i400=site)) for p, t, site in rows]
    first = bring(store, *events)
    assert sum(counts(first)) == len(rows)
    second = bring(store, *events)
    assert sum(counts(second)) == len(rows)
    assert second.tumors.created == second.tumors.updated == 0 or first.tumors.updated or first.tumors.rejected


@pytest.mark.shared
def test_canreg_tables_reconcile_and_planted_defects_come_out(store: Store, reference: Path) -> None:
    import json

    folder = reference / "canreg" / "synth"
    planted = json.loads((folder / "planted.json").read_text())
    report = run_import(store, open_reader([folder]), name="canreg", who="tester")
    assert counts(report) == (3007, 0, 0, 3)
    assert report.tables["patient"].as_dict() == {
        "rows_in": 3006, "created": 3003, "updated": 0, "unchanged": 0, "rejected": 3,
    }  # fmt: skip
    assert report.tables["source"].rows_in == 4806
    said = " ".join(reason["message"] for reason in report.reasons)
    assert planted["orphan_source"][0] in said
    noticed = {
        code: " ".join(n["message"] for n in report.notices if n["code"] == code) for code in report.notice_counts
    }
    for key in planted["incidence_month_day_unknown"] + planted["birth_month_day_unknown"]:
        assert key in noticed["date-unknown-part"]
    for key in planted["pending_exclude_from_analysis"]:
        assert key in noticed["pending"]
    for key in planted["morphology_not_in_icdo3"]:
        assert key in noticed["unknown-code"]
    with store.reading() as session:
        contents = [reject.content for reject in session.scalars(select(ImportReject)) if reject.code == "obsolete"]
    assert {c["REGNO"] for c in contents if "REGNO" in c} == set(planted["obsolete_exclude_from_analysis"])
    again = run_import(store, open_reader([folder]), name="canreg", who="tester")
    assert counts(again) == (0, 0, 3007, 3)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["v250-abstract-1000", "v180-abstract-100", "v220-incidence-100", "v240-abstract-100"])
def test_naaccr_samples_reconcile_and_a_second_import_changes_nothing(store: Store, reference: Path, name: str) -> None:
    path = reference / "naaccr" / "samples" / f"naaccr-xml-sample-{name}.xml.gz"
    first = run_import(store, open_reader([path]), name=name, who="tester")
    assert first.tumors.created == first.tumors.rows_in == int(name.rsplit("-", 1)[1])
    second = run_import(store, open_reader([path]), name=name, who="tester")
    assert second.tumors.unchanged == second.tumors.rows_in
