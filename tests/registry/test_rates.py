"""Rates from the live registry, against counts made by hand from the same snapshot; who gets rates, and for where."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog
from sqlalchemy import update

from registry import demo
from registry.analysis.cohort import has_county
from registry.analysis.disclosure import Policy
from registry.analysis.population_files import fold, in_force, put_in_force, read
from registry.analysis.rates import answer
from registry.analysis.rates_cases import find_behind, find_left_out
from registry.analysis.rates_catchment import catchment
from registry.analysis.rates_desk import Desk
from registry.analysis.rates_files import as_csv
from registry.analysis.rates_map import notes
from registry.analysis.rates_released import age_groups, released_rates
from registry.analysis.rates_request import Request, from_address, from_pairs
from registry.analysis.rates_stage import breaks_of
from registry.analysis.rates_trend import recent, yearly
from registry.analysis.snapshot import refresh
from registry.db import Store
from registry.errors import RegistryError
from registry.models import PopulationArea
from registry.security.permissions import Refused

ALL, CUT = Policy(0, 16), Policy(16, 16)
WIDE = {"year_from": 2000, "year_to": 2024}


@pytest.fixture(scope="module")
def demo_store(tmp_path_factory):
    settings = demo.prepare(tmp_path_factory.mktemp("rates") / "demo", size=1500, seed=3, port=0, say=lambda text: None)
    store = Store(settings)
    yield store
    store.close()


@pytest.fixture(scope="module")
def desk(demo_store):
    return Desk(demo_store)


@pytest.fixture(scope="module")
def tumors(demo_store) -> pd.DataFrame:
    """The snapshot's rows that count as incident cases, selected here without the module under test."""
    frame = pd.concat(map(pd.read_parquet, refresh(demo_store).folder.glob("tumors-*.parquet")))
    skin = frame["primarySite"].str.startswith("C44") & frame["histologicTypeIcdO3"].between("8000", "8110")
    return frame[
        (frame["behavior_recode"] == "3")
        & ~skin
        & frame["sex"].isin(["1", "2"])
        & frame["age_at_diagnosis"].notna()
        & (frame["addrAtDxState"] == "FL")
        & ~frame["county_geoid"].fillna("999").str.endswith("999")
        & (frame["county_geoid"] != "")
        # later years are cases, and not declared for rates yet
        & (frame["year_of_diagnosis"] <= WIDE["year_to"])
    ]


@pytest.mark.parametrize(
    ("choices", "keeps"),
    [
        (WIDE, lambda t: t["year_of_diagnosis"] >= 2000),
        (
            {"year_from": 2010, "year_to": 2014, "sex": "2"},
            lambda t: t["year_of_diagnosis"].between(2010, 2014) & (t["sex"] == "2"),
        ),
        ({**WIDE, "age_from": 65, "age_to": 74}, lambda t: t["age_at_diagnosis"].between(65, 74)),
        ({**WIDE, "site": "lung-and-bronchus"}, lambda t: t["site_recode_2008"] == "22030"),
        ({**WIDE, "stage": "late"}, lambda t: t["summary_stage"].isin(["2", "3", "4", "7"])),
        ({**WIDE, "dco": False}, lambda t: t["typeOfReportingSource"] != "7"),
        ({**WIDE, "rules": "iarc"}, lambda t: t["iarc_indicator"] == "1"),
    ],
)  # fmt: skip
def test_counts_are_those_of_the_snapshot(desk, tumors, choices, keeps):
    found = answer(desk, Request(measure="count", **choices), ALL)
    wanted = tumors[keeps(tumors)].groupby("county_geoid").size()
    counts = found.rows.set_index("code")["cases"].astype(int)
    assert counts[counts > 0].to_dict() == wanted.to_dict()
    assert found.state["cases"].iloc[0] == wanted.sum()


