"""Tables from files and to output: reading by suffix, columns by their customary names, figures as JSON."""

from __future__ import annotations

import gzip
import io
import math
import sys
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from geo.errors import GeoError

# names under which the columns of case and population tables are found without being named
ALIASES: dict[str, tuple[str, ...]] = {
    "age": ("age", "age_group", "agegroup", "agegrp"),
    "cases": ("cases", "count", "n", "cas", "observed", "obs", "events", "deaths"),
    "population": ("population", "pop", "person_years", "pyrs", "py", "at_risk"),
    "expected": ("expected", "exp"),
    "code": ("code", "fips", "county", "id", "area", "geoid"),
    "year": ("year", "yr"),
    "rate": ("rate", "adj_rate", "asr", "age_adjusted_rate"),
    "se": ("se", "standard_error", "std_error", "stderr"),
    "sex": ("sex", "gender"),
}


def read_table(path: str, *, text: Sequence[str] = ()) -> pd.DataFrame:
    """Gives a CSV (also gzip) or Parquet file, or CSV from standard input for `-`; columns of codes stay text.

    `text` names further columns that must stay text; `code` and its aliases always do.
    """
    codes = {*ALIASES["code"], *text}
    try:
        if str(path).lower().endswith(".parquet"):
            frame = pd.read_parquet(path)
            return frame.rename(columns=str)
        frame = read_csv_text(path)
    except (OSError, ValueError, EOFError, zlib.error) as error:
        raise GeoError("input-file", f"cannot read the table: {error}", where=str(path)) from None
    if not len(frame):
        raise GeoError("input-file", "the table has no rows", where=str(path))
    for column in frame.columns:
        if column.lower() not in codes:
            numbers = pd.to_numeric(frame[column].replace("", None), errors="coerce")
            if numbers.notna().all():
                frame[column] = numbers
    return frame


def read_csv_text(path: Path | str) -> pd.DataFrame:
    """Gives a CSV file (also gzip; `-` is standard input) with every field as text, without comments at its head.

    Only whole lines before the header are comments: a `#` inside a field is part of it.
    """
    if str(path) == "-":
        text = sys.stdin.read()
    else:
        with gzip.open(path, "rb") if str(path).lower().endswith(".gz") else open(path, "rb") as file:
            text = file.read().decode("utf-8-sig")
    lines = text.split("\n")
    start = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return pd.read_csv(io.StringIO("\n".join(lines[start:])), dtype=str, keep_default_na=False)


def find_column(frame: pd.DataFrame, role: str, named: str | None, *, where: str = "") -> str:
    """Gives the column for a role: the one named, else the first of its customary names that the table has."""
    found = seek_column(frame, role, named)
    if found is None:
        raise GeoError(
            "input-columns",
            f"no column {named!r}" if named else f"no column for {role}",
            hint=f"the table has {', '.join(map(str, frame.columns))}; name one with its option",
            where=where,
        )
    return found


def seek_column(frame: pd.DataFrame, role: str, named: str | None = None) -> str | None:
    """Gives the column for a role, or None."""
    if named is not None:
        return named if named in frame.columns else None
    lower = {str(column).lower(): str(column) for column in frame.columns}
    return next((lower[name] for name in ALIASES[role] if name in lower), None)


def plain(value: Any) -> Any:
    """Gives a value as JSON has it: no numpy types, whole counts as integers, None for what is no figure."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if value is pd.NA or value is pd.NaT:
        return None
    return value


def records_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Gives the rows as JSON objects."""
    return [{str(k): plain(v) for k, v in row.items()} for row in frame.to_dict("records")]


def table_text(rows: Sequence[Mapping[str, Any]], *, digits: int = 2) -> str:
    """Gives rows as an aligned text table; missing figures are empty."""
    if not rows:
        return "(no rows)"
    names = list(rows[0])

    def cell(value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return "yes" if value else ""
        return f"{value:,.{digits}f}" if isinstance(value, float) else f"{value}"

    cells = [[cell(row.get(name)) for name in names] for row in rows]
    widths = [max(len(name), *(len(line[i]) for line in cells)) for i, name in enumerate(names)]
    lines = [names, *cells]
    return "\n".join("  ".join(text.rjust(width) for text, width in zip(line, widths)).rstrip() for line in lines)
