"""Population life tables: hazard of death by sex, age and calendar time, read, checked and looked up.

Two layouts are read. With cut points (`sex,age,age_cut_days,year,year_cut_days1960,haz_day`): the hazard per day that
holds from an age in days and a day since 1960-01-01. Plain (`year,age,sex,annual_prob`): the probability of dying
within a year of age, turned into a hazard by -log(1 - p) / 365.24; ages start every 365.241 days, years on 1 January.
The built-in table `us` carries the figures of R's `survexp.us` (made by scripts/make_survival_tables.py).

A table whose ages are cut every 365.25 days follows the convention of `survexp.us`: the calendar index moves on the
birthday, not on 1 January (Therneau and Grambsch, Modeling Survival Data, 2000, section 10.2).
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from survival.errors import SurvivalError
from survival.frames import EPOCH, Faults, name_rows, read_numbers, read_table, require_columns

YEAR_OF_AGE = 365.241
YEAR_OF_PROBABILITY = 365.24
YEAR_OF_US = 365.25
SEXES = {"1": 0, "1.0": 0, "m": 0, "male": 0, "2": 1, "2.0": 1, "f": 1, "female": 1}
US_TABLE = Path(__file__).parent / "data" / "us_life_table.csv.gz"

CUTS = ("sex", "age", "age_cut_days", "year", "year_cut_days1960", "haz_day")
PLAIN = ("year", "age", "sex", "annual_prob")


@dataclass(frozen=True)
class LifeTable:
    """Hazards of death per day, indexed [sex (0 men, 1 women), age, year].

    `age_cuts` in days and `year_cuts` in days since 1960-01-01 say from where each row holds; below the first and
    beyond the last the nearest one holds. `years` and `ages` (in years) are the labels. `on_birthday`: the year index
    moves on birthdays. `birthday_shift` days are added to the birth date before its day of the year is taken: 0 but
    for relsurv's way. `year_days` are the days of a year for whoever needs hazards per year.
    """

    hazards: np.ndarray
    age_cuts: np.ndarray
    year_cuts: np.ndarray
    years: np.ndarray
    ages: np.ndarray
    on_birthday: bool = False
    birthday_shift: int = 0
    year_days: float = 365.25
    name: str = ""

    def place(self, year: np.ndarray, age: np.ndarray) -> np.ndarray:
        """Gives dates (days since 1960) as the table counts them: moved to 1 January of the birth year if it says so."""
        if not self.on_birthday:
            return year
        birth = np.floor(np.asarray(year, dtype=float) - age).astype("int64") + self.birthday_shift
        dates = EPOCH + birth.astype("timedelta64[D]")
        first = dates.astype("datetime64[Y]").astype("datetime64[D]")
        return year - (dates - first).astype("int64")

    def cautions(self, year: np.ndarray, time: np.ndarray) -> tuple[str, ...]:
        """Gives sentences on follow-up that the table's calendar years do not cover."""
        if not len(year):
            return ()
        found = []
        early = int((year < self.year_cuts[0]).sum())
        if early:
            found.append(
                f"{early} persons are diagnosed before the life table's first year {self.years[0]}, whose rates are used."
            )
        span = np.diff(self.years)
        end = self.year_cuts[-1] + YEAR_OF_AGE * (span[-1] if len(span) else 1)
        late = int((year + time > end + 1).sum())
        if late:
            found.append(
                f"{late} persons are followed beyond the life table's last year {self.years[-1]}, whose rates are used."
            )
        if len(span) and (span == 1).mean() > 0.5:
            first, last = float(year.min()), float((year + time).max())
            holes = [
                f"{self.years[k] + 1}" + (f" to {self.years[k + 1] - 1}" if span[k] > 2 else "")
                for k in np.flatnonzero(span > 1)
                if self.year_cuts[k + 1] > first and self.year_cuts[k] < last
            ]
            if holes:
                found.append(f"The life table lists no {', '.join(holes)}: the year before is used for them.")
        return tuple(found)


def read_life_table(source: str | Path) -> LifeTable:
    """Gives the life table of a CSV or Parquet file, or the built-in one named `us`; raises every fault at once."""
    if str(source) == "us":
        return us_life_table()
    return build_life_table(read_table(source), where=str(source))


def us_life_table() -> LifeTable:
    """Gives the United States life table 1940 to 2014, ages 0 to 109, figures of R's `survexp.us`."""
    with gzip.open(US_TABLE, "rt", encoding="utf-8") as stream:
        wide = pd.read_csv(stream, comment="#")
    years = np.array([int(name) for name in wide.columns[2:]])
    ages = np.sort(wide["age"].unique())
    hazards = wide.sort_values(["sex", "age"]).iloc[:, 2:].to_numpy(dtype=float).reshape(2, len(ages), len(years))
    return LifeTable(
        hazards,
        ages * YEAR_OF_US,
        first_of_january(years),
        years,
        ages,
        on_birthday=True,
        year_days=YEAR_OF_US,
        name="us",
    )


def first_of_january(years: np.ndarray) -> np.ndarray:
    """Gives 1 January of each year as days since 1960-01-01."""
    starts = (np.asarray(years, dtype="int64") - 1970).astype("datetime64[Y]").astype("datetime64[D]")
    return (starts - EPOCH).astype("int64").astype(float)


