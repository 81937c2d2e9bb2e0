"""Behavior recode and cause-specific death as tables of cases; columns equal to single tumors."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from abstracting.errors import AbstractingError
from abstracting.recodes.behavior import LABELS, behavior_column, behavior_recode
from abstracting.recodes.causes import VERSIONS, cause_specific, cause_specific_columns
from abstracting.recodes.tables import RECODES

BEHAVIOR = [
    # site, histology, behavior, year, recode
    ("C679", "8130", "2", "1995", "3"),  # bladder is malignant whatever its behavior
    ("C679", "8130", "0", "1995", "3"),
    ("C509", "8500", "2", "1995", "2"),
    ("C710", "9380", "1", "2003", "9"),  # borderline brain before it was collected
    ("C710", "9380", "1", "2004", "1"),
    ("C703", "9530", "0", "2010", "9"),  # only C700, C701 and C709 of the meninges are listed
    ("C700", "9530", "0", "2010", "0"),
    ("C421", "9950", "3", "2000", "3"),
    ("C421", "9950", "3", "2001", "4"),
    ("C341", "9133", "3", "2001", "4"),
    ("C220", "9133", "3", "2001", "3"),
    ("C421", "9831", "3", "2009", "3"),
    ("C421", "9831", "3", "2010", "6"),
    ("C569", "8442", "1", "1995", "5"),
    ("C751", "8272", "0", "2004", "0"),
    ("C000", "8070", "0", "2004", "9"),
    ("C50", "8500", "3", "2004", "9"),
    ("C509", "850", "3", "2004", "9"),
    ("C509", "8500", "33", "2004", "9"),
    ("C509", "8500", "3", "9999", "9"),
    ("C509", "8500", "3", None, "9"),
    ("c509", "8500", "3", "2004", "3"),
]


@pytest.mark.parametrize(("site", "histology", "behavior", "year", "recode"), BEHAVIOR)
def test_behavior_recode(site, histology, behavior, year, recode):
    assert behavior_recode(site=site, histology=histology, behavior=behavior, year=year) == recode
    assert recode in LABELS


def test_behavior_of_columns_equals_single_tumors():
    axes = (
        ("C679", "C710", "C702", "C753", "C341", "C569", "C809", "C770", "", None, "C50"),
        ("9831", "9950", "9133", "8140", "", None, "9O50"),
        ("0", "1", "2", "3", "6", "9", "X", "", None),
        ("1999", "2001", "2004", "2010", "9999", "", None, "20"),
    )
    rows = list(itertools.product(*axes))
    names = ("site", "histology", "behavior", "year")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    assert behavior_column(**columns).tolist() == [
        behavior_recode(**dict(zip(names, row, strict=True))) for row in rows
    ]


CAUSES = [
    # site, histology, sequence, revision, cause, last contact, version, (this, other)
    ("C509", "8500", "00", "1", "C509", "2015", "2008", ("1", "0")),
    ("C509", "8500", "00", "1", "C349", "2015", "2008", ("1", "0")),  # any cancer, for an only tumor
    ("C509", "8500", "00", "1", "I219", "2015", "2008", ("0", "1")),
    ("C509", "8500", "01", "1", "C349", "2015", "2008", ("0", "1")),
    ("C509", "8500", "02", "1", "C509", "2015", "2008", ("1", "0")),
    ("C509", "8500", "02", "1", "c798", "2015", "2008", ("1", "0")),
    ("C509", "8500", "60", "1", "C509", "2015", "2008", ("9", "9")),
    ("C509", "8500", None, "1", "C509", "2015", "2008", ("9", "9")),
    ("C509", "8500", "00", "0", "C509", "2015", "2008", ("0", "0")),
    ("C509", "8500", "00", "1", "C509", "2021", "2008", ("0", "0")),  # alive at the cut-off
    ("C509", "8500", "00", "1", "C509", "9999", "2008", ("1", "0")),
    ("C509", "8500", "00", "1", "7777", "2015", "2008", ("8", "8")),
    ("C509", "8500", "00", "1", None, "2015", "2008", ("8", "8")),
    ("C509", "8500", "00", "A", "C509", "2015", "2008", ("0", "1")),
    ("C421", "9950", "02", "1", "D45", "2015", "2008", ("1", "0")),
    ("C446", "8720", "02", "9", "1729", "2015", "2008", ("1", "0")),
    # the one row in which the two tables of 2008 differ: revision 9, anus, 042
    ("C210", "8070", "01", "9", "0429", "2015", "2008", ("1", "0")),
    ("C210", "8070", "01", "9", "0429", "2015", "2008_fixed", ("0", "1")),
]


@pytest.mark.parametrize(("site", "histology", "sequence", "revision", "cause", "last", "version", "expected"), CAUSES)
def test_cause_specific_death(site, histology, sequence, revision, cause, last, version, expected):
    found = cause_specific(
        site=site,
        histology=histology,
        behavior="3",
        year="2010",
        sequence=sequence,
        revision=revision,
        cause=cause,
        last_contact_year=last,
        cutoff_year=2020,
        version=version,
    )
    assert found == expected


@pytest.mark.parametrize("version", VERSIONS)
def test_causes_of_columns_equal_single_tumors(version):
    rng = np.random.default_rng(5)
    axes = {
        "site": ("C509", "C210", "C421", "C446", "C809", "C179", None, "XXXX"),
        "histology": ("8500", "9950", "8720", "9732", "9989", None),
        "sequence": ("00", "01", "02", "59", "60", "", None, "AA"),
        "revision": ("1", "8", "9", "0", "7", "", None),
        "cause": ("C509", "C50 ", "C349", "0422", "042", "1729", "2169", "D619", "c77", "7797", "K578", "C", "", None),
        "last_contact_year": ("2010", "2021", "9999", "", None),
    }
    drawn = {name: rng.choice(np.array(values, dtype=object), 3000) for name, values in axes.items()}
    year, behavior = np.full(3000, "2012", dtype=object), np.full(3000, "3", dtype=object)
    recode = RECODES[VERSIONS[version][1]].column(
        site=drawn["site"], histology=drawn["histology"], behavior=behavior, year=year
    )
    given = {name: values for name, values in drawn.items() if name != "site"}
    found = cause_specific_columns(**given, recode=recode, cutoff_year=2020, version=version)
    for row in range(3000):
        one = {name: values[row] for name, values in drawn.items()}
        expected = cause_specific(**one, behavior="3", year="2012", cutoff_year=2020, version=version)
        assert (found[0][row], found[1][row]) == expected, one


def test_an_unknown_version_is_refused():
    with pytest.raises(AbstractingError, match="1999"):
        cause_specific_columns(
            sequence=[], revision=[], cause=[], last_contact_year=[], histology=[], recode=[], cutoff_year=2020,
            version="1999",
        )  # fmt: skip
