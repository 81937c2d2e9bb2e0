"""Small files of invented persons, and shorthand for the verdict of one pair."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from registry.linkage.match import Matches, match

PERSON = {
    "first": "Margaret",
    "middle": "Rose",
    "last": "Abernathy",
    "sex": "2",
    "dob": "19450317",
    "ssn": "900123456",
    "address": "12 Harbor Street",
    "city": "Palmview",
    "zip": "32011",
    "phone": "5555550142",
}


@pytest.fixture(scope="session")
def crowd() -> pd.DataFrame:
    """1,500 invented persons, each once, and 300 of them a second time with a slip: a file to learn from."""
    random = np.random.default_rng(7)
    vowels, consonants = list("aeiou"), list("bcdfghklmnprst")

    def name() -> str:
        parts = [random.choice(consonants) + random.choice(vowels) for _ in range(int(random.integers(2, 4)))]
        return "".join(parts).title()

    given, surnames = [name() for _ in range(200)], [name() + "son" for _ in range(500)]
    rows = [
        {
            "record": f"C{n}",
            "first": random.choice(given),
            "middle": random.choice(given),
            "last": random.choice(surnames),
            "suffix": "",
            "maiden": "",
            "sex": str(random.integers(1, 3)),
            "dob": f"{random.integers(1925, 1995)}{random.integers(1, 13):02d}{random.integers(1, 29):02d}",
            "ssn": f"9{random.integers(10_000_000, 99_999_999)}",
            "address": f"{random.integers(1, 900)} {random.choice(surnames)} Road",
            "city": f"Town {n % 25}",
            "zip": f"{32000 + n % 25}",
            "phone": f"55555{random.integers(10_000, 99_999)}",
            "mrn": "",
        }
        for n in range(1500)
    ]
    for n in range(300):
        again = dict(rows[n], record=f"D{n}")
        field = ("middle", "phone", "ssn", "last", "address", "first")[n % 6]
        text = again[field]
        again[field] = "" if n % 2 else text[:2] + text[3:]
        rows.append(again)
    return pd.DataFrame(rows, dtype=str)


@pytest.fixture(scope="session")
def found(crowd: pd.DataFrame) -> Matches:
    """What the matcher makes of the crowd; its model serves the tests of single pairs."""
    return match(crowd, id="record")


@pytest.fixture
def person() -> Callable[..., dict[str, str]]:
    """Gives a person's record with some fields written otherwise."""

    def make(**other: str) -> dict[str, str]:
        return {**PERSON, **other}

    return make
