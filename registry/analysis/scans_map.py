"""The map of a scan: each county's risk relative to all others, the clusters as outlines; and the scan as CSV and GeoJSON."""

from __future__ import annotations

import csv
import io
import json
from textwrap import wrap
from typing import Any

import pandas as pd

from geo.boundaries import load_counties
from geo.exports import map_table
from geo.layers import MapLayer, make_layer
from geo.maps import geometry_json
from registry.analysis.rates_map import HASH, LINE
from registry.analysis.rates_stage import in_words, stage_breaks
from registry.analysis.scans_view import Scan
from registry.exchange.export import neutral

MOST_OUTLINED = 12
"""So many clusters are outlined: all significant ones, or else the most likely one where its place in the list is told."""

BOUNDS = (0.0, 0.5, 0.8, 1.0, 1.25, 2.0, 5.0)


def outlined(found: Scan) -> list[Any]:
    """Gives the clusters that the map outlines."""
    if found.request.analysis == "temporal":
        return []
    strong = [one for one in found.clusters if one.significant]
    return strong[:MOST_OUTLINED] or [one for one in found.clusters[:1] if not one.hidden]


def scan_layer(found: Scan, *, registry: str = "", alone: bool = True) -> MapLayer:
    """Gives the layer of a scan."""
    codes = [one.code for one in found.locations]
    areas, _ = load_counties(codes)
    values = pd.DataFrame(
        {
            "code": codes,
            "rate": [one.relative_risk for one in found.locations],
            "cases": [one.observed for one in found.locations],
            "suppressed": [one.observed is None for one in found.locations],
        }
    )
    if values["rate"].isna().all():
        # the permutation model has no risk by county, and all may be hidden: the outlines are what the map shows
        values["rate"] = [None if hidden else 1.0 for hidden in values["suppressed"]]
    clusters = [
        {
            "rank": one.rank,
            "members": [code for code, _ in one.members],
            "relative_risk": one.relative_risk,
            "observed": one.observed,
            "expected": one.expected,
            "start": one.window.partition("–")[0] or None,
            "end": (one.window.partition("–")[2] or one.window) or None,
            "p_value": None if one.p_value == "not tested" or one.hidden else float(one.p_value),
        }
        for one in outlined(found)
    ]
    return make_layer(
        areas,
        values,
        title=f"Clusters: {found.title}",
        measure="Relative risk, all other counties = 1",
        method="fixed",
        bounds=BOUNDS,
        colours="puor",
        digits=2,
        clusters=clusters,
        notes=[part for line in notes(found, registry) for part in wrap(line, LINE)] if alone else [],
        texts={
            "rate": "Relative risk",
            "suppressed": f"Suppressed: fewer than {found.policy.threshold} cases, or it would give such a count away",
            "suppressed_legend": f"Suppressed (under {found.policy.threshold})",
            "no_data": "Not in the scan",
            "no_data_legend": "Not in the scan",
            "to_map": "Dashed outlines are clusters.",
        },
    )


def notes(found: Scan, registry: str = "") -> list[str]:
    """Gives the lines that travel with a scan."""
    changed = in_words(stage_breaks(found.request.cases, *found.years))
    return [
        found.statement,
        found.tried.words,
        *([changed] if changed else []),
        *[text for text in found.warnings if "hidden count" in text],
        f"Method: {found.request.method()}, seed {found.request.seed}.",
        f"Cases: {found.definition}. Population: {found.population}.",
        f"{registry + ', ' if registry else ''}scan {found.number}, "
        f"data snapshot {found.version[:HASH]} of {found.made_at[:10]}.",
    ]


COLUMNS = (
    "rank",
    "p_value",
    "window",
    "counties",
    "observed",
    "expected",
    "relative_risk",
    "llr",
    "radius_km",
    "members",
    "status",
)


def rows_of(found: Scan) -> list[dict[str, Any]]:
    """Gives the clusters as rows of a file."""
    return [
        {
            "rank": one.rank,
            "p_value": one.p_value,
            "window": one.window or f"{found.years[0]}–{found.years[1]}",
            "counties": len(one.members),
            "observed": one.observed,
            "expected": one.expected,
            "relative_risk": one.relative_risk,
            "llr": one.llr,
            "radius_km": one.radius_km,
            "members": "; ".join(f"{code} {name}" for code, name in one.members),
            "status": "suppressed" if one.hidden else "shown",
        }
        for one in found.clusters
    ]


def as_csv(found: Scan, registry: str) -> str:
    """Gives the clusters as CSV, with what must be said of them in comment lines."""
    out = io.StringIO()
    for line in (f"Clusters: {found.title}", *notes(found, registry)):
        out.write(f"# {line}\r\n")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows_of(found):
        writer.writerow(
            ["" if row[n] is None else neutral(row[n]) if isinstance(row[n], str) else row[n] for n in COLUMNS]
        )
    return out.getvalue()


def as_json(found: Scan, registry: str) -> str:
    """Gives the scan as one JSON document."""
    locations = [
        {"code": one.code, "name": one.name, "observed": one.observed, "expected": one.expected,
         "relative_risk": one.relative_risk, "status": "suppressed" if one.observed is None else "shown"}
        for one in found.locations
    ]  # fmt: skip
    document = {
        "title": found.title,
        "notes": notes(found, registry),
        "parameters": dict(found.request.pairs()),
        "seed": found.request.seed,
        "replicates": found.replicates,
        "data_version": found.version,
        "total_cases": found.total,
        "clusters": rows_of(found),
        "locations": locations,
        "warnings": list(found.warnings),
        "satscan": found.settings,
    }
    return json.dumps(document, ensure_ascii=False, indent=1)


def as_geojson(found: Scan, registry: str) -> str:
    """Gives clusters as polygons and counties with their risk, in degrees."""
    layer = scan_layer(found, registry=registry)
    shapes = layer.areas.geometry.to_crs("EPSG:4326")
    table = {row["code"]: row for row in json.loads(map_table(layer).to_json(orient="records"))}
    features = [
        {"type": "Feature", "id": code, "geometry": geometry_json(shape, 4),
         "properties": {"kind": "county", **{k: v for k, v in table[code].items() if v is not None}}}
        for code, shape in zip(layer.areas["code"], shapes)
    ]  # fmt: skip
    import geopandas

    rows = {row["rank"]: row for row in rows_of(found)}
    for cluster in layer.clusters:
        shape = geopandas.GeoSeries([cluster.geometry], crs=layer.areas.crs).to_crs("EPSG:4326").iloc[0]
        properties = {"kind": "cluster", **{k: v for k, v in rows[cluster.rank].items() if v is not None}}
        features.append({"type": "Feature", "geometry": geometry_json(shape, 4), "properties": properties})
    collection = {
        "type": "FeatureCollection",
        "name": layer.title,
        "notes": notes(found, registry),
        "features": features,
    }
    return json.dumps(collection, ensure_ascii=False, separators=(",", ":"))
