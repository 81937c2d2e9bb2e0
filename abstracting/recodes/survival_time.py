"""Survival time from diagnosis to last contact, in months and days with flags, for every tumor of a patient.

Two follow-ups are told apart: *active* ends at the last contact, *presumed alive* carries patients last known alive to
the cut-off. Unknown months and days are filled halfway between what the neighbouring tumors, birth and last contact
allow, so that tumors keep their order. Items: in 390, 1750, 240, 1760, 380, 500; out 1762, 1775, 1782-1788, 9753, 9754.
Source: NCI SEER, "Survival Time in Months", version 2.2. The faults of its program that change numbers are kept and
named where they happen.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from abstracting.errors import AbstractingError
from abstracting.values import whole_number

DAYS_PER_MONTH = 365.24 / 12

UNKNOWN_YEAR, UNKNOWN_PART = 9999, 99
UNKNOWN_MONTHS, UNKNOWN_DAYS = "9999", "99999"

FLAGS = {
    "0": "Complete dates, no days of survival",
    "1": "Complete dates, some days of survival",
    "2": "Incomplete dates, possibly no days of survival",
    "3": "Incomplete dates, some days of survival",
    "8": "Death certificate or autopsy only",
    "9": "Unknown",
}

# type of reporting source: autopsy only, death certificate only
WITHOUT_FOLLOW_UP = frozenset({"6", "7"})
_ALIVE = "1"
# sequence numbers of tumors outside federal reporting sort behind all others
_NON_FEDERAL = 100
_LARGEST_SEQUENCE = 999_999_999

Texts = tuple[str | None, str | None, str | None]
BLANK_DATE: Texts = (None, None, None)


class Date(NamedTuple):
    """A date in parts, 9999 and 99 for unknown ones."""

    year: int
    month: int
    day: int

    @property
    def is_complete(self) -> bool:
        return self.day != UNKNOWN_PART

    def ordinal(self) -> int:
        return dt.date(self.year, self.month, self.day).toordinal()


_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def days_in_month(year: int, month: int) -> int:
    """Gives the number of days of a month (1 to 12) of the Gregorian calendar."""
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return _DAYS[month - 1] + leap


NOWHERE = Date(UNKNOWN_YEAR, UNKNOWN_PART, UNKNOWN_PART)


@dataclass(frozen=True, slots=True)
class SurvivalTumor:
    """What the survival time needs of one tumor: dates in parts as coded, and three codes."""

    diagnosis: Texts
    last_contact: Texts
    birth: Texts
    vital_status: str | None
    sequence: str | None
    reporting_source: str | None


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Survival under one follow-up: `months` (4 digits), `days` (5 digits), `flag` (a key of FLAGS), end `date`."""

    months: str = UNKNOWN_MONTHS
    flag: str = "9"
    days: str = UNKNOWN_DAYS
    date: Texts = BLANK_DATE


@dataclass(frozen=True, slots=True)
class TumorSurvival:
    """The answer for one tumor: its number in order of diagnosis, both follow-ups and the filled diagnosis date."""

    record_number: int
    active: FollowUp = FollowUp()
    presumed_alive: FollowUp = FollowUp()
    diagnosis: Texts = BLANK_DATE


@dataclass(frozen=True, slots=True)
class PatientSurvival:
    """The answer for a patient: vital status at the cut-off and one `TumorSurvival` for each tumor, as given."""

    vital_status: str | None
    tumors: tuple[TumorSurvival, ...]


# --- reading ----------------------------------------------------------------------------------------------------------


def _read(texts: Texts) -> Date:
    year, month, day = (whole_number(text) for text in texts)
    return Date(
        UNKNOWN_YEAR if year is None else year,
        UNKNOWN_PART if month is None else month,
        UNKNOWN_PART if day is None else day,
    )


def _repair(date: Date) -> Date:
    """Gives a date whose known parts are real: a day that does not exist is unknown, so is a month."""
    if not 1 <= date.month <= 12:
        return date._replace(month=UNKNOWN_PART, day=UNKNOWN_PART)
    if date.is_complete and not 1 <= date.day <= days_in_month(date.year, date.month):
        return date._replace(day=UNKNOWN_PART)
    return date


