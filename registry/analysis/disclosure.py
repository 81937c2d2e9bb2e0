"""Who may see which counts: the policy of an account, and the release, which decides the cells that are shown.

**Policy.** Counts under a threshold are hidden, with everything computed from them. Whoever may open each case by name
(`cases.identify`, not bound to a facility) learns nothing from a small count and sees it on pages, marked; files are cut
to the published threshold for everybody. `disclosure.toml` in the data folder sets thresholds of roles, and the one
standard population by which counties of few cases are age-adjusted:

    standard = "us2000"
    [threshold]
    epidemiologist = 11

**Release.** An atlas answers any number of questions, and answers can be subtracted: 2020–2024 less 2020–2023, both
sexes less female, the state less its counties. So it is not decided answer by answer what is shown. The cases of a site
form a tree of regions: all years, then five-year periods, then sexes, then single years, or instead of these one
further division (ages, stage, source, primaries, parts of the site; at all years together, who is alive). A county is
*split* at a region when each of its parts holds the threshold or more, and a question is answered for a county only
when it is a union of regions that are known for it. At every split the counties that are not split must hold the
threshold together in each part, and be two or more; else the smallest of the others is not split either.

Why this holds: inside one region the counties that are not split form the rows of a table (those unknown at this region
together as one row), its parts the columns. Rows and columns are known sums of the threshold or more, there are at least
two rows and two columns, and nothing else is said of the inside. A cell x of a table of counts with row sum r, column sum
c and total n lies between max(0, r + c - n) and min(r, c) (Fréchet), which are min(r, c, n - r, n - c) apart: at least the
threshold. Branches of the tree share the counts at their fork alone, so that one tells nothing of the other beyond it.

Between sites: sites of the atlas are unions of disjoint ones (`families`), and all sites less some of them would give the
others away. So the rarest sites are a *reserve*: no county's count of one of them is shown, nor a part of the state's by
age, stage and the like, and all sites of a county are split where the parts of the reserve alone hold the threshold. Any
other table of a site that its own sums allow is then possible: what a cell has more, the reserve of that county and
region has less, and wherever all sites are known the reserve holds the threshold to give. (By the same table the
reserve protects what is hidden of all sites.) The state has no neighbors to hide among: at each of its splits the sites
are the rows, and those that are not split hold the threshold together in each part, and are two or more.

What this does not cover: data that changed between two answers (a registry that publishes twice publishes the
difference); rates of one county under several standards or overlapping years, from which its ages can be estimated
(`allows_standard` limits the first); and whatever is known from elsewhere. Lists of cases are no publication: they
need a permission of their own.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from registry.analysis.rates_request import STANDARDS
from registry.errors import RegistryError
from registry.security.permissions import ROLES, Actor

if TYPE_CHECKING:
    from registry.config import Settings

FILE = "disclosure.toml"
AGE_GROUPS = 18
RESERVE, MOST_RESERVED = 0.15, 0.6
"""The share of all cases that the reserve of rare sites holds at least, and at most in a small registry."""

PERIOD = 5
"""Years of a period: 2020 to 2024, whatever years are asked for, so that two questions never cut it differently."""


@dataclass(frozen=True)
class Policy:
    """The threshold under which an account sees no count (0: it sees every count) and the published one, of files.

    `standard` is the population by which small counties are age-adjusted, and no other.
    """

    threshold: int
    published: int
    standard: str = "us2000"

    @property
    def sees_all(self) -> bool:
        return self.threshold == 0

    def hides(self, count: float) -> bool:
        """Whether a count alone is hidden."""
        return count < self.threshold

    def allows_standard(self, cases: np.ndarray) -> np.ndarray:
        """Gives which counts are large enough for a rate under another standard: the threshold for each age group.

        Rates under several standards are as many equations on the ages of a county's cases; of few cases they leave one
        solution.
        """
        return np.asarray(cases) >= self.threshold * AGE_GROUPS


def policy_of(settings: Settings, actor: Actor) -> Policy:
    """Gives the policy of an account: the lowest threshold of its roles."""
    published = settings.suppression_threshold
    given, standard = _read(settings)
    found = [given[name] for name in actor.roles if name in given]
    if not found:
        found = [0 if actor.may("cases.identify") else published]
    return Policy(min(found), published, standard)


def _read(settings: Settings) -> tuple[dict[str, int], str]:
    """Gives the thresholds of roles and the standard of the file of settings."""
    path = settings.home / FILE
    if not path.is_file():
        return {}, Policy.standard
    try:
        whole = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RegistryError("settings", f"cannot be read: {error}", where=str(path)) from error
    given, standard = whole.get("threshold", {}), whole.get("standard", Policy.standard)
    if standard not in STANDARDS:
        raise RegistryError(
            "settings", f"no standard {standard!r}", where=str(path), hint=f"standards are {', '.join(STANDARDS)}"
        )
    for name, value in given.items():
        if name not in ROLES or not isinstance(value, int) or isinstance(value, bool) or value < 0 or value == 1:
            raise RegistryError(
                "settings",
                f"no threshold {value!r} of {name!r}",
                where=str(path),
                hint=f"roles are {', '.join(ROLES)}; a threshold is 0 (nothing hidden) or 2 and more",
            )
    return given, standard


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
    "alive": _tree(("prevalent", "other")),
}
WHOLE = frozenset({"alive"})
"""Divisions of all years and both sexes together, and of nothing less: few of a county's persons are alive of long ago."""


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
        if asked.extra in WHOLE:
            if divided is None or not every_sex or not asked.years >= set(range(years)):
                return np.zeros(counties + 1, bool)
            return self._divided(asked, divided.sum(axis=(1, 2)), levels.total, categories, tree or {})
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
                    sums = divided[:, inside, s].sum(axis=1)
                    answer &= self._divided(asked, sums, levels.sexes[:, p, s], categories, tree or {})
                else:
                    answer[:] = False
        return answer

    def _divided(
        self, asked: Question, counts: np.ndarray, whole: np.ndarray, categories: Sequence[str], tree: Tree
    ) -> np.ndarray:
        """Walks the tree of a division of a region known where `whole`: shown where a union of known sets is asked for."""
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

        return walk(frozenset(categories), whole)


