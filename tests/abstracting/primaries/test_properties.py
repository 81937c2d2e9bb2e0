"""Properties that hold for any two tumors, and for input that is none."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pytest import fixture, mark

from abstracting.errors import AbstractingError
from abstracting.primaries.cases import RULES, answer_record
from abstracting.primaries.engine import compute_primaries
from abstracting.primaries.records import same_primary
from abstracting.primaries.rules import INVALID, MULTIPLE, OUTCOMES, QUESTIONABLE

YEAR = 2026

# its rules on the side of the body ask for the site of the first tumor
NOT_SYMMETRIC = "str_2021_and_later_cutaneous_melanoma"

RESULTS = {*OUTCOMES.values(), INVALID}

KEYS = (
    "primarySite histologyIcdO3 behaviorIcdO3 histologyIcdO2 behaviorIcdO2 laterality dateOfDiagnosisYear "
    "dateOfDiagnosisMonth dateOfDiagnosisDay"
).split()

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
ALMOST = st.sampled_from(
    ["C509", "C18", "8500", "8140", "3", "2", "9", "2020", "2001", "02", "31", "²", "٣", "-1", " 3 "]
)


@fixture(scope="module")
def pairs(inputs: st.SearchStrategy[dict[str, str]]) -> st.SearchStrategy[tuple[dict[str, str], dict[str, str]]]:
    """Two tumors drawn apart, or the second one the first with some codes changed."""
    changed = st.tuples(inputs, inputs, st.sets(st.sampled_from(KEYS))).map(
        lambda drawn: (drawn[0], {**drawn[0], **{key: drawn[1][key] for key in drawn[2] if key in drawn[1]}})
    )
    return st.tuples(inputs, inputs) | changed


@settings(max_examples=300)
@given(data=st.data())
def test_the_order_of_the_inputs_does_not_matter(data: st.DataObject, pairs: st.SearchStrategy[Any]) -> None:
    a, b = data.draw(pairs)
    one, other = (compute_primaries(*order, current_year=YEAR) for order in ((a, b), (b, a)))
    assert one.group_id == other.group_id
    if one.group_id != NOT_SYMMETRIC:
        assert (one.result, one.rule, one.applied_rules) == (other.result, other.rule, other.applied_rules)


@settings(max_examples=300)
@given(data=st.data())
def test_a_verdict_is_whole(
    data: st.DataObject, pairs: st.SearchStrategy[Any], steps: dict[str, tuple[str, ...]]
) -> None:
    a, b = data.draw(pairs)
    verdict = compute_primaries(a, b, current_year=YEAR)
    assert verdict.result in RESULTS
    assert verdict.reason.endswith(".")
    assert verdict == compute_primaries(a, b, current_year=YEAR)
    if verdict.group_id is None:
        assert (verdict.rule, verdict.applied_rules, verdict.steps) == (None, (), ())
        return
    # the rules are tried in order from the first, and the one that decided is the last of them
    known = steps[verdict.group_id]
    if verdict.rule:
        assert verdict.applied_rules == known[: len(verdict.applied_rules)]
        assert verdict.applied_rules[-1] == verdict.rule


@settings(max_examples=200)
@given(data=st.data())
def test_what_is_not_known_never_turns_a_result_around(data: st.DataObject, pairs: st.SearchStrategy[Any]) -> None:
    """Taking away days of diagnosis leaves the result or makes it questionable."""
    a, b = data.draw(pairs)
    whole = compute_primaries(a, b, current_year=YEAR).result
    without = [{key: value for key, value in tumor.items() if key != KEYS[-1]} for tumor in (a, b)]
    assert compute_primaries(*without, current_year=YEAR).result in (whole, QUESTIONABLE)


@settings(max_examples=200)
@given(data=st.data())
def test_one_tumor_reported_twice_is_never_two(data: st.DataObject, inputs: st.SearchStrategy[dict[str, str]]) -> None:
    tumor = data.draw(inputs)
    assert compute_primaries(tumor, dict(tumor), current_year=YEAR).result != MULTIPLE


@mark.parametrize("rules", RULES)
@settings(max_examples=300)
@given(record=st.fixed_dictionaries({}, optional=dict.fromkeys(("input1", "input2"), ANYTHING)))
def test_no_value_is_a_crash(rules: str, record: dict[str, Any]) -> None:
    try:
        answer = answer_record(rules, record)
    except AbstractingError as error:
        assert error.code == "primaries-input"
    else:
        assert answer["result"] in RESULTS
        json.dumps(answer)


@mark.parametrize("rules", RULES)
@settings(max_examples=300)
@given(
    tumors=st.tuples(
        *[st.dictionaries(st.sampled_from(KEYS), ALMOST | st.text(max_size=6) | st.integers()) for _ in range(2)]
    )
)
def test_no_code_is_a_crash(rules: str, tumors: tuple[dict[str, Any], dict[str, Any]]) -> None:
    answer = answer_record(rules, {"input1": tumors[0], "input2": tumors[1]})
    assert answer["result"] in RESULTS
    json.dumps(answer)


@settings(max_examples=300)
@given(
    records=st.tuples(
        *[
            st.dictionaries(st.sampled_from([400, "400", 522, 523, 420, 430, 410, 390, "390"]), ANYTHING | ALMOST)
            for _ in range(2)
        ]
    )
)
def test_no_record_is_a_crash(records: tuple[dict[Any, Any], dict[Any, Any]]) -> None:
    assert same_primary(*records) in (True, False, None)
