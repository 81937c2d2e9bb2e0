"""Reads CSV and Parquet, checks what a survival method needs, and builds its arrays.

All faults of a file are reported at once, each with the rows (counted from 1 after the header) and a remedy.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from survival.errors import SurvivalError

Unit = Literal["days", "months", "years"]

# Days per unit: the year of the rate tables (365.241, the mean of the calendar as R's relsurv takes it) and the
# month of completed months (365.25 / 12), as in `../shared/reference/survival`.
DAYS: dict[str, float] = {"days": 1.0, "months": 30.4375, "years": 365.241}

ROWS_SHOWN = 5
FAULTS_SHOWN = 20
EPOCH = np.datetime64("1960-01-01")


@dataclass
class Faults:
    """Collects every fault of an input, to be raised as one error."""

    where: str = ""
    found: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, code: str, message: str, hint: str, rows: np.ndarray | Sequence[int] | None = None) -> None:
        """Notes a fault; `rows` are positions from 0 and are shown counted from 1."""
        if rows is not None:
            message = f"{message}: {name_rows(rows)}"
        self.found.append((code, message, hint))

    def raise_if_any(self) -> None:
        """Raises one `SurvivalError` with all faults (the first gives the code), or does nothing."""
        if not self.found:
            return
        shown = self.found[:FAULTS_SHOWN]
        message = "; ".join(message for _, message, _ in shown)
        if len(self.found) > len(shown):
            message += f"; and {len(self.found) - len(shown)} more faults"
        hint = " ".join(dict.fromkeys(hint for _, _, hint in shown if hint))
        raise SurvivalError(self.found[0][0], message, hint=hint, where=self.where)


def name_rows(rows: np.ndarray | Sequence[int]) -> str:
    """Gives "rows 3, 8 and 12 more" for positions counted from 0."""
    positions = [int(row) + 1 for row in rows]
    shown = ", ".join(str(row) for row in positions[:ROWS_SHOWN])
    rest = len(positions) - ROWS_SHOWN
    return f"row{'s' if len(positions) > 1 else ''} {shown}" + (f" and {rest} more" if rest > 0 else "")


def read_table(path: str | Path, *, columns: Iterable[str] | None = None) -> pd.DataFrame:
    """Gives the rows of a CSV or Parquet file (`-` is CSV on standard input), only `columns` when named.

    Raises `file-missing`, `file-unreadable`, `file-empty`, `column-twice` and `column-unknown`.
    """
    wanted = list(dict.fromkeys(columns)) if columns is not None else None
    where = str(path)
    try:
        if where == "-":
            return _read_csv(io.BytesIO(sys.stdin.buffer.read()), wanted, where="standard input")
        source = Path(path)
        if source.is_dir() and not any(source.glob("*.parquet")):
            raise SurvivalError("file-missing", f"{where} is a folder without Parquet files", hint="Name a file.")
        if source.suffix.lower() in (".parquet", ".pq") or source.is_dir():
            return _read_parquet(source, wanted)
        with source.open("rb") as stream:
            return _read_csv(stream, wanted, where=where)
    except OSError as error:
        raise SurvivalError(
            "file-missing", f"{where} cannot be opened: {error.strerror or error}", hint="Check the path.", where=where
        ) from error


def _read_csv(stream: io.BufferedIOBase, wanted: list[str] | None, *, where: str) -> pd.DataFrame:
    try:
        names = pd.read_csv(stream, nrows=1, header=None, dtype=str, encoding="utf-8-sig", keep_default_na=False)
        labels = [str(name) for name in names.iloc[0]]
        _check_names(labels, wanted, where)
        stream.seek(0)
        # every column is read although few are wanted: with `usecols` a line that is too long would shift silently
        frame = pd.read_csv(stream, encoding="utf-8-sig", low_memory=False)
        if not isinstance(frame.index, pd.RangeIndex):
            raise ValueError(f"the first line has more values than the {len(labels)} names of the header")
    except pd.errors.EmptyDataError:
        raise SurvivalError(
            "file-empty", "the file is empty", hint="Give a header line and rows.", where=where
        ) from None
    except UnicodeDecodeError as error:
        raise _not_utf8(where, error) from error
    except (pd.errors.ParserError, ValueError) as error:
        raise SurvivalError(
            "file-unreadable",
            f"the file is not a regular CSV table ({error})",
            hint="Every line needs as many values as the header, separated by commas.",
            where=where,
        ) from error
    if frame.empty:
        raise SurvivalError("file-empty", "the file has a header but no rows", hint="Give rows.", where=where)
    return frame if wanted is None else frame[wanted]


def _not_utf8(where: str, error: UnicodeDecodeError) -> SurvivalError:
    return SurvivalError(
        "file-unreadable",
        f"the file is not UTF-8 text (byte {error.start})",
        hint="Save it as CSV with UTF-8 encoding, or as Parquet.",
        where=where,
    )


def _read_parquet(source: Path, wanted: list[str] | None) -> pd.DataFrame:
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        schema = parquet.ParquetDataset(source).schema
        _check_names(list(schema.names), wanted, str(source))
        frame = parquet.read_table(source, columns=wanted).to_pandas()
    except (pyarrow.ArrowInvalid, pyarrow.ArrowIOError) as error:
        raise SurvivalError(
            "file-unreadable",
            f"the file is not Parquet or is cut off ({error})",
            hint="Write it anew.",
            where=str(source),
        ) from error
    if frame.empty:
        raise SurvivalError("file-empty", "the file has no rows", hint="Give rows.", where=str(source))
    return frame


def _check_names(labels: list[str], wanted: list[str] | None, where: str) -> None:
    faults = Faults(where)
    twice = sorted({name for name in labels if labels.count(name) > 1 and (wanted is None or name in wanted)})
    if twice:
        faults.add("column-twice", f"columns named more than once: {', '.join(twice)}", "Give each its own name.")
    require_columns(labels, wanted or (), faults)
    faults.raise_if_any()


def require_columns(labels: Iterable[str], wanted: Iterable[str], faults: Faults) -> None:
    """Notes every wanted column that the labels lack, with the labels that exist."""
    have = list(labels)
    lacking = [name for name in dict.fromkeys(wanted) if name not in have]
    if lacking:
        plural = "s" if len(lacking) > 1 else ""
        faults.add(
            "column-unknown",
            f"no column{plural} {', '.join(map(repr, lacking))}",
            f"The columns are: {', '.join(map(str, have[:40]))}.",
        )


def read_numbers(
    frame: pd.DataFrame,
    name: str,
    faults: Faults,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    range_code: str = "value-range",
) -> np.ndarray:
    """Gives a column as numbers (integers stay integers); notes missing values, text and values out of range."""
    column = frame[name]
    if not pd.api.types.is_numeric_dtype(column.dtype) or isinstance(column.dtype, pd.CategoricalDtype):
        numbers = pd.to_numeric(column, errors="coerce")
        text = np.flatnonzero((numbers.isna() & column.notna()).to_numpy())
        if len(text):
            example = column.iloc[text[0]]
            faults.add(
                "value-text", f"column {name!r} has text such as {str(example)[:30]!r}", "Give numbers.", rows=text
            )
            numbers = numbers.where(numbers.notna() | column.isna(), 0.0)
        column = numbers
    if not isinstance(column.dtype, np.dtype):
        column = column.astype("float64")
    values = column.to_numpy()
    if values.dtype == bool:
        values = values.astype(np.int64)
    if values.dtype.kind == "f":
        missing = np.flatnonzero(~np.isfinite(values))
        if len(missing):
            faults.add(
                "value-missing",
                f"column {name!r} is empty or not finite",
                f"Fill in {name!r} or leave these rows out.",
                rows=missing,
            )
            values = np.where(np.isfinite(values), values, 0.0 if minimum is None else minimum)
    if len(values) == 0:
        return values
    if minimum is not None and values.min() < minimum:
        faults.add(
            range_code,
            f"column {name!r} is below {minimum:g}",
            "Correct these values.",
            rows=np.flatnonzero(values < minimum),
        )
    if maximum is not None and values.max() > maximum:
        faults.add(
            range_code,
            f"column {name!r} is above {maximum:g}",
            "Correct these values.",
            rows=np.flatnonzero(values > maximum),
        )
    return values


def is_date_column(column: pd.Series) -> bool:
    """Tells whether a column holds dates rather than numbers: a date type, or text that begins like an ISO date."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return True
    if pd.api.types.is_numeric_dtype(column.dtype):
        return False
    first = column.dropna()
    return len(first) > 0 and str(first.iloc[0])[:5].replace("-", "").isdigit() and "-" in str(first.iloc[0])[:5]


