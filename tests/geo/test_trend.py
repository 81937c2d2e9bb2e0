"""Segmented trends against the National Cancer Institute's Joinpoint 4.9.0.0.1 and against brute force."""

from __future__ import annotations

import json
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import GeoError
from geo.trend import fit_trend

YEARS = np.arange(1990, 2015)


def planted(slopes, joinpoints, noise, seed, years=YEARS):
    """Rates around a broken log-linear line, with standard errors of `noise` times the rate."""
    rng = np.random.default_rng(seed)
    log = np.log(50) + slopes[0] * (years - years[0])
    for t, before, after in zip(joinpoints, slopes, slopes[1:]):
        log = log + (after - before) * np.maximum(years - t, 0)
    rates = np.exp(log + rng.normal(0, noise, len(years)))
    return rates, noise * rates


@pytest.mark.shared
@pytest.mark.parametrize("sex", ["Both", "Female", "Male"])
def test_published_segments_and_their_number(reference, sex):
    # ln(y)=xb, standard errors given, grid search, permutation test .05, 4499 permutations, at most 3 joinpoints
    sample = pd.read_csv(reference / "geo/data/nih_joinpoint_sample.csv").query("sex == @sex")
    recorded = json.loads((reference / "geo/rates/joinpoint_nih_sample.json").read_text())
    want = recorded["expected"][sex]
    found = fit_trend(sample["year"], sample["rate"], sample["se"])
    assert list(found.joinpoints) == want["joinpoints"]
    assert [round(s.apc, 2) for s in found.segments] == want["apc"]
    assert [s.p < 0.05 for s in found.segments] == want["significant"]
    assert [s.direction != "stable" for s in found.segments] == want["significant"]
    assert [f.sse for f in found.fits] == pytest.approx(recorded["probe_sse_bic"][sex], abs=1e-4)
    assert [(t.null, t.alternative, t.rejected) for t in found.tests] == [(0, 3, True), (1, 3, True), (2, 3, True)]
    for method in ("bic", "bic3", "wbic"):
        assert len(fit_trend(sample["year"], sample["rate"], sample["se"], method=method).joinpoints) == 3


@pytest.mark.parametrize("count", [1, 2])
def test_grid_search_equals_brute_force(count):
    rates, errors = planted([0.03, -0.04], [2000], 0.03, 5)
    weights, y, x = (rates / errors) ** 2, np.log(rates), YEARS.astype(float)
    best = (np.inf, ())
    for points in combinations(range(2, len(x) - 2), count):
        if any(b - a < 3 for a, b in pairwise(points)):
            continue
        design = np.column_stack([np.ones_like(x), x, *[np.maximum(x - x[p], 0) for p in points]])
        root = np.sqrt(weights)[:, None]
        _, residual, *_ = np.linalg.lstsq(design * root, y * root[:, 0], rcond=None)
        best = min(best, (float(residual[0]), tuple(x[p] for p in points)))
    fit = fit_trend(YEARS, rates, errors, max_joinpoints=count, method="bic").fits[count]
    assert fit.joinpoints == best[1]
    assert fit.sse == pytest.approx(best[0], rel=1e-6)


def test_criteria_follow_their_formulas():
    rates, errors = planted([0.03, -0.04], [2000], 0.02, 6)
    n = len(YEARS)
    for k, fit in enumerate(fit_trend(YEARS, rates, errors, method="bic").fits):
        step = np.log(n) / n
        assert fit.bic == pytest.approx(np.log(fit.sse / n) + (2 * k + 2) * step)
        assert fit.bic3 == pytest.approx(np.log(fit.sse / n) + (3 * k + 2) * step)
        # the program's own footnote: BIC (1 - W) + BIC3 W
        assert fit.wbic == pytest.approx(fit.bic * (1 - fit.weight) + fit.bic3 * fit.weight)
        assert 0 <= fit.weight <= 1


@pytest.mark.parametrize("method", ["permutation", "bic", "bic3", "wbic"])
def test_planted_joinpoints_are_found(method):
    rates, errors = planted([0.04, -0.03, 0.05], [1998, 2007], 0.01, 7)
    found = fit_trend(YEARS, rates, errors, method=method, permutations=999)
    assert len(found.joinpoints) == 2
    assert np.abs(np.array(found.joinpoints) - [1998, 2007]).max() <= 1
    for segment, slope in zip(found.segments, [0.04, -0.03, 0.05]):
        assert segment.lower < 100 * np.expm1(slope) < segment.upper


