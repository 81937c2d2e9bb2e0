"""Who falls ill, of what, where and when: tumours drawn from population times planted rates.

The rate of a cell is base(group, sex, age) x trend(group, year) x county effect x planted cluster. The base comes from
the share of each tumour type by sex and age; its level is set so that the state's crude rate of all groups in 2010 is
`CRUDE_RATE`. A registry of N patients is a sample of the state's residents: `Model.fraction` says how large.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from registry.synthetic import planted
from registry.synthetic.population import population_cube
from registry.synthetic.streams import choose, stream
from registry.synthetic.tables import AGE_GROUPS, age_weights, counties, site_groups, tumor_types, us_age_shares

CRUDE_RATE = 580.0  # per 100,000 and year, all groups together, in 2010: planted
ERAS = (0, 2001, 2004, 2010, 2021)  # years from which tumour types begin, or no longer exist


@dataclass(frozen=True, slots=True)
class Model:
    """The true rates: `rate` (groups, sexes, ages) per person-year in 2010, `trend` (groups, years), `county`
    (groups, counties, years) as relative risk with clusters, `population` (counties, sexes, ages, years)."""

    years: range
    rate: np.ndarray
    trend: np.ndarray
    county: np.ndarray
    population: np.ndarray
    clusters: tuple[planted.Cluster, ...]

    def expected(self, group: int) -> np.ndarray:
        """Gives the expected cases of a site group among all residents: shape (counties, sexes, ages, years)."""
        return (
            self.population
            * self.rate[group][None, :, :, None]
            * self.trend[group][None, None, None, :]
            * self.county[group][:, None, None, :]
        )


@lru_cache(maxsize=1)
def base_rates() -> np.ndarray:
    """Gives the rate per person-year by group, sex and age group in 2010."""
    types, weights = tumor_types(), age_weights()
    counts = np.zeros((len(site_groups()), 2, AGE_GROUPS))
    np.add.at(counts, (types.group_index.to_numpy(), types.sex.to_numpy() - 1), weights)
    shape = counts / us_age_shares()[None]
    people = population_cube(range(2010, 2011))[..., 0].sum(axis=0)
    return shape * (CRUDE_RATE / 1e5 * people.sum() / (shape * people).sum())


def build_model(seed: int, years: range, *, clusters: bool = True, county_effects: bool = True) -> Model:
    """Gives the true rates of one registry; without clusters and county effects every county has the same rates."""
    groups, place = list(site_groups().group), list(counties().county)
    county = planted.county_effects(seed) if county_effects else np.ones((len(groups), len(place)))
    county = np.repeat(county[:, :, None], len(years), axis=2)
    found = planted.clusters() if clusters else ()
    for cluster in found:
        rows = [place.index(c) for c in cluster.counties]
        first, last = cluster.first_year or years[0], cluster.last_year or years[-1]
        columns = [i for i, y in enumerate(years) if first <= y <= last]
        county[np.ix_([groups.index(cluster.group)], rows, columns)] *= cluster.relative_risk
    return Model(years, base_rates(), planted.trends(years), county, population_cube(years), found)


def draw_cells(seed: int, model: Model, size: int) -> pd.DataFrame:
    """Gives `size` tumours as group, county, sex (0 male), age group and year indices, in random order."""
    random = stream(seed, "incidence")
    expected = [model.expected(g) for g in range(len(model.rate))]
    group = choose(random, np.array([e.sum() for e in expected]), size)
    cell = np.empty(size, dtype=np.int64)
    for g, cells in enumerate(expected):
        mine = np.flatnonzero(group == g)
        cell[mine] = choose(random, cells.ravel(), len(mine))
    county, sex, age, year = np.unravel_index(cell, expected[0].shape)
    return pd.DataFrame({"group": group, "county": county, "sex": sex, "age_group": age, "year": year})


def draw_types(seed: int, cells: pd.DataFrame, years: range) -> np.ndarray:
    """Gives the row of `tumor_types` of each tumour, drawn within its group, sex and age among types of its era."""
    random = stream(seed, "types")
    types, weights = tumor_types(), age_weights()
    year = np.array(years)[cells.year.to_numpy()]
    era = np.searchsorted(ERAS, year, side="right") - 1
    key = ((cells.group.to_numpy() * 2 + cells.sex.to_numpy()) * AGE_GROUPS + cells.age_group.to_numpy()) * len(
        ERAS
    ) + era
    order = np.argsort(key, kind="stable")
    uniform = random.random(len(cells))
    grouped: dict[tuple[int, int], list[int]] = {}
    for index, pair in enumerate(zip(types.group_index, types.sex - 1)):
        grouped.setdefault(pair, []).append(index)
    members = {pair: np.array(rows) for pair, rows in grouped.items()}
    first_year, last_year = types.year_min.to_numpy(), types.year_max.to_numpy()
    out = np.empty(len(cells), dtype=np.int64)
    keys, starts = np.unique(key[order], return_index=True)
    for value, start, end in zip(keys, starts, [*starts[1:], len(order)]):
        rest, e = divmod(int(value), len(ERAS))
        rest, age = divmod(rest, AGE_GROUPS)
        rows = members[divmod(rest, 2)]
        allowed = (first_year[rows] <= max(ERAS[e], 1984)) & (last_year[rows] >= ERAS[e])
        edges = np.cumsum(weights[rows, age] * allowed)
        if edges[-1] <= 0:  # a type of a later era alone has this age: take the group's own types of the era at any age
            edges = np.cumsum(weights[rows].sum(axis=1) * allowed)
        mine = order[start:end]
        out[mine] = rows[np.searchsorted(edges, uniform[mine] * edges[-1], side="right")]
    return out


def case_counts(
    *, patients: int, seed: int, years: range = range(2000, 2025), clusters: bool = True, county_effects: bool = True
) -> pd.DataFrame:
    """Gives only the counts of a registry, fast: group, county, sex, age_group, year, cases (cells with cases).

    They are the tumours `make` draws for the same arguments, before people, text and files are made of them: enough for
    rates, trends and scans over many seeds.
    """
    from registry.synthetic.registry import tumors_for

    model = build_model(seed, years, clusters=clusters, county_effects=county_effects)
    cells = draw_cells(seed, model, tumors_for(patients))
    counts = cells.groupby(list(cells.columns), as_index=False).size().rename(columns={"size": "cases"})
    counts["group"] = site_groups().group.to_numpy()[counts.group]
    counts["county"] = counties().county.to_numpy()[counts.county]
    counts["sex"] += 1
    counts["year"] = np.array(years)[counts.year]
    return counts
