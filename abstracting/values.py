"""Values as registries write them: partial dates with three-valued comparison, coded blanks, ages and names.

A date whose month or day is unknown is an interval of days. Comparing two intervals is certain only where they do not
overlap; otherwise the answer is None: not "no", and never a guess. Every rule that compares dates stands on this.

Scalar forms use the standard library alone; the `…s` forms (`parse_dates`, `befores`) work on whole columns with numpy,
where truth is an int8 array of TRUE (1), FALSE (0) and UNKNOWN (-1).
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

TRUE, FALSE, UNKNOWN = 1, 0, -1

UNKNOWN_AGE = -999

# the range in which a date of a registry can lie; outside it is a typing error, not a date
FIRST_YEAR, LAST_YEAR = 1800, 2199

_DATE_SHAPE = re.compile(r"(?P<year>\d{4})(?:(?P<dash>-?)(?P<month>\d{2}|  )(?:(?P=dash)(?P<day>\d{2}|  ))?)?\Z")


# --- coded blanks -----------------------------------------------------------------------------------------------------


def is_blank(value: object) -> bool:
    """Tells whether a coded value is missing: None, an empty text or only blanks (a not-a-number counts as missing)."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or value != value


def clean(value: object) -> str:
    """Gives a coded value as text without blanks around it; a missing one gives the empty text."""
    return "" if is_blank(value) else str(value).strip()


def whole_number(text: object) -> int | None:
    """Gives the number that a text of ASCII digits stands for; None for anything else (signs, blanks, letters).

    So it does for more digits than any code has.
    """
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 400 else None


# --- three-valued logic -----------------------------------------------------------------------------------------------


def all_of(truths: Iterable[bool | None]) -> bool | None:
    """Gives Kleene's "and": False as soon as one is False, None if one is unknown, True if all are True."""
    unknown = False
    for truth in truths:
        if truth is False:
            return False
        unknown = unknown or truth is None
    return None if unknown else True


def any_of(truths: Iterable[bool | None]) -> bool | None:
    """Gives Kleene's "or": True as soon as one is True, None if one is unknown, False if all are False."""
    unknown = False
    for truth in truths:
        if truth is True:
            return True
        unknown = unknown or truth is None
    return None if unknown else False


def negate(truth: bool | None) -> bool | None:
    """Gives the opposite; unknown stays unknown."""
    return None if truth is None else not truth


