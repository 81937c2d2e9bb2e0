"""What follows from matches: records found through the one between, and relatives that no record between may join."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from registry.linkage.match import Matches, match

Make = Callable[..., dict[str, str]]


def link(crowd: pd.DataFrame, found: Matches, records: dict[str, dict[str, str]]) -> dict[tuple[str, str], tuple]:
    """Gives verdict, conflicts and `through` of each pair of some records that stand among a crowd."""
    frame = pd.concat([crowd, pd.DataFrame([{"record": k, **r} for k, r in records.items()])], ignore_index=True)
    pairs = match(frame.fillna(""), id="record", model=found.model).pairs
    mine = pairs[pairs.left.isin(list(records)) & pairs.right.isin(list(records))]
    return {(p.left, p.right): (p.verdict, p.conflicts, p.through) for p in mine.itertuples()}


def test_two_writings_without_a_common_fact_follow_from_the_record_between(crowd, found, person: Make) -> None:
    young = person(last="Quillfeather", address="3 Mill Road", zip="32099", city="Oakfield", phone="")
    between = person(last="Abernathy", maiden="Quillfeather")
    late = person(last="Abernathy", ssn="", dob="19450317", address="77 Cypress Court", zip="32044", city="", phone="")
    pairs = link(crowd, found, {"X1": {**young, "middle": ""}, "X2": between, "X3": late})
    assert {pairs[k][0] for k in (("X1", "X2"), ("X2", "X3"))} == {"match"}
    assert pairs["X1", "X3"][0] == "match"
    assert pairs["X1", "X3"][2] in ("X2", None)


def test_a_record_between_twins_joins_neither_to_the_other(crowd, found, person: Make) -> None:
    """An initial fits both twins: at most one of the two pairs is a match, and never the twins."""
    one = person(first="Margaret", middle="", ssn="")
    other = person(first="Miranda", middle="", ssn="")
    pairs = link(crowd, found, {"X1": one, "X2": person(first="M", middle="", ssn=""), "X3": other})
    verdicts = [verdict for verdict, _, _ in pairs.values()]
    assert verdicts.count("match") <= 1
    assert pairs["X1", "X3"][0] == "review"
    assert all("chain" not in conflicts or verdict == "review" for verdict, conflicts, _ in pairs.values())


def test_elder_and_younger_are_not_joined_by_a_record_without_a_suffix(crowd, found, person: Make) -> None:
    elder, younger = person(suffix="Sr", ssn=""), person(suffix="Jr", ssn="")
    pairs = link(crowd, found, {"X1": elder, "X2": person(suffix="", ssn=""), "X3": younger})
    assert pairs["X1", "X3"][:2] == ("review", "suffix")
    joining = [pairs["X1", "X2"], pairs["X2", "X3"]]
    assert sorted(verdict for verdict, _, _ in joining) == ["match", "review"]
    assert [conflicts for verdict, conflicts, _ in joining if verdict == "review"] == ["chain"]


def test_only_pairs_across_two_files_follow(crowd, found, person: Make) -> None:
    mine = pd.DataFrame([{"record": f"A{n}", **person(phone=str(n) * 7)} for n in range(2)])
    theirs = pd.DataFrame([{"record": f"B{n}", **person(first=f)} for n, f in enumerate(("Peggy", "Margaret"))])
    pairs = match(mine, theirs, id="record", model=found.model).pairs
    assert set(zip(pairs.left, pairs.right, pairs.verdict)) == {
        (a, b, "match") for a in ("A0", "A1") for b in ("B0", "B1")
    }


@pytest.mark.parametrize("order", [1, 2, 3])
def test_matches_make_whole_groups(crowd: pd.DataFrame, found: Matches, order: int) -> None:
    """Whatever matches is transitive: three records of one person are three pairs, never two."""
    again = pd.concat([crowd, crowd[:100].assign(record=lambda f: "E" + f.record)]).sample(frac=1, random_state=order)
    sure = match(again, id="record", model=found.model).pairs.query("verdict == 'match'")
    partners: dict[str, set[str]] = {}
    for left, right in zip(sure.left, sure.right):
        partners.setdefault(left, {left}).add(right)
        partners.setdefault(right, {right}).add(left)
    assert all(partners[other] == group for group in partners.values() for other in group)
