"""Errors that a user can act on: a stable code, a sentence, a remedy and a place.

The four rooms raise classes of the same shape and know nothing of each other; the command line and the web turn them
into text. `CODES` is the documented list: raising a code that is not in it is itself a fault.
"""

from __future__ import annotations

CODES: dict[str, str] = {
    "usage": "the options or arguments do not fit together",
    "file-missing": "the file does not exist or may not be read",
    "file-unreadable": "the file is not CSV or Parquet, is cut off, or is not UTF-8",
    "file-empty": "the file has no rows",
    "column-unknown": "a column that was asked for is not in the data",
    "column-twice": "a column name occurs more than once in the header",
    "value-missing": "a value that the method needs is empty",
    "value-text": "text stands where a number is needed",
    "value-range": "a number lies outside the range it can have",
    "time-negative": "a follow-up time is below zero",
    "date-unreadable": "a date is not a full ISO date (or a day number where that is allowed)",
    "dates-reversed": "an exit lies before its entry",
    "sex-unknown": "the sex is neither 1/male nor 2/female",
    "group-empty": "a group that the method needs has no rows",
    "life-table-columns": "the life table has neither of the two layouts",
    "life-table-gap": "the life table lacks an age, year or sex inside its own range",
    "life-table-twice": "the life table gives an age, year and sex more than once",
    "life-table-range": "a probability or hazard of the life table is impossible",
    "standard-unknown": "the standard population or one of its age groups is not known",
    "engine-missing": "the engine that was asked for is not installed or does not start",
    "no-convergence": "an iterative fit did not converge",
}


class SurvivalError(Exception):
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
