"""Background hazard of each person at the end of follow-up, as excess-hazard models need it."""

from __future__ import annotations

import numpy as np

from survival.lifetables import YEAR_OF_AGE, LifeTable
from survival.net.cohort import Cohort


def hazard_at_exit(cohort: Cohort, table: LifeTable) -> np.ndarray:
    """Gives the population's hazard per year of 365.241 days at each person's exit (n)."""
    age = cohort.age + cohort.time
    year = table.place(cohort.date, cohort.age) + cohort.time
    a = np.clip(np.searchsorted(table.age_cuts, age, side="right") - 1, 0, len(table.age_cuts) - 1)
    y = np.clip(np.searchsorted(table.year_cuts, year, side="right") - 1, 0, len(table.year_cuts) - 1)
    return table.hazards[cohort.sex, a, y] * YEAR_OF_AGE
