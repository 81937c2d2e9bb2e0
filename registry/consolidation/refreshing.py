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


Numbers = Mapping[int, str]
"""The central sequence of tumors by their ids: those that were decided, and the others of the same persons."""


def decide_many(
    session: Session, rows: Sequence[Patient | Tumor], rules: RuleSet | None = None
) -> tuple[list[Made], Numbers]:
    """Gives what each of several persons, or of several tumors, should say, and the central sequence where it may change."""
    if not rows:
        return [], {}
    chain, rules = rows[0].__tablename__, rules or rules_of(session)
    several = [account.id for row in rows if len(of := accounts.rows_of(row)) > 1 for account in of]
    choices: dict[int, list[Choice]] = {}
    for choice in accounts.choices_of(session, chain, several) if several else ():
        choices.setdefault(choice.account[1], []).append(choice)
    made, numbers = [], {}
    for row in rows:
        own = [choice for account in accounts.rows_of(row) for choice in choices.get(account.id, ())]
        made.append(decided(session, row, rules, own))
    if chain == TUMOR:
        said = {row.id: items for row, (items, _) in zip(rows, made) if items}
        numbers = central.central_numbers(session, _to_number(session, rows, said), said)
        for row, (items, _) in zip(rows, made):
            if row.id in numbers:
                items[central.ITEM] = numbers[row.id]
    return made, numbers


def _to_number(session: Session, rows: Iterable[Any], said: Mapping[int, Items]) -> set[int]:
    """Persons of several records of whom something changes on which the central sequence depends."""
    changed = {
        row.patient_id
        for row in rows
        if any(said.get(row.id, row.items).get(number) != row.items.get(number) for number in central.DECISIVE)
    }
    return central.of_several(session, changed)


def refresh_patient(
    session: Session, patient: Patient, *, who: str, why: str = "", rules: RuleSet | None = None, action: str = ACTION
) -> Mapping[str, list[str]]:
    """Writes the consolidated items and columns of a person; seals a revision when anything changed, and gives the changes.

    The central sequence of a person with several records is brought up to date as well.
    """
    return refresh_many(session, [patient], who=who, why=why, rules=rules, action=action)[0]


def refresh_tumor(
    session: Session, tumor: Tumor, *, who: str, why: str = "", rules: RuleSet | None = None, action: str = ACTION
) -> Mapping[str, list[str]]:
    """Writes the consolidated items and columns of a tumor; seals a revision when anything changed, and gives the changes."""
    return refresh_many(session, [tumor], who=who, why=why, rules=rules, action=action)[0]


def refresh_many(
    session: Session,
    rows: Sequence[Patient | Tumor],
    *,
    who: str,
    why: str = "",
    rules: RuleSet | None = None,
    action: str = ACTION,
) -> list[Mapping[str, list[str]]]:
    """Does the same for several persons, or for several tumors, at once; gives the changes of each in their order."""
    if not rows:
        return []
    if len(rows) > 1:
        accounts.load(session, rows)
    changed = write_many(session, rows, *decide_many(session, rows, rules), who=who, why=why, action=action)
    if rows[0].__tablename__ == PATIENT:
        linked = [row.id for row in rows if len(accounts.rows_of(row)) > 1]
        numbers = central.central_numbers(session, central.of_several(session, linked), {})
        _number(session, numbers, who=who, why=why)
    return changed


def write_many(
    session: Session,
    rows: Sequence[Patient | Tumor],
    made: Sequence[Made],
    numbers: Numbers,
    *,
    who: str,
    why: str,
    action: str = ACTION,
) -> list[Mapping[str, list[str]]]:
    """Writes what was decided of rows of one chain, and the central sequence of their persons' other tumors."""
    if not rows:
        return []
    _keep_open(session, rows, [found for _, found in made])
    changed = _write_many(session, rows, [items for items, _ in made], who=who, why=why, action=action)
    _number(session, numbers, who=who, why=why)
    return changed


def _number(session: Session, numbers: Numbers, *, who: str, why: str) -> None:
    """Writes the central sequence of tumors that have another."""
    if not numbers:
        return
    tumors = session.scalars(select(Tumor).where(Tumor.id.in_(numbers)).order_by(Tumor.id)).all()
    rows = [tumor for tumor in tumors if tumor.items.get(central.ITEM) != numbers[tumor.id]]
    items = [{**tumor.items, central.ITEM: numbers[tumor.id]} for tumor in rows]
    _write_many(session, rows, items, who=who, why=why or "sequence of tumors", action=ACTION)


def open_values(session: Session, chain: str, rows: Iterable[int]) -> list[OpenValue]:
    """Gives the values that are kept as left open of some rows."""
    query = select(OpenValue).where(OpenValue.chain == chain, OpenValue.row_id.in_(list(rows)))
    return list(session.scalars(query))


def _keep_open(session: Session, rows: Sequence[Patient | Tumor], found: Sequence[Sequence[Part]]) -> None:
    """Keeps the list of values that the rules leave to a person: what was decided leaves it, what came is added."""
    chain = rows[0].__tablename__
    wanted = {
        (row.id, item): part.rule.id for row, made_of in zip(rows, found) for part in made_of for item in part.open
    }
    gone = False
    for waiting in open_values(session, chain, [row.id for row in rows]):
        if wanted.get((waiting.row_id, waiting.item)) == waiting.rule:
            del wanted[waiting.row_id, waiting.item]
        else:
            session.delete(waiting)
            gone = True
    if gone:
        session.flush()
    session.add_all(
        OpenValue(chain=chain, row_id=row_id, item=item, rule=rule) for (row_id, item), rule in wanted.items()
    )


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, list[str]]:
    """Gives by item what was and what is, where they differ."""
    if before == after:
        return {}
    return {n: [before.get(n, ""), after.get(n, "")] for n in {*before, *after} if before.get(n) != after.get(n)}


def _write_many(
    session: Session,
    rows: Sequence[Patient | Tumor],
    items: Sequence[Items],
    *,
    who: str,
    why: str,
    action: str,
) -> list[Mapping[str, list[str]]]:
    """Writes items and columns where they differ, and seals all of them at once."""
    found: list[Mapping[str, list[str]]] = [differences(row.items, fresh) for row, fresh in zip(rows, items)]
    written = []
    for row, fresh, changed in zip(rows, items, found):
        if changed:
            row.items = fresh
            columns = patient_columns if isinstance(row, Patient) else tumor_columns
            for column, value in fitted(type(row), columns(fresh)).items():
                setattr(row, column, value)
            written.append((row, changed))
    if written:
        session.flush()
        links = [(row.id, row.version_id, dict(changed)) for row, changed in written]
        audit.append_many(session, written[0][0].__tablename__, links, action=action, who=who, why=why)
    return found
