"""Edits of one abstract as it is typed: what fails, in a sentence, with its ends and what a person may let stand.

The result "passes OncoRegistry checks"; these are not the NAACCR edits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from abstracting.edits.engine import edit_set
from abstracting.edits.results import OVERRIDDEN, PASSES, EditResult
from registry.items import known

OF_THE_FILE = frozenset({10, 20, 40, 45, 50, 60, 37, 21})
"""Items that a file carries and no registrar types: they are written when a file is made."""

_CARRIED = frozenset(range(1, 10_000)) - OF_THE_FILE


@dataclass(frozen=True)
class Finding:
    """One failing edit: its sentence, the items at its ends, and the override item with the code that lets it stand."""

    edit: str
    severity: str
    message: str
    ends: tuple[int, ...]
    override: int | None = None
    override_code: str = ""
    overridden: bool = False

    @property
    def is_error(self) -> bool:
        """Whether the case cannot be complete while it fails."""
        return self.severity == "error" and not self.overridden


def check(items: Mapping[int, str], *, changed: Iterable[int] | None = None) -> list[Finding]:
    """Gives what fails in an abstract, errors first; `changed` limits the check to edits that these items can touch."""
    edits = edit_set("all")
    found = [_finding(result) for result in edits.check_record(items, changed=changed, carries=_CARRIED)]
    kept = [f for f in found if f is not None]
    return sorted(kept, key=lambda finding: (finding.overridden, finding.severity != "error"))


def _finding(result: EditResult) -> Finding | None:
    if result.items and set(result.items) <= OF_THE_FILE:
        return None
    rule = edit_set("all").rule(result.rule)
    code = rule.override.codes[0] if rule.override else ""
    ends = tuple(number for number in result.items if known(number) is not None)
    return Finding(
        result.edit, result.severity, result.message, ends, result.override_item, code, result.outcome == OVERRIDDEN
    )


__all__ = ["PASSES", "Finding", "check"]
