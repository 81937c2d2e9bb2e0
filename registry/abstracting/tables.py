"""Reading of the desk's data files: CSV with a source header."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """Gives the rows of a data file as mappings from column to text; lines with `#` are its header of sources."""
    text = (files("registry.abstracting") / "data" / f"{name}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(line for line in text.splitlines() if line and not line.startswith("#")))
