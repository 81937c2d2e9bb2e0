"""`oncoregistry primaries`: the command line's contract, for the SEER and the IARC rules."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from abstracting.errors import AbstractingError
from abstracting.primaries.cases import answer_record
from abstracting.primaries.commands import primaries

Reader = Callable[[str], dict[str, str]]


@pytest.fixture
def line(read_input: Reader) -> str:
    tumors = (read_input("C504 8500/3 1 20200110"), read_input("C509 8500/3 2 20200110"))
    return json.dumps({"id": "a", "input1": tumors[0], "input2": tumors[1]})


def run(*args: str, text: str | bytes = "") -> Result:
    return CliRunner().invoke(primaries, args, input=text)


def answers(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_one_line_in_one_line_out(line: str) -> None:
    result = run(text=line)
    assert result.exit_code == 0
    (answer,) = answers(result)
    assert list(answer) == ["id", "result", "group_id", "rule", "applied_rules", "reason"]
    assert (answer["id"], answer["result"], answer["group_id"], answer["rule"], answer["applied_rules"]) == (
        *("a", "MULTIPLE_PRIMARIES", "str_2018_and_later_breast", "M7"),
        ["M4", "M5", "M6", "M7"],
    )


def test_bad_lines_are_answered_in_place_and_the_run_goes_on(line: str) -> None:
    lines = [
        "nonsense",
        "",
        '{"id": 1}',
        '{"id": 2, "input1": {}, "input2": {"laterality": [1]}}',
        "[" * 100_000,
        '{"id": 3, "input1": {}, "input2": {}}',
        line,
    ]
    result = run(text="\n".join(lines))
    assert result.exit_code == 1
    found = answers(result)
    assert [answer["id"] for answer in found] == [None, 1, 2, None, 3, "a"]
    assert [answer.get("error", {}).get("code") for answer in found] == [
        *("json-line", "primaries-input", "primaries-input", "json-line", None, None),
    ]
    assert [answer.get("result") for answer in found[4:]] == ["INVALID_INPUT", "MULTIPLE_PRIMARIES"]
    assert "4 of 6 lines" in result.stderr


def test_bytes_that_are_no_utf_8_harm_only_their_line(line: str) -> None:
    result = run(text=b'{"id": "\xff", "input1": {"primarySite": "C\xff"}, "input2": {}}\n' + line.encode())
    assert result.exit_code == 0
    assert [answer["result"] for answer in answers(result)] == ["INVALID_INPUT", "MULTIPLE_PRIMARIES"]


def test_codes_may_be_numbers(line: str) -> None:
    record = json.loads(line)
    for name in ("input1", "input2"):
        tumor = record[name]
        record[name] = {key: int(code) if code.isdigit() else code for key, code in tumor.items()}
    assert answers(run(text=json.dumps(record))) == answers(run(text=line))


def test_files_in_and_out(tmp_path: Path, line: str) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(line, encoding="utf-8")
    assert run(str(source), "-o", str(target)).exit_code == 0
    assert json.loads(target.read_text(encoding="utf-8"))["rule"] == "M7"
    assert run("/nowhere/in.jsonl").exit_code == 2
    error = run(str(source), "-o", "/nowhere/x").exception
    assert isinstance(error, AbstractingError)
    assert error.code == "usage"
    assert run("--rules", "who", text=line).exit_code == 2


@pytest.mark.parametrize(
    ("first", "second", "result", "rule"),
    [
        ("C504 8500/3 1 20200110", "C509 8500/3 2 20200110", "SINGLE_PRIMARY", "same group"),
        ("C504 8500/3 1 20200110", "C509 8720/3 2 20200110", "MULTIPLE_PRIMARIES", "other group"),
        ("C504 8500/3 1 20200110", "C349 8500/3 2 20200110", "MULTIPLE_PRIMARIES", "other group"),
        ("C421 9823/3 0 20200110", "C770 9823/3 0 20200110", "SINGLE_PRIMARY", "same group"),
        ("C504 8500/2 1 20200110", "C509 8500/3 2 20200110", "QUESTIONABLE", "not counted"),
        ("C679 8120/2 0 20200110", "C679 8130/3 0 20200110", "SINGLE_PRIMARY", "same group"),
        ("C504 1234/3 1 20200110", "C509 8500/3 2 20200110", "INVALID_INPUT", None),
    ],
)
def test_iarc_rules(first: str, second: str, result: str, rule: str | None, read_input: Reader) -> None:
    record = {"id": 1, "input1": read_input(first), "input2": read_input(second)}
    (answer,) = answers(run("--rules", "iarc", text=json.dumps(record)))
    assert list(answer) == ["id", "result", "group_id", "rule", "applied_rules", "reason"]
    assert (answer["result"], answer["rule"]) == (result, rule)
    assert answer["group_id"] == (None if rule is None else "iarc_2004")
    assert answer["applied_rules"] == ([] if rule is None else [rule])
    assert answer["reason"] == answer_record("iarc", record)["reason"]
