"""Errors that a user can act on: a stable code, a sentence, a remedy and a place.

The four rooms raise classes of the same shape and know nothing of each other; the command line and the web turn them
into text. `CODES` is the documented list: raising a code that is not in it is itself a fault.
"""

from __future__ import annotations

CODES: dict[str, str] = {
    "usage": "the options or arguments do not fit together",
    "settings": "a setting is unknown, unreadable or of the wrong type",
    "database": "the database cannot be opened or is not of this version",
    "database-missing": "there is no registry in the data folder yet",
    "busy": "another process holds what this one needs",
    "not-found": "no row of this number, or none that may be seen",
    "conflict": "somebody else saved the same record meanwhile",
    "job": "a job of an unknown kind, or with unusable parameters",
    "column-map": "a column map or system definition is unreadable or names what does not exist",
    "not-a-table": "a file is no readable delimited table",
    "canreg-table": "the three tables of the CanReg layout are not all there",
    "file-format": "a file is of no known format",
    "backup": "a backup cannot be made or restored",
    "selection": "a condition of a selection cannot be read",
    "export": "a file cannot be written as asked",
    "no-cases": "the selection holds no cases",
    "refused-rates": "rates are computed only for counties and years declared population-based",
    "refused-scan": "choices of a scan by which a hidden count could be found by trial",
    "refused-exchange": "cases of another state's residents are sent only under an agreement that holds",
    "population": "no population is loaded, or one that cannot be used",
    "rule-set": "no follow-up rule set of this name",
    "suppressed": "the group is smaller than may be shown",
    "contradiction": "a decision contradicts one that stands, or is one's own to review",
    "link-id": "a record to link has no id, or one that occurs twice",
    "link-index": "the index of persons cannot be read, or is of another version",
    "edit-override": "an edit cannot be overridden: it passes, or no reason was given",
    "edit-report": "an external edit report lacks columns that are needed",
    "consolidation-rules": "a rule of consolidation cannot be read, or two rules claim one item",
    "item-value": "an item is unknown or its value does not fit",
}


class RegistryError(Exception):
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
