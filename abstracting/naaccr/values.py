"""Whether a value is one its item can have: length, type, spaces, and the day in the calendar.

Only the first fault of a value counts, in the order length, type, leading space, trailing space. Lengths are UTF-16 code
units, as the format counts them. Source: the format's rules of data types, with dates checked against the calendar.
"""

from __future__ import annotations

import re
from calendar import monthrange

from abstracting.naaccr.findings import ENDS_WITH_SPACE, STARTS_WITH_SPACE, TOO_LONG, TOO_SHORT, WRONG_TYPE
from abstracting.naaccr.items import Item

_DATE = r"(18|19|20)[0-9]{2}((0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])?)?"
_MOMENT = (
    r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01])(T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60))?)?)?"
    r"(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00)?)?"
)

TYPES: dict[str, re.Pattern[str]] = {
    "alpha": re.compile(r"[A-Z]+"),
    "digits": re.compile(r"[0-9]+"),
    "mixed": re.compile(r"[A-Z0-9]+"),
    "numeric": re.compile(r"[0-9]+(\.[0-9]+)?"),
    "date": re.compile(_DATE),
    "dateTime": re.compile(_MOMENT),
}
DATA_TYPES = ("alpha", "digits", "mixed", "numeric", "text", "date", "dateTime")


def text_length(value: str) -> int:
    """Gives the length in UTF-16 code units: a character outside the basic plane counts as two."""
    return len(value) if value.isascii() else len(value.encode("utf-16-le", "surrogatepass")) // 2


def is_day(digits: str) -> bool:
    """Tells whether YYYYMMDD is a day of the calendar; shorter texts have no day and pass."""
    return len(digits) != 8 or 1 <= int(digits[6:]) <= monthrange(int(digits[:4]) or 1, int(digits[4:6]))[1]


def find_fault(item: Item, value: str, *, check_type: bool = True) -> tuple[str, str] | None:
    """Gives the first fault of a value as (code, message), None when it has none.

    `check_type=False` checks the length alone.
    """
    length = text_length(value)
    if length > item.length and not item.unlimited:
        return TOO_LONG, f"value has {length} characters, at most {item.length} are allowed"
    if not check_type:
        return None
    if length < item.length and item.full_length:
        return TOO_SHORT, f"value has {length} characters, exactly {item.length} are needed"
    pattern = TYPES.get(item.type)
    if pattern is not None:
        if pattern.fullmatch(value) is None:
            return WRONG_TYPE, f"value is not of the type {item.type}"
        if item.type in ("date", "dateTime") and not is_day(value[:10].replace("-", "")):
            return WRONG_TYPE, "value is not a day of the calendar"
    if value.startswith(" "):
        return STARTS_WITH_SPACE, "value starts with a space"
    if value.endswith(" "):
        return ENDS_WITH_SPACE, "value ends with a space"
    return None
