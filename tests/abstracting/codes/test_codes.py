"""Code systems: reading what people write, judging it, naming it, and the type-ahead behind a field."""

from __future__ import annotations

import csv
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abstracting.codes import ITEMS, SYSTEMS, code_system, laterality, morphology, places, sources, topography
from abstracting.errors import AbstractingError

WRITTEN = [
    ("topography", "C50.4", "C504"),
    ("topography", "c504", "C504"),
    ("topography", " 50.4 ", "C504"),
    ("morphology", "8140/3", "8140/3"),
    ("morphology", "M-81403", "8140/3"),
    ("morphology", "8140/33", "8140/3"),
    ("histology", "8140", "8140"),
    ("behavior", "3", "3"),
    ("laterality", "1", "1"),
    ("state", "fl", "FL"),
]


@pytest.mark.parametrize(("system", "text", "code"), WRITTEN)
def test_codes_are_read_as_people_write_them(system, text, code):
    assert code_system(system).parse(text) == code
    assert code_system(system).is_valid(code) and code_system(system).label(code)


@pytest.mark.parametrize(
    ("system", "text", "fault"),
    [("topography", "C507", "code-unknown"), ("topography", "", "code-blank"), ("topography", None, "code-blank"),
     ("morphology", "8141/9", "code-unknown"), ("behavior", "7", "code-unknown"), ("topography", "8140", "code-unknown")],
)  # fmt: skip
def test_what_is_no_code_says_so_with_a_remedy(system, text, fault):
    with pytest.raises(AbstractingError) as caught:
        code_system(system).parse(text)
    assert caught.value.code == fault and caught.value.hint


def test_the_remedy_names_codes_near_it():
    with pytest.raises(AbstractingError) as caught:
        code_system("topography").parse("C50")
    assert "C500" in caught.value.hint


FOUND = [
    # system, query, first answer
    ("topography", "C504", "C504"),
    ("topography", "50.4", "C504"),
    ("topography", "upper outer", "C504"),
    ("topography", "uoq", "C504"),
    ("topography", "prostat", "C619"),
    ("topography", "ovarian", "C569"),
    ("morphology", "81403", "8140/3"),
    ("morphology", "scc", "8070/3"),
    ("morphology", "ductal ca", "8500/3"),
    ("morphology", "dcis", "8500/2"),
    ("morphology", "Adenocarcinoma, NOS", "8140/3"),
    ("histology", "adenoca", "8140"),
    ("state", "flor", "FL"),
]


@pytest.mark.parametrize(("system", "query", "first"), FOUND)
def test_the_type_ahead_puts_first_what_is_meant(system, query, first):
    matches = code_system(system).search(query)
    assert first in [match.code for match in matches[:3]]
    if query.replace(".", "").isalnum() and any(c.isdigit() for c in query):
        assert matches[0].code == first and matches[0].exact


@pytest.mark.parametrize("query", ["", "   ", None, "zzzz", "'; drop", "[", "\\", "()", "C" * 10000])
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_search_never_fails(system, query):
    assert isinstance(code_system(system).search(query), list)


@given(st.data())
@pytest.mark.parametrize("system", SYSTEMS)
def test_every_code_is_found_by_itself_and_reads_back(system, data):
    codes = code_system(system)
    code = data.draw(st.sampled_from(list(codes.codes)))
    assert codes.parse(code) == code
    assert code in [match.code for match in codes.search(code, limit=400) if match.exact]
    assert len(codes.search(code[:1], limit=5)) <= 5


def test_a_code_comes_once():
    for query in ("carcinoma", "8500", "ductal carcinoma"):
        codes = [match.code for match in code_system("morphology").search(query, limit=400)]
        assert len(codes) == len(set(codes))


def test_labels_are_short_and_there():
    for name in ("topography", "laterality", "state"):
        assert all(0 < len(label) <= 60 for label in code_system(name).codes.values())
    assert all(code_system("morphology").codes.values())


def test_items_belong_to_systems():
    assert set(ITEMS.values()) <= set(SYSTEMS)
    with pytest.raises(AbstractingError, match="no code system"):
        code_system("snomed")


