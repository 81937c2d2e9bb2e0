"""Populations: the SEER file layout, checks of codes and completeness, years between, Florida."""

from __future__ import annotations

import gzip

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import GeoError
from geo.populations import (
    check_population,
    florida_population,
    interpolate_years,
    read_population,
    read_seer_population,
)


def record(year=2014, state="FL", county="12001", race=1, origin=0, sex=1, age=5, people=123) -> str:
    """One line as the data dictionary lays it out (made up here)."""
    return f"{year}{state}{county}99{race}{origin}{sex}{age:02d}{people:08d}"


def frame(counties, years=(2020,), ages=("0-4", "5+")) -> pd.DataFrame:
    rows = [(c, y, s, a, 100.0) for c in counties for y in years for s in (1, 2) for a in ages]
    return pd.DataFrame(rows, columns=["county", "year", "sex", "age", "population"])


@pytest.mark.parametrize("ending", ["\r\n", "\n"])
def test_layout_of_the_population_file(tmp_path, ending):
    lines = [record(people=100), record(race=2, people=20), record(sex=2, age=18, people=7), record(age=0, people=3)]
    path = tmp_path / "fl.txt"
    path.write_bytes((ending.join(lines) + ending).encode())
    found = read_seer_population(path)
    assert found[["county", "year", "sex"]].drop_duplicates().to_numpy().tolist() == [
        ["12001", 2014, 1],
        ["12001", 2014, 2],
    ]
    assert dict(zip(zip(found["sex"], found["age"]), found["population"])) == {
        (1, "0"): 3,
        (1, "20-24"): 120,
        (2, "85+"): 7,
    }
    apart = read_seer_population(path, keep=["race"])
    assert apart["population"].tolist() == [3, 100, 20, 7]


def test_decimal_figures_gzip_and_years(tmp_path):
    path = tmp_path / "fl.txt.gz"
    lines = [record(people=100) + ".5", record(year=2015, people=200) + ".0"]
    with gzip.open(path, "wb") as file:
        file.write("\r\n".join(lines).encode())
    assert read_population(path)["population"].tolist() == [100.5, 200]
    assert read_population(path, years=[2015])["year"].tolist() == [2015]


def test_single_ages(tmp_path):
    path = tmp_path / "single.txt"
    path.write_text("\n".join([record(age=84), record(age=85)]) + "\n")
    assert read_seer_population(path, ages="single")["age"].tolist() == ["84", "85+"]
    with pytest.raises(GeoError, match=r"age over 85\+") as error:
        read_seer_population(path)
    assert "single ages" in error.value.hint


def test_large_files_are_read_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("geo.populations._CHUNK", 1000)
    path = tmp_path / "many.txt"
    path.write_text("".join(record(age=i % 19, people=i) + "\n" for i in range(500)))
    assert read_seer_population(path)["population"].sum() == sum(range(500))


@pytest.mark.parametrize(
    "content,says",
    [
        (record() + "\n" + record()[:20] + "\n", "line 2 has 20 bytes"),
        (record() + "\n" + record(people=0)[:-8] + "12x45678\n", "line 2: '12x45678'"),
        ("county,year\n" * 3, "line 1 has 11 bytes"),
        (record(sex=3) + "\n", "sex other than"),
        ("", "no record"),
        ("x" * 20_000, "line 1 has no end|line 1 has"),
    ],
)
def test_faults_of_the_layout_name_their_lines(tmp_path, content, says):
    path = tmp_path / "bad.txt"
    path.write_text(content)
    with pytest.raises(GeoError, match=says):
        read_seer_population(path)


def test_truncated_gzip(tmp_path):
    path = tmp_path / "cut.txt.gz"
    path.write_bytes(gzip.compress((record() + "\n").encode() * 5000)[:-40])
    with pytest.raises(GeoError) as error:
        read_seer_population(path)
    assert error.value.code == "input-file"


