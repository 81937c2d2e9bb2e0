"""A report of a batch: by edit, by facility and by registrar, with every finding, as table, CSV, Excel or JSON."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from abstracting.edits.batch import BatchResult
from abstracting.edits.engine import EditSet
from abstracting.edits.indicators import Indicator
from abstracting.edits.results import FAIL, OVERRIDDEN, PASSES
from abstracting.edits.rules import SEVERITIES

PATIENT, TUMOR, FACILITY, REGISTRAR, ACCESSION = 20, 60, 540, 570, 550
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
FINDING_COLUMNS = (
    "row", "patient", "tumor", "facility", "accession", "registrar", "edit", "rule", "severity", "outcome", "items",
    "message",
)  # fmt: skip


@dataclass
class Share:
    """How many records of one facility or registrar there are, how many fail, and with what."""

    records: int = 0
    failing: int = 0
    findings: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        passing = 100 * (self.records - self.failing) / self.records if self.records else None
        return {
            "records": self.records,
            "failing": self.failing,
            "passing_percent": None if passing is None else round(passing, 1),
            **{severity: self.findings[severity] for severity in SEVERITIES},
            "overridden": self.findings[OVERRIDDEN],
        }


@dataclass
class EditReport:
    """What edits say of a file or of the store, added up over its parts.

    `by_edit` holds counts by rule; `by_facility` (540) and `by_registrar` (570) hold `Share`s; `findings` are rows of
    `FINDING_COLUMNS`, at most `keep` of them (`found` counts all).
    """

    edits: EditSet
    keep: int | None = None
    records: int = 0
    patients: int = 0
    found: int = 0
    by_edit: dict[str, Counter[str]] = field(default_factory=dict)
    by_facility: dict[str, Share] = field(default_factory=dict)
    by_registrar: dict[str, Share] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)
    indicators: list[Indicator] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """How many findings stand open."""
        return sum(counts["failed"] for counts in self.by_edit.values())

    def add(self, result: BatchResult, *, patients: int, first_row: int = 1) -> None:
        """Adds a part of the file; `first_row` is the number of its first record in the whole."""
        self.records += len(result.frame)
        self.patients += patients
        for row in result.counts.itertuples(index=False):
            counts = self.by_edit.setdefault(row.rule, Counter())
            for name in ("evaluated", "passed", "failed", "overridden", "not_evaluable"):
                counts[name] += int(getattr(row, name))
        names = {number: _column(result.frame, number) for number in (PATIENT, TUMOR, FACILITY, REGISTRAR, ACCESSION)}
        for number, shares in ((FACILITY, self.by_facility), (REGISTRAR, self.by_registrar)):
            for key, count in Counter(names[number]).items():
                shares.setdefault(key, Share()).records += count
        failing: set[int] = set()
        for row, found in result.details():
            self.found += 1
            kind = found.severity if found.outcome == FAIL else OVERRIDDEN
            for number, shares in ((FACILITY, self.by_facility), (REGISTRAR, self.by_registrar)):
                shares[names[number][row]].findings[kind] += 1
            if found.outcome == FAIL:
                failing.add(row)
            if self.keep is None or len(self.findings) < self.keep:
                self.findings.append(
                    {
                        "row": first_row + row,
                        "patient": names[PATIENT][row],
                        "tumor": names[TUMOR][row],
                        "facility": names[FACILITY][row],
                        "accession": names[ACCESSION][row],
                        "registrar": names[REGISTRAR][row],
                        "edit": found.edit,
                        "rule": found.rule,
                        "severity": found.severity,
                        "outcome": found.outcome,
                        "items": {str(number): value for number, value in found.items.items()},
                        "message": found.message,
                    }
                )
        for row in failing:
            for number, shares in ((FACILITY, self.by_facility), (REGISTRAR, self.by_registrar)):
                shares[names[number][row]].failing += 1

    def edit_rows(self) -> Iterator[dict[str, Any]]:
        """Gives one row an edit, those that fail most first."""
        rules = {rule.id: rule for rule in self.edits.rules}
        for identity, counts in sorted(self.by_edit.items(), key=lambda pair: (-pair[1]["failed"], pair[0])):
            rule = rules[identity]
            yield {
                "edit": rule.edit,
                "rule": identity,
                "category": rule.category,
                "level": rule.level,
                "severity": rule.severity,
                **{name: counts[name] for name in ("evaluated", "passed", "failed", "overridden", "not_evaluable")},
            }

    def as_dict(self) -> dict[str, Any]:
        """Gives the report as one JSON document."""
        return {
            "set": self.edits.name,
            "as_of": self.edits.today.isoformat(),
            "records": self.records,
            "patients": self.patients,
            "passes": self.failed == 0,
            "failed": self.failed,
            "edits": list(self.edit_rows()),
            "facilities": [{"facility": key, **share.as_dict()} for key, share in sorted(self.by_facility.items())],
            "registrars": [{"registrar": key, **share.as_dict()} for key, share in sorted(self.by_registrar.items())],
            "indicators": [indicator.as_dict() for indicator in self.indicators],
            "findings": self.findings,
            "findings_left_out": self.found - len(self.findings),
        }


def _column(frame: Any, number: int) -> list[str]:
    for name in (str(number), number):
        if name in frame:
            return [value.strip() if isinstance(value, str) else "" for value in frame[name]]
    return [""] * len(frame)


# --- writing ----------------------------------------------------------------------------------------------------------


def _cell(value: Any) -> Any:
    """A cell that no spreadsheet computes."""
    if isinstance(value, dict):
        value = "; ".join(f"{key}={text}" for key, text in value.items())
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def write_csv(report: EditReport, out: io.TextIOBase | Any) -> None:
    """Writes the findings as CSV."""
    writer = csv.DictWriter(out, FINDING_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in report.findings:
        writer.writerow({name: _cell(value) for name, value in row.items()})


def write_excel(report: EditReport, path: Path) -> None:
    """Writes a workbook with the sheets Edits, Facilities, Registrars, Indicators and Findings."""
    from openpyxl import Workbook

    document = report.as_dict()
    book = Workbook(write_only=True)
    sheets: tuple[tuple[str, Iterable[Mapping[str, Any]]], ...] = (
        ("Edits", document["edits"]),
        ("Facilities", document["facilities"]),
        ("Registrars", document["registrars"]),
        ("Indicators", document["indicators"]),
        ("Findings", document["findings"]),
    )
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for at, row in enumerate(rows):
            if at == 0:
                sheet.append(list(row))
            sheet.append([_cell(value) for value in row.values()])
    book.save(path)


def write_report(report: EditReport, path: Path) -> None:
    """Writes a report by the suffix of its file: .csv (findings), .xlsx, .json."""
    if path.suffix == ".xlsx":
        write_excel(report, path)
    elif path.suffix == ".json":
        path.write_text(json.dumps(report.as_dict(), ensure_ascii=False, indent=1), encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            write_csv(report, file)


def as_text(report: EditReport, *, findings: int = 20) -> str:
    """Gives the report as tables for a terminal."""
    lines = [f"{report.records:,} records of {report.patients:,} patients, edits of the set {report.edits.name!r}"]
    if report.failed == 0:
        lines.append(f"every record {PASSES}")
    failing = [row for row in report.edit_rows() if row["failed"] or row["overridden"]]
    if failing:
        lines.append(f"\n{'edit':16}{'severity':10}{'failed':>9}{'overridden':>12}{'evaluated':>11}  category")
        for row in failing:
            lines.append(
                f"{row['rule']:16}{row['severity']:10}{row['failed']:>9,}{row['overridden']:>12,}"
                f"{row['evaluated']:>11,}  {row['category']}"
            )
    for title, shares in (("facility", report.by_facility), ("registrar", report.by_registrar)):
        if failing:
            lines.append(f"\n{title:16}{'records':>9}{'failing':>9}{'passing %':>11}{'error':>8}{'warning':>9}")
            for key, share in sorted(shares.items()):
                row = share.as_dict()
                lines.append(
                    f"{key or '(blank)':16}{row['records']:>9,}{row['failing']:>9,}{row['passing_percent']:>11}"
                    f"{row['error']:>8,}{row['warning']:>9,}"
                )
    if report.findings:
        lines.append("")
        for row in report.findings[:findings]:
            state = "" if row["outcome"] == FAIL else " (overridden)"
            lines.append(f"record {row['row']}, patient {row['patient']}: [{row['rule']}{state}] {row['message']}")
        if report.found > findings:
            lines.append(f"… and {report.found - findings:,} more: all of them with --json or --output FILE")
    return "\n".join(lines)
