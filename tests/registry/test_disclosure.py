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
from scipy.optimize import linprog

from registry.analysis.disclosure import (
    TREES,
    Policy,
    Question,
    Release,
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


@pytest.mark.parametrize("seed", range(8))
def test_sites_that_are_hidden_hold_the_threshold_wherever_all_sites_are_known(seed):
    rng = np.random.default_rng(seed)
    shape = (6, 5, 10, 2)
    counts = rng.poisson(4 * np.exp(rng.normal(0, 1.2, (6, 5, 1, 1))), shape).astype(float)
    only = [None, None, None, None, 0, 1]
    counts[4, :, :, 1] = counts[5, :, :, 0] = 0
    periods = periods_of(range(2010, 2020))
    together, found = protect_sites(counts, only, periods, T)
    with_state = np.concatenate([counts, counts.sum(axis=1, keepdims=True)], axis=1)
    for p, inside in enumerate(periods):
        sums = with_state[:, :, inside].sum(axis=(2, 3))
        known = np.stack([one.periods[:, p] for one in found])
        for county in np.flatnonzero(together.periods[:, p]):
            if not known[:, county].all():
                assert sums[~known[:, county], county].sum() >= T


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
    (tmp_path / "disclosure.toml").write_text("[threshold]\nepidemiologist = 11\nadministrator = 5\n")
    seen = {
        role: policy_of(Settings(home=tmp_path), Actor(username="a", roles=(role,)))
        for role in ("epidemiologist", "state", "administrator")
    }
    assert seen == {"epidemiologist": Policy(11, 16), "state": Policy(16, 16), "administrator": Policy(5, 16)}
    for wrong in (
        "[threshold]\nnobody = 5\n",
        "[threshold]\nstate = 1\n",
        "[threshold]\nstate = 'x'\n",
        "[threshold\n",
    ):
        (tmp_path / "disclosure.toml").write_text(wrong)
        with pytest.raises(RegistryError, match=r"threshold|cannot be read"):
            policy_of(Settings(home=tmp_path), Actor(username="a", roles=("state",)))
