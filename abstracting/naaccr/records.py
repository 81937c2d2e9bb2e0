"""What a file holds: the root, patients and their tumors, with items keyed by their numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from abstracting.naaccr.findings import Finding


@dataclass(slots=True)
class Tumor:
    """One tumor: `items` by number; `unknown` by id, for items no dictionary knows; `extensions` as XML text."""

    items: dict[int, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    extensions: list[str] = field(default_factory=list)
    line: int | None = None
    end_line: int | None = None


@dataclass(slots=True)
class Patient:
    """One patient with their tumors and what was found wrong in them; lines count from 1, `index` too.

    An item that stands at the wrong level is kept where it stands and reported.
    """

    items: dict[int, str] = field(default_factory=dict)
    tumors: list[Tumor] = field(default_factory=list)
    unknown: dict[str, str] = field(default_factory=dict)
    extensions: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    line: int | None = None
    end_line: int | None = None
    index: int = 0


@dataclass(slots=True)
class Root:
    """The root of a file: version, record type, attributes as given, and items of the level NaaccrData.

    `extra` holds further attributes (`name` or `prefix:name`), `namespaces` the prefixes declared on the root.
    """

    version: str
    record_type: str
    base_uri: str = ""
    user_uris: list[str] = field(default_factory=list)
    time_generated: str | None = None
    specification: str = "1.8"
    items: dict[int, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    extensions: list[str] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)
    namespaces: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    line: int | None = None

    @property
    def attributes(self) -> dict[str, Any]:
        """Gives the attributes as a file has them, in the format's order."""
        found = {
            "baseDictionaryUri": self.base_uri or f"http://naaccr.org/naaccrxml/naaccr-dictionary-{self.version}.xml",
            "userDictionaryUri": " ".join(self.user_uris),
            "recordType": self.record_type,
            "timeGenerated": self.time_generated or "",
            "specificationVersion": self.specification,
        }
        return {key: value for key, value in found.items() if value}


Node = Root | Patient | Tumor
