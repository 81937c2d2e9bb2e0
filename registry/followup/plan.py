"""The plan that reaches a target: which patients among the lost to reach first, the easiest first, and how many contacts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from registry.followup.columns import Columns
from registry.followup.rates import CASE, Rate
from registry.followup.status import Person


@dataclass(frozen=True)
class Reach:
    """One patient of the plan: how many of the lost a contact brings back, and its chance."""

    person: Person
    counts: int
    chance: float


@dataclass(frozen=True, eq=False)
class Plan:
    """The lost of a rate in the order in which to reach them, and how many of the first reach the target if all answer.

    `patients`, `counts` and `chances` are arrays in that order; a `Reach` is made of them where one is shown.
    """

    rate: Rate
    patients: np.ndarray
    counts: np.ndarray
    chances: np.ndarray
    find: Callable[[int], Person]

    @cached_property
    def contacts(self) -> int:
        """How many of the first reach the target if each of them is heard of."""
        return _reaching(self.counts, self.rate.needed)

    @cached_property
    def attempts(self) -> int:
        """How many to write to so that the target is met in expectation; all of them where even that does not."""
        return _reaching(self.counts * self.chances, self.rate.needed)

    @property
    def expected(self) -> float:
        """How many of the lost the first are expected to bring back."""
        return float((self.counts * self.chances)[: self.contacts].sum())

    @cached_property
    def first(self) -> tuple[Reach, ...]:
        """The patients whose contacts reach the target."""
        return self._reaches(self.contacts)

    @cached_property
    def order(self) -> tuple[Reach, ...]:
        """All of the lost, the easiest first."""
        return self._reaches(len(self))

    def __len__(self) -> int:
        return len(self.patients)

    def _reaches(self, most: int) -> tuple[Reach, ...]:
        rows = zip(self.patients[:most].tolist(), self.counts[:most].tolist(), self.chances[:most].tolist())
        return tuple(Reach(self.find(patient), counts, chance) for patient, counts, chance in rows)


def _reaching(brought: np.ndarray, needed: float) -> int:
    """How many of the first bring at least so many; all where they do not."""
    return min(int(np.searchsorted(np.cumsum(brought), needed - 1e-9)) + 1, len(brought)) if needed > 0 else 0


def plan(rate: Rate, table: Columns, chances: Mapping[int, float], *, find: Callable[[int], Person]) -> Plan:
    """Gives the lost of a rate, the likeliest to answer first, and the number of contacts that reach its target.

    A patient with several cases of the test brings all of them back by one contact. `chances` is by patient number, 0 where
    it has none; `find` gives the person of a number.
    """
    if rate.unit == CASE:
        found = table.patient[table.at[np.isin(table.abstract, np.array(rate.lost, dtype=np.int64))]]
    else:
        found = np.array(rate.lost, dtype=np.int64)
    patients, counts = np.unique(found, return_counts=True)
    chance = np.array([chances.get(patient, 0.0) for patient in patients.tolist()], dtype=float)
    order = np.lexsort((patients, -chance * counts))
    return Plan(rate, patients[order], counts[order], chance[order], find)
