"""Exports: what went in comes out, converted by number, with an account of what has no place; every file is a disclosure."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from abstracting.naaccr.reader import read_any
from abstracting.naaccr.validate import validate
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.export import ExportReport, neutral, run_export
from registry.exchange.formats import open_reader
from registry.exchange.importer import run_import
from registry.exchange.incoming import IncomingPatient, IncomingTumor
from registry.models import Disclosure
from registry.selection import parse


@pytest.fixture
def engine_name() -> str:
    """Exports read through the same queries on both engines; SQLite is enough here."""
    return "sqlite"


class Cases:
    """Two patients: a man with 220 as v25 codes it, a woman of two tumors with a text that a spreadsheet would compute."""

    format, version, done = "naaccr-xml", "250", 0.0

    def __iter__(self) -> Any:
        yield IncomingPatient(
            1,
            {20: "00000001", 2230: "Example", 220: "3"},
            [IncomingTumor(1, {60: "01", 400: "C619", 390: "20190101", 540: "0000000011"})],
        )
        yield IncomingPatient(
            2,
            {20: "00000002", 2230: "=cmd()", 220: "2"},
            [
                IncomingTumor(2, {60: "01", 400: "C509", 390: "20200101", 2680: "-found by screening"}),
                IncomingTumor(3, {60: "02", 400: "C180", 390: "20210101", 1120: "88"}),
            ],
        )


@pytest.fixture
def filled(store: Store) -> Store:
    run_import(store, Cases(), name="cases", who="tester")
    return store


def export(store: Store, path: Path, **options: Any) -> ExportReport:
    where = options.pop("where", ())
    return run_export(store, path, conditions=parse(where), who="tester", purpose="test", **options)


def test_v26_turns_220_into_225_by_site_and_lists_what_is_dropped(filled: Store, tmp_path: Path) -> None:
    report = export(filled, tmp_path / "out.xml", version="260")
    assert (report.patients, report.tumors) == (2, 3)
    assert report.changed[220, 225] == 2
    assert {item for _, item in report.lost} == {"pediatricStage"}
    reading = read_any(tmp_path / "out.xml")
    assert [p.items[225] for p in reading] == ["1", "2"], "a prostate makes code 3 a man's"
    assert validate(tmp_path / "out.xml").valid


@pytest.mark.parametrize("version", ["240", "250", "260"])
@pytest.mark.parametrize("record_type", ["A", "M", "C", "I"])
def test_every_version_and_record_type_is_valid(filled: Store, tmp_path: Path, version: str, record_type: str) -> None:
    path = tmp_path / "out.xml.gz"
    report = export(filled, path, version=version, record_type=record_type)
    assert validate(path).as_dict()["findings"] == []
    names = [p.items.get(2230) for p in read_any(path)]
    assert (names == [None, None]) == (record_type == "I")
    assert report.sha256 and gzip.decompress(path.read_bytes())


SELECTIONS = [
    ((), 3),
    (["site=C50*,C619"], 2),
    (["site!=C619"], 2),
    (["year=2020-2021"], 2),
    (["390>=2021"], 1),
    (["primarySite=C180"], 1),
    (["facility=0000000011"], 1),
    (["2230=Example"], 1),
]


@pytest.mark.parametrize(("where", "tumors"), SELECTIONS)
def test_selections(filled: Store, tmp_path: Path, where: list[str], tumors: int) -> None:
    assert export(filled, tmp_path / "out.xml", where=where).tumors == tumors


@pytest.mark.parametrize("where", ["site", "nothing=1", "year=abc", "=C50", "year>="])
def test_a_condition_that_cannot_be_read_is_named(filled: Store, tmp_path: Path, where: str) -> None:
    with pytest.raises(RegistryError) as caught:
        export(filled, tmp_path / "out.xml", where=[where])
    assert caught.value.exit_code == 2
    assert not (tmp_path / "out.xml").exists()


def test_tables_hold_one_row_a_tumor_and_nothing_that_a_spreadsheet_computes(filled: Store, tmp_path: Path) -> None:
    for suffix in ("csv", "xlsx", "parquet"):
        export(filled, tmp_path / f"out.{suffix}")
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["primarySite"] for r in rows] == ["C619", "C509", "C180"]
    assert rows[1]["nameLast"] == "'=cmd()"
    assert "'-found by screening" in rows[1].values()
    sheet = load_workbook(tmp_path / "out.xlsx").active
    cells = {cell.value: cell.data_type for row in sheet.iter_rows() for cell in row if cell.value}
    assert cells["=cmd()"] == "s" and cells["00000001"] == "s"
    frame = pd.read_parquet(tmp_path / "out.parquet")
    assert list(frame["patientIdNumber"]) == ["00000001", "00000002", "00000002"]


@pytest.mark.parametrize(
    ("value", "written"),
    [("=1+1", "'=1+1"), ("@x", "'@x"), ("+1", "'+1"), ("-1", "-1"), ("-x", "'-x"), ("C509", "C509"), ("", "")],
)
def test_neutral_cells(value: str, written: str) -> None:
    assert neutral(value) == written


def test_every_file_that_leaves_is_a_disclosure(filled: Store, tmp_path: Path) -> None:
    report = export(filled, tmp_path / "out.csv", where=["year=2020"])
    with filled.reading() as session:
        kept = session.scalars(select(Disclosure)).one()
    assert (kept.who, kept.purpose, kept.rows, kept.sha256) == ("tester", "test", 1, report.sha256)
    assert kept.selection["where"] == ["year=2020"]


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("out.doc", {}, "suffix"),
        ("out.xml", {"version": "210"}, "210"),
        ("out.xml", {"record_type": "L"}, "L"),
    ],
)
def test_what_cannot_be_written_is_refused(
    filled: Store, tmp_path: Path, name: str, options: dict[str, str], said: str
) -> None:
    with pytest.raises(RegistryError, match=said):
        export(filled, tmp_path / name, **options)


@pytest.mark.shared
def test_a_sample_goes_in_and_comes_out_the_same(store: Store, reference: Path, tmp_path: Path) -> None:
    path = reference / "naaccr" / "samples" / "naaccr-xml-sample-v250-abstract-1000.xml.gz"
    run_import(store, open_reader([path]), name="sample", who="tester")
    export(store, tmp_path / "out.xml.gz", version="250")
    key = lambda p: p.items[20]  # noqa: E731
    before, after = sorted(read_any(path), key=key), sorted(read_any(tmp_path / "out.xml.gz"), key=key)
    assert [p.items for p in before] == [p.items for p in after]
    tumors = lambda ps: [sorted(sorted(t.items.items()) for t in p.tumors) for p in ps]  # noqa: E731
    assert tumors(before) == tumors(after)
