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
from registry.followup.chances import Model, fit, group
from registry.followup.known import Known, known
from registry.followup.plan import Plan, plan
from registry.followup.rates import CASE, PATIENT, Rate, rates
from registry.followup.rules import RuleSet
from registry.followup.sources import Source, next_source, possible
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
            (rate.test.id, unit): plan(rate, self.people, chance=lambda person: self.step(person).chance)
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
        there = self.known.get(person.patient_id)
        source = next_source(there.has if there else (), tried=tried, wish=person.next_source)
        if source is None:
            return Step(None, 0.0, tried, "every way was tried since the last contact")
        return Step(source, self.model.chance(source.id, group(person, as_of=self.as_of)), tried)

    def ways(self, person: Person) -> list[tuple[Source, float]]:
        """Every way that is open for a patient, with its chance, in order of the hierarchy."""
        there = self.known.get(person.patient_id)
        tried = self.tried.get(person.patient_id, ())
        at = group(person, as_of=self.as_of)
        return [(s, self.model.chance(s.id, at)) for s in possible(there.has if there else (), tried=tried)]


def standing(
    session: Session, rules: RuleSet, *, as_of: date, facility_id: int | None = None, own: bool = False
) -> Standing:
    """Gives the standing of a day; `own` reads a facility's own accounts alone (see `status.people`)."""
    people = lists.followed(session, rules, as_of=as_of, facility_id=facility_id, own=own)
    open_ = [person.patient_id for person in people if person.status in {DUE, DELINQUENT}]
    return Standing(
        rules=rules,
        as_of=as_of,
        facility_id=facility_id,
        reference=lists.reference_date(session, facility_id),
        people=tuple(people),
        known=known(session, open_, facility_id=facility_id if own else None),
        model=fit(()),
    )


def stamp(session: Session) -> tuple[Any, ...]:
    """Gives a mark that changes with every save and import: what was computed under another mark is outdated."""
    heads = select(ChainHead.chain, ChainHead.count).where(ChainHead.chain != audit.ACCESS).order_by(ChainHead.chain)
    batches = select(func.count(), func.max(ImportBatch.finished_at)).select_from(ImportBatch)
    return tuple(tuple(row) for row in session.execute(heads)), tuple(session.execute(batches).one())
