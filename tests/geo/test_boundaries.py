"""The shipped editions of boundaries, the rule that chooses one, and areas from any file."""

from __future__ import annotations

import geopandas
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString, Point, Polygon, box

from geo.adjacency import adjacency_of_pairs, neighbours, queen_adjacency
from geo.boundaries import check_areas, load_areas, load_counties, load_edition, require_match
from geo.counties import centroids, county_names, county_neighbours, population_centres, read_population_centres
from geo.editions import EDITIONS, county_changes, edition_codes, edition_of, recode_retired
from geo.errors import GeoError

CONNECTICUT_2017 = {f"090{n:02d}" for n in range(1, 16, 2)}
CONNECTICUT_2023 = {f"091{n}0" for n in range(1, 10)}


@pytest.mark.parametrize("edition,counties", [("2017", 3231), ("2023", 3233)])
def test_shipped_editions_are_whole_and_valid(edition, counties):
    areas = load_edition(edition)
    assert len(areas) == counties
    assert areas.crs.to_epsg() == 4269
    assert areas.geometry.is_valid.all()
    assert not areas.geometry.is_empty.any()
    assert areas.geom_type.isin(["Polygon", "MultiPolygon"]).all()
    assert areas["code"].is_unique
    states = load_edition(edition, level="states")
    assert set(areas["code"].str[:2]) == set(states["code"])
    assert len(states) == 56
    # 48 states and the District: 3,108 counties in 2017; Connecticut gained one in 2023
    contiguous = areas[~areas["code"].str[:2].isin(["02", "15", "60", "66", "69", "72", "78"])]
    assert len(contiguous) == {"2017": 3108, "2023": 3109}[edition]


def test_falls_church_is_present_and_takes_its_ground_from_its_neighbours():
    for edition in EDITIONS:
        areas = load_edition(edition, states=["51"]).set_index("code")
        city = areas.loc["51610", "geometry"]
        assert city.area > 0
        assert areas.loc["51059", "geometry"].intersection(city).area == pytest.approx(0, abs=1e-12)
        assert set(county_neighbours(edition)["51610"]) == {"51013", "51059"}


def test_states_of_an_edition_cover_their_counties():
    counties, states = (load_edition("2023", level=level).to_crs("EPSG:6933") for level in ("counties", "states"))
    by_state = counties.assign(area=counties.area).groupby(counties["code"].str[:2])["area"].sum()
    whole = states.set_index("code").area
    assert (by_state / whole).to_numpy() == pytest.approx(np.ones(56), abs=2e-3)


def test_differences_of_the_editions():
    old, new = edition_codes("2017"), edition_codes("2023")
    assert old - new == CONNECTICUT_2017 | {"02261"}
    assert new - old == CONNECTICUT_2023 | {"02063", "02066"}
    assert not set(county_changes()) & new


@pytest.mark.parametrize(
    "codes,edition",
    [
        (CONNECTICUT_2017, "2017"),
        (CONNECTICUT_2023, "2023"),
        ({"02261", "01001"}, "2017"),
        ({"12001", "12003"}, "2023"),
        (set(), "2023"),
    ],
)
def test_edition_by_coding(codes, edition):
    assert edition_of(codes) == edition


def test_a_mixture_is_refused_although_most_of_it_would_match():
    with pytest.raises(GeoError) as error:
        edition_of({"09001", *CONNECTICUT_2023})
    assert error.value.code == "edition"
    assert "09001" in error.value.message


@pytest.mark.parametrize(
    "code,hint",
    [
        ("46113", "46102"),
        ("51515", "51019"),
        ("12025", "12086"),
        ("1001", "five digits"),
        ("12999", "no single county"),
        ("02201", "divided among"),
    ],
)
def test_unmatched_codes_are_named_with_a_remedy(code, hint):
    with pytest.raises(GeoError, match=code) as error:
        load_counties({"12001", code})
    assert error.value.code == "unmatched-areas"
    assert hint in error.value.hint


def test_recoding_touches_only_whole_successions():
    assert recode_retired(["46113", "02261", "12001"]) == ["46102", "02261", "12001"]


def test_counties_of_a_table():
    areas, edition = load_counties({"12001", "12086"})
    assert (len(areas), edition) == (67, "2023")
    assert len(load_counties({"12001", "12086"}, whole_states=False)[0]) == 2


def test_names_and_neighbours():
    assert county_names()["12086"] == "Miami-Dade, Florida"
    assert set(county_neighbours()["12087"]) >= {"12086", "12021"}
    near = county_neighbours("2017")
    assert all(code in near[other] for code in near for other in near[code])
    assert near["15003"] == ()


def test_queen_contiguity_counts_corners():
    squares = geopandas.GeoDataFrame(geometry=[box(x, y, x + 1, y + 1) for x in range(3) for y in range(3)], crs=4326)
    near = neighbours(queen_adjacency(squares), list("abcdefghi"))
    assert near["e"] == list("abcdfghi")
    assert near["a"] == ["b", "d", "e"]
    apart = geopandas.GeoDataFrame(geometry=[box(0, 0, 1, 1), box(1.001, 0, 2, 1)], crs=4326)
    assert queen_adjacency(apart).nnz == 0
    assert queen_adjacency(apart, tolerance=0.01).nnz == 2


