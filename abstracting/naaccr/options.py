"""How to read a file: user dictionaries, namespaces, strictness, and what to do with unknown items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from abstracting.naaccr.user_dictionaries import UserDictionary

NAMESPACE = "http://naaccr.org/naaccrxml"

# No real patient comes near these: an abstract with every text full is about 0.1 MB a tumor.
PATIENT_BYTES = 16 * 1024 * 1024
MARKUP_BYTES = 1024 * 1024
EXTENSION_BYTES = 4 * 1024 * 1024
TUMORS = 10_000
ITEMS = 10_000
NOTES = 100
DEPTH = 100
FINDINGS_A_PATIENT = 1_000


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """The choices of a reader; the defaults are the strict ones of the command line.

    `namespaces` registers extension namespaces (prefix to URI); `relaxed` accepts files without the NAACCR namespace,
    with unknown root attributes or with namespaces nobody registered. `unknown_items`: `error` reports and drops,
    `ignore` drops, `process` keeps them by id. `check_values=False` leaves types and spaces unchecked, never lengths.
    `ignore_extensions` skips elements of other namespaces. `translate_renamed` reads the long ids of early v18 files and
    moves items whose level changed in v18 and v21. `report_differences` compares patient and root items of flat lines.
    `encoding` overrides the declared one; what it cannot decode becomes U+FFFD and is noted.
    """

    user_dictionaries: tuple[UserDictionary, ...] = ()
    namespaces: Mapping[str, str] = field(default_factory=dict)
    relaxed: bool = False
    unknown_items: Literal["error", "ignore", "process"] = "error"
    check_values: bool = True
    ignore_extensions: bool = False
    translate_renamed: bool = False
    allow_missing_dictionary: bool = True
    report_differences: bool = False
    encoding: str | None = None
