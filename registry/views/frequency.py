"""Frequency of any two items by year, with small counts hidden so that no margin gives them back.

Counts are made in the database; suppression (threshold, complementary cells) is `geo.suppression`. Who may see persons may
also see every count, for work inside the registry; a table for others is always suppressed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from sqlalchemy import func
from sqlalchemy.orm import Session

from abstracting.recodes.stage import breaks_between
from registry.errors import RegistryError
from registry.items import is_text, known
from registry.security.permissions import Actor, Refused
from registry.selection import BLANK, OF_ABSTRACTS, TUMORS, parse
from registry.views.labels import item_of, label, title
from registry.views.lists import Definition, check, ground, is_confidential, source

ALL = "All"
YEARS = {"each": "each year", "five": "five years together", "all": "all years together"}
MOST_CELLS = 500
"""A suppressed table has at most so many cells with its margins: past that the least frequent values are joined."""

MOST_ROWS, MOST_COLUMNS = 100, 25
"""So many values of each item stand alone where nothing is suppressed."""

_AWKWARD = frozenset(",*")


@dataclass(frozen=True)
class Value:
    """One row, column or layer: what it stands for in words, and the condition that holds its cases (empty: none can)."""

    key: str
    text: str
    condition: str


@dataclass(frozen=True)
class Cell:
    """One count, None where it is hidden, with the conditions of its cases."""

    count: int | None
    conditions: tuple[str, ...]
    linked: bool


@dataclass(frozen=True)
class Frequency:
    """The table: rows by columns, one layer a year (or span), each with margins; `hidden` counts the cells not shown."""

    row_title: str
    column_title: str
    rows: tuple[Value, ...]
    columns: tuple[Value, ...]
    layers: tuple[Value, ...]
    cells: Mapping[tuple[str, str, str], Cell]
    unit: str
    suppressed: bool
    threshold: int
    hidden: int
    joined: int
    total: int
    breaks: Mapping[int, str]
    """Years in which the definition of stage changed, with what changed; empty where no stage is counted."""

    def breaks_in(self, key: str) -> dict[int, str]:
        """Gives the breaks inside or at the beginning of a year or span of years (`2016`, `2015-2019`, `2016*`)."""
        first, _, last = key.removesuffix("*").partition("-")
        if not first.isdigit():
            return {}
        return {year: text for year, text in self.breaks.items() if int(first) <= year <= int(last or first)}

    def cell(self, row: str, column: str, layer: str) -> Cell:
        """Gives the count of a row, column and layer (keys; `All` for a margin)."""
        return self.cells[row, column, layer]


def frequency(
    session: Session,
    actor: Actor,
    *,
    row: str,
    column: str = "",
    years: str = "all",
    conditions: Sequence[str] = (),
    unit: str = "tumors",
    threshold: int,
    internal: bool = False,
) -> Frequency:
    """Counts the cases of a selection by one or two items and by year of diagnosis.

    `internal` shows every count and needs the right to see persons. Values that are too many are joined into one.
    """
    if internal and not actor.may("cases.identify"):
        raise Refused("Every count, however small, is seen by those who may see persons; this table hides small ones.")
    if years not in YEARS:
        raise RegistryError("selection", f"no grouping of years is named {years!r}", hint=f"use {', '.join(YEARS)}")
    names = [row, *([column] if column else [])]
    check(actor, Definition(tuple(conditions), tuple(names)))
    _refuse(actor, names)
    if any(name in OF_ABSTRACTS for name in names):
        unit = "abstracts"
    place = ground(actor, unit)
    columns = [place.column(name) for name in names] + ([place.column("year")] if years != "all" else [])
    diagnosed = place.column("year")
    reach = (func.min(diagnosed), func.max(diagnosed), func.count())
    query = source(place, actor, parse(conditions), *columns, *reach).group_by(*columns)
    counts: Counter[tuple[str, str, str]] = Counter()
    known_years: set[int] = set()
    for *values, first, last, many in session.execute(query):
        known_years |= {first, last} - {None}
        texts = ["" if value is None else str(value) for value in values]
        keys = [_grouped(name, text) for name, text in zip(names, texts)]
        year = _span(texts[len(names)], years) if years != "all" else ALL
        counts[keys[0], keys[1] if column else ALL, year] += many
    breaks = breaks_between(min(known_years), max(known_years)) if "stage" in names and known_years else {}
    return _table(counts, row, column, years, place.name, threshold, internal, breaks)


def _refuse(actor: Actor, names: Iterable[str]) -> None:
    for name in names:
        if is_text(item_of(name) or 0):
            raise RegistryError("selection", f"{title(name)} is free text", hint="choose a coded item")
        if is_confidential(name) and not actor.may("cases.identify"):
            raise Refused(f"{title(name)} tells who somebody is, which your role does not see.")


def _grouped(name: str, value: str) -> str:
    """Ages stand in groups of five years and dates in years; everything else stands as it is coded."""
    item = known(item_of(name) or 0)
    if item is not None and item.number == 230 and value.isdigit() and value != "999":
        low = min(int(value), 85) // 5 * 5
        return f"{low:03d}-{low + 4:03d}" if low < 85 else "085-120"
    if item is not None and item.type == "date" and value:
        return f"{value[:4]}*"
    return value


def _span(year: str, years: str) -> str:
    if not year or years == "each":
        return year
    low = int(year) // 5 * 5
    return f"{low}-{low + 4}"


def _condition(name: str, key: str) -> str:
    if key and (_AWKWARD & set(key.removesuffix("*")) or ("-" in key and not key.replace("-", "").isdigit())):
        return ""
    return f"{name}={key or BLANK}"


def _value(name: str, key: str) -> Value:
    plain = key.removesuffix("*")
    if not key:
        text = "blank"
    elif "-" in plain and item_of(name) == 230:
        low, _, high = plain.partition("-")
        text = f"{int(low)} and over" if low == "085" else f"{int(low)}–{int(high)}"
    else:
        text = f"{plain} {label(name, plain)}".strip()
    return Value(key, text, _condition(name, key))


def _table(
    counts: Counter[tuple[str, str, str]],
    row: str,
    column: str,
    years: str,
    unit: str,
    threshold: int,
    internal: bool,
    breaks: Mapping[int, str],
) -> Frequency:
    layers = sorted({key[2] for key in counts} - {ALL}, key=lambda year: (year == "", year))
    row_limit, column_limit = MOST_ROWS, MOST_COLUMNS
    if not internal:
        column_limit = 8 if column else 1
        used = min(column_limit, len({key[1] for key in counts})) + 1 if column else 1
        row_limit = max(4, MOST_CELLS // (used * (len(layers) + 1)) - 1)
    counts, row_values, joined_rows = _join(counts, 0, row, row_limit)
    column_values: tuple[Value, ...] = ()
    joined_columns = 0
    if column:
        counts, column_values, joined_columns = _join(counts, 1, column, column_limit)
    layer_values = tuple(
        Value(year, year.replace("-", "–") or "unknown year", f"year={year or BLANK}") for year in layers
    )
    full = _with_margins(counts, row_values, column_values, layer_values)
    hidden = frozenset() if internal else _hidden(tuple(sorted(full.items())), threshold)
    by_key = [{value.key: value for value in values} for values in (row_values, column_values, layer_values)]
    cells = {}
    for key, many in full.items():
        asked = [found[part].condition for part, found in zip(key, by_key) if part != ALL or part in found]
        linked = all(asked) and many > 0 and key not in hidden
        cells[key] = Cell(None if key in hidden else many, tuple(filter(None, asked)), linked)
    return Frequency(
        title(row),
        title(column) if column else "",
        row_values,
        column_values,
        layer_values,
        cells,
        unit,
        not internal,
        threshold,
        len(hidden),
        joined_rows + joined_columns,
        full.get((ALL, ALL, ALL), 0),
        breaks,
    )


OTHERS = "others"


def _join(
    counts: Counter[tuple[str, str, str]], place: int, name: str, limit: int
) -> tuple[Counter[tuple[str, str, str]], tuple[Value, ...], int]:
    """Joins the least frequent values of one item into one where they are more than the limit."""
    totals: Counter[str] = Counter()
    for key, many in counts.items():
        totals[key[place]] += many
    if len(totals) <= limit:
        return counts, tuple(_value(name, key) for key in _in_order(totals)), 0
    kept = [key for key, _ in sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))[: limit - 1]]
    fresh: Counter[tuple[str, str, str]] = Counter()
    for key, many in counts.items():
        parts = list(key)
        if parts[place] not in kept:
            parts[place] = OTHERS
        fresh[parts[0], parts[1], parts[2]] += many
    joined = len(totals) - len(kept)
    values = [_value(name, key) for key in _in_order(kept)]
    excluded = [key or BLANK for key in kept]
    plain = all(_condition(name, key) for key in kept)
    values.append(Value(OTHERS, f"{joined} other values", f"{name}!={','.join(excluded)}" if plain else ""))
    return fresh, tuple(values), joined


def _in_order(keys: Iterable[str]) -> list[str]:
    return sorted(keys, key=lambda key: (key == "", key))


def _with_margins(counts: Counter[tuple[str, str, str]], *axes: tuple[Value, ...]) -> dict[tuple[str, str, str], int]:
    full: Counter[tuple[str, str, str]] = Counter()
    for (row, column, year), many in counts.items():
        for sides in product({row, ALL}, {column, ALL}, {year, ALL}):
            full[sides] += many
    rows, columns, years = ([*(value.key for value in axis), ALL] for axis in axes)
    return {key: full.get(key, 0) for key in product(rows, columns, years)}


@lru_cache(maxsize=64)
def _hidden(cells: tuple[tuple[tuple[str, str, str], int], ...], threshold: int) -> frozenset[tuple[str, str, str]]:
    """Gives the cells to hide; kept for tables asked again (the page, its CSV, its print)."""
    import pandas as pd

    from geo.suppression import SuppressionRule, protect_tables

    # a letter before each value, so that none is taken for the margin's name
    rows = [[part if part == ALL else f"{mark}{part}" for mark, part in zip("rcy", key)] + [n] for key, n in cells]
    frame = pd.DataFrame(rows, columns=["row", "column", "year", "cases"])
    for name in ("column", "year"):
        if set(frame[name]) == {ALL}:
            frame = frame.drop(columns=name)
    protection = protect_tables([frame], rule=SuppressionRule(threshold=max(threshold, 2)))
    return frozenset(key for (key, _), hide in zip(cells, protection.hidden[0]) if hide)


def is_of_tumors(unit: str) -> bool:
    """Whether a table counts tumors (and not facilities' accounts)."""
    return unit == TUMORS.name
