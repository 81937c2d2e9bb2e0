"""Sequence numbers of one person's tumors (items 560 and 380): two series, renumbered when an earlier tumor appears.

Rules: NAACCR data dictionary, items 380 and 560. Malignant and in situ 00 (only one) or 01 to 59, 99 beyond; benign and
borderline 60 (only one) or 61 to 87, 88 beyond. Simultaneous tumors: the worse prognosis has the lower number.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from registry.abstracting.tables import rows

MALIGNANT, BENIGN, CERVIX = "malignant", "benign", "98"


@dataclass(frozen=True)
class Series:
    """One series: number of a lone tumor, number of the first of several, the last number, and what stands beyond."""

    lone: int
    first: int
    last: int
    beyond: str


SERIES = {MALIGNANT: Series(0, 1, 59, "99"), BENIGN: Series(60, 61, 87, "88")}
_STAGE_RANK = {"7": 0, "4": 1, "3": 2, "2": 3, "1": 4, "0": 5}


@dataclass(frozen=True)
class SequencedTumor:
    """One tumor as the rule reads it; `number` is what it has now (blank for a new one)."""

    key: Hashable
    diagnosed: str = ""
    site: str = ""
    histology: str = ""
    behavior: str = ""
    stage: str = ""
    number: str = ""


def series_of(tumor: SequencedTumor, *, central: bool = False) -> str:
    """Gives the series of a tumor; a blank behavior counts as malignant until it is known."""
    year = tumor.diagnosed[:4]
    for row in rows("sequence_exceptions"):
        if (
            row["histology"] in ("", tumor.histology)
            and row["behavior"] == tumor.behavior
            and (not row["sites"] or tumor.site in row["sites"].split())
            and (not row["first"] or year >= row["first"])
            and (not row["last"] or year <= row["last"])
            and (central or row["series"] != CERVIX)
        ):
            return row["series"]
    return BENIGN if tumor.behavior in ("0", "1") else MALIGNANT


def sequence(tumors: Iterable[SequencedTumor], *, central: bool = False) -> dict[Hashable, str]:
    """Gives the number of every tumor of one person.

    Numbers that nobody here holds belong to tumors elsewhere and stay free: a lone tumor numbered 02 keeps its 02.
    """
    found: dict[Hashable, str] = {}
    grouped: dict[str, list[SequencedTumor]] = {}
    for tumor in tumors:
        grouped.setdefault(series_of(tumor, central=central), []).append(tumor)
    for name, members in grouped.items():
        if name == CERVIX:
            found |= {tumor.key: CERVIX for tumor in members}
        else:
            found |= _numbered(members, SERIES[name])
    return found


def _numbered(members: list[SequencedTumor], series: Series) -> dict[Hashable, str]:
    ordered = sorted(enumerate(members), key=lambda pair: (*_when(pair[1]), pair[0]))
    held = [number for tumor in members if (number := _held(tumor, series)) is not None]
    elsewhere = set(range(series.first, max(held, default=series.first))) - set(held)
    if len(members) == 1 and not elsewhere and series.first + 1 not in held:
        return {members[0].key: f"{series.lone:02d}"}
    free = (number for number in range(series.first, series.last + 1) if number not in elsewhere)
    return {tumor.key: f"{n:02d}" if (n := next(free, None)) else series.beyond for _, tumor in ordered}


def _held(tumor: SequencedTumor, series: Series) -> int | None:
    if not tumor.number.isdigit():
        return None
    number = int(tumor.number)
    if number == series.lone:
        return series.first
    return number if series.first <= number <= series.last else None


def _when(tumor: SequencedTumor) -> tuple[str, int]:
    # an unknown part sorts last among its year or month: nothing says that it was earlier
    return (tumor.diagnosed + "99999999")[:8] if tumor.diagnosed else "99999999", _STAGE_RANK.get(tumor.stage, 6)
