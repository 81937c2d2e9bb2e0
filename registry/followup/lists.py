"""The due list, the calendar and the forecast: one line a patient, never one a tumor, by the month in which each is due."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from abstracting.values import parse_date
from registry.errors import RegistryError
from registry.followup.columns import Columns
from registry.followup.outlook import outlooks
from registry.followup.rates import CASE, Rate
from registry.followup.rules import RuleSet, months_later
from registry.followup.status import CURRENT, DELINQUENT, DUE, NOT_FOLLOWED, Person, people, whole
from registry.models import Facility

FORECAST_MONTHS = 12

VIEWS: dict[str, tuple[str, str]] = {
    "due": ("Due", "twelve to fifteen months since the last contact"),
    "lost": ("Lost", "more than fifteen months; they stay on the list until somebody hears of them"),
    "overdue": ("Overdue", "due before this month began, whether lost already or not"),
    "open": ("All open", "due and lost together"),
    "month": ("By month", "due in one month"),
    "not-followed": ("Not followed", "living, but followed by nobody here, with the reason"),
}
"""The lists by name: title and meaning (months are those of the rule set; the words are the usual ones)."""

OPEN = frozenset({DUE, DELINQUENT})


@dataclass(frozen=True)
class Month:
    """One month of the calendar: its first day and how many patients are due in it."""

    first: date
    patients: int

    @property
    def name(self) -> str:
        return f"{self.first:%Y-%m}"


@dataclass(frozen=True)
class Forecast:
    """What a test's rate will be at the end of a month if nobody is heard of until then, and what would hold the target."""

    on: date
    rate: float | None
    needed: int
    eligible: int


@dataclass(frozen=True)
class Clinic:
    """A facility as follow-up needs it: number, name and its registry's reference date."""

    id: int
    number: str
    name: str
    reference: date | None


def facilities(session: Session) -> list[Clinic]:
    """Gives the facilities by name; a reference date that is only partly known counts from its earliest day."""
    return [
        Clinic(f.id, f.number, f.name, parse_date(f.reference_date).earliest)
        for f in session.scalars(select(Facility).order_by(Facility.name, Facility.id))
    ]


def facility(session: Session, number: str) -> Clinic:
    """Gives a facility by its number (540); an unknown one is an error."""
    for found in facilities(session):
        if found.number == number:
            return found
    raise RegistryError("not-found", f"there is no facility {number!r}", hint="numbers are those of item 540")


def reference_date(session: Session, facility_id: int | None) -> date | None:
    """Gives the reference date of a facility, or the earliest one of all where the registry is taken as a whole."""
    query = select(func.min(Facility.reference_date)).where(Facility.reference_date.is_not(None))
    if facility_id is not None:
        query = query.where(Facility.id == facility_id)
    return parse_date(session.scalar(query)).earliest


def followed(
    session: Session,
    rules: RuleSet,
    *,
    as_of: date,
    facility_id: int | None = None,
    scope: ColumnElement[bool] | None = None,
    own: bool = False,
) -> list[Person]:
    """Gives each patient once: of one facility, or over all of them; `own` as in `status.people`."""
    found = people(session, rules, as_of=as_of, facility_id=facility_id, scope=scope, own=own)
    return list(found if facility_id is not None else whole(found, rules, as_of=as_of))


def first_of_month(day: date) -> date:
    """The first day of the month of a day."""
    return day.replace(day=1)


def read_month(text: str) -> date:
    """Gives the first day of a month written as 2025-06; anything else is an error."""
    year, _, month = text.partition("-")
    try:
        return date(int(year), int(month), 1)
    except ValueError as error:
        raise RegistryError("usage", f"{text!r} is no month", hint="write it as 2025-06") from error


def select_view(found: Iterable[Person], view: str, *, as_of: date, month: date | None = None) -> list[Person]:
    """Gives the patients of one list, longest unheard first; an unknown list is an error."""
    wanted = belongs(view, as_of=as_of, month=month)
    return sorted((p for p in found if wanted(p)), key=lambda p: (p.last_contact_day or date.min, p.patient_id))


def belongs(view: str, *, as_of: date, month: date | None = None) -> Callable[[Person], bool]:
    """Gives the rule by which a patient is on a list; an unknown list is an error."""
    if view not in VIEWS:
        raise RegistryError("usage", f"there is no list {view!r}", hint=f"known: {', '.join(VIEWS)}")
    this_month = first_of_month(as_of)
    return {
        "due": lambda p: p.status == DUE,
        "lost": lambda p: p.status == DELINQUENT,
        "open": lambda p: p.status in OPEN,
        "overdue": lambda p: p.status in OPEN and (p.due_day is None or p.due_day < this_month),
        "month": lambda p: in_month(p, month or this_month),
        "not-followed": lambda p: p.status == NOT_FOLLOWED and not p.died,
    }[view]


def in_month(person: Person, month: date) -> bool:
    """Whether a living, followed person is due in the month that begins on a day."""
    if person.status not in {CURRENT, DUE, DELINQUENT} or person.due_day is None:
        return False
    return month <= person.due_day < months_later(month, 1)


def calendar(found: Iterable[Person], *, as_of: date, months: int = 24) -> list[Month]:
    """Gives a year of months on each side of a day (half of `months` before it), with the patients due in each."""
    counts: Counter[date] = Counter()
    for person in found:
        if person.status in {CURRENT, DUE, DELINQUENT} and person.due_day is not None:
            counts[first_of_month(person.due_day)] += 1
    start = months_later(first_of_month(as_of), -months // 2)
    return [Month(first, counts[first]) for first in (months_later(start, n) for n in range(months))]


def forecast(
    found: Iterable[Person] | Columns,
    rules: RuleSet,
    *,
    as_of: date,
    reference: date | None,
    unit: str = CASE,
    months: int = FORECAST_MONTHS,
) -> dict[str, list[Forecast]]:
    """Gives by test what the rate will be at the end of this and each following month if nobody is heard of until then."""
    days = [months_later(first_of_month(as_of), n + 1) - timedelta(days=1) for n in range(months)]
    told = outlooks(found, rules, days, reference=reference, unit=unit)
    return {test: [Forecast(o.on, o.rate, o.needed, o.eligible) for o in line] for test, line in told.items()}


def behind(rate: Rate, letter: str, found: Iterable[Person]) -> list[Person]:
    """Gives the patients behind one letter of a rate (A to E), each once; a letter that is none is an error."""
    if letter not in tuple("ABCDE"):
        raise RegistryError("usage", f"{letter!r} is no letter of a rate", hint="A, B, C, D or E")
    wanted = set(rate.behind(letter))
    return [person for person in found if wanted.intersection(rate.numbers(person))]
