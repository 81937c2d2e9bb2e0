"""Bringing a person or tumor to what its accounts say under the rules in force: written, projected and sealed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.consolidation import accounts, central
from registry.consolidation.deciding import Part, consolidate, parts, values_of
from registry.consolidation.rules import RuleSet, in_force, shipped
from registry.consolidation.values import PATIENT, TUMOR, Choice
from registry.models import Abstract, OpenValue, Patient, PatientRecord, Tumor
from registry.models.base import Items
from registry.projection import fitted, patient_columns, tumor_columns

ACTION = "consolidate"


def consolidate_patient(
    records: Iterable[PatientRecord], *, rules: RuleSet | None = None, choices: Iterable[Choice] = ()
) -> Items:
    """Gives a person's items from the accounts of all sources, by the rules (the shipped ones where none are given)."""
    return _consolidated(PATIENT, list(records), rules, choices)


def consolidate_tumor(
    abstracts: Iterable[Abstract], *, rules: RuleSet | None = None, choices: Iterable[Choice] = ()
) -> Items:
    """Gives a tumor's items from the abstracts of all facilities, by the rules (the shipped ones where none are given)."""
    return _consolidated(TUMOR, list(abstracts), rules, choices)


def _consolidated(chain: str, rows: list[Any], rules: RuleSet | None, choices: Iterable[Choice]) -> Items:
    if not rows:
        return {}
    if len(rows) == 1:
        return dict(rows[0].items)
    return consolidate(accounts.accounts_of(rows), rules or shipped(), chain, choices)


def rules_of(session: Session) -> RuleSet:
    """The rules in force where the session writes."""
    return in_force(session.info.get("settings"))


def items_of(session: Session, row: Patient | Tumor, rules: RuleSet | None = None) -> Items:
    """Gives what a person or tumor should say now: from its accounts, the rules in force and the standing choices.

    The central sequence of a tumor is not in question here; `refresh_tumor` sees to it.
    """
    return decided(session, row, rules)[0]


Made = tuple[Items, tuple[Part, ...]]
"""What a row should say, and the parts that make it up."""


def decided(
    session: Session, row: Patient | Tumor, rules: RuleSet | None = None, choices: Sequence[Choice] | None = None
) -> Made:
    """Gives the same with the parts that make it up; a lone account is as it is and has no parts.

    `choices` are those of its accounts where they are at hand already.
    """
    chain, rows = row.__tablename__, accounts.rows_of(row)
    if len(rows) < 2:
        return _consolidated(chain, rows, None, ()), ()
    if choices is None:
        choices = accounts.choices_of(session, chain, [account.id for account in rows])
    found = tuple(parts(accounts.accounts_of(rows), rules or rules_of(session), chain, choices))
    return values_of(found), found


def refresh_patient(
    session: Session, patient: Patient, *, who: str, why: str = "", rules: RuleSet | None = None, action: str = ACTION
) -> Mapping[str, list[str]]:
    """Writes the consolidated items and columns of a person; seals a revision when anything changed, and gives the changes.

    The central sequence of a person with several records is brought up to date as well.
    """
    changed = write(session, patient, decided(session, patient, rules), who=who, why=why, action=action)
    if len(patient.records) > 1 and central.is_several(session, patient.id):
        _renumber(session, patient.id, who=who, why=why, said={})
    return changed


def refresh_tumor(
    session: Session, tumor: Tumor, *, who: str, why: str = "", rules: RuleSet | None = None, action: str = ACTION
) -> Mapping[str, list[str]]:
    """Writes the consolidated items and columns of a tumor; seals a revision when anything changed, and gives the changes."""
    return write(session, tumor, decided(session, tumor, rules), who=who, why=why, action=action)


def write(
    session: Session,
    row: Patient | Tumor,
    made: Made,
    *,
    who: str,
    why: str = "",
    action: str = ACTION,
    waiting: Sequence[OpenValue] | None = None,
) -> Mapping[str, list[str]]:
    """Writes what was decided of a row; `waiting` are its values left open where they are at hand already."""
    items, found = made
    _keep_open(session, row, found, waiting)
    if isinstance(row, Tumor):
        decisive = any(items.get(number) != row.items.get(number) for number in central.DECISIVE)
        if decisive and items and central.is_several(session, row.patient_id):
            numbers = _renumber(session, row.patient_id, who=who, why=why, said={row.id: items})
            if row.id in numbers:
                items[central.ITEM] = numbers[row.id]
    return _write(session, row, items, who=who, why=why, action=action)


def _renumber(session: Session, patient_id: int, *, who: str, why: str, said: dict[int, Items]) -> dict[int, str]:
    """Numbers the tumors of a person of several records; those in `said` are written by who asks."""
    numbers = central.central_numbers(session, patient_id, said)
    for tumor_id, number in numbers.items():
        tumor = session.get_one(Tumor, tumor_id)
        if tumor_id not in said and tumor.items.get(central.ITEM) != number:
            items = {**tumor.items, central.ITEM: number}
            _write(session, tumor, items, who=who, why=why or "sequence of tumors", action=ACTION)
    return numbers


def open_values(session: Session, chain: str, rows: Iterable[int]) -> list[OpenValue]:
    """Gives the values that are kept as left open of some rows."""
    query = select(OpenValue).where(OpenValue.chain == chain, OpenValue.row_id.in_(list(rows)))
    return list(session.scalars(query))


def _keep_open(session: Session, row: Patient | Tumor, found: Sequence[Part], kept: Sequence[OpenValue] | None) -> None:
    """Keeps the list of values that the rules leave to a person: what was decided leaves it, what came is added."""
    wanted = {item: part.rule.id for part in found for item in part.open}
    for waiting in open_values(session, row.__tablename__, [row.id]) if kept is None else kept:
        if wanted.get(waiting.item) == waiting.rule:
            del wanted[waiting.item]
        else:
            session.delete(waiting)
            session.flush()
    session.add_all(
        OpenValue(chain=row.__tablename__, row_id=row.id, item=item, rule=rule) for item, rule in wanted.items()
    )


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, list[str]]:
    """Gives by item what was and what is, where they differ."""
    return {n: [before.get(n, ""), after.get(n, "")] for n in {*before, *after} if before.get(n) != after.get(n)}


def _write(
    session: Session, row: Patient | Tumor, items: Items, *, who: str, why: str, action: str
) -> Mapping[str, list[str]]:
    changed = differences(row.items, items)
    if not changed:
        return changed
    row.items = items
    columns = patient_columns if isinstance(row, Patient) else tumor_columns
    for column, value in fitted(type(row), columns(items)).items():
        setattr(row, column, value)
    session.flush()
    audit.append(session, row.__tablename__, row.id, action, changed, who=who, why=why, version=row.version_id)
    return changed
