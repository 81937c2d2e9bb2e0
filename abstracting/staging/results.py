"""What staging one case gives: the outcome, the outputs, the errors met and the tables walked through."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

STAGED = "STAGED"
MISSING_SITE_OR_HISTOLOGY = "FAILED_MISSING_SITE_OR_HISTOLOGY"
NO_MATCHING_SCHEMA = "FAILED_NO_MATCHING_SCHEMA"
# the published engine spells it so, and files compare by it
MULTIPLE_MATCHING_SCHEMAS = "FAILED_MULITPLE_MATCHING_SCHEMAS"
INVALID_YEAR = "FAILED_INVALID_YEAR_DX"
INVALID_INPUT = "FAILED_INVALID_INPUT"

# every outcome with one line for people
OUTCOMES: dict[str, str] = {
    STAGED: "staged; single items may still carry errors",
    MISSING_SITE_OR_HISTOLOGY: "primary site and histology are both needed",
    NO_MATCHING_SCHEMA: "no schema fits this site, histology and discriminators",
    MULTIPLE_MATCHING_SCHEMAS: "several schemas fit; a discriminator is needed",
    INVALID_YEAR: "the algorithm does not hold for this year of diagnosis",
    INVALID_INPUT: "an input is unknown to the schema or not a valid code",
}

# every kind of error with one line for people
ERROR_KINDS: dict[str, str] = {
    "UNKNOWN_INPUT": "the schema has no such input",
    "INVALID_REQUIRED_INPUT": "the code is not valid for an input that staging uses",
    "INVALID_NON_REQUIRED_INPUT": "the code is not valid for an input that staging does not use",
    "INVALID_OUTPUT": "the derived value is not one of those allowed",
    "UNKNOWN_TABLE": "the algorithm names a table that it does not hold",
    "UNKNOWN_INPUT_MAPPING": "a table needs a value that no earlier table gave",
    "MATCH_NOT_FOUND": "no row of a table fits these codes",
    "STAGING_ERROR": "a table says that these codes contradict each other",
    "INFINITE_LOOP": "tables of the algorithm lead back to themselves",
}


@dataclass(frozen=True, slots=True)
class StagingError:
    """One error: its kind, the key and table it concerns (None where there is none), the columns left open."""

    kind: str
    key: str | None = None
    table: str | None = None
    columns: tuple[str, ...] = ()
    message: str = ""

    def as_list(self) -> list[str | None]:
        return [self.kind, self.key, self.table]


@dataclass(slots=True)
class StagingResult:
    """The result of one case. `path` lists `mapping.table` in the order in which tables were consulted."""

    result: str
    schema_id: str | None = None
    output: dict[str, str] = field(default_factory=dict)
    errors: list[StagingError] = field(default_factory=list)
    path: list[str] = field(default_factory=list)

    @property
    def is_staged(self) -> bool:
        return self.result == STAGED

    def as_json(self) -> dict[str, Any]:
        """Gives the result in the form of the command line: errors as `[type, key, table]`."""
        return {
            "result": self.result,
            "schema_id": self.schema_id,
            "output": self.output,
            "errors": [error.as_list() for error in self.errors],
            "path": self.path,
        }
