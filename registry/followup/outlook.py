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

from registry.followup.rates import CASE, needed_contacts
from registry.followup.rules import RuleSet, Test, months_later
from registry.followup.status import Case, Person

NEVER, ALWAYS = date.max.toordinal(), 0


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
    people: Iterable[Person], rules: RuleSet, days: Sequence[date], *, reference: date | None, unit: str = CASE
) -> dict[str, list[Outlook]]:
    """Gives by test the rate on each of the days, by case or by patient."""
    columns: dict[str, list[tuple[int, int, int, bool]]] = {test.id: [] for test in rules.tests}
    for person in people:
        if not person.died and (not person.followed or (rules.exclude_foreign and person.foreign)):
            continue
        turns = _turns(person, rules)
        for test in rules.tests:
            diagnoses = [c.diagnosis.toordinal() if c.diagnosis else ALWAYS for c in person.followed if _fits(c, test)]
            if unit != CASE and diagnoses:
                diagnoses = [max(diagnoses)]
            columns[test.id] += [(day, *turns) for day in diagnoses]
    return {test.id: _of_test(test, columns[test.id], rules, days, reference) for test in rules.tests}


def _turns(person: Person, rules: RuleSet) -> tuple[int, int, bool]:
    """The last day on which the patient is not lost, the last one before they age out, and whether they died."""
    contact = person.last_contact_day
    lost = months_later(contact, rules.delinquent_months).toordinal() if contact else ALWAYS
    gone = NEVER
    if rules.aged_out_years and person.born is not None:
        stale = months_later(contact, rules.due_months).toordinal() if contact else ALWAYS
        gone = max(stale, months_later(person.born, 12 * rules.aged_out_years).toordinal())
    return lost, gone, person.died


def _fits(case: Case, test: Test) -> bool:
    if test.behavior and case.behavior not in test.behavior:
        return False
    if test.age_from or test.age_to < 999:
        return case.age is not None and test.age_from <= case.age <= test.age_to
    return True


def _of_test(
    test: Test, rows: list[tuple[int, int, int, bool]], rules: RuleSet, days: Sequence[date], reference: date | None
) -> list[Outlook]:
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    diagnosis, lost, gone, died = table[:, 0], table[:, 1], table[:, 2], table[:, 3].astype(bool)
    found = []
    for day in days:
        on, first = (
            day.toordinal(),
            test.first_diagnosis(as_of=day, reference=reference, earliest=rules.earliest_diagnosis),
        )
        counts = np.ones(len(table), dtype=bool) if first is None else diagnosis >= first.toordinal()
        aged = ~died & (on > gone)
        dead = died | aged if rules.aged_out_counts_as == "dead" else died
        eligible = counts & (dead | ~aged)
        followed = eligible & (dead | (on <= lost))
        a, done = int(eligible.sum()), int(followed.sum())
        found.append(Outlook(day, a, done, needed_contacts(test.target, a, done)))
    return found
