"""Survival time for whole columns: the rules of `survival_time` for a million tumors in seconds.

Three kinds of patients are told apart. Where no unknown part takes part in the order or in the filling, and where there
is but one tumor, everything is arithmetic on arrays. The rest (several tumors with an incomplete date among them, or
records that disagree about the last contact) goes through `survival_time`, patient by patient.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from abstracting.recodes import survival_time as one
from abstracting.recodes.columns import Factor, factorise
from abstracting.recodes.survival_time import UNKNOWN_PART, UNKNOWN_YEAR, Date, Texts

_UNKNOWN_MONTHS, _UNKNOWN_DAYS = int(one.UNKNOWN_MONTHS), int(one.UNKNOWN_DAYS)


def split_date(text: str | None) -> Texts:
    """Gives year, month and day of a coded date (YYYYMMDD, right parts may be absent) as texts."""
    text = text or ""
    return text[:4].strip() or None, text[4:6].strip() or None, text[6:8].strip() or None


@dataclass(slots=True)
class _Dates:
    """A column of dates in parts (int32); `day` is 99 where unknown, `year` 9999."""

    year: np.ndarray
    month: np.ndarray
    day: np.ndarray

    @property
    def complete(self) -> np.ndarray:
        return self.day != UNKNOWN_PART

    @property
    def key(self) -> np.ndarray:
        return (self.year * 100 + self.month) * 100 + self.day

    def take(self, rows: np.ndarray) -> _Dates:
        return _Dates(self.year[rows], self.month[rows], self.day[rows])


def _read_dates(factor: Factor, rows: np.ndarray, read: Callable[[Texts], Date]) -> list[Date]:
    """Gives the date of each distinct text that occurs in `rows`; nowhere for the others."""
    dates = [one.NOWHERE] * len(factor.values)
    for code in np.unique(factor.codes[rows] % len(dates)).tolist():
        dates[code] = read(split_date(factor.values[code]))
    return dates


def _spread_dates(factor: Factor, rows: np.ndarray, read: Callable[[Texts], Date]) -> _Dates:
    parts = np.array(_read_dates(factor, rows, read), dtype=np.int32)
    return _Dates(*parts[factor.codes[rows]].T)


def _ordinals(year: np.ndarray, month: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Gives days since 1970-01-01 of real dates."""
    months = (year.astype(np.int64) - 1970) * 12 + (month - 1)
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + (day - 1)


def _days_in_month(year: np.ndarray, month: np.ndarray) -> np.ndarray:
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    days = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int32)[month - 1]
    return days + (leap & (month == 2))


def _parts(ordinals: np.ndarray) -> _Dates:
    days = ordinals.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    year = months.astype("datetime64[Y]").astype(np.int32) + 1970
    return _Dates(year, months.astype(np.int32) % 12 + 1, (days - months).astype(np.int32) + 1)


def _texts_of_days(ordinals: np.ndarray) -> np.ndarray:
    """Gives days since 1970-01-01 as YYYYMMDD, each distinct day written once."""
    codes, distinct = pd.factorize(ordinals)
    epoch = dt.date(1970, 1, 1).toordinal()
    texts = [f"{dt.date.fromordinal(epoch + day):%Y%m%d}" for day in distinct.tolist()]
    return np.array(texts, dtype=object)[codes]


COLUMNS = (
    "vital_status_recode",
    "record_number",
    "survival_date_diagnosis",
    *(
        f"survival_{what}_{follow_up}"
        for follow_up in ("active", "presumed_alive")
        for what in ("months", "flag", "days", "date")
    ),
)


def survival_columns(**given: Any) -> pd.DataFrame:
    """Gives `survival_arrays` as a frame, one row for each tumor in the order of the input."""
    return pd.DataFrame(survival_arrays(**given), copy=False)


