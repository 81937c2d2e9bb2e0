"""Florida's population by county, sex, age group and year.

Source: SEER county population files (Census estimates of every fifth year 1984 to 2014) as packaged by GerkeLab/fcds
(MIT). Between these years the figures are linear; after 2014 they are held constant and labelled so.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from registry.errors import RegistryError
from registry.synthetic.tables import AGE_GROUPS, AGE_LABELS, SEXES, counties, read

FIRST_YEAR, LAST_ESTIMATE = 1984, 2014
BASES = ("estimate", "linear between estimates", f"held constant after {LAST_ESTIMATE}")


@lru_cache(maxsize=1)
def _estimates() -> tuple[np.ndarray, np.ndarray]:
    frame = read("florida_population.csv.gz")
    years = np.array([int(c) for c in frame.columns[3:]])
    frame = frame.astype(dict.fromkeys(frame.columns[1:], int)).sort_values(["county", "sex", "age_group"])
    cube = frame[[str(y) for y in years]].to_numpy(dtype=float).reshape(len(counties()), 2, AGE_GROUPS, len(years))
    return cube, years


def population_cube(years: range) -> np.ndarray:
    """Gives the population of the given years: shape (67 counties by code, 2 sexes, 18 age groups, years)."""
    if len(years) == 0 or years[0] < FIRST_YEAR:
        raise RegistryError(
            "usage", f"the population is known from {FIRST_YEAR} on", hint=f"begin the years at {FIRST_YEAR} or later"
        )
    cube, known = _estimates()
    at = np.minimum(np.array(years), LAST_ESTIMATE)
    left = np.clip(np.searchsorted(known, at, side="right") - 1, 0, len(known) - 2)
    share = (at - known[left]) / (known[left + 1] - known[left])
    return cube[..., left] * (1 - share) + cube[..., left + 1] * share


def florida_population(years: range = range(FIRST_YEAR, 2025)) -> pd.DataFrame:
    """Gives the population as a long frame: county (FIPS), name, sex, age_group, age_label, year, population, basis.

    `sex` is 1 male, 2 female; `age_group` 0 (0-4) to 17 (85+); `basis` says whether a figure is an estimate, lies on
    the line between two estimates, or is held constant after 2014.
    """
    cube = population_cube(years)
    place = counties()
    county, sex, age, year = (a.ravel() for a in np.indices(cube.shape))
    known = set(_estimates()[1].tolist())
    basis = np.array([2 if y > LAST_ESTIMATE else 0 if y in known else 1 for y in years])
    return pd.DataFrame(
        {
            "county": place.county.to_numpy()[county],
            "name": place.name.to_numpy()[county],
            "sex": np.array(SEXES)[sex],
            "age_group": age,
            "age_label": np.array(AGE_LABELS, dtype=object)[age],
            "year": np.array(years)[year],
            "population": np.round(cube.ravel(), 1),
            "basis": np.array(BASES, dtype=object)[basis[year]],
        }
    )
