"""Suppression is real: many answers together, attacked by subtraction and by linear programming, give no small count back.

The attackers see only what the release shows. Their knowledge is every question of a menu asked of every county and of
the state, at once.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import linprog

from registry.analysis.disclosure import (
    TREES,
    Policy,
    Question,
    Release,
    choose_reserve,
    families,
    periods_of,
    policy_of,
    protect_sites,
    site_tree,
    split,
)
from registry.config import Settings
from registry.errors import RegistryError
from registry.security.permissions import Actor

T = 16


def invented(seed: int, counties: int = 5, years: int = 4, mean: float = 9.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    level = mean * np.exp(rng.normal(0, 1.2, counties))
    return rng.poisson(np.broadcast_to(level[:, None, None], (counties, years, 2))).astype(float)


def short_periods(years: int) -> list[np.ndarray]:
    """Periods of two years, so that a program over every cell stays small."""
    return [np.arange(y, min(y + 2, years)) for y in range(0, years, 2)]


def every_question(years: int) -> list[Question]:
    """Every range of years, for both sexes and each."""
    spans = [frozenset(range(a, b)) for a, b in combinations(range(years + 1), 2)]
    return [Question(span, sexes) for span in spans for sexes in (frozenset({0, 1}), frozenset({0}), frozenset({1}))]


def region(shape: tuple[int, ...], place: int, asked: Question) -> np.ndarray:
    """The cells (counties, years, sexes) of a question for one county, or (last place) the state, as a row of 0 and 1."""
    mask = np.zeros(shape)
    rows = range(shape[0]) if place == shape[0] else [place]
    mask[np.ix_(list(rows), sorted(asked.years), sorted(asked.sexes))] = 1
    return mask.ravel()


def published(counts: np.ndarray, release: Release | PrimaryOnly) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """What is shown (rows of cells, their sums) and the regions that are hidden and under the threshold."""
    known, sums, hidden = [], [], []
    for asked in every_question(counts.shape[1]):
        shown = release.shown(asked)
        for place in range(len(shown)):
            row = region(counts.shape, place, asked)
            total = float(row @ counts.ravel())
            if shown[place]:
                known.append(row)
                sums.append(total)
            elif total < T:
                hidden.append(row)
    return np.array(known).reshape(len(known), counts.size), np.array(sums), hidden


@pytest.mark.parametrize("seed", range(12))
def test_no_shown_count_is_small(seed):
    counts = invented(seed)
    _, sums, _ = published(counts, Release(counts, short_periods(4), T))
    assert (sums >= T).all()


@pytest.mark.parametrize("seed", range(12))
def test_subtraction_of_any_two_answers_gives_no_small_count(seed):
    counts = invented(seed, mean=14)
    rows, _, _ = published(counts, Release(counts, short_periods(4), T))
    assert len(rows) > 5
    for first, second in combinations(rows, 2):
        for more, less in ((first, second), (second, first)):
            rest = more - less
            if rest.min() >= 0 and rest.any():
                assert rest @ counts.ravel() >= T


@pytest.mark.parametrize("seed", range(6))
def test_linear_programming_over_all_answers_leaves_every_small_count_as_uncertain_as_the_threshold(seed):
    counts = invented(seed, counties=4, mean=14)
    rows, sums, hidden = published(counts, Release(counts, short_periods(4), T))
    assert len(rows) and hidden
    for goal in hidden[:: max(1, len(hidden) // 25)]:
        ends = [
            linprog(sign * goal, A_eq=rows, b_eq=sums, bounds=(0, None), method="highs").fun * sign for sign in (1, -1)
        ]
        assert ends[1] - ends[0] >= T - 1e-6


class PrimaryOnly:
    """What many sites do: each count under the threshold is hidden, and nothing else."""

    def __init__(self, counts: np.ndarray):
        self.counts = counts

    def shown(self, asked: Question) -> np.ndarray:
        sums = self.counts[:, sorted(asked.years)][:, :, sorted(asked.sexes)].sum(axis=(1, 2))
        return np.append(sums, sums.sum()) >= T


def test_the_attackers_find_what_hiding_small_counts_alone_gives_away():
    counts = invented(3, counties=4, mean=14)
    rows, sums, hidden = published(counts, PrimaryOnly(counts))
    widths = [
        -linprog(-goal, A_eq=rows, b_eq=sums, bounds=(0, None), method="highs").fun
        - linprog(goal, A_eq=rows, b_eq=sums, bounds=(0, None), method="highs").fun
        for goal in hidden
    ]
    assert min(widths) < 1e-6


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 12), st.integers(2, 5), st.floats(2, 60))
def test_counties_that_are_not_split_hold_the_threshold_together_in_every_part(seed, counties, parts, mean):
    rng = np.random.default_rng(seed)
    children = rng.poisson(mean * np.exp(rng.normal(0, 1, (counties, 1))), (counties, parts)).astype(float)
    known = np.append(rng.random(counties) < 0.8, True)
    # those unknown at the region hold the threshold there, or there are none: as an earlier split leaves them
    dark = ~known[:-1]
    if dark.any() and (dark.sum() < 2 or children[dark].sum() < T):
        known[:-1] = True
    ok = split(children, known, T)
    rest = ~ok[:-1]
    assert (children[ok[:-1]] >= T).all()
    assert not (ok[:-1] & ~known[:-1]).any()
    if ok[-1] and rest.any():
        assert rest.sum() >= 2 and (children[rest].sum(axis=0) >= T).all()


def test_a_known_county_alone_is_not_left_as_the_difference_to_the_state():
    children = np.array([[100.0, 100], [80, 90], [3, 4], [30, 20]])
    assert split(children, np.ones(5, bool), T).tolist() == [True, True, False, False, True]


# ---- several sites at once --------------------------------------------------------------------------------------------

AGES = ("0-49", "50-64", "65+")
AGE_TREE = {
    frozenset(AGES): (frozenset(AGES[:1]), frozenset(AGES[1:])),
    frozenset(AGES[1:]): (frozenset(AGES[1:2]), frozenset(AGES[2:])),
}


def invented_sites(seed: int, sites: int, counties: int, mean: float) -> tuple[np.ndarray, list[int | None]]:
    """Counts (sites, counties, 4 years, 2 sexes, 3 age groups); the last site has one sex."""
    rng = np.random.default_rng(seed)
    level = np.exp(rng.normal(0, 0.9, sites))[:, None] * np.exp(rng.normal(0, 1.0, counties)) * mean / 3
    counts = rng.poisson(np.broadcast_to(level[..., None, None, None], (sites, counties, 4, 2, 3))).astype(float)
    counts[-1, :, :, 1] = 0
    return counts, [*[None] * (sites - 1), 0]


def everything_asked(counts: np.ndarray, only: list[int | None]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Every answer to every question of years, sexes and ages on each site and all: cells shown and cells hidden."""
    sites, counties, years, _, _ = counts.shape
    periods = short_periods(years)
    found = protect_sites(counts.sum(axis=-1), only, periods, T)
    place = np.arange(counts.size).reshape(counts.shape)
    groups = [frozenset(AGES), frozenset(AGES[:1]), frozenset(AGES[1:]), frozenset(AGES[1:2]), frozenset(AGES[2:])]
    shown: list[np.ndarray] = []
    hidden: list[np.ndarray] = []
    for site in (None, *range(sites)):
        sexes = [0, 1] if site is None or only[site] is None else [only[site]]
        own, cells = (counts.sum(axis=0), place) if site is None else (counts[site], place[[site]])
        levels = found.together if site is None else found.levels[site]
        release = Release(own.sum(axis=-1)[:, :, sexes], periods, T, levels)
        # all sites are divided where the reserve can be
        divided = counts[sorted(found.reserve)].sum(axis=0) if site is None else own
        for asked in every_question(years):
            if len(sexes) == 1 and asked.sexes != frozenset({0}):
                continue
            for ages in groups:
                if site in found.reserve and ages != groups[0]:
                    answer = np.zeros(counties + 1, bool)
                else:
                    question = Question(asked.years, asked.sexes, "age", ages)
                    answer = release.shown(question, divided[:, :, sexes], AGES, AGE_TREE)
                sex = [sexes[s] for s in sorted(asked.sexes)]
                for county, clear in enumerate(answer):
                    rows = range(counties) if county == counties else [county]
                    picked = cells[
                        np.ix_(range(len(cells)), rows, sorted(asked.years), sex, [AGES.index(a) for a in ages])
                    ]
                    (shown if clear else hidden).append(picked.ravel())
    return shown, hidden