def test_every_table_names_its_source():
    names = sorted(path.name for path in sources.DATA.iterdir())
    assert names and all(len(sources.read_source(sources.DATA / name)) > 20 for name in names)


# --- topography -------------------------------------------------------------------------------------------------------


def test_there_are_330_sites_and_each_has_an_organ():
    assert len(topography.CODES) == 330
    assert all(topography.group_label(code) for code in topography.CODES)
    assert topography.group_label("C504") == "Breast" and topography.group_label("X") == ""


# --- morphology -------------------------------------------------------------------------------------------------------

LISTED = [
    # histology, behavior, in NAACCR v26, in ICD-O-3.2
    ("8140", "3", True, True),
    ("8500", "2", True, True),
    ("8054", "0", False, True),
    ("8312", "2", True, False),
    ("8140", "9", False, False),
    ("9999", "3", False, False),
    (None, "3", False, False),
]


@pytest.mark.parametrize(("histology", "behavior", "naaccr", "icdo"), LISTED)
def test_a_histology_is_valid_with_its_behavior_in_an_edition(histology, behavior, naaccr, icdo):
    assert morphology.is_valid(histology, behavior) is naaccr
    assert morphology.is_valid(histology, behavior, edition="icdo32") is icdo


YEARS = [
    # code, year, holds, code to use otherwise
    ("8243/3", 2021, True, ""),  # its preferred term is of 2022, the code is older
    ("8243/3", 2022, True, ""),
    ("8150/1", 2020, True, "8150/3"),
    ("8150/1", 2021, False, "8150/3"),
    ("8150/1", None, None, "8150/3"),
    ("8343/2", 2016, True, "8349/1"),
    ("8343/2", 2018, True, "8349/1"),
    ("8140/3", 1990, True, ""),
    ("8140/3", None, True, ""),
]


@pytest.mark.parametrize(("code", "year", "holds", "instead"), YEARS)
def test_a_code_holds_in_its_years(code, year, holds, instead):
    entry = morphology.morphologies()[code]
    assert (entry.holds_in(year), entry.instead) == (holds, instead)


def test_years_are_in_order_and_successors_exist():
    for entry in morphology.morphologies().values():
        assert entry.first is None or entry.last is None or entry.first <= entry.last
        assert not entry.instead or entry.instead in morphology.morphologies()


def test_a_behavior_that_is_not_listed_leans_on_the_malignant_term():
    assert morphology.label("8140", "9") == "Adenocarcinoma, NOS, malignant, primary or metastatic unknown"
    assert morphology.label("9999", "3") == ""
    assert morphology.behaviors_of("8500") == ("2", "3")


@pytest.mark.shared
def test_the_list_is_that_of_the_dictionary(reference):
    archive = reference / "naaccr" / "lookups" / "naaccr-lookups-260.zip"
    with zipfile.ZipFile(archive) as lookups:
        text = lookups.read("naaccr-lookups-260/histologicTypeIcdO3_preferredTermsOnly.csv").decode()
    listed = {row[0] for row in csv.reader(io.StringIO(text))}
    assert listed == {code for code, entry in morphology.morphologies().items() if "naaccr26" in entry.editions}


# --- laterality and places --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("site", "year", "paired"),
    [("C509", None, True), ("C619", 2020, False), ("C711", 2003, False), ("C711", 2004, True), ("C711", None, None),
     (None, 2020, False)],
)  # fmt: skip
def test_paired_sites(site, year, paired):
    assert laterality.is_paired(site, year) is paired


def test_counties_live_in_their_state():
    assert places.is_county("FL", "086") and not places.is_county("GA", "086")
    assert places.county_label("fl", "086") == "Miami-Dade" and places.geoid("FL", "086") == "12086"
    assert places.geoid("ON", "086") == "" and places.geoid(None, None) == "" and places.geoid("FL", "002") == ""
    assert [match.code for match in places.county("FL").search("dade")] == ["086"]
    assert places.county("FL").label("999") == "Unknown"


def test_states_have_their_numbers():
    assert (places.state_fips("fl"), places.state_of_fips("12"), places.state_fips("ON")) == ("12", "FL", "")
    assert places.state_of_fips("99") == "" and places.state_of_fips(None) == ""
    assert set(code_system("state").codes) >= places.PROVINCES
