"""The rates by sex and age from which expected cases are counted: of published cells alone, so that nothing follows from them.

Expected cases of every county are as many equations on the cases of the state by sex and age, and its populations are
known: with the state's own rates in each age group they would give its small counts back. So age groups are joined as the
release has them (`disclosure`): a group is taken apart where all of its parts may be shown for the state, in the whole
periods that hold the years asked for, and the rate of a group is its cases over its residents. Whatever follows from
expected cases then follows from published counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from registry.analysis.cases_request import CasesRequest
from registry.analysis.disclosure import TREES, periods_of
from registry.analysis.rates_cube import AGES
from registry.analysis.rates_request import Request

if TYPE_CHECKING:
    from registry.analysis.rates_desk import Desk

Groups = tuple[tuple[int, ...], ...]
"""Age groups of five years (0 to 17) that are counted together, ascending."""


def age_groups(desk: Desk, asked: CasesRequest, years: frozenset[int], sex: int, threshold: int) -> Groups:
    """Gives the finest groups of ages that may be shown for the state in these years (places) and a sex; or none."""
    plain = _plain(asked)

    def is_shown(region: frozenset[str]) -> bool:
        low, high = min(map(int, region)), max(map(int, region))
        wanted = plain.with_changes(
            age_from=5 * low if low else None, age_to=None if high == AGES - 1 else 5 * high + 4
        )
        return bool(desk.shown(wanted, years, frozenset({sex}), threshold)[-1])

    def divide(region: frozenset[str]) -> list[tuple[int, ...]]:
        parts = TREES["age"].get(region, ())
        if parts and all(is_shown(part) for part in parts):
            return [group for part in parts for group in divide(part)]
        return [tuple(sorted(map(int, region)))]

    every = frozenset(str(age) for age in range(AGES))
    return tuple(sorted(divide(every))) if is_shown(every) else ()


def released_rates(
    desk: Desk, asked: CasesRequest, years: frozenset[int], sexes: frozenset[int], threshold: int
) -> np.ndarray | None:
    """Gives the state's rates by sex and age, of the shape (2, 18), the same within a group of ages; 0 for other sexes.

    They are of the whole periods that hold the years (places), of all stages and kinds of reporting. Nothing is given
    where too little is released to count with: no age apart from the others.
    """
    area = desk.area()
    cover = frozenset(
        int(i) for inside in periods_of(area.years) for i in inside if not years.isdisjoint(map(int, inside))
    )
    places = sorted(cover)
    covered = area.declared[:, places].all(axis=1)
    if not covered.any():
        return None
    _, counts, _ = desk.cases(_plain(asked))
    cases = counts[covered][:, places].sum(axis=(0, 1, 4))
    people = area.people[covered][:, places].sum(axis=(0, 1))
    rates = np.zeros_like(people)
    apart = False
    for sex in sorted(sexes):
        groups = age_groups(desk, asked, cover, sex, threshold)
        if not groups:
            return None
        apart |= len(groups) > 1
        for group in map(list, groups):
            residents = people[sex, group].sum()
            rates[sex, group] = cases[sex, group].sum() / residents if residents else 0.0
    return rates if apart else None


def _plain(asked: CasesRequest) -> Request:
    """The same site, of all ages and stages: what the release divides by age."""
    return Request(site=asked.site, sex=asked.sex, behavior=asked.behavior, measure="count")
