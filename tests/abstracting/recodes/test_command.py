"""The command `oncoregistry recode`: what comes in, what goes out, and what a bad line does."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from abstracting.errors import AbstractingError
from abstracting.recodes.cases import NAMES
from abstracting.recodes.commands import recode

ANSWERS = [
    ("lymphoid", {"site": "C809", "histology": "9940"}, {"recode": "22"}),
    ("behavior_recode", {"site": "C679", "histology": "8130", "behavior": "2", "dxYear": 2010}, {"recode": "3"}),
    ("nhia", {"option": "3"}, {"error": "IllegalStateException"}),
    ("nhia", {}, {"nhia": "0"}),
    (
        "county_at_diagnosis",
        {"390": "2012", "80": "FL", "90": "001", "96": "086", "367": "1"},
        {"89": "086", "9440": "4"},
    ),
    ("county_at_diagnosis", {}, {"89": "999", "9440": "10"}),
    ("summary_stage", {"390": "20180101", "764": "3"}, {"stage": "2", "item": "764", "label": "Regional"}),
    ("summary_grade", {"3800": "00480", "523": "3", "3843": "1", "3844": "3"}, {"grade": "3"}),
    ("survival", {"endPointYear": 2020, "records": []}, {"vitalStatusRecode": None, "records": []}),
]


def run(name: str, *lines: str, options: tuple[str, ...] = ()) -> list[dict]:
    done = CliRunner().invoke(recode, [name, *options], input="\n".join(lines), catch_exceptions=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(("name", "given", "out"), ANSWERS)
def test_one_line_in_one_line_out(name, given, out):
    assert run(name, json.dumps({"id": 7, "in": given})) == [{"id": 7, "out": out}]


def test_an_icd_code_shows_its_candidates():
    (answer,) = run("icd_to_icdo3", json.dumps({"id": 1, "in": {"system": "9-CM", "code": "239.5"}}))
    assert answer["out"]["chosen"] is None and len(answer["out"]["candidates"]) == 2


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_line_is_answered_and_the_run_goes_on(name):
    bad = ["{", "[]", '{"id": 3}', '{"id": 4, "in": 5}', "", '{"id": 5, "in": {"records": 1, "code": 1.5, "site": []}}']
    answers = run(name, *bad, json.dumps({"id": "last", "in": {"endPointYear": 2020, "records": [], "code": "C509"}}))
    assert [set(answer) for answer in answers[:4]] == [{"id", "error"}] * 4
    assert [answer["id"] for answer in answers] == [None, None, 3, 4, 5, "last"]
    assert answers[3]["error"]["code"] == "recode-input" and answers[-1]["id"] == "last"


@pytest.mark.parametrize("name", NAMES)
def test_today_is_accepted_by_every_name(name):
    given = {"endPointYear": 2020, "records": [], "code": "C509", "siteRecodeVersion": "2023 Revision"}
    (answer,) = run(name, json.dumps({"id": 1, "in": given}), options=("--as-of", "2026-11-23"))
    assert "out" in answer


def test_the_clock_is_the_option():
    given = {"icdRevisionNumber": "1", "sequenceNumberCentral": "00", "causeOfDeath": "I219"}
    line = json.dumps({"id": 1, "in": {**given, "dateOfLastContactYear": "2024"}})
    before, after = (
        run("causespecific", line, options=("--as-of", f"{year}-06-01"))[0]["out"] for year in (2023, 2024)
    )
    assert (before["causeOther"], after["causeOther"]) == ("0", "1")


def test_bytes_that_are_no_text_spoil_their_line_alone(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_bytes(b'{"id": 1, "in": {"site": "C\xff9", "histology": "8140"}}\n{"id": 2, "in": {"site": "C509", '
                     b'"histology": "8140"}}\n')  # fmt: skip
    done = CliRunner().invoke(recode, ["seer_site_recode", str(path)], catch_exceptions=False)
    assert [json.loads(line)["out"]["recode"] for line in done.stdout.splitlines()] == ["99999", "26000"]


def test_an_unknown_name_is_wrong_usage():
    done = CliRunner().invoke(recode, ["horoscope"])
    assert isinstance(done.exception, AbstractingError) and done.exception.exit_code == 2
    assert "seer_site_recode" in done.exception.hint


def test_the_answers_go_to_a_file(tmp_path):
    out = tmp_path / "out.jsonl"
    run("lymphoid", '{"id": 1, "in": {"site": "C809", "histology": "9940"}}', options=("-o", str(out)))
    assert json.loads(out.read_text(encoding="utf-8")) == {"id": 1, "out": {"recode": "22"}}
