"""Writes the reference pages of docs/ from the program: commands, settings, error codes.

`python scripts/make_docs.py` writes them; with `--check` it writes nothing, names those out of date and exits with 1.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import fields
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
ROOMS = ("registry", "abstracting", "survival", "geo")


def commands() -> str:
    """Gives every command with its arguments and options, as the program itself explains them."""
    from registry.cli import cli

    lines = ["# Commands", "", "Every command of `oncoregistry`, as `--help` explains it.", ""]
    # the settings of the real run: without them the help option would be named otherwise
    _command(cli, click.Context(cli, info_name="oncoregistry", **cli.context_settings), lines)
    return "\n".join(lines).rstrip() + "\n"


def _command(command: click.Command, context: click.Context, lines: list[str]) -> None:
    context.terminal_width = 100
    lines += [f"## `{context.command_path}`", "", "```text", command.get_help(context).rstrip(), "```", ""]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                _command(child, click.Context(child, info_name=name, parent=context), lines)


def settings() -> str:
    """Gives every setting with its default and meaning."""
    from registry.config import FILE, Settings

    lines = [
        "# Settings",
        "",
        f"In `{FILE}` of the data folder (`ONCOREGISTRY_HOME`), or in the environment as `ONCOREGISTRY_NAME`.",
        "",
        "| setting | default | meaning |",
        "|---|---|---|",
    ]
    for field in fields(Settings):
        default = (
            ""
            if field.name == "home"
            else f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"
        )
        lines.append(f"| `{field.name}` | {default if default != '``' else ''} | {field.metadata['meaning']} |")
    return "\n".join(lines) + "\n"


def errors() -> str:
    """Gives every error code of the four rooms with its meaning."""
    lines = [
        "# Error codes",
        "",
        "Every error names a code, the place and a remedy. Exit codes: 1 findings, 2 usage, 3 input, 4 refused, 70 ours.",
        "",
    ]
    for room in ROOMS:
        codes = importlib.import_module(f"{room}.errors").CODES
        lines += [f"## {room}", "", "| code | meaning |", "|---|---|"]
        lines += [f"| `{code}` | {meaning} |" for code, meaning in sorted(codes.items())]
        lines.append("")
    return "\n".join(lines)


PAGES = {"commands.md": commands, "settings.md": settings, "errors.md": errors}


def main(check: bool) -> int:
    """Writes every page, or names the ones that are out of date."""
    stale = 0
    for name, make in PAGES.items():
        page, text = ROOT / "docs" / name, make()
        if not check:
            page.write_text(text, encoding="utf-8")
        elif not page.exists() or page.read_text(encoding="utf-8") != text:
            print(f"docs/{name} is out of date; run: python scripts/make_docs.py")
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
