"""Errors that a user can act on: a stable code, a sentence, a remedy and a place.

The four rooms raise classes of the same shape and know nothing of each other; the command line and the web turn them
into text. `CODES` is the documented list: raising a code that is not in it is itself a fault.
"""

from __future__ import annotations

CODES: dict[str, str] = {
    "usage": "the options or arguments do not fit together",
    "staging-package": "a file is not a usable staging algorithm package",
    "staging-algorithm": "a staging algorithm, version, schema or table is not available",
    "staging-inputs": "the inputs of a case to stage are not texts by key",
    "json-line": "a line of input is not one JSON object",
    "recode-name": "there is no recode, version or option of that name",
    "code-blank": "a code is asked for and none is given",
    "code-unknown": "a code is not in its code system",
    "code-system": "there is no code system of that name",
    "recode-input": "the input of a recode lacks a part or holds one of the wrong kind",
    "primaries-input": "a tumor to compare is not given as texts by key",
    "edit-rules": "a file of edit rules has faults",
    "edit-set": "there is no set of edits, or no edit, of that name",
    "edit-record": "a record to check has not the shape that edits read",
    "naaccr-version": "a NAACCR version is not one of those known",
    "naaccr-file": "a file cannot be opened, is empty, or is of no format that can be read",
    "naaccr-syntax": "a file is not well-formed XML 1.0",
    "naaccr-encoding": "a file is not in the encoding it declares",
    "naaccr-entity": "a file defines or uses entities of its own, which are never expanded or fetched",
    "naaccr-too-large": "an element, a line or a compressed file grows beyond any real record",
    "naaccr-root": "the root element or one of its attributes is not what the format requires",
    "naaccr-namespace": "a namespace is missing, wrong or not registered",
    "naaccr-structure": "an element stands where the format does not allow it",
    "naaccr-duplicate": "an item stands twice in one element",
    "naaccr-item": "an item lacks its id or has a number that is no number",
    "naaccr-dictionary": "a user dictionary breaks the rules, conflicts with another or is missing",
    "naaccr-flat": "a fixed-column file has no usable first line, or its version has no columns",
    "naaccr-csv": "a CSV file lacks a header or columns that are needed",
    "naaccr-json": "a line of the JSON form of a file is not what is expected at that place",
    "naaccr-write": "a value cannot be written without losing or changing it",
}


class AbstractingError(Exception):
    """A fault in what was given, never in the program: shown without a traceback.

    `code` is a key of `CODES`; `message` says what is wrong; `hint` what to do; `where` the place (file, line, row).
    `exit_code` is what the command line returns: 2 wrong usage, 3 bad input, 4 refused.
    """

    exit_code = 3

    def __init__(self, code: str, message: str, *, hint: str = "", where: str = "", exit_code: int | None = None):
        if code not in CODES:
            raise LookupError(f"error code {code!r} is not documented in {__name__}.CODES")
        super().__init__(message)
        self.code, self.message, self.hint, self.where = code, message, hint, where
        if exit_code is not None:
            self.exit_code = exit_code
        elif code == "usage":
            self.exit_code = 2
