"""The plan that reaches a target: which patients among the lost to reach first, the easiest first, and how many contacts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from registry.followup.rates import Rate
from registry.followup.status import Person


@dataclass(frozen=True)
class Reach:
    """One patient of the plan: how many of the lost a contact brings back, and its chance."""

    person: Person
    counts: int
    chance: float


@dataclass(frozen=True)
class Plan:
    """The lost of a rate in the order in which to reach them, and how many of the first reach the target if all answer."""

    rate: Rate
    order: tuple[Reach, ...]
    contacts: int

    @property
    def first(self) -> tuple[Reach, ...]:
        """The patients whose contacts reach the target."""
        return self.order[: self.contacts]

    @property
    def expected(self) -> float:
        """How many of the lost the first are expected to bring back."""
        return sum(reach.counts * reach.chance for reach in self.first)

    @property
    def attempts(self) -> int:
        """How many to write to so that the target is met in expectation; all of them where even that does not."""
        brought = 0.0
        for number, reach in enumerate(self.order, 1):
            if brought >= self.rate.needed:
                return number - 1
            brought += reach.counts * reach.chance
        return len(self.order) if self.rate.needed else 0


def plan(rate: Rate, found: Iterable[Person], *, chance: Callable[[Person], float]) -> Plan:
    """Gives the lost of a rate, the likeliest to answer first, and the number of contacts that reach its target.

    A patient with several cases of the test brings all of them back by one contact.
    """
    lost = set(rate.lost)
    order = []
    for person in found:
        counts = sum(number in lost for number in rate.numbers(person))
        if counts:
            order.append(Reach(person, counts, chance(person)))
    order.sort(key=lambda reach: (-reach.chance * reach.counts, reach.person.patient_id))
    contacts, brought = 0, 0
    while brought < rate.needed:
        brought += order[contacts].counts
        contacts += 1
    return Plan(rate, tuple(order), contacts)
