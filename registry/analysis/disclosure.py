"""Who may see which counts: the policy of an account, and the release, which decides the cells that are shown.

**Policy.** Counts under a threshold are hidden, with everything computed from them. Whoever may open each case by name
(`cases.identify`, not bound to a facility) learns nothing from a small count and sees it on pages, marked; files are cut
to the published threshold for everybody. `disclosure.toml` in the data folder sets thresholds of roles:

    [threshold]
    epidemiologist = 11

**Release.** An atlas answers any number of questions, and answers can be subtracted: 2020–2024 less 2020–2023, both
sexes less female, the state less its counties. So it is not decided answer by answer what is shown. The cases of a site
form a tree of regions: all years, then five-year periods, then sexes, then single years, or instead of these one further
division (ages, stage, source, primaries, parts of the site). A county is *split* at a region when each of its parts holds
the threshold or more, and a question is answered for a county only when it is a union of regions that are known for it.
At every split the counties that are not split must hold the threshold together in each part, and be two or more; else
the smallest of the others is not split either.

Why this holds: inside one region the counties that are not split form the rows of a table (those unknown at this region
together as one row), its parts the columns. Rows and columns are known sums of the threshold or more, there are at least
two rows and two columns, and nothing else is said of the inside. A cell x of a table of counts with row sum r, column sum
c and total n lies between max(0, r + c - n) and min(r, c) (Fréchet), which are min(r, c, n - r, n - c) apart: at least the
threshold. Branches of the tree share the counts at their fork alone, so that one tells nothing of the other beyond it.

Between sites: sites of the atlas are unions of disjoint ones (`families`). Wherever "all sites" of a county is known, the
sites not known there hold the threshold together; else the smallest known one is not split.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from registry.errors import RegistryError
from registry.security.permissions import ROLES, Actor

if TYPE_CHECKING:
    from registry.config import Settings

FILE = "disclosure.toml"
PERIOD = 5
"""Years of a period: 2020 to 2024, whatever years are asked for, so that two questions never cut it differently."""


@dataclass(frozen=True)
class Policy:
    """The threshold under which an account sees no count (0: it sees every count) and the published one, of files."""

    threshold: int
    published: int

    @property
    def sees_all(self) -> bool:
        return self.threshold == 0

    def hides(self, count: float) -> bool:
        """Whether a count alone is hidden."""
        return count < self.threshold


def policy_of(settings: Settings, actor: Actor) -> Policy:
    """Gives the policy of an account: the lowest threshold of its roles."""
    published = settings.suppression_threshold
    given = _thresholds(settings)
    found = [given[name] for name in actor.roles if name in given]
    if not found:
        found = [0 if actor.may("cases.identify") else published]
    return Policy(min(found), published)


def _thresholds(settings: Settings) -> dict[str, int]:
    path = settings.home / FILE
    if not path.is_file():
        return {}
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8")).get("threshold", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RegistryError("settings", f"cannot be read: {error}", where=str(path)) from error
    for name, value in given.items():
        if name not in ROLES or not isinstance(value, int) or isinstance(value, bool) or value < 0 or value == 1:
            raise RegistryError(
                "settings",
                f"no threshold {value!r} of {name!r}",
                where=str(path),
                hint=f"roles are {', '.join(ROLES)}; a threshold is 0 (nothing hidden) or 2 and more",
            )
    return given


# ---- the tree ---------------------------------------------------------------------------------------------------------

Tree = Mapping[frozenset[str], tuple[frozenset[str], ...]]
"""How the categories of a further division are split: a set of them → its parts, which are split again."""


def _tree(nested: tuple) -> dict[frozenset[str], tuple[frozenset[str], ...]]:
    """Gives a tree of nested tuples: `("late", ("early", "unknown"))`."""
    found: dict[frozenset[str], tuple[frozenset[str], ...]] = {}

    def members(part: object) -> frozenset[str]:
        if not isinstance(part, tuple):
            return frozenset([str(part)])
        inside = tuple(members(one) for one in part)
        whole = frozenset().union(*inside)
        if len(inside) > 1:
            found[whole] = inside
        return whole

    members(nested)
    return found


TREES: dict[str, Tree] = {
    "": {},
    # ages by their group of five: 0 is 0-4, 17 is 85 and over
    "age": _tree(((((tuple(range(3)), 3), tuple(range(4, 10))), (10, 11, 12)), ((13, 14), ((15, 16), 17)))),
    "stage": _tree(("late", ("early", "unknown"))),
    "source": _tree(("other", ("autopsy", "dco"))),
    "rules": _tree(("iarc", "seer only")),
}


@cache
def site_tree(site: str) -> Tree:
    """Gives the tree of the codes of a site: by the printed groups beneath it."""
    from registry.analysis.survival_request import sites

    every = list(sites().values())
    place = next(i for i, one in enumerate(every) if one.name == site)
    found: dict[frozenset[str], tuple[frozenset[str], ...]] = {}

    def add(index: int) -> None:
        whole, depth = frozenset(every[index].codes), every[index].depth
        parts, at = [], index + 1
        while at < len(every) and every[at].depth > depth:
            if every[at].depth == depth + 1:
                parts.append(frozenset(every[at].codes))
                add(at)
            at += 1
        rest = whole.difference(*parts) if parts else frozenset()
        parts += [frozenset([code]) for code in sorted(rest)]
        if len(parts) > 1:
            found[whole] = tuple(parts)

    add(place)
    return found


@cache
def families() -> dict[str, tuple[str, ...]]:
    """Gives the disjoint sites that are released on their own, by name with their codes; they hold every code."""
    from registry.analysis.survival_request import sites

    every = list(sites().values())
    found: dict[str, tuple[str, ...]] = {}
    for place, one in enumerate(every):
        divided = place + 1 < len(every) and every[place + 1].depth > 0
        whole = one.depth == 0 and (not divided or one.name in _WHOLE)
        held = any(set(one.codes) <= set(codes) for codes in found.values())
        if whole or (one.depth == 1 and not held):
            found[one.name] = one.codes
    return found


_WHOLE = ("oral-cavity-and-pharynx", "brain-and-other-nervous-system", "leukemia")
"""Systems that are released as one site."""


def split(children: np.ndarray, known: np.ndarray, threshold: int, barred: np.ndarray | None = None) -> np.ndarray:
    """Gives for which counties, and in the last place for the state, the parts of a region are shown (shape of `known`).

    `children` are the counts of the parts (counties, parts), `known` tells for which counties and whether for the state
    the region itself is shown, `barred` which are not to be split for other reasons. Where the state is not split no
    county is.
    """
    free = known if barred is None else known & ~barred
    if not (free[-1] and (children.sum(axis=0) >= threshold).all()):
        return np.zeros_like(known)
    ok = free[:-1] & (children >= threshold).all(axis=1)
    least = children.min(axis=1)
    while ok.any() and not ok.all():
        rest = ~ok
        if rest.sum() >= 2 and (children[rest].sum(axis=0) >= threshold).all():
            break
        ok[np.flatnonzero(ok)[np.argmin(least[ok])]] = False
    return np.append(ok, True)


@dataclass(frozen=True)
class Levels:
    """What is known of each county: of all years, periods, sexes of a period, years; the last row is the state's."""

    total: np.ndarray
    periods: np.ndarray
    sexes: np.ndarray
    years: np.ndarray


