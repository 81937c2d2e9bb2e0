"""Table recodes: known tumors, the dense look-up against a plain walk down the table, names and groups complete."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abstracting.errors import AbstractingError
from abstracting.recodes import sources
from abstracting.recodes.rules import Axis, Condition, RuleTable
from abstracting.recodes.tables import RECODES, iccc_major, recode

KNOWN = [
    # recode, site, histology, behavior, year, value, name
    ("site_recode_2008", "C504", "8500", "3", "2015", "26000", "Breast"),
    ("site_recode_2008", "C504", "9680", "3", "2015", "33042", "NHL - Extranodal"),
    ("site_recode_2008", "C504", "9140", "3", "2015", "36020", "Kaposi Sarcoma"),
    ("site_recode_2003_without_ksm", "C384", "9050", "3", "2015", "22050", "Pleura"),
    ("site_recode_2023", "C504", "8500", "0", "2015", "99", "Unknown"),
    ("site_recode_2023", "C504", "8500", "3", "", "99", "Unknown"),
    ("iccc_iarc2017", "C421", "9837", "3", "", "011", "Lymphoid leukemias"),
    ("iccc_iarc2017_extended", "C421", "9837", "3", "", "001", "Precursor cell leukemias"),
    ("iccc_3", "C421", "9837", None, "", "001", "Precursor cell leukemias"),
    ("iccc_3", "C421", "9837", "2", "", "001", "Precursor cell leukemias"),
    ("iccc_3", "C421", "9837", "X", "", "999", "Unknown"),
    ("iccc_3", "C421", "9837", "", "", "999", "Unknown"),
    ("iccc_3_extended", "C421", "9837", "3", "", "999", "Unknown"),
    ("aya_2008", "C420", "9827", "3", "", "04", "1.4 Other and unspecified leukemia"),
    ("lymphoid_2021", "C809", "9940", None, "", "22", "2(a)2.10 Hairy-cell leukemia"),
    ("brain_cns_2020", "C700", "9445", "3", "", "02", "1.2 Glioblastoma"),
    ("brain_cns_2020", "C700", "9445", "0", "", "24", "9. Other non-malignant Brain/ONS"),
]


@pytest.mark.parametrize(("name", "site", "histology", "behavior", "year", "value", "label"), KNOWN)
def test_a_known_tumor_has_its_recode(name, site, histology, behavior, year, value, label):
    found = RECODES[name].value(site=site, histology=histology, behavior=behavior, year=year)
    assert found == value
    if not label.startswith("2(a)"):
        assert RECODES[name].labels[found] == label


@pytest.mark.parametrize("bad", [None, "", "    ", "XXXX", "c509", " C509", "C50.9", "C" + "5" * 5000, "Ç509"])
@pytest.mark.parametrize("name", RECODES)
def test_a_malformed_site_is_unknown_unless_text_order_takes_it(name, bad):
    value = RECODES[name].value(site=bad, histology="8140", behavior="3", year="2015")
    if RECODES[name].numeric or name == "lymphoid_2021":
        assert value == RECODES[name].unknown
    elif value != RECODES[name].unknown:
        # the last row of the brain table asks nothing; `C50.9` and `C555…` lie between `C500` and `C809` as texts do
        assert name == "brain_cns_2020" or "C000" <= bad <= "C809"


def naive(name: str, site: str, histology: str, behavior: str, year: str) -> str:
    """Walks down the table of a recode with well-formed codes, row by row."""
    definition = RECODES[name]
    values = {"site": site, "hist": histology, "beh": behavior}
    used = {"site": "site", "histology": "hist", "behavior": "beh"}
    axes = [used[axis] for axis in definition.axes if axis in used]

    def key(text: str):  # type: ignore[no-untyped-def]
        return int(text.removeprefix("C")) if definition.numeric else text

    def inside(cell: str, value: str) -> bool:
        return any(key(low) <= key(value) <= key(high) for low, high in sources.split_ranges(cell))

    for row in sources.read_rows(f"{definition.table}.csv"):
        fits = True
        for axis in axes:
            include, exclude = row.get(f"{axis}_in"), row.get(f"{axis}_out")
            if include:
                fits &= inside(include, values[axis])
            if exclude and (definition.both or not include):
                fits &= not inside(exclude, values[axis])
        if "year" in definition.axes:
            if row.get("year_min"):
                fits &= int(year) >= int(row["year_min"])
            elif row.get("year_max"):
                fits &= int(year) <= int(row["year_max"])
        if fits:
            return row.get(definition.field) or definition.unknown
    return definition.unknown


tumors = st.tuples(
    st.integers(0, 820).map("C{:03d}".format),
    st.integers(7990, 9999).map(str),
    st.sampled_from("012369"),
    st.integers(1970, 2030).map(str),
)


@settings(deadline=None, max_examples=40)
@given(st.lists(tumors, min_size=1, max_size=30))
@pytest.mark.parametrize("name", RECODES)
def test_the_look_up_equals_a_walk_down_the_table_for_one_tumor_and_for_columns(name, drawn):
    definition = RECODES[name]
    columns = dict(zip(("site", "histology", "behavior", "year"), map(list, zip(*drawn, strict=True)), strict=True))
    walked = [naive(name, *tumor) for tumor in drawn]
    looked_up = [
        definition.value(site=site, histology=histology, behavior=behavior, year=year)
        for site, histology, behavior, year in drawn
    ]
    assert looked_up == walked
    assert definition.column(**columns).tolist() == walked


@pytest.mark.parametrize("name", RECODES)
def test_every_value_has_a_name_and_a_place_in_the_groups(name):
    definition = RECODES[name]
    values = set(definition.values)
    assert values <= set(definition.labels)
    assert all(definition.labels[value] for value in values)
    if definition.groups:
        assert values - {definition.unknown} <= {code for group in definition.groups for code in group.codes}


@pytest.mark.parametrize("name", [name for name, definition in RECODES.items() if definition.groups])
def test_groups_nest(name):
    above: list[set[str]] = []
    for group in RECODES[name].groups:
        assert group.label and group.codes and group.depth <= len(above)
        del above[group.depth :]
        assert not above or set(group.codes) <= above[-1]
        above.append(set(group.codes))


def test_an_axis_tells_ranges_excluded_ones_and_gaps_apart():
    axis = Axis([Condition(((3, 5), (8, 8))), Condition(None, ((4, 4),)), Condition(None)])
    table = RuleTable(axis)
    assert [table.first_row(value) for value in range(2, 10)] == [1, 0, 0, 0, 1, 1, 0, 1]


@pytest.mark.parametrize(("value", "major"), [("011", "01"), ("032", "03"), ("999", "99"), ("", "99"), (None, "99")])
def test_childhood_cancers_have_a_major_category(value, major):
    assert iccc_major(value) == major


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(AbstractingError, match="no recode 'site_recode_1999'") as caught:
        recode("site_recode_1999")
    assert caught.value.code == "recode-name" and "site_recode_2008" in caught.value.hint


def test_every_table_names_its_source():
    files = sorted(path.name for path in sources.DATA.iterdir())
    assert files and all(len(sources.source_of(name)) > 20 for name in files)