def read_last_contact(texts: Texts, as_of: dt.date) -> Date:
    """Gives the last contact, real as far as it is known.

    It is nowhere when its year is unknown or the date lies before 1900 or behind `as_of`.
    """
    date = _read(texts)
    if date.year < 1900 or date.year > as_of.year:
        return NOWHERE
    if date.year == as_of.year and date.month <= 12:
        # a day that does not exist says nothing about the future
        real = date.month >= 1 and date.day <= days_in_month(date.year, date.month) and date.day >= 1
        if date.month > as_of.month or (date.month == as_of.month and real and date.day > as_of.day):
            return NOWHERE
    return _repair(date)


def read_birth(texts: Texts) -> Date:
    """Gives the birth date, real as far as it is known."""
    date = _read(texts)
    return NOWHERE if date.year == UNKNOWN_YEAR else _repair(date)


def read_diagnosis(texts: Texts, end_year: int | None = None) -> Date:
    """Gives the diagnosis date: real where it is valid for a study that ends with `end_year`, else as coded."""
    date = _read(texts)
    if end_year is not None and is_valid(date, end_year):
        return _repair(date)
    return date._replace(day=UNKNOWN_PART) if date.month == UNKNOWN_PART else date


def is_valid(date: Date, end_year: int) -> bool:
    """Tells whether a diagnosis can take part in a study that ends with `end_year`."""
    return 1900 <= date.year <= end_year


def read_sequence(text: str | None) -> int:
    """Gives the sequence number for sorting: blank first, tumors outside federal reporting last."""
    number = whole_number(text)
    if number is None or number > _LARGEST_SEQUENCE:
        return -1
    return number + _NON_FEDERAL if 60 <= number <= 97 else number


# --- order of tumors --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Tumor:
    place: int
    date: Date
    sequence: int
    filled: Date = NOWHERE


def _compare(a: Date, b: Date) -> int:
    """Gives the sign of a - b, 0 as soon as a part is unknown on either side."""
    if a.year != b.year:
        return 0 if UNKNOWN_YEAR in (a.year, b.year) else -1 if a.year < b.year else 1
    if a.year == UNKNOWN_YEAR:
        return 0
    if a.month != b.month:
        return 0 if UNKNOWN_PART in (a.month, b.month) else -1 if a.month < b.month else 1
    if a.month == UNKNOWN_PART or a.day == b.day or UNKNOWN_PART in (a.day, b.day):
        return 0
    return -1 if a.day < b.day else 1


def _bucket(date: Date) -> int:
    """Gives 0 for a complete date, 1 without day, 2 without month, 3 without year."""
    if date.year == UNKNOWN_YEAR:
        return 3
    return 2 if date.month == UNKNOWN_PART else 1 if date.day == UNKNOWN_PART else 0


def _goes_behind(tumor: _Tumor, ordered: Sequence[_Tumor], at: int) -> bool:
    """Tells whether a tumor whose date has unknown parts belongs right behind `ordered[at]`."""
    other = ordered[at]
    sign = _compare(tumor.date, other.date)
    if sign:
        return sign > 0
    own = tumor.sequence
    if own >= other.sequence and (own < _NON_FEDERAL or other.sequence > _NON_FEDERAL):
        return True
    if own <= _NON_FEDERAL:
        return False
    outside = [t.sequence for t in ordered[: at + 1] if t.sequence > _NON_FEDERAL and not _compare(tumor.date, t.date)]
    return not outside or outside != sorted(outside) or own > outside[-1]


def _in_order(tumors: Sequence[_Tumor]) -> list[_Tumor]:
    """Gives the tumors by date of diagnosis, then sequence; those with unknown parts go in where they fit."""
    buckets: list[list[_Tumor]] = [[], [], [], []]
    for tumor in tumors:
        buckets[_bucket(tumor.date)].append(tumor)
    ordered: list[_Tumor] = []
    for known, bucket in zip((3, 2, 1, 0), buckets, strict=True):
        bucket.sort(key=lambda t, known=known: (t.date[:known], t.sequence))
        if not ordered:
            ordered = bucket
            continue
        for tumor in bucket:
            at = len(ordered)
            while at > 0 and not _goes_behind(tumor, ordered, at - 1):
                at -= 1
            ordered.insert(at, tumor)
    return ordered


# --- filling unknown parts --------------------------------------------------------------------------------------------


def _fill(dates: list[Date], birth: Date) -> list[Date]:
    """Gives the dates (diagnoses in order, then last contact) with unknown months and days set halfway.

    A date without a year is left alone.
    """
    filled = list(dates)
    _fill_days(filled, birth)
    _fill_months(filled, birth)
    return filled


