"""`oncoregistry geo map`: a choropleth as HTML, SVG, PNG, PDF, GeoJSON or CSV."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from geo.layers import MapLayer

FORMATS = (".html", ".svg", ".png", ".pdf", ".geojson", ".csv")


@click.command("map", short_help="A choropleth as HTML, SVG, PNG, PDF, GeoJSON or CSV.")
@click.argument("file", required=False)
@click.option("--data", help="CSV or Parquet, as FILE: code, rate; as known lower, upper, cases, population, trend, …")
@click.option(
    "--out", "outputs", multiple=True, required=True, help=f"File to write ({', '.join(FORMATS)}); repeatable."
)
@click.option("--id", "id_column", help="Column of the areas' codes.")
@click.option("--value", help="Column to map; default: rate.")
@click.option("--frame", help="Column of frames (years): a slider, or small multiples.")
@click.option("--areas", help="Boundary file; without it US counties of the edition in which the codes are.")
@click.option("--area-code", default="code", show_default=True, help="Column of codes in the boundary file.")
@click.option("--area-name", help="Column of names in the boundary file.")
@click.option("--title", default="", help="Title of the map.")
@click.option("--measure", default="Rate per 100,000", show_default=True)
@click.option(
    "--classes", type=click.Choice(["quantile", "natural", "equal", "fixed"]), default="quantile", show_default=True
)
@click.option("--class-count", type=click.IntRange(1, 9), default=5, show_default=True)
@click.option("--bounds", help="Bounds of fixed classes: 0,10,20,50.")
@click.option("--palette", default="blues", show_default=True, help="blues, orrd, viridis, cividis, rdbu, puor.")
@click.option("--digits", type=click.IntRange(0, 6), default=1, show_default=True)
@click.option("--clusters", help="JSON of `geo scan --json` whose clusters are outlined.")
@click.option("--max-p", type=float, default=0.05, show_default=True, help="Outline clusters up to this p-value.")
@click.option("--suppress", type=int, default=16, show_default=True, help="Hatch areas with fewer cases; 0 for none.")
@click.option("--note", "notes", multiple=True, help="Line under the map; repeatable.")
@click.option("--language", default="en", show_default=True, help="Language of the page.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document of what was drawn.")
def map(file: str | None, data: str | None, as_json: bool, **options: Any) -> None:
    """Draws a map of rates by area. Suppressed areas are hatched and carry no figure in any file."""
    from pathlib import Path

    from geo.errors import GeoError

    source = file or data
    if source is None:
        raise GeoError("usage", "no data", hint="give FILE with code and rate")
    for path in options["outputs"]:
        if Path(path).suffix.lower() not in FORMATS:
            raise GeoError("map-export", f"cannot write {path!r}", hint=", ".join(FORMATS), exit_code=2)
    layer, edition = build_layer(source, options)
    sizes = {}
    for path in options["outputs"]:
        content = render(layer, Path(path).suffix.lower(), options["language"])
        try:
            sizes[path] = Path(path).write_bytes(content)
        except OSError as error:
            raise GeoError("map-export", f"cannot write the map: {error}", where=path) from None
    if as_json:
        click.echo(json.dumps(describe(layer, edition, sizes), ensure_ascii=False))
    else:
        for path, size in sizes.items():
            click.echo(f"{path}: {size:,} bytes")


def build_layer(source: str, o: dict[str, Any]) -> tuple[MapLayer, str | None]:
    """Gives the layer of the options and the edition of its counties (None for areas from a file)."""
    import pandas as pd

    from geo.boundaries import SOURCE, load_areas, load_counties, require_match
    from geo.errors import GeoError
    from geo.layers import make_layer
    from geo.tables import find_column, read_table

    frame = read_table(source, text=[o["id_column"]] if o["id_column"] else [])
    code = find_column(frame, "code", o["id_column"], where=source)
    value = find_column(frame, "rate", o["value"], where=source)
    values = frame.rename(columns={code: "code", value: "rate"})
    if o["frame"]:
        if o["frame"] not in frame.columns:
            raise GeoError("input-columns", f"no column {o['frame']!r}", where=source)
        values = values.rename(columns={o["frame"]: "frame"}).astype({"frame": str}).sort_values("frame", kind="stable")
    values["code"] = values["code"].astype(str)
    for name in ("suppressed", "unstable"):
        if name in values:
            values[name] = values[name].astype(str).str.lower().isin(["true", "1", "1.0", "yes"])
    if o["suppress"] and "cases" in values:
        small = pd.to_numeric(values["cases"], errors="coerce") < o["suppress"]
        values["suppressed"] = values["suppressed"] | small if "suppressed" in values else small
    notes = list(o["notes"])
    if o["areas"]:
        areas, edition = load_areas(o["areas"], code=o["area_code"], name=o["area_name"]), None
        require_match(areas, values["code"])
    else:
        areas, edition = load_counties(values["code"])
        notes.append(f"{SOURCE}, {edition}.")
    bounds = None
    if o["bounds"]:
        try:
            bounds = [float(part) for part in o["bounds"].split(",")]
        except ValueError:
            raise GeoError("usage", f"--bounds {o['bounds']!r} are no figures", hint="write 0,10,20") from None
    layer = make_layer(
        areas, values, title=o["title"] or o["measure"], measure=o["measure"],
        method="fixed" if bounds else o["classes"], count=o["class_count"], bounds=bounds, colours=o["palette"],
        digits=o["digits"], clusters=read_clusters(o["clusters"], o["max_p"]), notes=notes,
    )  # fmt: skip
    return layer, edition


def read_clusters(path: str | None, max_p: float) -> list[dict[str, Any]]:
    """Gives the clusters of a scan's JSON document with p at most `max_p`."""
    from pathlib import Path

    from geo.errors import GeoError

    if path is None:
        return []
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))["clusters"]
        return [cluster for cluster in found if cluster["p_value"] is None or cluster["p_value"] <= max_p]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GeoError("input-file", f"no clusters of a scan: {error}", where=path) from None


def render(layer: MapLayer, suffix: str, language: str) -> bytes:
    """Gives the bytes of one output file."""
    from geo.exports import map_csv, map_geojson
    from geo.maps import map_file
    from geo.svg import map_svg, svg_to_file

    if suffix == ".csv":
        return map_csv(layer).encode()
    if suffix == ".geojson":
        return map_geojson(layer).encode()
    if suffix == ".html":
        script, style = leaflet_assets()
        return map_file(layer, leaflet_js=script, leaflet_css=style, language=language).encode()
    return svg_to_file(map_svg(layer), suffix.removeprefix("."))


def leaflet_assets() -> tuple[str, str]:
    """Gives the text of Leaflet's script and style from the installed package."""
    from pathlib import Path

    from xstatic.pkg import leaflet

    base = Path(leaflet.BASE_DIR)
    return (base / "leaflet.js").read_text(encoding="utf-8"), (base / "leaflet.css").read_text(encoding="utf-8")


def describe(layer: MapLayer, edition: str | None, sizes: dict[str, int]) -> dict[str, Any]:
    """Gives what was drawn: classes with their counts, areas by status, files."""
    return {
        "edition": edition,
        "areas": len(layer.areas),
        "method": layer.classes.method,
        "bounds": list(layer.classes.bounds),
        "colours": list(layer.colours),
        "frames": [
            {
                "label": frame.label,
                "class_counts": frame.class_counts(len(layer.classes)),
                **{name: frame.status_count(name) for name in ("suppressed", "unstable", "no_data")},
            }
            for frame in layer.frames
        ],
        "clusters": len(layer.clusters),
        "files": sizes,
    }
