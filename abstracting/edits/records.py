"""One record as edits read it: items by number, whatever keys they came with."""

from __future__ import annotations

from collections.abc import Mapping, Set
from functools import cache
from typing import Any

from abstracting.naaccr.items import VERSIONS, dictionary

AnyRecord = Mapping[Any, object]


@cache
def _numbers_by_id() -> dict[str, int]:
    """The number of every XML id that any version had; the newest wins."""
    return {item.id: item.number for version in VERSIONS for item in dictionary(version)}


def item_number(key: object) -> int | None:
    """Gives the item number of a key: a whole number, its text, or an XML id of any version; None for other keys."""
    if isinstance(key, int):
        return key
    text = str(key)
    return int(text) if text.isascii() and text.isdigit() else _numbers_by_id().get(text)


class EditRecord:
    """A record while it is checked: values without blanks around them, and what was read from them so far.

    `carries` are the item numbers its source has at all; None means every item, so that a missing one is blank.
    """

    __slots__ = ("carries", "items", "memo")

    def __init__(self, record: AnyRecord, carries: Set[int] | None = None):
        items: dict[int, str] = {}
        for key, value in record.items():
            number = key if type(key) is int else item_number(key)
            if number is not None and value is not None:
                text = (value if type(value) is str else str(value)).strip()
                if text:
                    items[number] = text
        self.items = items
        self.carries = carries
        self.memo: dict[Any, Any] = {}

    def value(self, number: int) -> str:
        """Gives the value of an item, "" when it is blank."""
        return self.items.get(number, "")

    def is_carried(self, numbers: tuple[int, ...]) -> bool:
        """Tells whether the record's source has at least one of these items."""
        return self.carries is None or any(number in self.carries for number in numbers)


def as_record(record: AnyRecord | EditRecord, carries: Set[int] | None = None) -> EditRecord:
    """Gives the record in the form that edits read."""
    return record if isinstance(record, EditRecord) else EditRecord(record, carries)
