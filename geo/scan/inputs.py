"""Case, population, control and coordinate tables, read and checked: every fault is found in one pass and named by row."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from geo.errors import GeoError
from geo.scan.periods import CodedDate, read_date

if TYPE_CHECKING:
    import pandas as pd

    Source: TypeAlias = str | Path | pd.DataFrame

ID = ("id", "location", "locationid", "location_id", "loc_id", "fips", "county")
CASES = ("cases", "numcases", "case_count", "count")
CONTROLS = ("controls", "numcontrols", "control_count", "count")
POPULATION = ("pop", "population")
TIME = ("date", "year")
LAT, LON, X, Y = ("lat", "latitude"), ("lon", "long", "longitude", "lng"), ("x",), ("y",)
NO_COVARIATES = {*ID, *TIME, *LAT, *LON, *X, *Y, "name", "month", "day", "time"}
SHOWN = 20


class Faults:
    """Collects what is wrong with the input, so that one error names all of it."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str, str]] = []

    def add(self, code: str, where: str, message: str) -> None:
        self.found.append((code, where, message))

    def stop(self, *, hint: str = "") -> None:
        """Raises one error for all faults so far; does nothing where there is none."""
        if not self.found:
            return
        lines = [f"{where}: {message}" for _, where, message in self.found[:SHOWN]]
        if len(self.found) > SHOWN:
            lines.append(f"and {len(self.found) - SHOWN} more")
        code, where, _ = self.found[0]
        raise GeoError(code, "; ".join(lines), hint=hint or "correct the rows named", where=where)


@dataclass(frozen=True)
class Counts:
    """Rows of a case, control or population table: location index, value, date (or None), stratum."""

    location: np.ndarray
    value: np.ndarray
    dates: list[CodedDate] | None
    strata: list[tuple[str, ...]]


@dataclass(frozen=True)
class Places:
    """Locations in the order of their ids as text; ids at one point form one location.

    `points` is (n, 2): latitude and longitude in degrees, or x and y. `index` gives the location of an id.
    """

    names: list[tuple[str, ...]]
    points: np.ndarray
    latlon: bool
    index: dict[str, int] = field(repr=False)


@dataclass
class Table:
    """A table as text with the name and the row numbers to be shown for it."""

    name: str
    frame: pd.DataFrame
    rows: list[str]

    def column(self, names: tuple[str, ...]) -> str | None:
        """Gives the table's column among synonyms, in whatever case it is written."""
        lowered = {str(column).strip().lower(): column for column in reversed(list(self.frame.columns))}
        return next((lowered[name] for name in names if name in lowered), None)

    def require(self, names: tuple[str, ...]) -> str:
        found = self.column(names)
        if found is None:
            raise GeoError(
                "input-columns",
                f"{self.name} has no column {names[0]!r}; it has {', '.join(map(str, self.frame.columns))}",
                hint=f"name the column {' or '.join(names)}",
                where=self.name,
            )
        return found

    def text(self, column: str) -> list[str]:
        return self.frame[column].tolist()


def read_table(source: Source, name: str) -> Table:
    """Reads a CSV or Parquet file or a frame as text; `GeoError("input-file")` says why a file cannot be read."""
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        frame = source.reset_index(drop=True)
        rows = [f"row {label}" for label in source.index]
    else:
        path = Path(source)
        name = path.name
        try:
            frame = _read_file(path)
        except FileNotFoundError as error:
            raise GeoError("input-file", f"there is no file {path}", where=str(path)) from error
        except (ValueError, OSError, pd.errors.ParserWarning) as error:  # parser and encoding errors are ValueErrors
            raise GeoError(
                "input-file",
                f"{path} cannot be read: {error}",
                hint="give UTF-8 CSV with one header line, or Parquet",
                where=str(path),
            ) from error
        rows = [f"row {number}" for number in range(2, len(frame) + 2)]
    text = frame.map(_as_text) if len(frame) else frame.astype(str)
    keep = (text != "").any(axis=1) if len(text) else np.ones(0, bool)
    text = text[keep].reset_index(drop=True)
    return Table(name, text, [row for row, kept in zip(rows, keep) if kept])


def _read_file(path: Path) -> pd.DataFrame:
    import pandas as pd

    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    with warnings.catch_warnings():
        # pandas only warns when it drops the fields of a line that is longer than the header
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skip_blank_lines=False, index_col=False
        )


def _as_text(value: object) -> str:
    """Ids and codes are text: 1001.0 of a frame with gaps is 1001, a missing value is empty."""
    if value is None or value != value:
        return ""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    if hasattr(value, "date") and callable(value.date):
        return value.date().isoformat()  # type: ignore[attr-defined]
    return str(value).strip()


