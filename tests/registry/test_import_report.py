"""What an import's report counts: the indicators of the national limits, and notices of every code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from registry.db import Store
from registry.exchange.importer import KEPT_OF_A_CODE, Report, run_import
from registry.exchange.incoming import Event, IncomingPatient, IncomingTumor, Noticed, Rejected
from registry.exchange.jobs import OfFacility

WHOLE_PERSON = {20: "P1", 2230: "SYNTHETIC", 2240: "ANNA", 240: "19500101", 220: "2", 160: "01"}
WHOLE_TUMOR = {60: "01", 230: "070", 90: "086", 400: "C509", 522: "8500", 523: "3", 390: "20200101", 500: "1", 540: "A"}


class Given:
    format, version, done = "test", "250", 0.0

    def __init__(self, events: list[Event]):
        self.events = events

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)


def report(store: Store, *events: Event, **options: Any) -> Report:
    return run_import(store, Given(list(events)), name="t", who="t", dry_run=True, **options)


def one(person: dict[int, str], tumor: dict[int, str]) -> IncomingPatient:
    return IncomingPatient(1, WHOLE_PERSON | person, [IncomingTumor(1, WHOLE_TUMOR | tumor)])


CASES = [
    ("nothing is missing", {}, {}, {}),
    ("age", {}, {230: "999"}, {"missing_age": 1}),
    ("age blank", {}, {230: ""}, {"missing_age": 1}),
    ("sex unknown", {220: "9"}, {}, {"missing_sex": 1}),
    ("sex other is known", {220: "3"}, {}, {}),
    ("sex at birth counts", {220: "", 225: "1"}, {}, {}),
    ("county", {}, {90: "999"}, {"missing_county": 1}),
    ("race", {160: "99"}, {}, {"missing_race": 1}),
    ("death certificate only", {}, {500: "7"}, {"death_certificate_only": 1}),
    ("in situ is no incident case", {}, {500: "7", 523: "2"}, {"incident": 0}),
    ("in situ bladder is one", {}, {500: "7", 523: "2", 400: "C679"}, {"death_certificate_only": 1}),
    ("basal cell of skin is none", {}, {500: "7", 400: "C449", 522: "8090"}, {"incident": 0}),
]


@pytest.mark.parametrize(("name", "person", "tumor", "expected"), CASES, ids=[c[0] for c in CASES])
def test_indicators(store: Store, name: str, person: dict, tumor: dict, expected: dict) -> None:
    found = dict(report(store, one(person, tumor)).indicators)
    whole = {"tumors": 1, "incident": 1, "death_certificate_only": 0, "duplicates": 0}
    whole |= {f"missing_{name}": 0 for name in ("age", "sex", "county", "race")}
    assert {key: found.get(key, 0) for key in whole} == whole | expected


def test_the_same_tumor_under_another_number_counts_as_again(store: Store) -> None:
    people = [one({20: "P1"}, {}), one({20: "P2", 2230: "Synthetic"}, {390: "202003"}), one({20: "P3"}, {540: "B"})]
    assert report(store, *people).indicators["duplicates"] == 1, "the report of another facility is not counted"


def test_a_frequent_notice_crowds_out_no_rare_one_and_all_are_kept(store: Store) -> None:
    kept: list[Event] = []
    events = [Noticed(n, "often", "text") for n in range(KEPT_OF_A_CODE + 50)] + [Noticed(1, "rare", "text")]
    found = report(store, *events, Rejected("tumor", 1, "why", "text"), keep=kept.append)
    assert dict(found.notice_counts) == {"often": KEPT_OF_A_CODE + 50, "rare": 1}
    assert sum(n["code"] == "often" for n in found.notices) == KEPT_OF_A_CODE
    assert found.notices[-1]["code"] == "rare"
    assert len(kept) == KEPT_OF_A_CODE + 52


def test_records_of_another_facility_are_rejected_whole(store: Store) -> None:
    tumors = [IncomingTumor(1, WHOLE_TUMOR), IncomingTumor(2, WHOLE_TUMOR | {60: "02", 540: "B"})]
    person = IncomingPatient(1, WHOLE_PERSON, tumors)
    found = run_import(store, OfFacility(Given([person]), "A"), name="t", who="t", dry_run=True)
    assert (found.tumors.created, found.tumors.rejected) == (1, 1)
    assert found.reasons[0]["code"] == "other-facility"
