"""Commands of analysis: the snapshot and selections from it, ready for `survival` and `geo`."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--where", multiple=True, help="a condition such as year=2018-2020 or site=C50* (repeat for more)")
@click.option("--facility", default="", help="only tumors of which this facility has an abstract")
@click.option("--survival", is_flag=True, help="leave out, and count, tumors whose survival time cannot be known")
@click.option("--json", "as_json", is_flag=True, help="one JSON document instead of a table")
def snapshot(file: Path | None, where: tuple[str, ...], facility: str, survival: bool, as_json: bool) -> None:
    """Bring the analysis snapshot up to date; with FILE (.parquet or .csv) write the selected tumors with all recodes.

    The file has one row a tumor with every item by its XML id, the recodes, and `days` and `dead` for `oncoregistry
    survival`: survival in days under active follow-up (blank where it cannot be known) and 1 for a death.
    """
    from registry import config
    from registry.analysis import cohort
    from registry.analysis.extract import UNKNOWN_DAYS, write_extract
    from registry.analysis.snapshot import refresh
    from registry.db import open_store
    from registry.selection import parse

    settings = config.load()
    made = refresh(open_store(settings))
    document: dict[str, object] = {"version": made.version, "made_at": made.made_at, "tumors": made.tumors}
    if file is not None:
        selected = cohort.apply(cohort.open_cohort(made, facility=facility), parse(where))
        if survival:
            selected = selected.keep("survival time unknown", lambda t: t.survival_days_active < UNKNOWN_DAYS)
        rows = write_extract(selected, file)
        document |= {
            "file": str(file),
            "rows": rows,
            "definition": selected.definition,
            "flow": [step.__dict__ for step in selected.steps],
        }
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False))
        return
    click.echo(f"snapshot {made.version[:12]}: {made.tumors:,} tumors")
    if file is not None:
        for step in selected.steps:
            click.echo(f"  {step.remaining:>9,} remain   {step.excluded:>9,} left out: {step.text}")
        click.echo(f"{file}: {document['rows']:,} tumors")
