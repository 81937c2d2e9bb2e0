"""Who is due and what the rates are: partial dates, exclusions, windows, and the identity B + D + E = A."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.db import Store
from registry.exchange.importer import run_import
from registry.exchange.incoming import IncomingPatient, IncomingTumor
from registry.followup.rates import CASE, PATIENT, Rate, rates
from registry.followup.rules import months_later, rule_set, rule_sets
from registry.followup.status import people

AS_OF = date(2025, 6, 15)
ANALYTIC = {"610": "14", "390": "20230101", "523": "3"}


class Given:
    format, version, done = "test", "", 0.0

    def __init__(self, persons: list[tuple[dict[str, str], list[dict[str, str]]]]):
        self.persons = persons

    def __iter__(self) -> Any:
        for n, (person, tumors) in enumerate(self.persons):
            items = {20: f"P{n}", **{int(k): v for k, v in person.items()}}
            rows = [
                IncomingTumor(i, {60: f"{i:02d}", 540: "11", **{int(k): v for k, v in t.items()}})
                for i, t in enumerate(tumors)
            ]
            yield IncomingPatient(n, items, rows)


STATUS_CASES = [
    # what the patient is, the tumor beside the defaults, status, reason begins with
    ("seen last month", {"1760": "1", "1750": "20250520"}, {}, "current", ""),
    ("a day before twelve months", {"1760": "1", "1750": "20240616"}, {}, "current", ""),
    ("twelve months to the day", {"1760": "1", "1750": "20240615"}, {}, "due", ""),
    ("fifteen months to the day", {"1760": "1", "1750": "20240315"}, {}, "due", ""),
    ("a day over fifteen months", {"1760": "1", "1750": "20240314"}, {}, "delinquent", ""),
    ("only the month known: its first day counts", {"1760": "1", "1750": "202403"}, {}, "delinquent", ""),
    ("only the year known: its first day counts", {"1760": "1", "1750": "2024"}, {}, "delinquent", ""),
    ("no date of last contact", {"1760": "1"}, {}, "delinquent", "no date"),
    ("dead", {"1760": "0", "1750": "20200101"}, {}, "dead", ""),
    (
        "class 00 is analytic but not followed",
        {"1760": "1", "1750": "20200101"},
        {"610": "00"},
        "not followed",
        "class of case 00",
    ),
    (
        "benign outside the brain is reported by agreement",
        {"1760": "1", "1750": "20200101"},
        {"400": "C569", "522": "8442", "523": "1"},
        "not followed",
        "reportable by agreement: benign",
    ),
    (
        "benign of the brain is followed",
        {"1760": "1", "1750": "20200101"},
        {"400": "C700", "522": "9530", "523": "0"},
        "delinquent",
        "",
    ),
    (
        "cervix in situ is reported by agreement",
        {"1760": "1", "1750": "20200101"},
        {"400": "C539", "522": "8077", "523": "2"},
        "not followed",
        "reportable by agreement: cervix",
    ),
    (
        "melanoma of skin is followed",
        {"1760": "1", "1750": "20200101"},
        {"400": "C445", "522": "8720", "523": "3"},
        "delinquent",
        "",
    ),
    (
        "basal cell carcinoma of skin is reported by agreement",
        {"1760": "1", "1750": "20200101"},
        {"400": "C443", "522": "8090", "523": "3"},
        "not followed",
        "reportable by agreement: basal",
    ),
    ("history only", {"1760": "1", "1750": "20200101"}, {"610": "33"}, "not followed", "class of case 33"),
    ("lives abroad", {"1760": "1", "1750": "20200101", "1832": "MEX"}, {}, "not followed", "lives in a foreign"),
    (
        "next source is foreign resident",
        {"1760": "1", "1750": "20200101", "1800": "8"},
        {},
        "not followed",
        "lives in a",
    ),
    (
        "over a hundred and not seen",
        {"1760": "1", "1750": "20200101", "240": "19240101"},
        {},
        "not followed",
        "over 100",
    ),
    ("over a hundred and seen", {"1760": "1", "1750": "20250501", "240": "19240101"}, {}, "current", ""),
]


@pytest.mark.parametrize(
    ("person", "tumor", "status", "reason"), [c[1:] for c in STATUS_CASES], ids=[c[0] for c in STATUS_CASES]
)
@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_status(store: Store, person: dict[str, str], tumor: dict[str, str], status: str, reason: str) -> None:
    run_import(store, Given([(person, [ANALYTIC | tumor])]), name="x", who="t")
    with store.reading() as session:
        found = list(people(session, rule_set("coc"), as_of=AS_OF))
    assert [(p.status, p.reason.startswith(reason)) for p in found] == [(status, True)]


def test_a_patient_with_two_primaries_is_one_patient_and_two_cases(store: Store) -> None:
    two = [ANALYTIC, ANALYTIC | {"390": "20240101"}]
    persons = [
        ({"1760": "1", "1750": "20250501"}, two),
        ({"1760": "0", "1750": "20240101"}, [ANALYTIC]),
        ({"1760": "1"}, [ANALYTIC]),
    ]
    run_import(store, Given(persons), name="x", who="t")
    with store.reading() as session:
        found = list(people(session, rule_set("coc"), as_of=AS_OF))
    by_case = {r.test.id: r for r in rates(found, rule_set("coc"), as_of=AS_OF, reference=date(2000, 1, 1), unit=CASE)}
    by_patient = {
        r.test.id: r for r in rates(found, rule_set("coc"), as_of=AS_OF, reference=date(2000, 1, 1), unit=PATIENT)
    }
    long = by_case["long"]
    assert (long.a, long.b, long.c, long.d, long.e, long.rate) == (4, 1, 3, 2, 1, 0.75)
    assert (by_patient["long"].a, by_patient["long"].e) == (3, 1)


WINDOW_CASES = [
    # reference date, diagnosis, counted in the long test, counted in the recent test
    (date(2000, 1, 1), "20031231", False, False),
    (date(2000, 1, 1), "20040101", True, False),
    (date(2010, 1, 1), "20090601", False, False),
    (date(2000, 1, 1), "20200614", True, False),
    (date(2000, 1, 1), "20200615", True, True),
    (date(2022, 1, 1), "20211231", False, False),
]


@pytest.mark.parametrize(("reference", "diagnosis", "long", "recent"), WINDOW_CASES)
@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_windows(store: Store, reference: date, diagnosis: str, long: bool, recent: bool) -> None:
    run_import(store, Given([({"1760": "0"}, [ANALYTIC | {"390": diagnosis}])]), name="x", who="t")
    with store.reading() as session:
        found = list(people(session, rule_set("coc"), as_of=AS_OF))
    counted = {r.test.id: r.a for r in rates(found, rule_set("coc"), as_of=AS_OF, reference=reference)}
    assert counted == {"long": int(long), "recent": int(recent)}


@given(st.integers(0, 400), st.integers(0, 400), st.integers(0, 400), st.sampled_from([0.8, 0.9, 0.95]))
def test_the_letters_add_up_and_the_contacts_needed_just_reach_the_target(
    dead: int, current: int, lost: int, target: float
) -> None:
    test = next(t for t in rule_sets()["coc"].tests if t.id == "long")
    test = type(test)(**{**test.__dict__, "target": target})
    numbers = tuple(range(dead + current + lost))
    rate = Rate(test, CASE, numbers, numbers[:dead], numbers[dead : dead + current], numbers[dead + current :])
    assert rate.b + rate.d + rate.e == rate.a
    if rate.a:
        exactly = round(target * rate.a, 9)
        assert rate.b + rate.d + rate.needed >= exactly
        assert rate.needed == 0 or rate.b + rate.d + rate.needed - 1 < exactly
        assert rate.met == (rate.needed == 0)


@given(st.dates(date(1990, 1, 1), date(2030, 12, 31)), st.integers(0, 60))
def test_months_later_is_never_in_another_month(day: date, months: int) -> None:
    later = months_later(day, months)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day <= day.day


def test_every_rule_set_names_its_source_and_the_day_from_which_it_holds() -> None:
    for rules in rule_sets().values():
        assert rules.source and rules.tests and rules.holds_from.year > 1990
