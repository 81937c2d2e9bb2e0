"""The command line: finds each room's commands by entry point and loads one only when it is called.

Exit codes: 0 fine, 1 findings, 2 wrong usage, 3 bad input file, 4 refused, 70 a fault of ours.
"""

from __future__ import annotations

import os
import sys
import traceback
from importlib.metadata import entry_points

import click

GROUP = "oncoregistry.commands"
FAULT_OF_OURS = 70


class LazyGroup(click.Group):
    """A group whose commands are entry points, so that `--version` and one command never import the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(entry_points(group=GROUP).names)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        for entry in entry_points(group=GROUP, name=name):
            return entry.load()
        return None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="oncoregistry")
def cli() -> None:
    """An open cancer registry: coding, follow-up, survival, maps and exchange on one live store."""


def explain(error: Exception) -> str:
    """Gives the text a user sees for one of the rooms' errors: code, sentence, place, remedy."""
    lines = [f"error [{error.code}] {error.message}"]  # type: ignore[attr-defined]
    if error.where:  # type: ignore[attr-defined]
        lines.append(f"  where: {error.where}")  # type: ignore[attr-defined]
    if error.hint:  # type: ignore[attr-defined]
        lines.append(f"  remedy: {error.hint}")  # type: ignore[attr-defined]
    return "\n".join(lines)


def main(args: list[str] | None = None) -> None:
    """Runs a command and exits with its code; an error of the rooms becomes text, any other is a fault of ours."""
    try:
        code = cli.main(args=args, prog_name="oncoregistry", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # the reader of our output went away (`| head`): nothing was lost and nothing is to be said
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if all(hasattr(error, name) for name in ("code", "message", "hint", "where", "exit_code")):
            click.echo(explain(error), err=True)
            sys.exit(error.exit_code)  # type: ignore[attr-defined]
        traceback.print_exc()
        click.echo("error [internal] a fault of ours, not of your data; please report the lines above", err=True)
        sys.exit(FAULT_OF_OURS)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
