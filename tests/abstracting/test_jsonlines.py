"""The contract of JSON lines: one answer a line, in order, the `id` echoed, and a bad line is no end of the run."""

import io
import json

import pytest
from click.testing import CliRunner

from abstracting.errors import AbstractingError
from abstracting.jsonlines import answer, run_lines
from registry.cli import cli


def echo(record):
    if record.get("wrong"):
        raise AbstractingError("staging-inputs", "wrong")
    return {"seen": record.get("value")}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"id": 1, "value": "a"}', {"id": 1, "seen": "a"}),
        ('\ufeff{"id": "first", "value": ""}', {"id": "first", "seen": ""}),
        ('{"value": null}', {"id": None, "seen": None}),
        ('{"id": {"a": [1]}, "wrong": true}', {"id": {"a": [1]}, "error": "staging-inputs"}),
        ('{"id": 1, "value": "a', {"id": None, "error": "json-line"}),
        ('[{"id": 1}]', {"id": None, "error": "json-line"}),
        ("null", {"id": None, "error": "json-line"}),
        ("[" * 100_000, {"id": None, "error": "json-line"}),
        ('{"id": NaN}', {"id": None, "error": "json-line"}),
        ('{"id": 1, "value": ' + "1" * 5_000 + "}", {"id": None, "error": "json-line"}),
    ],
    ids=["plain", "byte order mark", "no id", "refused", "cut", "list", "null", "deep", "not a number", "huge number"],
)
def test_a_line_has_one_answer(line, told):
    given = answer(line, echo)
    if "error" in given:
        given["error"] = given["error"]["code"]
    assert given == told


def test_answers_stand_in_the_order_of_the_lines_and_blank_lines_have_none():
    out = io.StringIO()
    assert run_lines(['{"id": 2}\n', "\n", "\ufeff\n", "{\n", '{"id": 1}'], out, echo) == (3, 1)
    assert [json.loads(line)["id"] for line in out.getvalue().splitlines()] == [2, None, 1]


HOSTILE = b"\n".join(
    [
        b'\xef\xbb\xbf{"id": "mark"}',
        b'{"id": "bytes", "items": {"400": "\xff\xe9"}, "in": {"site": "\xff"}, "inputs": {"site": "\xff", "hist": "1"}}',
        b'{"id": "surrogate", "items": {"400": "\\ud800"}, "in": {"site": "\\ud800"}}',
        b'{"id": "long", "items": {"400": "' + b"C" * 20_000 + b'"}}',
        b"[1, 2]",
        b'{"id": "last", "items": {}, "in": {}, "inputs": {}, "input1": {}, "input2": {}}',
    ]
)


@pytest.mark.parametrize(
    "command",
    ["edits check --set item", "stage --algorithm eod_public", "primaries", "recode seer_site_recode"],
)
def test_no_line_ends_a_command(command, tmp_path):
    (tmp_path / "lines").write_bytes(HOSTILE)
    result = CliRunner().invoke(cli, [*command.split(), str(tmp_path / "lines")])
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["id"] for one in answers] == ["mark", "bytes", "surrogate", "long", None, "last"]
    assert answers[4]["error"]["code"] == "json-line"
