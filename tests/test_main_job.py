"""The main job on real input, end to end: a NAACCR file comes in, is edited, analysed, followed and sent on in v26.

Once from the command line as a user types it, in processes of their own, and once from the pages.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from abstracting.naaccr.reader import read_any
from registry import config, records
from registry.db import open_store
from registry.models import Abstract

SAMPLE = "naaccr/samples/naaccr-xml-sample-v250-abstract-1000.xml.gz"

Run = Callable[..., str]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("main-job") / "home"


@pytest.fixture(scope="module")
def run(home: Path) -> Run:
    """Runs `oncoregistry` as a user does and gives what it printed; another exit code than expected fails."""
    environment = {**os.environ, "ONCOREGISTRY_HOME": str(home), "ONCOREGISTRY_DATABASE_URL": ""}

    def run(*arguments: str | Path, exit_code: int = 0) -> str:
        command = [sys.executable, "-m", "registry.cli", *map(str, arguments)]
        result = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert result.returncode == exit_code, f"{command}\n{result.stdout}\n{result.stderr}"
        return result.stdout

    return run


@pytest.mark.shared
def test_the_whole_way_from_the_command_line(run: Run, home: Path, reference: Path, tmp_path: Path) -> None:
    run("init")
    report = json.loads(run("import", reference / SAMPLE, "--json"))
    assert (report["rows_in"], report["created"], report["rejected"]) == (1000, 1000, 0)
    assert report["source"] == "unspecified"
    again = json.loads(run("import", reference / SAMPLE, "--json"))
    assert (again["unchanged"], again["created"]) == (1000, 0)

    store = open_store(config.load(home))
    with store.writing() as session:
        abstract = session.get_one(Abstract, 1)
        number = abstract.record.patient_id_number
        records.save(session, 1, {400: "C504", 2230: "Corrected"}, who="registrar", why="chart")

    extract = tmp_path / "cases.parquet"
    document = json.loads(run("snapshot", extract, "--survival", "--json"))
    frame = pd.read_parquet(extract)
    assert document["rows"] == len(frame) == document["flow"][-1]["remaining"]
    assert frame.loc[frame["patientIdNumber"] == number, "primarySite"].tolist()[0] == "C504"

    km = ("survival", "km", "--data", extract, "--time", "days", "--event", "dead", "--at", "1,5", "--at-unit", "years")
    curve = json.loads(run(*km, "--by", "sex", "--json"))
    assert curve["n"] == len(frame) and {row["time"] for row in curve["rows"]} == {1, 5}

    counties = frame[frame["county_geoid"].fillna("") != ""]
    counts = (
        counties.groupby("county_geoid").size().rename("cases").reset_index().rename(columns={"county_geoid": "code"})
    )
    if counts.empty:
        # the sample's addresses name no real county: the map is drawn of counts of one that is
        counts = pd.DataFrame({"code": ["12001", "12003"], "cases": [40, 20]})
    counts.assign(rate=counts["cases"]).to_csv(tmp_path / "counts.csv", index=False)
    run("geo", "map", tmp_path / "counts.csv", "--out", tmp_path / "map.svg", "--measure", "Cases")
    assert (tmp_path / "map.svg").read_text().startswith("<svg")

    due = json.loads(run("followup", "due", "--json"))
    assert due

    out = tmp_path / "out.xml.gz"
    exported = json.loads(run("export", out, "--naaccr-version", "260", "--purpose", "test", "--json"))
    assert exported["tumors"] == 1000 and {"from": 220, "to": 225, "values": 943} in exported["converted"]
    verdict = json.loads(run("naaccr", "validate", out, "--json"))
    assert verdict["valid"] and verdict["tumors"] == 1000
    sent = {patient.items[20]: patient for patient in read_any(out)}
    assert sent[number].items[2230] == "Corrected"
    assert sent[number].items[225] in {"1", "2", "9"} and 220 not in sent[number].items
    assert "every chain is sound" in run("audit", "verify")
