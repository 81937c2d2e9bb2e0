"""People of follow-up as arrays, so that rates, plans and forecasts of a large registry are counted without a loop.

One row a person in the order given, and one row a case that counts; a case points to its person's row. Renewal replaces the
rows of the patients that changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields

import numpy as np

from registry.followup.rules import RuleSet, Test, months_later
from registry.followup.status import CURRENT, DEAD, DELINQUENT, DUE, NOT_FOLLOWED, Case, Person

STATUSES = ("", NOT_FOLLOWED, DEAD, CURRENT, DUE, DELINQUENT)
"""In the order of their codes; blank is a person whose status was not asked."""

CODES = {status: code for code, status in enumerate(STATUSES)}
NEVER, ALWAYS = np.iinfo(np.int64).max, 0


@dataclass(frozen=True, eq=False)
class Columns:
    """The arrays of `n` persons and `m` cases; days are ordinals.

    Persons: `patient`, `status` (place in `STATUSES`), `lost` (last day on which the person is not lost), `gone` (last day
    before they age out), `died`, `aside` (never counted on any day). Cases: `at` (row of the person), `abstract`,
    `diagnosis` (0 where unknown) and `fits`, m times the tests of the rule set by behavior and age.
    """

    patient: np.ndarray
    status: np.ndarray
    lost: np.ndarray
    gone: np.ndarray
    died: np.ndarray
    aside: np.ndarray
    at: np.ndarray
    abstract: np.ndarray
    diagnosis: np.ndarray
    fits: np.ndarray

    def having(self, *statuses: str) -> np.ndarray:
        """Which persons have one of the statuses."""
        return np.isin(self.status, [CODES[status] for status in statuses])

    def without(self, patients: Collection[int]) -> Columns:
        """The columns without some patients."""
        keep = ~np.isin(self.patient, np.fromiter(patients, dtype=np.int64))
        return self._taken(np.flatnonzero(keep))

    def _taken(self, rows: np.ndarray) -> Columns:
        """The persons of some rows in that order, with their cases."""
        place = np.full(len(self.patient), -1)
        place[rows] = np.arange(len(rows))
        at = place[self.at]
        cases = np.argsort(at, kind="stable")
        cases = cases[at[cases] >= 0]
        persons = {name: getattr(self, name)[rows] for name in PERSONS}
        return Columns(**persons, at=at[cases], **{name: getattr(self, name)[cases] for name in CASES})

    def joined(self, other: Columns) -> Columns:
        """The columns of both, in order of patient numbers."""
        both = {name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in (*PERSONS, *CASES)}
        at = np.concatenate([self.at, other.at + len(self.patient)])
        return Columns(**both, at=at)._taken(np.argsort(both["patient"], kind="stable"))


PERSONS = ("patient", "status", "lost", "gone", "died", "aside")
CASES = tuple(f.name for f in fields(Columns) if f.name not in {*PERSONS, "at"})


def columns(people: Iterable[Person], rules: RuleSet) -> Columns:
    """Gives the columns of some people under a rule set."""
    persons: list[tuple[int, int, int, int, bool, bool]] = []
    cases: list[tuple[int, int, int]] = []
    fits: list[list[bool]] = []
    for row, person in enumerate(people):
        lost, gone = _turns(person, rules)
        aside = not person.died and (not person.followed or (rules.exclude_foreign and person.foreign))
        persons.append((person.patient_id, CODES[person.status], lost, gone, person.died, aside))
        for case in person.followed:
            cases.append((row, case.abstract_id, case.diagnosis.toordinal() if case.diagnosis else ALWAYS))
            fits.append([_fits(case, test) for test in rules.tests])
    table = np.array(persons, dtype=np.int64).reshape(-1, len(PERSONS)).T
    of_cases = np.array(cases, dtype=np.int64).reshape(-1, 3).T
    patient, status, lost_on, gone_on, died, aside_ = table
    return Columns(
        *(patient, status.astype(np.int8), lost_on, gone_on, died.astype(bool), aside_.astype(bool)),
        *of_cases,
        np.array(fits, dtype=bool).reshape(-1, len(rules.tests)),
    )


def _turns(person: Person, rules: RuleSet) -> tuple[int, int]:
    """The last day on which the patient is not lost, and the last one before they age out."""
    contact = person.last_contact_day
    lost = months_later(contact, rules.delinquent_months).toordinal() if contact else ALWAYS
    if not rules.aged_out_years or person.born is None:
        return lost, NEVER
    stale = months_later(contact, rules.due_months).toordinal() if contact else ALWAYS
    return lost, max(stale, months_later(person.born, 12 * rules.aged_out_years).toordinal())


def _fits(case: Case, test: Test) -> bool:
    """Whether a test counts the case, its window aside."""
    if test.behavior and case.behavior not in test.behavior:
        return False
    if test.age_from or test.age_to < 999:
        return case.age is not None and test.age_from <= case.age <= test.age_to
    return True
