"""What an edit says of a record, and the fingerprint of the values it was said of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from abstracting.edits.records import EditRecord
from abstracting.edits.rules import Rule

PASS, FAIL, NOT_EVALUABLE, OVERRIDDEN = "pass", "fail", "not evaluable", "overridden"
"""Outcomes of an edit; `overridden` is a failure that a person has reviewed and let stand."""

PASSES = "passes OncoRegistry checks"
"""What is said of a record without findings: these are not the NAACCR edits."""


@dataclass(frozen=True, slots=True)
class EditResult:
    """One edit on one record: `items` are its ends with the values it saw ("" for a blank one)."""

    rule: str
    edit: str
    outcome: str
    severity: str
    category: str
    items: dict[int, str]
    message: str
    override_item: int | None
    fingerprint: str

    @property
    def fails(self) -> bool:
        return self.outcome == FAIL

    def as_dict(self) -> dict[str, Any]:
        """Gives the result as JSON has it."""
        return {
            "edit": self.edit,
            "rule": self.rule,
            "outcome": self.outcome,
            "severity": self.severity,
            "category": self.category,
            "items": {str(number): value for number, value in self.items.items()},
            "message": self.message,
            "override_item": self.override_item,
            "fingerprint": self.fingerprint,
        }


def fingerprint(rule: str, values: Mapping[int, str], others: Iterable[Mapping[int, str]] = ()) -> str:
    """Gives 32 hexadecimal digits of an edit and the values it was given for; a blank counts like an absent item.

    `others` are the values of the patient's other records, whose order does not matter, for an edit between records.
    """
    told = [rule, _told(values), *sorted(map(_told, others))]
    return hashlib.sha256(json.dumps(told, separators=(",", ":")).encode()).hexdigest()[:32]


def _told(values: Mapping[int, str]) -> list[list[int | str]]:
    return [[number, values[number]] for number in sorted(values) if values[number]]


def ends_of(rule: Rule, record: EditRecord) -> dict[int, str]:
    """Gives the items that an edit points to with their values; of items that stand for each other, those that hold one."""
    shown: dict[int, str] = {}
    for end in rule.ends:
        held = [number for number in end if record.value(number)]
        shown.update({number: record.value(number) for number in held or end[:1]})
    return shown


def fingerprint_of(rule: Rule, record: EditRecord, others: Iterable[EditRecord] = ()) -> str:
    """Gives the fingerprint of an edit on a record."""

    def read(one: EditRecord) -> dict[int, str]:
        return {number: one.value(number) for number in rule.reads}

    return fingerprint(rule.id, read(record), map(read, others))


def result_of(rule: Rule, outcome: str, record: EditRecord, others: Iterable[EditRecord] = ()) -> EditResult:
    """Gives the result of an edit on a record; `others` are the patient's other records, for an edit between them."""
    return EditResult(
        rule=rule.id,
        edit=rule.edit,
        outcome=outcome,
        severity=rule.severity,
        category=rule.category,
        items=ends_of(rule, record),
        message=rule.sentence(record) if outcome in (FAIL, OVERRIDDEN) else "",
        override_item=rule.override.number if rule.override else None,
        fingerprint=fingerprint_of(rule, record, others),
    )
