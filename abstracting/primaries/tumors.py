"""What the rules of multiple primaries read of a tumor: site, morphology, side and the date of diagnosis as far as known.

Dates keep what is not known: a date is an interval of days, and a comparison that the missing part could turn either way
is None, never a guess.
"""

from __future__ import annotations

import datetime as dt
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from abstracting.errors import AbstractingError
from abstracting.values import PartialDate, before, clean, days_between, whole_number

# up to this year the morphology is read from ICD-O-2 where it is coded
LAST_ICDO2_YEAR = 2000

BEHAVIORS = ("0", "1", "2", "3", "6")
FIRST_HISTOLOGY, LAST_HISTOLOGY = 8000, 9999
UNKNOWN_SITE = "C809"

NOTHING_KNOWN = PartialDate("")

# key of an input → number of the NAACCR item; the date of diagnosis is item 390 as a whole
ITEMS = {
    "primarySite": 400,
    "histologyIcdO3": 522,
    "behaviorIcdO3": 523,
    "histologyIcdO2": 420,
    "behaviorIcdO2": 430,
    "laterality": 410,
}
DATE_ITEM = 390
DATE_KEYS = ("dateOfDiagnosisYear", "dateOfDiagnosisMonth", "dateOfDiagnosisDay")


@dataclass(frozen=True, slots=True)
class Tumor:
    """One tumor as the rules read it: `histology` and `behavior` are of ICD-O-2 to 2000 where coded, else of ICD-O-3.

    `year` is the year of diagnosis as coded, None when it is not a number.
    """

    site: str
    histology: str
    behavior: str
    laterality: str
    year: int | None
    date: PartialDate

    @property
    def morphology(self) -> str:
        return f"{self.histology}/{self.behavior}"

    def faults(self, current_year: int) -> tuple[str, ...]:
        """Gives the names of what the rules cannot do without and that is missing or not a valid code."""
        found = []
        if len(self.site) != 4 or self.site[0] != "C" or whole_number(self.site[1:]) is None:
            found.append("primary site")
        elif self.site == UNKNOWN_SITE:
            found.append("primary site (C809 is an unknown one)")
        if not is_histology(self.histology):
            found.append("histology")
        if self.behavior not in BEHAVIORS:
            found.append("behavior")
        if self.year is None or not self.date or self.year > current_year:
            found.append("year of diagnosis")
        return tuple(found)


def is_histology(code: str) -> bool:
    """Tells whether a code is a histology of ICD-O: a number from 8000 to 9999."""
    number = whole_number(code)
    return number is not None and len(code) == 4 and FIRST_HISTOLOGY <= number <= LAST_HISTOLOGY


def tumor_of_input(values: object, *, where: str = "input") -> Tumor:
    """Reads a tumor from codes by key (the keys of `ITEMS` and `DATE_KEYS`); whole numbers are read as their digits.

    What is no mapping, and a value that is neither text nor whole number, is an error.
    """
    if not isinstance(values, Mapping):
        raise AbstractingError("primaries-input", f"{where} must be an object of codes by name", where=where)
    texts = {}
    for key in (*ITEMS, *DATE_KEYS):
        value = values.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, str | int)):
            raise AbstractingError("primaries-input", f"{where}: {key} is not a code but {value!r:.40}", where=where)
        texts[key] = clean(value)
    return _tumor(texts, *(texts[key] for key in DATE_KEYS))


def tumor_of_record(record: Mapping[Any, Any]) -> Tumor:
    """Reads a tumor from NAACCR items by number, numbers as integers or as texts (items of `ITEMS`, date 390)."""

    def item(number: int) -> str:
        value = record.get(number)
        return clean(record.get(str(number)) if value is None or value == "" else value)

    date = item(DATE_ITEM).replace("-", "")
    return _tumor({key: item(number) for key, number in ITEMS.items()}, date[:4], date[4:6], date[6:8])


def _tumor(texts: Mapping[str, str], year_text: str, month_text: str, day_text: str) -> Tumor:
    year = whole_number(year_text)
    histology, behavior = texts["histologyIcdO3"], texts["behaviorIcdO3"]
    if year is not None and year <= LAST_ICDO2_YEAR:
        # each of the two codes by itself: a record may have only one of them in the old edition
        if is_histology(texts["histologyIcdO2"]):
            histology = texts["histologyIcdO2"]
        if texts["behaviorIcdO2"] in BEHAVIORS:
            behavior = texts["behaviorIcdO2"]
    date = _partial_date(year, whole_number(month_text), whole_number(day_text))
    return Tumor(texts["primarySite"], histology, behavior, texts["laterality"], year, date)


def _partial_date(year: int | None, month: int | None, day: int | None) -> PartialDate:
    """Gives the date as far as it is known; a month or day that does not exist counts as unknown."""
    if year is None or not dt.MINYEAR <= year < dt.MAXYEAR:
        return NOTHING_KNOWN
    if month is None or not 1 <= month <= 12:
        return PartialDate("", year)
    if day is None or not 1 <= day <= monthrange(year, month)[1]:
        return PartialDate("", year, month)
    return PartialDate("", year, month, day)


# --- dates of two tumors ----------------------------------------------------------------------------------------------


def is_later(a: Tumor, b: Tumor) -> bool | None:
    """Tells whether a was diagnosed after b: None when the dates do not tell, False on the same day."""
    if a.date.is_complete and b.date.is_complete:
        return a.date.earliest > b.date.earliest  # type: ignore[operator]
    if before(b.date, a.date):
        return True
    return False if before(a.date, b.date) else None


def on_same_day(a: Tumor, b: Tumor) -> bool | None:
    """Tells whether both were diagnosed on one day: None when the known parts agree and a part is missing."""
    if a.date.is_complete and b.date.is_complete:
        return a.date.earliest == b.date.earliest
    return False if before(a.date, b.date) or before(b.date, a.date) else None


def more_days_apart(a: Tumor, b: Tumor, days: int) -> bool | None:
    """Tells whether the diagnoses lie more than `days` apart, None when the known parts allow both."""
    between = days_between(a.date, b.date)
    if between is None:
        return None
    low, high = between
    nearest = 0 if low <= 0 <= high else min(abs(low), abs(high))
    if nearest > days:
        return True
    return False if max(abs(low), abs(high)) <= days else None


def years_apart(a: Tumor, b: Tumor, years: int) -> bool | None:
    """Tells whether the later diagnosis is on or after the `years`-th anniversary of the earlier one.

    Read part by part: month and day are asked for only when the years alone do not decide, and then both must be known.
    """
    first, second = sorted((a.date, b.date), key=lambda date: date.year or 0)
    if first.year is None or second.year is None:
        return None
    if second.year - first.year != years:
        return second.year - first.year > years
    for early, late in ((first.month, second.month), (first.day, second.day)):
        if early is None or late is None:
            return None
        if early != late:
            return late > early
    return True
