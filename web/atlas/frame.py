"""The interactive map in its frame: a page, its script and its style, each under its own address."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, url_for

from geo.layers import MapLayer
from geo.maps import MapAssets, map_pages
from registry.analysis.disclosure import Policy
from registry.analysis.rates import answer
from registry.analysis.rates_desk import Desk
from registry.analysis.rates_map import map_layer
from registry.analysis.rates_request import Request
from registry.analysis.rates_trend import recent
from web.assets import asset
from web.atlas.base import address, asked, blueprint, desk, on_map_page, policy, refuse_bound
from web.atlas.tables import WITH_TREND
from web.pages import page, settings

LINKS = """
(() => {
  const open = (code) => window.top.location.assign(%r.replace("00000", code));
  geo_json_areas.eachLayer((layer) => {
    layer.on("click", () => open(layer.feature.id));
    const path = layer.getElement();
    if (path) path.addEventListener("keydown", (event) => { if (event.key === "Enter") open(layer.feature.id); });
  });
})();
"""
"""A county opens its page, by click and by Enter."""


STYLE = """
html, body { font-family: Inter, "Source Sans 3", "Segoe UI", "Helvetica Neue", "Liberation Sans", Arial, sans-serif; }
.legend { flex-basis: 16.5rem; }
.leaflet-interactive { cursor: pointer; }
.leaflet-tooltip { font-size: 13px; line-height: 1.35; padding: .4rem .6rem; }
"""


@dataclass(frozen=True)
class Drawn:
    """The three documents of a map."""

    html: str
    script: str
    style: str


def layer_of(found: Desk, wanted: Request, seen: Policy, *, alone: bool = True) -> MapLayer:
    """Gives the layer of a request for a policy; kept, since page, script and files ask for the same."""
    key = ("layer", found.snapshot().version, found.area().sign, wanted.key, seen, alone)
    registry = settings().registry_name

    def make() -> MapLayer:
        with_trend = wanted.trend and wanted.measure in WITH_TREND
        trends = recent(found, wanted, seen) if with_trend else {}
        return map_layer(answer(found, wanted, seen), trends=trends, registry=registry, alone=alone)

    return found.keep(key, make)


def _drawn() -> Drawn:
    refuse_bound()
    wanted, seen = asked(), policy()
    layer = layer_of(desk(), wanted, seen, alone=False)
    assets = MapAssets(
        asset("leaflet/leaflet.js"),
        asset("leaflet/leaflet.css"),
        address("map_script", wanted),
        address("map_style", wanted),
    )

    def make() -> Drawn:
        pages = map_pages(layer, assets)
        return Drawn(pages.html, pages.script + LINKS % address("county", wanted, code="00000"), pages.style + STYLE)

    version = (desk().snapshot().version, desk().area().sign)
    return desk().keep(("drawn", *version, wanted.key, seen, assets.leaflet_js, url_for("atlas.index")), make)


@page(blueprint, "/map", permission="analysis")
def map_page() -> Response:
    """The page in the frame."""
    on_map_page()
    return Response(_drawn().html, mimetype="text/html")


@page(blueprint, "/map.js", permission="analysis")
def map_script() -> Response:
    """Its script, with the data."""
    return Response(_drawn().script, mimetype="text/javascript")


@page(blueprint, "/map.css", permission="analysis")
def map_style() -> Response:
    """Its style."""
    return Response(_drawn().style, mimetype="text/css")
