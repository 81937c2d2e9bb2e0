"""Age groups: reading their many spellings into bounds, checking that they tile, mapping ages to groups."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from geo.errors import GeoError

_RANGE = re.compile(r"^(\d{1,3})\s*(?:-|–|to|_)\s*(\d{1,3})$")
_OPEN = re.compile(r"^(\d{1,3})\s*(?:\+|and over|and older|plus)$")
_SINGLE = re.compile(r"^(\d{1,3})$")
_UNDER = re.compile(r"^(?:<|under)\s*(\d{1,3})$")


@dataclass(frozen=True)
class AgeGroup:
    """Completed years from `low` to `high`, both included; `high` None means and over."""

    low: int
    high: int | None

    @property
    def label(self) -> str:
        if self.high is None:
            return f"{self.low}+"
        return f"{self.low}" if self.high == self.low else f"{self.low}-{self.high}"

    @property
    def width(self) -> float:
        """Years in the group; infinite for the open one."""
        return float("inf") if self.high is None else self.high - self.low + 1.0


def _tile(lows: Sequence[int]) -> tuple[AgeGroup, ...]:
    return tuple(AgeGroup(low, high - 1 if high else None) for low, high in zip(lows, [*lows[1:], 0]))


# The groupings of SEER*Stat: 18 (0-4 … 85+), 19 (0, 1-4 … 85+) and, since the submission of November 2024, 20
# (0, 1-4 … 85-89, 90+).
GROUPINGS: dict[int, tuple[AgeGroup, ...]] = {
    18: _tile(range(0, 90, 5)),
    19: _tile([0, 1, *range(5, 90, 5)]),
    20: _tile([0, 1, *range(5, 95, 5)]),
}


def parse_group(text: object) -> AgeGroup:
    """Gives the bounds of one label: `0`, `<1`, `01-04 years`, `85 - 89`, `85+`, `85 and over`.

    Raises `GeoError("age-group")` naming the label. Codes such as SEER's `00` to `18` are read by `parse_groups`,
    which knows the whole column.
    """
    label = re.sub(r"\s*(years?|yrs?|ans)\b\.?", "", str(text).strip().lower()).strip()
    label = label.removesuffix(".0")
    if match := _RANGE.match(label):
        low, high = int(match[1]), int(match[2])
        if low <= high:
            return AgeGroup(low, high)
    elif match := _OPEN.match(label):
        return AgeGroup(int(match[1]), None)
    elif match := _UNDER.match(label):
        if int(match[1]) > 0:
            return AgeGroup(0, int(match[1]) - 1)
    elif match := _SINGLE.match(label):
        return AgeGroup(int(match[1]), int(match[1]))
    raise GeoError("age-group", f"{text!r} is no age group", hint="write 0, 1-4, 5-9, … 85+")


def parse_groups(labels: Iterable[object], *, coding: str = "labels") -> tuple[AgeGroup, ...]:
    """Gives the bounds of each label, in the order given.

    `coding` is `labels` (see `parse_group`), `seer19` (codes 00 to 18 of the 19-group population file), `seer18`
    (codes 1 to 18) or `lows` (each label is the first age of its group; the last is open).
    """
    labels = list(labels)
    if coding == "labels":
        return tuple(parse_group(label) for label in labels)
    try:
        numbers = [int(float(str(label))) for label in labels]
    except ValueError:
        raise GeoError("age-group", f"age codes must be numbers, not {labels!r}", hint=f"coding is {coding}") from None
    if coding == "lows":
        by_low = {group.low: group for group in _tile(sorted(set(numbers)))}
        return tuple(by_low[number] for number in numbers)
    if coding not in ("seer18", "seer19"):
        raise GeoError("usage", f"unknown age coding {coding!r}", hint="one of labels, lows, seer18, seer19")
    grouping, first = (GROUPINGS[19], 0) if coding == "seer19" else (GROUPINGS[18], 1)
    wrong = sorted({number for number in numbers if not 0 <= number - first < len(grouping)})
    if wrong:
        raise GeoError("age-group", f"codes {wrong} lie outside {coding}")
    return tuple(grouping[number - first] for number in numbers)


def check_tiling(groups: Sequence[AgeGroup], *, whole: bool = True) -> None:
    """Raises `GeoError("age-gap")` when groups overlap or leave a gap; `whole` also asks for 0 to and over."""
    ordered = sorted(groups, key=lambda group: group.low)
    for before, after in itertools.pairwise(ordered):
        if before.high is None or after.low <= before.high:
            raise GeoError("age-gap", f"age groups {before.label} and {after.label} overlap")
        if after.low != before.high + 1:
            raise GeoError("age-gap", f"no age group holds the ages {before.high + 1} to {after.low - 1}")
    if whole and (not ordered or ordered[0].low != 0 or ordered[-1].high is not None):
        first, last = (ordered[0].label, ordered[-1].label) if ordered else ("none", "none")
        raise GeoError(
            "age-gap",
            f"the age groups run from {first} to {last}, not from 0 to an open group",
            hint="give every age, or ask for a truncated rate",
        )


def group_ages(ages: np.ndarray, groups: Sequence[AgeGroup]) -> np.ndarray:
    """Gives the index into `groups` of each age in years (shape as `ages`), -1 where none holds it or it is missing."""
    check_tiling(groups, whole=False)
    order = np.argsort([group.low for group in groups])
    lows = np.array([groups[i].low for i in order], dtype=float)
    highs = np.array([np.inf if groups[i].high is None else groups[i].high + 1.0 for i in order])
    ages = np.asarray(ages, dtype=float)
    place = np.searchsorted(lows, ages, side="right") - 1
    inside = (place >= 0) & np.isfinite(ages)
    inside &= ages < highs[np.where(inside, place, 0)]
    return np.where(inside, order[np.where(inside, place, 0)], -1)
