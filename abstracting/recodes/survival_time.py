"""Survival time from diagnosis to last contact, in months and days with flags, for every tumor of a patient.

Two follow-ups are told apart: *active* ends at the last contact, *presumed alive* carries patients last known alive to
the cut-off. Unknown months and days are filled halfway between what the neighbouring tumors, birth and last contact
allow, so that tumors keep their order. Items: in 390, 1750, 240, 1760, 380, 500; out 1762, 1775, 1782-1788, 9753, 9754.
Source: NCI SEER, "Survival Time in Months", version 2.2. The faults of its program that change numbers are kept and
named where they happen.
"""

from __future__ import annotations

import datetime as dt
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

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

_WITHOUT_FOLLOW_UP = frozenset({"6", "7"})
_ALIVE = "1"
# sequence numbers of tumors outside federal reporting sort behind all others
_NON_FEDERAL = 100

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
    if date.is_complete and not 1 <= date.day <= monthrange(date.year, date.month)[1]:
        return date._replace(day=UNKNOWN_PART)
    return date


def _read_last_contact(texts: Texts, as_of: dt.date) -> Date:
    """Gives the last contact, nowhere when its year is unknown or the date lies before 1900 or in the future."""
    date = _read(texts)
    if date.year < 1900 or date.year > as_of.year:
        return NOWHERE
    if date.year == as_of.year and date.month <= 12:
        # a day that does not exist says nothing about the future
        real = date.month >= 1 and date.day <= monthrange(date.year, date.month)[1] and date.day >= 1
        if date.month > as_of.month or (date.month == as_of.month and real and date.day > as_of.day):
            return NOWHERE
    return date


def _read_sequence(text: str | None) -> int:
    number = whole_number(text)
    if number is None:
        return -1
    return number + _NON_FEDERAL if 60 <= number <= 97 else number


# --- order of tumors --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Tumor:
    place: int
    date: Date
    sequence: int
    filled: Date = field(default=NOWHERE)


def _compare(a: Date, b: Date) -> int:
    """Gives the sign of a - b, 0 as soon as a part is unknown on either side."""
    for x, y, unknown in zip(a, b, (UNKNOWN_YEAR, UNKNOWN_PART, UNKNOWN_PART), strict=True):
        if x == unknown or y == unknown:
            return 0
        if x != y:
            return -1 if x < y else 1
    return 0


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
    outside = [
        t.sequence for t in ordered[: at + 1] if t.sequence > _NON_FEDERAL and not _compare(tumor.date, t.date)
    ]
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
        latest = after.day if after[:2] == date[:2] else monthrange(date.year, date.month)[1]
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


def _flag(days: int, diagnosis: Date, end: Date, original: Date, original_end: Date) -> str:
    unknown = (original.month, original.day, original_end.month, original_end.day)
    if UNKNOWN_PART not in unknown:
        return "1" if days > 0 else "0"
    may_be_equal = diagnosis.year == end.year and (
        original.month == original_end.month or UNKNOWN_PART in (original.month, original_end.month)
    )
    return "2" if may_be_equal else "3"


def _follow(tumors: Sequence[_Tumor], end: Date, original_end: Date) -> list[FollowUp]:
    """Gives the survival of each tumor, in order of diagnosis, up to the end of one follow-up."""
    date = _coded(end)
    results = []
    for tumor in tumors:
        days = end.ordinal() - tumor.filled.ordinal()
        if days < 0:
            results.append(FollowUp(date=date))
            continue
        flag = _flag(days, tumor.filled, end, tumor.date, original_end)
        results.append(FollowUp(f"{int(days / DAYS_PER_MONTH):04d}", flag, f"{days:05d}", date))
    # survival that is certain for a later tumor is certain for the earlier ones
    certain = False
    for place in reversed(range(len(results))):
        certain = certain or results[place].flag in "13"
        if certain and results[place].flag == "2":
            results[place] = replace(results[place], flag="3")
    return results


def _coded(date: Date) -> Texts:
    return f"{date.year:04d}", f"{date.month:02d}", f"{date.day:02d}"


