"""The map in all its outputs: nothing of a suppressed area, no other host, no inline code, small files."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from lxml import etree, html

from geo.boundaries import load_counties, load_edition
from geo.errors import GeoError
from geo.exports import map_csv, map_geojson, map_table
from geo.layers import make_layer
from geo.maps import MapAssets, map_file, map_pages, map_script
from geo.svg import map_svg, project_areas, svg_to_file

ASSETS = MapAssets("/static/leaflet.js", "/static/leaflet.css", "/map/1.js", "/map/1.css")
# figures of the suppressed counties that must be found nowhere
SECRET_RATE, SECRET_COUNT = 77712.3, 987654


def invented(areas, frames=("",), seed: int = 1) -> pd.DataFrame:
    """Invented rates; every tenth area is suppressed and keeps its figures, which the layer must remove."""
    rng = np.random.default_rng(seed)
    parts = []
    for frame in frames:
        rate = rng.uniform(10, 90, len(areas)).round(2)
        table = pd.DataFrame({"code": areas["code"], "rate": rate, "lower": rate - 5, "upper": rate + 5})
        table["cases"], table["population"] = rng.integers(20, 900, len(areas)), 50_000
        table["unstable"] = rng.random(len(areas)) < 0.1
        table["trend"], table["apc"] = rng.choice(["rising", "falling", "stable"], len(areas)), 1.5
        table["suppressed"] = np.arange(len(areas)) % 10 == 3
        table.loc[table["suppressed"], ["rate", "lower", "upper", "cases"]] = [SECRET_RATE] * 3 + [SECRET_COUNT]
        parts.append(table.assign(frame=frame) if len(frames) > 1 else table)
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def florida():
    return load_counties(["12001"])[0]


CLUSTER = {
    "rank": 1, "members": ["12086", "12087"], "relative_risk": 1.31, "p_value": 0.001, "observed": 412,
    "expected": 315.2, "start": "2010", "end": "2014",
}  # fmt: skip


@pytest.fixture(scope="module")
def layer(florida):
    return make_layer(
        florida, invented(florida, ("2013", "2014")), title="Invented <b>rates</b> & more", measure="Rate per 100,000",
        clusters=[CLUSTER], notes=["Invented data."],
    )  # fmt: skip


@pytest.fixture(scope="module")
def single(florida):
    return make_layer(florida, invented(florida), title="One year", measure="Rate")


def outputs(layer) -> dict[str, str]:
    pages = map_pages(layer, ASSETS)
    return {
        "html": pages.html, "script": pages.script, "file": map_file(layer, leaflet_js="", leaflet_css=""),
        "svg": map_svg(layer), "geojson": map_geojson(layer), "csv": map_csv(layer),
    }  # fmt: skip


@pytest.mark.parametrize("which", ["layer", "single"])
def test_nothing_of_a_suppressed_area_is_in_any_output(which, request):
    for name, text in outputs(request.getfixturevalue(which)).items():
        assert not re.search(r"77,?712|987,?654", text), name
    table = map_table(request.getfixturevalue(which))
    hidden = table[table["status"] == "suppressed"]
    assert len(hidden)
    assert hidden[["rate", "lower", "upper", "cases", "trend", "apc", "class"]].isna().all(axis=None)


def test_geojson_of_a_suppressed_area_has_only_its_name(single):
    features = json.loads(map_geojson(single))["features"]
    hidden = [f for f in features if f["properties"]["status"] == "suppressed"]
    assert hidden
    assert all(set(f["properties"]) == {"code", "name", "status", "population"} for f in hidden)
    assert all(f["geometry"]["type"] in ("Polygon", "MultiPolygon") for f in features)


def test_pages_name_only_their_own_addresses(layer):
    pages = map_pages(layer, ASSETS)
    page = html.fromstring(pages.html)
    assert page.xpath("//script/@src") == [ASSETS.leaflet_js, ASSETS.script]
    assert page.xpath("//link/@href") == [ASSETS.leaflet_css, ASSETS.style]
    for text in (pages.html, pages.script, pages.style):
        assert not re.search(r"https?:|//[a-z]+\.", text.replace("// ", ""))
        assert "cdn" not in text.lower()


def test_pages_carry_no_inline_code(layer):
    page = html.fromstring(map_pages(layer, ASSETS).html)
    assert not [s for s in page.xpath("//script") if s.text]
    assert not page.xpath("//style")
    assert not page.xpath("//@style")
    assert not [name for name in page.xpath("//@*") if getattr(name, "attrname", "").startswith("on")]


def test_words_are_escaped_and_scripts_cannot_be_ended(florida):
    evil = florida.assign(name="</script><img src=x onerror=alert(1)>")
    layer = make_layer(evil, invented(evil), title="</title><script>alert(1)</script>", measure="<i>m</i>")
    pages = map_pages(layer, ASSETS)
    assert "<script>alert" not in pages.html
    assert "</script" not in pages.script
    assert "<img" not in map_svg(layer)
    etree.fromstring(map_svg(layer))


def test_legend_counts_every_area_once(single):
    frame = single.frames[0]
    assert sum(frame.class_counts(len(single.classes))) + frame.status_count("suppressed") == 67
    page = html.fromstring(map_pages(single, ASSETS).html)
    cells = {cell.get("data-class"): int(cell.text) for cell in page.xpath("//td[@data-class]")}
    assert cells == {
        **{str(k): n for k, n in enumerate(frame.class_counts(5))},
        "suppressed": frame.status_count("suppressed"),
        "unstable": frame.status_count("unstable"),
    }


def test_tooltips_say_rate_interval_count_and_trend(single):
    frame = single.frames[0]
    shown = frame.status.index("shown")
    terms = [term for term, _ in frame.lines[shown]]
    assert terms == ["Rate", "95% interval", "Cases", "Population", "Trend"]
    assert frame.lines[shown][-1][1][0] in "↑↓→"
    assert frame.lines[frame.status.index("suppressed")] == (("", "Suppressed: too few cases to show"),)


def test_clusters_are_outlined_with_their_figures_and_the_warning(layer, florida):
    (cluster,) = layer.clusters
    assert dict(cluster.lines)["Relative risk"] == "1.31"
    assert dict(cluster.lines)["Period"] == "2010 – 2014"
    assert any("not evidence of a cause" in note for note in layer.notes)
    bare = {"rank": 1, "members": ["12086"], "relative_risk": None, "p_value": None}
    hidden = make_layer(florida, invented(florida), title="t", measure="m", clusters=[bare])
    assert [term for term, _ in hidden.clusters[0].lines] == [""]
    with pytest.raises(GeoError, match="99999"):
        make_layer(florida, invented(florida), title="t", measure="m", clusters=[{"rank": 1, "members": ["99999"]}])


def test_a_slider_for_several_frames_only(layer, single):
    assert html.fromstring(map_pages(layer, ASSETS).html).xpath("//input[@type='range']/@max") == ["1"]
    assert not html.fromstring(map_pages(single, ASSETS).html).xpath("//input")
    assert "2013" in map_script(layer)


def test_two_runs_give_the_same_bytes(layer):
    assert outputs(layer) == outputs(layer)


def test_values_without_a_boundary_are_an_error_that_names_them(florida):
    values = pd.concat([invented(florida), pd.DataFrame({"code": ["12999", "13001"], "rate": [1.0, 2.0]})])
    with pytest.raises(GeoError, match="12999, 13001"):
        make_layer(florida, values, title="t", measure="m")


def test_areas_without_a_value_are_shown_as_such(florida):
    layer = make_layer(florida, invented(florida).iloc[:40], title="t", measure="m")
    assert layer.frames[0].status_count("no_data") == 27


@pytest.mark.parametrize("change", [lambda v: v.drop(columns="rate"), lambda v: pd.concat([v, v.iloc[:2]])])
def test_faulty_values(florida, change):
    with pytest.raises(GeoError):
        make_layer(florida, change(invented(florida)), title="t", measure="m")


def test_svg_is_one_valid_document_with_every_area(single, layer):
    root = etree.fromstring(map_svg(single).encode())
    space = {"s": "http://www.w3.org/2000/svg"}
    assert len(root.xpath("//s:g/s:path[@d]", namespaces=space)) == 67
    titles = [t.text for t in root.xpath("//s:path/s:title", namespaces=space)]
    assert sum("Suppressed" in t for t in titles) == single.frames[0].status_count("suppressed")
    many = etree.fromstring(map_svg(layer).encode())
    assert len(many.xpath("//s:use", namespaces=space)) == 134
    assert len(many.xpath("//s:defs/s:path", namespaces=space)) == 67


def test_print_formats(single):
    svg = map_svg(single)
    assert svg_to_file(svg, "png", scale=0.5).startswith(b"\x89PNG")
    assert svg_to_file(svg, "pdf").startswith(b"%PDF")
    assert svg_to_file(svg, "svg") == svg.encode()
    with pytest.raises(GeoError):
        svg_to_file(svg, "gif")


def test_projections():
    # the national map keeps areas true: Colorado to Wyoming as their land areas, Alaska at its inset's scale
    states = load_edition("2023", level="states")
    states = states[~states["code"].isin(["60", "66", "69", "72", "78"])].reset_index(drop=True)
    areas = pd.Series([shape.area for shape in project_areas(states)], index=states["code"])
    assert areas["08"] / areas["56"] == pytest.approx(269_837 / 253_600, rel=0.01)
    assert areas["02"] / areas["56"] == pytest.approx(0.35**2 * 1_723_337 / 253_600, rel=0.2)
    # a country on the equator, and one of the south, still draw
    from geopandas import GeoDataFrame
    from shapely.geometry import box

    for south in (-5, -40, 50):
        other = GeoDataFrame({"code": ["a"]}, geometry=[box(10, south, 20, south + 10)], crs=4326)
        assert project_areas(other)[0].area > 1e11


def test_the_contiguous_states_weigh_less_than_three_megabytes():
    areas = load_edition("2017")
    areas = areas[~areas["code"].str[:2].isin(["02", "15", "60", "66", "69", "72", "78"])].reset_index(drop=True)
    assert len(areas) == 3108
    layer = make_layer(areas, invented(areas), title="3,108 counties", measure="Rate")
    pages = map_pages(layer, ASSETS)
    leaflet = 170_000
    assert sum(len(t.encode()) for t in (pages.html, pages.script, pages.style)) + leaflet < 3_000_000
