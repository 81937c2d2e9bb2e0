"""ICD to ICD-O-3 without silent choices, and the surgery codes of a site and a year."""

from __future__ import annotations

import csv
from collections import Counter

import pytest

from abstracting.codes import icd, surgery
from abstracting.errors import AbstractingError

CONVERSIONS = [
    # system, code, sex, how, site chosen, candidates, reportability
    ("10-CM", "C50.911", None, "exact", "C509", 1, "Y"),
    ("10-CM", "c50911", None, "exact", "C509", 1, "Y"),
    ("10-CM", "C50.912X", None, "coarser", None, 1, "Y"),
    ("9-CM", "174.9", None, "exact", "C509", 1, "Y"),
    ("9-CM", "232.0", None, "several", None, 2, None),
    ("10", "C00.0", None, "exact", "C000", 1, ""),
    ("10-CM", "I21.9", None, "none", None, 0, None),
]


@pytest.mark.parametrize(("system", "code", "sex", "how", "site", "candidates", "reportability"), CONVERSIONS)
def test_a_clinical_code_shows_all_it_can_mean(system, code, sex, how, site, candidates, reportability):
    found = icd.convert(system, code, sex=sex)
    assert (found.how, len(found.candidates)) == (how, candidates)
    assert (found.chosen.site if found.chosen else None) == site
    if reportability is not None:
        assert found.reportability == reportability


def test_sex_settles_what_differs_by_sex_alone():
    both = icd.convert("9-CM", "239.5")
    assert both.how == "several" and both.chosen is None
    assert {c.sex for c in both.candidates} == {"1", "2"}
    for sex in "12":
        one = icd.convert("9-CM", "239.5", sex=sex)
        assert one.how == "exact" and one.chosen.sex == sex
    assert icd.convert("9-CM", "239.5", sex="9").how == "several"


@pytest.mark.parametrize("system", ["10-CM", "9-CM"])
def test_nothing_is_chosen_where_only_finer_codes_are_known(system):
    listed = set(icd._table(system))
    shorter = {code[:-1] for code in listed if len(code) > 4} - listed
    assert shorter
    for code in sorted(shorter):
        found = icd.convert(system, code)
        assert found.how == "finer" and found.chosen is None
        assert all(candidate.icd.startswith(code) for candidate in found.candidates)


@pytest.mark.parametrize("text", ["", None, "C", "50.9", "C50.9.1.1.1", "xyz", "٣٤٥"])
def test_what_has_not_the_shape_of_a_code_is_refused(text):
    with pytest.raises(AbstractingError) as caught:
        icd.parse("10-CM", text)
    assert caught.value.code in ("code-blank", "code-unknown")


def test_an_unknown_system_is_refused():
    with pytest.raises(AbstractingError, match="ICD '11'"):
        icd.convert("11", "2C60")


@pytest.mark.parametrize(("code", "text"), [("C509", "C50.9"), ("C50", "C50"), ("1749", "174.9"), ("E8001", "E800.1")])
def test_codes_are_written_with_their_dot(code, text):
    assert icd.written(code) == text


@pytest.mark.shared
@pytest.mark.parametrize(("system", "name"), [("10-CM", "icd-10-cm"), ("10", "icd-10"), ("9-CM", "icd-9-cm")])
def test_every_row_of_the_conversions_is_there(reference, system, name):
    with (reference / "algorithms" / "icd" / f"{name}-to-icd-o-3.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))[1:]
    times = Counter(row[0] for row in rows)
    for code, site, histology, behavior, _, _, reportability, _ in rows:
        found = icd.convert(system, code)
        assert found.how == ("exact" if times[code] == 1 else "several")
        assert (site, histology, behavior, reportability) in {
            (c.site, c.histology, c.behavior, c.reportability) for c in found.candidates
        }


# --- surgery ----------------------------------------------------------------------------------------------------------

TABLES = [
    # site, histology, year, table
    ("C504", "8500", 2024, "Breast"),
    ("C504", "8500", 2030, "Breast"),
    ("C187", "8140", 2010, "Colon"),
    ("C619", "8140", 1998, "Prostate"),
    ("C421", "9732", 2018, "Hematopoietic diseases"),
    ("C504", "9732", 2018, "Hematopoietic diseases"),
    ("C504", "9732", 2024, "Breast"),
    ("C619", "8140", 1997, None),
    ("C619", "8140", None, None),
    (None, "8140", 2020, None),
    ("C999", "8140", 2020, None),
]


@pytest.mark.parametrize(("site", "histology", "year", "title"), TABLES)
def test_a_case_has_the_surgery_table_of_its_site_and_year(site, histology, year, title):
    table = surgery.surgery_table(site, histology, year)
    assert (table.title if table else None) == title


@pytest.mark.parametrize(
    ("code", "site", "year", "valid"),
    [("41", "C504", 2018, True), ("B200", "C504", 2024, True), ("41", "C504", 2024, False), ("A200", "C504", 2024, False),
     ("41", "C504", 1990, None), ("", "C504", 2018, False)],
)  # fmt: skip
def test_a_surgery_code_is_judged_by_its_table(code, site, year, valid):
    assert surgery.is_valid(code, site=site, histology="8500", year=year) is valid


def test_years_after_the_last_edition_say_so():
    assert surgery.is_beyond_tables(2025) and not surgery.is_beyond_tables(2024)
    assert surgery.edition_for(2025) == surgery.edition_for(2024) == 2024 and surgery.edition_for(2017) == 2016


def test_every_site_has_a_table_in_every_edition():
    from abstracting.codes.topography import CODES

    editions = range(surgery.FIRST_YEAR, surgery.LAST_YEAR + 1)
    without = {site for site in CODES for year in editions if not surgery.surgery_table(site, "8140", year)}
    assert without == set()


def test_labels_are_short_and_searchable():
    table = surgery.surgery_table("C504", "8500", 2018)
    assert all(entry.label and len(entry.label) <= 60 for entry in table.codes)
    assert "22" in [match.code for match in table.system().search("lumpectomy")]
