"""Conditions of rules: how they are written, three-valued logic, and faults of writing that name the place."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from abstracting.primaries.codes import code_set, tables
from abstracting.primaries.conditions import read_condition
from abstracting.primaries.predicates import PREDICATES
from abstracting.primaries.rules import groups, read_rules
from abstracting.primaries.tumors import Tumor

Reader = Callable[[str], Tumor]

# in these tumors: sites are the same, sides are not known, histologies differ
FIRST, SECOND = "C509 8500/3 9 2020", "C509 8520/3 1 2020"
TRUE, FALSE, UNKNOWN = "same_site", "same_histology", "same_side"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ([], True),
        ([TRUE], True),
        ([TRUE, UNKNOWN], None),
        ([UNKNOWN, FALSE], False),
        ([[FALSE, UNKNOWN]], None),
        ([[TRUE, UNKNOWN]], True),
        ([[FALSE, FALSE]], False),
        ([TRUE, [FALSE, [TRUE, UNKNOWN]]], None),
        ([f"not {TRUE}"], False),
        ([f"not {UNKNOWN}"], None),
        ([f"surely {UNKNOWN}"], False),
        ([f"not surely {UNKNOWN}"], True),
        ([f"possibly {UNKNOWN}"], True),
        ([f"surely not {UNKNOWN}"], False),
        ([f"unknown {UNKNOWN}"], True),
        (["$some"], None),
        (["not $some"], None),
        (["unknown $some"], True),
    ],
)
def test_logic(written: object, expected: bool | None, read_tumor: Reader) -> None:
    condition = read_condition(written, {"some": [TRUE, UNKNOWN]})
    assert condition.truth(read_tumor(FIRST), read_tumor(SECOND)) is expected


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (["no_such_test"], "names no predicate"),
        (["same_site 3"], "is no condition"),
        (["both()"], "not in the tables"),
        (["both(no_such_set)"], "not in the tables"),
        (["same_row(no_such_table)"], "not in the tables"),
        (["days_apart(many)"], "not in the tables"),
        (["one_each(8140)"], "has 1 arguments"),
        (["perhaps same_side"], "is no condition"),
        (["$missing"], "names no condition"),
        ([3], "a text or a list"),
    ],
)
def test_faults_name_the_text(written: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_condition(written, {})


def test_a_fault_in_a_rule_names_group_and_step() -> None:
    with pytest.raises(ValueError, match="some_group M1"):
        read_rules("some_group", {"rules": {"M1": {"when": ["nonsense"], "then": "single", "reason": "…"}}})
    with pytest.raises(ValueError, match="some_group M2"):
        read_rules("some_group", {"rules": {"M2": {"when": [], "reason": "…"}}})
    with pytest.raises(ValueError, match="some_group M3"):
        read_rules("some_group", {"rules": {"M3": {"form": "no such form"}}})


def test_code_sets() -> None:
    codes = code_set("C67 C500-C502 8120-8122 8500/3")
    assert {"C67", "C500", "C501", "C502", "8120", "8121", "8122", "8500/3"} == codes.codes
    with pytest.raises(KeyError):
        code_set("no_such_set")


def test_a_site_of_three_characters_stands_for_its_subsites(read_tumor: Reader) -> None:
    assert code_set("C67").has_site(read_tumor("C679 8120/3 - 2020"))
    assert not code_set("C670-C678").has_site(read_tumor("C679 8120/3 - 2020"))


def test_a_table_reads_histology_before_morphology_and_by_site_and_year(read_tumor: Reader) -> None:
    table = tables()["other_sites_2023_table_rows_for_site"]
    assert table.row(read_tumor("C619 8140/2 - 2023")) == {"8140"}
    assert table.row(read_tumor("C444 8140/2 - 2023")) is None
    by_year = tables()["non_malignant_cns_table6_rows"]
    assert [(part.first_year, part.last_year) for part in by_year.parts] == [(0, 2022), (2023, 9999)]


def test_every_predicate_is_used_and_says_what_it_asks() -> None:
    used = {
        test.predicate.name
        for group in groups()
        for rule in group.rules
        for clause in rule.clauses
        for test in clause.when.tests()
    }
    assert used == set(PREDICATES)
    assert all(known.test.__doc__ for known in PREDICATES.values())
