"""Where follow-up stands on a day: every patient once, the rates, the plans, and what makes an earlier answer outdated."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry import audit
from registry.followup import lists
from registry.followup.attempts import Out, learned, rounds
from registry.followup.chances import Group, Model, fit, group
from registry.followup.holds import Hold, holds, public_reason
from registry.followup.known import Known, known
from registry.followup.plan import Plan, plan
from registry.followup.rates import CASE, PATIENT, Rate, rates
from registry.followup.rules import RuleSet
from registry.followup.sources import SOURCES, Source, chosen, possible
from registry.followup.status import DELINQUENT, DUE, Person
from registry.models import ChainHead, ImportBatch


@dataclass(frozen=True)
class Step:
    """The next step for one patient: the way to take, its chance, and what was tried since the last contact."""

    source: Source | None
    chance: float
    tried: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Standing:
    """Everything that the pages of a day show: of one facility, or of the registry as a whole."""

    rules: RuleSet
    as_of: date
    facility_id: int | None
    reference: date | None
    people: tuple[Person, ...]
    known: dict[int, Known]
    model: Model
    tried: dict[int, tuple[str, ...]] = field(default_factory=dict)
    out: dict[int, Out] = field(default_factory=dict)
    held: dict[int, list[Hold]] = field(default_factory=dict)
    see_deaths: bool = True

    def view(self, name: str, month: date | None = None) -> list[Person]:
        """The patients of one list."""
        return lists.select_view(self.people, name, as_of=self.as_of, month=month)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many patients each list holds."""
        return {name: len(self.view(name)) for name in lists.VIEWS}

    @cached_property
    def rates(self) -> dict[str, list[Rate]]:
        """The tests by unit (case, patient)."""
        return {
            unit: rates(self.people, self.rules, as_of=self.as_of, reference=self.reference, unit=unit)
            for unit in (CASE, PATIENT)
        }

    def rate(self, test: str, unit: str = CASE) -> Rate | None:
        """The rate of one test, None where there is no such test."""
        return next((rate for rate in self.rates.get(unit, []) if rate.test.id == test), None)

    @cached_property
    def plans(self) -> dict[tuple[str, str], Plan]:
        """The plan of each test and unit: the lost, the easiest first, and how many contacts reach the target."""
        return {
            (rate.test.id, unit): plan(rate, self.people, chance=self.best_chance)
            for unit, found in self.rates.items()
            for rate in found
        }

    @cached_property
    def forecast(self) -> dict[str, list[lists.Forecast]]:
        """By test the rate of each month to come if nobody is heard of."""
        return lists.forecast(self.people, self.rules, as_of=self.as_of, reference=self.reference)

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

    def best_chance(self, person: Person) -> float:
        """How likely the patient is heard of by the best way that is open, or by the attempt that is on its way."""
        out = self.out.get(person.patient_id)
        if out is not None:
            return self.model.chance(out.source, self.group(person))
        return max((chance for _, chance in self.ways(person)), default=0.0)

    def ways(self, person: Person, *, helper: bool = False) -> list[tuple[Source, float]]:
        """Every way that is open for a patient, with its chance, in order of the hierarchy; what a hold stops is not."""
        there = self.known.get(person.patient_id)
        has = there.has if there else frozenset()
        stops = frozenset().union(*(h.stops for h in self.held.get(person.patient_id, []) if not h.address))
        at = self.group(person)
        found = possible(has | {"contact"} if helper else has, tried=self.tried.get(person.patient_id, ()))
        return [(way, self.model.chance(way.id, at)) for way in found if way.id not in stops]

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
    open_ = [person for person in people if person.status in {DUE, DELINQUENT}]
    ids = [person.patient_id for person in open_]
    tried, out = rounds(session, open_, as_of=as_of, facility_id=facility_id)
    return Standing(
        rules=rules,
        as_of=as_of,
        facility_id=facility_id,
        reference=lists.reference_date(session, facility_id),
        people=tuple(people),
        known=known(session, ids, facility_id=facility_id if own else None),
        model=fit(learned(session, as_of=as_of, facility_id=facility_id)),
        tried=tried,
        out=out,
        held=holds(session, ids),
        see_deaths=not own,
    )


def stamp(session: Session) -> tuple[Any, ...]:
    """Gives a mark that changes with every save and import: what was computed under another mark is outdated."""
    heads = select(ChainHead.chain, ChainHead.count).where(ChainHead.chain != audit.ACCESS).order_by(ChainHead.chain)
    batches = select(func.count(), func.max(ImportBatch.finished_at)).select_from(ImportBatch)
    return tuple(tuple(row) for row in session.execute(heads)), tuple(session.execute(batches).one())
