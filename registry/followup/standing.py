"""Where follow-up stands on a day: every patient once, the rates, the plans, and what makes an earlier answer outdated."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from itertools import compress
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry import audit
from registry.followup import lists
from registry.followup.attempts import Out, learned, rounds
from registry.followup.chances import Group, Model, fit, group
from registry.followup.columns import Columns, columns
from registry.followup.holds import Hold, holds, public_reason
from registry.followup.known import Known, known
from registry.followup.plan import Plan, plan
from registry.followup.rates import CASE, PATIENT, Rate, rates
from registry.followup.rules import RuleSet
from registry.followup.sources import SOURCES, Source, chosen, possible
from registry.followup.status import CURRENT, DELINQUENT, DUE, NOT_FOLLOWED, Person
from registry.models import ChainHead, ImportBatch


@dataclass(frozen=True)
class Step:
    """The next step for one patient: the way to take, its chance, and what was tried since the last contact."""

    source: Source | None
    chance: float
    tried: tuple[str, ...] = ()
    note: str = ""


Path = tuple[Group, tuple[str, ...]]
"""The group of a patient, and the ways that are open (or the one that is on its way): what their chance follows from."""

LISTED = {"due": (DUE,), "lost": (DELINQUENT,), "open": (DUE, DELINQUENT), "overdue": (DUE, DELINQUENT)}
LISTED |= {"month": (CURRENT, DUE, DELINQUENT), "not-followed": (NOT_FOLLOWED,)}
"""The statuses that each list may hold."""


@dataclass(frozen=True)
class Standing:
    """Everything that the pages of a day show: of one facility, or of the registry as a whole.

    `people` are in order of patient numbers, each once; `table` holds them as columns, `paths` the open ones' ways.
    """

    rules: RuleSet
    as_of: date
    facility_id: int | None
    reference: date | None
    people: tuple[Person, ...]
    table: Columns
    known: dict[int, Known]
    model: Model
    tried: dict[int, tuple[str, ...]] = field(default_factory=dict)
    out: dict[int, Out] = field(default_factory=dict)
    held: dict[int, list[Hold]] = field(default_factory=dict)
    see_deaths: bool = True
    paths: dict[int, Path] = field(default_factory=dict)

    def view(self, name: str, month: date | None = None) -> list[Person]:
        """The patients of one list."""
        return lists.select_view(self._of_list(name), name, as_of=self.as_of, month=month)

    def _of_list(self, name: str) -> Iterable[Person]:
        return compress(self.people, self.table.having(*LISTED[name])) if name in LISTED else self.people

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many patients each list holds."""
        return {name: sum(map(lists.belongs(name, as_of=self.as_of), self._of_list(name))) for name in lists.VIEWS}

    def person(self, patient_id: int) -> Person | None:
        """One patient, None where they are not among these."""
        place = bisect_left(self.people, patient_id, key=lambda person: person.patient_id)
        found = self.people[place] if place < len(self.people) else None
        return found if found is not None and found.patient_id == patient_id else None

    @cached_property
    def rates(self) -> dict[str, list[Rate]]:
        """The tests by unit (case, patient)."""
        return {
            unit: rates(self.table, self.rules, as_of=self.as_of, reference=self.reference, unit=unit)
            for unit in (CASE, PATIENT)
        }

    def rate(self, test: str, unit: str = CASE) -> Rate | None:
        """The rate of one test, None where there is no such test."""
        return next((rate for rate in self.rates.get(unit, []) if rate.test.id == test), None)

    @cached_property
    def chances(self) -> dict[int, float]:
        """By open patient how likely they are heard of by the best way that is open, or by the attempt on its way."""
        best: dict[Path, float] = {}
        for path in self.paths.values():
            if path not in best:
                at, ways = path
                best[path] = max((self.model.chance(way, at) for way in ways), default=0.0)
        return {patient: best[path] for patient, path in self.paths.items()}

    @cached_property
    def plans(self) -> dict[tuple[str, str], Plan]:
        """The plan of each test and unit: the lost, the easiest first, and how many contacts reach the target."""
        return {
            (rate.test.id, unit): plan(rate, self.table, self.chances, find=self._find)
            for unit, found in self.rates.items()
            for rate in found
        }

    def _find(self, patient_id: int) -> Person:
        found = self.person(patient_id)
        assert found is not None
        return found

    @cached_property
    def forecast(self) -> dict[str, list[lists.Forecast]]:
        """By test the rate of each month to come if nobody is heard of."""
        return lists.forecast(self.table, self.rules, as_of=self.as_of, reference=self.reference)

    def step(self, person: Person) -> Step:
        """The next step for a patient, by the hierarchy, and its chance."""
        tried = self.tried.get(person.patient_id, ())
        out = self.out.get(person.patient_id)
        if out is not None:
            when = f"of {out.sent_on.isoformat()} is on its way" if out.sent_on else "is in the outbox"
            return Step(None, 0.0, tried, f"{SOURCES[out.source].step} {when}")
        ways = self.ways(person)
        if not ways:
            return Step(None, 0.0, tried, self.hold_note(person) or "every way was tried since the last contact")
        source = chosen([way for way, _ in ways], person.next_source)
        return Step(source, {way.id: chance for way, chance in ways}[source.id], tried, self.hold_note(person))

    def group(self, person: Person) -> Group:
        """The group of a patient, with the ways that were tried in vain."""
        return group(person, as_of=self.as_of, failed=len(self.tried.get(person.patient_id, ())))

    def path(self, person: Person) -> Path:
        """The group of an open patient and the ways that may tell of them."""
        out = self.out.get(person.patient_id)
        return self.group(person), (out.source,) if out is not None else tuple(way.id for way in self._open(person))

    def ways(self, person: Person, *, helper: bool = False) -> list[tuple[Source, float]]:
        """Every way that is open for a patient, with its chance, in order of the hierarchy; what a hold stops is not."""
        at = self.group(person)
        return [(way, self.model.chance(way.id, at)) for way in self._open(person, helper=helper)]

    def _open(self, person: Person, *, helper: bool = False) -> list[Source]:
        there = self.known.get(person.patient_id)
        has = there.has if there else frozenset()
        found = possible(has | {"contact"} if helper else has, tried=self.tried.get(person.patient_id, ()))
        stops = {way for hold in self.held.get(person.patient_id, ()) if not hold.address for way in hold.stops}
        return [way for way in found if way.id not in stops] if stops else found

    def hold_note(self, person: Person) -> str:
        """Why letters about a patient are held, in the words that the asker may see."""
        found = self.held.get(person.patient_id, [])
        words = [hold.kind.title if self.see_deaths else public_reason(hold) for hold in found]
        return "; ".join(dict.fromkeys(words))


