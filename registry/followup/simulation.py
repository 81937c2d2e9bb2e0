"""A year of follow-up played on a registry with known truth: in which order and by which way, and how many attempts it takes.

Two policies work the same patients with the same answers: first in, first out takes whoever has waited longest by the next
way of the hierarchy; the ordered one takes the patient and way with the best chance that the model knows of. Both count
every attempt until the target is reached. Nobody is asked twice by the same way.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from registry.followup.chances import Attempt, Group, Model, group
from registry.followup.rates import Rate
from registry.followup.sources import SOURCES
from registry.followup.status import Person

Truth = Mapping[tuple[int, str], bool]
"""Whether an attempt by a way would tell of a patient; a way that is missing is not open."""


@dataclass(frozen=True)
class Played:
    """What a policy needed: attempts until the target (all of them where it was not reached), and how the rate rose."""

    attempts: int
    reached: bool
    rate: float
    curve: tuple[tuple[int, float], ...]
    log: tuple[Attempt, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Work:
    """One patient to follow: how many cases a contact brings back, the group, the ways that are open in their order."""

    patient_id: int
    counts: int
    waiting_since: date
    group: Group
    ways: tuple[str, ...]


def work_of(rate: Rate, persons: Iterable[Person], truth: Truth, *, as_of: date) -> list[Work]:
    """Gives the work behind a rate: each patient among the lost with the ways that the truth knows."""
    lost = set(rate.lost)
    found = []
    for person in persons:
        counts = sum(number in lost for number in rate.numbers(person))
        ways = tuple(way for way in SOURCES if (person.patient_id, way) in truth)
        if counts and ways:
            since = person.last_contact_day or date.min
            found.append(Work(person.patient_id, counts, since, group(person, as_of=as_of), ways))
    return found


def first_in_first_out(rate: Rate, work: Sequence[Work], truth: Truth) -> Played:
    """Plays the usual way: the longest unheard first by the next way of the hierarchy, the unanswered at the end again."""
    queue = deque((w, 0) for w in sorted(work, key=lambda w: (w.waiting_since, w.patient_id)))

    def following() -> tuple[Work, str] | None:
        if not queue:
            return None
        chosen, place = queue.popleft()
        if place + 1 < len(chosen.ways):
            queue.append((chosen, place + 1))
        return chosen, chosen.ways[place]

    def answered(chosen: Work) -> None:
        for entry in [entry for entry in queue if entry[0] is chosen]:
            queue.remove(entry)

    return _play(rate, truth, following, answered)


def by_chance(rate: Rate, work: Sequence[Work], truth: Truth, model: Model) -> Played:
    """Plays the ordered way: always the patient and way with the best chance times the cases it brings back.

    A way that failed lowers what is expected of the others, as the model has learned.
    """
    heap: list[tuple[float, int, int, Work]] = []
    tried: dict[int, set[str]] = {w.patient_id: set() for w in work}

    def push(w: Work) -> None:
        at = w.group.after(len(tried[w.patient_id]))
        open_ = [(model.chance(way, at), -place) for place, way in enumerate(w.ways) if way not in tried[w.patient_id]]
        if open_:
            chance, place = max(open_)
            heapq.heappush(heap, (-chance * w.counts, w.patient_id, -place, w))

    last: list[Work] = []

    def following() -> tuple[Work, str] | None:
        if last:
            push(last.pop())
        if not heap:
            return None
        _, _, place, chosen = heapq.heappop(heap)
        tried[chosen.patient_id].add(chosen.ways[place])
        last.append(chosen)
        return chosen, chosen.ways[place]

    for one in work:
        push(one)
    return _play(rate, truth, following, lambda chosen: last.clear())


def _play(
    rate: Rate,
    truth: Truth,
    following: Callable[[], tuple[Work, str] | None],
    answered: Callable[[Work], None],
) -> Played:
    brought, attempts, failed = 0, 0, Counter[int]()
    curve, log = [(0, (rate.b + rate.d) / max(rate.a, 1))], []
    while brought < rate.needed:
        chosen = following()
        if chosen is None:
            break
        work, way = chosen
        attempts += 1
        told = truth[(work.patient_id, way)]
        log.append(Attempt(way, work.group.after(failed[work.patient_id]), told))
        failed[work.patient_id] += 1
        if told:
            brought += work.counts
            answered(work)
            curve.append((attempts, (rate.b + rate.d + brought) / rate.a))
    return Played(attempts, brought >= rate.needed, curve[-1][1], tuple(curve), tuple(log))
