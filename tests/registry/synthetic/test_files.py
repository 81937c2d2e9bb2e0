"""Files: same seed same bytes whatever the workers, valid NAACCR, nothing half-written, clear refusals."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys

import pandas as pd
import pytest
from click.testing import CliRunner

from abstracting.naaccr.reader import read_any
from abstracting.naaccr.validate import validate
from registry.commands.synthetic import synth
from registry.errors import RegistryError
from registry.synthetic import SyntheticRegistry, make
from registry.synthetic.writing import write


@pytest.fixture(scope="module")
def tiny() -> SyntheticRegistry:
    return make(patients=300, seed=42)


def digest(path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["a.xml", "a.xml.gz", "a.csv", "a.parquet"])
def test_same_seed_same_bytes_whatever_the_workers(tmp_path, tiny, name):
    (tmp_path / "one").mkdir()
    (tmp_path / "four").mkdir()
    write(tiny, tmp_path / "one" / name, workers=1)
    write(make(patients=300, seed=42), tmp_path / "four" / name, workers=4)
    assert digest(tmp_path / "one" / name) == digest(tmp_path / "four" / name)
    write(make(patients=300, seed=43), tmp_path / "four" / name)
    assert digest(tmp_path / "one" / name) != digest(tmp_path / "four" / name)


@pytest.mark.parametrize("version", ["250", "260"])
@pytest.mark.parametrize("record_type", ["A", "M", "C", "I"])
def test_files_are_valid_without_a_finding(tmp_path, tiny, version, record_type):
    path = tmp_path / "a.xml.gz"
    write(tiny, path, version=version, record_type=record_type)
    report = validate(str(path))
    assert report.fatal is None and not report.findings
    assert (report.patients, report.tumors) == (300, len(tiny.tumors))


def test_what_is_read_is_what_was_made(tmp_path, tiny):
    write(tiny, tmp_path / "a.xml", version="260")
    tumors = iter(tiny.tumors.to_dict("records"))
    for patient, made in zip(read_any(str(tmp_path / "a.xml")), tiny.patients.to_dict("records")):
        assert patient.items == {(225 if k == "220" else int(k)): v for k, v in made.items() if k.isdigit() and v}
        for tumor in patient.tumors:
            row = next(tumors)
            assert tumor.items == {int(k): v for k, v in row.items() if k.isdigit() and v}
    assert next(tumors, None) is None


def test_the_watermark_is_in_every_record_type(tmp_path, tiny):
    for record_type in "AMCI":
        write(tiny, tmp_path / "a.xml", record_type=record_type)
        text = (tmp_path / "a.xml").read_text()
        assert text.count('naaccrId="vendorName">SYNTHETIC<') == len(tiny.tumors)
        assert ("SYNTHETIC RECORD" in text) == (record_type in "AM")
        assert ("nameLast" in text) == (record_type != "I")


def test_tables_have_xml_ids_as_columns_and_read_back(tmp_path, tiny):
    write(tiny, tmp_path / "a.csv")
    write(tiny, tmp_path / "a.parquet")
    table = pd.read_csv(tmp_path / "a.csv", dtype=str, keep_default_na=False)
    assert table.astype(str).equals(pd.read_parquet(tmp_path / "a.parquet").astype(str))
    assert len(table) == len(tiny.tumors) and {"primarySite", "sex", "nameLast"} <= set(table.columns)
    assert table.primarySite.tolist() == tiny.tumors["400"].tolist()
    assert sum(len(p.tumors) for p in read_any(str(tmp_path / "a.csv"))) == len(tiny.tumors)


def test_a_folder_has_everything_and_its_answer_key(tmp_path, tiny):
    write(tiny, tmp_path / "all")
    names = {p.name for p in (tmp_path / "all").iterdir()}
    assert names >= {
        "registry.xml.gz", "submissions.xml.gz", "truth.json", "pairs.csv", "records.csv", "population.csv", "coordinates.csv",
        "facilities.csv", "physicians.csv", "reports.jsonl", "deaths.csv", "deaths_truth.csv", "encounters.csv",
        "encounters_truth.csv", "contacts.csv", "true_tumors.csv",
    }  # fmt: skip
    assert not [n for n in names if n.endswith(".part") or n.startswith(".")]
    truth = json.loads((tmp_path / "all" / "truth.json").read_text())
    assert (
        truth["patients"] == 300 and len(truth["clusters"]) == 2 and truth["net_survival"]["breast"]["all"]["5"] > 0.8
    )
    report = validate(str(tmp_path / "all" / "submissions.xml.gz"))
    assert report.fatal is None and not report.findings and report.tumors == len(tiny.abstracts)
    sampled = pd.read_csv(tmp_path / "all" / "population.csv")
    assert sampled.sampled.sum() == pytest.approx(sampled.population.sum() * truth["sampling_fraction"], rel=1e-4)
    with (tmp_path / "all" / "reports.jsonl").open() as lines:
        assert all({"id", "text", "reportable", "codes"} <= set(json.loads(line)) for line in lines)


@pytest.mark.parametrize("patients", [1, 2, 19, 20, 21, 100])
def test_small_registries_have_exactly_so_many_persons(tmp_path, patients):
    made = make(patients=patients, seed=patients)
    assert len(made.patients) == patients and set(made.tumors.person) == set(range(patients))
    write(made, tmp_path / "a.xml")
    assert validate(str(tmp_path / "a.xml")).patients == patients


def test_the_last_year_may_be_open_and_nothing_lies_in_the_future():
    import datetime as dt

    made = make(patients=400, seed=1, years=range(2010, 2027), as_of=dt.date(2026, 6, 30))
    assert made.tumors["390"].str[:4].max() == "2026"
    for item in ("1750", "2112", "1260", "580"):
        assert made.flat()[item].max() <= "20260630"


@pytest.mark.parametrize(
    "arguments,said",
    [
        (["--patients", "0", "a.xml"], "0"),
        (["--patients", "x", "a.xml"], "x"),
        (["--seed", "-1", "a.xml"], "-1"),
        (["--naaccr-version", "240", "a.xml"], "240"),
        (["--record-type", "X", "a.xml"], "X"),
    ],
)
def test_wrong_usage_says_what_and_exits_with_2(arguments, said):
    result = CliRunner().invoke(synth, arguments)
    assert result.exit_code == 2 and said in result.output


@pytest.mark.parametrize(
    "keywords,target",
    [
        ({}, "a.zip"),
        ({}, "missing/folder/a.xml"),
        ({"version": "240"}, "a.xml"),
        ({"record_type": "Z"}, "a.xml"),
        ({"workers": 0}, "a.xml"),
    ],
)
def test_a_target_that_cannot_be_written_is_refused_with_a_remedy(tmp_path, tiny, keywords, target):
    with pytest.raises(RegistryError) as error:
        write(tiny, tmp_path / target, **keywords)
    assert error.value.code == "usage" and error.value.hint and error.value.exit_code == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("years", [range(1990, 2010), range(2010, 2030), range(2010, 2010), range(2000, 2020, 2)])
def test_years_that_cannot_be_made_are_refused(years):
    with pytest.raises(RegistryError, match="years of diagnosis"):
        make(patients=10, years=years)


def test_a_failed_write_leaves_what_was_there(tmp_path, tiny, monkeypatch):
    path = tmp_path / "a.xml.gz"
    path.write_bytes(gzip.compress(b"before"))
    from registry.synthetic import writing

    def fail(*_args, **_keywords):
        yield b"half"
        raise OSError("disk full")

    monkeypatch.setattr(writing, "xml_blocks", fail)
    with pytest.raises(OSError):
        write(tiny, path)
    assert gzip.decompress(path.read_bytes()) == b"before" and [p.name for p in tmp_path.iterdir()] == ["a.xml.gz"]


def test_the_command_writes_the_file_and_says_what_is_in_it(tmp_path):
    result = CliRunner().invoke(synth, ["--patients", "50", "--seed", "3", str(tmp_path / "a.xml.gz")])
    assert result.exit_code == 0 and "50 patients" in result.output
    assert validate(str(tmp_path / "a.xml.gz")).patients == 50


def test_the_generator_needs_neither_store_nor_face():
    code = (
        "import sys; from registry.synthetic import make; from registry.synthetic.writing import write; make(patients=3);"
        "bad = [m for m in ('sqlalchemy', 'flask', 'alembic', 'registry.db') if m in sys.modules];"
        "sys.exit(str(bad) if bad else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr == ""
