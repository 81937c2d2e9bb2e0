"""What reading a file can report: findings that leave it readable, and faults after which reading stops.

The codes of findings are the field's own; each has a remedy in `HINTS`. A fault is an `UnreadableError` with one of the
`naaccr-…` codes of `abstracting.errors.CODES`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from abstracting.errors import AbstractingError

UNKNOWN_ID = "Unknown NAACCR ID"
WRONG_NUMBER = "Wrong NAACCR Number"
TOO_LONG = "Value too long"
TOO_SHORT = "Value too short"
WRONG_TYPE = "Value invalid for data type"
STARTS_WITH_SPACE = "Value starts with a space"
ENDS_WITH_SPACE = "Value ends with a space"
WRONG_LEVEL = "Invalid data level"
WRONG_TIME = "Invalid Time Generated"
WRONG_LINE_LENGTH = "Invalid line length"
PATIENT_DIFFERS = "Patient value not consistent among tumors"
ROOT_DIFFERS = "NaaccrData value not consistent among tumors"
UNEXPECTED_TEXT = "Unexpected text"
UNEXPECTED_ELEMENT = "Unexpected element"
LINE_DIFFERS = "Line of another version or record type"

HINTS: dict[str, str] = {
    UNKNOWN_ID: "check the spelling and the record type, or give the user dictionary that defines the item",
    WRONG_NUMBER: "correct naaccrNum or leave it out; the id decides",
    TOO_LONG: "shorten the value to the length of the item; nothing was cut off here",
    TOO_SHORT: "fill the value to the full length of the item (leading zeros for codes)",
    WRONG_TYPE: "enter a value of the item's type; leave the item out when it is unknown",
    STARTS_WITH_SPACE: "remove the spaces at the start",
    ENDS_WITH_SPACE: "remove the spaces at the end",
    WRONG_LEVEL: "move the item to the element it belongs to",
    WRONG_TIME: "write the time as 2026-01-31T12:00:00, with Z or an offset such as -05:00 where known",
    WRONG_LINE_LENGTH: "check that every line has the length of its record type; items that fit were read",
    PATIENT_DIFFERS: "make the patient's value the same on each of their lines; the first line counts",
    ROOT_DIFFERS: "make the value the same on every line of the file; the first line counts",
    UNEXPECTED_TEXT: "remove the text between the elements, or put it into an item",
    UNEXPECTED_ELEMENT: "remove the element from inside the item; its text was kept as part of the value",
    LINE_DIFFERS: "split the file: one version and record type a file, as its first line says",
}

FINDINGS_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a file that leaves it readable.

    `level` is the element (`Tumor/Item` where an item is at fault); `line` counts from 1; `patient` and `tumor` count
    from 1 in the file and in the patient; `item` and `number` name the item; `value` is the value as read.
    """

    code: str
    level: str
    message: str
    line: int | None = None
    patient: int | None = None
    tumor: int | None = None
    item: str | None = None
    number: int | None = None
    value: str | None = None
    patient_id: str | None = None

    @property
    def hint(self) -> str:
        return HINTS[self.code]

    def as_dict(self) -> dict[str, Any]:
        """Gives the finding as the command line prints it; long values are shortened to 80 characters."""
        row = asdict(self)
        if self.value is not None and len(self.value) > 80:
            row["value"] = self.value[:77] + "..."
        return {**row, "hint": self.hint}


class UnreadableError(AbstractingError):
    """Reading a file stopped: what is wrong, at which line, and what to do. `line` is None where no line is known."""

    def __init__(self, code: str, message: str, *, hint: str = "", line: int | None = None, where: str = ""):
        place = ", ".join(part for part in (where, f"line {line}" if line is not None else "") if part)
        super().__init__(code, message, hint=hint, where=place)
        self.line = line

    def as_dict(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "line": self.line, "hint": self.hint}