def survival_arrays(
    *,
    patient: Any,
    diagnosis: Any,
    last_contact: Any,
    birth: Any,
    vital_status: Any,
    sequence: Any,
    reporting_source: Any,
    end_year: int,
    as_of: dt.date,
) -> dict[str, Any]:
    """Gives the survival of every tumor, in the order of the input: one array for each name in `COLUMNS`.

    Dates are coded texts (items 390, 1750, 240), the other codes texts as well (1760, 380, 500); `patient` is any key
    that tumors of one patient share. Months, days and numbers are nullable integers (missing where unknown), flags
    texts, dates texts YYYYMMDD (empty where blank).
    """
    one.check_end_year(end_year)
    work = _Work(
        patient=patient,
        diagnosis=factorise(diagnosis),
        last_contact=factorise(last_contact),
        birth=factorise(birth),
        vital_status=factorise(vital_status),
        sequence=factorise(sequence),
        reporting_source=factorise(reporting_source),
        end_year=end_year,
        as_of=as_of,
    )
    return work.answer()


class _Work:
    """The work on one set of columns; every array has one place for each tumor, in the order of the input."""

    def __init__(self, *, patient: Any, end_year: int, as_of: dt.date, **factors: Factor):
        self.factors, self.end_year, self.as_of = factors, end_year, as_of
        self.patients, self.tumors = _patients(patient)
        self.size = len(self.patients)
        self.out: dict[str, np.ndarray] = {
            name: np.full(self.size, "", dtype=object)
            for name in COLUMNS
            if "date" in name or "flag" in name or "status" in name
        }
        self.out["record_number"] = np.ones(self.size, dtype=np.int32)
        for follow_up in ("active", "presumed_alive"):
            self.out[f"survival_months_{follow_up}"] = np.full(self.size, _UNKNOWN_MONTHS, dtype=np.int32)
            self.out[f"survival_days_{follow_up}"] = np.full(self.size, _UNKNOWN_DAYS, dtype=np.int32)
            self.out[f"survival_flag_{follow_up}"][:] = "9"

        def read_diagnosis(texts: Texts) -> Date:
            return one.read_diagnosis(texts, end_year)

        def read_last(texts: Texts) -> Date:
            return one.read_last_contact(texts, as_of)

        every = np.arange(self.size)
        self.diagnosis = _spread_dates(factors["diagnosis"], every, read_diagnosis)
        self.last = _spread_dates(factors["last_contact"], every, read_last)
        self.valid = (self.diagnosis.year >= 1900) & (self.diagnosis.year <= end_year)
        self.sequence = factors["sequence"].spread(one.read_sequence, np.int32)
        self.without = factors["reporting_source"].spread(lambda text: text in one.WITHOUT_FOLLOW_UP, bool)
        self.alive = factors["vital_status"].spread(lambda text: text == "1", bool)
        # the first tumor of a patient speaks for birth
        self.first_row = np.zeros(len(self.tumors), dtype=np.int64)
        self.first_row[self.patients[::-1]] = np.arange(self.size - 1, -1, -1)

    def answer(self) -> dict[str, Any]:
        first = self.first_row[self.patients]
        several = self.tumors[self.patients] > 1
        last_contact, status = (self.factors[name].codes for name in ("last_contact", "vital_status"))
        # texts that differ only in blanks behind them are the same
        canonical = self.factors["last_contact"]
        _, same = np.unique([repr(split_date(text)) for text in canonical.values], return_inverse=True)
        last_contact = same[last_contact % len(canonical.values)]
        strange = (last_contact != last_contact[first]) | (status != status[first])
        beyond = (self.last.year != UNKNOWN_YEAR) & (self.last.year > self.end_year)
        unsettled = ~self.diagnosis.complete | (~self.last.complete & (self.last.year != UNKNOWN_YEAR) & ~beyond)
        slow = several & (strange | unsettled)
        slow_patients = np.zeros(len(self.first_row), dtype=bool)
        slow_patients[self.patients[slow]] = True
        by_hand = slow_patients[self.patients]
        self._arithmetic(np.flatnonzero(~by_hand))
        self._by_patient(np.flatnonzero(by_hand), np.flatnonzero(strange))
        return self._arrays()

    # arithmetic on arrays

    def _arithmetic(self, rows: np.ndarray) -> None:
        self._number(rows)
        diagnosis, last, valid = self.diagnosis.take(rows), self.last.take(rows), self.valid[rows]
        known, alive = last.year != UNKNOWN_YEAR, self.alive[rows]
        status = self.factors["vital_status"]
        recode = np.array([text if text is not None else "" for text in status.values], dtype=object)[
            status.codes[rows]
        ]
        beyond = known & (last.year > self.end_year)
        recode[beyond] = "1"
        self.out["vital_status_recode"][rows] = recode

        cutoff = int(_ordinals(*(np.array([part]) for part in (self.end_year, 12, 31)))[0])
        begin, end = self._filled(rows, diagnosis, last, valid & (known | alive))
        ends = {
            "active": (known, np.where(beyond, cutoff, end)),
            "presumed_alive": (known | alive, np.where(alive | beyond, cutoff, end)),
        }
        without = self.without[rows]
        for follow_up, (run, until) in ends.items():
            self._follow(rows, follow_up, run, until, begin, diagnosis, last, valid, cutoff)
            flags = self.out[f"survival_flag_{follow_up}"]
            for what, value in (("months", _UNKNOWN_MONTHS), ("days", _UNKNOWN_DAYS)):
                self.out[f"survival_{what}_{follow_up}"][rows[without & valid]] = value
            flags[rows[without & valid]] = "8"
            # where there is no follow-up, a tumor without a valid diagnosis shows the last contact as coded
            shown = rows[~run & ~valid]
            coded = self.factors["last_contact"]
            texts = np.array([(text or "").strip() for text in coded.values], dtype=object)
            self.out[f"survival_date_{follow_up}"][shown] = texts[coded.codes[shown]]
        self._write_diagnosis(rows, begin, diagnosis, valid, known | alive)

    def _number(self, rows: np.ndarray) -> None:
        several = rows[self.tumors[self.patients[rows]] > 1]
        order = np.lexsort((self.sequence[several], self.diagnosis.key[several], self.patients[several]))
        patients = self.patients[several][order]
        starts = (
            np.flatnonzero(np.r_[True, patients[1:] != patients[:-1]]) if len(patients) else np.array([], dtype=int)
        )
        lengths = np.diff(np.r_[starts, len(patients)])
        self.out["record_number"][several[order]] = np.arange(len(patients)) - np.repeat(starts, lengths) + 1

    def _filled(
        self, rows: np.ndarray, diagnosis: _Dates, last: _Dates, fill: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Gives diagnosis and last contact as days, unknown parts set halfway (only where both stand alone)."""
        begin, end = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.int64)
        complete = diagnosis.complete & self.valid[rows]
        begin[complete] = _ordinals(*_columns(diagnosis.take(complete)))
        complete = last.complete & (last.year != UNKNOWN_YEAR)
        end[complete] = _ordinals(*_columns(last.take(complete)))

        births = self.factors["birth"]
        some = np.flatnonzero(fill & ~(diagnosis.complete & (last.complete | (last.year == UNKNOWN_YEAR))))
        # without a valid diagnosis the last contact stands alone, next to birth
        lone = np.flatnonzero(~fill & ~self.valid[rows] & ~last.complete & (last.year != UNKNOWN_YEAR))
        if len(some):
            birth = _spread_dates(births, rows[some], one.read_birth)
            begin[some], end[some] = _halfway(diagnosis.take(some), last.take(some), birth)
        if len(lone):
            birth = _spread_dates(births, rows[lone], one.read_birth)
            end[lone], _ = _halfway(last.take(lone), _nowhere(len(lone)), birth)
        return begin, end

    def _follow(
        self,
        rows: np.ndarray,
        follow_up: str,
        run: np.ndarray,
        until: np.ndarray,
        begin: np.ndarray,
        diagnosis: _Dates,
        last: _Dates,
        valid: np.ndarray,
        cutoff: int,
    ) -> None:
        self.out[f"survival_date_{follow_up}"][rows[run]] = _texts_of_days(until[run])
        days = until - begin
        counted = np.flatnonzero(run & valid & (days >= 0))
        at = rows[counted]
        days = days[counted]
        self.out[f"survival_days_{follow_up}"][at] = days
        self.out[f"survival_months_{follow_up}"][at] = (days / one.DAYS_PER_MONTH).astype(np.int32)
        flags = np.array(["0", "1"], dtype=object)[(days > 0).astype(np.int8)]
        # at the cut-off the end is known, whatever was coded
        end_known = until[counted] == cutoff
        original, original_end = diagnosis.take(counted), last.take(counted)
        incomplete = ~original.complete | ~(end_known | original_end.complete)
        if incomplete.any():
            odd = np.flatnonzero(incomplete)
            end_month = np.where(end_known, 12, original_end.month)[odd]
            same_month = (
                (original.month[odd] == end_month) | (original.month[odd] == UNKNOWN_PART) | (end_month == UNKNOWN_PART)
            )
            same_year = original.year[odd] == _parts(until[counted][odd]).year
            flags[odd] = np.where(same_year & same_month, "2", "3")
        self.out[f"survival_flag_{follow_up}"][at] = flags

    def _write_diagnosis(
        self, rows: np.ndarray, begin: np.ndarray, diagnosis: _Dates, valid: np.ndarray, filled: np.ndarray
    ) -> None:
        texts = self.out["survival_date_diagnosis"]
        shown = valid & (filled | diagnosis.complete)
        texts[rows[shown]] = _texts_of_days(begin[shown])
        as_coded = rows[valid & ~shown]
        coded = self.factors["diagnosis"]
        written = np.array(["".join(p or "" for p in split_date(text)) for text in coded.values], dtype=object)
        texts[as_coded] = written[coded.codes[as_coded]]

    # patient by patient

    def _by_patient(self, rows: np.ndarray, strange: np.ndarray) -> None:
        """Works out patients with several tumors and unknown parts among them, or (`strange`) records that differ."""
        if not len(rows):
            return
        rows = rows[np.argsort(self.patients[rows], kind="stable")]
        f = self.factors
        strange_patients = np.zeros(len(self.first_row), dtype=bool)
        strange_patients[self.patients[strange]] = True
        raw = _read_dates(f["diagnosis"], rows[strange_patients[self.patients[rows]]], one.read_diagnosis)
        diagnoses = _read_dates(f["diagnosis"], rows, lambda texts: one.read_diagnosis(texts, self.end_year))
        lasts = _read_dates(f["last_contact"], rows, lambda texts: one.read_last_contact(texts, self.as_of))
        births = _read_dates(f["birth"], rows, one.read_birth)
        codes = {name: f[name].codes[rows].tolist() for name in ("diagnosis", "last_contact", "birth", "vital_status")}
        without = self.without[rows].tolist()
        sequences = self.sequence[rows].tolist()
        alive, places = self.alive[rows].tolist(), rows.tolist()
        patients = self.patients[rows]
        starts = np.flatnonzero(np.r_[True, patients[1:] != patients[:-1]]).tolist()
        for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
            here = slice(start, stop)
            if strange_patients[patients[start]]:
                numbers = one.number_of_tumors([raw[c] for c in codes["diagnosis"][here]], sequences[here])
                self.out["record_number"][rows[here]] = numbers
                if len(set(codes["vital_status"][here])) == 1:
                    status = f["vital_status"].values[codes["vital_status"][start]]
                    self.out["vital_status_recode"][rows[here]] = status or ""
                continue
            outcome = one.settle(
                [diagnoses[c] for c in codes["diagnosis"][here]],
                sequences[here],
                last_contact=lasts[codes["last_contact"][start]],
                birth=births[codes["birth"][start]],
                alive=alive[start],
                without_follow_up=without[here],
                end_year=self.end_year,
            )
            self._put(places[here], outcome)

    def _put(self, rows: list[int], outcome: one.Outcome) -> None:
        out, status, coded = self.out, self.factors["vital_status"], self.factors["last_contact"]
        last = self.last.year[rows[0]]
        beyond = last != UNKNOWN_YEAR and last > self.end_year
        recode = "1" if beyond else status.values[status.codes[rows[0]]] or ""
        for place, row in enumerate(rows):
            out["vital_status_recode"][row] = recode
            out["record_number"][row] = outcome.numbers[place]
            if self.valid[row]:
                out["survival_date_diagnosis"][row] = self._written(row, outcome.filled[place])
            for name, survival in (("active", outcome.active), ("presumed_alive", outcome.presumed_alive)):
                if survival is None:
                    if self.valid[row]:
                        out[f"survival_flag_{name}"][row] = "8" if self.without[row] else "9"
                    else:
                        out[f"survival_date_{name}"][row] = (coded.values[coded.codes[row]] or "").strip()
                    continue
                days, flags, end = survival
                survived = days[place]
                if survived is not None:
                    out[f"survival_days_{name}"][row] = survived
                    out[f"survival_months_{name}"][row] = one.months_of(survived)
                out[f"survival_flag_{name}"][row] = flags[place]
                out[f"survival_date_{name}"][row] = f"{end.year:04d}{end.month:02d}{end.day:02d}"

    def _written(self, row: int, filled: Date) -> str:
        if filled.is_complete:
            return f"{filled.year:04d}{filled.month:02d}{filled.day:02d}"
        coded = self.factors["diagnosis"]
        return "".join(part or "" for part in split_date(coded.values[coded.codes[row]]))

    def _arrays(self) -> dict[str, Any]:
        arrays: dict[str, Any] = {}
        for name in COLUMNS:
            values: Any = self.out[name]
            if values.dtype != object:
                unknown = {"months": _UNKNOWN_MONTHS, "days": _UNKNOWN_DAYS}.get(name.split("_")[1], 0)
                values = pd.arrays.IntegerArray(values, values == unknown)
            arrays[name] = values
        return arrays


def _patients(keys: Any) -> tuple[np.ndarray, np.ndarray]:
    """Gives the number of each row's patient and the rows of each patient; a missing key is a patient of its own."""
    if not isinstance(keys, (pd.Series, pd.Index, np.ndarray, pd.api.extensions.ExtensionArray)):
        keys = np.asarray(keys, dtype=object)
    codes, distinct = pd.factorize(keys)
    missing = codes < 0
    codes[missing] = len(distinct) + np.arange(np.count_nonzero(missing))
    return codes, np.bincount(codes)


def _columns(dates: _Dates) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return dates.year, dates.month, dates.day


def _nowhere(size: int) -> _Dates:
    return _Dates(*(np.full(size, part, dtype=np.int32) for part in one.NOWHERE))


def _halfway(diagnosis: _Dates, last: _Dates, birth: _Dates) -> tuple[np.ndarray, np.ndarray]:
    """Gives the one diagnosis and the last contact of each patient as days, unknown parts set halfway.

    The same two steps as for several tumors: days of known months first, then months.
    """
    diagnosis, last = (_Dates(d.year, d.month.copy(), d.day.copy()) for d in (diagnosis, last))

    def same_month(a: _Dates, b: _Dates) -> np.ndarray:
        return (a.year == b.year) & (a.month == b.month)

    def set_day(date: _Dates, before: _Dates, after: _Dates | None) -> None:
        rows = np.flatnonzero((date.month != UNKNOWN_PART) & ~date.complete)
        own, before = date.take(rows), before.take(rows)
        earliest = np.where(before.complete & same_month(before, own), before.day, 1)
        latest = _days_in_month(own.year, own.month)
        if after is not None:
            after = after.take(rows)
            latest = np.where(after.complete & same_month(after, own), after.day, latest)
        date.day[rows] = (earliest + latest) // 2

    def set_month(date: _Dates, before: _Dates, after: _Dates | None) -> None:
        rows = np.flatnonzero((date.month == UNKNOWN_PART) & (date.year != UNKNOWN_YEAR))
        year, before = date.year[rows], before.take(rows)
        near = (before.year == year) & (before.month != UNKNOWN_PART)
        earliest = _ordinals(year, np.where(near, before.month, 1), np.where(near & before.complete, before.day, 1))
        latest = _ordinals(year, np.full(len(rows), 12), np.full(len(rows), 31))
        if after is not None:
            after = after.take(rows)
            near = (after.year == year) & (after.month != UNKNOWN_PART)
            other = _ordinals(year, np.where(near, after.month, 1), np.where(near, after.day, 1))
            latest = np.where(near, other, latest)
        middle = _parts(earliest + (latest - earliest) // 2)
        date.month[rows], date.day[rows] = middle.month, middle.day

    set_day(diagnosis, birth, last)
    set_day(last, diagnosis, None)
    set_month(diagnosis, birth, last)
    set_month(last, diagnosis, None)
    results = []
    for date in (diagnosis, last):
        days = np.zeros(len(date.year), dtype=np.int64)
        rows = np.flatnonzero(date.complete & (date.year != UNKNOWN_YEAR))
        days[rows] = _ordinals(*_columns(date.take(rows)))
        results.append(days)
    return results[0], results[1]
