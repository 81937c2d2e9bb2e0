"""What of the catalogue is no edit of a record: indicators of a file, a derivation and a list of exceptions.

MOR10   share of tumors of ill-defined or unknown site, by year of diagnosis
VST05   share of the living who were not heard of for more than 15, and 18, months
VST06   share of tumors whose survival cannot be known (flag 9), and negative intervals
GRA09   summary grade from 2018, derived from clinical and pathological grade
MOR08   benign and borderline tumors that are accepted without review
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from abstracting.edits.records import AnyRecord, as_record
from abstracting.edits.rules import built_in
from abstracting.edits.terms import Columns, term
from abstracting.recodes.columns import Factor
from abstracting.recodes.stage import summary_grade
from abstracting.recodes.survival_columns import survival_columns
from abstracting.values import TRUE, befores

LOST_AFTER_DAYS = {15: 456, 18: 548}
"""Months without news after which a patient counts as lost, in days."""

ILL_DEFINED = "ill_defined_sites"
FIRST_GRADE_YEAR = 2018
_UNKNOWN_SURVIVAL = "9"


@dataclass(frozen=True, slots=True)
class Indicator:
    """One figure of a file: `count` of `total`, for a year of diagnosis (None: all) and with what makes it special."""

    edit: str
    title: str
    count: int
    total: int
    year: int | None = None

    @property
    def share(self) -> float | None:
        """The share in per cent, None where there is nothing to count."""
        return 100 * self.count / self.total if self.total else None

    def as_dict(self) -> dict[str, object]:
        return {
            "edit": self.edit,
            "title": self.title,
            "year": self.year,
            "count": self.count,
            "total": self.total,
            "percent": None if self.share is None else round(self.share, 2),
        }


def indicators(frame: pd.DataFrame, *, today: dt.date | None = None, patient: str | None = None) -> list[Indicator]:
    """Gives the indicators of a frame with item numbers as columns; those whose items it lacks are left out."""
    today = today or dt.date.today()
    columns = Columns(frame.reset_index(drop=True), today)
    found = []
    if {400, 390} <= columns.carries:
        found += _ill_defined(columns)
    if {1760, 1750} <= columns.carries:
        found += _lost(columns, today)
    if {390, 1750, 1760} <= columns.carries:
        found += _survival(frame, columns, today, patient)
    return found


def _ill_defined(columns: Columns) -> list[Indicator]:
    codes = built_in().lists[ILL_DEFINED]
    sites = columns.item(400)
    ill = np.array([site in codes for site in sites.values])[sites.codes]
    known = np.array([bool(site) for site in sites.values])[sites.codes]
    years = _years(columns)
    return [
        Indicator(
            "MOR10",
            "ill-defined or unknown site",
            int((ill & (years == year)).sum()),
            int((known & (years == year)).sum()),
            year,
        )
        for year in sorted(set(years.tolist()) - {0})
    ]


def _years(columns: Columns) -> np.ndarray:
    year = term("diagnosis_year")
    assert year is not None
    factor = columns.term(year)
    return np.array([value or 0 for value in factor.values], dtype=np.int64)[factor.codes]


def _lost(columns: Columns, today: dt.date) -> list[Indicator]:
    status, last = columns.item(1760), term("last_contact")
    assert last is not None
    alive = np.array([value == "1" for value in status.values])[status.codes]
    dates = columns.date(last)
    latest = dates.latest.astype("datetime64[D]")
    found = []
    for months, days in LOST_AFTER_DAYS.items():
        old = dates.known & (latest < np.datetime64(today) - np.timedelta64(days, "D"))
        title = f"alive, not heard of for more than {months} months"
        found.append(Indicator("VST05", title, int((alive & old).sum()), int(alive.sum())))
    return found


def _survival(frame: pd.DataFrame, columns: Columns, today: dt.date, patient: str | None) -> list[Indicator]:
    def texts(number: int) -> np.ndarray:
        factor: Factor = columns.item(number)
        return np.array(factor.values, dtype=object)[factor.codes]

    key = patient or next((name for name in ("20", 20) if name in frame), None)
    years = _years(columns)
    table = survival_columns(
        patient=np.arange(columns.size) if key is None else frame[key].to_numpy(dtype=object),
        diagnosis=texts(390),
        last_contact=texts(1750),
        birth=texts(240),
        vital_status=texts(1760),
        sequence=texts(380),
        reporting_source=texts(500),
        end_year=max(int(years.max(initial=0)), today.year - 1),
        as_of=today,
    )
    flag = table[next(name for name in table if "flag" in name.lower())].astype(str)
    last, diagnosis = term("last_contact"), term("diagnosis")
    assert last is not None and diagnosis is not None
    negative = befores(columns.date(last), columns.date(diagnosis)) == TRUE
    return [
        Indicator("VST06", "survival time unknown (flag 9)", int((flag == _UNKNOWN_SURVIVAL).sum()), columns.size),
        Indicator("VST06", "last contact before diagnosis", int(negative.sum()), columns.size),
    ]


def derived_grade(record: AnyRecord) -> str | None:
    """Gives the summary grade of a case diagnosed from 2018 (GRA09), None where none can be derived."""
    read = as_record(record)
    year = term("diagnosis_year")
    assert year is not None
    of = year.of(read)
    if of is None or of < FIRST_GRADE_YEAR:
        return None
    return summary_grade(
        schema=read.value(3800) or None,
        behavior=read.value(523) or None,
        clinical=read.value(3843) or None,
        pathological=read.value(3844) or None,
    )


@cache
def _exception():  # type: ignore[no-untyped-def]
    return next(rule.test for rule in built_in().rules if rule.id == "MOR08")


def is_exception(record: AnyRecord) -> bool | None:
    """Tells whether a benign or borderline tumor is accepted without review (MOR08); None where an item lacks."""
    return _exception().of(as_record(record))
