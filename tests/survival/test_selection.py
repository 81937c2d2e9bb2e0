"""Selection as registries do it: each rule on small cases, and the flow that adds up."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survival.errors import SurvivalError
from survival.selection import Rules, default_standard, describe, select, small_groups

PLAIN = {
    "523": "3",
    "380": "00",
    "500": "1",
    "490": "1",
    "610": "14",
    "220": "1",
    "230": "060",
    "1760": "1",
    "1788": "20100115",
    "1782": "20150115",
    "1914": "0",
    "400": "C509",
    "522": "8500",
}


def rows(*changes: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame([PLAIN | change for change in changes])


# each case: what the row says, the rules, and whether the row stays (with its time and event)
CASES = [
    ("an ordinary survivor", {}, Rules(), (1826, 0)),
    ("an ordinary death", {"1760": "0"}, Rules(), (1826, 1)),
    ("in situ", {"523": "2"}, Rules(), None),
    ("in situ when asked for", {"523": "2"}, Rules(behaviors=("2", "3")), (1826, 0)),
    ("death certificate only", {"500": "7", "1760": "0"}, Rules(), None),
    ("autopsy only", {"500": "6", "1760": "0"}, Rules(), None),
    ("second primary", {"380": "02"}, Rules(), None),
    ("second primary when all are asked for", {"380": "02"}, Rules(first_primary_only=False), (1826, 0)),
    ("first of several", {"380": "01"}, Rules(), (1826, 0)),
    ("alive with zero days", {"1782": "20100115"}, Rules(), None),
    ("dead on day 0", {"1782": "20100115", "1760": "0"}, Rules(), (0, 1)),
    (
        "alive with zero days, presumed alive",
        {"1782": "20100115"},
        Rules(presumed_alive=True, deaths_complete_to="2011-01-15"),
        (365, 0),
    ),
    (
        "presumed alive needs no last contact",
        {"1782": ""},
        Rules(presumed_alive=True, deaths_complete_to="2011-01-15"),
        (365, 0),
    ),
    (
        "a death after the cut-off is alive at it",
        {"1760": "0"},
        Rules(presumed_alive=True, deaths_complete_to="2011-01-15"),
        (365, 0),
    ),
    ("follow-up cut under active follow-up", {"1760": "0"}, Rules(cut_off="2011-01-15"), (365, 0)),
    ("diagnosed after the cut-off", {}, Rules(cut_off="2009-12-31"), None),
    ("partial date", {"1788": "201001"}, Rules(), None),
    ("vital status unknown", {"1760": "9"}, Rules(), None),
    ("last contact before diagnosis", {"1782": "20091231"}, Rules(), None),
    ("not analytic", {"610": "30"}, Rules.for_facility(), None),
    ("analytic", {"610": "22"}, Rules.for_facility(), (1826, 0)),
    ("not confirmed", {"490": "8"}, Rules(microscopic_only=True), None),
    ("net: sex other", {"220": "3"}, Rules(endpoint="net"), None),
    ("net: age unknown", {"230": "999"}, Rules(endpoint="net"), None),
    ("observed keeps an unknown age", {"230": "999"}, Rules(), (1826, 0)),
    ("cause-specific event", {"1760": "0", "1914": "1"}, Rules(endpoint="cause-specific"), (1826, 1)),
    ("dead of another cause is censored", {"1760": "0", "1914": "0"}, Rules(endpoint="cause-specific"), (1826, 0)),
    ("cause unknown", {"1760": "0", "1914": "8"}, Rules(endpoint="cause-specific"), None),
    ("not first in the recode", {"1914": "9"}, Rules(endpoint="cause-specific"), None),
]


@pytest.mark.parametrize(("name", "row", "rules", "stays"), CASES, ids=[case[0] for case in CASES])
def test_each_rule(name, row, rules, stays):
    selection = select(rows(row), rules)
    if stays is None:
        assert selection.frame.empty
        gone = [step for step in selection.flow if step.excluded]
        assert len(gone) == 1 and gone[0].excluded == 1
    else:
        assert (selection.frame["time"].iloc[0], selection.frame["event"].iloc[0]) == stays


def test_codes_read_as_numbers_mean_the_same():
    frame = rows({}, {"380": "02"}, {"610": "07"})
    numbers = frame.apply(pd.to_numeric, errors="coerce").assign(**{"400": frame["400"]})
    for rules in (Rules(), Rules.for_facility()):
        assert len(select(numbers, rules).frame) == len(select(frame, rules).frame) == 2


def test_presumed_alive_needs_its_date():
    with pytest.raises(SurvivalError, match="complete death ascertainment"):
        select(rows({}), Rules(presumed_alive=True))


def test_a_missing_column_is_named():
    with pytest.raises(SurvivalError, match="'1914'"):
        select(rows({}).drop(columns="1914"), Rules(endpoint="cause-specific"))


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "523": st.sampled_from("0123"),
                "380": st.sampled_from(["00", "01", "02", "99"]),
                "500": st.sampled_from("1678"),
                "1760": st.sampled_from("019"),
                "1782": st.sampled_from(["20100115", "20120301", "", "20090101"]),
                "220": st.sampled_from("129"),
                "230": st.sampled_from(["050", "999", "090"]),
            }
        ),
        min_size=1,
        max_size=30,
    )
)
@settings(deadline=None, max_examples=40)
def test_the_flow_adds_up_and_the_input_is_untouched(changes):
    frame = rows(*changes)
    before = frame.copy()
    selection = select(frame, Rules(endpoint="net"))
    pd.testing.assert_frame_equal(frame, before)
    assert selection.flow[0].left == len(frame)
    for earlier, later in zip(selection.flow, selection.flow[1:]):
        assert earlier.left - later.excluded == later.left
    assert selection.flow[-1].left == len(selection.frame)
    assert (selection.frame["time"] >= 0).all()


def test_the_definition_says_what_was_chosen():
    sentence = describe(Rules.for_facility(endpoint="cause-specific"))
    for part in ("Malignant tumors", "analytic cases", "first primaries", "item 1914", "active follow-up"):
        assert part in sentence


STANDARDS = [
    ("C509", "8500", "icss1"),
    ("C61.9", "8140", "icss1"),
    ("C446", "8743", "icss2"),
    ("C539", "8070", "icss2"),
    ("C621", "9061", "icss3"),
    ("C770", "9650", "icss3"),
    ("C421", "9811", "icss3"),
    ("C719", "9680", "icss1"),
]


@pytest.mark.parametrize(("site", "histology", "name"), STANDARDS)
def test_the_standard_follows_the_site(site, histology, name):
    found = default_standard(rows({"400": site, "522": histology}))
    assert found.name == name
    assert found.lower == ((15, 55, 65, 75, 85) if site.startswith("C61") else (15, 45, 55, 65, 75))
    assert sum(found.weights) == pytest.approx(1)


def test_mixed_sites_have_no_common_standard():
    with pytest.raises(SurvivalError, match="different age standards"):
        default_standard(rows({}, {"400": "C621", "522": "9061"}))


def test_small_groups_are_reported():
    frame = pd.DataFrame({"stage": ["1"] * 30 + ["4"] * 3})
    assert small_groups(frame, ["stage"]).to_dict("records") == [{"stage": "4", "n": 3}]