@dataclass(frozen=True)
class Barred:
    """Counties (last the state) that are not to be split, by region, since another site would be given away."""

    total: np.ndarray
    periods: np.ndarray
    sexes: np.ndarray
    years: np.ndarray

    @classmethod
    def none(cls, counties: int, periods: int, sexes: int) -> Barred:
        rows = counties + 1
        shapes = (rows,), (rows,), (rows, periods), (rows, periods, sexes)
        return cls(*(np.zeros(shape, bool) for shape in shapes))


def find_levels(
    counts: np.ndarray, periods: Sequence[np.ndarray], threshold: int, barred: Barred | None = None
) -> Levels:
    """Gives what is known, from counts (counties, years, sexes) and the places of the years of each period."""
    counties, years, sexes = counts.shape
    barred = barred or Barred.none(counties, len(periods), sexes)
    by_period = np.zeros((counties + 1, len(periods)), bool)
    by_sex = np.zeros((counties + 1, len(periods), sexes), bool)
    by_year = np.zeros((counties + 1, years, sexes), bool)
    total = split(counts.sum(axis=(1, 2))[:, None], np.ones(counties + 1, bool), threshold, barred.total)
    parts = np.stack([counts[:, inside].sum(axis=(1, 2)) for inside in periods], axis=1)
    by_period[:] = (total if len(periods) == 1 else split(parts, total, threshold, barred.periods))[:, None]
    for p, inside in enumerate(periods):
        known = by_period[:, p]
        if sexes > 1:
            known = split(counts[:, inside].sum(axis=1), known, threshold, barred.sexes[:, p])
        by_sex[:, p] = known[:, None]
        for s in range(sexes):
            known = by_sex[:, p, s]
            if len(inside) > 1:
                known = split(counts[:, inside, s], known, threshold, barred.years[:, p, s])
            by_year[:, inside, s] = known[:, None]
    return Levels(total, by_period, by_sex, by_year)


