"""`oncoregistry geo …`: rates, clusters, smoothing, trends and maps from files, without a database."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    "rates": "Crude and age-adjusted rates with intervals, SIR, cumulative risk.",
    "scan": "Clusters by the spatial and space-time scan statistic.",
    "lisa": "Local Moran's I and Getis-Ord G* with false discovery control.",
    "smooth": "Smoothed rates: empirical Bayes (global, local) and BYM2.",
    "trend": "Segmented trends with annual percent change.",
    "map": "A choropleth as HTML, SVG, PNG, PDF, GeoJSON or CSV.",
}


class LazyCommands(click.Group):
    """Loads `geo.commands.NAME` only when NAME is called; the list with its short helps loads none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        return getattr(import_module(f"{__name__}.{name}"), name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
def geo() -> None:
    """Rates, maps and clusters by county or any other area."""
