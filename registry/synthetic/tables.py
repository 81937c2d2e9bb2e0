"""The fact tables in `data/`, read once and shared."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files

import numpy as np
import pandas as pd

AGE_GROUPS = 18
AGE_LABELS = tuple(f"{5 * i}-{5 * i + 4}" for i in range(17)) + ("85+",)
SEXES = (1, 2)


@cache
def read(name: str) -> pd.DataFrame:
    """Gives one table of the data folder as text columns; comment lines name its source."""
    path = files("registry.synthetic") / "data" / name
    with path.open("rb") as stream:
        compression = "gzip" if name.endswith(".gz") else None
        return pd.read_csv(stream, dtype=str, comment="#", keep_default_na=False, compression=compression)


@lru_cache(maxsize=1)
def counties() -> pd.DataFrame:
    """Gives Florida's 67 counties: county (5-digit FIPS), name, latitude, longitude."""
    frame = read("counties.csv").copy()
    return frame.astype({"latitude": float, "longitude": float})


@lru_cache(maxsize=1)
def site_groups() -> pd.DataFrame:
    """Gives the site groups with their planted parameters; blank numbers are NaN."""
    frame = read("site_groups.csv").copy()
    for column in frame.columns.drop(["group", "label", "sites", "histologies", "behaviors", "trend", "staging"]):
        frame[column] = pd.to_numeric(frame[column].replace("", np.nan))
    return frame


@lru_cache(maxsize=1)
def tumor_types() -> pd.DataFrame:
    """Gives the tumour types with numeric sex, weight, age and year bounds and `group_index` into `site_groups`.

    `year_max` is the last year of diagnosis for which the list of histologies has the code.
    """
    from abstracting.edits.predicates import morphology_years

    frame = read("tumor_types.csv.gz").copy()
    frame["weight"] = frame.weight.astype(float)
    for column in ("sex", "age_min", "age_max", "year_min"):
        frame[column] = frame[column].astype(int)
    order = {name: i for i, name in enumerate(site_groups().group)}
    frame["group_index"] = frame.group.map(order)
    last = {code: years[1] for code, years in morphology_years().items()}
    frame["year_max"] = (frame.histology + "/" + frame.behavior).map(last).fillna(9999).astype(int)
    return frame


@lru_cache(maxsize=1)
def age_weights() -> np.ndarray:
    """Gives each tumour type's weight by 5-year age group: shape (types, 18), rows sum to the type's weight."""
    types = tumor_types()
    ages = read("ages_by_site.csv.gz").set_index("site").astype(float)
    share = np.maximum(ages.loc[types.site].to_numpy(), 1e-7)
    group = np.arange(AGE_GROUPS)
    share = share * ((group >= types.age_min.to_numpy()[:, None]) & (group <= types.age_max.to_numpy()[:, None]))
    return share * (types.weight.to_numpy() / share.sum(axis=1))[:, None]


@lru_cache(maxsize=1)
def us_age_shares() -> np.ndarray:
    """Gives the share of each age group in the US population of 2004, sexes in rows: shape (2, 18)."""
    frame = read("us_population_2004.csv").astype(int)
    matrix = frame.pivot(index="sex", columns="age_group", values="population").to_numpy(dtype=float)
    return matrix / matrix.sum()


@lru_cache(maxsize=1)
def terms() -> dict[str, str]:
    """Gives the short preferred term of a topography code or of `histology/behavior`."""
    return dict(read("terms.csv.gz").itertuples(index=False, name=None))


@lru_cache(maxsize=1)
def expected_hazard() -> tuple[np.ndarray, int, int]:
    """Gives the yearly all-cause hazard as (sex, age 0-109, year), with its first and last year."""
    frame = read("expected_mortality.csv.gz").astype(int)
    years = [int(c) for c in frame.columns[2:]]
    cube = np.stack([frame[frame.sex == s].sort_values("age")[frame.columns[2:]].to_numpy(dtype=float) for s in SEXES])
    return cube / 1e6, years[0], years[-1]


@lru_cache(maxsize=1)
def schemas() -> tuple[np.ndarray, pd.DataFrame]:
    """Gives the EOD schema of each tumour type from a year on: search keys (type x 10000 + first year) and their rows."""
    frame = read("schemas.csv.gz")
    return frame.type.astype(int).to_numpy() * 10_000 + frame.from_year.astype(int).to_numpy(), frame


def schema_rows(type_row: np.ndarray, year: np.ndarray) -> np.ndarray:
    """Gives the row of `schemas` that holds for a tumour type in a year (2018 for earlier years)."""
    keys, _ = schemas()
    return np.searchsorted(keys, type_row * 10_000 + np.maximum(year, 2018), side="right") - 1
