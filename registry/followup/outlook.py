"""What the rates will be on days to come if nobody is heard of: from three turning points of each patient, as columns.

A patient is lost after `delinquent_months` without a contact, and aged out after both the age of the rule set and
`due_months` without one; between these days nothing changes but the window of a test. So months of a large registry are
counted in one pass over the patients. The tests compare it with `rates.rates` of `status.restated` day by day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from registry.followup.columns import Columns, columns
from registry.followup.rates import CASE, needed_contacts
from registry.followup.rules import RuleSet, Test
from registry.followup.status import Person


@dataclass(frozen=True)
class Outlook:
    """One test on one day: eligible, followed, and the contacts that its target needs."""

    on: date
    eligible: int
    followed: int
    needed: int

    @property
    def rate(self) -> float | None:
        return self.followed / self.eligible if self.eligible else None


def outlooks(
    people: Iterable[Person] | Columns,
    rules: RuleSet,
    days: Sequence[date],
    *,
    reference: date | None,
    unit: str = CASE,
) -> dict[str, list[Outlook]]:
    """Gives by test the rate on each of the days, by case or by patient; people may be given as their columns."""
    table = people if isinstance(people, Columns) else columns(people, rules)
    return {
        test.id: _of_test(test, table, table.fits[:, place] & ~table.aside[table.at], rules, days, reference, unit)
        for place, test in enumerate(rules.tests)
    }


def _of_test(
    test: Test,
    table: Columns,
    fits: np.ndarray,
    rules: RuleSet,
    days: Sequence[date],
    reference: date | None,
    unit: str,
) -> list[Outlook]:
    at, diagnosis = table.at[fits], table.diagnosis[fits]
    if unit != CASE and len(at):
        # the latest diagnosis speaks for the patient; cases stand in the order of their persons
        at, starts = np.unique(at, return_index=True)
        diagnosis = np.maximum.reduceat(diagnosis, starts)
    lost, gone, died = table.lost[at], table.gone[at], table.died[at]
    found = []
    for day in days:
        on = day.toordinal()
        first = test.first_diagnosis(as_of=day, reference=reference, earliest=rules.earliest_diagnosis)
        counts = np.ones(len(at), dtype=bool) if first is None else diagnosis >= first.toordinal()
        aged = ~died & (on > gone)
        dead = died | aged if rules.aged_out_counts_as == "dead" else died
        eligible = counts & (dead | ~aged)
        followed = eligible & (dead | (on <= lost))
        a, done = int(eligible.sum()), int(followed.sum())
        found.append(Outlook(day, a, done, needed_contacts(test.target, a, done)))
    return found
