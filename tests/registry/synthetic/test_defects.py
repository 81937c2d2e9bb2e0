"""Planted defects: every record-level edit of the catalogue, labelled, at the rate asked for, and truly violated."""

from __future__ import annotations

import csv

import pandas as pd
import pytest

from registry.errors import RegistryError
from registry.synthetic.defects import DEFECTS, NOT_INJECTABLE, inject


@pytest.mark.shared
def test_every_check_of_the_catalogue_is_planted_or_has_its_reason(reference):
    with (reference / "edits/edits_catalogue.csv").open(newline="") as file:
        catalogue = [row["id"] for row in csv.DictReader(file)]
    assert len(catalogue) == 109
    assert set(catalogue) == set(DEFECTS) | set(NOT_INJECTABLE) and not set(DEFECTS) & set(NOT_INJECTABLE)


@pytest.fixture(scope="module")
def flat(large) -> pd.DataFrame:
    """A third of the large registry: enough for the rarest defect."""
    return large.flat().head(7_000)


@pytest.fixture(scope="module")
def planted(flat) -> tuple[pd.DataFrame, pd.DataFrame]:
    return inject(flat, rate=0.02, seed=3, at_most=40)


def test_every_edit_finds_records_to_violate(planted):
    _, labels = planted
    assert set(labels.edit) == set(DEFECTS)
    assert labels.row.is_unique


def test_labels_say_exactly_what_changed(flat, planted):
    bad, labels = planted
    columns = list(flat.columns)
    changed = (bad[columns] != flat).any(axis=1)
    same_anyway = bad.index.isin(labels.row) | ~changed
    assert same_anyway.all(), "only labelled rows change"
    for row in labels.itertuples():
        assert [bad.at[row.row, item] for item in row.items] == row.after
        assert row.before != row.after


def test_rate_zero_changes_nothing(flat):
    few = flat.head(500)
    bad, labels = inject(few, rate=0)
    assert labels.empty and (bad[few.columns] == few).all().all()


def test_the_rate_is_the_share_of_the_records_that_can_violate(flat):
    single = ~flat["20"].duplicated(keep=False)
    _, labels = inject(flat, edits=["ITM05"], rate=0.05)
    assert len(labels) == round(0.05 * single.sum())


def test_the_same_seed_plants_the_same(flat):
    few = flat.head(1_000)
    first, second = inject(few, rate=0.01, seed=9)[1], inject(few, rate=0.01, seed=9)[1]
    assert first.equals(second) and not first.equals(inject(few, rate=0.01, seed=10)[1])


@pytest.mark.parametrize("edit,said", [("DAT11", "tumors of a patient"), ("XYZ99", "not in the catalogue")])
def test_an_edit_that_cannot_be_planted_is_refused_with_its_reason(flat, edit, said):
    with pytest.raises(RegistryError, match=said):
        inject(flat, edits=[edit])
    with pytest.raises(RegistryError, match="not a share"):
        inject(flat, rate=1.5)


VIOLATED = {
    "DAT01": lambda r: r["240"][:4] > r["390"][:4],
    "DAT02": lambda r: r["1750"][:4] < r["390"][:4],
    "DAT03": lambda r: r["1750"] > "20301231",
    "DAT06": lambda r: r["1260"][:4] < r["390"][:4],
    "DAT07": lambda r: r["1200"] > r["1750"],
    "SEX01": lambda r: r["220"] == "1" and "C510" <= r["400"] <= "C589",
    "SEX02": lambda r: r["220"] == "2" and "C600" <= r["400"] <= "C639",
    "AGE02": lambda r: int(r["230"]) < 20,
    "AGE06": lambda r: int(r["230"]) < 40 and r["400"] == "C619",
    "MOR04": lambda r: r["523"] == "2" and r["400"][:3] in {"C40", "C41", "C42", "C47", "C49", "C70", "C71", "C72"},
    "GRA04": lambda r: r["440"] == "6" and int(r["522"]) < 9590,
    "BAS02": lambda r: r["523"] == "2" and r["490"] not in {"1", "2", "4"},
    "BAS05": lambda r: "01" <= r["380"] <= "59" and r["490"] > "5",
    "LAT02": lambda r: r["523"] == "2" and r["410"] == "9",
    "SEQ01": lambda r: r["500"] == "7" and r["380"] != "00",
    "STG01": lambda r: r["523"] == "3" and "0" in (r["760"], r["759"], r["3020"], r["764"]),
    "STG05": lambda r: (r["960"] == "1" or r["1003"] == "cM1") and "7" not in (r["759"], r["3020"], r["764"]),
    "STG09": lambda r: (r["1290"] or r["1291"][1:3]) >= "10" and r["1340"] != "0",
    "STG11": lambda r: r["820"] > r["830"],
    "VST01": lambda r: r["1760"] == "1" and r["1910"] != "0000",
    "VST02": lambda r: r["1760"] == "0" and r["1910"] == "0000",
    "RAC01": lambda r: r["160"] == r["161"],
}


@pytest.mark.parametrize("edit", VIOLATED)
def test_what_is_planted_violates_the_rule_as_written(planted, edit):
    bad, labels = planted
    rows = bad.iloc[labels.row[labels.edit == edit]].to_dict("records")
    assert rows and all(VIOLATED[edit](r) for r in rows)
