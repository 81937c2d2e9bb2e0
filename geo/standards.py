"""Standard populations: weights of any age grouping they allow, and standards of the user's own."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np

from geo.ages import AgeGroup, check_tiling, parse_group
from geo.errors import GeoError

NAMES = {
    "us2000": "2000 US standard population (Census P25-1130)",
    "us2000_million": "2000 US standard million",
    "who2000": "WHO 2000-2025 world standard",
    "segi": "Segi 1960 world standard",
    "eu1976": "European 1976 standard",
    "esp2013": "European 2013 standard",
}


@dataclass(frozen=True)
class StandardPopulation:
    """People (or weights) by the finest age cells that are known exactly."""

    name: str
    label: str
    cells: tuple[AgeGroup, ...]
    people: tuple[float, ...]

    def weights(self, groups: Sequence[AgeGroup], *, whole: bool = True) -> np.ndarray:
        """Gives the share of each group, summing to 1 over the groups given (shape `len(groups)`).

        A group's weight is the sum of whole cells. Raises `GeoError("standard-cell")` where a group would cut a cell:
        a weight is never interpolated. `whole=False` allows part of the ages (truncated rates).
        """
        check_tiling(groups, whole=whole)
        lows = np.array([cell.low for cell in self.cells])
        highs = np.array([np.inf if cell.high is None else cell.high for cell in self.cells])
        people = np.array(self.people)
        sums = np.empty(len(groups))
        for index, group in enumerate(groups):
            top = np.inf if group.high is None else group.high
            inside = (lows >= group.low) & (highs <= top)
            touched = (lows <= top) & (highs >= group.low)
            if not inside.any() or (inside != touched).any():
                cut = ", ".join(self.cells[i].label for i in np.flatnonzero(inside != touched))
                raise GeoError(
                    "standard-cell",
                    f"{self.label} has no exact weight for ages {group.label}: it would cut its group {cut}",
                    hint="use the standard's own age groups, or a standard known by finer ages",
                )
            sums[index] = people[inside].sum()
        return sums / sums.sum()

    def allows(self, groups: Sequence[AgeGroup]) -> bool:
        """Says whether every group has an exact weight."""
        try:
            self.weights(groups, whole=False)
        except GeoError as error:
            if error.code != "standard-cell":
                raise
            return False
        return True


@cache
def _shipped() -> dict[str, StandardPopulation]:
    text = resources.files("geo").joinpath("data/standards.csv").read_text()
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    cells: dict[str, list[tuple[AgeGroup, float]]] = {}
    for row in rows:
        group = AgeGroup(int(row["low"]), int(row["high"]) if row["high"] else None)
        cells.setdefault(row["standard"], []).append((group, float(row["people"])))
    return {
        name: StandardPopulation(name, NAMES[name], tuple(g for g, _ in rows), tuple(p for _, p in rows))
        for name, rows in cells.items()
    }


def custom_standard(people: Mapping[object, float], *, name: str = "custom") -> StandardPopulation:
    """Gives a standard from `{age group: people}`; the groups must tile the ages, the figures be positive."""
    cells = sorted(((parse_group(label), float(count)) for label, count in people.items()), key=lambda c: c[0].low)
    check_tiling([group for group, _ in cells])
    if not all(np.isfinite(count) and count >= 0 for _, count in cells) or sum(count for _, count in cells) <= 0:
        raise GeoError("standard-population", "a standard population needs figures that are not negative")
    return StandardPopulation(name, name, tuple(g for g, _ in cells), tuple(c for _, c in cells))


def read_standard(path: Path | str) -> StandardPopulation:
    """Gives the standard of a CSV file with an age-group column first and a figure column second."""
    path = Path(path)
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row and not row[0].startswith("#")]
        people = {row[0]: float(row[1]) for row in rows[1:]}
    except (OSError, UnicodeDecodeError, ValueError, IndexError) as error:
        raise GeoError(
            "standard-population", f"cannot read a standard: {error}", where=str(path), hint="columns: age,people"
        ) from None
    if len(people) != len(rows) - 1:
        raise GeoError("standard-population", "an age group appears twice", where=str(path))
    return custom_standard(people, name=path.stem)


def standard_population(standard: str | Path | Mapping | StandardPopulation) -> StandardPopulation:
    """Gives a standard by name (`NAMES`), by CSV file, by mapping, or as it is."""
    if isinstance(standard, StandardPopulation):
        return standard
    if isinstance(standard, Mapping):
        return custom_standard(standard)
    if str(standard) in _shipped():
        return _shipped()[str(standard)]
    if Path(standard).suffix.lower() == ".csv":
        return read_standard(standard)
    raise GeoError(
        "usage", f"unknown standard population {standard!r}", hint=f"one of {', '.join(NAMES)} or a CSV file"
    )