@dataclass(frozen=True)
class Question:
    """What is asked of a site: which years and sexes (places), and which categories of a further division."""

    years: frozenset[int]
    sexes: frozenset[int]
    extra: str = ""
    chosen: frozenset[str] = frozenset()


class Release:
    """The cells of one site that are shown under a threshold.

    `counts` (counties, years, sexes) under the default case definition, all ages; `periods` the places of each period's
    years; `divided` gives for a further division its counts (counties, years, sexes, categories) and the categories.
    """

    def __init__(self, counts: np.ndarray, periods: Sequence[np.ndarray], threshold: int, levels: Levels | None = None):
        self.counts, self.periods, self.threshold = counts, periods, threshold
        self.levels = levels or find_levels(counts, periods, threshold)

    def shown(
        self,
        asked: Question,
        divided: np.ndarray | None = None,
        categories: Sequence[str] = (),
        tree: Tree | None = None,
    ) -> np.ndarray:
        """Gives whether the question is answered, for each county and, in the last place, for the state."""
        counties, years, sexes = self.counts.shape
        levels = self.levels
        every_sex = asked.sexes >= set(range(sexes))
        partial = bool(asked.extra) and asked.chosen < set(categories)
        if every_sex and not partial and asked.years >= set(range(years)):
            return levels.total.copy()
        answer = np.ones(counties + 1, bool)
        for p, inside in enumerate(self.periods):
            wanted = [y for y in inside if y in asked.years]
            if not wanted:
                continue
            whole = len(wanted) == len(inside)
            if whole and every_sex and not partial:
                answer &= levels.periods[:, p]
                continue
            for s in sorted(asked.sexes & set(range(sexes))):
                if not partial:
                    answer &= levels.sexes[:, p, s] if whole else levels.years[:, wanted, s].all(axis=1)
                elif whole and divided is not None:
                    answer &= self._divided(asked, divided[:, inside, s].sum(axis=1), p, s, categories, tree or {})
                else:
                    answer[:] = False
        return answer

    def _divided(
        self, asked: Question, counts: np.ndarray, period: int, sex: int, categories: Sequence[str], tree: Tree
    ) -> np.ndarray:
        """Walks the tree of a division at a period and sex: shown where the chosen categories are a union of known sets."""
        place = {name: i for i, name in enumerate(categories)}

        def walk(region: frozenset[str], known: np.ndarray) -> np.ndarray:
            inside = region & asked.chosen
            if not inside:
                return np.ones_like(known)
            if inside == region:
                return known
            parts = tree.get(region, ())
            if not parts:
                return np.zeros_like(known)
            sums = np.stack([counts[:, [place[c] for c in part if c in place]].sum(axis=1) for part in parts], axis=1)
            below = split(sums, known, self.threshold)
            answer = np.ones_like(known)
            for part in parts:
                answer &= walk(part, below)
            return answer

        return walk(frozenset(categories), self.levels.sexes[:, period, sex])


