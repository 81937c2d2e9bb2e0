"""The command line contract: one JSON document, one row per requested time and stratum, errors with code and remedy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from survival.commands import MODULES, survival
from survival.errors import CODES, SurvivalError

ROW = {"stratum", "time", "n_risk", "n_event", "estimate", "se", "lower", "upper"}


@pytest.fixture(scope="module")
def files(tmp_path_factory, cohort_frame, life_table_frame) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("commands")
    frame = cohort_frame(400, seed=9)
    frame["exit"] = frame["date"] + frame["time"].astype("timedelta64[s]") * 86400
    paths = {name: str(folder / name) for name in ("c.csv", "c.parquet", "t.csv")}
    frame.assign(date=frame["date"].dt.date, exit=frame["exit"].dt.date).to_csv(paths["c.csv"], index=False)
    frame.to_parquet(paths["c.parquet"])
    life_table_frame().to_csv(paths["t.csv"], index=False)
    return paths


def run(*arguments: str) -> dict:
    found = CliRunner().invoke(survival, [*arguments, "--json"], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def data(files: dict[str, str], name: str = "c.csv") -> list[str]:
    return ["--data", files[name], "--time", "time", "--event", "event"]


def background(files: dict[str, str]) -> list[str]:
    return [
        *data(files),
        "--life-table",
        files["t.csv"],
        "--age",
        "age",
        "--age-unit",
        "years",
        "--sex",
        "sex",
        "--date",
        "date",
    ]


CURVES = [["km"], ["km", "--ci", "arcsin"], ["lifetable"], ["rmst"]]


@pytest.mark.parametrize("command", CURVES)
def test_curves_give_one_row_per_stratum_and_time(files, command):
    document = run(*command, *data(files), "--by", "site", "--at", "1,3,5", "--at-unit", "years")
    assert (document["n"], {"method", "events", "warnings"} <= set(document)) == (400, True)
    assert [(row["stratum"]["site"], row["time"]) for row in document["rows"]] == [
        (site, time) for site in ("colon", "lung", "rectum") for time in (1, 3, 5)
    ]
    assert all(set(row) >= ROW for row in document["rows"])


NET = [
    ["net"],
    ["net", "--method", "ederer1"],
    ["net", "--method", "ederer2"],
    ["net", "--method", "hakulinen", "--closing-date", "2012-12-31"],
    ["net", "--compat", "relsurv"],
    ["net", "--compat", "popepi"],
    ["net", "--compat", "popepi", "--transform", "lifetable", "--method", "ederer2"],
    ["net", "--standard", "icss1"],
    ["net", "--standard", "icss2", "--weights", "individual"],
    ["net", "--standard", "icss1", "--age-groups", "15,55,65,75,85"],
    ["net", "--period", "1998-01-01,2000-12-31"],
    ["crude"],
]


@pytest.mark.parametrize("command", NET)
def test_net_survival_gives_one_row_per_stratum_and_time(files, command):
    document = run(*command, *background(files), "--strata", "sex", "--at", "1,2", "--at-unit", "years")
    assert [(row["stratum"]["sex"], row["time"]) for row in document["rows"]] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    wanted = ROW | ({"other_estimate", "other_se"} if command[0] == "crude" else {"se_log"})
    assert all(set(row) >= wanted for row in document["rows"])


def test_popepi_limits_are_log_log_unless_told_otherwise(files):
    arguments = ["net", *background(files), "--at", "1", "--at-unit", "years", "--compat", "popepi"]
    rows = [run(*arguments, *more)["rows"][0]["lower"] for more in ([], ["--ci", "log-log"], ["--ci", "log"])]
    assert rows[0] == rows[1] != rows[2]


def test_test_of_net_survival(files):
    document = run("net-test", *background(files), "--by", "site", "--strata", "sex")
    assert document["df"] == 2 and 0 <= document["p"] <= 1
    assert set(document["observed"]) == set(document["expected"]) == {"colon", "lung", "rectum"}


def test_prevalence(files):
    document = run("prevalence", *data(files), "--date", "date", "--index-date", "2001-01-01", "--at", "1,5")
    assert [row["time"] for row in document["rows"]] == [1, 5]


def test_parquet_dates_and_time_give_the_same_as_csv(files):
    by_time = run("km", *data(files), "--at", "500")
    parquet = run("km", *data(files, "c.parquet"), "--at", "500")
    dates = run("km", "--data", files["c.csv"], "--entry", "date", "--exit", "exit", "--event", "event", "--at", "500")
    engine = run("km", *data(files, "c.parquet"), "--engine", "duckdb", "--at", "500")
    assert by_time["rows"] == parquet["rows"] == dates["rows"] == engine["rows"]


def test_a_table_for_people_says_what_was_counted(files):
    output = CliRunner().invoke(survival, ["km", *data(files), "--at", "365"]).output
    assert output.startswith("kaplan-meier: 400 persons")


FAULTS = [
    (["km", "--time", "tme", "--event", "event"], "column-unknown", 3),
    (["km", "--time", "time", "--event", "event", "--event-code", "dead"], "usage", 2),
    (["km", "--event", "event"], "usage", 2),
]


@pytest.mark.parametrize(("arguments", "code", "exit_code"), FAULTS)
def test_faults_carry_code_remedy_and_exit_code(files, arguments, code, exit_code):
    found = CliRunner().invoke(survival, [arguments[0], "--data", files["c.csv"], *arguments[1:]])
    assert isinstance(found.exception, SurvivalError)
    assert (found.exception.code, found.exception.exit_code, bool(found.exception.hint)) == (code, exit_code, True)


@pytest.mark.parametrize("bad", ["-1", "x", "1:2:0", "inf"])
def test_times_must_be_numbers(files, bad):
    assert CliRunner().invoke(survival, ["km", *data(files), f"--at={bad}"]).exit_code == 2


def test_every_listed_command_loads_and_explains_itself():
    group = survival.list_commands(None)
    assert {"km", "lifetable", "net", "crude", "rmst", "prevalence"} <= set(group) <= set(MODULES)
    for name in group:
        found = CliRunner().invoke(survival, [name, "--help"])
        assert found.exit_code == 0 and len(found.output) > 200, name


def test_the_group_loads_nothing_heavy():
    code = (
        "import sys, survival.commands, survival.commands.options, survival.commands.net, survival.commands.curves, "
        "survival.commands.prevalence; "
        "print([name for name in ('numpy', 'pandas', 'numba', 'scipy', 'ibis') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_every_error_code_that_is_raised_is_documented_and_every_documented_one_raised():
    room = Path(__file__).parents[2] / "survival"
    text = "".join(path.read_text() for path in room.rglob("*.py") if path.name != "errors.py")
    assert [code for code in CODES if f'"{code}"' not in text] == []
