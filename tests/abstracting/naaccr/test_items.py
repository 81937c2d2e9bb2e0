"""The item dictionary against the counts of the published dictionaries."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from abstracting.errors import AbstractingError
from abstracting.naaccr.items import (
    LEVELS,
    VERSIONS,
    analysis_column,
    birth_surname,
    codes,
    default_user_items,
    dictionary,
)

# version: items, by level (root, patient, tumor), by record type (A, M, C, I), text/digits/alpha/mixed/numeric/date/dateTime,
# padded with zeros, items of the default user dictionary
COUNTS = """
140  527  5/48/474  527/527/509/441  123/348/10/12/0/34/0   19  21
150  534  5/48/481  534/534/516/448  113/357/10/12/0/42/0  133  21
160  564  5/48/511  564/564/546/478  123/377/10/12/0/42/0  133  23
180  772  5/51/716  772/772/724/684  220/479/10/18/0/45/0  140  19
210  798  5/55/738  798/798/750/709  243/481/10/18/0/46/0  140   2
220  810  5/55/750  810/810/762/721  254/481/10/18/0/47/0  140   0
230  782  5/53/724  782/782/734/693  255/452/10/18/0/47/0  139   0
240  783  5/51/727  783/783/735/695  251/450/12/21/2/47/0  137   0
250  780  5/49/726  780/780/732/693  254/427/11/22/19/42/5 121   0
260  771  5/49/717  771/771/723/684  254/425/11/12/22/42/5 120   0
"""


@pytest.mark.parametrize("row", COUNTS.strip().splitlines(), ids=lambda row: row[:3])
def test_counts_of_each_version(row: str) -> None:
    version, items, levels, record_types, types, zeros, defaults = row.split()
    known = dictionary(version)
    assert len(known) == int(items)
    assert "/".join(str(len(known.items(level=level))) for level in LEVELS) == levels
    assert "/".join(str(len(known.items(record_type=letter))) for letter in "AMCI") == record_types
    found = Counter(item.type for item in known)
    names = ("text", "digits", "alpha", "mixed", "numeric", "date", "dateTime")
    assert "/".join(str(found[name]) for name in names) == types
    assert sum(item.padding == "leftZero" for item in known) == int(zeros)
    assert len(default_user_items(version)) == int(defaults)


def test_numbers_are_the_identity_and_ids_belong_to_a_version() -> None:
    assert {version: dictionary(version).id_of(764) for version in ("160", "180", "260")} == {
        "160": "directlyAssignedSs2017",
        "180": "summaryStage2018",
        "260": "summaryStage2018",
    }
    assert dictionary(250).by_id("primarySite") is dictionary("250").by_number(400)
    assert dictionary(260).by_id("sex") is None and 220 not in dictionary(260)
    assert dictionary(140).by_number(400).column == 540


@pytest.mark.parametrize("version", VERSIONS)
def test_no_number_and_no_id_stands_twice(version: str) -> None:
    items = [*dictionary(version), *default_user_items(version)]
    assert len({item.number for item in items}) == len({item.id for item in items}) == len(items)
    assert all(item.length > 0 and item.level in LEVELS for item in items)


def test_an_unknown_version_is_an_error_that_names_the_known() -> None:
    with pytest.raises(AbstractingError) as error:
        dictionary(170)
    assert error.value.code == "naaccr-version" and "260" in error.value.hint


def test_codes_carry_short_labels_where_their_wording_is_free() -> None:
    assert codes(225)["2"] == "Female" and set(codes(225)) == {"1", "2", "9"}
    assert codes(220, 250)["1"] == "Male" and codes(220, 260) == {}
    assert codes(220, 180) == codes(220, 250), "versions before the first list are answered with it"
    for number in (400, 522, 1910):
        assert codes(number) and set(codes(number).values()) == {""}, "wording of ICD-O and ICD is licensed"
    assert codes(2600) == {}


def test_labels_and_codes_fit_their_items() -> None:
    for version in (250, 260):
        for item in dictionary(version):
            for code, label in codes(item.number, version).items():
                assert len(label) <= 60 and len(code) <= item.length


def test_both_sexes_feed_one_analysis_column() -> None:
    assert analysis_column(220) == analysis_column(225) == "sex"
    assert analysis_column(764) == "summaryStage2018"
    assert analysis_column(99_999) == "item99999"


def test_birth_surname_reads_the_newer_item_first() -> None:
    assert birth_surname({2390: "OLD"}) == "OLD"
    assert birth_surname({2390: "OLD", 2232: "NEW"}) == "NEW"
    assert birth_surname({}) == ""


def test_the_package_is_light_to_import() -> None:
    heavy = "import sys, abstracting.naaccr.items, abstracting.naaccr.commands\n"
    heavy += "print([name for name in ('lxml', 'pandas', 'numpy', 'multiprocessing') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
