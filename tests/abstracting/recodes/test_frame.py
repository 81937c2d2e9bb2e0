"""The whole registry at once: every derived column there, typed, and equal to what the single rules say."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from abstracting.recodes import behavior
from abstracting.recodes.frame import AGE_GROUPS, DERIVED, ITEMS, add_recodes, age_group, group_hierarchy
from abstracting.recodes.tables import RECODES

TODAY = dt.date(2026, 1, 15)


@pytest.fixture(scope="module")
def registry(made_up_registry) -> pd.DataFrame:
    return made_up_registry(600, seed=21).set_index(pd.Index(range(1000, 1600), name="row"))


@pytest.fixture(scope="module")
def recoded(registry) -> pd.DataFrame:
    return add_recodes(registry, as_of=TODAY, end_year=2020)


def test_every_derived_column_stands_behind_the_items(registry, recoded):
    assert list(recoded.columns) == [*registry.columns, *DERIVED]
    pd.testing.assert_frame_equal(recoded[list(registry.columns)], registry)


def test_tables_and_behavior_are_those_of_each_tumor(registry, recoded):
    for row in registry.index[:200]:
        record, found = registry.loc[row], recoded.loc[row]
        year = record["390"][:4]
        parts = {"site": record["400"], "histology": record["522"], "behavior": record["523"], "year": year}
        for name in ("site_recode_2008", "site_recode_2023", "iccc_iarc2017", "aya_2020", "brain_cns_2020"):
            value = RECODES[name].value(**parts)
            assert (found[name], found[f"{name}_label"]) == (value, RECODES[name].labels[value])
        assert found["behavior_recode"] == behavior.behavior_recode(**parts)


def test_coded_columns_have_names_for_their_codes(recoded):
    for name, column in DERIVED.items():
        if column.labels is not None:
            assert set(recoded[name]) - {""} <= set(column.labels), name


def test_age_comes_from_the_item_or_from_the_dates():
    frame = pd.DataFrame(
        {"230": ["045", "999", "", "101"], "240": ["19500615"] * 4, "390": ["20200614", "20200615", "2020", "20200101"]}
    )
    found = add_recodes(frame.astype(object), as_of=TODAY)
    assert found["age_at_diagnosis"].tolist() == [45, 70, pd.NA, 101]
    assert found["age_group_5"].tolist() == ["45-49", "70-74", "", "85+"]


@pytest.mark.parametrize(
    ("age", "group"), [(0, "00-04"), (84, "80-84"), (85, "85+"), (120, "85+"), (None, ""), (-1, "")]
)
def test_age_groups(age, group):
    assert age_group(age) == group and len(AGE_GROUPS) == 18


def test_absent_items_count_as_not_coded():
    found = add_recodes(pd.DataFrame({"400": ["C509", None]}, dtype=object), as_of=TODAY)
    assert found["site_recode_2008"].tolist() == ["99999", "99999"]
    assert found["survival_flag_active"].tolist() == ["9", "9"]
    assert found["county_analysis"].tolist() == ["999", "999"]


def test_an_empty_registry_keeps_its_columns():
    found = add_recodes(pd.DataFrame({item: pd.Series(dtype=object) for item in ITEMS}), as_of=TODAY)
    assert len(found) == 0 and set(DERIVED) <= set(found.columns)


def test_running_twice_changes_nothing(recoded):
    pd.testing.assert_frame_equal(add_recodes(recoded, as_of=TODAY, end_year=2020), recoded)


def test_every_patient_is_numbered_from_one(recoded):
    for _, numbers in recoded.groupby("20")["record_number"]:
        assert sorted(numbers) == list(range(1, len(numbers) + 1))


def test_other_storage_of_text_gives_the_same(registry, recoded):
    for dtype in ("category", "string"):
        found = add_recodes(registry.astype(dtype), as_of=TODAY, end_year=2020)
        pd.testing.assert_frame_equal(found[list(DERIVED)], recoded[list(DERIVED)])


def test_menus_have_a_hierarchy():
    groups = group_hierarchy("site_recode_2008")
    assert groups[0].label == "Oral Cavity and Pharynx" and not groups[0].is_leaf
    assert {group.depth for group in groups} == {0, 1, 2, 3}
