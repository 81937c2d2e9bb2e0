"""Terms: what rules can read from a record, each with a name, its items and the way they are read.

A term is read from one record (`Term.of`) or from a whole file at once (`Columns.term`); both ways use the same reader, so
they cannot disagree. Terms are listed in `data/terms.csv`; `#number` and XML ids are terms too, read as codes.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd

from abstracting.edits.records import EditRecord, item_number
from abstracting.recodes.columns import Factor
from abstracting.values import DateColumn, PartialDate, parse_date, parse_dates, whole_number

TODAY = "today"
DATE = "date"
_UNKNOWN_AGE = 999
_LEVEL = re.compile(r"[cpyra]*[TNM]?([0-4])")
_IN_SITU = re.compile(r"[cpyra]*T?is", re.IGNORECASE)


def _first(*texts: str) -> str | None:
    return next((text for text in texts if text), None)


def _number(*texts: str) -> int | None:
    return whole_number(_first(*texts))


def _age(*texts: str) -> int | None:
    number = whole_number(_first(*texts))
    return None if number == _UNKNOWN_AGE else number


def _date(*texts: str) -> PartialDate:
    return parse_date(_first(*texts))


def _year(*texts: str) -> int | None:
    return parse_date(_first(*texts)).year


def _category(*texts: str) -> int | None:
    """The highest level (0 to 4) among T, N or M categories of any edition: `1A`, `pN2a`, `c0`; 88 and X are unknown."""
    levels = [int(match[1]) for text in texts if text != "88" and (match := _LEVEL.match(text))]
    return max(levels) if levels else None


def _in_situ(*texts: str) -> str | None:
    """`yes` when a T category says in situ, `no` when all given ones say otherwise."""
    given = [text for text in texts if text and text != "88"]
    return ("yes" if any(_IN_SITU.match(text) for text in given) else "no") if given else None


def _surgery(*texts: str) -> str | None:
    """Two digits: `30` of `30`, `A300` and `B300`."""
    text = _first(*texts)
    if text is None:
        return None
    return text[1:3] if len(text) == 4 and text[0] in "AB" else text


READERS: dict[str, Callable[..., Any]] = {
    "code": _first,
    "number": _number,
    "age": _age,
    DATE: _date,
    "year": _year,
    "category": _category,
    "in_situ": _in_situ,
    "surgery": _surgery,
}


@dataclass(frozen=True, slots=True)
class Term:
    """Something that rules read: `items` are its numbers, of which the reader makes a code, a number or a date."""

    name: str
    reader: str
    items: tuple[int, ...]
    meaning: str = ""

    @property
    def is_date(self) -> bool:
        return self.reader == DATE

    def of(self, record: EditRecord) -> Any:
        """Gives the value in one record: text, whole number, `PartialDate`, or None when it is missing."""
        memo = record.memo
        found = memo.get(self.name, memo)
        if found is memo:
            get = record.items.get
            found = memo[self.name] = READERS[self.reader](*[get(number, "") for number in self.items])
        return found


@cache
def terms() -> Mapping[str, Term]:
    """Gives every named term."""
    text = (files("abstracting.edits") / "data" / "terms.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    found = {
        row["name"]: Term(row["name"], row["reader"], tuple(map(int, row["items"].split())), row["meaning"])
        for row in rows
    }
    found[TODAY] = Term(TODAY, DATE, (), "the day of the check")
    return found


@cache
def term(name: str) -> Term | None:
    """Gives the term of a name, of `#number` or of an XML id; None where there is none."""
    known = terms().get(name)
    if known is not None:
        return known
    number = item_number(name.removeprefix("#")) if name.startswith("#") or not name.isdigit() else None
    return None if number is None else Term(f"#{number}", "code", (number,))


class Columns:
    """A whole file as edits read it: each item and each term once, as distinct values with their places.

    `frame` has one row a record, item numbers as column names (text or whole number) and texts as values. With `whole`
    the records carry every item: one without a column is blank in all of them.
    """

    def __init__(self, frame: pd.DataFrame, today: dt.date, *, whole: bool = False):
        self.whole = whole
        self.size = len(frame)
        self.today = today
        self.frame = frame
        self._numbers = {name: number for name in frame.columns if (number := item_number(name)) is not None}
        self._columns = {number: name for name, number in self._numbers.items()}
        self._items: dict[int, Factor] = {}
        self._terms: dict[str, Factor] = {}
        self._dates: dict[str, DateColumn] = {}
        self.memo: dict[Any, Any] = {}

    @property
    def carries(self) -> frozenset[int]:
        """The item numbers that the file has columns for."""
        return frozenset(self._columns)

    def is_carried(self, numbers: tuple[int, ...]) -> bool:
        """Tells whether the records have at least one of these items, be it blank."""
        return self.whole or any(number in self._columns for number in numbers)

    def number(self, name: object) -> int | None:
        """Gives the item number of a column's name, None for other columns."""
        return self._numbers.get(name)

    def item(self, number: int) -> Factor:
        """Gives an item's column; one that the file does not carry is blank everywhere."""
        factor = self._items.get(number)
        if factor is None:
            name = self._columns.get(number)
            factor = self._items[number] = (
                Factor(np.zeros(self.size, dtype=np.int64), ("",)) if name is None else _texts(self.frame[name])
            )
        return factor

    def term(self, wanted: Term) -> Factor:
        """Gives a term's values, which may be numbers; None where it is missing. Dates come from `date`."""
        factor = self._terms.get(wanted.name)
        if factor is None:
            reader = READERS[wanted.reader]
            codes, keys = join([self.item(number) for number in wanted.items], self.size)
            values = [reader(*key) for key in keys]
            factor = self._terms[wanted.name] = Factor(codes, tuple(values))
        return factor

    def date(self, wanted: Term) -> DateColumn:
        """Gives a term's dates."""
        column = self._dates.get(wanted.name)
        if column is None:
            if wanted.name == TODAY:
                one = parse_dates([f"{self.today:%Y%m%d}"])
                column = one.take(np.zeros(self.size, dtype=np.int64))
            else:
                codes, keys = join([self.item(number) for number in wanted.items], self.size)
                column = parse_dates([_first(*key) for key in keys]).take(codes)
            self._dates[wanted.name] = column
        return column


