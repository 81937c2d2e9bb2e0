"""Shared by the tests of the recodes: the reference cases, and a registry made up on the spot."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest


@pytest.fixture(scope="session")
def cases(reference: Path) -> Callable[[str], list[dict]]:
    """Reads the reference cases of one name."""

    def read(name: str) -> list[dict]:
        with gzip.open(reference / "algorithms" / "cases" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    return read


def coded_date(rng: random.Random, first: int, last: int, *, incomplete: float) -> str:
    year, month, day = rng.randint(first, last), rng.randint(1, 12), rng.randint(1, 28)
    if rng.random() >= incomplete:
        return f"{year}{month:02d}{day:02d}"
    odd = ("", f"{year}", f"{year}{month:02d}", f"{year}99", f"{year}{month:02d}99", f"{year}1301", f"{year}0230")
    return rng.choice((*odd, "99999999", f"{year}{month:02d}  ", f"{year}0031"))


@pytest.fixture(scope="session")
def made_up_registry() -> Callable[..., pd.DataFrame]:
    """Gives a frame keyed by item numbers; every value is drawn from a seed, no person stands behind it."""

    def make(rows: int, *, seed: int, incomplete: float = 0.1, several: float = 0.3) -> pd.DataFrame:
        rng = random.Random(seed)
        records: list[dict] = []
        patient = 0
        while len(records) < rows:
            patient += 1
            start = rng.randint(2001, 2022)
            person = {
                "20": f"{patient:08d}",
                "240": coded_date(rng, start - 80, start, incomplete=incomplete),
                "1750": coded_date(rng, start, start + rng.choice((0, 1, 5, 9)), incomplete=incomplete),
                "1760": rng.choice(("1", "1", "0", "4", "9", None)),
                "1910": rng.choice(("C509", "C349", "I219", "C798", "D619", "7777", "", "0422", "C50 ", None)),
                "1920": rng.choice(("0", "1", "1", "8", "9", None)),
            }
            for number in range(1 if rng.random() > several else rng.randint(2, 4)):
                tumor = {
                    "80": rng.choice(("FL", "GA", "ON", "", None)),
                    "90": rng.choice(("001", "086", "999", "998", "", None)),
                    "96": rng.choice(("001", "086", "002", "999", "", None)),
                    "367": rng.choice(("1", "2", "5", "6", "9", "", None)),
                    "97": rng.choice(("001", "086", None)),
                    "369": rng.choice(("1", "4", None)),
                    "230": rng.choice(("045", "007", "999", "", "101", None)),
                    "380": rng.choice((f"{number:02d}", "00", "60", "61", "99", None)),
                    "390": coded_date(rng, start - 1, start + 2, incomplete=incomplete),
                    "400": rng.choice(("C504", "C619", "C341", "C679", "C710", "C421", "C809", "C770", "c509", None)),
                    "500": rng.choice(("1", "1", "1", "6", "7", None)),
                    "522": rng.choice(("8140", "8500", "8070", "8720", "9732", "9823", "9380", "9950", "8O00", None)),
                    "523": rng.choice(("3", "3", "3", "2", "1", "0", "X", None)),
                    "759": rng.choice(("1", "5", "", None)),
                    "760": rng.choice(("7", "", None)),
                    "764": rng.choice(("0", "1", "4", "7", "8", "9", "", None)),
                    "3020": rng.choice(("2", "3", "", None)),
                }
                if rng.random() < incomplete / 5:
                    tumor["1750"] = coded_date(rng, start, start + 5, incomplete=incomplete)
                records.append({**person, **tumor})
        rng.shuffle(records)
        return pd.DataFrame(records[:rows]).astype(object)

    return make
