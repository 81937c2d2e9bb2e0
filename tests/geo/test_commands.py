"""The commands `geo rates`, `smooth`, `trend` and `map` as a user calls them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from geo.ages import GROUPINGS
from geo.commands import COMMANDS, geo
from geo.errors import CODES, GeoError

AGES = [group.label for group in GROUPINGS[19]]
CASES = [0, 1, 0, 0, 1, 1, 2, 3, 4, 7, 12, 18, 25, 31, 36, 38, 34, 25, 21]
PEOPLE = [1210, 4980, 6300, 6450, 6600, 5900, 6100, 6400, 6700, 7000, 7200, 7100, 6500, 5600, 4700, 3800, 2900, 1900,
          1500]  # fmt: skip


def run(*args: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(geo, [str(a) for a in args], input=stdin, catch_exceptions=True)


def document(*args: object, stdin: str | None = None) -> dict:
    result = run(*args, "--json", stdin=stdin)
    assert result.exception is None, result.exception
    # strict JSON: no NaN, no Infinity
    return json.loads(result.stdout, parse_constant=lambda name: pytest.fail(name))


def fault(*args: object) -> GeoError:
    result = run(*args)
    assert isinstance(result.exception, GeoError), (result.exception, result.output)
    return result.exception


@pytest.fixture
def strata(tmp_path) -> Path:
    """The example of the rates tests for area a, a fiftieth of its cases for b."""
    rows = [("a", *row) for row in zip(AGES, CASES, PEOPLE)] + [
        ("b", g, c // 10, p) for g, c, p in zip(AGES, CASES, PEOPLE)
    ]
    path = tmp_path / "strata.csv"
    pd.DataFrame(rows, columns=["area", "age", "cases", "pop"]).to_csv(path, index=False)
    return path


def test_rates_of_the_example(strata):
    # epitools ageadjust.direct: 224.673670, 197.838601 to 254.498209; Tiwari upper 254.267658
    found = document("rates", strata, "--by", "area")
    row = found["rows"][0]
    assert row["rate"] == pytest.approx(224.673670178669, rel=1e-9)
    assert [row["fay_feuer_lower"], row["fay_feuer_upper"]] == pytest.approx([197.838601095172, 254.498208541572])
    assert [row["lower"], row["upper"]] == pytest.approx([197.838601095172, 254.267657525753])
    assert found["interval"] == "tiwari"
    assert (row["area"], row["cases"], row["suppressed"]) == ("a", 259, False)


def test_small_counts_are_marked_and_with_hide_gone(strata):
    # b has 20 cases: over the threshold of 16, under one of 21
    marked = document("rates", strata, "--by", "area", "--suppress", "21")["rows"][1]
    assert marked["suppressed"]
    assert marked["cases"] == sum(c // 10 for c in CASES)
    hidden = document("rates", strata, "--by", "area", "--suppress", "21", "--hide", "--sir", "--cumulative", "74")[
        "rows"
    ][1]
    figures = {k: v for k, v in hidden.items() if k not in ("area", "population", "suppressed")}
    assert set(figures.values()) == {None}


def test_ages_of_a_hidden_group_are_hidden_too(strata):
    found = document("rates", strata, "--by", "area", "--hide", "--age-specific")
    # every area has an age under 16, and its adjusted rate would tell that age
    assert all(row["cases"] is None for row in found["age_specific"])
    shown = document("rates", strata, "--by", "area", "--age-specific")["age_specific"]
    assert [row["cases"] for row in shown[:19]] == CASES


def test_cases_and_population_apart(tmp_path, strata):
    table = pd.read_csv(strata, dtype=str)
    table[table["cases"] != "0"][["area", "age", "cases"]].to_csv(tmp_path / "c.csv", index=False)
    table[["area", "age", "pop"]].to_parquet(tmp_path / "p.parquet")
    found = document("rates", "--cases", tmp_path / "c.csv", "--population", tmp_path / "p.parquet", "--by", "area")
    assert found["rows"] == document("rates", strata, "--by", "area")["rows"]
    table.assign(age="99").to_csv(tmp_path / "u.csv", index=False)
    error = fault("rates", "--cases", tmp_path / "u.csv", "--population", tmp_path / "p.parquet", "--by", "area")
    assert error.code == "population-missing"
    assert "a 99" in error.message


def test_rates_from_standard_input_and_sir_of_a_reference(strata):
    text = strata.read_text()
    found = document("rates", "-", "--by", "area", "--sir", stdin=text)
    assert sum(r["expected"] for r in found["rows"]) == pytest.approx(sum(r["cases"] for r in found["rows"]))
    against = document("rates", strata, "--by", "area", "--reference", strata)
    assert against["rows"][0]["sir"] == pytest.approx(found["rows"][0]["sir"])
    ages = document("rates", strata, "--by", "area", "--ages", "35-64", "--standard", "segi", "--reference", strata)
    assert ages["age_groups"][0] == "35-39"


def test_reproduce_names_the_weights_used(strata):
    text = run("rates", strata, "--by", "area", "--reproduce").stdout
    assert "0.01381804856" in text
    assert "2000 US Std Population (19 age groups - Census P25-1130)" in text


@pytest.mark.shared
def test_trend_of_the_published_sample(reference):
    want = json.loads((reference / "geo/rates/joinpoint_nih_sample.json").read_text())["expected"]
    found = document("trend", reference / "geo/data/nih_joinpoint_sample.csv", "--by", "sex")
    for row in found["rows"]:
        expected = want[row["stratum"]["sex"]]
        assert row["joinpoints"] == expected["joinpoints"]
        assert [round(s["apc"], 2) for s in row["segments"]] == expected["apc"]
        assert [s["significant"] for s in row["segments"]] == expected["significant"]
        assert row["aapc"][0]["lower"] < row["aapc"][0]["aapc"] < row["aapc"][0]["upper"]


def test_trend_of_counts_by_year(tmp_path, strata):
    one = pd.read_csv(strata).query("area == 'a'").drop(columns="area")
    years = pd.concat([one.assign(year=2000 + y, cases=(one["cases"] * 1.03**y * 20).round()) for y in range(12)])
    path = tmp_path / "years.csv"
    years.to_csv(path, index=False)
    found = document("trend", path, "--permutations", "199", "--span", "2007,2011")
    (segment,) = found["rows"][0]["segments"]
    assert segment["apc"] == pytest.approx(3, abs=0.1)
    assert found["rows"][0]["aapc"][0]["start"] == 2007
    assert "Permutation test" in run("trend", path, "--reproduce", "--permutations", "199").stdout
    assert "average annual percent change" in run("trend", path, "--method", "bic").stdout


def test_smoothing_of_a_chessboard(tmp_path, grid_adjacency):
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"id": [f"z{i}" for i in range(64)], "cases": rng.poisson(20, 64), "pop": 1000})
    table.to_csv(tmp_path / "z.csv", index=False)
    near = grid_adjacency.tocoo()
    pairs = pd.DataFrame({"a": [f"z{i}" for i in near.row], "b": [f"z{i}" for i in near.col]})
    pairs.to_csv(tmp_path / "pairs.csv", index=False)
    for method in ("global", "local", "bym2"):
        found = document("smooth", tmp_path / "z.csv", "--method", method, "--pairs", tmp_path / "pairs.csv")
        smoothed = np.array([row["smoothed"] for row in found["rows"]])
        raw = np.array([row["rate"] for row in found["rows"]])
        assert smoothed.std() < raw.std()
        assert smoothed.mean() == pytest.approx(raw.mean(), rel=0.02)
    assert fault("smooth", tmp_path / "z.csv", "--method", "local").code == "unmatched-areas"


@pytest.mark.shared
def test_smoothing_against_spdep(reference, sids):
    path = reference / "geo/rates/spdep_nc_sids74.csv"
    found = document("smooth", path, "--id", "id", "--count", "sid", "--pop", "bir", "--per", "1")
    assert [row["smoothed"] for row in found["rows"]] == pytest.approx(sids["eb_global"].tolist(), rel=1e-10)


@pytest.fixture
def florida(tmp_path) -> Path:
    from geo.editions import edition_codes

    codes = sorted(code for code in edition_codes("2023") if code.startswith("12"))
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"fips": codes, "rate": rng.uniform(20, 80, 67), "cases": np.arange(67)})
    path = tmp_path / "fl.csv"
    table.to_csv(path, index=False)
    return path


def test_map_in_every_format(tmp_path, florida):
    names = [tmp_path / f"m.{kind}" for kind in ("html", "svg", "png", "pdf", "geojson", "csv")]
    found = document("map", florida, *[part for name in names for part in ("--out", name)], "--title", "T")
    assert found["edition"] == "2023"
    assert found["frames"][0]["suppressed"] == 16
    assert sum(found["frames"][0]["class_counts"]) == 51
    assert found["files"] == {str(name): name.stat().st_size for name in names}
    page = names[0].read_text()
    assert not re.search(r"(src|href)=", page.split("<script>")[0])
    assert "U.S. Census Bureau" in page
    assert len(json.loads(names[4].read_text())["features"]) == 67
    table = pd.read_csv(names[5])
    assert table.loc[table["status"] == "suppressed", "cases"].isna().all()


def test_map_of_own_areas_with_clusters(tmp_path):
    import geopandas
    from shapely.geometry import box

    squares = geopandas.GeoDataFrame({"nr": [1, 2, 3]}, geometry=[box(x, 60, x + 1, 61) for x in range(3)], crs=4326)
    squares.to_file(tmp_path / "squares.gpkg")
    pd.DataFrame({"code": ["1", "2"], "rate": [1.0, 2.0]}).to_csv(tmp_path / "v.csv", index=False)
    clusters = {"clusters": [{"rank": 1, "members": ["1", "2"], "relative_risk": 2.0, "p_value": 0.01},
                             {"rank": 2, "members": ["3"], "relative_risk": 1.1, "p_value": 0.9}]}  # fmt: skip
    (tmp_path / "scan.json").write_text(json.dumps(clusters))
    out = tmp_path / "m.svg"
    found = document(
        "map", tmp_path / "v.csv", "--areas", tmp_path / "squares.gpkg", "--area-code", "nr", "--out", out,
        "--clusters", tmp_path / "scan.json", "--bounds", "0,1.5,3",
    )  # fmt: skip
    assert (found["edition"], found["areas"], found["clusters"]) == (None, 3, 1)
    assert found["frames"][0]["class_counts"] == [1, 1]
    assert "not evidence of a cause" in out.read_text()


@pytest.mark.parametrize(
    "args,code",
    [
        (["rates"], "usage"),
        (["rates", "none.csv"], "input-file"),
        (["rates", "STRATA", "--by", "county"], "input-columns"),
        (["rates", "STRATA"], None),
        (["rates", "STRATA", "--standard", "mars"], "usage"),
        (["rates", "STRATA", "--ages", "36-64"], "age-gap"),
        (["rates", "STRATA", "--cases", "x.csv"], "usage"),
        (["trend"], "usage"),
        (["trend", "STRATA"], "input-columns"),
        (["smooth"], "usage"),
        (["smooth", "STRATA", "--id", "age"], "input-values"),
        (["map", "STRATA", "--out", "m.gif"], "map-export"),
        (["map", "--out", "m.svg"], "usage"),
        (["map", "STRATA", "--out", "m.svg"], "input-columns"),
    ],
)
def test_faults_are_explained(strata, args, code):
    result = run(*[strata if a == "STRATA" else a for a in args])
    if code is None:
        assert result.exception is None
    else:
        assert isinstance(result.exception, GeoError), result.exception
        assert result.exception.code == code


@pytest.mark.parametrize("content", [b"", b"\x00\x01", b"\xff\xfe\x00age", b"age,cases,population\n", b'a,"b\n1,2\n'])
def test_hostile_files_are_refused_in_words(tmp_path, content):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    for command in (["rates"], ["trend"], ["smooth"], ["map", "--out", tmp_path / "m.svg"]):
        assert fault(*command, path).code in ("input-file", "input-columns")


def test_comments_stand_only_at_the_head(tmp_path):
    rows = "".join(f"Ward #{n},{age},{c},{p}\n" for n in (1, 2) for age, c, p in zip(AGES, CASES, PEOPLE))
    (tmp_path / "w.csv").write_text(f"# made up\narea,age,cases,population\n{rows}")
    found = document("rates", tmp_path / "w.csv", "--by", "area")
    assert [row["area"] for row in found["rows"]] == ["Ward #1", "Ward #2"]


def test_every_command_and_option_is_explained():
    for name in COMMANDS:
        command = geo.get_command(None, name)
        assert command.name == name
        assert command.help
        result = run(name, "--help")
        assert result.exit_code == 0


def test_reproduce_words():
    from geo.reproduce import REFERENCES, joinpoint_settings, method_words

    assert "Segi 1960" in method_words(standard="segi", interval="fay-feuer", threshold=16, age_groups=18)
    base = {"alpha": 0.05, "permutations": 4499, "seed": 1, "max_joinpoints": 3, "ends": 2, "between": 2, "grid": 0}
    for method in ("permutation", "bic", "bic3", "wbic"):
        assert REFERENCES["joinpoint"] in joinpoint_settings({**base, "method": method})


def test_every_error_code_is_used_and_explained():
    # a code that no module raises is dead; a code that is raised and not listed is a fault of ours
    source = "\n".join(p.read_text() for p in Path(geo.callback.__code__.co_filename).parents[1].rglob("*.py"))
    for code, words in CODES.items():
        assert words
        assert source.count(f'"{code}"') >= 2, code
