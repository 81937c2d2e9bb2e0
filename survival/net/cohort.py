"""The persons of a net survival analysis: follow-up in days with age, sex and date at diagnosis, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from survival.errors import SurvivalError
from survival.frames import (
    DAYS,
    EPOCH,
    Faults,
    FollowUp,
    Unit,
    build_followup,
    read_dates,
    read_numbers,
    require_columns,
    to_days,
)
from survival.lifetables import YEAR_OF_AGE, read_sex


@dataclass(frozen=True)
class Cohort:
    """Arrays over n persons: `time` and `entry` in days since diagnosis, `age` in days and `date` (days since
    1960-01-01) at diagnosis, `sex` 0 men or 1 women, `event`, `group` (a row of `strata`), and an optional weight.

    `excluded` counts what was left out, reason by reason, and travels with the result. The units and whether the time
    came from two dates are kept for programs that count years otherwise (`survival.net.popepi`).
    """

    time: np.ndarray
    event: np.ndarray
    age: np.ndarray
    date: np.ndarray
    sex: np.ndarray
    group: np.ndarray
    strata: pd.DataFrame
    entry: np.ndarray | None = None
    weight: np.ndarray | None = None
    excluded: tuple[tuple[str, int], ...] = ()
    time_unit: Unit = "days"
    age_unit: Unit = "days"
    from_dates: bool = False

    @property
    def n(self) -> int:
        return len(self.time)

    @property
    def by(self) -> tuple[str, ...]:
        return tuple(self.strata.columns)

    def take(self, rows: np.ndarray, *, reason: str = "") -> Cohort:
        """Gives the persons at `rows` (a mask or positions); with a reason the others are counted as excluded."""
        kept = replace(
            self,
            time=self.time[rows],
            event=self.event[rows],
            age=self.age[rows],
            date=self.date[rows],
            sex=self.sex[rows],
            group=self.group[rows],
            entry=None if self.entry is None else self.entry[rows],
            weight=None if self.weight is None else self.weight[rows],
        )
        left = self.n - kept.n
        return replace(kept, excluded=(*self.excluded, (reason, left))) if reason and left else kept


def build_cohort(
    frame: pd.DataFrame,
    *,
    event: str,
    age: str,
    sex: str,
    date: str | None = None,
    age_unit: Unit = "days",
    time: str | None = None,
    entry: str | None = None,
    exit: str | None = None,
    unit: Unit = "days",
    event_codes: Sequence[str | float] = (1,),
    by: Sequence[str] = (),
    where: str = "",
) -> Cohort:
    """Gives the cohort of a frame; `date` is the diagnosis date (the date `entry` when left out).

    Months count 30.4375 and years 365.241 days. Raises every fault at once; unknown age and sex are faults here, and
    are excluded and counted by `survival.selection` before.
    """
    faults = Faults(where)
    wanted = [name for name in (age, sex, date) if name]
    require_columns(frame.columns, wanted, faults)
    faults.raise_if_any()
    followup = build_followup(
        frame, event=event, time=time, entry=entry, exit=exit, unit=unit, event_codes=event_codes, by=by, faults=faults
    )
    ages = read_numbers(frame, age, faults, minimum=0)
    sexes = read_sex(frame, sex, faults)
    if date:
        dates = read_dates(frame, date, faults)
    elif followup.origin is not None:
        dates = followup.origin
    else:
        raise SurvivalError("usage", "no date of diagnosis", hint="Give --date, or --entry and --exit as dates.")
    in_days = ages if age_unit == "days" else ages * (YEAR_OF_AGE if age_unit == "years" else DAYS[age_unit])
    old = np.flatnonzero(in_days > 130 * YEAR_OF_AGE)
    if len(old):
        faults.add("value-range", f"column {age!r} is above 130 years", "Check the age and --age-unit.", rows=old)
    elif age_unit == "days" and len(in_days) > 1 and in_days.max() < 130:
        faults.add("value-range", f"no value of {age!r} exceeds 130 days", "Ages in years need --age-unit years.")
    faults.raise_if_any()
    built = cohort_of(followup, age=in_days, date=dates, sex=sexes)
    return replace(built, age_unit=age_unit, from_dates=followup.origin is not None)


def cohort_of(followup: FollowUp, *, age: np.ndarray, date: np.ndarray, sex: np.ndarray) -> Cohort:
    """Gives a cohort from follow-up arrays and age (days), date (days since 1960) and sex (0, 1) at diagnosis."""
    entry = None if followup.entry is None else to_days(followup.entry, followup.unit).astype(float)
    return Cohort(
        time=to_days(followup.time, followup.unit).astype(float),
        event=followup.event,
        age=age.astype(float),
        date=date.astype(float),
        sex=sex,
        group=followup.group,
        strata=followup.strata,
        entry=entry,
        time_unit=followup.unit,
    )


def window(cohort: Cohort, start: str | None, end: str | None) -> Cohort:
    """Gives the follow-up that falls into the calendar window (start, end] by delayed entry and censoring.

    Period analysis (Brenner and Gefeller, Cancer 78 (1996) 2004-2010): who was diagnosed before `start` enters at
    `start`; follow-up beyond `end` is cut. Weights still run from diagnosis. Dates are ISO; a bare year means its
    1 January as start and its 31 December as end. Persons without time in the window are counted as excluded.
    """
    opening = day_number(start, first=True) if start else -np.inf
    closing = day_number(end, first=False) if end else np.inf
    if opening >= closing:
        raise SurvivalError("usage", "the window ends before it starts", hint="Give --period START,END.")
    entry = np.maximum(opening - cohort.date, 0.0)
    if cohort.entry is not None:
        entry = np.maximum(entry, cohort.entry)
    limit = closing - cohort.date
    time = np.minimum(cohort.time, limit)
    event = cohort.event & (cohort.time <= limit)
    inside = (time > entry) | ((entry == 0) & (time == 0) & (limit >= 0))
    moved = replace(cohort, time=time, event=event, entry=entry)
    kept = moved.take(inside, reason="no follow-up within the calendar window")
    return replace(kept, entry=kept.entry if kept.entry is not None and kept.entry.any() else None)


def day_number(text: str, *, first: bool) -> float:
    """Gives an ISO date as days since 1960-01-01; a bare year means its first or its last day."""
    text = text.strip()
    if len(text) == 4 and text.isdigit():
        text = f"{text}-01-01" if first else f"{text}-12-31"
    try:
        return float((np.datetime64(text, "D") - EPOCH).astype("int64"))
    except ValueError:
        raise SurvivalError("date-unreadable", f"{text!r} is not a date", hint="Give YYYY-MM-DD or YYYY.") from None
