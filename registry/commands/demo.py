"""The `demo` command: a working registry with synthetic cases, served with printed logins."""

from __future__ import annotations

import click


@click.command()
@click.option("--size", type=click.IntRange(min=50), default=8000, show_default=True, help="patients")
@click.option("--seed", type=int, default=1, show_default=True, help="same seed, same registry")
@click.option("--no-serve", is_flag=True, help="build the registry and stop")
@click.option("--port", type=int, default=8420, show_default=True, help="port on which the pages are served")
def demo(size: int, seed: int, no_serve: bool, port: int) -> None:
    """Build a synthetic registry, run the whole way on it, serve it and print the address and logins."""
    click.echo(f"OncoRegistry demo: a synthetic registry of {size:,} patients (seed {seed}); no record is a person")
    from registry import config
    from registry.demo import logins, prepare
    from registry.serving import serve_pages

    folder = config.load().home / f"demo-{size}-{seed}"
    settings = prepare(folder, size=size, seed=seed, port=port, say=click.echo)
    if no_serve:
        click.echo(f"built in {folder}; serve it with the same command without --no-serve")
        click.echo(logins())
        return
    serve_pages(settings, say=click.echo, ready=lambda: click.echo(logins()))
