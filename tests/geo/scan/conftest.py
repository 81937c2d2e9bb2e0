"""Small made-up maps and the naive scan that the compiled one must equal."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest


@dataclass(frozen=True)
class Map:
    """Tables of a made-up region: ids, cases, population, controls and coordinates."""

    cases: pd.DataFrame
    population: pd.DataFrame
    controls: pd.DataFrame
    coordinates: pd.DataFrame


@pytest.fixture(scope="session")
def make_map() -> Callable[..., Map]:
    def make(seed: int = 1, locations: int = 12, cases: int = 60, years: tuple[int, ...] = ()) -> Map:
        rng = np.random.default_rng(seed)
        ids = [f"{i:02d}" for i in range(locations)]
        people = rng.integers(20, 400, locations)
        where = rng.choice(locations, cases, p=people / people.sum())
        when = rng.choice(years, cases) if years else None
        table = pd.DataFrame({"id": [ids[i] for i in where], "cases": 1})
        controls = pd.DataFrame({"id": ids, "controls": rng.integers(1, 12, locations)})
        if when is not None:
            table["year"] = when.astype(str)
            controls = pd.concat([controls.assign(year=str(year)) for year in years])
            controls["controls"] = rng.integers(0, 9, len(controls))
        points = pd.DataFrame({"id": ids, "x": rng.uniform(0, 10, locations), "y": rng.uniform(0, 10, locations)})
        return Map(table, pd.DataFrame({"id": ids, "pop": people}), controls, points)

    return make


def slow_llr(model: str, c: float, e: float, u: float, total: float, persons: float) -> float:
    """The log likelihood ratio, term by term from the papers."""

    def term(n: float, p: float) -> float:
        return n * math.log(p) if n else 0.0

    if model == "bernoulli":
        if u in (0, persons):
            return 0.0
        inside, outside, all_ = c / u, (total - c) / (persons - u), total / persons
        return (
            term(c, inside) + term(u - c, 1 - inside)
            + term(total - c, outside) + term(persons - u - total + c, 1 - outside)
            - term(total, all_) - term(persons - total, 1 - all_)
        )  # fmt: skip
    if not 0 < e < total:
        return 0.0
    return term(c, c / e) + term(total - c, (total - c) / (total - e))


@pytest.fixture(scope="session")
def naive_best() -> Callable[..., float]:
    """The greatest LLR over circles and windows, by plain loops over a plan's cells."""

    def best(plan: object, cases: np.ndarray) -> float:
        places, greatest = len(plan.measure), 0.0
        for centre in range(places):
            distance = np.sqrt(((plan.place - plan.place[centre]) ** 2).sum(axis=1))
            zone: list[int] = []
            for j in np.argsort(distance, kind="stable"):
                if sum(plan.measure[k] for k in [*zone, j]) > plan.largest:
                    break
                zone.append(j)
                for s, t in zip(plan.window_start, plan.window_end):
                    c = cases[zone, s:t].sum()
                    e, u = plan.expected[zone, s:t].sum(), plan.at_risk[zone, s:t].sum()
                    high = c > e + 1e-9 and c >= plan.least and plan.rates in ("high", "both")
                    low = c < e - 1e-9 and plan.rates in ("low", "both")
                    if high or low:
                        greatest = max(greatest, slow_llr(plan.model, c, e, u, plan.total, plan.persons))
        return greatest

    return best