def periods_of(years: Sequence[int]) -> list[np.ndarray]:
    """Gives the places of the years of each five-year period; periods begin with years that end in 0 and 5."""
    starts = sorted({year - year % PERIOD for year in years})
    return [np.array([i for i, year in enumerate(years) if year - year % PERIOD == start]) for start in starts]


@dataclass(frozen=True)
class Sites:
    """What is known of all sites together, of each disjoint site, and which of these (places) are the reserve."""

    together: Levels
    levels: list[Levels]
    reserve: frozenset[int]


def choose_reserve(totals: np.ndarray, counties: int, threshold: int) -> frozenset[int]:
    """Gives the places of the rare sites that together are the reserve, from the cases of each site in the whole area.

    The rarest first, until they hold `RESERVE` of all cases, or twice the threshold in an average county where that is
    more (at most `MOST_RESERVED`); the most frequent site is never one of them.
    """
    cases = totals.sum()
    if not cases:
        return frozenset()
    share = min(max(RESERVE, 2 * threshold * counties / cases), MOST_RESERVED)
    order = [int(site) for site in np.argsort(totals, kind="stable")][:-1]
    held = np.cumsum(totals[order])
    enough = int(np.searchsorted(held, share * cases)) + 1
    return frozenset(order[:enough])


def protect_sites(
    counts: np.ndarray, only: Sequence[int | None], periods: Sequence[np.ndarray], threshold: int
) -> Sites:
    """Gives the levels of all sites together and of each disjoint site, such that no small count is their difference.

    `counts` has the shape (sites, counties, years, 2); `only` names the one sex of a sex-specific site.
    """
    sites, counties = counts.shape[:2]
    reserve = choose_reserve(counts.sum(axis=(1, 2, 3)), counties, threshold)
    whole, of_site = _state_levels(counts.sum(axis=1), only, periods, threshold)
    found = []
    for site in range(sites):
        own = counts[site] if only[site] is None else counts[site][:, :, [only[site]]]
        levels = find_levels(own, periods, threshold, _barred_by(of_site[site], counties, periods))
        if site in reserve:
            for level in (levels.total, levels.periods, levels.sexes, levels.years):
                level[:-1] = False
        found.append(levels)
    held = counts[sorted(reserve)].sum(axis=0)
    together = find_levels(held, periods, threshold, _barred_by(whole, counties, periods))
    for level, known in zip(
        (together.total, together.periods, together.sexes, together.years),
        (whole.total, whole.periods, whole.sexes, whole.years),
        strict=True,
    ):
        level[-1] = known[-1]
    return Sites(together, found, reserve)


def _barred_by(state: Levels, counties: int, periods: Sequence[np.ndarray]) -> Barred:
    """Bars the state, and with it every county, from the splits that the state may not have."""
    barred = Barred.none(counties, *state.sexes.shape[1:])
    barred.total[-1] = not state.total[-1]
    barred.periods[-1] = not state.periods[-1].all()
    barred.sexes[-1] = ~state.sexes[-1].all(axis=-1)
    for p, inside in enumerate(periods):
        barred.years[-1, p] = ~state.years[-1, inside].all(axis=0)
    return barred


def _state_levels(
    counts: np.ndarray, only: Sequence[int | None], periods: Sequence[np.ndarray], threshold: int
) -> tuple[Levels, list[Levels]]:
    """Gives what is known of the state, for all sites and for each: at every split the sites are the rows of the table.

    `counts` has the shape (sites, years, 2).
    """
    sites, years = counts.shape[:2]
    rows = sites + 1
    total, by_period = np.zeros(rows, bool), np.zeros((rows, len(periods)), bool)
    by_sex, by_year = np.zeros((rows, len(periods), 2), bool), np.zeros((rows, years, 2), bool)
    # of the other sex a sex-specific site has no case, and its own sex is the whole of it
    single = np.array([one is not None for one in only])
    total[:] = split(counts.sum(axis=(1, 2))[:, None], np.ones(rows, bool), threshold)
    parts = np.stack([counts[:, inside].sum(axis=(1, 2)) for inside in periods], axis=1)
    by_period[:] = (total if len(periods) == 1 else split(parts, total, threshold))[:, None]
    for p, inside in enumerate(periods):
        known = by_period[:, p]
        asked = np.append(~(single & known[:-1]), True)
        by_sex[:, p] = known[:, None]
        by_sex[asked, p] = split(counts[asked[:-1]][:, inside].sum(axis=1), known[asked], threshold)[:, None]
        for s in range(2):
            asked = np.array([*(one in (None, s) for one in only), True])
            known = by_sex[asked, p, s]
            if len(inside) > 1:
                known = split(counts[asked[:-1]][:, inside, s], known, threshold)
            by_year[np.ix_(asked, inside, [s])] = known[:, None, None]

    def of(row: int, sexes: list[int]) -> Levels:
        return Levels(total[[row]], by_period[[row]], by_sex[[row]][..., sexes], by_year[[row]][..., sexes])

    return of(sites, [0, 1]), [of(site, [0, 1] if one is None else [one]) for site, one in enumerate(only)]