def test_the_rate_is_that_of_the_engine_on_the_same_strata(desk, demo_store, tumors):
    from geo.rates import rate_table
    from registry.analysis import populations

    people = populations.load(demo_store)
    people = people[(people["county"] == "12086") & people["year"].between(2000, 2024)]
    own = tumors[tumors["county_geoid"] == "12086"]
    strata = people.groupby("age_group", as_index=False)["population"].sum()
    strata["cases"] = strata["age_group"].map((own["age_at_diagnosis"] // 5).clip(upper=17).value_counts()).fillna(0)
    strata["age"] = strata["age_group"].map(lambda g: "85+" if g == 17 else f"{5 * g}-{5 * g + 4}")
    wanted = rate_table(strata).iloc[0]
    row = answer(desk, Request(**WIDE), ALL).rows.set_index("code").loc["12086"]
    for name, column in (("value", "rate"), ("lower", "lower"), ("upper", "upper"), ("crude", "crude")):
        assert row[name] == pytest.approx(wanted[column], rel=1e-9)


def test_a_sex_specific_site_has_the_population_of_its_sex(desk):
    both = answer(desk, Request(**WIDE), ALL).state["population"].iloc[0]
    prostate = answer(desk, Request(site="prostate", **WIDE), ALL).state["population"].iloc[0]
    ovary = answer(desk, Request(site="ovary", sex="1", **WIDE), ALL).state["population"].iloc[0]
    assert prostate + ovary == pytest.approx(both) and prostate < both


def test_expected_cases_of_the_counties_add_up_to_the_observed(desk):
    found = answer(desk, Request(measure="sir", **WIDE), ALL)
    assert found.rows["expected"].sum() == pytest.approx(found.rows["cases"].sum())
    assert found.state["value"].iloc[0] == pytest.approx(1.0)


def widths_of_small_cells(desk, expected: pd.Series) -> list[float]:
    """How far apart the ends are within which expected cases, told to one decimal, leave the small cells of the state.

    The attacker knows every county's residents by sex and age and the cases of the state by sex, and solves for its cases
    by sex and age.
    """
    area = desk.area()
    _, counts, _ = desk.cases(Request(**WIDE))
    truth = counts.sum(axis=(0, 1, 4)).ravel()
    people = area.people.sum(axis=1).reshape(len(area.counties), -1)
    told = expected.dropna()
    share = (people / people.sum(axis=0))[[area.counties.index(code) for code in told.index]]
    rounded = told.round(1).to_numpy()
    of_sex = np.repeat(np.eye(2), truth.size // 2, axis=1)
    known = {
        "A_ub": np.concatenate([share, -share]), "b_ub": np.concatenate([rounded + 0.0501, 0.0501 - rounded]),
        "A_eq": of_sex, "b_eq": of_sex @ truth, "bounds": (0, None), "method": "highs",
    }  # fmt: skip
    found = []
    for cell in np.flatnonzero((truth > 0) & (truth < CUT.threshold)):
        goal = np.zeros(truth.size)
        goal[cell] = 1.0
        ends = [sign * linprog(sign * goal, **known).fun for sign in (1, -1)]
        found.append(ends[1] - ends[0])
    return found


def test_expected_cases_do_not_give_back_the_cases_of_the_state_by_age(desk):
    """With the state's own rates they would: 67 counties are as many equations on 36 numbers."""
    exact = answer(desk, Request(measure="sir", **WIDE), ALL).rows.set_index("code")["expected"]
    assert min(widths_of_small_cells(desk, exact)) < CUT.threshold
    found = answer(desk, Request(measure="sir", **WIDE), CUT)
    shown = found.rows.set_index("code")["expected"]
    assert shown.notna().sum() >= 5 and found.state["value"].iloc[0] == pytest.approx(1.0)
    # whoever is told of every county is told no more: the same rates, of published groups of ages
    rates = released_rates(desk, Request(**WIDE), frozenset(range(25)), frozenset({0, 1}), CUT.threshold)
    every = (desk.area().people.sum(axis=1) * rates).sum(axis=(1, 2))
    every = pd.Series(every * found.state["cases"].iloc[0] / every.sum(), desk.area().counties)
    assert (every[shown.dropna().index] - shown.dropna()).abs().max() < 1e-6
    assert min(widths_of_small_cells(desk, every)) >= CUT.threshold


def test_rates_of_expected_cases_are_the_same_within_ages_that_are_published_together(desk):
    years = frozenset(range(20, 25))
    rates = released_rates(desk, Request(site="prostate"), years, frozenset({0}), CUT.threshold)
    groups = age_groups(desk, Request(site="prostate"), years, 0, CUT.threshold)
    _, counts, _ = desk.cases(Request(site="prostate"))
    cases = counts[:, 20:25, 0].sum(axis=(0, 1, 3))
    assert [age for group in groups for age in group] == list(range(18)) and len(groups) > 1
    for group in map(list, groups):
        assert cases[group].sum() >= CUT.threshold and np.ptp(rates[0, group]) == 0
    assert not rates[1].any()


def test_no_ratio_is_told_where_no_age_of_the_state_is_published(desk):
    """Rare sites are the reserve of the release: of their ages nothing is told, so nothing can be expected."""
    found = answer(desk, Request(site="mesothelioma", measure="sir", **WIDE), CUT)
    assert found.rows["suppressed"].all() and found.state["suppressed"].all()


@pytest.mark.parametrize("measure", ["eb", "local", "bym2"])
def test_smoothed_ratios_say_nothing_of_a_hidden_county_but_its_share(desk, measure):
    request = Request(measure=measure, **WIDE)
    found = answer(desk, request, CUT)
    assert found.rows.loc[found.rows["suppressed"], "value"].isna().all()
    shown = found.rows.loc[~found.rows["suppressed"], "value"]
    assert len(shown) > 5 and shown.between(0.2, 5).all()
    # the same released counts give the same figures, whatever the hidden counties hold among themselves
    _, array, _ = desk.cases(request)
    hidden = np.flatnonzero(found.rows["suppressed"].to_numpy())
    first, second = (i for i in hidden if array[i].sum()), hidden
    one = next(first)
    other = next(i for i in second if i != one)
    moved = array.copy()
    moved[other] += moved[one]
    moved[one] = 0
    key = next(k for k in desk._kept if k[0] == "array" and desk._kept[k] is array)
    desk._kept[key] = moved
    try:
        again = answer(desk, request, CUT).rows
    finally:
        desk._kept[key] = array
    pd.testing.assert_series_equal(again["value"], found.rows["value"], rtol=1e-6)


def test_a_hidden_row_has_no_figure_and_a_file_has_none_either(desk):
    found = answer(desk, Request(**WIDE), CUT)
    hidden = found.rows[found.rows["suppressed"]]
    assert len(hidden) > 20
    assert hidden[["value", "lower", "upper", "cases", "population", "expected", "se", "crude"]].isna().all(axis=None)
    lines = [line.split(",") for line in as_csv(found, recent(desk, found.request, CUT), registry="R").splitlines()]
    for line in lines:
        if line[-1] == "suppressed":
            assert set(line[2:-1]) == {""}
    shown = {line[0]: int(line[5]) for line in lines if line[-1] in ("shown", "unstable")}
    assert min(shown.values()) >= 16
    rest = shown.pop("state") - sum(shown.values())
    assert rest >= 16


def test_ages_are_answered_by_whole_periods_where_counts_are_hidden(desk):
    request = Request(age_from=65, year_from=2011, year_to=2023)
    assert answer(desk, request, ALL).years == (2011, 2023)
    found = answer(desk, request, CUT)
    assert found.snapped and found.years == (2010, 2024)


def test_unknown_sex_is_counted_and_shown(desk, demo_store):
    frame = pd.concat(map(pd.read_parquet, refresh(demo_store).folder.glob("tumors-*.parquet")))
    wanted = int(((frame["sex"] == "9") & (frame["behavior_recode"] == "3")).sum())
    left = {one.text: one.count for one in answer(desk, Request(**WIDE), ALL).left}
    assert left["sex neither male nor female"] == wanted
    assert {"age at diagnosis unknown", "county at diagnosis unknown"} <= set(left)


def test_a_county_of_999_or_998_is_unknown():
    import ibis

    codes = ["12086", "12999", "12998", "", None, "12", "09110", "01001"]
    table = ibis.memtable({"county_geoid": codes})
    found = table.mutate(known=has_county(table).fill_null(False)).execute()["known"].tolist()
    assert found == [True, False, False, False, False, False, True, True]


@pytest.mark.parametrize(
    ("choices", "years"),
    [
        ({"stage": "late", "trend": False}, "2001 2004 2016 2018"),
        ({"measure": "late", "year_from": 2016}, "2018"),
        ({"measure": "late", "year_from": 2018, "year_to": 2022}, ""),
        # the trend goes back further than the map
        ({"stage": "early", "year_from": 2019}, "2001 2004 2016 2018"),
        ({}, ""),
    ],
)
def test_figures_by_stage_name_the_years_in_which_its_definition_changed(desk, choices, years):
    found = answer(desk, Request(**{**WIDE, **choices}), ALL)
    assert list(breaks_of(found)) == [int(year) for year in years.split()]
    told = [line for line in notes(found) if "definition of stage changed" in line]
    assert bool(told) == bool(years) and all(year in told[0] for year in years.split())


def test_the_definition_stands_in_words(desk):
    words = answer(desk, Request(dco=False, **WIDE), ALL).definition
    for part in (
        "residents of FL",
        "in situ bladder",
        "basal or squamous",
        "SEER rules",
        "without death certificate only",
    ):
        assert part in words


def test_counties_on_item_90_alone_are_counted(desk):
    found = answer(desk, Request(**WIDE), ALL)
    assert 0 < found.by_item_90 <= found.state["cases"].iloc[0] + found.outside


def test_a_yearly_trend_needs_every_year_to_be_shown(desk):
    state = yearly(desk, Request(sex="1"), CUT, "state")
    assert state.trend is not None and len(state.rows) == 25
    small = yearly(desk, Request(), CUT, "12077")
    assert small.trend is None and small.rows["rate"].isna().any() and "fewer than 16" in small.why
    assert set(recent(desk, Request(), CUT)) <= set(recent(desk, Request(), ALL))


def test_the_cases_behind_a_number_are_as_many_as_it_says(desk):
    request = Request(site="breast", **WIDE)
    rows = answer(desk, request, ALL).rows.set_index("code")
    assert len(find_behind(desk, request, ALL, county="12086").tumors) == rows.loc["12086", "cases"]
    with pytest.raises(Refused, match="hidden for your role"):
        find_behind(desk, request, CUT, county="12077")


def test_prevalence_counts_persons_alive_at_the_end_once(desk, tumors, demo_store):
    from registry.analysis import populations

    request = Request(measure="prevalence", site="breast", **WIDE)
    own = tumors[tumors["site_recode_2008"] == "26000"].sort_values(["dateOfDiagnosis", "tumor_id"])
    first = own.drop_duplicates("patient_id")
    died = (first["vitalStatus"] == "0") & (first["dateOfLastContact"].str[:4].astype(int) <= 2024)
    wanted = first[~died].groupby("county_geoid").size()
    assert 0 < wanted.sum() < len(own)
    found = answer(desk, request, ALL)
    rows = found.rows.set_index("code")
    assert rows["cases"][rows["cases"] > 0].astype(int).to_dict() == wanted.to_dict()
    people = populations.load(demo_store)
    residents = people[(people["county"] == "12086") & (people["year"] == 2024)]["population"].sum()
    assert rows.loc["12086", "value"] == pytest.approx(1e5 * wanted["12086"] / residents)
    assert len(find_behind(desk, request, ALL, county="12086").tumors) == wanted["12086"]
    cut = answer(desk, request, CUT).rows
    assert cut.loc[cut["suppressed"], "value"].isna().all() and (cut["cases"].dropna() >= 16).all()


def test_every_line_of_what_was_left_out_opens_as_many_cases_as_it_says(desk):
    request = Request(**WIDE)
    found = answer(desk, request, ALL)
    for one in found.left:
        assert len(find_left_out(desk, request, ALL, str(one.place)).tumors) == one.count
    assert len(find_left_out(desk, request, ALL, "outside").tumors) == found.outside
    assert len(find_left_out(desk, request, ALL, "item 90").tumors) == found.by_item_90
    with pytest.raises(Refused, match="round numbers"):
        find_left_out(desk, request, CUT, "0")
    with pytest.raises(RegistryError, match="no such line"):
        find_left_out(desk, request, ALL, "99")


def test_the_state_is_hidden_where_a_county_declared_for_some_of_the_years_would_be_the_difference(demo_store):
    desk = Desk(demo_store)
    with demo_store.writing() as session:
        session.execute(update(PopulationArea).where(PopulationArea.county == "12077").values(year_from=2015))
    try:
        # 12077 has too few cases to be shown: all counties of 2010-2019 less those of its two halves would be its count
        assert answer(desk, Request(year_from=2010, year_to=2019), CUT).state["suppressed"].all()
        assert not answer(desk, Request(year_from=2010, year_to=2014), CUT).state["suppressed"].any()
        assert np.isnan(yearly(desk, Request(), CUT, "state").rows.set_index("year").loc[2020, "rate"])
        assert not answer(desk, Request(year_from=2010, year_to=2019), ALL).state["suppressed"].any()
    finally:
        with demo_store.writing() as session:
            session.execute(update(PopulationArea).where(PopulationArea.county == "12077").values(year_from=2000))


def test_another_standard_needs_more_cases_for_a_county(desk):
    us, world = (answer(desk, Request(standard=name, **WIDE), CUT) for name in ("us2000", "segi"))
    shown = world.rows[~world.rows["suppressed"]]
    assert len(shown) < (~us.rows["suppressed"]).sum() and (shown["cases"] >= 288).all()
    assert not answer(desk, Request(standard="segi", **WIDE), ALL).rows["suppressed"].any()


def test_whoever_may_not_see_small_counts_is_told_of_all_years_what_was_left_out(desk):
    few, all_ = (answer(desk, Request(**years), CUT) for years in ({"year_from": 2020}, WIDE))
    assert few.left == all_.left and few.outside == all_.outside and few.by_item_90 == all_.by_item_90


def test_rates_are_computed_only_where_declared(demo_store):
    desk = Desk(demo_store)
    with demo_store.writing() as session:
        session.execute(update(PopulationArea).where(PopulationArea.county == "12086").values(year_from=2015))
    try:
        rows = answer(desk, Request(year_from=2010, year_to=2019), ALL).rows.set_index("code")
        assert not rows.loc["12086", "covered"] and np.isnan(rows.loc["12086", "value"])
        rows = answer(desk, Request(year_from=2015, year_to=2019), ALL).rows.set_index("code")
        assert rows.loc["12086", "covered"] and rows.loc["12086", "value"] > 0
        with pytest.raises(RegistryError, match="no county is declared") as error:
            answer(desk, Request(year_from=1990, year_to=1995), ALL)
        assert error.value.code == "refused-rates"
    finally:
        with demo_store.writing() as session:
            session.execute(update(PopulationArea).where(PopulationArea.county == "12086").values(year_from=2000))


def test_a_facility_sees_its_catchment(desk, demo_store):
    abstracts = pd.concat(map(pd.read_parquet, refresh(demo_store).folder.glob("abstracts-*.parquet")))
    number = abstracts["facility"].value_counts().index[0]
    found = catchment(desk, Request(), ALL, number)
    assert found.total and sum(count for _, count, _ in found.counties) == found.total
    assert sum(count for _, count, _ in found.stages) == found.total
    cut = catchment(desk, Request(), CUT, number)
    hidden = [code for code, count, _ in cut.counties if count is None]
    known = {code: count for code, count, _ in found.counties}
    assert len(hidden) >= 2 and sum(known[code] for code in hidden) >= 16


# ---- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_",
    [
        Request(),
        Request(site="breast", sex="2", age_from=50, year_from=2010, measure="sir", trend=False, palette="rdbu"),
        Request(classes="fixed", bounds=(0, 10.5, 100), dco=False, frames="period", standard="segi"),
    ],
)
def test_a_request_comes_back_from_its_address(request_):
    assert from_pairs(request_.pairs()) == request_


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"site": ["nowhere"]}, "no site"),
        ({"age_from": ["7"]}, "groups of five"),
        ({"age_from": ["50"], "age_to": ["44"]}, "end before"),
        ({"year_from": ["2020"], "year_to": ["2010"]}, "end before"),
        ({"classes": ["fixed"], "bounds": ["3, 2"]}, "ascending"),
        ({"count": ["99"]}, "from 2 to 9"),
        ({"measure": ["<script>"]}, "no measure"),
    ],
)
def test_a_wrong_address_is_told(given, says):
    with pytest.raises(RegistryError, match=says):
        from_address(given)


