"""Follow-up rates: A eligible, B dead, C living, D living and current, E lost; B + D + E = A; what a target needs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np

from registry.followup.columns import Columns, columns
from registry.followup.rules import RuleSet, Test
from registry.followup.status import CURRENT, DEAD, DUE, NOT_FOLLOWED, Person

CASE, PATIENT = "case", "patient"


@dataclass(frozen=True)
class Rate:
    """One test's rate: the five letters with the cases or patients behind each, and the contacts that reach the target."""

    test: Test
    unit: str
    eligible: tuple[int, ...]
    dead: tuple[int, ...]
    current: tuple[int, ...]
    lost: tuple[int, ...]

    def numbers(self, person: Person) -> list[int]:
        """The numbers by which this rate counts a person: the abstracts of the cases that count, or the patient."""
        return [case.abstract_id for case in person.followed] if self.unit == CASE else [person.patient_id]

    def behind(self, letter: str) -> tuple[int, ...]:
        """The numbers behind one letter, A to E."""
        living = (*self.current, *self.lost)
        return {"A": self.eligible, "B": self.dead, "C": living, "D": self.current, "E": self.lost}[letter]

    @property
    def a(self) -> int:
        return len(self.eligible)

    @property
    def b(self) -> int:
        return len(self.dead)

    @property
    def c(self) -> int:
        return self.a - self.b

    @property
    def d(self) -> int:
        return len(self.current)

    @property
    def e(self) -> int:
        return len(self.lost)

    @property
    def rate(self) -> float | None:
        """The share followed, (B + D) / A; None where nobody is eligible."""
        return (self.b + self.d) / self.a if self.a else None

    @property
    def met(self) -> bool:
        return self.rate is not None and self.rate >= self.test.target

    @property
    def needed(self) -> int:
        """How many contacts among the lost reach the target."""
        return needed_contacts(self.test.target, self.a, self.b + self.d)


def needed_contacts(target: float, eligible: int, followed: int) -> int:
    """Gives how many more must be followed so that the target is met."""
    # the product is rounded before the ceiling: 0.80 * 35 is 28.000000000000004 in floating point
    return max(math.ceil(round(target * eligible, 9)) - followed, 0)


def rates(
    people: Iterable[Person] | Columns, rules: RuleSet, *, as_of: date, reference: date | None, unit: str = CASE
) -> list[Rate]:
    """Gives each test's rate on a day, by case (abstract numbers) or by patient (patient numbers).

    A living person counts as current while the last contact is not older than `delinquent_months`. People may be given as
    their columns.
    """
    table = people if isinstance(people, Columns) else columns(people, rules)
    return [_rate(table, rules, place, as_of, reference, unit) for place in range(len(rules.tests))]


def _rate(table: Columns, rules: RuleSet, place: int, as_of: date, reference: date | None, unit: str) -> Rate:
    test = rules.tests[place]
    first = test.first_diagnosis(as_of=as_of, reference=reference, earliest=rules.earliest_diagnosis)
    counts = table.fits[:, place] & ~table.having(NOT_FOLLOWED)[table.at]
    if first is not None:
        counts &= table.diagnosis >= first.toordinal()
    rows = table.at[counts] if unit == CASE else np.unique(table.at[counts])
    numbers = table.abstract[counts] if unit == CASE else table.patient[rows]
    dead, current = table.having(DEAD)[rows], table.having(CURRENT, DUE)[rows]
    lost = ~dead & ~current
    groups = (tuple(numbers[which].tolist()) for which in (np.ones_like(dead), dead, current, lost))
    return Rate(test, unit, *groups)
