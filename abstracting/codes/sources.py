"""Reads a table of facts: rows of text under a line that names the source, gzip where the file says so."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import TextIO

DATA = Path(__file__).parent / "data"


def _open(path: Path) -> TextIO:
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")


def read_table(path: Path) -> list[dict[str, str]]:
    """Gives the rows of one table, each a mapping of column to text."""
    with _open(path) as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def read_source(path: Path) -> str:
    """Gives the sentence that names where a table comes from."""
    with _open(path) as file:
        return file.readline().removeprefix("# source:").strip()


def read_codes(name: str) -> list[dict[str, str]]:
    """Gives the rows of one of the code tables."""
    return read_table(DATA / name)
