"""Scoring of an exercise: every item against the truth, with what nearness earns, its evidence and its rule.

What a near answer earns is data (`data/items.csv`). Edits count apart: those that fail on the answers together with the
rest of the record, but for those that fail on the truth itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from registry.abstracting.checks import Finding, check
from registry.abstracting.coding import Coding
from registry.practice.exercises import STARTS, Exercise
from registry.practice.tables import PRIMARIES, PRIMARIES_NAME, Asked, asked, sections
from registry.views.labels import title

RIGHT, NEAR, WRONG = "right", "near", "wrong"


@dataclass(frozen=True, slots=True)
class ItemScore:
    """One item: what was expected and answered, what it earned of its weight, why, and the places of its evidence."""

    number: int
    name: str
    section: str
    expected: str
    expected_meaning: str
    answer: str
    answer_meaning: str
    credit: float
    weight: float
    near: str
    rule: str
    reason: str
    evidence: tuple[tuple[int, int], ...]

    @property
    def verdict(self) -> str:
        """`right`, `near` or `wrong`."""
        return RIGHT if self.credit == 1 else NEAR if self.credit else WRONG


@dataclass(frozen=True, slots=True)
class SectionScore:
    """What the items of a section earned."""

    title: str
    earned: float
    possible: float
    right: int
    asked: int

    @property
    def percent(self) -> float:
        """The share of the points, in per cent."""
        return 100 * self.earned / self.possible if self.possible else 0.0


@dataclass(frozen=True)
class Score:
    """An exercise scored: item by item in the order of the form, and the edits that fail on the answers."""

    items: tuple[ItemScore, ...]
    findings: tuple[Finding, ...]

    @property
    def earned(self) -> float:
        """Points earned."""
        return sum(item.credit * item.weight for item in self.items)

    @property
    def possible(self) -> float:
        """Points that could be earned."""
        return sum(item.weight for item in self.items)

    @property
    def percent(self) -> float:
        """The share of the points, in per cent."""
        return 100 * self.earned / self.possible if self.possible else 0.0

    @property
    def sections(self) -> list[SectionScore]:
        """What each section earned, in the order of the form."""
        return by_section((i.section, i.credit, i.weight) for i in self.items)


def by_section(scores: Iterable[tuple[str, float, float]]) -> list[SectionScore]:
    """Gives the sum by section of (section, credit, weight)."""
    held: dict[str, list[tuple[float, float]]] = {name: [] for name in sections()}
    for section, credit, weight in scores:
        held[section].append((credit, weight))
    return [
        SectionScore(
            name, sum(c * w for c, w in rows), sum(w for _, w in rows), sum(c == 1 for c, _ in rows), len(rows)
        )
        for name, rows in held.items()
        if rows
    ]


def score(exercise: Exercise, answers: Mapping[int, str]) -> Score:
    """Gives the score of some answers; an item without an answer earns nothing, a date of what was not given neither."""
    held = {number: value.strip() for number, value in answers.items()}
    told = [n for n in exercise.form if n in exercise.truth or (n in STARTS and held.get(n))]
    items = [_item(exercise, asked()[n], held.get(n, ""), held) for n in told]
    return Score(tuple(items), tuple(failing(exercise, answers)))


def failing(exercise: Exercise, answers: Mapping[int, str], *, hidden: bool = True) -> list[Finding]:
    """Gives the edits that fail on the answers, but for those that fail on the truth.

    Only edits with an end among what is asked count: the rest of the record is not the registrar's. Without `hidden` the
    record is what stands on the form alone.
    """
    record = {**(exercise.hidden if hidden else {}), **exercise.given}
    record |= {number: value.strip() for number, value in answers.items() if value.strip()}
    record.pop(PRIMARIES, None)
    asked_for = set(exercise.form)
    return [
        finding
        for finding in check(record)
        if finding.rule not in exercise.baseline and asked_for.intersection(finding.ends)
    ]


def name_of(number: int) -> str:
    """Gives the name of an item that is asked."""
    return PRIMARIES_NAME if number == PRIMARIES else title(str(number)).partition(" ")[2] or str(number)


def _item(exercise: Exercise, one: Asked, answer: str, answers: Mapping[int, str]) -> ItemScore:
    expected = exercise.truth.get(one.number, "")
    credit, near = _credit(one, expected, answer)
    coding = Coding.of({**exercise.given, **exercise.truth})
    own = Coding.of({**exercise.given, **answers})
    return ItemScore(
        one.number,
        name_of(one.number),
        one.section,
        expected,
        coding.meaning(one.number, expected),
        answer,
        own.meaning(one.number, answer),
        credit,
        one.weight,
        near,
        one.rule,
        (exercise.reasons or {}).get(one.number, ""),
        tuple(exercise.evidence(one.number)),
    )


def _credit(one: Asked, expected: str, answer: str) -> tuple[float, str]:
    """What an answer earns, and in words why a wrong one earns something."""
    expected, answer = expected.upper(), answer.upper()
    if answer == expected:
        return 1.0, ""
    if not answer or not expected:
        return 0.0, ""
    for kind, *rest in one.credit:
        share, why = _NEARNESS[kind](expected, answer, rest)
        if share:
            return share, why
    return 0.0, ""


def _prefix(expected: str, answer: str, rest: list[str]) -> tuple[float, str]:
    length = int(rest[0])
    same = len(answer) == len(expected) and answer[:length] == expected[:length]
    return (float(rest[1]), f"begins with {expected[:length]}") if same else (0.0, "")


def _date(expected: str, answer: str, rest: list[str]) -> tuple[float, str]:
    if len(expected) >= 6 and answer[:6] == expected[:6]:
        return float(rest[0]), "same month"
    return (float(rest[1]), "same year") if answer[:4] == expected[:4] else (0.0, "")


def _numbers(expected: str, answer: str) -> tuple[int, int] | None:
    counted = expected.isdigit() and answer.isdigit() and len(expected) == len(answer)
    # codes such as 98, 99 and 999 are words, not counts
    words = any(set(text[:-1]) == {"9"} for text in (expected, answer))
    return (int(expected), int(answer)) if counted and not words else None


def _near(expected: str, answer: str, rest: list[str]) -> tuple[float, str]:
    both = _numbers(expected, answer)
    close = both is not None and abs(both[0] - both[1]) <= int(rest[0])
    return (float(rest[1]), f"off by {abs(both[0] - both[1])}") if both and close else (0.0, "")


def _within(expected: str, answer: str, rest: list[str]) -> tuple[float, str]:
    both = _numbers(expected, answer)
    close = both is not None and abs(both[0] - both[1]) <= both[0] * int(rest[0]) / 100
    return (float(rest[1]), f"within {rest[0]} per cent") if close else (0.0, "")


def _among(expected: str, answer: str, rest: list[str]) -> tuple[float, str]:
    codes = rest[0].split("|")
    return (float(rest[1]), f"both among {', '.join(codes)}") if {expected, answer} <= set(codes) else (0.0, "")


_NEARNESS = {"prefix": _prefix, "date": _date, "near": _near, "within": _within, "among": _among}
