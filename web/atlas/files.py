"""The map as SVG, PNG, PDF, GeoJSON, CSV and one HTML file, and the map in the page's print; always cut to publish."""

from __future__ import annotations

from flask import Response
from werkzeug.exceptions import NotFound

from geo.exports import map_geojson
from geo.maps import map_file
from geo.svg import map_svg, svg_to_file
from registry.analysis.rates_files import as_csv
from web.assets import _read
from web.atlas.base import asked, blueprint, desk, published, refuse_bound
from web.atlas.frame import layer_of
from web.atlas.tables import summary
from web.pages import page, settings

KINDS = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "pdf": "application/pdf",
    "geojson": "application/geo+json",
    "csv": "text/csv",
    "html": "text/html",
}


@page(blueprint, "/atlas.<form>", permission="analysis")
def file(form: str) -> Response:
    """One file of the map of this address. What leaves as a file is cut to the published threshold for every account."""
    if form not in KINDS:
        raise NotFound
    refuse_bound()
    wanted, seen = asked(), published()
    if form == "csv":
        found = summary(desk(), wanted, seen)
        body: str | bytes = "\ufeff" + as_csv(found.answer, found.trends, registry=settings().registry_name)
    else:
        layer = layer_of(desk(), wanted, seen)
        if form == "geojson":
            body = map_geojson(layer)
        elif form == "html":
            body = map_file(layer, leaflet_js=_leaflet("js"), leaflet_css=_leaflet("css"))
        else:
            body = svg_to_file(map_svg(layer), form)
        title = layer.title
    title = wanted.title() if form == "csv" else title
    response = Response(body, mimetype=KINDS[form])
    name = "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())[:80]
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    return response


@page(blueprint, "/picture.svg", permission="analysis")
def picture() -> Response:
    """The map, or the small multiples, as the page shows and prints it; cut like the files."""
    refuse_bound()
    layer = layer_of(desk(), asked(), published())
    return Response(map_svg(layer, prefix="p-"), mimetype="image/svg+xml")


def _leaflet(kind: str) -> str:
    found = _read(f"leaflet/leaflet.{kind}")
    if found is None:
        raise NotFound
    return found[0].decode()
