"""Identity: nobody here exists, names are as varied as in life, and the truth of pairs is complete."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from registry.synthetic import names
from registry.synthetic.marks import NPI_ITEMS, WATERMARK, impossible_npi, npi_check_digit, unproven
from registry.synthetic.records import mistype, transpose


def rows(frame: pd.DataFrame) -> list[dict[str, str]]:
    return frame[[c for c in frame.columns if c.isdigit()]].to_dict("records")


def test_every_consolidated_record_is_provably_not_a_person(large):
    assert not list(itertools.chain.from_iterable(map(unproven, rows(large.flat()))))


def test_every_record_of_every_facility_is_provably_not_a_person(small):
    assert not list(itertools.chain.from_iterable(map(unproven, rows(small.abstracts))))
    assert small.abstracts["2680"].str.startswith(WATERMARK).all()


@pytest.mark.parametrize(
    "change,said",
    [
        ({"2170": ""}, "2170"),
        ({"2680": "a real remark"}, "2680"),
        ({"2320": "592801920"}, "2320"),
        ({"2320": "900700001"}, "2320"),
        ({"2360": "3055551234"}, "2360"),
        ({"545": "1234567893"}, "545"),
        ({"540": "1234500001"}, "540"),
    ],
)
def test_the_proof_fails_for_a_record_that_could_be_real(small, change, said):
    assert any(said in fault for fault in unproven(rows(small.abstracts.head(1))[0] | change))


def test_npi_check_digit_is_the_published_formula():
    assert npi_check_digit("123456789") == 3  # the example of the NPI standard: 1234567893
    for number in range(0, 99_000_000, 1_234_567):
        npi = impossible_npi(number)
        assert len(npi) == 10 and int(npi[9]) != npi_check_digit(npi[:9])
    assert {"545", "2465"} <= set(NPI_ITEMS)


def test_death_file_strangers_are_not_people_either(small):
    strangers = small.deaths[(small.deaths_truth.person == -1).to_numpy()]
    numbers = strangers.ssn[strangers.ssn != ""]
    assert len(numbers) > 50 and numbers.str.match(r"999(0[1-9]|[1-4]\d)\d{4}$").all()


def test_numbers_of_persons_are_unique(large):
    ssn = large.true_persons.ssn[large.true_persons.ssn != ""]
    # a twin's number is its sibling's neighbour and may meet another's by chance; nobody else shares one
    assert ssn.duplicated().sum() <= 2
    assert large.facilities.npi.is_unique and large.physicians.npi.is_unique and large.physicians.physician.is_unique


def test_surnames_are_varied_and_their_frequencies_life_like(large):
    counts = large.true_persons["last"].value_counts()
    assert len(counts) > 7_000
    assert 0.003 < counts.iloc[0] / len(large.true_persons) < 0.02
    assert (counts == 1).sum() > 3_000


def test_given_names_tell_the_sex_and_surnames_are_distinct():
    assert not set(names.given_names(0)) & set(names.given_names(1))
    assert len(set(names.surnames())) == len(names.surnames()) == names.SURNAMES
    assert all(n.replace(" ", "").isalpha() for n in [*names.surnames()[:500], *names.towns()[:200]])


def test_twins_share_birth_date_and_surname(small, large):
    persons = large.true_persons
    record = large.records.set_index("record")
    twins = large.pairs[large.pairs.relation == "twin"]
    assert len(twins) > 20 and (twins.match == 0).all()
    left, right = record.loc[twins.left].person.to_numpy(), record.loc[twins.right].person.to_numpy()
    assert (persons.birth.to_numpy()[left] == persons.birth.to_numpy()[right]).all()
    assert (persons["first"].to_numpy()[left] != persons["first"].to_numpy()[right]).all()
    assert (persons["last"].to_numpy()[left] == persons["last"].to_numpy()[right]).all()


def test_some_fathers_and_sons_differ_by_the_suffix_alone(large):
    record = large.records.set_index("record")
    pairs = large.pairs[large.pairs.relation == "parent_child"]
    a, b = large.true_persons.loc[record.loc[pairs.left].person], large.true_persons.loc[record.loc[pairs.right].person]
    same = (a["first"].to_numpy() == b["first"].to_numpy()) & (a["last"].to_numpy() == b["last"].to_numpy())
    assert same.sum() > 20
    assert {tuple(sorted(x)) for x in zip(a.suffix[same], b.suffix[same])} == {("Jr", "Sr")}


def test_pairs_are_all_pairs_of_records_of_one_person(large):
    pairs = large.pairs[large.pairs.relation == "same"]
    counts = large.records.groupby("person").size()
    assert len(pairs) == (counts * (counts - 1) // 2).sum()
    record = large.records.set_index("record").person
    assert (record[pairs.left].to_numpy() == record[pairs.right].to_numpy()).all() and (pairs.match == 1).all()
    others = large.pairs[large.pairs.relation != "same"]
    assert (record[others.left].to_numpy() != record[others.right].to_numpy()).all() and (others.match == 0).all()


def test_home_records_are_right_and_others_carry_the_usual_errors(large):
    record, persons = large.records, large.true_persons
    at_home = record.changes == ""
    assert at_home.sum() > 20_000
    same = record["first"][at_home].to_numpy() == persons["first"].to_numpy()[record.person[at_home]]
    assert same.all()
    kinds = record.changes[~at_home].str.split("; ").explode().value_counts()
    for kind in (
        "nickname",
        "former surname",
        "surname mistyped",
        "number transposed",
        "other address",
        "number missing",
    ):
        assert kinds[kind] > 20, kind


def test_an_error_in_the_birth_date_never_changes_an_age(large):
    wrong = large.records[large.records.changes.str.contains("birth wrong|day and month")]
    mine = large.abstracts[large.abstracts.record.isin(wrong.record)]
    from abstracting.values import age_at, parse_date

    assert len(mine) > 30
    for birth, diagnosis, age in zip(mine["240"], mine["390"], mine["230"]):
        if len(birth) == len(diagnosis) == 8:
            assert age_at(parse_date(birth), parse_date(diagnosis)) == int(age)


@pytest.mark.parametrize("u", [0.1, 0.3, 0.6, 0.9])
def test_a_typing_error_changes_one_place_and_keeps_the_first_letter(u):
    for v in np.linspace(0, 0.99, 20):
        typed = mistype("Charnwick", u, v)
        assert typed[0] == "C" and abs(len(typed) - 9) <= 1
    assert mistype("Al", u, 0.5) == "Al"


def test_a_transposed_number_stays_in_the_reserved_range():
    for serial in ("1234", "1111", "0001", "9999", "1000"):
        for u in (0.0, 0.4, 0.9):
            number = transpose("90012" + serial, u)
            assert number != "90012" + serial and number[:5] == "90012" and number[5:] != "0000"


def test_records_alone_are_those_of_the_registry(small):
    from registry.synthetic import make_records

    records, pairs = make_records(patients=2_000, seed=7)
    assert records.equals(small.records) and pairs.equals(small.pairs)