def read_dates(frame: pd.DataFrame, name: str, faults: Faults) -> np.ndarray:
    """Gives a column of ISO dates, or of day numbers since 1960-01-01, as days since 1960-01-01."""
    column = frame[name]
    if pd.api.types.is_numeric_dtype(column.dtype):
        return read_numbers(frame, name, faults)
    missing = column.isna().to_numpy()
    dates = pd.to_datetime(column, errors="coerce", format="ISO8601", utc=False)
    bad = np.flatnonzero(dates.isna().to_numpy() & ~missing)
    if len(bad):
        faults.add(
            "date-unreadable",
            f"column {name!r} has values such as {str(column.iloc[bad[0]])[:30]!r}",
            "Give full dates as YYYY-MM-DD.",
            rows=bad,
        )
    if missing.any():
        faults.add(
            "value-missing", f"column {name!r} has no date", "Leave these rows out.", rows=np.flatnonzero(missing)
        )
    days = dates.to_numpy().astype("datetime64[D]")
    return np.where(np.isnat(days), 0, (days - EPOCH).astype("int64"))


@dataclass(frozen=True)
class FollowUp:
    """The follow-up of n persons as arrays, ready for every method.

    `time` (exit) and `entry` (delayed entry, or None) count from the origin in `unit`; `event` is bool; `status` is
    the event column as it was (competing events are told apart by it); `group` numbers the rows' stratum, a row of
    `strata` (columns `by`). A person is at risk at t when entry < t <= time; who enters at 0 is at risk at 0 too.
    """

    time: np.ndarray
    event: np.ndarray
    status: np.ndarray
    group: np.ndarray
    strata: pd.DataFrame
    unit: Unit = "days"
    entry: np.ndarray | None = None
    origin: np.ndarray | None = None

    @property
    def n(self) -> int:
        return len(self.time)

    @property
    def by(self) -> tuple[str, ...]:
        return tuple(self.strata.columns)

    @property
    def groups(self) -> int:
        return len(self.strata)


