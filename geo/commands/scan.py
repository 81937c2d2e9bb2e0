"""`oncoregistry geo scan`: clusters from case, population or control, and coordinate files."""

from __future__ import annotations

import sys

import click


def _shapes(text: str | None) -> tuple[tuple[float, int], ...] | None:
    """Reads `1.5:4,2:6` (axis ratio : number of angles)."""
    from geo.errors import GeoError

    if text is None:
        return None
    try:
        pairs = tuple((float(a), int(b)) for a, b in (pair.split(":") for pair in text.split(",")))
    except ValueError as error:
        raise GeoError(
            "usage", f"--ellipses {text!r} cannot be read", hint="write ratio:angles,… as in 1.5:4,2:6"
        ) from error
    if any(ratio <= 1 or angles < 1 for ratio, angles in pairs):
        raise GeoError("usage", "--ellipses needs ratios above 1 and at least one angle each")
    return pairs


@click.command("scan", short_help="Clusters by the spatial and space-time scan statistic.")
@click.option("--cases", required=True, help="CSV or Parquet: id, cases, year or date where dated, covariates.")
@click.option("--population", help="id, year, pop, covariates (Poisson model).")
@click.option("--coordinates", help="id and lat, lon or x, y; not needed for a purely temporal scan.")
@click.option("--controls", help="id, controls, year or date where dated (Bernoulli model).")
@click.option("--model", type=click.Choice(["poisson", "bernoulli", "stp"]), default="poisson", show_default=True)
@click.option(
    "--analysis",
    type=click.Choice(["spatial", "temporal", "space-time", "prospective", "prospective-temporal"]),
    default="spatial",
    show_default=True,
)
@click.option("--shape", type=click.Choice(["circular", "elliptic"]), default="circular", show_default=True)
@click.option("--ellipses", help="Axis ratios and numbers of angles; default 1.5:4,2:6,3:9,4:12,5:15.")
@click.option(
    "--penalty",
    type=click.Choice(["none", "medium", "strong"]),
    default="medium",
    show_default=True,
    help="Non-compactness penalty of ellipses.",
)
@click.option("--rates", type=click.Choice(["high", "low", "both"]), default="high", show_default=True)
@click.option(
    "--max-share", type=float, default=0.5, show_default=True, help="Largest window, share of the population."
)
@click.option("--max-radius", type=float, help="Largest radius, km (lat, lon) or in the unit of x, y.")
@click.option("--start", help="First day of the study period; default: first case year.")
@click.option("--end", help="Last day of the study period; default: last case year.")
@click.option("--time-unit", type=click.Choice(["year", "month", "day"]), default="year", show_default=True)
@click.option("--time-length", type=int, default=1, show_default=True, help="Units in one time interval.")
@click.option(
    "--max-time", type=float, default=0.5, show_default=True,
    help="Longest window: a share of the study period (below 1) or a number of units.",
)  # fmt: skip
@click.option("--covariates", help="Columns to adjust for; default: all further columns; 'none' for none.")
@click.option(
    "--overlap",
    type=click.Choice(
        [
            "no-overlap",
            "no-centres-in-other",
            "no-centres-in-more-likely",
            "no-centres-in-less-likely",
            "no-pairs-of-centres",
            "all",
        ]
    ),
    default="no-overlap",
    show_default=True,
    help="Which secondary clusters are listed.",
)
@click.option("--min-cases", type=int, default=2, show_default=True, help="Fewest cases in a cluster of high rate.")
@click.option("--replicates", type=int, default=999, show_default=True)
@click.option("--stop-after", type=int, help="End early when so many replicates reach the most likely cluster.")
@click.option("--gini", is_flag=True, help="Also choose the size limit by the Gini coefficient.")
@click.option("--seed", type=int, default=12345, show_default=True)
@click.option("--threads", type=int, default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")
@click.option("--settings", is_flag=True, help="The equivalent SaTScan settings instead of the result's table.")
def scan(
    cases: str,
    population: str | None,
    coordinates: str | None,
    controls: str | None,
    covariates: str | None,
    ellipses: str | None,
    as_json: bool,
    settings: bool,
    threads: int,
    **options: object,
) -> None:
    """Finds where and when cases lie closer than chance explains (Kulldorff's scan statistic).

    A cluster is a statistical signal that needs verification of cases, residence and denominators; it is not evidence of
    a cause. Same seed, same result, whatever the number of threads.
    """
    from geo.scan import scan as find
    from geo.scan.zones import SHAPES

    if covariates is not None:
        options["covariates"] = [] if covariates.strip().lower() in ("", "none") else covariates.split(",")
    show = sys.stderr.isatty()
    bar = click.progressbar(length=int(options["replicates"]), label="replicates", file=sys.stderr) if show else None  # type: ignore[call-overload]

    def progress(done: int, _: int) -> None:
        if bar is not None:
            bar.update(done - bar.pos)

    result = find(
        cases,
        population,
        coordinates,
        controls=controls,
        shapes=_shapes(ellipses) or SHAPES,
        threads=max(1, threads),
        progress=progress,
        **options,  # type: ignore[arg-type]
    )
    if bar is not None:
        bar.render_finish()
    if as_json:
        click.echo(result.to_json())
    elif settings:
        click.echo(result.reproduce())
    else:
        _table(result)


def _table(result: object) -> None:
    """Prints the clusters as a table, then the warnings and what a cluster means."""

    def cell(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    head = f"{'rank':>4}  {'centre':<16} {'places':>6} {'radius':>9} {'from':<10} {'to':<10} {'obs':>7} {'exp':>10}"
    click.echo(f"{head} {'RR':>6} {'LLR':>11} {'p':>6}")
    for one in result.clusters:  # type: ignore[attr-defined]
        click.echo(
            f"{one.rank:>4}  {one.center:<16} {len(one.members):>6} {cell(one.radius_km, '9.2f'):>9} {one.start or '':<10}"
            f" {one.end or '':<10} {one.observed:>7} {one.expected:>10.2f} {cell(one.relative_risk, '.2f'):>6}"
            f" {one.llr:>11.6f} {cell(one.p_value, '.3f'):>6}"
        )
    for warning in result.warnings:  # type: ignore[attr-defined]
        click.echo(f"note: {warning}", err=True)
    click.echo()
    click.echo(result.words())  # type: ignore[attr-defined]
