"""Imports are linked by themselves: against the truth of a synthetic registry, and through a standing index that keeps up."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select

from registry import audit, config, jobs, records, schema
from registry.db import Store
from registry.exchange.formats import open_reader
from registry.exchange.importer import run_import
from registry.exchange.incoming import IncomingPatient, IncomingTumor
from registry.linkage import runs, standing
from registry.linkage.settling import Found, settle
from registry.models import Abstract, ImportBatch, Patient, PatientRecord
from registry.models.linkage import LinkageDecision, LinkagePair, LinkageRun
from registry.synthetic import make
from registry.synthetic.writing import write_submissions_xml

PATIENTS = 600


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Store]:
    """An empty registry in a file."""
    store = Store(config.load(tmp_path / "home"))
    schema.upgrade(store.engine)
    yield store
    store.close()


class People:
    """Persons as one hospital reports them: `(number, last, first, born, ssn)`."""

    format, version, done = "test", "260", 0.0

    def __init__(self, facility: str, *people: tuple[str, str, str, str, str]):
        self.facility, self.people = facility, people

    def __iter__(self) -> Any:
        for row, (number, last, first, born, ssn) in enumerate(self.people, 1):
            person = {20: number, 2230: last, 2240: first, 240: born, 225: "2", 2320: ssn, 1810: "OCALA", 1830: "34470"}
            tumor = {60: "01", 400: "C504", 522: "8500", 523: "3", 390: "20190304", 410: "1", 540: self.facility}
            yield IncomingPatient(row, person, [IncomingTumor(row, tumor | {610: "14"})], "")


ASTRID = ("HOLMBERG", "ASTRID", "19510203", "900110001")
NGOZI = ("OKONKWO", "NGOZI", "19620704", "900220002")
IRINA = ("PETROVA", "IRINA", "19440930", "900330003")
EAST, WEST = "0000010001", "0000010002"


def bring(store: Store, facility: str, *people: tuple[str, ...]) -> dict[str, Any]:
    """Imports and links a hospital's persons; gives what the report says of linkage."""
    reader = People(facility, *people)  # type: ignore[arg-type]
    return run_import(store, reader, name=facility, who="test", edits=False, link=True).linkage


def persons(store: Store) -> int:
    with store.reading() as session:
        return session.scalar(select(func.count(Patient.id))) or 0


def test_the_files_of_hospitals_are_linked_as_the_truth_says(home: Store, tmp_path: Path) -> None:
    """Automatic links with precision of 0.9995 at a recall of 0.97, and what is missing waits in the review."""
    made = make(patients=PATIENTS, seed=23, text=False)
    main = made.abstracts.main.to_numpy()
    for number, chosen in enumerate((main, ~main)):
        path = tmp_path / f"{number}.xml.gz"
        write_submissions_xml(made, path, version="250", workers=1, chosen=chosen)
        report = run_import(home, open_reader([path]), name=path.name, who="test", edits=False, link=True)
        assert report.tumors.rejected == 0 and "job" not in report.linkage
    person_of = {(f, n): p for f, n, p in made.abstracts[["540", "20", "person"]].itertuples(index=False)}
    with home.reading() as session:
        rows = session.scalars(select(PatientRecord).order_by(PatientRecord.id)).all()
        truth = {row.id: person_of[row.source.facility_number, row.patient_id_number] for row in rows}
        groups = {row.id: row.patient_id for row in rows}
        waiting = {(p.left_id, p.right_id) for p in session.scalars(select(LinkagePair)) if p.state == "waiting"}
    same, linked = (
        {pair for pair in combinations(sorted(of), 2) if of[pair[0]] == of[pair[1]]} for of in (truth, groups)
    )
    assert len(same) > 90
    assert len(linked & same) >= 0.9995 * len(linked)
    assert len(linked & same) >= 0.97 * len(same)
    assert same - linked <= waiting, "what was not linked waits for a person"
    assert len(np.unique(list(groups.values()))) == persons(home)
    assert audit.verify(home) == []


def test_importing_again_links_nothing_new(home: Store) -> None:
    bring(home, EAST, ("1", *ASTRID), ("2", *NGOZI), ("3", *IRINA))
    assert bring(home, WEST, ("1", *ASTRID), ("2", *NGOZI))["automatic"] == 2
    assert persons(home) == 3
    assert bring(home, WEST, ("1", *ASTRID), ("2", *NGOZI)) == {"records": 0, "automatic": 0, "review": 0}
    with home.reading() as session:
        told = session.scalars(select(ImportBatch.report).order_by(ImportBatch.id)).all()
    assert [report["linkage"]["automatic"] for report in told] == [0, 2, 0]


def test_what_a_hospital_keeps_apart_is_for_a_person_to_decide(home: Store) -> None:
    """One source reports the same names under two numbers: it had a reason, or it has a duplicate of its own."""
    found = bring(home, EAST, ("1", *ASTRID), ("2", *ASTRID), ("3", *IRINA))
    assert (found["automatic"], found["review"], persons(home)) == (0, 1, 3)
    with home.reading() as session:
        pair = session.scalars(select(LinkagePair)).one()
        assert set(pair.conflicts) == {"source"} and pair.state == "waiting"


