"""The two policies of the simulation: both stop at the target and count every attempt; learned chances need fewer."""

from __future__ import annotations

from datetime import date, timedelta

from registry.followup.chances import AGES, YEARS, Attempt, Group, fit
from registry.followup.rates import PATIENT, Rate
from registry.followup.rules import rule_set
from registry.followup.simulation import Work, by_chance, first_in_first_out

YOUNG, OLD = (Group(age, YEARS[1][1], "", False) for _, age in (AGES[0], AGES[3]))
PEOPLE = 40


def work() -> tuple[Rate, list[Work], dict[tuple[int, str], bool]]:
    """Forty of a hundred are lost; the young answer the telephone alone, the old their physician's letter alone."""
    test = rule_set("coc").tests[1]
    rate = Rate(test, PATIENT, tuple(range(100)), (), tuple(range(PEOPLE, 100)), tuple(range(PEOPLE)))
    rows, truth = [], {}
    for number in range(PEOPLE):
        young = number % 2 == 0
        since = date(2024, 1, 1) + timedelta(days=number)
        rows.append(Work(number, 1, since, YOUNG if young else OLD, ("chart", "physician", "phone")))
        truth |= {(number, "chart"): False, (number, "physician"): not young, (number, "phone"): young}
    return rate, rows, truth


def test_first_in_first_out_takes_the_ways_in_turn() -> None:
    rate, rows, truth = work()
    assert rate.needed == 30
    played = first_in_first_out(rate, rows, truth)
    # forty charts, forty physicians of whom the twenty old answer, then ten telephone calls to the young
    assert (played.attempts, played.reached, played.rate) == (90, True, 0.9)
    assert sum(attempt.answered for attempt in played.log) == rate.needed


def test_what_was_learned_needs_a_third_of_the_attempts() -> None:
    rate, rows, truth = work()
    learned = fit(
        Attempt(way, group, truth[(number, way)])
        for number, group in ((0, YOUNG), (1, OLD))
        for way in ("chart", "physician", "phone")
        for _ in range(50)
    )
    played = by_chance(rate, rows, truth, learned)
    assert (played.attempts, played.reached, played.rate) == (30, True, 0.9)


def test_a_target_out_of_reach_ends_with_everybody_tried() -> None:
    rate, rows, truth = work()
    nobody = dict.fromkeys(truth, False)
    for played in (first_in_first_out(rate, rows, nobody), by_chance(rate, rows, nobody, fit(()))):
        assert (played.attempts, played.reached, played.rate) == (3 * PEOPLE, False, 0.6)
