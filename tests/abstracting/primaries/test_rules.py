"""The table of rules: groups, steps, reasons, and that the last step of each group always speaks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from abstracting.codes.sources import read_source
from abstracting.primaries.codes import DATA
from abstracting.primaries.rules import OUTCOMES, find_group, groups
from abstracting.primaries.tumors import Tumor

Reader = Callable[[str], Tumor]


def test_25_groups_with_245_rules() -> None:
    assert len(groups()) == 25
    assert sum(len(group.rules) for group in groups()) == 245


def test_reasons_are_short_sentences_of_our_own() -> None:
    for group in groups():
        assert group.name and group.name != group.id
        for rule in group.rules:
            for reason in (rule.reason, *(clause.reason for clause in rule.clauses if clause.reason)):
                assert reason[0].isupper() and reason.endswith(".") and len(reason) <= 110, (group.id, rule.step)


def test_the_last_rule_of_a_group_always_speaks() -> None:
    for group in groups():
        assert not group.rules[-1].clauses[-1].when.parts, group.id


def test_outcomes_of_clauses_are_known() -> None:
    found = {clause.outcome for group in groups() for rule in group.rules for clause in rule.clauses}
    assert found == set(OUTCOMES.values())


@pytest.mark.parametrize("path", sorted(DATA.rglob("*.*")), ids=lambda path: path.name)
def test_every_table_names_its_source(path: object) -> None:
    assert "SEER" in read_source(path)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tumor", "year", "expected"),
    [
        ("C421 9732/3 - 2000", 2000, "hemato_2000_and_earlier"),
        ("C421 9732/3 - 2000", 2009, "hemato_2001_to_2009"),
        ("C779 9680/3 - 2012", 2012, "hemato_2010_and_later"),
        ("C711 9413/0 - 2006", 2006, "2006_and_earlier_benign_brain"),
        ("C509 8500/3 - 2006", 2006, "2006_and_earlier_solid_malignant"),
        ("C509 8500/3 - 2006", 2007, "mph_2007_to_2017_breast"),
        ("C509 8500/3 - 2018", 2018, "str_2018_and_later_breast"),
        ("C507 8500/3 - 2018", 2018, "mph_2007_to_2022_other_sites"),  # there is no such subsite in the rules
        ("C199 8140/3 - 2017", 2017, "mph_2007_to_2022_other_sites"),
        ("C199 8140/3 - 2018", 2018, "str_2018_and_later_colon"),
        ("C449 8720/3 - 2020", 2020, "mph_2007_to_2017_melanoma"),
        ("C449 8720/3 - 2021", 2021, "str_2021_and_later_cutaneous_melanoma"),
        ("C449 8070/3 - 2021", 2021, "mph_2007_to_2022_other_sites"),
        ("C619 8140/3 - 2022", 2022, "mph_2007_to_2022_other_sites"),
        ("C619 8140/3 - 2023", 2023, "str_2023_and_later_other_sites"),
        ("C341 9140/3 - 2018", 2018, "mph_2007_to_2022_other_sites"),  # Kaposi sarcoma is left out of the sites' groups
        ("C754 8693/3 - 2018", 2018, "mph_2007_to_2022_other_sites"),
        ("C754 8693/3 - 2019", 2019, "str_2018_and_later_head_and_neck"),
        ("C754 8000/3 - 2019", 2019, "mph_2007_to_2022_other_sites"),
        ("C711 9440/3 - 2018", 2018, "str_2018_and_later_malignant_cns"),
        ("C711 9421/1 - 2018", 2018, "str_2018_and_later_non_malignant_cns"),
        ("C509 8500/0 - 2018", 2018, None),  # a benign tumor outside of the brain
        ("C711 9440/2 - 2018", 2018, "mph_2007_to_2022_other_sites"),
    ],
)
def test_group_of_a_tumor(tumor: str, year: int, expected: str | None, read_tumor: Reader) -> None:
    group = find_group(read_tumor(tumor), year)
    assert (group and group.id) == expected
