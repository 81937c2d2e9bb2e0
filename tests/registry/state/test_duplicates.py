"""The duplicate rate by hand: which pairs the keys bring together, verdicts, and the arithmetic per 1,000."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from registry import audit
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.importer import run_import
from registry.models import Tumor
from registry.state import duplicates

KIM = {2230: "KIMSON", 2240: "KIM", 240: "19450203", 2320: "900000010", 390: "20240301"}


@pytest.fixture
def filled(central: Store, rows: Any) -> Store:
    """Ten tumors of 2024: one person under two numbers with one tumor (twice more, mistyped), and others."""
    cases: list[dict[int, str]] = [{20: f"O{n}", 240: f"195{n}0102", 2230: f"OTHER{n}"} for n in range(6)]
    cases += [{20: "K1", **KIM}, {20: "K2", **KIM, 540: "0000010002"}]
    cases += [{20: "K3", **KIM, 2230: "KIMSEN", 2320: "900000011"}]
    # another site is another tumor, another year is not in the records
    cases += [{20: "K4", **KIM, 400: "C341", 522: "8140"}, {20: "Z", 390: "20200101", 240: "19300101"}]
    run_import(central, rows(cases), name="a", who="t")
    return central


def of(store: Store, year: int = 2024, **options: int) -> duplicates.Rate:
    with store.reading() as session:
        return duplicates.rate(session, year, **options)


def test_the_keys_find_the_pairs_and_nothing_else(filled: Store) -> None:
    found = of(filled)
    assert (found.records, found.of) == (10, 10)
    assert [p.keys for p in found.pairs] == [
        ("number", "name and birth", "surname changed", "first name written otherwise", "birth date mistyped"),
        ("surname changed",),
        ("surname changed",),
    ]
    assert {p.left.site for p in found.pairs} == {"C509"} and found.undecided == 3
    # three tumors that are one are two too many
    assert (found.confirmed, found.rate, found.possible, found.highest) == (0, 0.0, 2, 200.0)


def test_verdicts_make_the_rate_and_can_be_changed(filled: Store) -> None:
    names = [pair.name for pair in of(filled).pairs]

    def say(name: str, verdict: str) -> duplicates.Rate:
        with filled.writing() as session:
            duplicates.review(session, name, verdict, who="t", why="looked at both")
        return of(filled)

    assert (say(names[0], "duplicate").rate, of(filled).highest) == (100.0, 200.0)
    say(names[1], "different")
    last = say(names[2], "different")
    assert (last.rate, last.highest, last.undecided) == (100.0, 100.0, 0)
    assert say(names[0], "different").rate == 0.0
    assert say(names[0], "").undecided == 1
    assert audit.verify(filled) == []


def test_a_sample_is_the_same_again_and_compared_with_all(filled: Store) -> None:
    first, second = of(filled, sample=4, seed=3), of(filled, sample=4, seed=3)
    assert first == second and (first.records, first.of) == (4, 10)
    assert of(filled, sample=99).records == 10


@pytest.mark.parametrize(
    ("pairs", "too_many"), [([], 0), ([(1, 2)], 1), ([(1, 2), (2, 3), (1, 3)], 2), ([(1, 2), (3, 4), (2, 3)], 3)]
)
def test_a_group_counts_one_less_than_its_members(pairs: list[tuple[int, int]], too_many: int) -> None:
    assert duplicates.surplus(pairs) == too_many


@pytest.mark.parametrize("pair", ["", "1", "2-1", "1-1", "a-b", "1-999999"])
def test_what_is_no_pair_is_refused(filled: Store, pair: str) -> None:
    with pytest.raises(RegistryError), filled.writing() as session:
        duplicates.review(session, pair, "duplicate", who="t")


def test_years_without_records_have_no_rate(filled: Store) -> None:
    assert of(filled, 1999).rate is None
    with filled.reading() as session:
        assert duplicates.years(session) == [2024, 2020]
        assert session.scalars(select(Tumor.id)).first()


def test_a_registry_reviews_by_the_keys_of_its_own_protocol(filled: Store) -> None:
    path = filled.settings.home / duplicates.FILE
    path.write_text('[limits]\ngold = 1\nsilver = 2\n[[key]]\nid = "number alone"\nparts = ["ssn"]\n')
    assert duplicates.protocol(filled.settings).own
    assert set(duplicates.protocol(filled.settings).keys) == {"number alone"}
    with filled.reading() as session:
        for year in duplicates.years(session):
            assert {key for pair in duplicates.rate(session, year).pairs for key in pair.keys} <= {"number alone"}
    for wrong in ("[[key]", "[limits]\n", '[limits]\ngold = 1\nsilver = 2\n[[key]]\nid = "x"\nparts = ["shoe"]\n'):
        path.write_text(wrong)
        with pytest.raises(RegistryError, match="duplicate_keys"):
            duplicates.protocol(filled.settings)
    path.unlink()
    assert not duplicates.protocol(filled.settings).own
