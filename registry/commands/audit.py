"""Commands on the audit chain."""

from __future__ import annotations

import json
import sys

import click


@click.group()
def audit() -> None:
    """The audit chain of saves and reads."""


@audit.command()
@click.option("--json", "as_json", is_flag=True, help="one JSON document instead of a table")
def verify(as_json: bool) -> None:
    """Check every chain; exit 1 and name the link when one was changed, removed or reordered."""
    from registry import audit as chain
    from registry import config
    from registry.db import open_store

    findings = chain.verify(open_store(config.load()))
    if as_json:
        rows = [finding.__dict__ for finding in findings]
        click.echo(json.dumps({"sound": not rows, "findings": rows}, ensure_ascii=False))
    elif findings:
        for finding in findings:
            click.echo(f"{finding.fault}: {finding.message}" + (f" (row {finding.row_id})" if finding.row_id else ""))
    else:
        click.echo("every chain is sound")
    sys.exit(1 if findings else 0)
