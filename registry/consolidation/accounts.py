"""From rows to accounts: what a source says, named and ordered by where it comes from and never by when it came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from registry.consolidation.values import PATIENT, TUMOR, Account, Choice
from registry.models import Abstract, ConsolidationChoice, Patient, PatientRecord, Source, Tumor

TABLES = {PATIENT: "patient_record", TUMOR: "abstract"}
"""The table of the accounts of each chain."""

ROWS: dict[str, Any] = {PATIENT: Patient, TUMOR: Tumor}


def load(session: Session, rows: Iterable[Patient | Tumor]) -> None:
    """Reads the accounts of persons, or of tumors, with their sources all at once, where they are not read yet."""
    rows = list(rows)
    model = type(rows[0])
    query = select(model).where(model.id.in_([row.id for row in rows])).options(*loads(model.__tablename__))
    session.scalars(query).all()


def loads(chain: str) -> list[Any]:
    """What a query of a chain reads along, so that accounts can be made of its rows."""
    source = selectinload(PatientRecord.source).selectinload(Source.facility)
    if chain == PATIENT:
        return [selectinload(Patient.records).options(source)]
    record = selectinload(Abstract.record).options(source)
    return [selectinload(Tumor.abstracts).options(record, selectinload(Abstract.facility))]


def rows_of(row: Patient | Tumor) -> list[Any]:
    """The rows whose accounts make up a person or tumor."""
    return list(row.records if isinstance(row, Patient) else row.abstracts)


def account_of(row: PatientRecord | Abstract) -> Account:
    """Gives a row as an account."""
    record = row.record if isinstance(row, Abstract) else row
    source = record.source
    facility = (row.facility if isinstance(row, Abstract) else None) or source.facility
    name = (facility.name if facility else "") or source.name or source.facility_number or "unspecified"
    key = (source.registry_id, source.facility_number, source.name, record.patient_id_number)
    return Account(
        table=row.__tablename__,
        id=row.id,
        name=name,
        key=(*key, row.tumor_record_number) if isinstance(row, Abstract) else key,
        items=row.items,
        kind=facility.kind if facility else "",
        facility=facility.number if facility else source.facility_number,
    )


def accounts_of(rows: Iterable[PatientRecord | Abstract]) -> list[Account]:
    """Gives rows as accounts; several of one name are told apart by their numbers."""
    found = [account_of(row) for row in rows]
    names = [account.name for account in found]
    return [
        account if names.count(account.name) == 1 else _renamed(account, f"{account.name}, {_number(account)}")
        for account in found
    ]


def _number(account: Account) -> str:
    return f"{account.get(550)}/{account.get(560)}" if account.get(550) else "number " + account.key[-1]


def _renamed(account: Account, name: str) -> Account:
    return replace(account, name=name)


def choices_of(session: Session, chain: str, ids: Iterable[int]) -> list[Choice]:
    """Gives the standing choices of a chain that belong to the accounts."""
    query = select(ConsolidationChoice).where(
        ConsolidationChoice.chain == chain,
        ConsolidationChoice.account_table == TABLES[chain],
        ConsolidationChoice.account_id.in_(list(ids)),
        ConsolidationChoice.undone_at.is_(None),
    )
    return [choice_of(row) for row in session.scalars(query)]


def choice_of(row: ConsolidationChoice) -> Choice:
    """Gives a row as a choice."""
    return Choice(
        id=row.id,
        item=row.item,
        value=row.value,
        account=(row.account_table, row.account_id),
        who=row.who,
        at=row.at,
        why=row.why,
    )
