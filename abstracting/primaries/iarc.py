"""International multiple primaries: which tumors of a patient count once in incidence by the IARC/IACR rules of 2004.

One tumor for each site group and histology group in a lifetime; Kaposi sarcoma and the hematopoietic diseases count once
whatever the site. Two dialects: `ims` reads the rules as published; `canreg5` as CanReg5 does (mesothelioma taken for a
systemic disease, a catch-all group for lymphomas and leukemias, an answer of its own for unknown primaries).
Source: IARC/IACR, International rules for multiple primary cancers, 2004, and IARC Technical Report 42, as tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from abstracting.errors import AbstractingError
from abstracting.recodes import sources
from abstracting.recodes.columns import factorise
from abstracting.values import whole_number

PRIMARY, DUPLICATE, NOT_COUNTED = 1, 0, 9

LABELS = {
    PRIMARY: "Primary",
    DUPLICATE: "Duplicate of an earlier tumor",
    NOT_COUNTED: "Not counted: in situ or benign",
}

# histology groups by their published numbers
_CARCINOMA_NOS, _MESOTHELIOMA, _LYMPHOID_NOS, _KAPOSI, _UNSPECIFIED = 5, 7, 14, 15, 17
_HEMATOPOIETIC = range(8, 15)


@dataclass(frozen=True)
class Dialect:
    """A reading of the rules: its tables, which groups are not otherwise specified, which are independent of site.

    `covers[group]` are the groups that an unspecified group may stand for.
    """

    name: str
    site_column: str
    histology_table: str
    covers: dict[int, frozenset[int]]
    systemic: frozenset[int]
    unknown_site: bool = False

    def site_group(self, site: str | None) -> str | None:
        """Gives the group of a site: its first three characters, or those of the sites counted as one with it."""
        if site is None:
            return None
        three = site[:3].upper()
        return _site_groups(self.site_column).get(three, three)

    def histology_group(self, histology: str | None) -> int | None:
        """Gives the group 1 to 17 of a histology, None when the tables do not know it."""
        number = whole_number(histology)
        return None if number is None else _histology_groups(self.histology_table).get(number)

    def covers_either(self, a: int, b: int) -> bool:
        """Tells whether one group is unspecified and may stand for the other."""
        return b in self.covers.get(a, ()) or a in self.covers.get(b, ())


@cache
def _site_groups(column: str) -> dict[str, str]:
    return {row["site3"]: row[column] for row in sources.read_rows("iarc_site_groups.csv")}


@cache
def _histology_groups(table: str) -> dict[int, int]:
    groups: dict[int, int] = {}
    for row in sources.read_rows(f"{table}.csv"):
        for low, high in sources.split_ranges(row["hist_in"]):
            for code in range(int(low), int(high) + 1):
                groups.setdefault(code, int(row["group"]))
    return groups


_COVERS = {
    _CARCINOMA_NOS: frozenset(range(1, 5)),
    _LYMPHOID_NOS: frozenset(range(8, 14)),
    _UNSPECIFIED: frozenset({*range(1, 8), 15, 16}),
}

DIALECTS = {
    "ims": Dialect(
        "ims", "group_imsweb", "iarc_histology_groups", _COVERS, systemic=frozenset({*_HEMATOPOIETIC, _KAPOSI})
    ),
    "canreg5": Dialect(
        "canreg5",
        "group_canreg5",
        "iarc_histology_groups_canreg5",
        # an unspecified neoplasm of the same site may also be a lymphoma or a leukemia
        _COVERS | {_UNSPECIFIED: frozenset(range(1, 17))},
        systemic=frozenset({_MESOTHELIOMA, *_HEMATOPOIETIC, _KAPOSI}),
        unknown_site=True,
    ),
}


def dialect(name: str) -> Dialect:
    """Gives one of `DIALECTS`; another name is an error."""
    if name not in DIALECTS:
        raise AbstractingError("recode-name", f"there is no dialect {name!r}", hint="one of: " + ", ".join(DIALECTS))
    return DIALECTS[name]


# --- two tumors -------------------------------------------------------------------------------------------------------


def compare_groups(a: tuple[str | None, int | None], b: tuple[str | None, int | None], rules: Dialect) -> str:
    """Gives how two tumors, as (site group, histology group), relate.

    One of `Duplicate`, `MultiplePrimary`, `UnknownTopography` (only in a dialect that has it) and `Invalid` (a group
    is missing).
    """
    (site_a, group_a), (site_b, group_b) = a, b
    if site_a is None or site_b is None or group_a is None or group_b is None:
        return "Invalid"
    same = group_a == group_b or rules.covers_either(group_a, group_b)
    if not same:
        return "MultiplePrimary"
    if group_a in rules.systemic and group_b in rules.systemic:
        return "Duplicate"
    if rules.unknown_site and (site_a == "C80") != (site_b == "C80"):
        return "UnknownTopography"
    return "Duplicate" if site_a == site_b else "MultiplePrimary"


def compare_pair(
    site_a: str | None, histology_a: str | None, site_b: str | None, histology_b: str | None, *, name: str = "ims"
) -> str:
    """Gives how two malignant tumors of a patient relate, with the answers of `compare_groups`."""
    rules = dialect(name)
    return compare_groups(
        (rules.site_group(site_a), rules.histology_group(histology_a)),
        (rules.site_group(site_b), rules.histology_group(histology_b)),
        rules,
    )


# --- all tumors of a patient ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IarcTumor:
    """What the rules need of one tumor, as coded: the parts of its date of diagnosis, item 380, site and morphology."""

    year: str | None
    month: str | None
    day: str | None
    sequence: str | None
    site: str | None
    histology: str | None
    behavior: str | None


@dataclass(frozen=True, slots=True)
class IarcResult:
    """The answer for one tumor: `indicator` (a key of LABELS), its groups and the most specific histology known.

    `duplicate_of` is the place of the primary that a duplicate repeats. A patient with one tumor has no groups.
    """

    indicator: int
    site_group: str | None = None
    histology_group: int | None = None
    histology: str | None = None
    duplicate_of: int | None = None


@dataclass(slots=True)
class _Entry:
    place: int
    date: tuple[int | None, int | None, int | None]
    sequence: int
    counted: bool
    site: str | None
    group: int | None
    histology: str | None
    indicator: int | None = None
    duplicate_of: int | None = None


def is_counted(site: str | None, behavior: str | None) -> bool:
    """Tells whether a tumor counts: malignant, or of the bladder whatever its behavior."""
    return behavior == "3" or (site is not None and site[:3].upper() == "C67")


def iarc_primaries(
    tumors: Sequence[IarcTumor], *, name: str = "ims", flag_primary_with_duplicate: bool = False
) -> list[IarcResult]:
    """Gives the verdict on every tumor of one patient, in the order of the input.

    `flag_primary_with_duplicate` marks a primary that has a duplicate with 0 as well, for review.
    """
    rules = dialect(name)
    if len(tumors) == 1:
        only = tumors[0]
        return [IarcResult(PRIMARY if is_counted(only.site, only.behavior) else NOT_COUNTED, histology=only.histology)]
    entries = [
        _Entry(
            place,
            _date(tumor),
            _sequence(tumor.sequence),
            is_counted(tumor.site, tumor.behavior),
            rules.site_group(tumor.site),
            rules.histology_group(tumor.histology),
            tumor.histology,
        )
        for place, tumor in enumerate(tumors)
    ]
    _judge(_in_order(entries), rules, flag_primary_with_duplicate)
    return [
        IarcResult(
            PRIMARY if entry.indicator is None else entry.indicator,
            entry.site,
            entry.group,
            entry.histology,
            entry.duplicate_of,
        )
        for entry in entries
    ]


def _judge(ordered: Sequence[_Entry], rules: Dialect, flag_primary: bool) -> None:
    for place, first in enumerate(ordered):
        if first.indicator is not None:
            continue
        if not first.counted:
            first.indicator = NOT_COUNTED
            continue
        repeated = False
        # a tumor that repeats an earlier primary is still compared: it may make this one's histology specific
        for later in ordered[place + 1 :]:
            if not later.counted:
                later.indicator = NOT_COUNTED
                continue
            if compare_groups((first.site, first.group), (later.site, later.group), rules) != "Duplicate":
                continue
            repeated = True
            later.indicator = DUPLICATE
            if later.duplicate_of is None:
                later.duplicate_of = first.place
            if _is_more_specific(later, first, rules):
                first.histology, first.group = later.histology, later.group
        first.indicator = DUPLICATE if repeated and flag_primary else PRIMARY


def _is_more_specific(later: _Entry, first: _Entry, rules: Dialect) -> bool:
    if first.group == later.group:
        return int(first.histology or 0) < int(later.histology or 0)
    return later.group in rules.covers.get(first.group or 0, ())


def _date(tumor: IarcTumor) -> tuple[int | None, int | None, int | None]:
    year, month, day = (whole_number(part) for part in (tumor.year, tumor.month, tumor.day))
    return (None if year == 9999 else year, None if month == 99 else month, None if day == 99 else day)


def _sequence(text: str | None) -> int:
    number = whole_number(text)
    if number is None:
        return -1
    # tumors outside federal reporting come last
    return number + 100 if 60 <= number <= 97 else number


def _is_behind(a: _Entry, b: _Entry) -> bool:
    """Tells whether a comes after b: by date as far as both are known, then by sequence."""
    for x, y in zip(a.date, b.date, strict=True):
        if x is None or y is None:
            break
        if x != y:
            return x > y
    return a.sequence > b.sequence


def _in_order(entries: Sequence[_Entry]) -> list[_Entry]:
    # "after" is no total order where dates are partly unknown, so the way of sorting is part of the rule
    ordered: list[_Entry] = []
    for entry in entries:
        at = len(ordered)
        while at > 0 and _is_behind(ordered[at - 1], entry):
            at -= 1
        ordered.insert(at, entry)
    return ordered


# --- columns ----------------------------------------------------------------------------------------------------------


def iarc_columns(
    *, patient: Any, diagnosis: Any, sequence: Any, site: Any, histology: Any, behavior: Any, name: str = "ims"
) -> np.ndarray:
    """Gives the indicator (int8: 1, 0 or 9) of every row; `patient` is any key that tumors of one patient share.

    `diagnosis` is the coded date (YYYYMMDD, right parts may be absent).
    """
    import pandas as pd

    dialect(name)
    patients, _ = pd.factorize(np.asarray(patient, dtype=object), use_na_sentinel=False)
    sites, behaviors = factorise(site), factorise(behavior)
    bladder = sites.spread(lambda text: text is not None and text[:3].upper() == "C67", bool)
    counted = behaviors.spread(lambda text: text == "3", bool) | bladder
    indicator = np.where(counted, PRIMARY, NOT_COUNTED).astype(np.int8)

    # only patients with two counted tumors need the rules; their other tumors take part in the order alone
    number = np.bincount(patients[counted], minlength=int(patients.max(initial=-1)) + 1)
    rows = np.flatnonzero(number[patients] > 1)
    if not len(rows):
        return indicator
    rows = rows[np.argsort(patients[rows], kind="stable")]
    dates, sequences, histologies = factorise(diagnosis), factorise(sequence), factorise(histology)
    read: dict[str, list[Any]] = {
        "date": [_coded_date(text) for text in dates.values],
        "sequence": [_sequence(text) for text in sequences.values],
        "site": [DIALECTS[name].site_group(text) for text in sites.values],
        "group": [DIALECTS[name].histology_group(text) for text in histologies.values],
    }
    columns = {
        "date": dates.codes[rows].tolist(),
        "sequence": sequences.codes[rows].tolist(),
        "site": sites.codes[rows].tolist(),
        "group": histologies.codes[rows].tolist(),
    }
    owner, counts = patients[rows], counted[rows].tolist()
    starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]]).tolist()
    places = rows.tolist()
    for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
        entries = [
            _Entry(
                places[i],
                read["date"][columns["date"][i]],
                read["sequence"][columns["sequence"][i]],
                counts[i],
                read["site"][columns["site"][i]],
                read["group"][columns["group"][i]],
                histologies.values[columns["group"][i]],
            )
            for i in range(start, stop)
        ]
        _judge(_in_order(entries), DIALECTS[name], False)
        for entry in entries:
            if entry.indicator == DUPLICATE:
                indicator[entry.place] = DUPLICATE
    return indicator


def _coded_date(text: str | None) -> tuple[int | None, int | None, int | None]:
    text = text or ""
    return _date(IarcTumor(text[:4], text[4:6], text[6:8], None, None, None, None))
