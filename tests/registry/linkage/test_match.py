"""The matcher as its users meet it: who is found, who is kept apart, what is said about it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pandas as pd
import pytest

from registry.errors import RegistryError
from registry.linkage.compare import NAMES
from registry.linkage.match import Matches, Thresholds, explain, match
from registry.linkage.model import Model

Make = Callable[..., dict[str, str]]

SAME_PERSON = [
    ("nothing differs", {}),
    ("a short form", {"first": "Peggy"}),
    ("a typing error in the given name", {"first": "Margeret"}),
    ("given name and surname in each other's place", {"first": "Abernathy", "last": "Margaret"}),
    ("the middle name used", {"first": "Rose", "middle": ""}),
    ("a new surname, the old one as birth surname", {"last": "Quillfeather", "maiden": "Abernathy"}),
    ("half of a double surname", {"last": "Abernathy-Quillfeather"}),
    ("day and month swapped where both can be", {"dob": "19450317", "ssn": "900123465"}),
    ("only the year of birth known", {"dob": "1945"}),
    ("the last four digits of the number", {"ssn": "3456"}),
    ("moved", {"address": "900 Cypress Avenue", "city": "Oakfield", "zip": "32099", "phone": ""}),
    ("accents, points and case", {"first": "MARGARÈT", "last": "abernathy."}),
]

NEVER_BY_ITSELF = [
    ("twins", {"first": "Dorothy", "middle": "Anne", "ssn": "900123457"}, "given-name"),
    ("twins without numbers", {"first": "Dorothy", "middle": "", "ssn": ""}, "given-name"),
    ("brother and sister born on one day", {"first": "Walter", "middle": "", "sex": "1", "ssn": ""}, "given-name"),
    ("mother and daughter of one name", {"dob": "19711002", "ssn": ""}, "birth"),
    ("father and son", {"first": "Walter", "dob": "19711002", "sex": "1", "ssn": "900777123"}, "given-name"),
    ("other number altogether", {"ssn": "900871100"}, "number"),
    ("nobody's name", {"first": "Dorothy", "last": "Quillfeather", "middle": "", "ssn": ""}, "names"),
]


@pytest.mark.parametrize(("why", "other"), SAME_PERSON, ids=[w for w, _ in SAME_PERSON])
def test_one_person_written_twice_is_a_match(found: Matches, person: Make, why: str, other: dict[str, str]) -> None:
    said = explain(person(), person(**other), found.model)
    assert (said.verdict, said.conflicts) == ("match", ()), said


@pytest.mark.parametrize(("why", "other", "conflict"), NEVER_BY_ITSELF, ids=[w for w, _, _ in NEVER_BY_ITSELF])
def test_relatives_are_never_joined_unseen(
    found: Matches, person: Make, why: str, other: dict[str, str], conflict: str
) -> None:
    said = explain(person(), person(**other), found.model)
    assert said.verdict != "match"
    assert conflict in said.conflicts


def test_elder_and_younger_are_kept_apart(found: Matches, person: Make) -> None:
    elder, younger = person(suffix="Sr", ssn="", dob=""), person(suffix="Jr", ssn="", dob="")
    assert "suffix" in explain(elder, younger, found.model).conflicts
    assert "suffix" in explain(person(suffix="I"), person(last="Abernathy, II"), found.model).conflicts
    assert explain(person(suffix="Sr"), person(), found.model).conflicts == ()


def test_missing_says_nothing(found: Matches, person: Make) -> None:
    whole, less = explain(person(), person(), found.model), explain(person(), person(phone="", ssn=""), found.model)
    assert not {"phone", "ssn"} & set(less.weights)
    for name in less.weights.keys() - {"zip", "address"}:  # a household's facts are one fact and share their weight
        assert less.weights[name] == whole.weights[name]


def test_fillers_are_missing(found: Matches, person: Make) -> None:
    filled = person(ssn="999999999", phone="0000000000", zip="99999", first="UNKNOWN", dob="99999999")
    assert not {"ssn", "phone", "first", "dob"} & set(explain(filled, filled, found.model).weights)


def test_weights_and_prior_add_up_to_the_score(found: Matches) -> None:
    for line in found.lines():
        total = sum(line["weights"].values())
        assert 1 / (1 + 2**-total) == pytest.approx(line["score"], abs=0.01)


def test_a_pair_is_explained_the_same_way_round(found: Matches, person: Make) -> None:
    a, b = person(first="Peggy", ssn=""), person(last="Abernathy-Stone", dob="19450301")
    assert explain(a, b, found.model).as_dict() == explain(b, a, found.model).as_dict()


def test_the_second_writings_are_found(found: Matches) -> None:
    sure = found.pairs[found.pairs.verdict == "match"]
    truth = {(f"C{n}", f"D{n}") for n in range(300)}
    assert set(zip(sure.left, sure.right)) <= truth
    assert len(sure) >= 0.97 * len(truth)


def test_two_files_give_pairs_across_them_only(crowd: pd.DataFrame) -> None:
    first, second = crowd[:1500], crowd[1500:]
    pairs = match(first, second, id="record").pairs
    assert set(pairs.left.str[0]) == {"C"}
    assert set(pairs.right.str[0]) == {"D"}
    assert (pairs.verdict == "match").sum() >= 290


def test_a_model_travels_as_json(found: Matches, crowd: pd.DataFrame) -> None:
    again = Model.from_dict(json.loads(json.dumps(found.model.as_dict())))
    pairs = match(crowd, id="record", model=again).pairs
    pd.testing.assert_frame_equal(pairs, found.pairs)


def test_lines_are_the_contract_of_the_command(found: Matches) -> None:
    for line in found.lines():
        assert {"left", "right", "score", "verdict", "weights"} <= line.keys()
        assert line["verdict"] in ("match", "review")
        assert set(line["weights"]) <= {"prior", *NAMES}


BAD = [
    ({"id": "person"}, "usage"),
    ({"id": "record", "mapping": {"first": "forename"}}, "usage"),
    ({"id": "record", "mapping": {"nothing": "first"}}, "usage"),
]


@pytest.mark.parametrize(("arguments", "code"), BAD)
def test_wrong_columns_are_named(crowd: pd.DataFrame, arguments: dict, code: str) -> None:
    with pytest.raises(RegistryError) as caught:
        match(crowd, **arguments)
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.parametrize("ids", [["A", "A"], ["A", ""], ["A", None]])
def test_ids_are_unique_and_complete(ids: list) -> None:
    frame = pd.DataFrame({"record": ids, "last": ["Abernathy", "Abernathy"]})
    with pytest.raises(RegistryError) as caught:
        match(frame, id="record")
    assert caught.value.code == "link-id"


@pytest.mark.parametrize("rows", [0, 1])
def test_nothing_to_compare_is_no_error(crowd: pd.DataFrame, rows: int) -> None:
    assert match(crowd[:rows], id="record").pairs.empty
    assert match(crowd[:rows], crowd[:0], id="record").pairs.empty


def test_thresholds_are_in_order() -> None:
    for match_, review in ((0.5, 0.9), (1.0, 0.5), (0.9, 0.0)):
        with pytest.raises(RegistryError):
            Thresholds(match_, review)
