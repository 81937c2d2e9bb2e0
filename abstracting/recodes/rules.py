"""Ordered first-match tables as dense look-ups: the one engine behind site recode, ICCC, AYA, lymphoid and brain.

Each condition (site, histology, behavior, year) cuts its values into classes that no row of the table can tell apart;
the first matching row of every combination of classes is worked out once. A look-up is then one bisection for each
condition and one array access, for a single tumor as well as for a column.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

Value = TypeVar("Value", int, str)


@dataclass(frozen=True, slots=True)
class Condition(Generic[Value]):
    """What one row asks of one axis: inside one of `include` (None: anything) and outside all of `exclude`.

    Ranges hold both ends.
    """

    include: tuple[tuple[Value, Value], ...] | None = None
    exclude: tuple[tuple[Value, Value], ...] = ()


class Axis(Generic[Value]):
    """The values of one condition cut into classes; `holds[row, class]` tells whether a row accepts a class."""

    def __init__(self, conditions: Sequence[Condition[Value]]):
        ranges = [ends for condition in conditions for ends in (*(condition.include or ()), *condition.exclude)]
        self._lows = sorted({low for low, _ in ranges})
        self._highs = sorted({high for _, high in ranges})
        # walking up the values, a new stretch starts at each low end and behind each high end
        table = np.zeros((len(conditions), len(self._lows) + len(self._highs) + 1), dtype=bool)
        for row, condition in zip(table, conditions, strict=True):
            if condition.include is None:
                row[:] = True
            for low, high in condition.include or ():
                row[self._stretch(low) : self._stretch(high) + 1] = True
            for low, high in condition.exclude:
                row[self._stretch(low) : self._stretch(high) + 1] = False
        self.holds, class_of = np.unique(table, axis=1, return_inverse=True)
        self._classes: list[int] = class_of.ravel().tolist()

    def _stretch(self, value: Value) -> int:
        return bisect_right(self._lows, value) + bisect_left(self._highs, value)

    @property
    def size(self) -> int:
        return self.holds.shape[1]

    def class_of(self, value: Value) -> int:
        """Gives the class of one value."""
        return self._classes[self._stretch(value)]


class RuleTable:
    """An ordered table: `axes` in the order of the look-up; the answer is the number of the first matching row."""

    def __init__(self, *axes: Axis):
        self.axes = axes
        rows = axes[0].holds.shape[0]
        self._first = np.full([axis.size for axis in axes], -1, dtype=np.int16)
        for row in reversed(range(rows)):
            self._first[np.ix_(*(np.flatnonzero(axis.holds[row]) for axis in axes))] = row
        self._sizes = [axis.size for axis in axes]
        self._flat: list[int] = self._first.ravel().tolist()
        self._array = self._first.ravel()

    def first_row(self, *values: int | str) -> int:
        """Gives the first row whose conditions all hold, -1 when there is none."""
        place = 0
        for axis, size, value in zip(self.axes, self._sizes, values, strict=True):
            place = place * size + axis.class_of(value)  # type: ignore[arg-type]
        return self._flat[place]

    def first_rows(self, *classes: np.ndarray) -> np.ndarray:
        """Gives `first_row` for columns of classes; a class below 0 (a malformed value) in any of them gives -1."""
        place = np.zeros(len(classes[0]), dtype=np.int64)
        known = np.ones(len(classes[0]), dtype=bool)
        for size, part in zip(self._sizes, classes, strict=True):
            place *= size
            place += part
            known &= part >= 0
        place[~known] = 0
        rows = self._array[place]
        rows[~known] = -1
        return rows
