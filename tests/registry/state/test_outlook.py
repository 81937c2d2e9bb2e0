"""The rates of days to come, from turning points, equal the rates computed day by day, by every rule set and unit."""

from __future__ import annotations

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from registry.followup.outlook import outlooks
from registry.followup.rates import CASE, PATIENT, rates
from registry.followup.rules import months_later, rule_sets
from registry.followup.status import Case, Person, restated

DAY = date(2025, 6, 30)
DAYS = [months_later(DAY, n) for n in range(0, 40, 3)]
days = st.dates(date(1995, 1, 1), DAY)


@st.composite
def persons(draw: st.DrawFn, number: int) -> Person:
    cases = tuple(
        Case(
            100 * number + n,
            100 * number + n,
            number,
            1,
            "",
            "C509",
            "8500",
            draw(st.sampled_from(["2", "3", ""])),
            draw(st.none() | st.integers(0, 100)),
            draw(st.none() | days),
            "14",
            draw(st.sampled_from(["", "", "class of case 00 is not followed"])),
        )
        for n in range(draw(st.integers(1, 3)))
    )
    contact = draw(st.none() | days)
    born = draw(st.none() | st.dates(date(1915, 1, 1), date(2000, 1, 1)))
    return Person(
        *(number, 1, "", "", "", born, "", contact, contact, "", "", "", cases),
        died=draw(st.booleans()),
        foreign=draw(st.sampled_from([False, False, True])),
    )


people = st.integers(0, 12).flatmap(lambda n: st.tuples(*(persons(number) for number in range(1, n + 1))))


@settings(max_examples=60, deadline=None)
@given(people, st.sampled_from(sorted(rule_sets())), st.sampled_from([CASE, PATIENT]), st.none() | days)
def test_it_equals_the_rates_day_by_day(
    found: tuple[Person, ...], name: str, unit: str, reference: date | None
) -> None:
    rules = rule_sets()[name]
    told = outlooks(found, rules, DAYS, reference=reference, unit=unit)
    for place, day in enumerate(DAYS):
        standing = [restated(person, rules, as_of=day) for person in found]
        for rate in rates(standing, rules, as_of=day, reference=reference, unit=unit):
            one = told[rate.test.id][place]
            assert (one.on, one.eligible, one.followed) == (day, rate.a, rate.b + rate.d), (rate.test.id, day)
            assert (one.needed, one.rate) == (rate.needed, rate.rate)
