"""Every case of the reference in result, group, deciding rule and rules asked; the groups and steps it lists."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from abstracting.primaries.engine import compute_primaries
from abstracting.primaries.rules import groups

pytestmark = pytest.mark.shared


def test_all_cases_agree(reference: Path) -> None:
    with gzip.open(reference / "staging" / "mph_cases.jsonl.gz", "rt", encoding="utf-8") as file:
        cases = [json.loads(line) for line in file]
    assert len(cases) == 2245
    different = []
    for case in cases:
        verdict = compute_primaries(case["input1"], case["input2"], current_year=2026)
        found = (verdict.result, verdict.group_id, verdict.rule, list(verdict.applied_rules))
        expected = case["expected"]
        wanted = (expected["result"], expected["group_id"], expected["rule"], expected["applied_rules"] or [])
        if found != wanted:
            different.append((case["id"], wanted, found))
    assert not different, different[:5]


def test_groups_and_steps_are_those_of_the_reference(reference: Path) -> None:
    listed = json.loads((reference / "staging" / "mph_groups.json").read_text(encoding="utf-8"))
    assert {group["id"]: tuple(rule["step"] for rule in group["rules"]) for group in listed} == {
        group.id: tuple(rule.step for rule in group.rules) for group in groups()
    }