def build_life_table(frame: pd.DataFrame, *, where: str = "") -> LifeTable:
    """Gives the life table of a frame in one of the two layouts (see the module)."""
    faults = Faults(where)
    labels = list(frame.columns)
    cuts = set(CUTS) <= set(labels)
    if not cuts and not set(PLAIN) <= set(labels):
        raise SurvivalError(
            "life-table-columns",
            f"the columns are {', '.join(map(str, labels[:20]))}",
            hint=f"Give either {', '.join(PLAIN)}, or {', '.join(CUTS)}.",
            where=where,
        )
    require_columns(labels, CUTS if cuts else PLAIN, faults)
    sex = read_sex(frame, "sex", faults)
    age = read_numbers(frame, "age", faults, minimum=0, maximum=150)
    year = read_numbers(frame, "year", faults, minimum=1800, maximum=2300)
    if cuts:
        value = read_numbers(frame, "haz_day", faults, minimum=0, maximum=1, range_code="life-table-range")
        age_cut = read_numbers(frame, "age_cut_days", faults, minimum=0)
        year_cut = read_numbers(frame, "year_cut_days1960", faults)
    else:
        value = read_numbers(frame, "annual_prob", faults, minimum=0, maximum=1, range_code="life-table-range")
        certain = np.flatnonzero(value == 1)
        if len(certain):
            # the last age of a published table often has probability 1; no finite hazard belongs to it
            value = np.where(value == 1, 1 - 1e-6, value)
    faults.raise_if_any()
    ages, years = np.unique(age), np.unique(year).astype(np.int64)
    _check_grid(sex, age, year, ages, years, faults, consecutive=not cuts)
    faults.raise_if_any()
    row, column = np.searchsorted(ages, age), np.searchsorted(years, year)
    table = np.full((2, len(ages), len(years)), np.nan)
    table[sex, row, column] = value
    if not cuts:
        hazards = -np.log1p(-table) / YEAR_OF_PROBABILITY
        return LifeTable(
            hazards, ages * YEAR_OF_AGE, first_of_january(years), years, ages, year_days=YEAR_OF_PROBABILITY, name=where
        )
    age_cuts, year_cuts = np.full(len(ages), np.nan), np.full(len(years), np.nan)
    age_cuts[row], year_cuts[column] = age_cut, year_cut
    for name, bounds in (("age_cut_days", age_cuts), ("year_cut_days1960", year_cuts)):
        if (np.diff(bounds) <= 0).any():
            faults.add("life-table-range", f"{name} does not ascend", "Sort the cut points as age and year.")
    faults.raise_if_any()
    on_birthday = bool(len(ages) > 1 and np.allclose(age_cuts, ages * YEAR_OF_US, atol=1e-6))
    return LifeTable(table, age_cuts, year_cuts, years, ages, on_birthday=on_birthday, year_days=YEAR_OF_US, name=where)


def _check_grid(
    sex: np.ndarray,
    age: np.ndarray,
    year: np.ndarray,
    ages: np.ndarray,
    years: np.ndarray,
    faults: Faults,
    *,
    consecutive: bool,
) -> None:
    """Notes combinations that are missing or given twice, and ages left out between the first and the last."""
    key = (sex * len(ages) + np.searchsorted(ages, age)) * len(years) + np.searchsorted(years, year)
    counts = np.bincount(key, minlength=2 * len(ages) * len(years))
    if (counts > 1).any():
        rows = np.flatnonzero(counts[key] > 1)
        faults.add("life-table-twice", "the same sex, age and year is given again", "Keep one of them.", rows=rows)
    missing = np.argwhere(counts.reshape(2, len(ages), len(years)) == 0)
    if len(missing):
        shown = ", ".join(f"{('men', 'women')[s]} aged {ages[a]:g} in {years[y]}" for s, a, y in missing[:5])
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        faults.add(
            "life-table-gap", f"no value for {shown}{more}", "Fill the gaps; every sex needs every age and year."
        )
    if consecutive and len(ages) > 1 and (np.diff(ages) != 1).any():
        first = ages[int(np.argmax(np.diff(ages) != 1))]
        faults.add("life-table-gap", f"ages jump after {first:g}", "Give single years of age without a gap.")


def read_sex(frame: pd.DataFrame, name: str, faults: Faults) -> np.ndarray:
    """Gives sex as 0 (1, male) and 1 (2, female); notes any other value."""
    column = frame[name]
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf":
        values = column.to_numpy()
        bad = np.flatnonzero((values != 1) & (values != 2))
        found = (values == 2).astype(np.int64)
    else:
        mapped = column.astype("string").str.strip().str.lower().map(SEXES)
        bad = np.flatnonzero(mapped.isna().to_numpy())
        found = mapped.fillna(0).to_numpy(dtype=np.int64)
    if len(bad):
        faults.found.append(
            (
                "sex-unknown",
                f"column {name!r} is neither 1/male nor 2/female: {name_rows(bad)}",
                "Background mortality exists for these two only: leave such persons out and report how many.",
            )
        )
    return found
