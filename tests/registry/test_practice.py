"""Practice: exercises repeat from their seed, the chart supports every code, near answers earn their share, raters agree."""

from __future__ import annotations

import json

import pytest

from registry.errors import RegistryError
from registry.practice.agreement import measure
from registry.practice.chart import operation_code
from registry.practice.exercises import Exercise, make_set
from registry.practice.scoring import NEAR, RIGHT, WRONG, Score, failing, score
from registry.practice.tables import PRIMARIES, asked, plan
from registry.synthetic.marks import WATERMARK


@pytest.fixture(scope="module")
def round_of_twenty() -> list[Exercise]:
    return make_set("mixed", seed=3, count=20)


@pytest.fixture(scope="module")
def breast() -> Exercise:
    return make_set("breast", seed=7, count=1, difficulty="easy")[0]


def test_the_same_seed_gives_the_same_exercises(round_of_twenty):
    again = make_set("mixed", seed=3, count=5)
    assert [one.digest for one in again] == [one.digest for one in round_of_twenty[:5]]
    assert len({one.digest for one in round_of_twenty}) == 20
    assert make_set("mixed", seed=4, count=1)[0].digest not in {one.digest for one in round_of_twenty}


def test_every_code_that_is_asked_has_a_sentence_behind_it(round_of_twenty):
    for exercise in round_of_twenty:
        assert [n for n in exercise.truth if not exercise.evidence(n)] == [], exercise.key
        assert set(exercise.truth) <= set(exercise.form)
        assert {PRIMARIES, 390, 400, 410, 522, 523, 610, 764} <= set(exercise.truth) | {764}


def test_surgery_here_and_the_stage_after_it_are_asked_and_agree_with_the_operation(round_of_twenty):
    asked_for = set().union(*(exercise.truth for exercise in round_of_twenty))
    assert {670, 671, 1011, 1012, 1013, 1014} <= asked_for
    for exercise in round_of_twenty:
        held = {**exercise.hidden, **exercise.truth}
        total, here = operation_code(held), operation_code(exercise.truth, here=True)
        assert here in ("", "00", total), exercise.key
        places = {exercise.documents[document].title for document, _ in exercise.evidence(1011)}
        assert places <= {"Tumor conference"}, exercise.key
        assert 1011 not in exercise.truth or total not in ("", "00", "98", "99"), exercise.key


def test_a_chart_is_provably_synthetic_and_names_nobody(round_of_twenty):
    for exercise in round_of_twenty:
        texts = [sentence.text for document in exercise.documents for sentence in document.sentences]
        assert texts[-1] == WATERMARK
        names = {exercise.hidden[n] for n in (2230, 2240, 2320) if exercise.hidden.get(n)}
        assert not any(name in text for name in names for text in texts)


def test_the_truth_scores_in_full_and_fails_no_edit(round_of_twenty):
    for exercise in round_of_twenty:
        found = score(exercise, exercise.truth)
        assert (found.percent, found.findings) == (pytest.approx(100), ()), exercise.key


def test_an_exercise_survives_its_keeping(breast):
    kept = json.loads(json.dumps(breast.as_dict(), sort_keys=True))
    assert Exercise.from_dict(kept) == breast
    assert list(Exercise.from_dict(kept).truth) == list(breast.truth)


def test_several_primaries_are_what_the_rules_say_and_a_second_focus_is_none():
    hard = make_set("breast", seed=7, count=10, difficulty="hard")
    several = [one for one in hard if "several_tumors" in one.features]
    focus = [one for one in hard if "second_focus" in one.features]
    assert several and focus
    assert all(int(one.truth[PRIMARIES]) > 1 for one in several)
    assert all(one.truth[PRIMARIES] == "1" and "Rule" in one.reasons[PRIMARIES] for one in focus)


def answered(exercise: Exercise, number: int, answer: str) -> tuple[str, float]:
    found: Score = score(exercise, exercise.truth | {number: answer})
    item = next(one for one in found.items if one.number == number)
    return item.verdict, item.credit


