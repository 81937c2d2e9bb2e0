"""What changes under another version, and terms of the glossary found in text."""

from __future__ import annotations

import pytest

from abstracting.staging.engine import Engine
from abstracting.staging.glossary import GlossaryMatcher
from abstracting.staging.library import load_algorithm
from abstracting.staging.model import GlossaryEntry
from abstracting.staging.restaging import Difference, restage

CASE = {"site": "C509", "hist": "8500", "year_dx": "2024"}
GRADES = {"grades": "grade:INPUT\n1-4\n9"}


def engine(tiny, rows: str, *inputs: dict, **more) -> Engine:
    return tiny(
        tables={**GRADES, "t": f"grade:INPUT | out:ENDPOINT\n{rows}"},
        inputs=[{"key": "grade", "naaccr_item": 440, "table": "grades"}, *inputs],
        outputs=[{"key": "out"}, {"key": "version", "default": "{{ctx_alg_version}}"}],
        mappings=[{"id": "m", "tables": [{"id": "t"}]}],
        **more,
    )


def test_the_same_version_shows_no_difference(tiny) -> None:
    old = engine(tiny, "* | VALUE:{{grade}}")
    result = restage({**CASE, "grade": "2"}, old, old)
    assert (result.differences, result.wanted) == ((), ()) and result.old.output == {"out": "2", "version": "1.0"}


def test_changed_outputs_errors_and_outcomes(tiny) -> None:
    old = engine(tiny, "1 | VALUE:low\n* | VALUE:high")
    new = engine(tiny, "1 | VALUE:G1\n9 | ERROR:contradiction\n2 | MATCH", {"key": "lvi"}, on_invalid_input="FAIL")
    assert restage({**CASE, "grade": "1"}, old, new).differences == (Difference("output", "out", "low", "G1"),)
    assert restage({**CASE, "grade": "1"}, old, new).wanted == ("lvi",)
    assert restage({**CASE, "grade": "9"}, old, new).differences == (
        Difference("output", "out", "high", ""),
        Difference("error", "t", None, "STAGING_ERROR"),
    )
    assert restage({**CASE, "grade": "7"}, old, new).differences == (
        Difference("result", "", "STAGED", "FAILED_INVALID_INPUT"),
        Difference("output", "out", "high", None),
    )


def test_inputs_go_over_by_item_and_those_left_out_are_listed(tiny) -> None:
    old = engine(tiny, "* | VALUE:{{grade}}", {"key": "sex", "naaccr_item": 220}, {"key": "gone", "naaccr_item": 1182})
    new = engine(tiny, "* | VALUE:{{grade}}", {"key": "sex_at_birth", "naaccr_item": 225})
    result = restage({**CASE, "grade": "2", "sex": "2", "gone": "8"}, old, new)
    assert result.new.is_staged
    assert result.differences == (
        Difference("input", "sex", "2", "sex_at_birth"),
        Difference("input", "gone", "8", None),
    )
    assert result.as_json()["differences"] == [["input", "sex", "2", "sex_at_birth"], ["input", "gone", "8", None]]


def test_a_schema_that_is_gone_or_another(tiny) -> None:
    old = engine(tiny, "* | VALUE:1")
    elsewhere = {"select": "site:INPUT | hist:INPUT | ok:ENDPOINT\nC619 | 8000-8999 | MATCH"}
    new = tiny(tables=elsewhere)
    assert restage(CASE, old, new).differences[:2] == (
        Difference("result", "", "STAGED", "FAILED_NO_MATCHING_SCHEMA"),
        Difference("schema", "", "breast", None),
    )


@pytest.mark.shared
def test_every_case_of_eod_2_1_restages_under_3_3(official, staging_cases) -> None:
    old, new = (Engine(official("eod_public", version), current_year=2026) for version in ("2.1", "3.3"))
    cases = [case for case in staging_cases if (case["algorithm"], case["version"]) == ("eod_public", "2.1")]
    for case in cases:
        result = restage(case["inputs"], old, new)
        assert not any(error.kind == "UNKNOWN_INPUT" for error in result.new.errors), case["id"]
        # EOD T, N and M left the public tables
        gone = {difference.key for difference in result.differences if difference.kind == "output"}
        if result.old.output.get("eod_2018_t") and result.new.is_staged:
            assert "eod_2018_t" in gone


ENTRIES = [
    GlossaryEntry("Cortex", "Outer layer", ("Cortical",)),
    GlossaryEntry("Lymph node", "…"),
    GlossaryEntry("Node", "…"),
    GlossaryEntry("Tumor deposits", "…", ("Satellites", "Tumor")),
]

FOUND = [
    ("", []),
    ("The cortex and CORTICAL bone", [("Cortex", 4, 10), ("Cortical", 15, 23)]),
    ("neocortex, cortexes", []),
    ("cortex2 (cortex)", [("Cortex", 0, 6), ("Cortex", 9, 15)]),
    ("lymph node", [("Lymph node", 0, 10), ("Node", 6, 10)]),
    ("a tumor deposits", [("Tumor", 2, 7), ("Tumor deposits", 2, 16)]),
    ("lymph lymph node", [("Lymph node", 6, 16), ("Node", 12, 16)]),
    ("İ node", [("Node", 2, 6)]),
]


@pytest.mark.parametrize(("text", "hits"), FOUND, ids=[case[0] for case in FOUND])
def test_glossary_terms_in_text(text: str, hits: list) -> None:
    assert [(hit.term, hit.start, hit.end) for hit in GlossaryMatcher(ENTRIES).find(text)] == hits


@pytest.mark.shared
def test_the_glossary_of_an_official_package(official) -> None:
    matcher = GlossaryMatcher.of(official("eod_public", "2.1").glossary)
    hits = matcher.find("Satellite nodules beyond the stroma; see Level VA nodes")
    assert [(hit.entry, hit.term) for hit in hits] == [
        ("Tumor deposits", "Satellite nodules"),
        ("Stroma", "Stroma"),
        ("Level V lymph nodes", "Level VA"),
    ]
    assert load_algorithm("eod_public").glossary == {}
