"""What is reported: statistics by hand, order and overlap of clusters, significance, Gini, models and analyses."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

from geo.scan import scan
from geo.scan.clusters import OVERLAP, Candidate, Significance, _ordered, gini, select
from geo.scan.result import STATEMENT
from geo.scan.statistic import bernoulli_llr, gumbel_p, poisson_llr
from geo.scan.zones import Ellipse, along_sphere, build_zones, ellipses, positions, squeeze


def test_poisson_by_hand() -> None:
    # NY leukaemia as printed by SaTScan: 106 cases, 62.13 expected, of 552
    assert poisson_llr(106, 62.13, 552) == pytest.approx(106 * math.log(106 / 62.13) + 446 * math.log(446 / 489.87))
    assert poisson_llr(0, 5, 10) == pytest.approx(10 * math.log(10 / 5))
    assert poisson_llr(10, 5, 10) == pytest.approx(10 * math.log(2))
    assert poisson_llr(3, 0, 10) == 0 and poisson_llr(10, 10, 10) == 0


def test_bernoulli_by_hand() -> None:
    # North Humberside: 4 cases among 4 persons, of 62 cases among 203 persons
    wanted = 58 * math.log(58 / 199) + 141 * math.log(141 / 199) - 62 * math.log(62 / 203) - 141 * math.log(141 / 203)
    assert bernoulli_llr(4, 4, 62, 203) == pytest.approx(wanted)
    assert bernoulli_llr(4, 4, 62, 203) == pytest.approx(4.836516, abs=1e-6)


def candidate(centre: int, members: list[int], statistic: float) -> Candidate:
    return Candidate(centre, centre, 0, 0, np.array(members), statistic)


# three windows, most likely first: B overlaps A without a centre in it; C has its centre in A, and A's in C
A, B, C, D = (
    candidate(0, [0, 1, 2], 9.0),
    candidate(4, [4, 2], 7.0),
    candidate(1, [1, 0, 5], 5.0),
    candidate(6, [6, 0], 4.0),
)
KEPT = {
    "no-overlap": [A],
    "no-centres-in-other": [A, B],
    "no-centres-in-more-likely": [A, B, D],
    "no-centres-in-less-likely": [A, B],
    "no-pairs-of-centres": [A, B, D],
    "all": [A, B, C, D],
}


@pytest.mark.parametrize("criterion", OVERLAP)
def test_secondary_clusters(criterion: str) -> None:
    assert select([A, B, C, D], criterion, 7) == KEPT[criterion]


def test_equal_statistics_are_ordered_by_size_and_then_by_id() -> None:
    tied = [
        candidate(3, [3, 1], 5.0),
        candidate(2, [2], 5.0 - 1e-12),
        candidate(1, [1, 3], 5.0 + 1e-12),
        candidate(0, [0], 6.0),
    ]
    assert [one.centre for one in _ordered(tied)] == [0, 2, 1, 3]


def test_significance() -> None:
    maxima = np.array([5.0, 1.0, 3.0, 2.0])
    of = Significance(maxima)
    assert [of.rank(x) for x in (6, 3, 0.5)] == [1, 3, 5]
    assert of.p_value(3.0) == 3 / 5
    assert of.reported(1.0) is False  # every replicate reaches it
    assert of.reported(2.0) and not of.reported(0.0001)
    assert Significance(maxima, stopped_at=2).p_value(2.5) == 2 / 4
    assert of.critical_value(0.4) == 3.0 and of.critical_value(0.01) is None


def test_gumbel_tail() -> None:
    rng = np.random.default_rng(3)
    maxima = rng.gumbel(6, 1.2, 20_000)
    for value in (6.0, 8.0, 10.0):
        assert gumbel_p(value, maxima) == pytest.approx(-math.expm1(-math.exp(-(value - 6) / 1.2)), rel=0.06)
    assert gumbel_p(500.0, maxima) < 1e-100
    assert gumbel_p(1.0, np.ones(9)) is None


def test_gini_by_hand() -> None:
    # half of the expected cases hold three quarters: the curve runs (0,0) (.5,.25) (1,1)
    assert gini([75], [50], 100) == pytest.approx(1 - (0.5 * 0.25 + 0.5 * 1.25))
    assert gini([20, 30], [20, 30], 100) == pytest.approx(0)


def test_shapes_and_angles_are_the_customary_ones() -> None:
    forms = ellipses("elliptic")
    assert [sum(1 for form in forms if form.shape == s) for s in (1, 1.5, 2, 3, 4, 5)] == [1, 4, 6, 9, 12, 15]
    assert all(0 <= form.angle < math.pi for form in forms)
    assert Ellipse(2).penalty(0.5) == pytest.approx(math.sqrt(8 / 9)) and Ellipse(3).penalty(1) == pytest.approx(0.75)
    assert Ellipse().penalty(1) == 1


def test_an_ellipse_holds_what_lies_along_its_axis() -> None:
    points = np.array([[0, 0], [4, 0], [0, 1.5], [-3, 0]], float)
    assert squeeze(points, Ellipse(2, 0))[:, 0].tolist() == [0, 2, 0, -1.5]
    assert squeeze(points, Ellipse(2, math.pi / 2))[:, 1] == pytest.approx([0, 0, 0.75, 0])
    zones = build_zones(points, np.ones(4), ellipses("elliptic", ((5.0, 2),)), power=0, largest=9, radius=None)
    around_first = {
        int(zones.form[i]): zones.members(i, 4).tolist() for i in range(len(zones.centre)) if zones.centre[i] == 0
    }
    assert around_first == {0: [0, 2, 3, 1], 1: [0, 3, 1, 2], 2: [0, 2, 3, 1]}


def test_distances() -> None:
    place = positions(np.array([[0.0, 0.0], [0.0, 90.0], [90.0, 0.0]]), latlon=True)
    assert np.linalg.norm(place, axis=1) == pytest.approx([6367] * 3)
    assert along_sphere(float(np.linalg.norm(place[0] - place[1]))) == pytest.approx(6367 * math.pi / 2)


def test_equal_distances_are_ordered_by_the_lesser_coordinate() -> None:
    points = np.array([[1, 1], [2, 1], [1, 2], [0, 1], [1, 0]], float)
    zones = build_zones(points, np.ones(5), (Ellipse(),), power=0, largest=9, radius=None)
    assert zones.members(0, 5).tolist() == [0, 3, 4, 2, 1]


def test_size_limits() -> None:
    points = np.array([[0, 0], [1, 0], [2, 0], [3, 0]], float)
    by_share = build_zones(points, np.array([4.0, 2, 3, 1]), (Ellipse(),), power=0, largest=6, radius=None)
    assert [by_share.members(i, 9)[: by_share.starts[i + 1] - by_share.starts[i]].tolist() for i in range(4)] == [
        [0, 1], [1, 0], [2, 1, 3], [3, 2, 1],
    ]  # fmt: skip
    by_radius = build_zones(points, np.ones(4), (Ellipse(),), power=0, largest=9, radius=1.0)
    assert (np.diff(by_radius.starts) == [2, 3, 3, 2]).all()


@pytest.fixture
def hot_spot(make_map):
    tables = make_map(11, locations=25, cases=200, years=(2001, 2002, 2003, 2004))
    west = tables.coordinates.sort_values("x")["id"].tolist()[:3]
    extra = pd.DataFrame({"id": west * 12, "cases": 1, "year": (["2003", "2004"] * 18)})
    return pd.concat([tables.cases, extra]), tables, set(west)


ANALYSES = [("space-time", "2003-01-01"), ("prospective", "2003-01-01"), ("spatial", "2001-01-01")]


@pytest.mark.parametrize(("what", "start"), ANALYSES)
def test_a_planted_cluster_is_found(hot_spot, what: str, start: str) -> None:
    cases, tables, west = hot_spot
    best = scan(cases, tables.population, tables.coordinates, analysis=what, replicates=199).clusters[0]
    assert west & set(best.members) and (best.start, best.end) == (start, "2004-12-31")
    assert best.p_value == 0.005 and best.relative_risk > 1
    assert best.observed_expected == pytest.approx(best.observed / best.expected)


def test_temporal_windows_hold_every_location(hot_spot) -> None:
    cases, tables, _ = hot_spot
    for coordinates in (tables.coordinates, None):
        best = scan(cases, tables.population, coordinates, analysis="temporal", replicates=99).clusters[0]
        assert best.center == "All" and len(best.members) == 25 and best.radius_km is None
        assert (best.start, best.end) == ("2003-01-01", "2004-12-31")


def test_permutation_model_has_no_relative_risk_and_needs_no_population(hot_spot, make_map) -> None:
    _, _, west = hot_spot
    tables = make_map(11, locations=25, cases=400, years=(2001, 2002, 2003, 2004))
    outbreak = pd.DataFrame({"id": sorted(west) * 12, "cases": 1, "year": "2003"})
    cases = pd.concat([tables.cases, outbreak])
    result = scan(cases, None, tables.coordinates, model="stp", analysis="space-time", replicates=99)
    assert west & set(result.clusters[0].members) and result.clusters[0].relative_risk is None
    by_place = cases.groupby("id").size()
    by_year = cases.groupby("year").size()
    best = result.clusters[0]
    years = [str(y) for y in range(int(best.start[:4]), int(best.end[:4]) + 1)]
    inside = by_place.reindex(best.members).sum() * by_year[years].sum() / len(cases)
    assert best.expected == pytest.approx(inside)


def test_low_rates_have_no_least_number_of_cases(make_map) -> None:
    tables = make_map(5, locations=12, cases=150)
    empty = tables.population.sort_values("pop")["id"].iloc[-1]
    cases = tables.cases[tables.cases["id"] != empty]
    best = scan(cases, tables.population, tables.coordinates, rates="low", replicates=99).clusters[0]
    assert empty in best.members and best.relative_risk < 1
    both = scan(cases, tables.population, tables.coordinates, rates="both", replicates=99).clusters[0]
    assert both.llr == pytest.approx(best.llr)


def test_prospective_clusters_have_a_recurrence_interval(hot_spot) -> None:
    cases, tables, _ = hot_spot
    best = scan(cases, tables.population, tables.coordinates, analysis="prospective", replicates=99).clusters[0]
    assert best.recurrence_days == pytest.approx(1461 / 4 / best.p_value)


def test_elliptic_windows_are_ranked_by_the_penalised_statistic(hot_spot) -> None:
    cases, tables, _ = hot_spot
    result = scan(cases, tables.population, tables.coordinates, shape="elliptic", penalty="strong", replicates=99)
    round_ = scan(cases, tables.population, tables.coordinates, replicates=99)
    for one in result.clusters:
        s = one.ellipse["shape"] if one.ellipse else 1.0
        assert one.statistic == pytest.approx(one.llr * 4 * s / (s + 1) ** 2)
    assert result.clusters[0].statistic >= round_.clusters[0].statistic - 1e-12


def test_gini_selection(hot_spot) -> None:
    cases, tables, west = hot_spot
    result = scan(cases, tables.population, tables.coordinates, gini=True, replicates=199)
    assert result.gini["coefficient"] == max(one["coefficient"] for one in result.gini["compared"]) > 0
    assert west & set(result.gini["clusters"][0]["members"])
    chosen = {tuple(sorted(one["members"])) for one in result.gini["clusters"]}
    assert all((tuple(sorted(one.members)) in chosen) == one.in_gini for one in result.clusters)


def test_the_report_says_what_a_cluster_is_and_how_to_repeat_it(hot_spot) -> None:
    cases, tables, _ = hot_spot
    result = scan(cases, tables.population, tables.coordinates, analysis="space-time", replicates=99, seed=8)
    document = json.loads(result.to_json())
    assert document["statement"] == STATEMENT and "not evidence of a cause" in result.words()
    assert document["seed"] == 8 and document["replicates"] == 99
    contract = {
        "rank", "center", "members", "radius_km", "start", "end", "observed", "expected", "relative_risk", "llr", "p_value",
    }  # fmt: skip
    assert contract <= set(document["clusters"][0])
    settings = dict(line.split("=", 1) for line in result.reproduce().splitlines() if "=" in line)
    assert settings["AnalysisType"] == "3" and settings["MonteCarloReps"] == "99"
    assert settings["StartDate"] == "2001/1/1" and settings["EndDate"] == "2004/12/31"
    assert sum(one["expected"] for one in document["locations"]) == pytest.approx(result.total_cases)
