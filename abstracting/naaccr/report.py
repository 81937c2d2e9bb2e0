"""The result of validating one file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from abstracting.naaccr.findings import FINDINGS_KEPT, Finding, UnreadableError
from abstracting.naaccr.records import Patient, Root


@dataclass(slots=True)
class Report:
    """What was found in a file. `findings` holds at most 10,000; `counts` counts all of them by code."""

    patients: int = 0
    tumors: int = 0
    fatal: UnreadableError | None = None
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    root: Root | None = None

    @property
    def valid(self) -> bool:
        return self.fatal is None and not self.counts

    def as_dict(self) -> dict[str, Any]:
        """Gives the report as the command line prints it with --json."""
        return {
            "valid": self.valid,
            "fatal": self.fatal.as_dict() if self.fatal else None,
            "findings": [finding.as_dict() for finding in self.findings],
            "patients": self.patients,
            "tumors": self.tumors,
            "counts": dict(self.counts),
            "notes": self.notes,
        }

    def add(self, findings: Sequence[Finding]) -> None:
        """Adds findings, counting all and keeping the first 10,000."""
        if findings:
            self.counts.update(finding.code for finding in findings)
            self.findings.extend(findings[: max(0, FINDINGS_KEPT - len(self.findings))])

    def take(self, patients: list[Patient]) -> None:
        """Adds patients with their findings and empties the list."""
        for patient in patients:
            self.patients += 1
            self.tumors += len(patient.tumors)
            self.add(patient.findings)
        patients.clear()
