"""International multiple primaries: the rules as a table of pairs, dialects, patients, columns; CanReg5's checks."""

from __future__ import annotations

import pytest

from abstracting.errors import AbstractingError
from abstracting.primaries.iarc import IarcTumor, compare_pair, iarc_columns, iarc_primaries
from abstracting.recodes.canreg import CHECKS, CanregTumor, canreg_checks

PAIRS = [
    # site, histology, site, histology, as published, in CanReg5
    ("C509", "8500", "C501", "8140", "Duplicate", "Duplicate"),
    ("C509", "8500", "C501", "8070", "MultiplePrimary", "MultiplePrimary"),
    ("C509", "8500", "C501", "8010", "Duplicate", "Duplicate"),
    ("C509", "8500", "C501", "8000", "Duplicate", "Duplicate"),
    ("C509", "8500", "C341", "8140", "MultiplePrimary", "MultiplePrimary"),
    ("C509", "9680", "C341", "9823", "Duplicate", "Duplicate"),
    ("C509", "9680", "C341", "9590", "Duplicate", "Duplicate"),
    ("C421", "9861", "C770", "9650", "MultiplePrimary", "MultiplePrimary"),
    ("C509", "9140", "C341", "9140", "Duplicate", "Duplicate"),
    ("C384", "9050", "C482", "9050", "MultiplePrimary", "Duplicate"),
    ("C509", "8000", "C501", "9680", "MultiplePrimary", "Duplicate"),
    ("C258", "8140", "C809", "8500", "MultiplePrimary", "UnknownTopography"),
    ("C001", "8070", "C060", "8070", "Duplicate", "Duplicate"),
    ("C019", "8070", "C021", "8070", "Duplicate", "Duplicate"),
    ("C509", "7999", "C501", "8500", "Invalid", "Invalid"),
]


@pytest.mark.parametrize(("site_a", "hist_a", "site_b", "hist_b", "published", "canreg5"), PAIRS)
def test_two_tumors(site_a, hist_a, site_b, hist_b, published, canreg5):
    for name, expected in (("ims", published), ("canreg5", canreg5)):
        assert compare_pair(site_a, hist_a, site_b, hist_b, name=name) == expected
        assert compare_pair(site_b, hist_b, site_a, hist_a, name=name) == expected


def tumor(date, site, histology, behavior="3", sequence="00"):
    return IarcTumor(date[:4], date[4:6], date[6:], sequence, site, histology, behavior)


def test_the_earliest_tumor_is_the_primary_and_takes_the_more_specific_histology():
    later, first = iarc_primaries([tumor("20120101", "C501", "8500"), tumor("20110101", "C509", "8000")])
    assert (first.indicator, first.histology, first.histology_group) == (1, "8500", 3)
    assert (later.indicator, later.duplicate_of) == (0, 1)


def test_unknown_months_fall_to_the_sequence():
    found = iarc_primaries(
        [tumor("20119999", "C501", "8500", sequence="02"), tumor("20111201", "C509", "8500", sequence="01")]
    )
    assert [one.indicator for one in found] == [0, 1]


def test_in_situ_does_not_count_except_in_the_bladder():
    found = iarc_primaries([tumor("2011", "C509", "8500", "2"), tumor("2012", "C679", "8130", "2")])
    assert [one.indicator for one in found] == [9, 1]


def test_one_tumor_has_no_groups():
    (only,) = iarc_primaries([tumor("2011", "C509", "8500")])
    assert (only.indicator, only.site_group, only.histology_group, only.histology) == (1, None, None, "8500")


def test_review_mode_marks_the_primary_as_well():
    tumors = [tumor("2011", "C509", "8500"), tumor("2012", "C501", "8500")]
    assert [one.indicator for one in iarc_primaries(tumors, flag_primary_with_duplicate=True)] == [0, 0]


def test_no_tumors_no_verdicts():
    assert iarc_primaries([]) == []
    empty: list[str] = []
    assert len(iarc_columns(patient=[], diagnosis=empty, sequence=[], site=[], histology=[], behavior=[])) == 0


def test_an_unknown_dialect_is_refused():
    with pytest.raises(AbstractingError, match="dialect"):
        compare_pair("C509", "8500", "C509", "8500", name="latin")


@pytest.mark.parametrize("name", ["ims", "canreg5"])
@pytest.mark.parametrize("seed", range(3))
def test_columns_equal_patients_one_by_one(made_up_registry, name, seed):
    frame = made_up_registry(600, seed=seed, incomplete=0.3, several=0.6)
    items = {"diagnosis": "390", "sequence": "380", "site": "400", "histology": "522", "behavior": "523"}
    found = iarc_columns(patient=frame["20"], **{key: frame[item] for key, item in items.items()}, name=name)
    for _, rows in frame.reset_index(drop=True).groupby("20"):
        tumors = [
            IarcTumor(r["390"][:4], r["390"][4:6], r["390"][6:], r["380"], r["400"], r["522"], r["523"])
            for r in rows.to_dict("records")
        ]
        expected = [one.indicator for one in iarc_primaries(tumors, name=name)]
        assert found[rows.index].tolist() == expected


# --- CanReg5 as it is -------------------------------------------------------------------------------------------------

FINE = {"site": "C509", "morphology": "8500", "behavior": "3", "sex": "2", "age": 55, "grade": "2", "basis": "7"}

FINDINGS = [
    # what differs from a fine tumor, check, verdict
    ({"basis": "2"}, "Basis", "Query"),
    ({"basis": "2", "morphology": "8000"}, "Basis", "OK"),
    ({"behavior": "2"}, "Grade", "Invalid"),
    ({"grade": ""}, "Grade", "Missing"),
    ({"grade": "5"}, "Grade", "Invalid"),
    ({"morphology": "9712", "grade": "6"}, "Grade", "Invalid"),  # two rules contradict each other
    ({"morphology": "9714", "grade": "4"}, "Grade", "Invalid"),
    ({"morphology": "9714", "grade": "5"}, "Grade", "OK"),
    ({"age": 12}, "AgeTopography", "Rare"),
    ({"age": None}, "AgeTopography", "OK"),
    ({"morphology": "9500", "age": 20}, "AgeMorphology", "Rare"),
    ({"morphology": "850"}, "AgeMorphology", "Invalid"),
    ({"site": "C619", "morphology": "8140", "age": 30, "sex": "1"}, "AgeTopographyMorphology", "Rare"),
    ({"site": "C619"}, "SexTopography", "Invalid"),
    ({"morphology": "9061"}, "SexMorphology", "Rare"),
    ({"morphology": "9084", "sex": "1"}, "SexMorphology", "OK"),  # never fires
    ({"morphology": "9999"}, "Morphology", "Invalid"),
    ({"site": "C999"}, "Topography", "Invalid"),
    ({"morphology": "8170"}, "TopographyMorphology", "Rare"),
    ({"site": "C710", "behavior": "2"}, "TopographyBehaviour", "Rare"),
]


def test_a_fine_tumor_passes_every_check():
    assert canreg_checks(CanregTumor(**FINE)) == dict.fromkeys(CHECKS, "OK")


@pytest.mark.parametrize(("change", "check", "verdict"), FINDINGS)
def test_canreg5_finds_what_it_finds(change, check, verdict):
    assert canreg_checks(CanregTumor(**FINE | change))[check] == verdict