def test_a_corrected_account_is_compared_again(home: Store) -> None:
    bring(home, EAST, ("1", *ASTRID), ("3", *IRINA))
    assert bring(home, WEST, ("1", "HOLM", "A", "19510000", ""))["automatic"] == 0
    assert bring(home, WEST, ("1", *ASTRID))["automatic"] == 1
    assert persons(home) == 2


def test_a_large_import_is_linked_by_a_job(home: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    bring(home, EAST, ("1", *ASTRID), ("3", *IRINA))
    monkeypatch.setattr(runs, "HERE", 0)
    number = bring(home, WEST, ("1", *ASTRID))["job"]
    assert persons(home) == 3
    jobs.run(home, number)
    done = jobs.state(home, number)
    assert done.state == jobs.DONE and done.result is not None and done.result["automatic"] == 1
    assert persons(home) == 2
    with home.reading() as session:
        run = session.scalars(select(LinkageRun).order_by(LinkageRun.id.desc())).first()
        assert run is not None and run.kind == "batch" and run.batch_id is not None and run.state == "done"


def test_relatives_are_never_brought_together_over_a_report_between(home: Store) -> None:
    """A report without its given name lies between a father and a son of one household: a person decides."""
    father = ("HOLMBERG", "ERIC", "19300203", "900110001")
    son = ("HOLMBERG", "OLAF", "19600607", "900440004")
    bring(home, EAST, ("1", *father), ("2", *son), ("3", *IRINA))
    with home.reading() as session:
        ids = session.scalars(select(PatientRecord.id).order_by(PatientRecord.id)).all()
    index = standing.ready(home)
    assert index is not None
    assert set(index.between(ids[0], ids[1]).conflicts) & {"given-name", "birth"}
    run_import(home, People(WEST, ("1", "HOLMBERG", "", "", "")), name="between", who="test", edits=False)
    with home.reading() as session:
        between = session.scalars(select(PatientRecord.id).order_by(PatientRecord.id.desc())).first()
    index = standing.ready(home)
    assert index is not None and between is not None
    found = [Found(one, between, 0.99, 7.0, "match", {}) for one in ids[:2]]
    with home.writing() as session:
        run = LinkageRun(kind="batch", who="test")
        session.add(run)
        session.flush()
        counted = settle(session, found, index, run=run.id)
        refused = session.scalars(select(LinkagePair).where(LinkagePair.left_id == ids[1])).one()
        assert counted["automatic"] == 1 and counted["review"] == 1
        assert set(refused.conflicts) == {"chain"} and refused.state == "waiting"
        assert len(session.scalars(select(LinkageDecision)).all()) == 1


def test_the_index_is_made_once_and_keeps_up_with_every_process(home: Store) -> None:
    bring(home, EAST, ("1", *ASTRID), ("3", *IRINA))
    first = standing.ready(home)
    assert first is not None and len(first) == 2
    assert standing.ready(home) is first
    # another process: nothing in memory, the file is there
    standing._kept.clear()
    run_import(home, People(WEST, ("1", *NGOZI)), name="west", who="test", edits=False)
    second = standing.ready(home)
    assert second is not None and second is not first and len(second) == 3
    assert second.model.as_dict() == first.model.as_dict(), "read from the file, not learned anew"
    asked = dict(zip(("last", "first", "dob", "ssn"), NGOZI))
    (found,) = second.candidates(asked)
    with home.reading() as session:
        record = session.get_one(PatientRecord, found.id)
        abstract = session.scalars(select(Abstract).where(Abstract.record_id == record.id)).one()
    with home.writing() as session:
        records.save(session, abstract.id, {2320: "900777777"}, who="test", why="typing error")
    (found,) = standing.likely(home, dict(zip(("last", "first", "dob"), NGOZI)) | {"ssn": "900777777"})
    assert found[0] == record.id
    assert standing.ready(home).between(record.id, record.id).levels["ssn"] == "same"  # type: ignore[union-attr]


def test_an_index_of_another_database_is_not_used(home: Store, tmp_path: Path) -> None:
    bring(home, EAST, ("1", *ASTRID), ("3", *IRINA))
    other = Store(config.load(tmp_path / "other"))
    schema.upgrade(other.engine)
    bring(other, EAST, ("1", *NGOZI))
    bring(other, WEST, ("2", *NGOZI))
    file = home.settings.folder("linkage") / "index.npz"
    (other.settings.folder("linkage") / "index.npz").write_bytes(file.read_bytes())
    standing._kept.clear()
    index = standing.ready(other)
    assert index is not None and len(index) == 2
    assert index.candidates(dict(zip(("last", "first", "dob", "ssn"), ASTRID))) == []
    file.write_bytes(b"half a file")
    standing._kept.clear()
    assert len(standing.ready(home)) == 2  # type: ignore[arg-type]
    other.close()