def test_false_joinpoints_stay_at_the_level():
    # 200 straight lines: at most 21 false joinpoints is the 99.9 % limit of a binomial with 5 %
    false = sum(
        len(fit_trend(YEARS, *planted([0.01], [], 0.05, seed), permutations=199).joinpoints) > 0 for seed in range(200)
    )
    assert false <= 21


def test_intervals_cover_a_straight_slope():
    # 400 lines, 95 % intervals: 360 to 395 is the 99.9 % range of a binomial
    inside = 0
    for seed in range(400):
        segment = fit_trend(YEARS, *planted([-0.02], [], 0.03, seed), max_joinpoints=0).segments[0]
        inside += segment.lower <= 100 * np.expm1(-0.02) <= segment.upper
    assert 365 <= inside <= 393


def test_average_change_is_the_weighted_mean_of_slopes():
    rates, errors = planted([0.04, -0.03], [2002], 0.01, 9)
    found = fit_trend(YEARS, rates, errors, permutations=199, spans=[(1990, 2014), (2010, 2014), (2000, 2004)])
    t, (first, second) = found.joinpoints[0], found.segments
    whole, last, middle = found.average
    want = (first.slope * (t - 1990) + second.slope * (2014 - t)) / 24
    assert whole.aapc == pytest.approx(100 * np.expm1(want))
    # a span inside one segment says what the segment says
    assert (last.aapc, last.lower, last.upper) == pytest.approx((second.apc, second.lower, second.upper))
    assert middle.aapc == pytest.approx(100 * np.expm1((first.slope * (t - 2000) + second.slope * (2004 - t)) / 4))


def test_grid_points_between_years_are_tried():
    years = np.arange(2000, 2020)
    rates, errors = planted([0.1, -0.1], [2009.5], 0.001, 3, years)
    assert fit_trend(years, rates, errors, method="bic", grid=1, max_joinpoints=1).joinpoints == (2009.5,)


def test_same_seed_same_answer():
    rates, errors = planted([0.02, 0.0], [2000], 0.02, 4)
    one, two = (fit_trend(YEARS, rates, errors, permutations=199, seed=5) for _ in range(2))
    assert one.tests == two.tests


@settings(max_examples=25, deadline=None)
@given(st.floats(0.01, 100), st.integers(-50, 50), st.integers(0, 50))
def test_units_and_calendar_do_not_matter(scale, shift, seed):
    rates, errors = planted([0.03, -0.02], [2001], 0.02, seed)
    one = fit_trend(YEARS, rates, errors, method="bic")
    two = fit_trend(YEARS + shift, rates * scale, errors * scale, method="bic")
    assert [s.apc for s in two.segments] == pytest.approx([s.apc for s in one.segments], rel=1e-6, abs=1e-8)
    assert np.array(two.joinpoints) == pytest.approx(np.array(one.joinpoints) + shift)


def test_few_points_lower_the_number_of_joinpoints():
    found = fit_trend(range(2000, 2006), [10, 11, 12, 11, 10, 9.5], permutations=99)
    assert len(found.fits) <= 2


@pytest.mark.parametrize(
    "years,rates,errors",
    [
        ([2000, 2001, 2002], [1, 2, 3], None),
        ([2000, 2001, 2002, 2002], [1, 2, 3, 4], None),
        ([2000, 2001, 2002, 2003], [1, 0, 3, 4], None),
        ([2000, 2001, 2002, 2003], [1, 2, 3, 4], [1, 1, 0, 1]),
        ([2000, 2001, 2002, 2003], [1, np.nan, 3, 4], None),
        ([2000, 2001, 2002, 2003], [1, 2, 3], None),
    ],
)
def test_unusable_series_are_refused(years, rates, errors):
    with pytest.raises(GeoError) as error:
        fit_trend(years, rates, errors)
    assert error.value.code == "trend-data"


def test_too_many_sets_are_refused_before_they_are_made():
    with pytest.raises(GeoError, match="sets to try"):
        fit_trend(range(1950, 2030), np.full(80, 10.0) + np.arange(80) % 3, max_joinpoints=6)
