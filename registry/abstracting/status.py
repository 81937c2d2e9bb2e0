"""The steps of a case: suspense, incomplete, complete, submitted, with what each step needs.

Complete needs passing edits (or overrides) and the items of `data/required.csv`; the program then sets 2090 and, for
analytic classes, 2092. A step back is always possible and says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit, records
from registry.abstracting import checks
from registry.abstracting.class_of_case import ANALYTIC
from registry.abstracting.tables import rows
from registry.errors import RegistryError
from registry.models import Abstract
from registry.models.desk import CLOSED, PhysicianQuery
from registry.models.tumors import COMPLETE, INCOMPLETE, STATUSES, SUBMITTED, SUSPENSE
from registry.security.permissions import Actor

COMPLETED, COMPLETED_COC, EXPORTED = 2090, 2092, 2110
BEGIN = (550, 610, 580)
CHAIN = "case"
"""The audit chain of what happens to a case besides its items."""


@dataclass(frozen=True)
class Step:
    """One step that a case could take now: where to, and every reason why not; warnings do not hinder."""

    target: str
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether nothing stands against the step."""
        return not self.reasons


def steps(session: Session, abstract: Abstract, items: Mapping[int, str] | None = None) -> tuple[Step, ...]:
    """Gives the step forward, and the step back where there is one."""
    items = records.all_items(abstract) if items is None else items
    found = []
    if abstract.status == SUSPENSE:
        found.append(Step(INCOMPLETE, tuple(f"{n} {_name(n)} is blank" for n in BEGIN if not items.get(n))))
    if abstract.status in (SUSPENSE, INCOMPLETE):
        found.append(_completion(session, abstract, items))
    if abstract.status == COMPLETE:
        found.append(Step(SUBMITTED, _faults(session, abstract, items)))
    if abstract.status in (COMPLETE, SUBMITTED):
        found.append(Step(INCOMPLETE))
    return tuple(found)


def missing(items: Mapping[int, str]) -> tuple[int, ...]:
    """Gives the required items that are blank."""
    code = items.get(610, "")
    return tuple(
        number
        for row in rows("required")
        if not items.get(number := int(row["item"])) and (not row["classes"] or code in row["classes"].split())
    )


def _faults(session: Session, abstract: Abstract, items: Mapping[int, str]) -> tuple[str, ...]:
    failing = [finding for finding in checks.findings(session, abstract, items) if finding.is_error]
    return (f"{len(failing)} failing {'edit' if len(failing) == 1 else 'edits'}",) if failing else ()


def _completion(session: Session, abstract: Abstract, items: Mapping[int, str]) -> Step:
    reasons = tuple(f"{n} {_name(n)} is blank" for n in missing(items)) + _faults(session, abstract, items)
    open_queries = session.scalars(
        select(PhysicianQuery.id).where(PhysicianQuery.abstract_id == abstract.id, PhysicianQuery.state != CLOSED)
    ).all()
    warnings = (f"{len(open_queries)} open queries to physicians",) if open_queries else ()
    return Step(COMPLETE, reasons, warnings)


def take(
    session: Session,
    actor: Actor,
    abstract_id: int,
    target: str,
    *,
    why: str = "",
    expected_version: int | None = None,
    today: date | None = None,
) -> Abstract:
    """Takes a step and sets the dates that belong to it; a step that is not allowed is an error with every reason."""
    if target not in STATUSES:
        raise RegistryError("usage", f"{target!r} is no status of a case")
    abstract = session.get(Abstract, abstract_id)
    if abstract is None:
        raise RegistryError("not-found", f"there is no abstract {abstract_id}")
    step = next((step for step in steps(session, abstract) if step.target == target), None)
    if step is None:
        raise RegistryError("usage", f"a case that is {abstract.status} cannot become {target}")
    if not step.allowed:
        raise RegistryError("usage", f"not {target} yet: " + "; ".join(step.reasons), hint="mend these and try again")
    day = (today or date.today()).strftime("%Y%m%d")
    changes = _dates(records.all_items(abstract), target, day)
    before = abstract.status
    reason = why or f"{before} to {target}"
    records.save(session, abstract_id, changes, who=actor.username, why=reason, expected_version=expected_version)
    abstract.status = target
    session.flush()
    audit.append(
        session,
        CHAIN,
        abstract.id,
        "status",
        {"status": [before, target]},
        who=actor.username,
        why=why,
        version=abstract.version_id,
    )
    return abstract


def _dates(items: Mapping[int, str], target: str, day: str) -> dict[int, str]:
    if target == COMPLETE:
        found = {COMPLETED: items.get(COMPLETED) or day}
        if items.get(610, "") in ANALYTIC:
            found[COMPLETED_COC] = items.get(COMPLETED_COC) or day
        return found
    return {EXPORTED: day} if target == SUBMITTED else {}


def _name(number: int) -> str:
    from registry.items import known

    item = known(number)
    return item.name.replace("--", ": ") if item else ""