def _texts(column: pd.Series) -> Factor:
    """A column as distinct texts without blanks around them, "" where missing."""
    codes, distinct = pd.factorize(column.to_numpy(dtype=object), use_na_sentinel=True)
    values = ["" if value != value else str(value).strip() for value in distinct]
    return Factor(codes, (*values, ""))


def join(factors: Sequence[Factor], size: int) -> tuple[np.ndarray, list[tuple[Any, ...]]]:
    """Gives, for each row, the place of its combination of values, and the distinct combinations."""
    if not factors:
        return np.zeros(size, dtype=np.int64), [()]
    if len(factors) == 1:
        only = factors[0]
        return only.codes % len(only.values), [(value,) for value in only.values]
    key = factors[0].codes % len(factors[0].values)
    uniques = [np.arange(len(factors[0].values))]
    sizes = []
    for factor in factors[1:]:
        # cut to what occurs after each step, so that many columns never overflow the key
        width = len(factor.values)
        key, distinct = pd.factorize(key * width + factor.codes % width)
        sizes.append(width)
        uniques.append(distinct)
    return key, _combinations(factors, uniques, sizes)


def _combinations(factors: Sequence[Factor], uniques: list[np.ndarray], sizes: list[int]) -> list[tuple[Any, ...]]:
    columns: list[np.ndarray] = []
    place = np.arange(len(uniques[-1]))
    for factor, distinct, width in zip(reversed(factors[1:]), reversed(uniques[1:]), reversed(sizes)):
        found = distinct[place]
        columns.append(np.array([factor.values[i] for i in (found % width).tolist()], dtype=object))
        place = found // width
    columns.append(np.array([factors[0].values[i] for i in place.tolist()], dtype=object))
    return list(zip(*reversed([column.tolist() for column in columns])))