def read_numbers(table: Table, column: str, faults: Faults, *, whole: bool = False, signed: bool = False) -> np.ndarray:
    """Gives a column as numbers; what is no number, or negative unless `signed`, or no whole number, becomes a fault."""
    import pandas as pd

    values = pd.to_numeric(table.frame[column].str.replace(r"^\+", "", regex=True), errors="coerce").to_numpy(float)
    for i in np.flatnonzero(~np.isfinite(values)).tolist():
        faults.add("input-values", f"{table.name} {table.rows[i]}", f"{column} {table.text(column)[i]!r} is no number")
    for i in np.flatnonzero((values < 0) & (not signed)).tolist():
        faults.add("input-values", f"{table.name} {table.rows[i]}", f"{column} {table.text(column)[i]} is negative")
    if whole:
        for i in np.flatnonzero(np.isfinite(values) & (values != np.floor(values))).tolist():
            faults.add(
                "input-values", f"{table.name} {table.rows[i]}", f"{column} {table.text(column)[i]} is no whole number"
            )
    return values


def read_places(source: Source, faults: Faults, notes: list[str]) -> Places:
    """Reads coordinates: `lat` and `lon` in degrees, or `x` and `y` in any unit of length."""
    table = read_table(source, "coordinates")
    id_column = table.require(ID)
    latlon = table.column(LAT) is not None and table.column(LON) is not None
    first, second = (LAT, LON) if latlon else (X, Y)
    columns = table.require(first), table.require(second)
    xy = np.stack([read_numbers(table, column, faults, signed=True) for column in columns], axis=1)
    if latlon:
        for i in np.flatnonzero((np.abs(xy[:, 0]) > 90) | (np.abs(xy[:, 1]) > 180)).tolist():
            faults.add(
                "input-values",
                f"{table.name} {table.rows[i]}",
                f"({xy[i, 0]:g}, {xy[i, 1]:g}) is no latitude, longitude",
            )
    place_of: dict[str, int] = {}
    for i, key in enumerate(table.text(id_column)):
        if not key:
            faults.add("input-values", f"{table.name} {table.rows[i]}", "the id is empty")
        elif key in place_of:
            faults.add("scan-duplicate", f"{table.name} {table.rows[i]}", f"id {key!r} has coordinates already")
        else:
            place_of[key] = i
    faults.stop()
    if not place_of:
        raise GeoError("scan-no-cases", f"{table.name} holds no location", where=table.name)
    return _places(place_of, xy, latlon, notes)


def _places(row_of: dict[str, int], xy: np.ndarray, latlon: bool, notes: list[str]) -> Places:
    together: dict[tuple[float, float], list[str]] = {}
    for key in sorted(row_of):
        together.setdefault(tuple(xy[row_of[key]]), []).append(key)  # type: ignore[arg-type]
    names = [tuple(keys) for keys in together.values()]
    shared = [keys for keys in names if len(keys) > 1]
    if shared:
        shown = "; ".join(", ".join(keys) for keys in shared[:5])
        notes.append(f"{len(shared)} points carry several ids, which are scanned as one location each: {shown}")
    index = {key: i for i, keys in enumerate(names) for key in keys}
    return Places(names, np.array(list(together)), latlon, index)


def one_place(sources: list[Source | None]) -> Places:
    """Gives the single location of a purely temporal scan without coordinates: every id of the tables."""
    keys: set[str] = set()
    for source in sources:
        if source is not None:
            table = read_table(source, "table")
            keys.update(table.text(table.require(ID)))
    return Places(
        [(key,) for key in sorted(keys)], np.zeros((len(keys), 2)), False, {k: i for i, k in enumerate(sorted(keys))}
    )


def extra_columns(table: Table, count_names: tuple[str, ...]) -> list[str]:
    """Gives, in lower case, the columns that can be covariates: none that names a place, a time or a count."""
    names = (str(column).strip().lower() for column in table.frame.columns)
    return [name for name in names if name and name not in {*count_names, *NO_COVARIATES}]


def read_counts(
    table: Table, count_names: tuple[str, ...], places: Places, covariates: list[str], faults: Faults, *, whole: bool
) -> Counts:
    """Reads a table of counts by location, date and stratum; rows of one location and date may repeat."""
    id_column, count_column, time_column = table.require(ID), table.require(count_names), table.column(TIME)
    value = read_numbers(table, count_column, faults, whole=whole)
    keys = table.text(id_column)
    location = np.array([places.index.get(key, -1) for key in keys], dtype=np.int64)
    for i in np.flatnonzero(location < 0).tolist():
        faults.add("scan-unknown-id", f"{table.name} {table.rows[i]}", f"id {keys[i]!r} has no coordinates")
    dates: list[CodedDate] | None = None
    if time_column is not None:
        known: dict[str, CodedDate | None] = {}
        dates = []
        for i, text in enumerate(table.text(time_column)):
            if text not in known:
                known[text] = read_date(text)
            found = known[text]
            if found is None:
                faults.add("scan-date", f"{table.name} {table.rows[i]}", f"{time_column} {text!r} is no date")
            dates.append(found or CodedDate(1900))
    columns = [table.text(table.require((name,))) for name in covariates]
    strata: list[tuple[str, ...]] = list(zip(*columns)) if columns else [()] * len(keys)
    return Counts(location, value, dates, strata)
