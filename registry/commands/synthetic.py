"""`synth`: a synthetic file without a store."""

from __future__ import annotations

import click


@click.command()
@click.argument("out", type=click.Path())
@click.option(
    "--patients", type=click.IntRange(min=1), default=1000, show_default=True, help="Persons in the registry."
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Same seed, same bytes.")
@click.option(
    "--naaccr-version", type=click.Choice(["250", "260"]), default="250", show_default=True, help="Version of XML."
)
@click.option(
    "--record-type", type=click.Choice(["A", "M", "C", "I"]), default="A", show_default=True, help="Record type."
)
@click.option("--first-year", type=int, default=2000, show_default=True, help="First year of diagnosis.")
@click.option("--last-year", type=int, default=2024, show_default=True, help="Last year of diagnosis.")
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), default="2025-12-31", show_default=True, help="End of knowledge."
)
@click.option("--clusters/--no-clusters", default=True, help="Plant the two clusters.")
@click.option("--county-effects/--no-county-effects", default=True, help="Let rates differ between counties.")
@click.option(
    "--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Threads; never changes the bytes."
)
def synth(
    out, patients, seed, naaccr_version, record_type, first_year, last_year, as_of, clusters, county_effects, workers
) -> None:
    """Write a synthetic registry to OUT: .xml, .xml.gz, .csv or .parquet, or a folder with everything and its truth.

    No record is a person: numbers come from reserved ranges, names are invented, and every tumor carries a watermark
    (vendorName SYNTHETIC). A folder holds registry.xml.gz, submissions.xml.gz (every facility's reports, duplicates
    included), truth.json, pairs.csv, records.csv, population.csv, facilities.csv, physicians.csv, reports.jsonl,
    deaths.csv, encounters.csv, contacts.csv and their answer keys.
    """
    from pathlib import Path

    from registry.synthetic.registry import check_request, make
    from registry.synthetic.writing import check_target, write

    years, day = range(first_year, last_year + 1), as_of.date()
    check_target(Path(out), version=naaccr_version, record_type=record_type, workers=workers)
    check_request(patients, years, day)
    made = make(patients=patients, seed=seed, years=years, as_of=day, clusters=clusters, county_effects=county_effects)
    write(made, out, version=naaccr_version, record_type=record_type, workers=workers)
    click.echo(
        f"{len(made.patients):,} patients, {len(made.tumors):,} tumors, {len(made.abstracts):,} facility reports: {out}",
        err=True,
    )