def survival_time(tumors: Sequence[SurvivalTumor], *, end_year: int, as_of: dt.date) -> PatientSurvival:
    """Gives the survival of one patient's tumors up to 31 December of `end_year`, the study cut-off.

    `as_of` is the day on which the dates are judged: a last contact behind it is a typing error. Birth is read from the
    first tumor, last contact and vital status must agree in all of them.
    """
    if not tumors:
        return PatientSurvival(None, ())
    first = tumors[0]
    statuses = {t.vital_status for t in tumors}
    if len({t.last_contact for t in tumors}) > 1 or len(statuses) > 1:
        # the dates are numbered as coded, without asking whether they exist
        numbers = _number([_enter(place, tumor) for place, tumor in enumerate(tumors)])
        return PatientSurvival(
            first.vital_status if len(statuses) == 1 else None, tuple(TumorSurvival(number) for number in numbers)
        )

    last = _read_last_contact(first.last_contact, as_of)
    status = first.vital_status
    if last.year != UNKNOWN_YEAR:
        last = _repair(last)
        if last.year > end_year:
            status = _ALIVE
    birth = _read(first.birth)
    birth = NOWHERE if birth.year == UNKNOWN_YEAR else _repair(birth)

    entries = [_enter(place, tumor, end_year) for place, tumor in enumerate(tumors)]
    # a tumor without a valid diagnosis shows the last contact as coded where there is no follow-up to show
    nothing = FollowUp(date=first.last_contact)
    answers = [
        TumorSurvival(number) if _is_valid(entry.date, end_year) else TumorSurvival(number, nothing, nothing)
        for entry, number in zip(entries, _number(entries), strict=True)
    ]
    valid = _in_order([entry for entry in entries if _is_valid(entry.date, end_year)])
    known, alive = last.year != UNKNOWN_YEAR, first.vital_status == _ALIVE
    # unknown parts are filled only where a follow-up is worked out
    dates = [tumor.date for tumor in valid]
    *diagnoses, filled_last = _fill([*dates, last], birth) if known or alive else [*dates, last]
    for tumor, date in zip(valid, diagnoses, strict=True):
        tumor.filled = date
        written = _written(date, tumor.date, tumors[tumor.place].diagnosis)
        answers[tumor.place] = replace(answers[tumor.place], diagnosis=written)

    cutoff = Date(end_year, 12, 31)
    beyond = known and last.year > end_year
    ends = {}
    if known:
        ends["active"] = cutoff if beyond else filled_last
    if known or alive:
        ends["presumed_alive"] = cutoff if alive or beyond else filled_last
    for name, end in ends.items():
        for place, answer in enumerate(answers):
            answers[place] = replace(answer, **{name: FollowUp(date=_coded(end))})
        # at the cut-off the date is known, whatever was coded
        for tumor, result in zip(valid, _follow(valid, end, cutoff if end == cutoff else last), strict=True):
            answers[tumor.place] = replace(answers[tumor.place], **{name: result})
    for tumor in valid:
        if tumors[tumor.place].reporting_source in _WITHOUT_FOLLOW_UP:
            answer = answers[tumor.place]
            answers[tumor.place] = replace(
                answer,
                active=FollowUp(flag="8", date=answer.active.date),
                presumed_alive=FollowUp(flag="8", date=answer.presumed_alive.date),
            )
    return PatientSurvival(status, tuple(answers))


def _is_valid(date: Date, end_year: int) -> bool:
    return 1900 <= date.year <= end_year


def _enter(place: int, tumor: SurvivalTumor, end_year: int | None = None) -> _Tumor:
    date = _read(tumor.diagnosis)
    if end_year is not None and _is_valid(date, end_year):
        date = _repair(date)
    elif date.month == UNKNOWN_PART:
        date = date._replace(day=UNKNOWN_PART)
    return _Tumor(place, date, _read_sequence(tumor.sequence))


def _number(entries: Sequence[_Tumor]) -> list[int]:
    """Gives the number of each tumor in order of diagnosis, from 1."""
    numbers = [0] * len(entries)
    for number, tumor in enumerate(_in_order(entries), 1):
        numbers[tumor.place] = number
    return numbers