@given(st.lists(st.tuples(st.integers(0, 18), st.sampled_from([1, 2]), st.integers(0, 10**7)), min_size=1, max_size=50))
@settings(max_examples=30, deadline=None)
def test_nothing_is_lost_in_reading(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("seer") / "p.txt"
    path.write_text("".join(record(age=a, sex=s, people=n) + "\r\n" for a, s, n in rows), newline="")
    assert read_seer_population(path)["population"].sum() == sum(n for *_, n in rows)


def test_csv_and_parquet_with_other_names(tmp_path):
    table = frame(["1001"]).rename(columns={"population": "pop"}).replace({"sex": {1: "Male", 2: "F"}})
    table.to_csv(tmp_path / "p.csv", index=False)
    table.to_parquet(tmp_path / "p.parquet")
    for name in ("p.csv", "p.parquet"):
        found = read_population(tmp_path / name, columns={"pop": "population"})
        assert found["county"].unique().tolist() == ["01001"]
        assert sorted(found["sex"].unique()) == [1, 2]
    with pytest.raises(GeoError) as error:
        read_population(tmp_path / "p.csv")
    assert error.value.code == "input-columns"
    with pytest.raises(GeoError) as error:
        read_population(tmp_path / "none.csv")
    assert error.value.code == "input-file"


@pytest.mark.parametrize(
    "counties,edition",
    [(["12001", "12086"], "2023"), (["09001", "09003"], "2017"), (["09110", "02063"], "2023"), (["02261"], "2017")],
)
def test_the_edition_follows_the_codes(counties, edition):
    assert check_population(frame(counties)) == edition


@pytest.mark.parametrize(
    "counties,says",
    [
        (["09001", "09110"], "Connecticut's counties and planning regions"),
        (["02261", "02063"], "Alaska's 02261"),
        (["09001", "02063"], "09001.*02063"),
        (["46113"], "retired codes 46113"),
        (["51515", "12025"], "retired codes 12025, 51515"),
        (["99999", "12001"], "unknown codes 99999"),
    ],
)
def test_mixed_and_retired_codes_are_refused(counties, says):
    with pytest.raises(GeoError, match=says) as error:
        check_population(frame(counties))
    assert error.value.code == "population-codes"


def test_the_successor_is_named():
    with pytest.raises(GeoError) as error:
        check_population(frame(["46113", "02270"]))
    assert "46113 was succeeded by 46102" in error.value.hint
    assert "02270 was succeeded by 02158" in error.value.hint


def test_missing_county_years_are_named():
    table = frame(["12001", "12003"], years=(2019, 2020))
    gone = table[~((table["county"] == "12003") & (table["year"] == 2020))]
    with pytest.raises(GeoError, match="12003 2020"):
        check_population(gone)
    with pytest.raises(GeoError, match=r"12003 2020 \(1 of 4 strata\)"):
        check_population(table.iloc[:-1])
    with pytest.raises(GeoError, match="12001 2021"):
        check_population(table, years=[2021])


def test_years_between_are_linear_and_labelled():
    table = pd.concat([frame(["12001"], (2000,)), frame(["12001"], (2010,)).assign(population=200.0)])
    found = interpolate_years(table, [1995, 2000, 2003, 2010, 2020])
    first = found.drop_duplicates("year").set_index("year")
    assert first["population"].tolist() == [100, 100, 130, 200, 200]
    assert first["basis"].tolist() == ["carried", "given", "interpolated", "given", "carried"]


def test_florida_ships_with_the_project():
    found = florida_population([2014, 2012, 2025])
    totals = found.groupby("year")["population"].sum()
    # SEER's state total for 2014; 2012 lies three fifths of the way from 2009 (18,652,644)
    assert totals[2014] == 19_897_747
    assert totals[2012] == pytest.approx(18_652_644 + 0.6 * (19_897_747 - 18_652_644))
    assert totals[2025] == totals[2014]
    assert set(found.loc[found["year"] == 2025, "basis"]) == {"carried"}
    assert found["county"].nunique() == 67
    assert check_population(found) == "2023"


@pytest.mark.shared
def test_florida_equals_its_source(reference):
    source = pd.read_csv(reference / "geo/data/fcds_seer_pop_fl.csv.gz", dtype={"county_fips": str})
    want = source[source["year"] == 1999].groupby("county_fips")["population"].sum()
    found = florida_population(1999).groupby("county")["population"].sum()
    assert found.to_dict() == {f"12{code}": people for code, people in want.items()}
