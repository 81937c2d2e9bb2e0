"""What one Item element means: its number in the dictionary, and its fault if it has one."""

from __future__ import annotations

import re
from typing import NamedTuple

from abstracting.naaccr.findings import UNKNOWN_ID, WRONG_LEVEL, WRONG_NUMBER, UnreadableError
from abstracting.naaccr.items import Dictionary, Item, table
from abstracting.naaccr.options import ReadOptions
from abstracting.naaccr.values import find_fault

_INTEGER = re.compile(r"[+-]?[0-9]{1,10}")

# items that v18 and v21 moved from the patient to the tumor
MOVED_TO_TUMOR = {1772, 1773}
MOVED_IN = ("180", "210")


# coded values repeat: what they mean is remembered, for so many short ones
SHORT = 8
REMEMBERED = 60_000


class Meaning(NamedTuple):
    """What an Item says: `item` is None for an unknown id; `fault` is (code, message), None where there is none."""

    item: Item | None
    id: str
    fault: tuple[str, str] | None


class ItemRules:
    """The rules of one file: its dictionary restricted to its record type, and the options of the reader."""

    def __init__(self, dictionary: Dictionary, record_type: str, options: ReadOptions):
        self._known: dict[tuple[str, str | None, str, str], Meaning] = {}
        self.by_id = {item.id: item for item in dictionary.items(record_type=record_type)}
        self.options = options
        self.moves = options.translate_renamed and dictionary.version in MOVED_IN
        self.renamed: dict[str, str] = {}
        if options.translate_renamed and dictionary.version == "180":
            self.renamed = {row["old"]: row["new"] for row in table("renamed_180.csv")}

    def read(self, naaccr_id: str, number: str | None, value: str, level: str, line: int) -> Meaning:
        """Gives what an Item means; raises where it has no id or a number that is no number. `value` is not empty."""
        key = naaccr_id, number, value, level
        known = self._known.get(key)
        if known is None:
            known = self._read(naaccr_id, number, value, level, line)
            if len(value) <= SHORT and len(self._known) < REMEMBERED:
                self._known[key] = known
        return known

    def _read(self, naaccr_id: str, number: str | None, value: str, level: str, line: int) -> Meaning:
        if number is not None and not _INTEGER.fullmatch(number):
            raise UnreadableError(
                "naaccr-item", f"naaccrNum is {number!r}", hint="it must be a whole number, or be left out", line=line
            )
        naaccr_id = naaccr_id.strip()
        if not naaccr_id:
            raise UnreadableError(
                "naaccr-item", "an Item has a value and no naaccrId", hint="add the naaccrId of the item", line=line
            )
        naaccr_id = self.renamed.get(naaccr_id, naaccr_id)
        item = self.by_id.get(naaccr_id)
        if item is None:
            fault = (UNKNOWN_ID, f"{naaccr_id} is no item of this version and record type")
            return Meaning(None, naaccr_id, fault if self.options.unknown_items == "error" else None)
        if number is not None and int(number) != item.number:
            return Meaning(item, naaccr_id, (WRONG_NUMBER, f"{naaccr_id} has the number {item.number}, not {number}"))
        return Meaning(item, naaccr_id, self.fault(item, value, level))

    def fault(self, item: Item, value: str, level: str) -> tuple[str, str] | None:
        """Gives the first fault of a value at a level."""
        fault = find_fault(item, value, check_type=self.options.check_values)
        if fault is None and item.level != level and not (self.moves and item.number in MOVED_TO_TUMOR):
            return WRONG_LEVEL, f"{item.id} belongs to {item.level}, not to {level}"
        return fault
