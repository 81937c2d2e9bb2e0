"""Class of case (610) by as few questions as its decision table needs, and the CoC accredited flag (2152) behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from registry.abstracting.tables import rows

QUESTIONS = ("contact", "required", "diagnosed", "treated", "seen_for", "offices")
ANALYTIC = frozenset({"00", *(str(code) for code in range(10, 23))})
ACCREDITED, NOT_ANALYTIC, NOT_ACCREDITED = "1", "2", "0"


@dataclass(frozen=True)
class Question:
    """One question with the answers that are still open, as (answer, label)."""

    name: str
    text: str
    answers: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Progress:
    """Where the questions lead: a code, or the next question; `answers` are those that counted, in order."""

    code: str | None
    question: Question | None
    answers: dict[str, str]


def decide(given: Mapping[str, str]) -> Progress:
    """Gives the class of case for the answers so far, or the next question; answers that do not fit are dropped."""
    left = list(rows("class_of_case"))
    counted: dict[str, str] = {}
    for name in QUESTIONS:
        if len({row["code"] for row in left}) == 1:
            break
        options = list(dict.fromkeys(row[name] for row in left if row[name]))
        if not options:
            continue
        if given.get(name) not in options:
            return Progress(None, _question(name, options), counted)
        counted[name] = given[name]
        left = [row for row in left if row[name] == given[name]]
    return Progress(left[0]["code"], None, counted)


def _question(name: str, options: list[str]) -> Question:
    mine = [row for row in rows("class_questions") if row["question"] == name]
    return Question(name, mine[0]["text"], tuple((r["answer"], r["label"]) for r in mine if r["answer"] in options))


def told(answers: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Gives question name, its text and the label of each answer that was given."""
    labels = {(row["question"], row["answer"]): (row["text"], row["label"]) for row in rows("class_questions")}
    return [(name, *labels[name, answer]) for name, answer in answers.items()]


def accredited_flag(class_of_case: str, *, accredited: bool = True) -> str:
    """Gives item 2152: 1 for classes 10 to 22, 2 for 00, 30 to 43 and 99, blank for death certificate only (49).

    A facility without accreditation has 0. Source: NAACCR data dictionary, item 2152.
    """
    if not class_of_case or class_of_case == "49":
        return ""
    if not accredited:
        return NOT_ACCREDITED
    return ACCREDITED if class_of_case in ANALYTIC and class_of_case != "00" else NOT_ANALYTIC


def contact_question(class_of_case: str) -> str:
    """Gives what the date of first contact (580) is for a class of case, in words for its field."""
    return {"38": "date of death", "49": "date of death", "43": "date the specimen was taken"}.get(
        class_of_case, "first contact with the facility for this cancer"
    )
