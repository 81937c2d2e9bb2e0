"""Fixtures of the survival room: R's recorded numbers and their data, and a small synthetic cohort and life table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from survival.lifetables import LifeTable, build_life_table


@pytest.fixture(scope="session")
def expected(reference: Path) -> Callable[[str], dict[str, Any]]:
    """Gives R's numbers by file name."""
    return lambda name: json.loads((reference / "survival" / "expected" / f"{name}.json").read_text())


@pytest.fixture(scope="session")
def dataset(reference: Path) -> Callable[[str], pd.DataFrame]:
    """Gives a data set of the reference folder by name."""
    return lambda name: pd.read_csv(reference / "survival" / "data" / f"{name}.csv")


@pytest.fixture(scope="session")
def slopop(dataset: Callable[[str], pd.DataFrame]) -> LifeTable:
    return build_life_table(dataset("slopop"))


def make_life_table(*, hazard: float = 1e-4, growth: float = 0.09, years: range = range(1990, 2012)) -> pd.DataFrame:
    """Gives a synthetic life table in the plain layout, mortality growing with age and falling over the years."""
    grid = pd.MultiIndex.from_product([years, range(111), (1, 2)], names=["year", "age", "sex"]).to_frame(index=False)
    force = hazard * np.exp(growth * grid["age"]) * np.where(grid["sex"] == 1, 1.4, 1.0)
    force *= 0.99 ** (grid["year"] - years[0])
    return grid.assign(annual_prob=-np.expm1(-force))


def make_cohort(n: int, *, seed: int = 1, late: bool = False) -> pd.DataFrame:
    """Gives a synthetic cohort: time and entry in days, age in years, date of diagnosis, sex, site, stage."""
    rng = np.random.default_rng(seed)
    time = np.ceil(rng.exponential(1500, n)).clip(1, 3650)
    frame = pd.DataFrame(
        {
            "time": time,
            "event": ((rng.random(n) < 0.7) & (time < 3650)).astype(int),
            "age": rng.uniform(20, 90, n).round(2),
            "sex": rng.integers(1, 3, n),
            "date": pd.Timestamp("1995-01-01") + pd.to_timedelta(rng.integers(0, 2500, n), unit="D"),
            "site": rng.choice(["colon", "rectum", "lung"], n),
            "stage": rng.integers(1, 5, n),
        }
    )
    if late:
        frame["entry"] = np.where(rng.random(n) < 0.3, np.floor(time * rng.random(n)), 0)
    return frame


@pytest.fixture(scope="session")
def life_table_frame() -> Callable[..., pd.DataFrame]:
    return make_life_table


@pytest.fixture(scope="session")
def cohort_frame() -> Callable[..., pd.DataFrame]:
    return make_cohort


@pytest.fixture(scope="session")
def table() -> LifeTable:
    return build_life_table(make_life_table())


def _column(rows: list[dict], name: str) -> np.ndarray:
    return np.array([np.nan if row.get(name) is None else row[name] for row in rows], dtype=float)


@pytest.fixture(scope="session")
def column() -> Callable[[list[dict], str], np.ndarray]:
    """Gives one field of R's rows as an array."""
    return _column
