"""The interactive map: folium on a self-hosted Leaflet, no tiles, three documents that a strict policy allows.

`map_pages` gives the page, its script and its style apart, so that the page carries no inline code. Serve the three
from the addresses named in the page; nothing else is loaded. The policy that suffices is `POLICY` (Leaflet sets styles
through the DOM, which `style-src 'self'` does not forbid). In another page put it into an iframe with that policy as its
own. `map_file` gives one document with everything inside, for a file on disk.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from importlib import resources

import shapely

from geo.layers import MapLayer
from geo.palettes import BORDER, CLUSTER, NO_DATA, SUPPRESSED

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)
STATUS = {"shown": "k", "unstable": "u", "suppressed": "s", "no_data": "n"}


@dataclass(frozen=True)
class MapAssets:
    """Addresses (on the same host) of Leaflet and of the two documents that go with a page."""

    leaflet_js: str
    leaflet_css: str
    script: str
    style: str


@dataclass(frozen=True)
class MapPages:
    """The page and its two companions; `policy` is the Content-Security-Policy under which they work."""

    html: str
    script: str
    style: str
    policy: str = POLICY


def _feature_collection(layer: MapLayer, digits: int) -> dict:
    """Gives the areas with their index only: every figure is in the frames."""
    shapes = shapely.set_precision(layer.areas.geometry.to_crs("EPSG:4326").values, 0)
    return {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "id": code, "properties": {"i": i}, "geometry": geometry_json(shape, digits)}
            for i, (code, shape) in enumerate(zip(layer.areas["code"], shapes))
        ],
    }


def geometry_json(shape, digits: int) -> dict:
    """Gives GeoJSON of a polygon or multipolygon with rounded coordinates."""
    polygons = shape.geoms if shape.geom_type == "MultiPolygon" else [shape]
    parts = [
        [shapely.get_coordinates(ring).round(digits).tolist() for ring in (polygon.exterior, *polygon.interiors)]
        for polygon in polygons
    ]
    if len(parts) == 1:
        return {"type": "Polygon", "coordinates": parts[0]}
    return {"type": "MultiPolygon", "coordinates": parts}


def _data(layer: MapLayer, digits: int) -> str:
    outlines = [
        {"lines": cluster.lines, "shape": geometry_json(_to_degrees(layer, cluster.geometry), digits)}
        for cluster in layer.clusters
    ]
    data = {
        "names": layer.areas["name"].tolist(),
        "colours": layer.colours,
        "noData": NO_DATA,
        "border": BORDER,
        "cluster": CLUSTER,
        "frames": [
            {
                "label": frame.label,
                "k": frame.classes.tolist(),
                "status": "".join(STATUS[status] for status in frame.status),
                "lines": frame.lines,
                "counts": {**{str(k): n for k, n in enumerate(frame.class_counts(len(layer.classes)))},
                           **{name: frame.status_count(name) for name in ("suppressed", "unstable", "no_data")}},
            }
            for frame in layer.frames
        ],
        "clusters": outlines,
    }  # fmt: skip
    # a script may end only where it ends
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")


def _to_degrees(layer: MapLayer, shape):
    import geopandas

    return geopandas.GeoSeries([shape], crs=layer.areas.crs).to_crs("EPSG:4326").iloc[0]


def _folium_script(layer: MapLayer, digits: int) -> str:
    """Gives the script that folium writes for the map, its areas and its bounds, with names that do not change."""
    import folium

    figure_map = folium.Map(tiles=None, attribution_control=False, zoom_snap=0.25, world_copy_jump=False)
    figure_map.default_js, figure_map.default_css, figure_map._id = [], [], "atlas"
    areas = folium.GeoJson(_feature_collection(layer, digits), name="areas", smooth_factor=0.5)
    areas._id = "areas"
    areas.add_to(figure_map)
    west, south, east, north = layer.areas.geometry.to_crs("EPSG:4326").total_bounds
    figure_map.fit_bounds([[south, west], [north, east]])
    figure = figure_map.get_root()
    figure.render()
    return figure.script.render().replace('": ', '":').replace("], [", "],[").replace("</", "<\\/")


def marks_svg(layer: MapLayer, *, prefix: str = "") -> str:
    """Gives the inline patterns: hatching of suppressed areas, dots on each class colour of unstable ones."""
    dots = "".join(
        f'<pattern id="{prefix}dots-{k}" width="6" height="6" patternUnits="userSpaceOnUse">'
        f'<rect width="6" height="6" fill="{colour}"/><circle cx="2" cy="2" r="1.1" fill="#000"/>'
        f'<circle cx="5" cy="5" r="1.1" fill="#fff"/></pattern>'
        for k, colour in enumerate(layer.colours)
    )
    return (
        f'<defs><pattern id="{prefix}hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)"><rect width="6" height="6" fill="{SUPPRESSED}"/>'
        f'<line x1="0" y1="0" x2="0" y2="6" stroke="#555" stroke-width="2"/></pattern>{dots}</defs>'
    )


def _legend(layer: MapLayer) -> str:
    words, frame = layer.texts, layer.frames[-1]
    rows = [
        (f'fill="{colour}"', label, k, count)
        for k, (colour, label, count) in enumerate(
            zip(layer.colours, layer.labels, frame.class_counts(len(layer.classes)))
        )
    ]
    for name, fill in (("unstable", 'fill="url(#dots-0)"'), ("suppressed", 'fill="url(#hatch)"'),
                       ("no_data", f'fill="{NO_DATA}"')):  # fmt: skip
        if any(f.status_count(name) for f in layer.frames):
            rows.append((fill, words[f"{name}_legend"], name, frame.status_count(name)))
    body = "".join(
        f'<tr><td><svg aria-hidden="true"><rect x="1" y="1" width="26" height="16" {fill} stroke="{BORDER}"/></svg></td>'
        f'<td>{escape(str(label))}</td><td data-class="{key}">{count}</td></tr>'
        for fill, label, key, count in rows
    )
    slider = ""
    if len(layer.frames) > 1:
        last = len(layer.frames) - 1
        slider = (
            f'<p><label for="frame">{escape(words["period"])}: <output id="frame-label">{escape(frame.label)}</output>'
            f'</label><input id="frame" type="range" min="0" max="{last}" value="{last}" step="1"></p>'
        )
    return (
        f'<aside class="legend" aria-label="{escape(words["legend"])}"><h2>{escape(layer.measure)}</h2>{slider}'
        f"<table>{body}</table><p>{escape(words['to_map'])}</p></aside>"
    )


def _body(layer: MapLayer) -> str:
    notes = "".join(f"<p>{escape(note)}</p>" for note in layer.notes)
    return (
        f"<header><h1>{escape(layer.title)}</h1></header><main>"
        f'<div class="map"><div class="folium-map" id="map_atlas" role="application" aria-label="{escape(layer.title)}">'
        f'</div></div><svg id="marks" aria-hidden="true">{marks_svg(layer)}</svg>{_legend(layer)}</main>'
        f"<footer>{notes}</footer>"
    )


def _asset(name: str) -> str:
    return resources.files("geo").joinpath(f"assets/{name}").read_text()


def map_script(layer: MapLayer, *, digits: int = 3) -> str:
    """Gives the page's script: folium's map, our drawing, the data. `digits` rounds degrees (3 is about 100 m)."""
    return (
        f"{_asset('map.js')}\n{_folium_script(layer, digits)}\n"
        f"drawAtlas(map_atlas, geo_json_areas, {_data(layer, digits)});\n"
    )


def map_pages(layer: MapLayer, assets: MapAssets, *, language: str = "en", digits: int = 3) -> MapPages:
    """Gives page, script and style of a layer; the page names only the four addresses of `assets`."""
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(layer.title)}</title>"
        f'<link rel="stylesheet" href="{escape(assets.leaflet_css)}">'
        f'<link rel="stylesheet" href="{escape(assets.style)}">'
        f'<script src="{escape(assets.leaflet_js)}" defer></script><script src="{escape(assets.script)}" defer></script>'
    )
    html = f'<!doctype html><html lang="{escape(language)}"><head>{head}</head><body>{_body(layer)}</body></html>'
    return MapPages(html, map_script(layer, digits=digits), _asset("map.css"))


def map_file(layer: MapLayer, *, leaflet_js: str, leaflet_css: str, language: str = "en", digits: int = 3) -> str:
    """Gives one HTML document with the text of Leaflet's two files inside, for a file that is opened from disk."""
    safe_js = leaflet_js.replace("</script", "<\\/script")
    return (
        f'<!doctype html><html lang="{escape(language)}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(layer.title)}</title>'
        f"<style>{leaflet_css}\n{_asset('map.css')}</style></head><body>{_body(layer)}"
        f"<script>{safe_js}</script><script>{map_script(layer, digits=digits)}</script></body></html>"
    )
