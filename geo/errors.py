"""Errors that a user can act on: a stable code, a sentence, a remedy and a place.

The four rooms raise classes of the same shape and know nothing of each other; the command line and the web turn them
into text. `CODES` is the documented list: raising a code that is not in it is itself a fault.
"""

from __future__ import annotations

CODES: dict[str, str] = {
    "usage": "the options or arguments do not fit together",
    "input-file": "a file is missing or cannot be read as what its name says",
    "input-columns": "a table lacks a column that is needed",
    "input-values": "a column holds values that are no counts, populations or codes",
    "age-group": "a label is no age group",
    "age-gap": "the age groups overlap or leave ages out",
    "standard-cell": "a standard population has no exact weight for an age group",
    "standard-population": "a standard population cannot be read",
    "population-missing": "people are missing for an area, year, sex or age that is asked for",
    "population-layout": "a line does not have the layout of the SEER population file",
    "population-codes": "county codes of several editions, or retired ones, stand in one population table",
    "edition": "the county codes belong to no edition of the boundaries, or to several",
    "unmatched-areas": "codes in the data have no boundary",
    "boundaries": "a boundary file cannot be read or lacks its codes",
    "trend-data": "too few or unusable points for a trend",
    "smoothing": "a smoothed rate cannot be computed from these counts",
    "map-classes": "classes cannot be made from these values",
    "map-export": "a map cannot be written in this format",
    "suppression": "a table cannot be protected as asked",
    "scan-unknown-id": "a table of a scan names a location that has no coordinates",
    "scan-duplicate": "a location has coordinates twice",
    "scan-date": "a date of a scan cannot be read, or is too coarse for the time unit",
    "scan-no-cases": "a scan has nothing to scan: no location, no case, or every person a case",
    "scan-no-population": "cases stand where nobody lives, in a location or a stratum",
    "scan-window": "no window fits the limits of a scan",
    "scan-size": "a scan needs more memory or larger counts than are supported",
    "local-weights": "neighbours for a local statistic cannot be formed",
}


class GeoError(Exception):
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
