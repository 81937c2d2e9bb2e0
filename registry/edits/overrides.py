"""Letting a failing edit stand: with a reviewer, a reason and the values it was given for; and taking that back."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from abstracting.edits.rules import Rule
from registry import audit, records
from registry.edits.evaluation import REVIEWS, items_of, reviews_on_item, run_on_abstract, set_in_force
from registry.errors import RegistryError
from registry.models import Abstract, EditFinding, EditOverride, now
from registry.models import edits as states

CHAIN = REVIEWS
"""Name of the audit chain of reviews."""


def override(session: Session, abstract_id: int, rule: str, *, who: str, reason: str) -> EditOverride:
    """Lets a failing edit of an abstract stand for its present values; a blank reason or a passing edit is an error.

    Where the standard has an override item, its code is saved with the abstract, so that it leaves with every export. The
    abstract's version rises then.
    """
    if not reason.strip():
        raise RegistryError("edit-override", "an override needs a reason", hint="say what you verified, and where")
    abstract = session.get(Abstract, abstract_id)
    if abstract is None:
        raise RegistryError("not-found", f"there is no abstract {abstract_id}")
    run_on_abstract(session, abstract, others=False)
    finding = session.scalar(
        select(EditFinding).where(EditFinding.abstract_id == abstract_id, EditFinding.rule == rule)
    )
    if finding is None or finding.state == states.CLEARED:
        raise RegistryError(
            "edit-override", f"edit {rule} does not fail on this abstract: there is nothing to override"
        )
    present = _standing(session, abstract_id, rule)
    if present is not None:
        return present
    told = _rule(session, rule)
    given = EditOverride(
        abstract_id=abstract_id,
        rule=rule,
        reviewer=who,
        reason=reason.strip(),
        fingerprint=finding.fingerprint,
        items=dict(finding.items),
    )
    session.add(given)
    finding.state, finding.changed_at = states.OVERRIDDEN, now()
    session.flush()
    audit.append(session, CHAIN, given.id, "override", {rule: ["", given.reason]}, who=who, why=given.reason)
    if told.override is not None:
        code = told.override.code_for(items_of(abstract).get(told.override.number, ""))
        records.save(
            session, abstract_id, {told.override.number: code}, who=who, why=f"override of {rule}: {reason.strip()}"
        )
    return given


def withdraw(session: Session, abstract_id: int, rule: str, *, who: str, reason: str = "") -> None:
    """Takes an override back: the edit stands open again and its override item is cleared, unless another needs it."""
    given = _standing(session, abstract_id, rule)
    if given is None:
        raise RegistryError("edit-override", f"edit {rule} of this abstract is not overridden")
    told = _rule(session, rule)
    given.ended_at, given.ended_why = now(), reason.strip() or f"withdrawn by {who}"
    session.flush()
    audit.append(session, CHAIN, given.id, "withdraw", {rule: [given.reason, ""]}, who=who, why=given.ended_why)
    abstract = session.get_one(Abstract, abstract_id)
    if told.override is not None and not reviews_on_item(session, abstract_id, told.override.number):
        records.save(session, abstract_id, {told.override.number: ""}, who=who, why=f"override of {rule} withdrawn")
    run_on_abstract(session, abstract, others=False)


def _rule(session: Session, rule: str) -> Rule:
    return set_in_force(session).rule(rule)


def _standing(session: Session, abstract_id: int, rule: str) -> EditOverride | None:
    query = select(EditOverride).where(
        EditOverride.abstract_id == abstract_id, EditOverride.rule == rule, EditOverride.ended_at.is_(None)
    )
    return session.scalar(query)