NEARNESS = [
    (400, "C504", "C509", NEAR, 0.5),
    (400, "C504", "C619", WRONG, 0),
    (400, "C504", "C5", WRONG, 0),
    (522, "8500", "8503", NEAR, 0.5),
    (523, "3", "2", WRONG, 0),
    (390, "20210623", "20210601", NEAR, 0.5),
    (390, "20210623", "202106", NEAR, 0.5),
    (390, "20210623", "20210101", NEAR, 0.25),
    (390, "202106", "20210612", NEAR, 0.5),
    (390, "20210623", "2021062", NEAR, 0.5),
    (756, "020", "022", NEAR, 0.5),
    (756, "020", "025", WRONG, 0),
    (756, "020", "999", WRONG, 0),
    (820, "03", "04", NEAR, 0.5),
    (820, "98", "97", WRONG, 0),
    (764, "3", "4", NEAR, 0.5),
    (764, "3", "1", WRONG, 0),
    (1291, "A220", "A230", NEAR, 0.5),
    (1291, "A220", "B220", WRONG, 0),
    (1390, "02", "03", NEAR, 0.5),
    (1390, "02", "00", WRONG, 0),
    (1001, "cT2", "ct2", RIGHT, 1),
    (610, "14", "13", NEAR, 0.5),
    (610, "14", "22", WRONG, 0),
    (410, "1", "", WRONG, 0),
]


@pytest.mark.parametrize(("number", "expected", "answer", "verdict", "credit"), NEARNESS)
def test_what_a_near_answer_earns(breast, number, expected, answer, verdict, credit):
    kept = breast.as_dict()
    kept["truth"] = kept["truth"] | {str(number): expected}
    assert answered(Exercise.from_dict(kept), number, answer) == (verdict, credit)


def test_a_date_of_what_was_not_given_is_wrong_and_its_blank_is_not_counted(breast):
    blank = next(n for n in (1210, 1220, 1230, 1240) if n not in breast.truth)
    assert blank in breast.form
    assert score(breast, breast.truth).possible < score(breast, breast.truth | {blank: "20210701"}).possible
    assert answered(breast, blank, "20210701") == (WRONG, 0)


def test_edits_that_would_have_failed_are_told_and_those_of_the_truth_are_not(breast):
    male_site = breast.truth | {400: "C619"}
    assert {finding.rule for finding in failing(breast, male_site)}
    kept = breast.as_dict()
    kept["baseline"] = [finding.rule for finding in failing(breast, male_site)]
    assert failing(Exercise.from_dict(kept), male_site) == []


@pytest.mark.parametrize("name", plan()["sets"])
def test_every_set_names_groups_of_the_synthetic_registry(name):
    from registry.synthetic.tables import site_groups

    assert set(plan()["sets"][name]["groups"]) <= set(site_groups().group)


def test_every_item_that_is_asked_has_a_rule_and_a_known_way_of_nearness():
    from registry.practice.scoring import _NEARNESS

    assert all(one.rule and one.weight > 0 for one in asked().values())
    assert {part[0] for one in asked().values() for part in one.credit} == set(_NEARNESS)


@pytest.mark.parametrize("told", [{"name": "x"}, {"count": 0}, {"count": 21}, {"seed": -1}, {"difficulty": "x"}])
def test_a_set_that_cannot_be_made_is_refused(told):
    with pytest.raises(RegistryError) as caught:
        make_set(**({"name": "mixed", "seed": 1, "count": 1} | told))
    assert caught.value.code == "usage"


# Fleiss (1971), the form of ten subjects, fourteen raters and five codes that textbooks print: kappa 0.210
FLEISS = [
    (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
]  # fmt: skip


def test_kappa_agrees_with_the_printed_example():
    ratings = {s: [str(c) for c, n in enumerate(row) for _ in range(n)] for s, row in enumerate(FLEISS)}
    found = measure(ratings, {})
    assert found.kappa == pytest.approx(0.210, abs=5e-4)
    assert found.percent == pytest.approx(37.8, abs=0.05)


@pytest.mark.parametrize(
    ("ratings", "percent", "kappa", "with_truth"),
    [
        ({"a": ["1", "1"], "b": ["2", "2"]}, 100, 1, 50),
        ({"a": ["1", "2"], "b": ["2", "1"]}, 0, -1, 50),
        ({"a": ["1", "1"]}, 100, None, 100),
        ({"a": ["1"]}, None, None, 100),
        ({}, None, None, None),
    ],
)
def test_agreement_of_two_registrars(ratings, percent, kappa, with_truth):
    found = measure(ratings, {"a": "1", "b": "1"})
    assert (found.percent, found.kappa, found.with_truth) == (percent, kappa, with_truth)
