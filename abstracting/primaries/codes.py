"""Code sets, code tables and pairs of blood diseases that the rules name, read once from the tables of `data/`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from abstracting.codes.sources import read_table
from abstracting.primaries.tumors import Tumor

DATA = Path(__file__).parent / "data"

# a word that is a code or a range of codes: C50, C670-C679, 8120-8124, 8500/3, 2
_RANGE = re.compile(r"\d{4}-\d{4}")
_CODE = re.compile(r"(C\d{2,3}|\d{4}(/\d)?|\d)(-(C?\d{2,4}))?")


# --- sets -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CodeSet:
    """A set of codes: a site of three characters stands for all its subsites, a histology for all its behaviors."""

    name: str
    codes: frozenset[str]

    def has_site(self, tumor: Tumor) -> bool:
        return tumor.site in self.codes or tumor.site[:3] in self.codes

    def has_morphology(self, tumor: Tumor) -> bool:
        return tumor.histology in self.codes or tumor.morphology in self.codes

    def __contains__(self, code: object) -> bool:
        return code in self.codes


def expand(cell: str) -> Iterator[str]:
    """Gives every code of a cell of blank-separated codes and ranges."""
    for word in cell.split():
        low, _, high = word.partition("-")
        if not high:
            yield low
            continue
        letter = "C" if low.startswith("C") else ""
        low, high = low.removeprefix("C"), high.removeprefix("C")
        for number in range(int(low), int(high) + 1):
            yield f"{letter}{number:0{len(low)}d}"


@cache
def named_sets() -> dict[str, frozenset[str]]:
    """Gives name → codes of all sets of the tables."""
    return {row["name"]: frozenset(expand(row["codes"])) for row in read_table(DATA / "code_sets.csv")}


def code_set(text: str) -> CodeSet:
    """Gives the set that a text names: names of sets, codes and ranges, blank-separated.

    An unknown name is a KeyError, a text without any name a ValueError.
    """
    if not text.strip():
        raise ValueError("no codes are named")
    codes: set[str] = set()
    for word in text.split():
        codes.update(expand(word) if _CODE.fullmatch(word) else named_sets()[word])
    return CodeSet(text, frozenset(codes))


# --- tables -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TablePart:
    """The rows of a table that hold for some sites (all when None) and years: code → labels of its rows."""

    sites: CodeSet | None
    first_year: int
    last_year: int
    rows: dict[str, frozenset[str]]

    def covers(self, tumor: Tumor) -> bool:
        in_years = tumor.year is not None and self.first_year <= tumor.year <= self.last_year
        return in_years and (self.sites is None or self.sites.has_site(tumor))


@dataclass(frozen=True)
class CodeTable:
    """A table of the manuals: which codes stand on one row, for each site where it has parts by site."""

    name: str
    parts: tuple[TablePart, ...]

    def part(self, tumor: Tumor) -> TablePart | None:
        return next((part for part in self.parts if part.covers(tumor)), None)

    def row(self, tumor: Tumor) -> frozenset[str] | None:
        """Gives the labels of the row a tumor's histology stands on, whatever its behavior, else its morphology."""
        part = self.part(tumor)
        if part is None:
            return None
        found = part.rows.get(tumor.histology)
        return part.rows.get(tumor.morphology) if found is None else found


@cache
def tables() -> dict[str, CodeTable]:
    """Gives all tables by name."""
    read: dict[str, dict[tuple[str, str, str], dict[str, frozenset[str]]]] = {}
    for line in read_table(DATA / "tables.csv"):
        rows = read.setdefault(line["table"], {}).setdefault((line["sites"], line["first_year"], line["last_year"]), {})
        rows.update(dict.fromkeys(line["codes"].split(), frozenset(_labels(line["row"]))))
    return {
        name: CodeTable(
            name,
            tuple(
                TablePart(code_set(sites) if sites else None, int(first or 0), int(last or 9999), rows)
                for (sites, first, last), rows in parts.items()
            ),
        )
        for name, parts in read.items()
    }


def _labels(cell: str) -> Iterator[str]:
    """Gives the labels of a row; a range of codes stands for each of them."""
    return expand(cell) if _RANGE.search(cell) else iter(cell.split())


# --- blood diseases ---------------------------------------------------------------------------------------------------


@cache
def successions(name: str) -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    """Gives the pairs (earlier histologies, later histologies) that one edition of the rules counts as one disease."""
    return tuple(
        (frozenset(expand(row["first"])), frozenset(expand(row["second"])))
        for row in read_table(DATA / "heme_successions.csv")
        if row["table"] == name
    )


@cache
def _pairs() -> dict[tuple[str, str, str], list[tuple[int, int]]]:
    found: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
    for row in read_table(DATA / "heme_pairs.csv.gz"):
        years = int(row["first_year"] or 0), int(row["last_year"] or 9999)
        for other in row["others"].split():
            found.setdefault((row["table"], row["morphology"], other), []).append(years)
    return found


def has_pair(table: str, tumor: Tumor, other: Tumor) -> bool:
    """Tells whether a table (`same`, `turns_into`, `comes_from`) pairs a disease with another in its year."""
    years = _pairs().get((table, tumor.morphology, other.morphology), ())
    return tumor.year is not None and any(first <= tumor.year <= last for first, last in years)
