"""One tumor or two: the verdict of the SEER rules on a pair, with the rule, the facts that decided and the steps taken.

The rules of a group are asked in order. One may be silent, give a result, or give a potential result because what would
decide is missing. A potential result stands when a later rule says the same; when one says otherwise the pair is
questionable, and the rule named is the one that could not be settled.
Source: SEER multiple primary rules; the order of asking as in imsweb/mph 1.42 (BSD-3), as a fact.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from abstracting.primaries.conditions import Test
from abstracting.primaries.predicates import Truth
from abstracting.primaries.rules import INVALID, MULTIPLE, QUESTIONABLE, SINGLE, Clause, Group, Rule, find_group
from abstracting.primaries.tumors import Tumor, on_same_day, tumor_of_input

RESULTS = (SINGLE, MULTIPLE, QUESTIONABLE, INVALID)

# lateralities that are codes at all
_LATERALITIES = ("0", "1", "2", "3", "4", "5", "9")

_WORDS = {"date": "date of diagnosis", "year": "year of diagnosis", "site": "primary site"}


@dataclass(frozen=True, slots=True)
class Fact:
    """One answer that counted: the test as written in the rule, its answer (None: not known), what it read of each."""

    test: str
    truth: Truth
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Step:
    """One rule that was asked: its answer is a result, or the empty text when it was silent.

    `potential` tells that the answer hangs on something missing.
    """

    rule: str
    answer: str
    potential: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether two tumors are one primary: `result` is one of RESULTS.

    `rule` is the step of `group_id` that decided; `applied_rules` are those asked up to it. Both are None or empty when no
    rule was asked. `reason` is a short sentence; `facts` are the answers that made the rule speak; `steps` all rules asked.
    """

    result: str
    reason: str
    group_id: str | None = None
    rule: str | None = None
    applied_rules: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class _Answer:
    rule: Rule
    clause: Clause
    potential: bool


def compute_primaries(
    input1: Mapping[str, Any], input2: Mapping[str, Any], *, current_year: int | None = None
) -> Verdict:
    """Gives the verdict on two tumors given as texts by key (primarySite, histologyIcdO3, behaviorIcdO3, …).

    A year of diagnosis after `current_year` (the clock's unless given) is invalid. A value that is no code is an error.
    """
    return compare_tumors(
        tumor_of_input(input1, where="input1"), tumor_of_input(input2, where="input2"), current_year=current_year
    )


def compare_tumors(a: Tumor, b: Tumor, *, current_year: int | None = None) -> Verdict:
    """Gives the verdict on two tumors."""
    year = dt.date.today().year if current_year is None else current_year
    for tumor, place in ((a, "first"), (b, "second")):
        faults = tumor.faults(year)
        if faults:
            return Verdict(INVALID, f"The {place} tumor has no valid {_listed(faults)}.")
    later = max(a.year or 0, b.year or 0)
    first, second = find_group(a, later), find_group(b, later)
    if first is None and second is None and _are_one_record(a, b):
        return Verdict(SINGLE, "Both records say the same of site, morphology, side and date.")
    if first is None or second is None:
        missing = a if first is None else b
        return Verdict(QUESTIONABLE, f"No rules are for {missing.site}, {missing.morphology} diagnosed in {later}.")
    if first is not second:
        return Verdict(MULTIPLE, "The tumors come under the rules of two different groups.")
    return _judge(first, a, b)


def _are_one_record(a: Tumor, b: Tumor) -> bool:
    same = (a.site, a.morphology, a.laterality) == (b.site, b.morphology, b.laterality)
    return same and a.laterality in _LATERALITIES and on_same_day(a, b) is True


def _judge(group: Group, a: Tumor, b: Tumor) -> Verdict:
    """Asks the rules of a group in order until one settles the pair; the last rule of a group always speaks."""
    steps: list[Step] = []
    pending: _Answer | None = None
    asked_until_pending = 0
    for rule in group.rules:
        answer = _ask(rule, a, b)
        steps.append(
            Step(rule.step, "") if answer is None else Step(rule.step, answer.clause.outcome, answer.potential)
        )
        if answer is None:
            continue
        if pending is None:
            if not answer.potential:
                return _verdict(answer, a, b, group, steps, len(steps))
            pending, asked_until_pending = answer, len(steps)
        elif answer.clause.outcome != pending.clause.outcome:
            return _unsettled(pending, a, b, group, steps, asked_until_pending)
        elif not answer.potential:
            return _verdict(answer, a, b, group, steps, len(steps))
    raise LookupError(f"no rule of {group.id} settles {a} and {b}")


def _ask(rule: Rule, a: Tumor, b: Tumor) -> _Answer | None:
    for clause in rule.clauses:
        truth = clause.when.truth(a, b)
        if truth is not False:
            return _Answer(rule, clause, clause.at_most or truth is None)
    return None


def _verdict(answer: _Answer, a: Tumor, b: Tumor, group: Group, steps: list[Step], count: int) -> Verdict:
    return Verdict(
        answer.clause.outcome,
        answer.clause.reason or answer.rule.reason,
        group.id,
        answer.rule.step,
        tuple(step.rule for step in steps[:count]),
        _facts(answer.clause, a, b),
        tuple(steps),
    )


def _unsettled(pending: _Answer, a: Tumor, b: Tumor, group: Group, steps: list[Step], count: int) -> Verdict:
    facts = _facts(pending.clause, a, b)
    tests = [test for test in pending.clause.when.tests() if test.predicate.test(a, b, *test.arguments) is None]
    missing = _listed(dict.fromkeys(_WORDS.get(item, item) for test in tests for item in test.predicate.reads[:1]))
    reason = pending.clause.reason
    if not reason:
        reason = f"Rule {pending.rule.step} cannot be settled" + (
            f": {missing} not known well enough." if missing else "."
        )
    applied = tuple(step.rule for step in steps[:count])
    return Verdict(QUESTIONABLE, reason, group.id, pending.rule.step, applied, facts, tuple(steps))


def _facts(clause: Clause, a: Tumor, b: Tumor) -> tuple[Fact, ...]:
    return tuple(Fact(test.text, test.truth(a, b), _read(test, a), _read(test, b)) for test in clause.when.tests())


def _read(test: Test, tumor: Tumor) -> str:
    values = []
    for item in test.predicate.reads:
        value = getattr(tumor, item)
        values.append(value.coded() if item == "date" else str(value))
    return " ".join(values)


def _listed(words: Iterable[str]) -> str:
    *some, last = list(words) or [""]
    return f"{', '.join(some)} and {last}" if some else last
