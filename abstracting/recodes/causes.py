"""SEER cause-specific and other-cause death (items 1914 and 1915): did the patient die of this cancer?

First tumors take any cancer as cause; later ones need the cause that a table names for their site. Plain text order
decides ranges of causes of death, as the standard's own program does. Source: NCI SEER, cause-specific death
classification; tables in `data/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from abstracting.errors import AbstractingError
from abstracting.recodes import sources
from abstracting.recodes.columns import factorise
from abstracting.recodes.rules import Axis, Condition
from abstracting.recodes.tables import RECODES
from abstracting.values import whole_number

LABELS = {
    "0": "Alive, or dead of another cause",
    "1": "Dead of this cause",
    "8": "Dead, cause missing or unknown",
    "9": "Not the first tumor",
}

VERSIONS = {
    # version: (table, site recode)
    "2008": ("cause_specific_2008_pre", "site_recode_2008"),
    "2008_fixed": ("cause_specific_2008_post", "site_recode_2008"),
    "2023": ("cause_specific_2023", "site_recode_2023"),
}

_REVISIONS = ("8", "9", "1")
_UNKNOWN_CAUSES = frozenset({"7777", "7797"})
# classes of histologies
_ANY, _MELANOMA, _MYELOID = range(3)
_MISCELLANEOUS = "37000"


def _histology_class(text: str | None) -> int:
    number = whole_number(text)
    if number is None:
        return _ANY
    if 8720 <= number <= 8799:
        return _MELANOMA
    return _MYELOID if number == 9950 or 9960 <= number <= 9964 or 9980 <= number <= 9989 else _ANY


@dataclass(frozen=True, slots=True)
class _Cause:
    """What the general rules ask of one cause of death; the tuples are in the order of `_REVISIONS`."""

    first: tuple[bool, bool, bool]
    later: tuple[bool, bool, bool]
    melanoma: tuple[bool, bool, bool]
    myeloid: bool
    neoplasm: bool


def _is_missing(cause: str | None) -> bool:
    return cause is None or len(cause) < 3 or cause in _UNKNOWN_CAUSES


@cache
def _cause(code: str) -> _Cause:
    code = code.upper()
    short = code[:3]
    tumor = "140" <= short <= "239"
    neoplasm = short >= "C00" and code <= "D489"
    return _Cause(
        first=(tumor, tumor or code == "0422", neoplasm or short == "B21"),
        later=(short == "199", short == "199", code in ("C798", "D489") or short in ("C80", "C97")),
        melanoma=(
            short == "172" or code in ("2169", "2322"),
            short in ("172", "216", "232"),
            short in ("C43", "D03", "D22"),
        ),
        myeloid=short in ("C77", "D36") or "C81" <= short <= "C96" or "D45" <= short <= "D47",
        neoplasm=neoplasm or code == "D619",
    )


class _Table:
    """The table of one version: which causes of death belong to a revision, a sequence group and a site recode."""

    def __init__(self, name: str):
        rows = sources.read_rows(f"{name}.csv")
        self.three, self.four = (
            Axis([Condition(tuple(sources.split_ranges(row[column]))) for row in rows]) for column in ("cod3", "cod4")
        )
        self.rows: dict[tuple[str, int, str], int] = {}
        for place, row in enumerate(rows):
            key = (row["icd_revision"], int(row["seq_group"] != "0"), row["site_recode"])
            if key in self.rows:
                raise LookupError(f"{name} has two rows for {key}")
            self.rows[key] = place

    def holds(self, revision: str, group: int, recode: str, cause: str) -> bool:
        row = self.rows.get((revision, group, recode))
        if row is None:
            return False
        in_three, in_four = self.three.holds, self.four.holds
        return bool(in_three[row, self.three.class_of(cause[:3])] or in_four[row, self.four.class_of(cause)])


_table = cache(_Table)


def _version(version: str) -> tuple[str, str]:
    if version not in VERSIONS:
        raise AbstractingError(
            "recode-name",
            f"there is no cause-specific classification {version!r}",
            hint="one of: " + ", ".join(VERSIONS),
        )
    return VERSIONS[version]


def cause_specific(
    *,
    site: str | None,
    histology: str | None,
    behavior: str | None = None,
    year: str | None = None,
    sequence: str | None,
    revision: str | None,
    cause: str | None,
    last_contact_year: str | None,
    cutoff_year: int,
    version: str = "2008",
) -> tuple[str, str]:
    """Gives (cause-specific, other cause) of one tumor, each a key of `LABELS`.

    `sequence` is item 380, `revision` 1920, `cause` 1910; `cutoff_year` is the last year of follow-up: who was seen
    alive or died after it counts as alive. `behavior` and `year` serve the site recode of version 2023 alone.
    """
    table, recode_name = _version(version)
    number = whole_number(sequence)
    if number is None or number > 59:
        return "9", "9"
    last = whole_number(last_contact_year)
    if revision == "0" or (last is not None and last != 9999 and last > cutoff_year):
        return "0", "0"
    if _is_missing(cause):
        return "8", "8"
    code = cause.upper()  # type: ignore[union-attr]
    recode = RECODES[recode_name].value(site=site, histology=histology, behavior=behavior, year=year)
    group = int(number > 0)
    hit = _holds_in_general(version, group, revision, _cause(code), _histology_class(histology), recode)
    hit = hit or _table(table).holds(revision or "", group, recode, code)
    return ("1", "0") if hit else ("0", "1")


def _holds_in_general(
    version: str, group: int, revision: str | None, cause: _Cause, histology: int, recode: str
) -> bool:
    if revision not in _REVISIONS:
        return False
    place = _REVISIONS.index(revision)
    if group == 0:
        return cause.first[place]
    if cause.later[place] or (histology == _MELANOMA and cause.melanoma[place]):
        return True
    if revision != "1" or version == "2023":
        return False
    return cause.myeloid if histology == _MYELOID else recode == _MISCELLANEOUS and cause.neoplasm


def cause_specific_columns(
    *,
    sequence: Any,
    revision: Any,
    cause: Any,
    last_contact_year: Any,
    histology: Any,
    recode: Any,
    cutoff_year: int,
    version: str = "2008",
) -> tuple[np.ndarray, np.ndarray]:
    """Gives `cause_specific` for columns: two text arrays.

    `recode` is the column of the version's site recode (2008 for the versions 2008 and 2008_fixed, 2023 for 2023).
    """
    table = _table(_version(version)[0])
    group = factorise(sequence).spread(_sequence_group, np.int8)
    revisions = factorise(revision)
    place = revisions.spread(lambda text: _REVISIONS.index(text) if text in _REVISIONS else 3, np.int8)
    alive = revisions.spread(lambda text: text == "0", bool) | factorise(last_contact_year).spread(
        lambda text: (whole_number(text) or 0) > cutoff_year and whole_number(text) != 9999, bool
    )
    causes = factorise(cause)
    missing = causes.spread(_is_missing, bool)
    codes = [(text or "").upper() for text in causes.values]
    facts = [_cause(code) for code in codes]
    histologies = factorise(histology).spread(_histology_class, np.int8)
    recodes = factorise(recode)

    later = group == 1
    # the fourth revision, any other, holds nothing
    general = np.array([[(*fact.first, False), (*fact.later, False)] for fact in facts])
    hit = general[causes.codes, np.maximum(group, 0), place]
    melanoma = np.array([(*fact.melanoma, False) for fact in facts])
    hit |= later & (histologies == _MELANOMA) & melanoma[causes.codes, place]
    if version != "2023":
        myeloid, neoplasm = (
            np.array([getattr(f, name) for f in facts])[causes.codes] for name in ("myeloid", "neoplasm")
        )
        miscellaneous = recodes.spread(lambda text: text == _MISCELLANEOUS, bool)
        last_rule = np.where(histologies == _MYELOID, myeloid, miscellaneous & neoplasm)
        hit |= later & (place == _REVISIONS.index("1")) & last_rule

    # the row of the table for every revision, group and recode; the last row of `holds` is empty
    rows = np.full((4, 2, len(recodes.values)), -1, dtype=np.int32)
    for index, text in enumerate(recodes.values):
        for at, name in enumerate(_REVISIONS):
            for sequence_group in (0, 1):
                rows[at, sequence_group, index] = table.rows.get((name, sequence_group, text or ""), -1)
    row = rows[place, np.maximum(group, 0), recodes.codes]
    for axis, length in ((table.three, 3), (table.four, None)):
        holds = np.vstack([axis.holds, np.zeros((1, axis.size), dtype=bool)])
        of_cause = np.array([axis.class_of(code[:length]) for code in codes], dtype=np.int32)
        hit |= holds[row, of_cause[causes.codes]]

    place_of = np.where(hit, np.int8(1), np.int8(0))
    for rule, value in ((missing, 2), (alive, 3), (group < 0, 4)):
        place_of[rule] = value
    return _SPECIFIC[place_of], _OTHER[place_of]


# not of this cause, of this cause, unknown cause, alive, not the first tumor
_SPECIFIC, _OTHER = (np.array(list(values), dtype=object) for values in ("01809", "10809"))


def _sequence_group(text: str | None) -> int:
    number = whole_number(text)
    return -1 if number is None or number > 59 else int(number > 0)
