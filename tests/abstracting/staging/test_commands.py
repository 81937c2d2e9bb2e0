"""`oncoregistry stage`: the command line's contract."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from abstracting.errors import AbstractingError
from abstracting.staging.commands import stage

LINE = '{"id": "a", "inputs": {"site": "C509", "hist": "8500", "year_dx": "2024", "eod_mets": "10"}}'


def run(*args: str, text: str | bytes = LINE) -> Result:
    return CliRunner().invoke(stage, args, input=text)


def answers(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_one_line_in_one_line_out() -> None:
    result = run("--algorithm", "eod_public", "--current-year", "2026")
    assert result.exit_code == 0
    (answer,) = answers(result)
    assert list(answer) == ["id", "result", "schema_id", "output", "errors", "path"]
    assert (answer["id"], answer["result"], answer["schema_id"]) == ("a", "STAGED", "breast")
    assert answer["output"]["ss2018_derived"] == "7"
    assert ["MATCH_NOT_FOUND", None, "combined_grade_breast_8723"] in answer["errors"]


def test_bad_lines_are_answered_in_place_and_the_run_goes_on() -> None:
    lines = ["nonsense", "", '{"id": 1}', '{"id": 2, "inputs": {"site": 5}}', "[]", LINE]
    result = run("--algorithm", "eod_public", text="\n".join(lines))
    assert result.exit_code == 1
    found = answers(result)
    assert [answer["id"] for answer in found] == [None, 1, 2, None, "a"]
    assert [answer.get("error", {}).get("code") for answer in found] == [
        *("json-line", "staging-inputs", "staging-inputs", "json-line", None),
    ]
    assert "4 of 5 lines" in result.stderr


def test_bytes_that_are_no_utf_8_harm_only_their_line() -> None:
    result = run(
        "--algorithm", "eod_public", text=b'{"id": "\xff", "inputs": {"site": "C\xff", "hist": "8"}}\n' + LINE.encode()
    )
    assert result.exit_code == 0
    assert [answer["result"] for answer in answers(result)] == ["FAILED_NO_MATCHING_SCHEMA", "STAGED"]


def test_files_in_and_out(tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(LINE, encoding="utf-8")
    assert run(str(source), "--algorithm", "eod_public", "-o", str(target)).exit_code == 0
    assert json.loads(target.read_text(encoding="utf-8"))["schema_id"] == "breast"


REFUSED = [
    (["--algorithm", "seer"], "staging-algorithm", 2),
    (["--algorithm", "eod_public", "--version", "2.1"], "staging-algorithm", 2),
    (["--package", "/nowhere/x.zip"], "staging-package", 3),
    (["--package", __file__], "staging-package", 3),
    (["--algorithm", "tnm", "-o", "/nowhere/x"], "usage", 2),
    ([], "usage", 2),
]


@pytest.mark.parametrize(("args", "code", "exit_code"), REFUSED, ids=[" ".join(case[0][:3])[:40] for case in REFUSED])
def test_refusals(args: list[str], code: str, exit_code: int) -> None:
    error = run(*args).exception
    assert isinstance(error, AbstractingError)
    assert (error.code, error.exit_code) == (code, exit_code)


def test_a_package_that_holds_something_else_is_refused(files, pack, tmp_path: Path) -> None:
    path = tmp_path / "tiny.zip"
    path.write_bytes(pack(files()))
    for args in (["--algorithm", "tnm"], ["--version", "2.0"]):
        error = run(*args, "--package", str(path)).exception
        assert isinstance(error, AbstractingError) and error.code == "staging-algorithm"
    result = run("--package", str(path), "--algorithm", "tiny", "--version", "1.0")
    assert answers(result)[0]["errors"] == [["UNKNOWN_INPUT", "eod_mets", None]]


def test_restage_adds_the_differences(files, pack, tmp_path: Path) -> None:
    path = tmp_path / "tiny.zip"
    path.write_bytes(pack(files()))
    (answer,) = answers(run("--algorithm", "eod_public", "--restage", str(path)))
    assert answer["result"] == answer["restaged"]["result"] == "STAGED"
    assert ["input", "eod_mets", "10", None] in answer["differences"] and answer["wanted"] == []


def test_the_current_year_closes_the_range() -> None:
    (answer,) = answers(run("--algorithm", "eod_public", "--current-year", "2023"))
    assert answer["result"] == "FAILED_INVALID_YEAR_DX"


@pytest.mark.shared
def test_cases_through_the_command_line(reference: Path) -> None:
    with gzip.open(reference / "staging" / "cases.jsonl.gz", "rt", encoding="utf-8") as lines:
        cases = [case for case in map(json.loads, lines) if case["algorithm"] == "pediatric"]
    text = "\n".join(json.dumps({"id": case["id"], "inputs": case["inputs"]}) for case in cases)
    package = str(reference / "staging" / "pediatric-1.3.zip")
    for args in (["--algorithm", "pediatric"], ["--algorithm", "pediatric", "--package", package]):
        found = answers(run(*args, "--version", "1.3", "--current-year", "2026", text=text))
        for case, answer in zip(cases, found, strict=True):
            expected = case["expected"]
            assert (answer["id"], answer["result"], answer["path"]) == (
                case["id"],
                expected["result"],
                expected["path"],
            )
            assert sorted(map(str, answer["errors"])) == sorted(map(str, expected["errors"]))