@pytest.mark.parametrize(
    ("seed", "sites", "counties", "mean"), [(0, 4, 3, 30), (1, 5, 4, 12), (2, 6, 4, 60), (3, 4, 5, 20)]
)
def test_sites_years_sexes_and_ages_combined_leave_every_small_count_as_uncertain_as_the_threshold(
    seed, sites, counties, mean
):
    """All answers about every site and all sites at once: what one site is not told must not follow from the others."""
    counts, only = invented_sites(seed, sites, counties, mean)
    shown, hidden = everything_asked(counts, only)
    flat = counts.ravel()
    assert shown and min(flat[cells].sum() for cells in shown) >= T

    def rows_of(regions: list[np.ndarray]) -> sparse.csr_matrix:
        lines = np.repeat(np.arange(len(regions)), [len(cells) for cells in regions])
        return sparse.csr_matrix((np.ones(len(lines)), (lines, np.concatenate(regions))), (len(regions), counts.size))

    known = rows_of(shown)
    ceiling = np.full(counts.shape, np.inf)
    ceiling[-1, :, :, 1] = 0
    bounds = np.stack([np.zeros(counts.size), ceiling.ravel()], axis=1)
    small = [cells for cells in hidden if 0 < flat[cells].sum() < T]
    rng = np.random.default_rng(seed)
    for at in rng.choice(len(small), min(12, len(small)), replace=False):
        goal = rows_of([small[at]]).toarray()[0]
        ends = []
        for sign in (1, -1):
            answer = linprog(sign * goal, A_eq=known, b_eq=known @ flat, bounds=bounds, method="highs")
            ends.append(np.inf if answer.status == 3 else sign * answer.fun)
        assert ends[1] - ends[0] >= T - 1e-6


