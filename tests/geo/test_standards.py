"""Standard populations and age groups: exact weights or an error, never an interpolation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.ages import GROUPINGS, AgeGroup, check_tiling, group_ages, parse_group, parse_groups
from geo.errors import GeoError
from geo.standards import NAMES, custom_standard, read_standard, standard_population


@pytest.mark.parametrize(
    "label,low,high",
    [
        ("0", 0, 0), ("<1", 0, 0), ("00 years", 0, 0), ("01-04 years", 1, 4), ("0 - 4", 0, 4), ("85+", 85, None),
        ("85+ years", 85, None), ("85 and over", 85, None), ("under 5", 0, 4), ("20–24", 20, 24), ("7.0", 7, 7),
    ],
)  # fmt: skip
def test_spellings(label, low, high):
    assert parse_group(label) == AgeGroup(low, high)


@pytest.mark.parametrize("label", ["", "old", "9-5", "-1", "<0", "85-", "nan"])
def test_no_age_group(label):
    with pytest.raises(GeoError, match="age group"):
        parse_group(label)


def test_codes_of_the_population_file():
    assert [g.label for g in parse_groups(["00", "01", "18"], coding="seer19")] == ["0", "1-4", "85+"]
    assert parse_groups(range(1, 19), coding="seer18") == GROUPINGS[18]
    assert parse_groups([0, 15, 65], coding="lows") == (AgeGroup(0, 14), AgeGroup(15, 64), AgeGroup(65, None))
    with pytest.raises(GeoError, match="outside"):
        parse_groups(["19"], coding="seer19")


# sums printed in the standards' own tables
@pytest.mark.parametrize("name,total", [("us2000", 274_633_642), *[(n, 1_000_000) for n in NAMES if n != "us2000"]])
def test_totals(name, total):
    assert sum(standard_population(name).people) == total


@pytest.mark.parametrize(
    "name,allowed",
    [
        ("us2000", {18, 19, 20}),
        ("who2000", {18, 19, 20}),
        ("esp2013", {18, 19, 20}),
        ("segi", {18, 19}),
        ("eu1976", {18, 19}),
        ("us2000_million", {18, 19}),
    ],
)
def test_groupings_known_exactly(name, allowed):
    standard = standard_population(name)
    assert {count for count, groups in GROUPINGS.items() if standard.allows(groups)} == allowed


def test_twenty_groups_of_the_us_standard():
    # SEER standard 205: ages 85-89 and 90 and over
    weights = standard_population("us2000").weights(GROUPINGS[20]) * 274_633_642
    assert weights[-2:] == pytest.approx([2_678_567, 1_580_606])
    assert weights[0] == pytest.approx(3_794_901)


def test_a_cut_group_is_refused_by_name():
    with pytest.raises(GeoError, match=r"Segi.*85-89.*85\+"):
        standard_population("segi").weights(GROUPINGS[20])


def test_own_standard_by_mapping_and_file(tmp_path):
    own = custom_standard({"0-49": 60, "50+": 40})
    assert own.weights((AgeGroup(0, 49), AgeGroup(50, None))).tolist() == [0.6, 0.4]
    path = tmp_path / "mine.csv"
    path.write_text("age,people\n0-49,60\n50+,40\n")
    assert read_standard(path).people == own.people
    assert standard_population(path).name == "mine"


@pytest.mark.parametrize(
    "text", ["", "age,people\n", "age,people\n0-49,x\n", "age,people\n0-49,1\n60+,1\n", "age,people\n0-49,-1\n50+,1\n",
             "age,people\n0-49,1\n0-49,1\n50+,2\n"]
)  # fmt: skip
def test_bad_standard_files(tmp_path, text):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(GeoError):
        read_standard(path)


@pytest.mark.parametrize("labels", [["0-4", "4-9", "10+"], ["0-4", "6+"], ["1-4", "5+"], ["0-4", "5-9"], ["0+", "5-9"]])
def test_groups_that_do_not_tile(labels):
    with pytest.raises(GeoError, match="age group"):
        check_tiling(parse_groups(labels))


@given(st.lists(st.one_of(st.floats(0, 120), st.just(float("nan")), st.just(-3.0)), min_size=1))
def test_ages_fall_into_the_group_that_holds_them(ages):
    for groups in GROUPINGS.values():
        found = group_ages(np.array(ages), groups)
        for age, index in zip(ages, found):
            if not age >= 0:
                assert index == -1
            else:
                assert groups[index].low <= age < (groups[index].high or 10**6) + 1


def test_ages_beyond_the_groups_have_none():
    groups = (AgeGroup(35, 64),)
    assert group_ages(np.array([34, 35, 64.9, 65]), groups).tolist() == [-1, 0, 0, -1]
