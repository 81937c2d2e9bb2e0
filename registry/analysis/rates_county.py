"""A county beside its state: the figure with ratio and rank, rates by period, by age, and by site."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from geo.ages import GROUPINGS
from geo.rates import Strata, adjusted_sum, compare_rates, rate_table
from registry.analysis.disclosure import Policy, families
from registry.analysis.rates import years_in_force
from registry.analysis.rates_cube import fill_array
from registry.analysis.rates_desk import Desk, definition_of, sex_place
from registry.analysis.rates_request import Request
from registry.analysis.survival_request import site_label

LEVEL = 0.95


@dataclass(frozen=True)
class SiteRow:
    """One site of a county: rate of the county and of the state with 95 % limits, their ratio, and its verdict.

    A row whose county figures are hidden has none of them. `verdict` is higher, lower, or like the state.
    """

    site: str
    label: str
    cases: int | None
    rate: float | None
    lower: float | None
    upper: float | None
    state: float | None
    ratio: float | None
    ratio_lower: float | None
    ratio_upper: float | None

    @property
    def verdict(self) -> str:
        if self.ratio_lower is None or self.ratio_upper is None:
            return ""
        return "higher" if self.ratio_lower > 1 else "lower" if self.ratio_upper < 1 else "similar"


def by_site(desk: Desk, asked: Request, policy: Policy, code: str) -> list[SiteRow]:
    """Gives the disjoint sites of a county by number of cases, hidden ones last and by name."""
    area = desk.area()
    row = area.place(code)
    wide = asked.with_changes(site="", age_from=None, age_to=None, stage="", measure="rate", frames="")
    first, last, _ = years_in_force(wide, area, policy)
    places = [i for i, year in enumerate(area.years) if first <= year <= last]
    names = list(families())

    def make() -> np.ndarray:
        cube = desk.cube(definition_of(wide, area), (), "site")
        of_code = {code: name for name, codes in families().items() for code in codes}
        rows = cube.rows.assign(extra=cube.rows["extra"].map(of_code))
        return fill_array(rows, area.counties, area.years, "cases", names)

    key = ("sites", desk.snapshot().version, area.sign, definition_of(wide, area))
    counts = desk.keep(key, make)
    covered = area.declared[:, places].all(axis=1)
    if not covered[row]:
        return []
    found, hidden = [], []
    for place, name in enumerate(names):
        only = sex_place(name)
        sexes = [0, 1] if not wide.sex else [int(wide.sex) - 1]
        if only is not None:
            if only not in sexes:
                continue
            sexes = [only]
        part = counts[:, places][:, :, sexes][..., place].sum(axis=(1, 2))
        if not part[covered].sum():
            continue
        shown = desk.shown(wide.with_changes(site=name), frozenset(places), frozenset(sexes), policy.threshold)
        people = area.people[:, places][:, :, sexes].sum(axis=(1, 2))
        cases = np.stack([part[row], part[covered].sum(axis=0)])
        residents = np.stack([people[row], people[covered].sum(axis=0)])
        made = _row(name, cases, residents, wide, shown[row], shown[-1])
        (found if made.cases is not None else hidden).append(made)
    return [*sorted(found, key=lambda r: -(r.cases or 0)), *sorted(hidden, key=lambda r: r.label)]


def _row(name: str, cases: np.ndarray, people: np.ndarray, asked: Request, shown: bool, state: bool) -> SiteRow:
    filled = (people <= 0) & (cases > 0)
    strata = Strata(
        pd.DataFrame(index=range(2)), GROUPINGS[18], cases, np.where(filled, cases, people), filled.any(axis=1)
    )
    table = rate_table(strata, standard=asked.standard, method=asked.interval, level=LEVEL)
    own = [
        Strata(strata.by.iloc[[i]], strata.groups, strata.cases[[i]], strata.population[[i]], strata.filled[[i]])
        for i in (0, 1)
    ]
    sums = [adjusted_sum(one, asked.standard, method=asked.interval) for one in own]
    ratio = {
        key: float(value[0]) for key, value in compare_rates(*sums, level=LEVEL).items() if key.startswith("ratio")
    }
    state_rate = round(float(table["rate"][1]), 1) if state else None
    if not shown:
        return SiteRow(name, site_label(name), None, None, None, None, state_rate, None, None, None)
    with_ratio = state and np.isfinite(ratio["ratio"]) and np.isfinite(ratio["ratio_upper"])
    return SiteRow(
        name,
        site_label(name),
        int(cases[0].sum()),
        *(round(float(table[column][0]), 1) for column in ("rate", "lower", "upper")),
        state_rate,
        *(round(ratio[key], 2) if with_ratio else None for key in ("ratio", "ratio_lower", "ratio_upper")),
    )
