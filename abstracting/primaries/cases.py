"""One line of `oncoregistry primaries`: two tumors in, the verdict of the SEER or the IARC rules out, in one shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from abstracting.primaries.engine import compare_tumors
from abstracting.primaries.iarc import compare_pair, is_counted
from abstracting.primaries.rules import INVALID, MULTIPLE, QUESTIONABLE, SINGLE
from abstracting.primaries.tumors import Tumor, tumor_of_input

IARC_GROUP = "iarc_2004"

# the answer of the IARC rules → result, name of the rule, reason
_IARC_ANSWERS = {
    "Duplicate": (
        SINGLE,
        "same group",
        "One site group (or a systemic disease) and one histology group: counted once.",
    ),
    "MultiplePrimary": (MULTIPLE, "other group", "Another site group or another histology group: counted twice."),
    "Invalid": (INVALID, None, "A site or a histology is not in the tables of the IARC rules."),
}
_NOT_COUNTED = (QUESTIONABLE, "not counted", "A tumor that is not malignant does not count under the IARC rules.")


def seer_answer(a: Tumor, b: Tumor) -> dict[str, Any]:
    """Gives the verdict of the SEER rules in the shape of the command."""
    verdict = compare_tumors(a, b)
    return {
        "result": verdict.result,
        "group_id": verdict.group_id,
        "rule": verdict.rule,
        "applied_rules": list(verdict.applied_rules),
        "reason": verdict.reason,
    }


def iarc_answer(a: Tumor, b: Tumor) -> dict[str, Any]:
    """Gives how two tumors count under the IARC rules of 2004, in the same shape."""
    answer = compare_pair(a.site or None, a.histology or None, b.site or None, b.histology or None)
    counted = is_counted(a.site, a.behavior) and is_counted(b.site, b.behavior)
    result, rule, reason = _IARC_ANSWERS[answer] if counted or answer == "Invalid" else _NOT_COUNTED
    valid = result != INVALID
    return {
        "result": result,
        "group_id": IARC_GROUP if valid else None,
        "rule": rule,
        "applied_rules": [rule] if valid else [],
        "reason": reason,
    }


RULES: dict[str, Callable[[Tumor, Tumor], dict[str, Any]]] = {"seer": seer_answer, "iarc": iarc_answer}


def answer_record(rules: str, record: dict[str, Any]) -> dict[str, Any]:
    """Gives the answer to one record `{"input1", "input2"}`; an input that is no object of codes is an error."""
    first, second = (tumor_of_input(record.get(name), where=name) for name in ("input1", "input2"))
    return RULES[rules](first, second)
