"""A map's figures as files: GeoJSON and CSV, with nothing of a suppressed area but that it is suppressed."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pandas as pd

from geo.layers import MapLayer
from geo.maps import geometry_json
from geo.suppression import DERIVED, mask_hidden

COLUMNS = ("rate", "lower", "upper", "cases", "population", "unstable", "trend", "apc", "apc_lower", "apc_upper")


def map_table(layer: MapLayer, *, columns: Sequence[str] = COLUMNS) -> pd.DataFrame:
    """Gives the table twin of a map: code, name, frame (if several), the columns that are known, status, class."""
    parts = []
    for frame in layer.frames:
        table = frame.table
        kept = {name: table[name].to_numpy() for name in columns if name in table.columns}
        part = pd.DataFrame({"code": layer.areas["code"], "name": layer.areas["name"], **kept, "status": frame.status})
        part["class"] = [layer.labels[k] if k >= 0 else None for k in frame.classes]
        if len(layer.frames) > 1:
            part.insert(2, "frame", frame.label)
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    hidden = (table["status"] == "suppressed").to_numpy()
    return mask_hidden(table, hidden, columns=[*DERIVED, "class"]).drop(columns="suppressed")


def map_csv(layer: MapLayer) -> str:
    """Gives the table twin as CSV."""
    return map_table(layer).to_csv(index=False, lineterminator="\n")


def map_geojson(layer: MapLayer, *, digits: int = 4) -> str:
    """Gives the areas as GeoJSON (degrees, WGS 84) with their row of the table twin; several frames in `frames`."""
    table = map_table(layer)
    rows = json.loads(table.to_json(orient="records"))
    by_code: dict[str, list[dict]] = {}
    for row in rows:
        by_code.setdefault(row["code"], []).append({k: v for k, v in row.items() if v is not None})
    shapes = layer.areas.geometry.to_crs("EPSG:4326")
    features = []
    for code, shape in zip(layer.areas["code"], shapes):
        found = by_code[code]
        common = {"code": code, "name": found[0]["name"]}
        single = len(layer.frames) == 1
        properties = (
            found[0]
            if single
            else {**common, "frames": [{k: v for k, v in row.items() if k not in common} for row in found]}
        )
        features.append(
            {"type": "Feature", "id": code, "properties": properties, "geometry": geometry_json(shape, digits)}
        )
    collection = {"type": "FeatureCollection", "name": layer.title, "notes": list(layer.notes), "features": features}
    return json.dumps(collection, ensure_ascii=False, separators=(",", ":"))