def standing(
    session: Session, rules: RuleSet, *, as_of: date, facility_id: int | None = None, own: bool = False
) -> Standing:
    """Gives the standing of a day; `own` reads a facility's own accounts alone (see `status.people`)."""
    people = lists.followed(session, rules, as_of=as_of, facility_id=facility_id, own=own)
    table = columns(people, rules)
    open_ = list(compress(people, table.having(DUE, DELINQUENT)))
    ids = [person.patient_id for person in open_]
    tried, out = rounds(session, open_, as_of=as_of, facility_id=facility_id)
    found = Standing(
        rules=rules,
        as_of=as_of,
        facility_id=facility_id,
        reference=lists.reference_date(session, facility_id),
        people=tuple(people),
        table=table,
        known=known(session, ids, facility_id=facility_id if own else None),
        model=fit(learned(session, as_of=as_of, facility_id=facility_id)),
        tried=tried,
        out=out,
        held=holds(session, ids),
        see_deaths=not own,
    )
    return with_paths(found, open_)


def with_paths(found: Standing, open_: Iterable[Person], *, before: Mapping[int, Path] | None = None) -> Standing:
    """Gives a standing with the path of each open patient; those in `before` are taken as they are."""
    there = before or {}
    paths = {
        person.patient_id: there[person.patient_id] if person.patient_id in there else found.path(person)
        for person in open_
    }
    return replace(found, paths=paths)


def stamp(session: Session) -> tuple[Any, ...]:
    """Gives a mark that changes with every save and import: what was computed under another mark is outdated."""
    heads = select(ChainHead.chain, ChainHead.count).where(ChainHead.chain != audit.ACCESS).order_by(ChainHead.chain)
    batches = select(func.count(), func.max(ImportBatch.finished_at)).select_from(ImportBatch)
    return tuple(tuple(row) for row in session.execute(heads)), tuple(session.execute(batches).one())
