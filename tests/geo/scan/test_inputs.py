"""Bad input: every fault of all tables in one error, with file, row and remedy; nothing is dropped silently."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from geo.errors import CODES, GeoError
from geo.scan import scan

GEO = "id,x,y\n01,0,0\n02,1,0\n03,5,5\n04,9,9\n"
POP = "id,pop\n01,100\n02,100\n03,100\n04,100\n"
CAS = "id,cases\n01,5\n02,4\n03,1\n04,1\n"

CASES = [
    # what is wrong             | file | text                                   | code, words
    ("unknown id", "cas", CAS + "99,1\n", "scan-unknown-id", "cas.csv row 6: id '99' has no coordinates"),
    ("unknown id of population", "pop", POP + "1,1\n", "scan-unknown-id", "pop.csv row 6: id '1' has no coordinates"),
    ("negative population", "pop", POP.replace("03,100", "03,-7"), "input-values", "pop.csv row 4: pop -7 is negative"),
    (
        "text for a number",
        "cas",
        CAS.replace("02,4", "02,four"),
        "input-values",
        "cas.csv row 3: cases 'four' is no number",
    ),
    ("half a case", "cas", CAS.replace("02,4", "02,4.5"), "input-values", "row 3: cases 4.5 is no whole number"),
    ("no case", "cas", "id,cases\n01,0\n", "scan-no-cases", "holds no case"),
    (
        "cases where nobody lives",
        "pop",
        POP.replace("03,100", "03,0"),
        "scan-no-population",
        "location 03: has 1 cases",
    ),
    ("no coordinate", "geo", GEO.replace("03,5,5", "03,,5"), "input-values", "geo.csv row 4: x '' is no number"),
    ("twice the same id", "geo", GEO + "02,3,3\n", "scan-duplicate", "geo.csv row 6: id '02' has coordinates already"),
    ("no id", "geo", GEO + ",3,3\n", "input-values", "geo.csv row 6: the id is empty"),
    ("no such column", "cas", "id,number\n01,5\n", "input-columns", "has no column 'cases'; it has id, number"),
    ("not a place", "geo", "id,lat,lon\n01,91,0\n02,1,200\n03,1,1\n04,2,2\n", "input-values", "is no latitude"),
    ("empty file", "pop", "", "input-file", "cannot be read"),
    ("not a date", "cas", "id,cases,year\n01,5,19x\n02,4,1990\n", "scan-date", "row 2: year '19x' is no date"),
    ("infinite", "pop", POP.replace("03,100", "03,inf"), "input-values", "pop 'inf' is no number"),
]


def write(folder: Path, **texts: str) -> dict[str, Path]:
    files = {}
    for name, text in ({"cas": CAS, "pop": POP, "geo": GEO} | texts).items():
        files[name] = folder / f"{name}.csv"
        files[name].write_text(text)
    return files


@pytest.mark.parametrize(("_what", "file", "text", "code", "words"), CASES, ids=[case[0] for case in CASES])
def test_faults(tmp_path: Path, _what: str, file: str, text: str, code: str, words: str) -> None:
    files = write(tmp_path, **{file: text})
    with pytest.raises(GeoError) as error:
        scan(files["cas"], files["pop"], files["geo"], replicates=9)
    assert error.value.code == code and code in CODES
    assert words in error.value.message
    assert error.value.exit_code == 3


def test_all_faults_at_once_and_capped(tmp_path: Path) -> None:
    files = write(tmp_path, cas=CAS + "77,x\n", pop=POP + "".join(f"8{i},1\n" for i in range(30)))
    with pytest.raises(GeoError) as error:
        scan(files["cas"], files["pop"], files["geo"])
    message = error.value.message
    assert "cas.csv row 6: cases 'x' is no number" in message and "id '77'" in message and "pop.csv row 6" in message
    assert message.endswith("and 12 more")


@pytest.mark.parametrize(
    "raw",
    [
        b"id,cases\n01,5\n\xff\xfe,1\n",
        b"\x00\x01\x02" * 50,
        b'id,cases\n"01,5\n',
        b"id,cases\n01,5,9\n",
        b"id,cases\n01,5\n02,4,9\n",
    ],
)
def test_hostile_bytes_give_an_error_of_input(tmp_path: Path, raw: bytes) -> None:
    files = write(tmp_path)
    files["cas"].write_bytes(raw)
    with pytest.raises(GeoError) as error:
        scan(files["cas"], files["pop"], files["geo"], replicates=9)
    assert error.value.exit_code == 3


def test_missing_file_and_byte_order_mark(tmp_path: Path) -> None:
    files = write(tmp_path)
    with pytest.raises(GeoError, match="there is no file"):
        scan(tmp_path / "none.csv", files["pop"], files["geo"])
    files["cas"].write_bytes(b"\xef\xbb\xbf" + CAS.encode())
    assert scan(files["cas"], files["pop"], files["geo"], replicates=9).total_cases == 11


def test_ids_are_text(tmp_path: Path) -> None:
    files = write(tmp_path)
    result = scan(files["cas"], files["pop"], files["geo"], replicates=9)
    assert {one.id for one in result.locations} == {"01", "02", "03", "04"}


def test_frames_with_numbers_for_ids_and_parquet(tmp_path: Path) -> None:
    cases = pd.DataFrame({"id": [1, 2], "cases": [5, 1]})
    population = pd.DataFrame({"id": [1.0, 2.0, 3.0], "pop": [10, 20, 30.5]})
    points = pd.DataFrame({"id": [1, 2, 3], "x": [0, 1, 2], "y": [0, 0, 0]})
    points.to_parquet(tmp_path / "points.parquet")
    result = scan(cases, population, tmp_path / "points.parquet", replicates=9)
    assert [one.id for one in result.locations] == ["1", "2", "3"]
    assert sum(one.expected for one in result.locations) == pytest.approx(6)


def test_ids_at_one_point_are_one_location_and_it_is_said(tmp_path: Path) -> None:
    files = write(tmp_path, geo=GEO.replace("02,1,0", "02,0,0"))
    result = scan(files["cas"], files["pop"], files["geo"], replicates=9)
    assert result.clusters[0].members == ("01", "02")
    assert any("01, 02" in warning for warning in result.warnings)


def test_rows_outside_the_study_period_are_counted_and_said(tmp_path: Path) -> None:
    files = write(tmp_path, cas="id,cases,year\n01,5,1990\n02,4,1991\n03,2,1999\n")
    result = scan(files["cas"], files["pop"], files["geo"], end="1995", replicates=9)
    assert result.total_cases == 9
    assert any("2 cases lie outside" in warning for warning in result.warnings)


def test_covariates_default_to_the_columns_of_both_tables(tmp_path: Path) -> None:
    cas = "id,cases,sex,note\n01,5,1,a\n02,4,2,b\n03,1,1,c\n"
    pop = "id,pop,sex\n" + "".join(f"0{i},{90 + i * s},{s}\n" for i in range(1, 5) for s in (1, 2))
    files = write(tmp_path, cas=cas, pop=pop)
    result = scan(files["cas"], files["pop"], files["geo"], replicates=9)
    assert result.parameters["covariates"] == ["sex"]
    assert any("note" in warning for warning in result.warnings)
    expected = {one.id: one.expected for one in result.locations}
    # by hand: men 91+92+93+94 with 6 cases, women 92+94+96+98 with 4
    assert expected["02"] == pytest.approx(92 * 6 / 370 + 94 * 4 / 380)
    assert scan(files["cas"], files["pop"], files["geo"], covariates=[], replicates=9).parameters["covariates"] == []
    with pytest.raises(GeoError, match="has no column 'race'"):
        scan(files["cas"], files["pop"], files["geo"], covariates=["race"])


def test_names_of_places_and_times_are_no_covariates(tmp_path: Path) -> None:
    cas = CAS.replace("cases", "cases,county").replace(",5", ",5,a").replace(",4", ",4,b")
    cas = cas.replace(",1\n", ",1,c\n")
    files = write(tmp_path, cas=cas, pop=POP.replace("pop", "pop,county").replace(",100", ",100,a"))
    assert scan(files["cas"], files["pop"], files["geo"], replicates=9).parameters["covariates"] == []


def test_a_stratum_without_people_is_named(tmp_path: Path) -> None:
    files = write(tmp_path, cas="id,cases,sex\n01,5,9\n", pop="id,pop,sex\n01,5,1\n")
    with pytest.raises(GeoError, match="stratum 9: has cases but no row of population"):
        scan(files["cas"], files["pop"], files["geo"])


def test_dates_too_coarse_for_the_unit(tmp_path: Path) -> None:
    files = write(tmp_path, cas="id,cases,date\n01,5,1990\n02,4,1991-05\n")
    with pytest.raises(GeoError, match="known to the year only has no month") as error:
        scan(files["cas"], files["pop"], files["geo"], analysis="space-time", time_unit="month")
    assert error.value.code == "scan-date" and "--time-unit" in error.value.hint


USAGE = [
    {"model": "stp"}, {"model": "bernoulli"}, {"rates": "up"}, {"max_share": 0}, {"max_share": 1.1}, {"replicates": -1},
    {"overlap": "some"}, {"time_unit": "week"}, {"max_radius": -2}, {"penalty": "hard"}, {"shape": "square"},
    {"max_time": 0}, {"analysis": "daily"}, {"min_cases": 0}, {"start": "soon"}, {"start": "2001", "end": "2000"},
]  # fmt: skip


@pytest.mark.parametrize("options", USAGE, ids=str)
def test_settings_that_do_not_fit_are_wrong_usage(tmp_path: Path, options: dict) -> None:
    files = write(tmp_path)
    with pytest.raises(GeoError) as error:
        scan(files["cas"], files["pop"], files["geo"], **options)
    assert error.value.code == "usage" and error.value.exit_code == 2


def test_ellipses_need_plane_coordinates(tmp_path: Path) -> None:
    files = write(tmp_path, geo=GEO.replace("x,y", "lat,lon"))
    with pytest.raises(GeoError, match="plane coordinates"):
        scan(files["cas"], files["pop"], files["geo"], shape="elliptic")


def test_every_location_too_large_is_said(tmp_path: Path) -> None:
    files = write(tmp_path)
    with pytest.raises(GeoError) as error:
        scan(files["cas"], files["pop"], files["geo"], max_share=0.1)
    assert error.value.code == "scan-window"