# ---- populations --------------------------------------------------------------------------------------------------------


def people_frame(ages: list[str], counties: tuple[str, ...] = ("12001", "12003")) -> pd.DataFrame:
    rows = [(c, y, s, a, 10.0) for c in counties for y in (2020, 2021) for s in (1, 2) for a in ages]
    return pd.DataFrame(rows, columns=["county", "year", "sex", "age", "population"])


NINETEEN = ["0", "1-4", *(f"{a}-{a + 4}" for a in range(5, 85, 5)), "85+"]


def test_populations_fold_into_eighteen_groups(tmp_path):
    path = tmp_path / "people.csv"
    people_frame(NINETEEN).to_csv(path, index=False)
    found = read(path)
    assert found["population"].sum() == 10 * 19 * 8
    assert found.loc[found["age_group"] == 0, "population"].unique().tolist() == [20.0]
    assert fold(people_frame([*map(str, range(85)), "85+"])).query("age_group == 3")[
        "population"
    ].unique().tolist() == [50.0]
    with pytest.raises(RegistryError, match="do not fold"):
        fold(people_frame(["0-17", "18-64", "65+"]))


def test_a_population_that_lacks_a_declared_county_is_refused(demo_store):
    before = in_force(demo_store)
    with pytest.raises(RegistryError, match="12005"):
        put_in_force(demo_store, fold(people_frame(NINETEEN)), "too few")
    assert in_force(demo_store) == before


@pytest.mark.parametrize("measure", ["moran", "gstar"])
def test_where_every_county_is_hidden_there_is_no_local_statistic(measure: str) -> None:
    """All hidden counties have the ratio of the whole: Moran's I of what rounding leaves would be told as a finding."""
    from registry.analysis.rates_local import local_figures

    figures = pd.DataFrame({"cases": [3, 9, 1, 7, 20], "expected": [4.1, 6.3, 2.2, 7.4, 20.0]})
    fitted: dict[str, float] = {}
    found = local_figures(measure, None, figures, np.ones(4, bool), np.ones(4, bool), fitted)  # type: ignore[arg-type]
    assert fitted == {}
    assert found[["kind", "z", "p", "fdr"]].isna().all().all()
