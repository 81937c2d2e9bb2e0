"""Counting in the engine: Kaplan-Meier and life tables of sets that never enter memory, by Ibis expressions.

The same expression runs on DuckDB (the default) and on Spark; only counts by stratum and time reach numpy, and from
there on the estimators are the ones for frames (`survival.kaplan_meier`, `survival.actuarial`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from survival.actuarial import COMPLETED, IntervalCounts, make_breaks
from survival.errors import SurvivalError
from survival.frames import Faults, Unit, number_groups, require_columns
from survival.risksets import RiskSets

if TYPE_CHECKING:
    import ibis.expr.types as ir

Engine = Literal["duckdb", "spark"]


def connect(engine: Engine = "duckdb") -> Any:
    """Gives a new Ibis connection: DuckDB in this process, or Spark as its own settings say (local where they are silent).

    Raises `engine-missing` where Spark cannot start, with what to install.
    """
    import ibis

    if engine == "duckdb":
        return ibis.duckdb.connect()
    try:
        from pyspark.errors import PySparkRuntimeError
        from pyspark.sql import SparkSession
    except ImportError:
        raise SurvivalError(
            "engine-missing", "pyspark is not installed", hint="Install the extra: uv sync --extra spark."
        ) from None
    try:
        return ibis.pyspark.connect(SparkSession.builder.getOrCreate())
    except (PySparkRuntimeError, FileNotFoundError) as error:
        raise SurvivalError(
            "engine-missing",
            f"Spark does not start ({str(error).splitlines()[0]})",
            hint="Spark needs Java 17 or later: install default-jre-headless, or set JAVA_HOME.",
        ) from error


def open_parquet(path: str | Path, *, engine: Engine = "duckdb", connection: Any = None) -> ir.Table:
    """Gives a lazy table over Parquet files (a file, a folder or a pattern) on a new or a given Ibis connection."""
    connection = connect(engine) if connection is None else connection
    source = Path(path)
    if source.is_dir() and engine == "duckdb":
        path = str(source / "**" / "*.parquet")
    try:
        return connection.read_parquet(str(path))
    except Exception as error:
        # each engine has its own exceptions for the same fault
        raise SurvivalError(
            "file-unreadable",
            f"{path} cannot be read as Parquet ({str(error).splitlines()[0]})",
            hint="Check the path; write the file anew if it is cut off.",
            where=str(path),
        ) from error


def count_in_engine(
    table: ir.Table,
    *,
    time: str,
    event: str,
    by: Sequence[str] = (),
    entry: str | None = None,
    event_codes: Sequence[str | float] = (1,),
    unit: Unit = "days",
) -> RiskSets:
    """Gives the counts by stratum and distinct time of a lazy table, for `kaplan_meier` or `interval_counts`.

    One grouped query (a second one with delayed entry); rows with missing values or negative times show up as groups
    of their own and are told as counts, because an engine keeps no row numbers.
    """
    faults = Faults()
    require_columns(table.columns, [name for name in (time, event, entry, *by) if name], faults)
    faults.raise_if_any()
    for name in (time, entry):
        if name and not table[name].type().is_numeric():
            faults.add("value-text", f"column {name!r} holds text", "Give numbers.")
    faults.raise_if_any()
    grouped = _group(table, [*by], time, event, event_codes)
    if grouped.empty:
        faults.add("file-empty", "the table has no rows", "Give rows.")
    _check(grouped, {time: "_time", **{name: name for name in by}}, [time], faults)
    if lacking := int(grouped["unknown"].sum()):
        faults.add("value-missing", f"column {event!r} is empty in {lacking} rows", "Leave these rows out.")
    faults.raise_if_any()
    group, strata = number_groups(grouped, by, faults)
    faults.raise_if_any()
    times, position = np.unique(grouped["_time"].to_numpy(dtype=float), return_inverse=True)
    shape = (len(strata), len(times))
    events, total = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    np.add.at(events, (group, position), grouped["events"].to_numpy(dtype=np.int64))
    np.add.at(total, (group, position), grouped["total"].to_numpy(dtype=np.int64))
    entered = None
    if entry:
        late = (
            table.mutate(_entry=table[entry].cast("float64"))
            .group_by([*by, "_entry"])
            .agg(total=lambda t: t.count())
            .to_pandas()
        )
        _check(late, {entry: "_entry"}, [entry], faults)
        faults.raise_if_any()
        entered = _count_entries(late[late["_entry"] > 0], strata, times, by)
    return RiskSets(times, events, total - events, total.sum(axis=1), strata, unit, entered)


def interval_counts(
    sets: RiskSets, breaks: Sequence[float] | None = None, *, unit: Unit | None = None
) -> IntervalCounts:
    """Gives the counts of an actuarial life table from counts by time (without delayed entry), for `life_table`."""
    unit = unit or sets.unit
    scale = COMPLETED[unit] / COMPLETED[sets.unit]
    bounds = make_breaks(breaks, unit=unit, longest=float(sets.times[-1]) / scale)
    place = np.searchsorted(bounds * scale, sets.times, side="right") - 1
    shape = (len(sets.total), len(bounds))
    events, censored = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for g in range(shape[0]):
        events[g] = np.bincount(place, sets.events[g], minlength=shape[1])
        censored[g] = np.bincount(place, sets.censored[g], minlength=shape[1])
    gone = np.cumsum(events + censored, axis=1)
    alive = sets.total[:, None] - np.concatenate([np.zeros((shape[0], 1), dtype=np.int64), gone[:, :-1]], axis=1)
    inner = slice(None, -1)
    return IntervalCounts(
        bounds, alive[:, inner], np.zeros_like(alive[:, inner]), events[:, inner], censored[:, inner], sets.strata, unit
    )


def _is_event(table: ir.Table, event: str, codes: Sequence[str | float]) -> ir.BooleanValue:
    column = table[event]
    kind = column.type()
    if kind.is_boolean():
        return column.cast("int64").isin([int(float(code)) for code in codes])
    if kind.is_numeric():
        return column.cast("float64").isin([float(code) for code in codes])
    return column.isin([str(code) for code in codes])


def _group(table: ir.Table, by: list[str], time: str, event: str, codes: Sequence[str | float]) -> pd.DataFrame:
    """Gives rows, events and unknown events by stratum and time, counted in the engine."""
    happened = _is_event(table, event, codes).cast("int64")
    return (
        table.mutate(_time=table[time].cast("float64"), _event=happened, _unknown=table[event].isnull().cast("int64"))
        .group_by([*by, "_time"])
        .agg(
            total=lambda t: t.count(),
            events=lambda t: t["_event"].sum().coalesce(0),
            unknown=lambda t: t["_unknown"].sum(),
        )
        .to_pandas()
    )


def _check(grouped: pd.DataFrame, columns: dict[str, str], numbers: Sequence[str], faults: Faults) -> None:
    """Notes missing and negative values; `columns` maps the user's names to those of the grouped frame."""
    for name, own in columns.items():
        missing = grouped[own].isna()
        if missing.any():
            rows = int(grouped.loc[missing, "total"].sum())
            faults.add("value-missing", f"column {name!r} is empty in {rows} rows", "Leave these rows out.")
        below = grouped[own] < 0 if name in numbers else missing & False
        if below.any():
            rows = int(grouped.loc[below, "total"].sum())
            faults.add("time-negative", f"column {name!r} is below 0 in {rows} rows", "Correct these values.")


def _count_entries(late: pd.DataFrame, strata: pd.DataFrame, times: np.ndarray, by: Sequence[str]) -> np.ndarray:
    """Gives who is first at risk at each time, by stratum."""
    entered = np.zeros((len(strata), len(times) + 1), dtype=np.int64)
    if by:
        known = strata.reset_index(names="_group")
        group = late.merge(known, on=list(by), how="left")["_group"].to_numpy(dtype=np.int64)
    else:
        group = np.zeros(len(late), dtype=np.int64)
    first = np.searchsorted(times, late["_entry"].to_numpy(dtype=float), side="right")
    np.add.at(entered, (group, first), late["total"].to_numpy(dtype=np.int64))
    return entered