# --- partial dates ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A date as coded: `year`, `month`, `day` (None where unknown) and the days it can mean, both ends included.

    `earliest` and `latest` are None when nothing is known. `fault` says why a text is no date (empty when it is one);
    a faulty date is known to be wrong, so it compares as unknown.
    """

    text: str
    year: int | None = None
    month: int | None = None
    day: int | None = None
    fault: str = ""

    @property
    def earliest(self) -> dt.date | None:
        return None if self.year is None else dt.date(self.year, self.month or 1, self.day or 1)

    @property
    def latest(self) -> dt.date | None:
        if self.year is None:
            return None
        month = self.month or 12
        return dt.date(self.year, month, self.day or monthrange(self.year, month)[1])

    @property
    def is_complete(self) -> bool:
        return self.day is not None

    @property
    def precision(self) -> str:
        """One of `day`, `month`, `year`, `none`."""
        if self.year is None:
            return "none"
        return "year" if self.month is None else "month" if self.day is None else "day"

    def coded(self) -> str:
        """Gives the NAACCR form: YYYYMMDD, YYYYMM or YYYY, empty when unknown."""
        if self.year is None:
            return ""
        month = "" if self.month is None else f"{self.month:02d}"
        return f"{self.year:04d}{month}" + ("" if self.day is None else f"{self.day:02d}")

    def __bool__(self) -> bool:
        return self.year is not None


def parse_date(value: object) -> PartialDate:
    """Reads a coded date: YYYY, YYYYMM, YYYYMMDD (also with hyphens), parts unknown as 9999, 99 or blanks.

    Never raises: a text that is no date has its reason in `fault` and no parts. An unknown month makes the day unknown
    (a day without a month says nothing).
    """
    if isinstance(value, dt.date):
        return PartialDate(f"{value:%Y%m%d}", value.year, value.month, value.day)
    return _parse_text("" if is_blank(value) else str(value))


def _read_text(text: str) -> PartialDate:
    stripped = text.strip()
    if not stripped or stripped.strip("9-") == "":
        return PartialDate(text) if len(stripped) in (0, 4, 6, 7, 8, 10) else PartialDate(text, fault="not a date")
    shape = _DATE_SHAPE.match(stripped)
    if shape is None or not stripped.isascii():
        return PartialDate(text, fault="not of the form YYYYMMDD, YYYYMM or YYYY")
    year = int(shape["year"])
    if year == 9999:
        return PartialDate(text)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return PartialDate(text, fault=f"year {year} is outside {FIRST_YEAR} to {LAST_YEAR}")
    month = _part(shape["month"])
    if month is None:
        return PartialDate(text, year)
    if not 1 <= month <= 12:
        return PartialDate(text, fault=f"there is no month {month:02d}")
    day = _part(shape["day"])
    if day is None:
        return PartialDate(text, year, month)
    if not 1 <= day <= monthrange(year, month)[1]:
        return PartialDate(text, fault=f"there is no day {day:02d} in month {month:02d} of {year}")
    return PartialDate(text, year, month, day)


_parse_text = lru_cache(maxsize=65536)(_read_text)


def _part(text: str | None) -> int | None:
    return None if text is None or not text.strip() or text == "99" else int(text)


def before(a: PartialDate, b: PartialDate) -> bool | None:
    """Tells whether `a` lies before `b`: True or False when certain for every day they can mean, None otherwise."""
    if not a or not b:
        return None
    if a.latest < b.earliest:  # type: ignore[operator]
        return True
    return False if a.earliest >= b.latest else None  # type: ignore[operator]


def on_or_before(a: PartialDate, b: PartialDate) -> bool | None:
    """Tells whether `a` lies before `b` or on the same day, three-valued."""
    return negate(before(b, a))


def same_day(a: PartialDate, b: PartialDate) -> bool | None:
    """Tells whether two dates are the same day: True only for two complete equal dates, False when disjoint."""
    if not a or not b:
        return None
    if a.is_complete and b.is_complete:
        return a.earliest == b.earliest
    if a.latest < b.earliest or b.latest < a.earliest:  # type: ignore[operator]
        return False
    return None


def days_between(a: PartialDate, b: PartialDate) -> tuple[int, int] | None:
    """Gives the fewest and the most days from `a` to `b` (negative when `b` is earlier); None if one is unknown."""
    if not a or not b:
        return None
    return (b.earliest - a.latest).days, (b.latest - a.earliest).days  # type: ignore[operator]


# --- age --------------------------------------------------------------------------------------------------------------


def _full_years(birth: dt.date, at: dt.date) -> int:
    # someone born on 29 February turns a year older on 1 March of a common year
    return at.year - birth.year - ((at.month, at.day) < (birth.month, birth.day))


def age_bounds(birth: PartialDate, at: PartialDate) -> tuple[int, int] | None:
    """Gives the youngest and the oldest age in completed years at a date; None if either date is unknown.

    The youngest is negative when the date may lie before birth.
    """
    if not birth or not at:
        return None
    return _full_years(birth.latest, at.earliest), _full_years(birth.earliest, at.latest)  # type: ignore[arg-type]


def age_at(birth: PartialDate, at: PartialDate) -> int | None:
    """Gives the age in completed years where it is certain and not negative, None otherwise."""
    bounds = age_bounds(birth, at)
    return bounds[0] if bounds is not None and bounds[0] == bounds[1] >= 0 else None


# --- names ------------------------------------------------------------------------------------------------------------

_SUFFIXES = frozenset({"JR", "SR", "II", "III", "IV", "MD", "PHD"})
_UNKNOWN_NAMES = frozenset(
    {"UNKNOWN", "UNK", "UNKN", "NONE", "NOT AVAILABLE", "NA", "N A", "X", "XX", "XXX", "NMN", "NFN"}
)
# letters that do not decompose into a base letter and an accent
_LETTERS = str.maketrans(
    {"ß": "SS", "Æ": "AE", "Œ": "OE", "Ø": "O", "Ð": "D", "Þ": "TH", "Ł": "L", "Đ": "D", "ı": "I", "Ħ": "H"}
)


def normalise_name(value: object) -> str:
    """Gives a person's name for comparing: upper case, no accents, apostrophes joined, other signs one blank.

    `O'Brien-Núñez` gives `OBRIEN NUNEZ`; a name that says it is unknown gives the empty text.
    """
    text = unicodedata.normalize("NFKD", clean(value).upper().translate(_LETTERS))
    text = "".join(c for c in text if not unicodedata.combining(c))
    text = re.sub(r"['`´’ʼ.]", "", text)
    text = " ".join(re.sub(r"[\W_]+", " ", text).split())
    return "" if text in _UNKNOWN_NAMES else text


def name_key(value: object) -> str:
    """Gives a name without blanks and without suffixes such as Jr: two spellings of one surname give one key."""
    words = normalise_name(value).split()
    kept = [word for word in words if word not in _SUFFIXES] if len(words) > 1 else words
    return "".join(kept)


# --- columns ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DateColumn:
    """A column of coded dates: days since 1970-01-01 (int64) and what is known.

    `earliest` and `latest` hold the ends of the interval, 0 where `known` is False. `year`, `month`, `day` are int16
    with 0 for unknown. `faulty` marks texts that are no date.
    """

    earliest: np.ndarray
    latest: np.ndarray
    year: np.ndarray
    month: np.ndarray
    day: np.ndarray
    faulty: np.ndarray

    @property
    def known(self) -> np.ndarray:
        return self.year > 0

    @property
    def complete(self) -> np.ndarray:
        return self.day > 0

    def __len__(self) -> int:
        return len(self.year)

    def take(self, positions: np.ndarray) -> DateColumn:
        return DateColumn(*(getattr(self, name)[positions] for name in DateColumn.__slots__))


_EPOCH = dt.date(1970, 1, 1).toordinal()


def parse_dates(values: Sequence[Any] | np.ndarray) -> DateColumn:
    """Reads a whole column of coded dates with the rules of `parse_date`, each distinct text once."""
    import numpy as np
    import pandas as pd

    codes, distinct = pd.factorize(np.asarray(values, dtype=object), use_na_sentinel=True)
    dates = [_read_text(text) if isinstance(text, str) else parse_date(text) for text in distinct]
    dates.append(PartialDate(""))  # what a missing value (code -1) points to
    rows = np.array([_numbers(date) for date in dates], dtype=np.int64).reshape(-1, 6)
    small = rows.astype(np.int16)
    return DateColumn(
        rows[codes, 0], rows[codes, 1], small[codes, 2], small[codes, 3], small[codes, 4], rows[codes, 5].astype(bool)
    )


def _numbers(date: PartialDate) -> tuple[int, int, int, int, int, int]:
    if not date:
        return 0, 0, 0, 0, 0, int(bool(date.fault))
    first, last = date.earliest.toordinal() - _EPOCH, date.latest.toordinal() - _EPOCH  # type: ignore[union-attr]
    return first, last, date.year or 0, date.month or 0, date.day or 0, 0


def befores(a: DateColumn, b: DateColumn) -> np.ndarray:
    """Gives `before` row by row as int8: TRUE, FALSE or UNKNOWN."""
    import numpy as np

    truth = np.full(len(a), UNKNOWN, dtype=np.int8)
    known = a.known & b.known
    truth[known & (a.latest < b.earliest)] = TRUE
    truth[known & (a.earliest >= b.latest)] = FALSE
    return truth


def on_or_befores(a: DateColumn, b: DateColumn) -> np.ndarray:
    """Gives `on_or_before` row by row as int8: TRUE, FALSE or UNKNOWN."""
    import numpy as np

    other = befores(b, a)
    return np.where(other == UNKNOWN, UNKNOWN, 1 - other).astype(np.int8)


def ages(birth: DateColumn, at: DateColumn) -> tuple[np.ndarray, np.ndarray]:
    """Gives the youngest and the oldest age in completed years (int32), UNKNOWN_AGE in both where a date is unknown.

    The youngest is negative when the date may lie before birth, as in `age_bounds`.
    """
    import numpy as np

    known = birth.known & at.known
    youngest = _years_between(birth.latest, at.earliest)
    oldest = _years_between(birth.earliest, at.latest)
    return np.where(known, youngest, UNKNOWN_AGE), np.where(known, oldest, UNKNOWN_AGE)


def _years_between(birth: np.ndarray, at: np.ndarray) -> np.ndarray:
    import numpy as np

    def month_day(days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        date = days.astype("datetime64[D]")
        year, month = date.astype("datetime64[Y]"), date.astype("datetime64[M]")
        within = (month - year).astype(np.int32) * 100 + (date - month).astype(np.int32)
        return year.astype(np.int32), within

    (birth_year, birth_day), (year, day) = month_day(birth), month_day(at)
    return (year - birth_year - (day < birth_day)).astype(np.int32)
