"""The printable map: the same layer as SVG on an equal-area projection, with small multiples; PNG and PDF from it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.errors import GeoError
from geo.layers import Frame, MapLayer
from geo.maps import marks_svg
from geo.palettes import BORDER, CLUSTER, NO_DATA

if TYPE_CHECKING:
    import geopandas

FONT = "Liberation Sans, DejaVu Sans, Helvetica, Arial, sans-serif"
# Albers for the contiguous states (the parameters of EPSG:5070) and, for Alaska and Hawaii beside them, their own with
# the scale and the top left corner of the customary inset (shares of the map's width, and of its height from the south)
CONTIGUOUS = "+proj=aea +lat_1=29.5 +lat_2=45.5 +lat_0=23 +lon_0=-96 +datum=NAD83 +units=m"
INSETS = {
    "02": ("+proj=aea +lat_1=55 +lat_2=65 +lat_0=50 +lon_0=-154 +datum=NAD83 +units=m", 0.35, (0.0, 0.2)),
    "15": ("+proj=aea +lat_1=8 +lat_2=18 +lat_0=13 +lon_0=-157 +datum=NAD83 +units=m", 1.0, (0.28, 0.0)),
}
US_STATES = frozenset(f"{n:02d}" for n in range(1, 57)) - {"02", "03", "07", "14", "15", "43", "52"}


def local_projection(areas: geopandas.GeoDataFrame) -> str:
    """Gives an Albers projection with its standard parallels a sixth inside the areas, in PROJ's terms."""
    west, south, east, north = areas.geometry.to_crs("EPSG:4326").total_bounds
    sixth = (north - south) / 6
    low, high, middle = south + sixth, north - sixth, (south + north) / 2
    if abs(low + high) < 1:
        # parallels on both sides of the equator cancel: the cylinder is the same thing there
        return f"+proj=cea +lat_ts={max(abs(south), abs(north)) / 2} +lon_0={(west + east) / 2} +datum=WGS84 +units=m"
    return f"+proj=aea +lat_1={low} +lat_2={high} +lat_0={middle} +lon_0={(west + east) / 2} +datum=WGS84 +units=m"


def project_areas(areas: geopandas.GeoDataFrame) -> np.ndarray:
    """Gives the shapes on a plane (y upwards): the national Albers with insets for the US, else a local one.

    The contiguous states with Alaska or Hawaii get these as insets, which therefore have another scale.
    """
    codes = areas["code"].astype(str)
    states = codes.str[:2]
    national = codes.str.fullmatch(r"\d{2}(\d{3})?").all() and states.isin(US_STATES | set(INSETS)).all()
    far = [state for state in INSETS if (states == state).any()]
    if not national or not far or states.nunique() == len(far):
        if national and states.nunique() > 12:
            return areas.geometry.to_crs(CONTIGUOUS).values
        return areas.geometry.to_crs(local_projection(areas)).values
    shapes = np.empty(len(areas), object)
    main = ~states.isin(far).to_numpy()
    shapes[main] = areas.geometry[main].to_crs(CONTIGUOUS).values
    west, south, east, north = shapely.total_bounds(shapes[main])
    for state in far:
        projection, scale, (right, up) = INSETS[state]
        inside = (states == state).to_numpy()
        planar = areas.geometry[inside].to_crs(projection).values
        x0, _, _, y1 = shapely.total_bounds(planar)
        at = np.array([west + right * (east - west), south + (up - 0.01) * (north - south)])
        shapes[inside] = [
            shapely.transform(s, lambda p, x0=x0, y1=y1, at=at, k=scale: (p - [x0, y1]) * k + at) for s in planar
        ]
    return shapes


def _path(shape, scale: float, shift: np.ndarray) -> str:
    """Gives the path of a shape in tenths of a pixel; points that fall together are written once."""
    parts = []
    for polygon in getattr(shape, "geoms", [shape]):
        for ring in (polygon.exterior, *polygon.interiors):
            points = shapely.get_coordinates(ring) * [scale, -scale] + shift
            points = points.round(1)
            keep = np.concatenate([[True], (np.diff(points, axis=0) != 0).any(axis=1)])
            points = points[keep]
            if len(points) >= 4:
                parts.append("M" + "L".join(f"{x:g} {y:g}" for x, y in points[:-1]) + "Z")
    return "".join(parts)


def _fill(frame: Frame, index: int, colours: tuple[str, ...], prefix: str) -> str:
    status = frame.status[index]
    if status == "suppressed":
        return f"url(#{prefix}hatch)"
    if status == "no_data":
        return NO_DATA
    k = frame.classes[index]
    return f"url(#{prefix}dots-{k})" if status == "unstable" else colours[k]


def _text(x: float, y: float, content: str, *, size: float = 12, weight: str = "normal", anchor: str = "start") -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" font-weight="{weight}" text-anchor="{anchor}">'
        f"{escape(content)}</text>"
    )


