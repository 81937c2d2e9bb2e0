"""Invariants: the pairs do not depend on the order of rows, of files or of columns, nor on who else is in the file."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.linkage import text
from registry.linkage.fields import FIELDS
from registry.linkage.match import Matches, explain, match


def pairs_of(found: Matches) -> set[tuple[frozenset[str], str, float]]:
    """Gives the pairs without their order: both ids, verdict, weight."""
    rows = found.pairs[["left", "right", "verdict", "weight"]].itertuples(index=False, name=None)
    return {(frozenset((left, right)), verdict, round(weight, 4)) for left, right, verdict, weight in rows}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rows_may_come_in_any_order(crowd: pd.DataFrame, found: Matches, seed: int) -> None:
    shuffled = crowd.sample(frac=1, random_state=seed)
    assert pairs_of(match(shuffled, id="record", model=found.model)) == pairs_of(found)


def test_learned_again_from_shuffled_rows_the_verdicts_are_the_same(crowd: pd.DataFrame, found: Matches) -> None:
    again = match(crowd.sample(frac=1, random_state=5), id="record")
    assert {p[:2] for p in pairs_of(again)} == {p[:2] for p in pairs_of(found)}


def test_files_may_change_sides(crowd: pd.DataFrame, found: Matches) -> None:
    one, two = crowd[:1500], crowd[1500:]
    there = match(one, two, id="record", model=found.model)
    back = match(two, one, id="record", model=found.model)
    assert {p[:2] for p in pairs_of(there)} == {p[:2] for p in pairs_of(back)}


def test_columns_may_come_in_any_order_and_be_named_otherwise(crowd: pd.DataFrame, found: Matches) -> None:
    other = crowd[crowd.columns[::-1]].rename(columns={"first": "Given Name", "dob": "born", "zip": "postcode"})
    again = match(other, id="record", mapping={"born": "dob"}, model=found.model)
    assert pairs_of(again) == pairs_of(found)


_text = st.text(max_size=60)
_record = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, _text))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(a=_record, b=_record)
def test_any_text_is_compared_and_both_ways_alike(found: Matches, a: dict[str, str], b: dict[str, str]) -> None:
    there, back = explain(a, b, found.model), explain(b, a, found.model)
    assert there.as_dict() == back.as_dict()
    assert 0.0 <= there.score <= 1.0


@settings(max_examples=150, deadline=None)
@given(value=_text)
def test_a_form_of_a_value_is_its_own_form(value: str) -> None:
    """Bringing a value to its form twice changes nothing more."""
    for form in (text.name_key, text.street, text.phone, text.postal):
        assert form(form(value)) == form(value), form.__name__