def periods_of(years: Sequence[int]) -> list[np.ndarray]:
    """Gives the places of the years of each five-year period; periods begin with years that end in 0 and 5."""
    starts = sorted({year - year % PERIOD for year in years})
    return [np.array([i for i, year in enumerate(years) if year - year % PERIOD == start]) for start in starts]


def protect_sites(
    counts: np.ndarray, only: Sequence[int | None], periods: Sequence[np.ndarray], threshold: int
) -> tuple[Levels, list[Levels]]:
    """Gives the levels of all sites together and of each disjoint site, such that no small site is the difference.

    `counts` has the shape (sites, counties, years, 2); `only` names the one sex of a sex-specific site. Wherever all sites
    of a county (or of the state) are known and some of its sites are not, these hold the threshold together.
    """
    sites, counties = counts.shape[:2]
    together = find_levels(counts.sum(axis=0), periods, threshold)
    barred = [Barred.none(counties, len(periods), 2 if one is None else 1) for one in only]

    def levels_of(site: int) -> Levels:
        own = counts[site] if only[site] is None else counts[site][:, :, [only[site]]]
        return find_levels(own, periods, threshold, barred[site])

    found = [levels_of(site) for site in range(sites)]
    # each round bars at least one site of a county for good: the rounds end
    while changed := _bar_smallest(counts, only, periods, threshold, together, found, barred):
        for site in changed:
            found[site] = levels_of(site)
    return together, found


def _bar_smallest(counts, only, periods, threshold, together, found, barred) -> set[int]:  # type: ignore[no-untyped-def]
    """Bars, for each county and region where the unknown sites are too few cases, the smallest known site."""
    changed: set[int] = set()
    with_state = np.concatenate([counts, counts.sum(axis=1, keepdims=True)], axis=1)

    def check(whole: np.ndarray, known: list[np.ndarray], sums: np.ndarray, bar) -> None:  # type: ignore[no-untyped-def]
        seen = np.stack(known)
        rest = np.where(seen, 0, sums).sum(axis=0)
        can_go = seen & (sums >= threshold)
        for county in np.flatnonzero(whole & (rest < threshold) & ~seen.all(axis=0) & can_go.any(axis=0)):
            choice = int(np.argmin(np.where(can_go[:, county], sums[:, county], np.inf)))
            bar(choice, county)
            changed.add(choice)

    def own(level: np.ndarray, site: int, sex: int) -> np.ndarray:
        # of the other sex a sex-specific site has no case: nothing is hidden there
        if only[site] is None:
            return level[..., sex]
        return level[..., 0] if only[site] == sex else np.ones(level.shape[:-1], bool)

    def bar_total(site: int, county: int) -> None:
        barred[site].total[county] = True

    def bar_periods(site: int, county: int) -> None:
        barred[site].periods[county] = True

    check(together.total, [one.total for one in found], with_state.sum(axis=(2, 3)), bar_total)
    for p, inside in enumerate(periods):
        sums = with_state[:, :, inside].sum(axis=(2, 3))
        check(together.periods[:, p], [one.periods[:, p] for one in found], sums, bar_periods)
        for s in range(2):

            def bar_sexes(site: int, county: int, p: int = p) -> None:
                mark = barred[site].sexes[:, p] if only[site] is None else barred[site].periods
                mark[county] = True

            def bar_years(site: int, county: int, p: int = p, s: int = s) -> None:
                barred[site].years[county, p, s if only[site] is None else 0] = True

            sums = with_state[:, :, inside, s].sum(axis=2)
            known = [own(one.sexes[:, p], site, s) for site, one in enumerate(found)]
            check(together.sexes[:, p, s], known, sums, bar_sexes)
            for y in inside:
                known = [own(one.years[:, y], site, s) for site, one in enumerate(found)]
                check(together.years[:, y, s], known, with_state[:, :, y, s], bar_years)
    return changed
