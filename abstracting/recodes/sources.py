"""Reads the tables of `data/`: rows, the names of values, and the printed hierarchies that menus show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from abstracting.codes.sources import read_source, read_table

DATA = Path(__file__).parent / "data"


def read_rows(name: str) -> list[dict[str, str]]:
    """Gives the rows of one table, each a mapping of column to text."""
    return read_table(DATA / name)


def source_of(name: str) -> str:
    """Gives the sentence that names where a table comes from."""
    return read_source(DATA / name)


@cache
def read_labels(name: str) -> dict[str, str]:
    """Gives code → name for the values of a recode, in the order of the printed table."""
    return {row["code"]: row["label"] for row in read_rows(f"{name}_labels.csv")}


@dataclass(frozen=True, slots=True)
class Group:
    """One line of a printed hierarchy: `depth` (0 is the top), `label` and the `codes` of the recode beneath it."""

    depth: int
    label: str
    codes: tuple[str, ...]

    @property
    def is_leaf(self) -> bool:
        return len(self.codes) == 1


@cache
def read_groups(name: str) -> tuple[Group, ...]:
    """Gives the hierarchy of a recode for menus and tables, in printed order; empty when it has none."""
    if not (DATA / f"{name}_groups.csv").exists():
        return ()
    return tuple(
        Group(int(row["depth"]), row["label"], tuple(row["codes"].split())) for row in read_rows(f"{name}_groups.csv")
    )


def split_ranges(cell: str) -> Iterator[tuple[str, str]]:
    """Gives the ends of each item in a cell of blank-separated codes and `a-b` ranges, both ends included."""
    for item in cell.split():
        low, _, high = item.partition("-")
        yield low, high or low