def build_followup(
    frame: pd.DataFrame,
    *,
    event: str,
    time: str | None = None,
    entry: str | None = None,
    exit: str | None = None,
    unit: Unit = "days",
    event_codes: Sequence[str | float] = (1,),
    by: Sequence[str] = (),
    faults: Faults | None = None,
) -> FollowUp:
    """Gives the arrays of a cohort; `time` and `event`, or `entry` and `exit`, name its columns.

    `entry` and `exit` as dates: the origin is the entry, the time is exit minus entry in days. `entry` as numbers:
    delayed entry on the scale of `time` (or of a numeric `exit`). `event_codes` are the values that count as event.
    Raises every fault of the frame at once, unless `faults` is given: then they are noted there.
    """
    own = faults is None
    faults = faults if faults is not None else Faults()
    require_columns(frame.columns, [c for c in (time, event, entry, exit, *by) if c], faults)
    if faults.found:
        faults.raise_if_any()
    exit_column = time or exit
    if exit_column is None:
        raise SurvivalError("usage", "no follow-up time", hint="Give --time, or --entry and --exit.")
    late: np.ndarray | None = None
    origin: np.ndarray | None = None
    if entry and exit and not time and is_date_column(frame[entry]):
        origin, leave = read_dates(frame, entry, faults), read_dates(frame, exit, faults)
        reversed_ = np.flatnonzero(leave < origin)
        if len(reversed_):
            faults.add("dates-reversed", f"{exit!r} lies before {entry!r}", "Correct the dates.", rows=reversed_)
        times = (leave - origin) / DAYS[unit] if unit != "days" else leave - origin
    else:
        times = read_numbers(frame, exit_column, faults, minimum=0, range_code="time-negative")
        if entry:
            late = read_numbers(frame, entry, faults, minimum=0, range_code="time-negative")
            wrong = np.flatnonzero((late >= times) & (late > 0))
            if len(wrong):
                faults.add(
                    "dates-reversed", f"{entry!r} is not before {exit_column!r}", "Leave these rows out.", rows=wrong
                )
    status, happened = read_status(frame, event, event_codes, faults)
    group, strata = number_groups(frame, by, faults)
    if own:
        faults.raise_if_any()
    if late is not None and not late.any():
        late = None
    return FollowUp(times, happened, status, group, strata, unit, late, origin)


