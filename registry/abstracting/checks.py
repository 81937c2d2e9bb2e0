"""Edits of one abstract as the desk shows them: what fails, in a sentence, with its ends and the review that lets it stand.

The edits are those of the store (`registry.edits`): the site's rules, the reviews that are kept and the patient's other
tumors count, so that the editor and the reports say the same. The result "passes OncoRegistry checks"; these are not
the NAACCR edits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from abstracting.edits.engine import EditSet, edit_set
from abstracting.edits.results import OVERRIDDEN, PASSES, EditResult
from registry.edits.evaluation import check_abstract, set_in_force
from registry.items import known
from registry.models import Abstract, EditOverride

OF_THE_FILE = frozenset({10, 20, 21, 37, 40, 45, 50, 60})
"""Items that a file carries and nobody types: a record that is in no store does not have them."""

_CARRIED = frozenset(range(1, 10_000)) - OF_THE_FILE


@dataclass(frozen=True)
class Finding:
    """One failing edit: its sentence, the items at its ends, its override item, and who let it stand and why."""

    rule: str
    edit: str
    severity: str
    message: str
    ends: tuple[int, ...]
    override: int | None = None
    overridden: bool = False
    reviewer: str = ""
    reason: str = ""

    @property
    def is_error(self) -> bool:
        """Whether the case cannot be complete while it fails."""
        return self.severity == "error" and not self.overridden


def findings(session: Session, abstract: Abstract, items: Mapping[int, str] | None = None) -> list[Finding]:
    """Gives what fails in an abstract, errors first; `items` are its items as somebody types them, texts among them."""
    edits = set_in_force(session)
    reviews = select(EditOverride).where(EditOverride.abstract_id == abstract.id, EditOverride.ended_at.is_(None))
    told = {review.rule: review for review in session.scalars(reviews)}
    results = check_abstract(session, abstract, items=items, edits=edits)
    return _in_order(_finding(edits, result, told.get(result.rule)) for result in results)


def check(items: Mapping[int, str], *, changed: Iterable[int] | None = None) -> list[Finding]:
    """Gives what fails in a record that is in no store, by the built-in edits, errors first."""
    edits = edit_set("all")
    results = edits.check_record(items, changed=changed, carries=_CARRIED)
    return _in_order(_finding(edits, result) for result in results if set(result.items) - OF_THE_FILE)


def _in_order(found: Iterable[Finding]) -> list[Finding]:
    return sorted(found, key=lambda finding: (finding.overridden, finding.severity != "error"))


def _finding(edits: EditSet, result: EditResult, review: EditOverride | None = None) -> Finding:
    ends = tuple(number for number in result.items if known(number) is not None)
    stands = result.outcome == OVERRIDDEN
    return Finding(
        result.rule,
        result.edit,
        result.severity,
        result.message,
        ends,
        result.override_item,
        stands,
        review.reviewer if review and stands else "",
        review.reason if review and stands else "",
    )


__all__ = ["PASSES", "Finding", "check", "findings"]
