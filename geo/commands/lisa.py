"""`oncoregistry geo lisa`: local Moran's I and Getis-Ord G* with false discovery control, and Tango's index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import numpy as np
    from scipy import sparse


@click.command("lisa", short_help="Local Moran's I and Getis-Ord G* with false discovery control.")
@click.option("--data", required=True, help="CSV or Parquet: an id column and values, or cases and population.")
@click.option("--id", "id_column", default="id", show_default=True)
@click.option("--value", help="Column to examine; without it rates of --cases and --population.")
@click.option("--cases", default="cases", show_default=True, help="Column of cases.")
@click.option("--population", default="pop", show_default=True, help="Column of population.")
@click.option(
    "--rates",
    type=click.Choice(["raw", "eb-standardised", "eb-global", "eb-local"]),
    default="raw",
    show_default=True,
    help="Raw rates, or empirical Bayes: standardised (Assuncao and Reis), smoothed globally or locally.",
)
@click.option("--pairs", help="CSV of neighbours: two columns of ids, each pair once or twice.")
@click.option("--areas", help="Polygons (GeoJSON, GeoPackage, shapefile, GeoParquet): neighbours share a border point.")
@click.option("--area-id", help="Column of the areas' ids; default: as --id.")
@click.option("--tango", type=float, help="Also Tango's index at this scale; needs lat, lon or x, y in --data.")
@click.option("--permutations", type=int, default=999, show_default=True)
@click.option("--seed", type=int, default=12345, show_default=True)
@click.option("--level", type=float, default=0.05, show_default=True, help="False discovery rate.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")
def lisa(
    data: str,
    id_column: str,
    value: str | None,
    cases: str,
    population: str,
    rates: str,
    pairs: str | None,
    areas: str | None,
    area_id: str | None,
    tango: float | None,
    permutations: int,
    seed: int,
    level: float,
    as_json: bool,
) -> None:
    """Shows which areas lie among areas like themselves, with raw p-values and the false discovery rate held."""
    from geo.errors import GeoError
    from geo.local import local_statistics
    from geo.scan.inputs import Faults, read_numbers, read_table

    if (pairs is None) == (areas is None):
        raise GeoError("usage", "say who borders whom", hint="give either --pairs or --areas")
    table = read_table(data, "data")
    ids = table.text(table.require((id_column.lower(),)))
    faults = Faults()
    for key in sorted({one for one in ids if ids.count(one) > 1}) if len(set(ids)) < len(ids) else []:
        faults.add("scan-duplicate", f"{table.name} {key}", "stands in several rows")
    columns = [value] if value else [cases, population]
    numbers = [read_numbers(table, table.require((name.lower(),)), faults) for name in columns]
    faults.stop()
    adjacency = _adjacency(ids, pairs, areas, area_id or id_column)
    chosen: dict[str, Any] = {"values": numbers[0]} if value else {"cases": numbers[0], "population": numbers[1]}
    result = local_statistics(
        ids, adjacency, rates=rates, permutations=permutations, seed=seed, level=level, **chosen
    )  # fmt: skip
    index = _tango(table, chosen, tango, permutations, seed) if tango is not None else None
    if as_json:
        _print_json(result, index, seed, permutations)
    else:
        _print_table(result, index)


def _adjacency(ids: list[str], pairs: str | None, areas: str | None, area_id: str) -> sparse.csr_matrix:
    """Gives the neighbours in the order of `ids`; ids that are missing on either side are an error."""
    from geo.adjacency import adjacency_of_pairs, queen_adjacency
    from geo.errors import GeoError
    from geo.scan.inputs import read_table

    place = {key: i for i, key in enumerate(ids)}
    if pairs is not None:
        table = read_table(pairs, "pairs")
        if table.frame.shape[1] != 2:
            raise GeoError("input-columns", f"{table.name} must have two columns of ids", where=table.name)
        left, right = (table.frame.iloc[:, k].tolist() for k in (0, 1))
        unknown = sorted({key for key in left + right if key not in place})
        if unknown:
            raise GeoError(
                "local-weights",
                f"pairs name areas that are not in the data: {', '.join(unknown[:10])}",
                where=table.name,
            )
        return adjacency_of_pairs([(place[a], place[b]) for a, b in zip(left, right)], len(ids))
    import geopandas

    try:
        shapes = geopandas.read_parquet(areas) if str(areas).endswith(".parquet") else geopandas.read_file(areas)
    except Exception as error:
        raise GeoError("boundaries", f"{areas} cannot be read: {error}", where=str(areas)) from error
    if area_id not in shapes.columns:
        names = ", ".join(map(str, shapes.columns))
        raise GeoError("boundaries", f"{areas} has no column {area_id!r}; it has {names}", hint="give --area-id")
    shapes = shapes.assign(key=shapes[area_id].astype(str)).drop_duplicates("key").set_index("key")
    missing = [key for key in ids if key not in shapes.index]
    if missing:
        raise GeoError("unmatched-areas", f"areas without a polygon: {', '.join(missing[:10])}", where=str(areas))
    return queen_adjacency(shapes.loc[ids])


def _tango(table: Any, chosen: dict[str, np.ndarray], scale: float, replicates: int, seed: int) -> Any:
    import numpy as np

    from geo.errors import GeoError
    from geo.local import tango_index
    from geo.scan.inputs import LAT, LON, Faults, X, Y, read_numbers

    if "cases" not in chosen:
        raise GeoError("usage", "Tango's index needs cases and population, not a value")
    latlon = table.column(LAT) is not None
    faults = Faults()
    names = (LAT, LON) if latlon else (X, Y)
    points = np.stack([read_numbers(table, table.require(one), faults, signed=True) for one in names], axis=1)
    faults.stop()
    expected = chosen["population"] * chosen["cases"].sum() / chosen["population"].sum()
    return tango_index(
        chosen["cases"], expected, points, scale=scale, latlon=latlon, replicates=replicates, seed=seed
    )  # fmt: skip


def _print_json(result: Any, index: Any, seed: int, permutations: int) -> None:
    import json
    from dataclasses import asdict

    rows = [
        {key: None if isinstance(cell, float) and cell != cell else cell for key, cell in row.items()}
        for row in result.areas.to_dict("records")
    ]
    click.echo(
        json.dumps(
            {
                "areas": rows,
                "overall": result.overall,
                "tango": None if index is None else asdict(index),
                "level": result.level,
                "rates": result.rates,
                "islands": list(result.islands),
                "seed": seed,
                "permutations": permutations,
            },
            ensure_ascii=False,
            allow_nan=False,
        )
    )


def _print_table(result: Any, index: Any) -> None:
    click.echo(f"{'id':<16} {'value':>12} {'I':>9} {'p':>8} {'fdr':>8} {'kind':<10} {'G*':>8} {'p':>8} {'fdr':>8} spot")
    for row in result.areas.itertuples():
        click.echo(
            f"{row.id:<16} {row.value:>12.5g} {row.moran:>9.4f} {row.moran_p:>8.4f} {row.moran_fdr:>8.4f} {row.kind:<10}"
            f" {row.gstar_z:>8.3f} {row.gstar_p:>8.4f} {row.gstar_fdr:>8.4f} {row.spot}"
        )
    overall = result.overall
    click.echo(f"\nMoran's I {overall['moran_i']:.6f} (z {overall['moran_z']:.3f}, p {overall['moran_p']:.3g})")
    click.echo(f"Geary's C {overall['geary_c']:.6f} (z {overall['geary_z']:.3f}, p {overall['geary_p']:.3g})")
    if "ebi" in overall:
        click.echo(f"empirical Bayes index {overall['ebi']:.6f}")
    if index is not None:
        click.echo(f"Tango's index {index.index:.6g} at scale {index.scale:g} (p {index.p_value:.3g})")
    if result.islands:
        click.echo(f"areas without neighbours: {', '.join(result.islands)}", err=True)