def _fill_days(dates: list[Date], birth: Date) -> None:
    for place, date in enumerate(dates):
        if date.month == UNKNOWN_PART or date.is_complete:
            continue
        before = next((d for d in reversed(dates[:place]) if d.is_complete), birth if place == 0 else NOWHERE)
        after = next((d for d in dates[place + 1 :] if d.is_complete), NOWHERE)
        earliest = before.day if before.is_complete and before[:2] == date[:2] else 1
        latest = after.day if after[:2] == date[:2] else days_in_month(date.year, date.month)
        dates[place] = date._replace(day=(earliest + latest) // 2)


def _fill_months(dates: list[Date], birth: Date) -> None:
    for place, date in enumerate(dates):
        if date.month != UNKNOWN_PART or date.year == UNKNOWN_YEAR:
            continue
        before = next((d for d in reversed(dates[:place]) if d.month != UNKNOWN_PART), birth if place == 0 else NOWHERE)
        after = next((d for d in dates[place + 1 :] if d.month != UNKNOWN_PART), NOWHERE)
        earliest = Date(date.year, 1, 1)
        if before.year == date.year and before.month != UNKNOWN_PART:
            earliest = before if before.is_complete else before._replace(day=1)
        latest = after if after.year == date.year else Date(date.year, 12, 31)
        first = earliest.ordinal()
        middle = dt.date.fromordinal(first + (latest.ordinal() - first) // 2)
        dates[place] = Date(middle.year, middle.month, middle.day)


def _written(date: Date, original: Date, texts: Texts) -> Texts:
    """Gives a diagnosis date as text: what was filled with leading zeros, every other part as it was coded."""
    return (
        texts[0],
        texts[1] if date.month == original.month else f"{date.month:02d}",
        texts[2] if date.day == original.day else f"{date.day:02d}",
    )


# --- survival ---------------------------------------------------------------------------------------------------------

# days of survival (None where unknown) and flag of each tumor, and the day on which the follow-up ends
Survival = tuple[list[int | None], list[str], Date]


@dataclass(slots=True)
class Outcome:
    """The survival of one patient in numbers: what `settle` gives, tumor by tumor in the order of the input.

    A follow-up is None where none can be worked out; `filled` holds the diagnoses with unknown parts set halfway.
    """

    numbers: list[int]
    filled: list[Date]
    active: Survival | None = None
    presumed_alive: Survival | None = None


def settle(
    diagnoses: Sequence[Date],
    sequences: Sequence[int],
    *,
    last_contact: Date,
    birth: Date,
    alive: bool,
    without_follow_up: Sequence[bool],
    end_year: int,
) -> Outcome:
    """Gives the survival of one patient whose records agree, from dates that are read and repaired."""
    entries = [_Tumor(place, *pair) for place, pair in enumerate(zip(diagnoses, sequences, strict=True))]
    valid = _in_order([entry for entry in entries if is_valid(entry.date, end_year)])
    outcome = Outcome(_number(entries), list(diagnoses))
    known = last_contact.year != UNKNOWN_YEAR
    filled_last = last_contact
    if known or alive:
        # unknown parts are filled only where a follow-up is worked out
        *dates, filled_last = _fill([*(tumor.date for tumor in valid), last_contact], birth)
        for tumor, date in zip(valid, dates, strict=True):
            tumor.filled = outcome.filled[tumor.place] = date

    cutoff = Date(end_year, 12, 31)
    beyond = known and last_contact.year > end_year

    def follow(end: Date) -> Survival:
        # at the cut-off the date is known, whatever was coded
        return _follow(valid, end, cutoff if end == cutoff else last_contact, without_follow_up)

    if known:
        outcome.active = follow(cutoff if beyond else filled_last)
    if known or alive:
        outcome.presumed_alive = follow(cutoff if alive or beyond else filled_last)
    return outcome


def _follow(tumors: Sequence[_Tumor], end: Date, original_end: Date, without: Sequence[bool]) -> Survival:
    all_days: list[int | None] = [None] * len(without)
    flags = ["9"] * len(without)
    last_day = end.ordinal()
    certain = False
    for tumor in reversed(tumors):
        days = last_day - tumor.filled.ordinal()
        if days < 0:
            continue
        flag = _flag(days, tumor.filled, end, tumor.date, original_end)
        # survival that is certain for a later tumor is certain for the earlier ones
        certain = certain or flag in "13"
        flags[tumor.place] = "3" if certain and flag == "2" else flag
        all_days[tumor.place] = days
    for tumor in tumors:
        if without[tumor.place]:
            all_days[tumor.place], flags[tumor.place] = None, "8"
    return all_days, flags, end


def _flag(days: int, diagnosis: Date, end: Date, original: Date, original_end: Date) -> str:
    months = original.month, original_end.month
    if UNKNOWN_PART not in (*months, original.day, original_end.day):
        return "1" if days > 0 else "0"
    may_be_equal = diagnosis.year == end.year and (months[0] == months[1] or UNKNOWN_PART in months)
    return "2" if may_be_equal else "3"


def months_of(days: int) -> int:
    """Gives completed months: days by the length of an average month."""
    return int(days / DAYS_PER_MONTH)


def check_end_year(end_year: int) -> None:
    """Refuses a cut-off that is no year of a study."""
    if not 1900 <= end_year <= 9998:
        raise AbstractingError(
            "recode-input", f"{end_year} cannot be the last year of follow-up", hint="a year from 1900 on, as 2020"
        )


def survival_time(tumors: Sequence[SurvivalTumor], *, end_year: int, as_of: dt.date) -> PatientSurvival:
    """Gives the survival of one patient's tumors up to 31 December of `end_year`, the study cut-off.

    `as_of` is the day on which the dates are judged: a last contact behind it is a typing error. Birth is read from the
    first tumor, last contact and vital status must agree in all of them.
    """
    check_end_year(end_year)
    if not tumors:
        return PatientSurvival(None, ())
    first = tumors[0]
    statuses = {t.vital_status for t in tumors}
    sequences = [read_sequence(t.sequence) for t in tumors]
    if len({t.last_contact for t in tumors}) > 1 or len(statuses) > 1:
        numbers = number_of_tumors([read_diagnosis(t.diagnosis) for t in tumors], sequences)
        return PatientSurvival(
            first.vital_status if len(statuses) == 1 else None, tuple(TumorSurvival(number) for number in numbers)
        )
    last = read_last_contact(first.last_contact, as_of)
    diagnoses = [read_diagnosis(t.diagnosis, end_year) for t in tumors]
    outcome = settle(
        diagnoses,
        sequences,
        last_contact=last,
        birth=read_birth(first.birth),
        alive=first.vital_status == _ALIVE,
        without_follow_up=[t.reporting_source in WITHOUT_FOLLOW_UP for t in tumors],
        end_year=end_year,
    )
    answers = []
    for place, (tumor, date) in enumerate(zip(tumors, diagnoses, strict=True)):
        valid = is_valid(date, end_year)
        active, presumed_alive = (
            _follow_up(survival, place, BLANK_DATE if valid else tumor.last_contact, certificate)
            for survival in (outcome.active, outcome.presumed_alive)
            for certificate in (valid and tumor.reporting_source in WITHOUT_FOLLOW_UP,)
        )
        written = _written(outcome.filled[place], date, tumor.diagnosis) if valid else BLANK_DATE
        answers.append(TumorSurvival(outcome.numbers[place], active, presumed_alive, written))
    beyond = last.year != UNKNOWN_YEAR and last.year > end_year
    return PatientSurvival(_ALIVE if beyond else first.vital_status, tuple(answers))


def _follow_up(survival: Survival | None, place: int, without: Texts, certificate: bool) -> FollowUp:
    """Gives one follow-up as text; `without` is the date shown where there is no follow-up."""
    if survival is None:
        return FollowUp(flag="8" if certificate else "9", date=without)
    days, flags, end = survival
    date = f"{end.year:04d}", f"{end.month:02d}", f"{end.day:02d}"
    survived = days[place]
    if survived is None:
        return FollowUp(flag=flags[place], date=date)
    return FollowUp(f"{months_of(survived):04d}", flags[place], f"{survived:05d}", date)


def number_of_tumors(diagnoses: Sequence[Date], sequences: Sequence[int]) -> list[int]:
    """Gives the number of each tumor in order of diagnosis, from 1."""
    return _number([_Tumor(place, *pair) for place, pair in enumerate(zip(diagnoses, sequences, strict=True))])


def _number(entries: Sequence[_Tumor]) -> list[int]:
    numbers = [0] * len(entries)
    for number, tumor in enumerate(_in_order(entries), 1):
        numbers[tumor.place] = number
    return numbers
