"""Boundaries: the shipped editions of US counties and states, any file of areas, and the check that nothing is left out.

Shipped: U.S. Census Bureau cartographic boundary files of 2017 and 2023, generalised to 1:10 million, NAD83
(EPSG:4269), made by `scripts/make_boundaries.py`. A frame of areas has the columns code (text), name and geometry.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from geo.editions import EDITIONS, edition_of, explain_codes, name_codes
from geo.errors import GeoError

if TYPE_CHECKING:
    import geopandas

SOURCE = "U.S. Census Bureau, cartographic boundary files"
LEVELS = ("counties", "states")
SUFFIXES = (".geojson", ".json", ".gpkg", ".shp", ".zip", ".parquet", ".geoparquet")


@cache
def _shipped(level: str, edition: str) -> geopandas.GeoDataFrame:
    import geopandas

    with resources.as_file(resources.files("geo").joinpath(f"data/us_{level}_{edition}.parquet")) as path:
        return geopandas.read_parquet(path)


def load_edition(
    edition: str, *, level: str = "counties", states: Iterable[str] | None = None
) -> geopandas.GeoDataFrame:
    """Gives the counties or states of an edition (`2017` or `2023`), of all states or those with the codes given."""
    if edition not in EDITIONS or level not in LEVELS:
        raise GeoError("edition", f"no {level} of {edition}", hint=f"{', '.join(LEVELS)} of {', '.join(EDITIONS)}")
    areas = _shipped(level, edition)
    if states is not None:
        areas = areas[areas["code"].str[:2].isin(set(states))]
    return areas.reset_index(drop=True).copy()


def load_counties(codes: Iterable[str], *, whole_states: bool = True) -> tuple[geopandas.GeoDataFrame, str]:
    """Gives the counties for a table's codes and the edition: the one in which the table is coded (`edition_of`).

    `codes` are those of the denominators. With `whole_states` every county of the states that occur is given, so that
    a county without data is seen as such; otherwise only the counties with the codes.
    """
    codes = set(codes)
    edition = edition_of(codes)
    areas = load_edition(edition, states={code[:2] for code in codes})
    if not whole_states:
        areas = areas[areas["code"].isin(codes)].reset_index(drop=True)
    return areas, edition


def load_areas(
    path: Path | str, *, code: str, name: str | None = None, layer: str | None = None
) -> geopandas.GeoDataFrame:
    """Gives the areas of a file, of any country and level: GeoJSON, GeoPackage, shapefile (also zipped), GeoParquet.

    `code` names the column of codes, `name` that of names (default: the codes). Geometries are made valid. Raises
    `GeoError("boundaries")` when the file cannot be read, has no coordinate system, or has empty or double codes.
    """
    import geopandas

    path, where = Path(path), str(path)
    if not path.exists():
        raise GeoError("input-file", "there is no such file", where=where)
    if path.suffix.lower() not in SUFFIXES:
        raise GeoError("boundaries", f"cannot read {path.suffix!r} files", where=where, hint=", ".join(SUFFIXES))
    try:
        if path.suffix.lower() in (".parquet", ".geoparquet"):
            areas = geopandas.read_parquet(path)
        else:
            areas = geopandas.read_file(path, layer=layer)
    except Exception as error:  # the drivers raise many kinds; the user needs the sentence
        raise GeoError("boundaries", f"cannot read the boundaries: {error}", where=where) from None
    if not isinstance(areas, geopandas.GeoDataFrame) or not len(areas):
        raise GeoError("boundaries", "the file has no areas", where=where)
    columns = [column for column in areas.columns if column != areas.geometry.name]
    for column in (code, name):
        if column is not None and column not in columns:
            raise GeoError(
                "boundaries", f"no column {column!r}", where=where, hint=f"the file has {', '.join(columns)}"
            )
    if areas.crs is None:
        raise GeoError("boundaries", "the file names no coordinate system", where=where, hint="add the .prj file")
    frame = geopandas.GeoDataFrame(
        {
            "code": areas[code].map(_text),
            "name": areas[name or code].map(_text),
            "geometry": areas.geometry.force_2d(),
        },
        crs=areas.crs,
    )
    return check_areas(frame, where=where)


def _text(value: object) -> str:
    """Gives a code as text: a whole number stored as a float loses its point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def check_areas(areas: geopandas.GeoDataFrame, *, where: str = "") -> geopandas.GeoDataFrame:
    """Gives the areas with valid polygons; empty shapes, other kinds of shapes and double codes are refused by name."""
    empty = areas.geometry.is_empty | areas.geometry.isna()
    if empty.any():
        raise GeoError("boundaries", f"no shape for {name_codes(areas.loc[empty, 'code'])}", where=where)
    flat = ~areas.geom_type.isin(["Polygon", "MultiPolygon"])
    if flat.any():
        raise GeoError("boundaries", f"no polygons: {name_codes(areas.loc[flat, 'code'])}", where=where)
    double = areas["code"].duplicated()
    if double.any():
        raise GeoError("boundaries", f"codes stand twice: {name_codes(set(areas.loc[double, 'code']))}", where=where)
    invalid = ~areas.geometry.is_valid
    if invalid.any():
        areas = areas.copy()
        areas.loc[invalid, "geometry"] = areas.loc[invalid].geometry.buffer(0)
    return areas.reset_index(drop=True)


def require_match(areas: geopandas.GeoDataFrame, codes: Iterable[str]) -> None:
    """Raises `GeoError("unmatched-areas")` naming every code that has no boundary."""
    strange = set(codes) - set(areas["code"])
    if strange:
        raise GeoError(
            "unmatched-areas", f"no boundary for the codes {name_codes(strange)}", hint=explain_codes(strange)
        )