def read_status(
    frame: pd.DataFrame, name: str, codes: Sequence[str | float], faults: Faults
) -> tuple[np.ndarray, np.ndarray]:
    """Gives the event column as it is and which rows carry one of the codes (text columns compare as text)."""
    column = frame[name]
    missing = np.flatnonzero(column.isna().to_numpy())
    if len(missing):
        faults.add(
            "value-missing", f"column {name!r} is empty", "Give the status of every row or leave it out.", rows=missing
        )
    if pd.api.types.is_bool_dtype(column.dtype) or (
        pd.api.types.is_numeric_dtype(column.dtype) and not isinstance(column.dtype, pd.CategoricalDtype)
    ):
        status = column.to_numpy(dtype="float64", na_value=np.nan) if len(missing) else column.to_numpy()
        try:
            wanted = [float(code) for code in codes]
        except ValueError:
            raise SurvivalError(
                "usage", f"--event-code {list(codes)} is text but column {name!r} holds numbers", hint="Give numbers."
            ) from None
        happened = status == wanted[0]
        for code in wanted[1:]:
            happened = happened | (status == code)
        return status, happened
    status = column.astype("string").fillna("").to_numpy(dtype=object)
    return status, np.isin(status.astype(str), [str(code) for code in codes])


def number_groups(frame: pd.DataFrame, by: Sequence[str], faults: Faults) -> tuple[np.ndarray, pd.DataFrame]:
    """Gives each row's stratum number and the frame of strata, sorted by their labels."""
    if not by:
        return np.zeros(len(frame), dtype=np.int64), pd.DataFrame(index=range(1))
    number: np.ndarray = np.zeros(len(frame), dtype=np.int64) if len(by) > 1 else np.empty(0, dtype=np.int64)
    labels: list[np.ndarray] = []
    for name in by:
        codes, uniques = _number_labels(frame[name])
        if (codes < 0).any():
            faults.add(
                "value-missing",
                f"column {name!r} is empty",
                "Give a group or leave the rows out.",
                rows=np.flatnonzero(codes < 0),
            )
            codes = np.maximum(codes, 0)
        labels.append(uniques)
        number = codes if len(by) == 1 else number * max(len(uniques), 1) + codes
    sizes = [max(len(label), 1) for label in labels]
    present = np.arange(sizes[0])
    if len(by) > 1:
        present = np.flatnonzero(np.bincount(number, minlength=int(np.prod(sizes))))
    if len(present) < int(np.prod(sizes)):
        renumber = np.zeros(int(np.prod(sizes)), dtype=np.int64)
        renumber[present] = np.arange(len(present))
        number = renumber[number]
    positions = np.unravel_index(present, sizes)
    strata = pd.DataFrame({name: label[pos] for name, label, pos in zip(by, labels, positions) if len(label)})
    return number, strata


def _number_labels(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Gives each row's label number (-1 where missing) and the sorted labels; small whole numbers need no hashing."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iu" and len(column):
        values = column.to_numpy()
        low, high = int(values.min()), int(values.max())
        if high - low < 1_000_000:
            shifted = values - low if low else values
            present = np.flatnonzero(np.bincount(shifted, minlength=high - low + 1))
            if len(present) == high - low + 1:
                return shifted, present + low
            lookup = np.zeros(high - low + 1, dtype=np.int64)
            lookup[present] = np.arange(len(present))
            return lookup[shifted], present + low
    codes, uniques = pd.factorize(column, sort=True, use_na_sentinel=True)
    return codes, np.asarray(uniques)


def to_days(values: np.ndarray, unit: Unit) -> np.ndarray:
    """Gives times in days (see `DAYS`); days stay as they are."""
    return values if unit == "days" else values * DAYS[unit]


def convert(value: float, source: Unit, target: Unit) -> float:
    """Gives a time in another unit."""
    return value if source == target else value * DAYS[source] / DAYS[target]
