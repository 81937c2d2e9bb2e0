"""True survival: an excess hazard by site group, stage, age and year on top of US expected mortality.

Net survival of a tumour after t years is exp(-scale x shape(t)): `scale` is minus the log of the planted 5-year relative
survival of its group and stage, times age and calendar effects, and `shape` rises steeply in the first year, reaches 1
after five and a little more until 15, after which the tumour is cured. Time of death is the earlier of a death from the
tumour and one from other causes; both are drawn, so that every kind of survival has a known true value.
"""

from __future__ import annotations

import numpy as np

from registry.synthetic.calendar import year_of
from registry.synthetic.streams import stream
from registry.synthetic.tables import expected_hazard, site_groups

DAYS = 365.25
NEVER = np.int64(10**6)
# cumulative share of the 5-year excess hazard at these years
SHAPE_YEARS = np.array([0.0, 0.25, 1.0, 2.0, 3.0, 5.0, 10.0, 15.0])
SHAPE = np.array([0.0, 0.13, 0.40, 0.65, 0.82, 1.0, 1.15, 1.20])
STAGE_COLUMNS = {1: "rs5_loc", 2: "rs5_reg", 3: "rs5_reg", 4: "rs5_reg", 7: "rs5_dist", 9: "rs5_unk"}
NODE_EFFECT = {2: 0.85, 3: 1.0, 4: 1.3}  # within regional disease
YEARLY_GAIN = 0.985  # the excess hazard falls by 1.5 % per calendar year of diagnosis, 1 in 2010


def scales(group: np.ndarray, stage: np.ndarray, age: np.ndarray, year: np.ndarray) -> np.ndarray:
    """Gives the cumulative excess hazard five years after diagnosis of each tumour; 0 for in situ and benign."""
    table = site_groups()
    out = np.zeros(len(group))
    for code, column in STAGE_COLUMNS.items():
        values = table[column].fillna(table.rs5_dist).fillna(table.rs5_unk).to_numpy(dtype=float)
        mine = stage == code
        out[mine] = -np.log(values[group[mine]]) * NODE_EFFECT.get(code, 1.0)
    old = np.exp(np.clip((age - 65) / 10.0, -2.0, 2.5) * 0.18)
    return np.nan_to_num(out) * old * YEARLY_GAIN ** (year - 2010)


def net_survival(scale: np.ndarray, years: float) -> np.ndarray:
    """Gives each tumour's true net survival after so many years."""
    return np.exp(-scale * np.interp(years, SHAPE_YEARS, SHAPE))


def draw_cancer_days(seed: int, scale: np.ndarray) -> np.ndarray:
    """Gives the days from diagnosis to death from the tumour, NEVER for those it does not kill."""
    wanted = stream(seed, "death from the tumour").exponential(size=len(scale)) / np.maximum(scale, 1e-12)
    years = np.interp(wanted, SHAPE, SHAPE_YEARS)
    return np.where((scale > 0) & (wanted < SHAPE[-1]), np.ceil(years * DAYS).astype(np.int64), NEVER)


def draw_other_days(seed: int, sex: np.ndarray, birth: np.ndarray, diagnosis: np.ndarray) -> np.ndarray:
    """Gives the days from diagnosis to death from other causes, drawn from the expected mortality (sex 0 male, 1 female).

    The hazard is constant within a year of age and taken at the calendar year in which that age begins; years beyond
    the table use its ends.
    """
    hazard, first, last = expected_hazard()
    oldest = hazard.shape[1]
    wanted = stream(seed, "death from other causes").exponential(size=len(sex))
    birth_year = year_of(birth)
    age = (diagnosis - birth) / DAYS
    out = np.full(len(sex), NEVER)
    key = sex * 10_000 + birth_year
    for value in np.unique(key):
        mine = np.flatnonzero(key == value)
        s, year = divmod(int(value), 10_000)
        ages = np.arange(oldest)
        column = np.clip(year + ages, first, last) - first
        cumulative = np.concatenate([[0.0], np.cumsum(hazard[s, ages, column])])
        # beyond the table the last hazard goes on
        ages = np.append(np.arange(oldest + 1), oldest + 40)
        cumulative = np.append(cumulative, cumulative[-1] + 40 * hazard[s, -1, -1])
        start = np.interp(age[mine], ages, cumulative)
        end = np.interp(start + wanted[mine], cumulative, ages)
        out[mine] = np.maximum(np.ceil((end - age[mine]) * DAYS), 0).astype(np.int64)
    return out
