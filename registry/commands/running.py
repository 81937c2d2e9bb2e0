"""Commands that run a registry: making it, upgrading it, serving it, its worker, backup and restore."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
def init() -> None:
    """Make an empty registry in the data folder (ONCOREGISTRY_HOME); never asks anything."""
    from registry import config, schema
    from registry.db import Store

    settings = config.load()
    store = Store(settings)
    schema.upgrade(store.engine)
    config.secret(settings, "session")
    click.echo(f"registry ready in {settings.home}")
    click.echo("next: oncoregistry user add NAME --role administrator, then oncoregistry serve")


@click.command()
def upgrade() -> None:
    """Bring the database to the schema of this program."""
    from registry import config, schema
    from registry.consolidation import upkeep
    from registry.db import open_store

    store = open_store(config.load())
    before = schema.current(store.engine)
    schema.upgrade(store.engine)
    after = schema.current(store.engine)
    click.echo(f"schema {after}" + ("" if before == after else f" (was {before})"))
    if (job := upkeep.after_upgrade(store, before)) is not None:
        click.echo(f"the worker looks for values that the rules leave open (job {job}); `consolidate` does it now")


@click.command()
@click.option("--host", help="address to listen on (setting `host`)")
@click.option("--port", type=int, help="port to listen on (setting `port`)")
def serve(host: str | None, port: int | None) -> None:
    """Serve the pages until stopped with Ctrl+C, the background worker beside them."""
    from registry import config
    from registry.serving import serve_pages

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    serve_pages(config.load(**given), say=click.echo)


@click.command()
def worker() -> None:
    """Run background jobs in a process of their own (several machines, or beside a served application)."""
    from registry import config
    from registry.db import open_store
    from registry.jobs import work_forever

    work_forever(open_store(config.load()), say=click.echo)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write database, documents, anchors and keys into FILE (.tar.gz) while the registry runs."""
    from registry import config
    from registry.backup import back_up
    from registry.db import open_store

    summary = back_up(open_store(config.load()), file)
    click.echo(f"{file}: {summary.tables} tables, {summary.rows:,} rows, {summary.documents} documents")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Restore a backup into an empty data folder; the archive is checked before anything is written."""
    from registry import config
    from registry.backup import restore_backup

    summary = restore_backup(config.load(), file)
    click.echo(f"restored {summary.rows:,} rows and {summary.documents} documents")