def test_the_reserve_is_the_rare_sites_and_never_the_most_frequent():
    totals = np.array([500.0, 30, 100, 70, 60, 0])
    assert choose_reserve(totals, 1, T) == {1, 3, 4, 5}
    assert choose_reserve(np.array([3.0, 2.0]), 67, T) == {1}
    assert choose_reserve(np.zeros(3), 67, T) == frozenset()


def test_no_county_is_told_of_a_site_of_the_reserve():
    counts, only = invented_sites(5, 6, 5, 60)
    found = protect_sites(counts.sum(axis=-1), only, short_periods(4), T)
    assert found.reserve
    for site in found.reserve:
        levels = found.levels[site]
        assert levels.total[-1] and not levels.total[:-1].any() and not levels.periods[:-1].any()


def test_rates_under_another_standard_need_the_threshold_for_each_age_group():
    assert Policy(16, 16).allows_standard(np.array([287.0, 288.0])).tolist() == [False, True]


def test_a_division_is_shown_where_its_parts_hold_the_threshold():
    counts = np.full((3, 5, 2), 40.0)
    release = Release(counts, periods_of(range(2020, 2025)), T)
    ages = np.zeros((3, 5, 2, 18))
    ages[..., 5], ages[..., 11], ages[..., 15] = 12, 13, 15
    ages[2, ..., 5], ages[2, ..., 11] = 0, 25
    every = tuple(str(age) for age in range(18))
    old = frozenset(str(age) for age in range(13, 18))
    asked = Question(frozenset(range(5)), frozenset({0, 1}), "age", old)
    assert release.shown(asked, ages, every, TREES["age"]).all()
    young = Question(frozenset(range(5)), frozenset({0, 1}), "age", frozenset(str(age) for age in range(10)))
    # the third county has nobody so young, and a second one goes with it, or the state would give it away
    assert release.shown(young, ages, every, TREES["age"]).sum() <= 2
    part = Question(frozenset(range(3)), frozenset({0, 1}), "age", old)
    assert not release.shown(part, ages, every, TREES["age"]).any()


def test_families_are_disjoint_and_hold_every_code():
    from registry.analysis.survival_request import sites

    codes = [code for own in families().values() for code in own]
    assert len(codes) == len(set(codes))
    assert set(codes) == {code for site in sites().values() for code in site.codes}
    for name, own in families().items():
        for whole, parts in site_tree(name).items():
            assert whole <= set(own) and frozenset().union(*parts) == whole
            assert sum(map(len, parts)) == len(whole)


@pytest.mark.parametrize(
    ("roles", "facility", "threshold"),
    [
        (("administrator",), None, 0),
        (("registrar",), None, 0),
        (("epidemiologist",), None, 16),
        (("state",), None, 16),
        (("epidemiologist", "registrar"), None, 0),
        (("epidemiologist",), 3, 16),
    ],
)
def test_who_sees_small_counts(tmp_path, roles, facility, threshold):
    policy = policy_of(Settings(home=tmp_path), Actor(username="a", roles=roles, facility_id=facility))
    assert (policy.threshold, policy.published) == (threshold, 16)


def test_thresholds_of_roles_are_read_and_checked(tmp_path):
    (tmp_path / "disclosure.toml").write_text(
        "standard = 'segi'\n[threshold]\nepidemiologist = 11\nadministrator = 5\n"
    )
    seen = {
        role: policy_of(Settings(home=tmp_path), Actor(username="a", roles=(role,)))
        for role in ("epidemiologist", "state", "administrator")
    }
    assert seen == {
        "epidemiologist": Policy(11, 16, "segi"),
        "state": Policy(16, 16, "segi"),
        "administrator": Policy(5, 16, "segi"),
    }
    for wrong in (
        "[threshold]\nnobody = 5\n",
        "[threshold]\nstate = 1\n",
        "[threshold]\nstate = 'x'\n",
        "[threshold\n",
        "standard = 'mars'\n",
    ):
        (tmp_path / "disclosure.toml").write_text(wrong)
        with pytest.raises(RegistryError, match=r"threshold|cannot be read|no standard"):
            policy_of(Settings(home=tmp_path), Actor(username="a", roles=("state",)))