def _legend(layer: MapLayer, frame: Frame | None, x: float, y: float, prefix: str) -> tuple[str, float]:
    """Gives the legend and its height; counts per class only for a single map."""
    rows = list(zip(layer.colours, layer.labels, frame.class_counts(len(layer.classes)) if frame else layer.labels))
    marks = (("unstable", f"url(#{prefix}dots-0)"), ("suppressed", f"url(#{prefix}hatch)"), ("no_data", NO_DATA))
    for name, fill in marks:
        if any(f.status_count(name) for f in layer.frames):
            rows.append((fill, layer.texts[f"{name}_legend"], frame.status_count(name) if frame else ""))
    parts = [_text(x, y, layer.measure, weight="bold")]
    for line, (fill, label, count) in enumerate(rows):
        top = y + 10 + 20 * line
        parts.append(
            f'<rect x="{x:g}" y="{top:g}" width="26" height="14" fill="{fill}" stroke="{BORDER}" stroke-width=".6"/>'
        )
        parts.append(_text(x + 34, top + 11, str(label), size=11))
        if frame:
            parts.append(_text(x + 215, top + 11, str(count), size=11, anchor="end"))
    return "".join(parts), 20 + 20 * len(rows)


def map_svg(
    layer: MapLayer, *, width: float = 960, columns: int | None = None, prefix: str = "", titles: bool = True
) -> str:
    """Gives the layer as one SVG document; several frames become small multiples in `columns` (default: 4 at most).

    `prefix` keeps the ids of several maps in one page apart. Every area has its name and words as `<title>`; suppressed
    areas carry nothing else. `titles=False` leaves these out (smaller files).
    """
    shapes = project_areas(layer.areas)
    west, south, east, north = shapely.total_bounds(shapes)
    many = len(layer.frames) > 1
    columns = min(columns or 4, len(layer.frames))
    legend_width = 0 if many else 230
    cell = (width - legend_width - 20 * (columns + 1)) / columns
    scale = min(cell / (east - west), (560 if not many else 2 * cell) / (north - south))
    height = scale * (north - south)
    shift = np.array([-west * scale + (cell - scale * (east - west)) / 2, north * scale])
    paths = [_path(shape, scale, shift) for shape in shapes]
    top, body = 46.0, []
    defs = "".join(f'<path id="{prefix}a{i}" d="{path}"/>' for i, path in enumerate(paths)) if many else ""
    outlines, names = _outlines(layer, shapes, scale, shift), layer.areas["name"].tolist()
    for place, frame in enumerate(layer.frames):
        x = 20 + (place % columns) * (cell + 20)
        y = top + (place // columns) * (height + 34)
        body.append(f'<g transform="translate({x:g} {y + (18 if many else 0):g})" stroke="{BORDER}" stroke-width=".5">')
        for i, path in enumerate(paths):
            fill = _fill(frame, i, layer.colours, prefix)
            words = ", ".join(" ".join(filter(None, line)) for line in frame.lines[i])
            name = f"<title>{escape(f'{names[i]}: {words}')}</title>" if titles else ""
            body.append(
                f'<use href="#{prefix}a{i}" fill="{fill}">{name}</use>'
                if many
                else f'<path d="{path}" fill="{fill}">{name}</path>'
            )
        body.append(f"{outlines}</g>")
        if many:
            body.append(_text(x + cell / 2, y + 10, frame.label, weight="bold", anchor="middle"))
    rows = -(-len(layer.frames) // columns)
    bottom = top + rows * (height + (34 if many else 0))
    if many:
        legend, tall = _legend(layer, None, 20, bottom + 24, prefix)
        bottom += 24 + tall
    else:
        legend, tall = _legend(layer, layer.frames[0], width - legend_width, top + 14, prefix)
        bottom = max(bottom, top + tall) + 10
    subtitle = layer.frames[0].label if not many else ""
    notes = "".join(_text(20, bottom + 14 + 15 * n, note, size=10) for n, note in enumerate(layer.notes))
    total = bottom + 24 + 15 * len(layer.notes)
    head = _text(20, 28, layer.title + (f", {subtitle}" if subtitle else ""), size=17, weight="bold")
    marks = marks_svg(layer, prefix=prefix).removesuffix("</defs>") + defs + "</defs>"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {total:g}" width="{width:g}" '
        f'height="{total:g}" font-family="{FONT}" fill="#1a1a1a" role="img" aria-label="{escape(layer.title)}">'
        f'{marks}<rect width="100%" height="100%" fill="#fff"/>{head}{"".join(body)}{legend}{notes}</svg>'
    )


def _outlines(layer: MapLayer, shapes: np.ndarray, scale: float, shift: np.ndarray) -> str:
    """Gives the outlines of the clusters, merged from their members as drawn."""
    parts = []
    for cluster in layer.clusters:
        inside = layer.areas["code"].isin(cluster.members).to_numpy()
        path = _path(shapely.union_all(shapes[inside]), scale, shift)
        words = ", ".join(" ".join(filter(None, line)) for line in cluster.lines)
        parts.append(
            f'<path d="{path}" fill="none" stroke="{CLUSTER}" stroke-width="2" stroke-dasharray="6 3">'
            f"<title>{escape(words)}</title></path>"
        )
    return "".join(parts)


def svg_to_file(svg: str, kind: str, *, scale: float = 2.0) -> bytes:
    """Gives the SVG as `png` (at `scale` pixels per unit), `pdf` or `svg`."""
    if kind == "svg":
        return svg.encode()
    import vl_convert

    if kind == "png":
        return vl_convert.svg_to_png(svg, scale=scale)
    if kind == "pdf":
        return vl_convert.svg_to_pdf(svg)
    raise GeoError("map-export", f"cannot write {kind!r}", hint="svg, png or pdf")
