"""Surgery of the primary site: the codes allowed for a site and a diagnosis year, 1998 to 2024.

Each edition of the tables holds until the next; years after the last one use it and say so. From 2023 the codes have
four characters and begin with A (B for skin).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from abstracting.codes.sources import read_codes
from abstracting.codes.system import CodeSystem
from abstracting.values import whole_number

FIRST_YEAR, LAST_YEAR = 1998, 2024


@dataclass(frozen=True, slots=True)
class SurgeryCode:
    """One code: its place in the printed hierarchy (`level` 0 is the top) and a short label."""

    code: str
    level: int
    label: str


@dataclass(frozen=True)
class SurgeryTable:
    """The codes of one group of sites in one edition (the first year for which it holds)."""

    edition: int
    title: str
    sites: tuple[tuple[str, str], ...]
    histologies: tuple[tuple[int, int], ...]
    excluded: tuple[tuple[int, int], ...]
    codes: tuple[SurgeryCode, ...]

    def covers(self, site: str, histology: int | None) -> bool:
        """Tells whether a case belongs here: by a histology that counts at every site, or by its site."""
        if _inside(histology, self.histologies):
            return True
        return _inside(site, self.sites) and not _inside(histology, self.excluded)

    def system(self) -> CodeSystem:
        """Gives the table as a code system, for search and labels."""
        labels = {code.code: code.label for code in self.codes}
        return CodeSystem("surgery", f"surgery code of {self.title}", labels, "a code of the site's table")


def _inside(value, ranges) -> bool:  # type: ignore[no-untyped-def]
    return value is not None and any(low <= value <= high for low, high in ranges)


def _ranges(cell: str) -> list[tuple[str, str]]:
    pairs = (item.partition("-") for item in cell.split())
    return [(low, high or low) for low, _, high in pairs]


@cache
def _tables() -> dict[int, tuple[SurgeryTable, ...]]:
    codes: dict[tuple[str, str], list[SurgeryCode]] = {}
    for row in read_codes("surgery_codes.csv.gz"):
        code = SurgeryCode(row["code"], int(row["level"]), row["label"])
        codes.setdefault((row["year"], row["number"]), []).append(code)
    editions: dict[int, list[SurgeryTable]] = {}
    for row in read_codes("surgery_tables.csv"):
        numbers = [
            tuple((int(low), int(high)) for low, high in _ranges(row[column])) for column in ("hist_in", "hist_out")
        ]
        table = SurgeryTable(
            int(row["year"]),
            row["title"],
            tuple(_ranges(row["sites"])),
            numbers[0],
            numbers[1],
            tuple(codes[row["year"], row["number"]]),
        )
        editions.setdefault(table.edition, []).append(table)
    # a table of histologies at any site goes before those of the sites
    return {year: tuple(sorted(tables, key=lambda t: not t.histologies)) for year, tables in editions.items()}


def edition_for(year: int | None) -> int | None:
    """Gives the edition that holds for a diagnosis year, None before 1998 or when the year is unknown."""
    if year is None or year < FIRST_YEAR:
        return None
    return max(edition for edition in _tables() if edition <= year)


def is_beyond_tables(year: int | None) -> bool:
    """Tells whether a diagnosis year lies after the last edition, so that its codes are those of that edition."""
    return year is not None and year > LAST_YEAR


def surgery_table(site: str | None, histology: str | None, year: int | None) -> SurgeryTable | None:
    """Gives the table for a case, None when there is none (no edition for the year, unknown site)."""
    edition = edition_for(year)
    if edition is None or not site:
        return None
    number = whole_number(histology)
    return next((table for table in _tables()[edition] if table.covers(site, number)), None)


def is_valid(code: str | None, *, site: str | None, histology: str | None, year: int | None) -> bool | None:
    """Tells whether a surgery code is allowed for a case; None when no table says."""
    table = surgery_table(site, histology, year)
    return None if table is None else any(entry.code == code for entry in table.codes)
