"""Case search: what one box understands, on both engines."""

from __future__ import annotations

from typing import Any

import pytest

from registry.db import Store
from registry.exchange.importer import run_import
from registry.exchange.incoming import IncomingPatient, IncomingTumor
from registry.models import Tumor
from registry.search import Query, parse, search

PEOPLE = [
    # number, last, first, birth surname, site, date, accession
    ("1001", "Smith", "Joan", "", "C509", "20190304", "201900001"),
    ("1002", "Smith", "Peter", "", "C619", "20200101", "202000007"),
    ("1003", "Smithson", "Jo", "", "C504", "20190711", "201900002"),
    ("1004", "O'Neil-Garcia", "Zoë", "Smith", "C341", "20190101", "201900003"),
    ("1005", "Núñez", "Ana", "", "C180", "2021", "202100001"),
]

CASES = [
    ("smith", {"1001", "1002", "1003", "1004"}),
    ("SMITH, JO", {"1001", "1003"}),
    ("smith jo 2019 C50", {"1001", "1003"}),
    ("smith 2020", {"1002"}),
    ("o'neil", {"1004"}),
    ("oneil garcia", set()),
    ("nunez", {"1005"}),
    ("Núñez", {"1005"}),
    ("201900002", {"1003"}),
    ("2019-00003", {"1004"}),
    ("C50.4", {"1003"}),
    ("c50 2019", {"1001", "1003"}),
    ("2021", {"1005"}),
    ("zz", set()),
    ("", set()),
    ("%", set()),
    ("'; DROP TABLE tumor; --", set()),
]


class People:
    format, version, done = "test", "", 0.0

    def __iter__(self) -> Any:
        for number, last, first, birth, site, date, accession in PEOPLE:
            person = {20: number, 2230: last, 2240: first} | ({2232: birth} if birth else {})
            yield IncomingPatient(1, person, [IncomingTumor(1, {60: "1", 400: site, 390: date, 550: accession})])


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[c[0] or "blank" for c in CASES])
def test_the_box_understands(store: Store, text: str, expected: set[str]) -> None:
    run_import(store, People(), name="people", who="tester")
    numbers = {name: row[0] for row in PEOPLE for name in [row[6]]}
    with store.reading() as session:
        assert {numbers[hit.accession] for hit in search(session, text).hits} == expected


def test_pages_follow_each_other_and_a_scope_hides(store: Store) -> None:
    run_import(store, People(), name="people", who="tester")
    with store.reading() as session:
        first, second = search(session, "smith", size=3), search(session, "smith", size=3, page=2)
        assert (len(first.hits), first.more, len(second.hits), second.more) == (3, True, 1, False)
        assert search(session, "smith", scope=Tumor.primary_site == "C619").hits[0].name_first == "Peter"


def test_a_word_tells_by_its_shape_what_it_is() -> None:
    assert parse("o'neil, zoe 2019 c50.9 201900001") == Query("ONEIL", "ZOE", "201900001", "C509", 2019)
