"""Why a date is blank: the date flags of versions 14 to 22 as a reason, and back.

Later versions have no flags; a blank date there says nothing. Source: the date flag items of the NAACCR standard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from abstracting.naaccr.items import check_version, table

NO_INFORMATION = "no information"
NOT_APPLICABLE = "not applicable"
DID_NOT_OCCUR = "event did not occur"
UNKNOWN = "unknown"
PLANNED = "planned"

REASONS: dict[str, str] = {"10": NO_INFORMATION, "11": NOT_APPLICABLE, "12": UNKNOWN, "15": PLANNED}
_CODES = {reason: code for code, reason in REASONS.items()} | {DID_NOT_OCCUR: "11"}
LAST_VERSION = "220"


@dataclass(frozen=True, slots=True)
class DateFlag:
    """The pair of a date and its flag, by number; `is_event` where the date is of an event that need not happen."""

    date: int
    flag: int
    first: str
    last: str
    is_event: bool


@lru_cache(maxsize=1)
def date_flags() -> tuple[DateFlag, ...]:
    """Gives all pairs of a date and its flag."""
    return tuple(
        DateFlag(int(row["date"]), int(row["flag"]), row["first"], row["last"], row["kind"] == "event")
        for row in table("date_flags.csv")
    )


@lru_cache(maxsize=1)
def _by_flag() -> dict[int, DateFlag]:
    return {pair.flag: pair for pair in date_flags()}


def is_flag(number: int) -> bool:
    """Tells whether an item is the flag of a date."""
    return number in _by_flag()


def date_of(flag: int) -> int:
    """Gives the number of the date that a flag belongs to."""
    return _by_flag()[flag].date


def read_reasons(items: Mapping[int, str]) -> dict[int, str]:
    """Gives, by the number of each date whose flag is set, why it is blank; a code that is no flag is kept as it is.

    10 is `no information` (whether it happened at all), 11 `event did not occur` or `not applicable`, 12 `unknown` (it
    happened, the date is not known), 15 `planned`.
    """
    reasons = {}
    for number, code in items.items():
        pair = _by_flag().get(number)
        if pair is not None and code:
            reasons[pair.date] = DID_NOT_OCCUR if code == "11" and pair.is_event else REASONS.get(code, code)
    return reasons


def write_flags(reasons: Mapping[int, str], version: str | int) -> dict[int, str]:
    """Gives the flag items of a version for the reasons; nothing for versions and dates that have no flag."""
    version = check_version(version)
    pairs = {pair.date: pair for pair in date_flags() if pair.first <= version <= pair.last}
    return {pairs[date].flag: _CODES.get(reason, reason) for date, reason in reasons.items() if date in pairs}
