"""`oncoregistry geo smooth`: rates smoothed by empirical Bayes, global or local, or by BYM2."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from scipy import sparse


@click.command("smooth", short_help="Smoothed rates: empirical Bayes (global, local) and BYM2.")
@click.argument("file", required=False)
@click.option("--data", help="CSV or Parquet, as FILE: one row per area with code, cases and population or expected.")
@click.option("--id", "id_column", help="Column of the areas' codes.")
@click.option("--count", help="Column of cases.")
@click.option("--pop", help="Column of population.")
@click.option("--expected", help="Column of expected cases, in place of a population.")
@click.option("--method", type=click.Choice(["global", "local", "bym2"]), default="global", show_default=True)
@click.option("--pairs", help="CSV of neighbours: two columns of codes, each pair once or twice.")
@click.option("--areas", help="Boundary file whose areas are neighbours where they touch; without it US counties.")
@click.option("--area-code", default="code", show_default=True, help="Column of codes in the boundary file.")
@click.option("--per", type=click.FloatRange(0, min_open=True), default=100_000.0, show_default=True)
@click.option("--level", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.95, show_default=True)
@click.option("--suppress", type=int, default=16, show_default=True, help="Mark counts below this; 0 marks none.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")
def smooth(file: str | None, data: str | None, as_json: bool, **options: Any) -> None:
    """Draws the rates of small areas towards the rate of all areas or of their neighbours."""
    from geo.errors import GeoError
    from geo.tables import table_text

    source = file or data
    if source is None:
        raise GeoError("usage", "no data", hint="give FILE with code, cases and population")
    document = compute(source, **options)
    click.echo(json.dumps(document, ensure_ascii=False) if as_json else table_text(document["rows"], digits=3))


def compute(source: str, **o: Any) -> dict[str, Any]:
    """Gives the JSON document of the command: one row per area."""
    import numpy as np
    import pandas as pd

    from geo.bym2 import smooth_bym2
    from geo.errors import GeoError
    from geo.rates import numbers_of
    from geo.smoothing import probability_map, smooth_global, smooth_local
    from geo.tables import find_column, plain, read_table, records_of, seek_column

    frame = read_table(source, text=[o["id_column"]] if o["id_column"] else [])
    code = find_column(frame, "code", o["id_column"], where=source)
    codes = frame[code].astype(str).tolist()
    if len(set(codes)) < len(codes):
        raise GeoError("input-values", "an area stands twice", where=source, hint="sum the rows of an area first")
    cases = numbers_of(frame, find_column(frame, "cases", o["count"], where=source), what="cases", where=source)
    people = None if o["expected"] else seek_column(frame, "population", o["pop"])
    column = people or find_column(frame, "expected", o["expected"], where=source)
    base = numbers_of(frame, column, what="populations", where=source)
    overall = cases.sum() / base.sum() if base.sum() > 0 else 0.0
    table = pd.DataFrame({"code": codes, "cases": cases, "population" if people else "expected": base})
    scale = o["per"] if people else 1.0
    table["rate"] = cases / np.where(base > 0, base, np.nan) * scale
    details: dict[str, Any] = {}
    if o["method"] == "bym2":
        found = smooth_bym2(cases, base * overall, neighbours_of(codes, o), level=o["level"])
        table["smoothed"] = found.risk * overall * scale
        table["smoothed_lower"], table["smoothed_upper"] = found.lower * overall * scale, found.upper * overall * scale
        table["relative_risk"], table["exceedance"] = found.risk, found.exceedance
        details = {"phi": found.phi, "sigma": found.sigma, "points": found.points}
    else:
        found = (
            smooth_global(cases, base)
            if o["method"] == "global"
            else smooth_local(cases, base, neighbours_of(codes, o))
        )
        table["smoothed"] = found.estimate * scale
        if o["method"] == "global":
            details = {"mean": found.mean, "variance": found.variance}
    table["probability"] = probability_map(cases, base)["probability"]
    table["suppressed"] = cases < o["suppress"]
    return plain({"method": o["method"], "per": scale, **details, "rows": records_of(table)})


def neighbours_of(codes: list[str], o: dict[str, Any]) -> sparse.csr_matrix:
    """Gives the adjacency in the order of the codes: by pairs, by a boundary file, or of US counties."""
    from geo.adjacency import adjacency_of_pairs, queen_adjacency
    from geo.boundaries import load_areas, require_match
    from geo.counties import county_neighbours
    from geo.editions import edition_of, name_codes
    from geo.errors import GeoError
    from geo.tables import read_table

    place = {code: i for i, code in enumerate(codes)}
    if o["pairs"]:
        frame = read_table(o["pairs"])
        frame = read_table(o["pairs"], text=[name.lower() for name in frame.columns]).astype(str)
        strange = set(frame.iloc[:, :2].to_numpy().ravel()) - set(place)
        if strange:
            raise GeoError("unmatched-areas", f"neighbours without data: {name_codes(strange)}", where=o["pairs"])
        return adjacency_of_pairs([(place[a], place[b]) for a, b in frame.iloc[:, :2].to_numpy()], len(codes))
    if o["areas"]:
        areas = load_areas(o["areas"], code=o["area_code"])
        require_match(areas, codes)
        areas = areas.set_index("code").loc[codes].reset_index()
        return queen_adjacency(areas)
    near = county_neighbours(edition_of(codes))
    return adjacency_of_pairs([(place[a], place[b]) for a in codes for b in near[a] if b in place], len(codes))
