"""The command of consolidation: every person and tumor brought to the rules in force."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.option("--dry-run", is_flag=True, help="count what would change and write nothing")
@click.option(
    "--rules",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="with --dry-run: try this file in place of consolidation.toml of the data folder",
)
@click.option("--json", "as_json", is_flag=True, help="one JSON document instead of a table")
def consolidate(dry_run: bool, rules: Path | None, as_json: bool) -> None:
    """Bring every person and tumor to the rules of consolidation in force, and count changed values by item.

    The shipped rules are overridden by `consolidation.toml` in the data folder. Values that change stay in the history; a
    replay with the earlier rules restores them.
    """
    from registry import config
    from registry.commands.exchange import _progress
    from registry.consolidation import upkeep
    from registry.consolidation.replay import replay
    from registry.consolidation.rules import with_file
    from registry.db import open_store
    from registry.schema import require_head

    if rules is not None and not dry_run:
        raise click.UsageError(
            "--rules is for --dry-run; rules come into force as consolidation.toml of the data folder"
        )
    store = open_store(config.load())
    require_head(store.engine)
    with _progress("consolidating") as progress:
        found = replay(
            store,
            lambda share, message: progress(share, 0),
            rules=with_file(rules) if rules else None,
            dry_run=dry_run,
        )
    if rules is None:
        upkeep.note(store, found, dry_run=dry_run, who=upkeep.WHO)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    verb = "would change" if dry_run else "changed"
    click.echo(f"rules {found['rules']}")
    for chain in ("patients", "tumors"):
        click.echo(f"{chain}: {found[chain]['seen']:,} seen, {found[chain]['changed']:,} {verb}")
        for row in found[chain]["items"]:
            click.echo(f"  {row['changed']:>9,}  {row['item']:>5}  {row['name']}")