@pytest.mark.shared
def test_queen_contiguity_against_spdep(reference):
    # poly2nb(nc, queen = TRUE): 490 links
    listed = pd.read_csv(reference / "geo/rates/spdep_nc_queen_pairs.csv").to_numpy() - 1
    assert adjacency_of_pairs(map(tuple, listed), 100).nnz == 490


def test_centres_lie_in_their_counties_also_across_the_date_line():
    areas = load_edition("2023")
    centres = centroids(areas).set_index("code")
    points = geopandas.points_from_xy(centres["longitude"], centres["latitude"])
    near = areas.geometry.distance(geopandas.GeoSeries(points, crs=areas.crs))
    # a centre may fall beside a bent county, not far from it
    assert (near < 1.0).all()
    # Aleutians West reaches over 180 degrees; its centre lies among its islands
    assert -180 < centres.loc["02016", "longitude"] < -165
    # Alachua: 29.67 N, 82.36 W (Census gazetteer)
    assert centres.loc["12001", ["latitude", "longitude"]].tolist() == pytest.approx([29.67, -82.36], abs=0.02)


def test_centres_of_population(tmp_path):
    points = pd.DataFrame(
        {"code": ["1", "1", "2"], "latitude": [10, 20, 5], "longitude": [179, -179, 7], "population": [1, 1, 9]}
    )
    found = population_centres(points).set_index("code")
    assert abs(found.loc["1", "longitude"]) == pytest.approx(180, abs=0.1)
    assert found.loc["2"].tolist() == pytest.approx([5, 7])
    path = tmp_path / "centres.txt"
    path.write_text("STATEFP,COUNTYFP,POPULATION,LATITUDE,LONGITUDE\n1,1,5,+32.5,-086.5\n")
    assert read_population_centres(path).iloc[0].tolist() == ["01001", 32.5, -86.5]
    with pytest.raises(GeoError):
        population_centres(points.assign(population=0))


@pytest.fixture
def parishes() -> geopandas.GeoDataFrame:
    """Three invented parishes; the last a bow-tie, which is invalid."""
    shapes = [box(0, 0, 1, 1), box(1, 0, 2, 1), Polygon([(2, 0), (3, 1), (3, 0), (2, 1)])]
    return geopandas.GeoDataFrame({"id": [1, 2, 3], "label": ["a", "b", "c"]}, geometry=shapes, crs=3067)


@pytest.mark.parametrize("suffix", ["geojson", "gpkg", "shp", "parquet"])
def test_any_file_of_areas_loads(tmp_path, parishes, suffix):
    path = tmp_path / f"parishes.{suffix}"
    source = parishes.to_crs(4326) if suffix == "geojson" else parishes
    source.to_parquet(path) if suffix == "parquet" else source.to_file(path)
    areas = load_areas(path, code="id", name="label")
    assert areas["code"].tolist() == ["1", "2", "3"]
    assert areas["name"].tolist() == ["a", "b", "c"]
    assert areas.geometry.is_valid.all()
    require_match(areas, ["1", "3"])
    with pytest.raises(GeoError, match="4, 5"):
        require_match(areas, ["1", "4", "5"])


def test_faulty_area_files_are_refused(tmp_path, parishes):
    path = tmp_path / "p.gpkg"
    parishes.to_file(path)
    with pytest.raises(GeoError, match="no column 'fips'"):
        load_areas(path, code="fips")
    with pytest.raises(GeoError, match="no such file"):
        load_areas(tmp_path / "none.gpkg", code="id")
    bare = tmp_path / "bare.shp"
    parishes.set_crs(None, allow_override=True).to_file(bare)
    with pytest.raises(GeoError, match="no coordinate system"):
        load_areas(bare, code="id")
    for name, content in (("x.geojson", b"{"), ("y.gpkg", b"\x00" * 100), ("z.zip", b"PK"), ("t.parquet", b"PAR1")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(GeoError) as error:
            load_areas(tmp_path / name, code="id")
        assert error.value.code == "boundaries"
    with pytest.raises(GeoError, match=r"cannot read '\.exe'"):
        (tmp_path / "p.exe").write_bytes(b"")
        load_areas(tmp_path / "p.exe", code="id")


@pytest.mark.parametrize(
    "shapes,codes,says",
    [
        ([box(0, 0, 1, 1), Polygon()], ["a", "b"], "no shape for b"),
        ([box(0, 0, 1, 1), Point(0, 0)], ["a", "b"], "no polygons: b"),
        ([box(0, 0, 1, 1), LineString([(0, 0), (1, 1)])], ["a", "b"], "no polygons: b"),
        ([box(0, 0, 1, 1), box(1, 1, 2, 2)], ["a", "a"], "stand twice: a"),
    ],
)
def test_areas_that_are_none(shapes, codes, says):
    with pytest.raises(GeoError, match=says):
        check_areas(geopandas.GeoDataFrame({"code": codes}, geometry=shapes, crs=4326))
