"""Table recodes of one tumor: SEER site recode (5 versions), ICCC (3 editions), AYA (2), lymphoid, brain and CNS.

Each is an ordered first-match table in `data/`. Two ways of reading a code exist in the standards: as a number (site
recode, ICCC: `C509` is 509, a gate refuses anything else) and as text (the others: plain text order). `RECODES` lists
every one by name; `Recode.value` answers for one tumor, `Recode.column` for columns.

Source: the public definitions of NCI SEER and of the International Classification of Childhood Cancer, as tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

from abstracting.errors import AbstractingError
from abstracting.recodes import sources
from abstracting.recodes.columns import Factor, factorise
from abstracting.recodes.rules import Axis, Condition, RuleTable
from abstracting.values import whole_number

_FOREVER = 10**9


def _site_number(text: str | None) -> int | None:
    return whole_number(text[1:]) if text is not None and text.startswith("C") else None


def _number_or_absent(text: str | None) -> int | None:
    # this edition asks nothing of the behavior, but the peer stops at one that is no number: such a record is unknown
    return 0 if text is None else whole_number(text)


def _any_text(text: str | None) -> str | None:
    return text if text is not None and text.strip() else None


def _site_text(text: str | None) -> str | None:
    return text if text is not None and whole_number(text.removeprefix("C")) is not None else None


# how an axis reads a coded value: None means that the recode is unknown
Reader = Callable[[str | None], Any]


def _ranges(cell: str, read: Callable[[str], Any]) -> tuple[tuple[Any, Any], ...]:
    return tuple((read(low), read(high)) for low, high in sources.split_ranges(cell))


def _condition(row: Mapping[str, str], axis: str, read: Callable[[str], Any], *, both: bool) -> Condition:
    inside, outside = row.get(f"{axis}_in") or "", row.get(f"{axis}_out") or ""
    include = _ranges(inside, read) if inside else None
    # in the older tables an inclusion makes the exclusion of the same row void
    exclude = _ranges(outside, read) if outside and (both or not inside) else ()
    return Condition(include, exclude)


def _years(row: Mapping[str, str]) -> Condition[int]:
    first, last = row.get("year_min") or "", row.get("year_max") or ""
    if first:
        return Condition(((int(first), _FOREVER),))
    return Condition(((-1, int(last)),) if last else None)


@dataclass(frozen=True)
class Recode:
    """One table recode: `name`, the file of its table, the value for "unknown", and how its axes read a code.

    `axes` names the inputs a look-up needs, in order; `field` is the column of the table that is the answer.
    """

    name: str
    table: str
    unknown: str
    readers: Mapping[str, Reader]
    numeric: bool
    field: str = "recode"
    both: bool = False
    unknown_label: str = "Unknown"

    @property
    def axes(self) -> tuple[str, ...]:
        return tuple(self.readers)

    @cached_property
    def _rows(self) -> list[dict[str, str]]:
        return sources.read_rows(f"{self.table}.csv")

    @cached_property
    def _table(self) -> RuleTable:
        def number(text: str) -> int:
            return int(text.removeprefix("C"))

        read: Callable[[str], Any] = number if self.numeric else str
        prefix = {"site": "site", "histology": "hist", "behavior": "beh"}
        return RuleTable(
            *(
                Axis([_years(row) for row in self._rows])
                if axis == "year"
                else Axis([_condition(row, prefix[axis], read, both=self.both) for row in self._rows])
                for axis in self.axes
            )
        )

    @cached_property
    def values(self) -> np.ndarray:
        """The value of each row of the table (object array), the unknown one last."""
        values = [row.get(self.field) or self.unknown for row in self._rows]
        return np.array([*values, self.unknown], dtype=object)

    @property
    def labels(self) -> dict[str, str]:
        """Code → name of every value, the one for "unknown" last."""
        named: dict[str, str] = {}
        if self.field == "recode":
            named = sources.read_labels(self.table)
        elif self.field in self._rows[0]:
            named = sources.read_labels(f"{self.table}_extended")
        return {**named, self.unknown: named.get(self.unknown, self.unknown_label)}

    @property
    def groups(self) -> tuple[sources.Group, ...]:
        """The printed hierarchy, for menus; empty when the recode has none."""
        return sources.read_groups(self.table) if self.field == "recode" else ()

    def value(self, **codes: str | None) -> str:
        """Gives the recode of one tumor from `site`, `histology`, `behavior`, `year` (those in `axes`), as coded."""
        read = []
        for axis, reader in self.readers.items():
            value = reader(codes.get(axis))
            if value is None:
                return self.unknown
            read.append(value)
        return self.values[self._table.first_row(*read)]

    def rows(self, **columns: Any) -> np.ndarray:
        """Gives the deciding row of the table for each tumor, -1 for unknown; `values` at these places are the recodes."""
        classes = []
        for axis, (name, reader) in zip(self._table.axes, self.readers.items(), strict=True):
            factor: Factor = factorise(columns[name])

            def class_of(text: str | None, axis: Axis = axis, reader: Reader = reader) -> int:
                value = reader(text)
                return -1 if value is None else axis.class_of(value)

            classes.append(factor.spread(class_of, np.int32))
        return self._table.first_rows(*classes)

    def column(self, **columns: Any) -> np.ndarray:
        """Gives the recode of every row as text (object array) from columns or factors named as in `axes`."""
        return self.values[self.rows(**columns)]


_NUMBERS = {"site": _site_number, "histology": whole_number}
_TEXTS = {"site": _any_text, "histology": _any_text, "behavior": _any_text}
_SITE_2023 = {**_NUMBERS, "behavior": whole_number, "year": whole_number}
_LYMPHOID = {"site": _site_text, "histology": _any_text}
_ICCC_3 = {**_NUMBERS, "behavior": _number_or_absent}
_ICCC = {**_NUMBERS, "behavior": whole_number}

RECODES: dict[str, Recode] = {
    recode.name: recode
    for recode in (
        Recode("site_recode_2003", "site_recode_2003", "99999", _NUMBERS, True),
        Recode("site_recode_2003_without_ksm", "site_recode_2003_without_ksm", "99999", _NUMBERS, True),
        Recode("site_recode_2008", "site_recode_2008", "99999", _NUMBERS, True),
        Recode("site_recode_2023", "site_recode_2023", "99", _SITE_2023, True),
        Recode("site_recode_2023_expanded", "site_recode_2023_expanded", "99", _SITE_2023, True),
        Recode("iccc_3", "iccc_3", "999", _ICCC_3, True),
        # this edition knows no extended value: the column is absent and the answer always unknown
        Recode("iccc_3_extended", "iccc_3", "999", _ICCC_3, True, "recode_extended"),
        Recode("iccc_who2008", "iccc_who2008", "999", _ICCC, True),
        Recode("iccc_who2008_extended", "iccc_who2008", "999", _ICCC, True, "recode_extended"),
        Recode("iccc_iarc2017", "iccc_iarc2017", "999", _ICCC, True),
        Recode("iccc_iarc2017_extended", "iccc_iarc2017", "999", _ICCC, True, "recode_extended"),
        Recode("aya_2008", "aya_2008", "99", _TEXTS, False),
        Recode("aya_2020", "aya_2020", "999", _TEXTS, False),
        Recode(
            "lymphoid_2021",
            "lymphoid_2021",
            "99",
            {"site": _site_text, "histology": _any_text},
            False,
            unknown_label="Not lymphoid",
        ),
        Recode("brain_cns_2020", "brain_cns_2020", "99", _TEXTS, False, both=True),
    )
}


def recode(name: str) -> Recode:
    """Gives one of `RECODES`; an unknown name is an error that lists the known ones."""
    if name not in RECODES:
        raise AbstractingError(
            "recode-name", f"there is no recode {name!r}", hint="one of: " + ", ".join(sorted(RECODES))
        )
    return RECODES[name]


@dataclass(frozen=True, slots=True)
class Major:
    """A major category of childhood cancer: its code, its name and the recodes from `first` to `last`."""

    code: str
    label: str
    first: int
    last: int


@cache
def _majors() -> tuple[Major, ...]:
    return tuple(
        Major(row["major"], row["label"], int(row["recode_from"]), int(row["recode_to"]))
        for row in sources.read_rows("iccc_major.csv")
    )


def iccc_major(recode_value: str) -> str:
    """Gives the major category (01 to 15) of an ICCC WHO 2008 or IARC 2017 recode, `99` when it has none."""
    number = whole_number(recode_value)
    for major in _majors():
        if number is not None and major.first <= number <= major.last:
            return major.code
    return "99"
