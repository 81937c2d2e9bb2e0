"""The house: contracts between the rooms, light packages, a command line that starts at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("numpy", "pandas", "sqlalchemy", "flask", "numba", "ibis", "lifelines", "geopandas", "lxml")


def test_import_contracts_hold() -> None:
    result = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["naaccr", "--help"], ["survival", "--help"]])
def test_the_command_line_loads_nothing_heavy_to_explain_itself(arguments: list[str]) -> None:
    program = f"""
import sys
from registry.cli import main
try:
    main({arguments!r})
except SystemExit as end:
    assert end.code == 0, end.code
print("LOADED", [name for name in {HEAVY!r} if name in sys.modules])
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, env={**os.environ, "COLUMNS": "80"}
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "LOADED []"


def test_a_fault_of_ours_exits_70_and_says_so() -> None:
    program = """
import click
from registry import cli
@click.command()
def boom():
    raise ZeroDivisionError("here")
cli.cli.add_command(boom, "boom")
cli.LazyGroup.get_command = lambda self, context, name: boom
cli.main(["boom"])
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 70
    assert "a fault of ours" in result.stderr


def test_an_error_of_the_data_names_code_place_and_remedy(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "registry.cli", "audit", "verify"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "ONCOREGISTRY_HOME": str(tmp_path / "nowhere")},
    )
    assert result.returncode == 3
    assert "[database-missing]" in result.stderr and "where:" in result.stderr and "oncoregistry init" in result.stderr
    assert "Traceback" not in result.stderr
