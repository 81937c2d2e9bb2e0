"""Incidence: the drawn tumours follow the planted rates, and what is planted is found where it was planted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from registry.synthetic import case_counts
from registry.synthetic.incidence import build_model, draw_cells
from registry.synthetic.planted import clusters
from registry.synthetic.registry import tumors_for
from registry.synthetic.tables import age_weights, site_groups, tumor_types
from registry.synthetic.truth import STANDARD_2000, true_rates

YEARS = range(2000, 2025)
# one test of many margins at this level: a fixed seed either passes or the generator is wrong
LEVEL = 1e-4


@pytest.fixture(scope="module")
def model():
    return build_model(3, YEARS)


@pytest.fixture(scope="module")
def cells(model):
    return draw_cells(3, model, 100_000)


def chi_square(observed: np.ndarray, expected: np.ndarray) -> float:
    """Gives the p-value of observed counts against expected shares, cells under 5 joined."""
    expected = expected / expected.sum() * observed.sum()
    small = expected < 5
    observed = np.append(observed[~small], observed[small].sum())
    expected = np.append(expected[~small], expected[small].sum())
    keep = expected > 0
    return stats.chisquare(observed[keep], expected[keep]).pvalue


@pytest.mark.parametrize("margin", ["group", "county", "sex", "age_group", "year"])
def test_every_margin_follows_the_expected_counts(model, cells, margin):
    axes = {"county": (1, 2, 3), "sex": (0, 2, 3), "age_group": (0, 1, 3), "year": (0, 1, 2)}
    expected = [model.expected(g) for g in range(len(model.rate))]
    if margin == "group":
        wanted = np.array([e.sum() for e in expected])
    else:
        wanted = np.sum([e.sum(axis=axes[margin]) for e in expected], axis=0)
    observed = np.bincount(cells[margin], minlength=len(wanted))
    assert chi_square(observed, wanted) > LEVEL


def test_types_follow_the_table_of_site_histology_behavior(large):
    # the table's share of a type within its group and sex, over all ages; ages shift it a little, so only the order of
    # the 40 most frequent types is asked for
    types = tumor_types()
    share = types.groupby(["sex", "site", "histology", "behavior"]).weight.sum()
    drawn = large.true_tumors.assign(sex=large.true_tumors.sex + 1)
    drawn = drawn[drawn.source == 1].groupby(["sex", "site", "histology", "behavior"]).size()
    top = share.sort_values(ascending=False).index[:40]
    assert stats.spearmanr(share[top], drawn.reindex(top, fill_value=0)).statistic > 0.8


def test_ages_stay_inside_the_bounds_of_the_type(large):
    types, tumors = tumor_types(), large.true_tumors
    low = types.age_min.to_numpy()[tumors.row] * 5
    high = np.where(types.age_max.to_numpy()[tumors.row] == 17, 200, types.age_max.to_numpy()[tumors.row] * 5 + 4)
    assert (tumors.age.to_numpy() >= low).all() and (tumors.age.to_numpy() <= high).all()
    assert (age_weights().sum(axis=1) > 0).all()


def test_age_standardised_rates_are_the_truth_within_chance(model, cells):
    truth = true_rates(model)
    people = model.population.sum(axis=(0, 3))
    total = sum(model.expected(g).sum() for g in range(len(model.rate)))
    fraction = len(cells) / total
    weights = STANDARD_2000 / STANDARD_2000.sum()
    for name in ("breast", "lung", "colorectal", "prostate", "bladder", "melanoma", "nhl", "thyroid"):
        g = list(site_groups().group).index(name)
        for s, sex in enumerate(("male", "female")):
            mine = cells[(cells.group == g) & (cells.sex == s)]
            count = np.bincount(mine.age_group, minlength=18)
            rate = (count / (people[s] * fraction) * weights).sum() * 1e5
            error = np.sqrt((count * (weights / (people[s] * fraction)) ** 2).sum()) * 1e5
            assert abs(rate - truth[name][sex]) < 4 * error + 1e-9, (name, sex)


def test_benign_brain_tumors_begin_with_their_reportability(cells):
    g = list(site_groups().group).index("brain_benign")
    years = np.array(YEARS)[cells.year[cells.group == g]]
    assert years.min() == 2004 and (years == 2004).sum() > 20


def test_a_trend_bends_where_it_was_planted(model):
    g = list(site_groups().group).index("prostate")
    change = np.diff(np.log(model.trend[g])) * 100
    by_year = dict(zip(list(YEARS)[1:], change))
    assert by_year[2008] == pytest.approx(100 * np.log(0.99), abs=1e-9)
    assert by_year[2012] == pytest.approx(100 * np.log(0.94), abs=1e-9)
    assert by_year[2020] == pytest.approx(100 * np.log(1.022), abs=1e-9)


def scan_ratio(cells, model, cluster) -> tuple[float, float]:
    """Gives relative risk and Kulldorff's log-likelihood ratio of the planted members, expected without the cluster."""
    flat = build_model(0, YEARS, clusters=False, county_effects=False)
    g = list(site_groups().group).index(cluster.group)
    place = list(case_counties())
    members = [place.index(c) for c in cluster.counties]
    years = [i for i, y in enumerate(YEARS) if (cluster.first_year or 0) <= y <= (cluster.last_year or 9999)]
    mine = cells[cells.group == g]
    expected = flat.expected(g).sum(axis=(1, 2))
    expected *= len(mine) / expected.sum()
    inside = expected[np.ix_(members, years)].sum()
    observed = (mine.county.isin(members) & mine.year.isin(years)).sum()
    rest = len(mine) - observed
    ratio = observed * np.log(observed / inside) + rest * np.log(rest / (len(mine) - inside))
    return (observed / inside) / (rest / (len(mine) - inside)), ratio


