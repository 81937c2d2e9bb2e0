"""What maps and scans need to know of areas: names, neighbours, centres."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geo.errors import GeoError

if TYPE_CHECKING:
    import geopandas

EQUAL_AREA = "EPSG:6933"


@cache
def county_names(edition: str = "2023") -> dict[str, str]:
    """Gives each county's name with its state's, by code: `12086` is `Miami-Dade, Florida`."""
    from geo.boundaries import load_edition

    states = load_edition(edition, level="states").set_index("code")["name"]
    counties = load_edition(edition)
    return {code: f"{name}, {states[code[:2]]}" for code, name in zip(counties["code"], counties["name"])}


@cache
def county_neighbours(edition: str = "2023") -> dict[str, tuple[str, ...]]:
    """Gives each county's neighbours by code (queen contiguity); islands have none."""
    from geo.adjacency import neighbours, queen_adjacency
    from geo.boundaries import load_edition

    areas = load_edition(edition)
    return {code: tuple(near) for code, near in neighbours(queen_adjacency(areas), areas["code"].tolist()).items()}


def centroids(areas: geopandas.GeoDataFrame) -> pd.DataFrame:
    """Gives each area's geometric centre (code, latitude, longitude in degrees), computed on an equal-area plane.

    An area on both sides of the 180th meridian is put together before.
    """
    import geopandas
    from shapely import transform

    shapes = areas.geometry.to_crs("EPSG:4326")
    bounds = shapes.bounds
    across = (bounds["maxx"] - bounds["minx"]) > 180

    def westward(points: np.ndarray) -> np.ndarray:
        return np.column_stack([np.where(points[:, 0] > 0, points[:, 0] - 360, points[:, 0]), points[:, 1]])

    moved = shapes.copy()
    moved[across] = [transform(shape, westward) for shape in shapes[across]]
    # a plane whose cut lies far from the area: shift by 180 degrees, project, shift back
    shift = across.to_numpy() * 180.0
    planar = geopandas.GeoSeries(
        [transform(shape, lambda p, s=s: p + [s, 0]) if s else shape for shape, s in zip(moved, shift)],
        crs="EPSG:4326",
    )
    centres = planar.to_crs(EQUAL_AREA).centroid.to_crs("EPSG:4326")
    longitude = (centres.x.to_numpy() - shift + 180) % 360 - 180
    return pd.DataFrame({"code": areas["code"].to_numpy(), "latitude": centres.y.to_numpy(), "longitude": longitude})


def population_centres(points: pd.DataFrame) -> pd.DataFrame:
    """Gives each area's centre of population from points inside it (code, latitude, longitude, population).

    The mean is taken on the sphere, weighted by people.
    """
    missing = {"code", "latitude", "longitude", "population"} - set(points.columns)
    if missing:
        raise GeoError("input-columns", f"no column {', '.join(sorted(missing))}")
    lat, lon = np.radians(points["latitude"].to_numpy(float)), np.radians(points["longitude"].to_numpy(float))
    people = points["population"].to_numpy(float)
    if not (np.isfinite(lat) & np.isfinite(lon) & (people >= 0)).all() or (np.abs(lat) > np.pi / 2).any():
        raise GeoError("input-values", "points need a latitude, a longitude and people of 0 or more")
    vectors = pd.DataFrame(
        {
            "x": people * np.cos(lat) * np.cos(lon),
            "y": people * np.cos(lat) * np.sin(lon),
            "z": people * np.sin(lat),
            "population": people,
        }
    )
    sums = vectors.groupby(points["code"].astype(str).to_numpy()).sum()
    empty = sums.index[sums["population"] <= 0]
    if len(empty):
        raise GeoError("input-values", f"no people in {', '.join(empty[:10])}", hint="use the geometric centre there")
    return pd.DataFrame(
        {
            "code": sums.index,
            "latitude": np.degrees(np.arctan2(sums["z"], np.hypot(sums["x"], sums["y"]))).to_numpy(),
            "longitude": np.degrees(np.arctan2(sums["y"], sums["x"])).to_numpy(),
        }
    )


def read_population_centres(path: Path | str) -> pd.DataFrame:
    """Gives the centres of a Census centers-of-population file (STATEFP, COUNTYFP, LATITUDE, LONGITUDE)."""
    try:
        frame = pd.read_csv(path, dtype=str, encoding="utf-8-sig")
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise GeoError("input-file", f"cannot read the centres: {error}", where=str(path)) from None
    missing = {"STATEFP", "COUNTYFP", "LATITUDE", "LONGITUDE"} - set(frame.columns)
    if missing:
        raise GeoError("input-columns", f"no column {', '.join(sorted(missing))}", where=str(path))
    return pd.DataFrame(
        {
            "code": frame["STATEFP"].str.zfill(2) + frame["COUNTYFP"].str.zfill(3),
            "latitude": pd.to_numeric(frame["LATITUDE"]),
            "longitude": pd.to_numeric(frame["LONGITUDE"]),
        }
    )
