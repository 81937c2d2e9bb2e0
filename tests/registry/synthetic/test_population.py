"""Florida's population: the estimates as published, lines between them, the last one held and labelled."""

from __future__ import annotations

import pandas as pd
import pytest

from registry.errors import RegistryError
from registry.synthetic import florida_population
from registry.synthetic.population import BASES, population_cube

# totals of the SEER county files, all races and ages
TOTALS = {
    1984: 11_039_982,
    1989: 12_637_697,
    1994: 14_239_444,
    1999: 15_759_421,
    2004: 17_415_318,
    2009: 18_652_644,
    2014: 19_897_747,
}


def test_every_estimate_has_the_published_total():
    for year, total in TOTALS.items():
        assert population_cube(range(year, year + 1)).sum() == total


def test_the_frame_has_67_counties_two_sexes_and_18_age_groups():
    frame = florida_population(range(2000, 2021))
    assert len(frame) == 67 * 2 * 18 * 21
    assert not frame.duplicated(["county", "sex", "age_group", "year"]).any()
    assert frame.county.str.fullmatch(r"12\d{3}").all() and set(frame.sex) == {1, 2}
    assert list(frame.age_label.unique())[-1] == "85+"


def test_between_two_estimates_the_line_and_after_the_last_the_same():
    cube = population_cube(range(2009, 2025))
    assert cube[..., 1] == pytest.approx(0.8 * cube[..., 0] + 0.2 * cube[..., 5])
    for year in range(6, 16):
        assert (cube[..., year] == cube[..., 5]).all()


def test_the_basis_says_what_a_figure_is():
    frame = florida_population(range(2008, 2016))
    basis = frame.groupby("year").basis.unique().map(list)
    assert basis[2009] == [BASES[0]] and basis[2008] == [BASES[1]] and basis[2015] == [BASES[2]]
    assert "held constant after 2014" in BASES[2]


def test_before_the_first_estimate_is_an_error_with_a_remedy():
    with pytest.raises(RegistryError, match="known from 1984") as error:
        florida_population(range(1980, 1990))
    assert error.value.code == "usage" and error.value.hint


@pytest.mark.shared
def test_every_cell_equals_the_source(reference):
    source = pd.read_csv(reference / "geo/data/fcds_seer_pop_fl.csv.gz", dtype=str)
    source = source[(source.year == "2004") & (source.age_group != "Unknown")]
    source["population"] = source.population.astype(int)
    source["age_group"] = source.age_group.str.extract(r"^(\d+)")[0].astype(int) // 5
    source["sex"] = source.sex.map({"Male": 1, "Female": 2})
    source["county"] = "12" + source.county_fips
    wanted = source.groupby(["county", "sex", "age_group"]).population.sum()
    found = florida_population(range(2004, 2005)).set_index(["county", "sex", "age_group"]).population
    assert found.sort_index().equals(wanted.astype(float).reindex(found.index, fill_value=0.0).sort_index())