def case_counties():
    from registry.synthetic.tables import counties

    return counties().county


@pytest.mark.parametrize("cluster", clusters(), ids=lambda c: c.group)
def test_planted_clusters_stand_out_in_every_registry_of_20_000(cluster):
    # 14 is above the 5 % critical value of a spatial and of a space-time scan of 67 counties and 25 years
    found = []
    for seed in range(20):
        model = build_model(seed, YEARS)
        cells = draw_cells(seed, model, tumors_for(20_000))
        risk, ratio = scan_ratio(cells, model, cluster)
        found.append(ratio)
        assert risk == pytest.approx(cluster.relative_risk, rel=0.5)
    assert sum(r > 14 for r in found) >= 19


def test_without_clusters_and_effects_counties_have_equal_rates():
    counts = case_counts(patients=20_000, seed=5, clusters=False, county_effects=False)
    model = build_model(5, YEARS, clusters=False, county_effects=False)
    g = list(site_groups().group).index("lung")
    wanted = model.expected(g).sum(axis=(1, 2, 3))
    mine = counts[counts.group == "lung"].groupby("county").cases.sum().reindex(case_counties(), fill_value=0)
    assert chi_square(mine.to_numpy(), wanted) > LEVEL


def test_groups_without_a_covariate_have_no_county_effect(model):
    plain = build_model(3, YEARS, clusters=False)
    covariates = site_groups()[["tobacco", "sun", "poverty"]].to_numpy()
    untouched = np.flatnonzero((covariates == 0).all(axis=1))
    assert {"bladder", "nhl"} <= set(site_groups().group[untouched])
    assert (plain.county[untouched] == 1).all() and (plain.county != 1).any()


def test_case_counts_are_the_tumors_of_the_registry(small):
    counts = case_counts(patients=2_000, seed=7)
    assert counts.cases.sum() == tumors_for(2_000) == len(small.true_tumors)
    # joining tumours into persons moves a birth date by up to two years, so age groups may shift, nothing else
    key = ["group", "county", "sex", "year"]
    tumors = small.true_tumors
    frame = tumors.assign(
        sex=tumors.sex + 1,
        county=case_counties().to_numpy()[tumors.county],
        year=tumors.diagnosis.to_numpy().astype("datetime64[D]").astype("datetime64[Y]").astype(int) + 1970,
    )
    assert frame.groupby(key).size().sort_index().equals(counts.groupby(key).cases.sum().sort_index())
