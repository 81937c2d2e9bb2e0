"""`oncoregistry survival …`: each subcommand is loaded only when it is called."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import click

# subcommand: the module that holds it, with the attribute; a module that is not there offers nothing
MODULES: dict[str, tuple[str, str]] = {
    "km": ("curves", "km"),
    "lifetable": ("curves", "lifetable"),
    "rmst": ("curves", "rmst"),
    "net": ("net", "net"),
    "crude": ("net", "crude"),
    "net-test": ("net", "net_test"),
    "prevalence": ("prevalence", "prevalence"),
    "logrank": ("competing", "logrank"),
    "cif": ("competing", "cif"),
    "finegray": ("competing", "finegray"),
    "cox": ("regression", "cox"),
    "excess": ("regression", "excess"),
    "flexible": ("regression", "flexible"),
}


class Subcommands(click.Group):
    """A group that knows its commands by name and imports a module only when one is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, (module, _) in MODULES.items() if find_spec(f"{__name__}.{module}")]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        module, attribute = MODULES[name]
        return getattr(import_module(f"{__name__}.{module}"), attribute)


@click.group(cls=Subcommands)
def survival() -> None:
    """Population-based survival: a file in, estimates with confidence limits out."""
