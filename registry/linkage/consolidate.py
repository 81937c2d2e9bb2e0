"""The registry's knowledge from the sources' accounts: one rule an item, the same result in whatever order they arrived.

Accounts are ranked (analytic class of case first, then completeness, then age of the account); the first account with a
value gives it. With one account the result is that account. Nothing of an account is ever overwritten: moving an account
to another patient or tumor and refreshing both restores what was.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Session

from registry import audit
from registry.models import Abstract, Patient, PatientRecord, Tumor
from registry.models.base import Items
from registry.projection import fitted, patient_columns, tumor_columns

ANALYTIC = frozenset({"00", *(str(n) for n in range(10, 23))})
BY_LATEST = frozenset({"1750", "1760"})
"""Items of the person that change together and follow the account with the latest date of last contact."""


def consolidate_patient(records: Iterable[PatientRecord]) -> Items:
    """Gives the patient's items from the accounts of all sources; vital status and its date follow the latest contact."""
    accounts = sorted(records, key=lambda r: (-len(r.items), r.source_id, r.patient_id_number))
    merged = _first_value([r.items for r in accounts])
    dated = [r.items for r in accounts if r.items.get("1750")]
    if dated:
        dead = [items for items in dated if items.get("1760") == "0"]
        latest = max(dead or dated, key=lambda items: items["1750"])
        for number in BY_LATEST:
            if number in latest:
                merged[number] = latest[number]
    return merged


def consolidate_tumor(abstracts: Iterable[Abstract]) -> Items:
    """Gives the tumor's items from the abstracts of all facilities, analytic ones first."""
    ranked = sorted(abstracts, key=_rank)
    return _first_value([a.items for a in ranked])


def _rank(abstract: Abstract) -> tuple[Any, ...]:
    analytic = abstract.items.get("610") in ANALYTIC
    return (not analytic, -len(abstract.items), abstract.record_id, abstract.tumor_record_number)


def _first_value(accounts: list[Items]) -> Items:
    merged: Items = {}
    for items in accounts:
        for number, value in items.items():
            merged.setdefault(number, value)
    return merged


def refresh_patient(session: Session, patient: Patient, *, who: str, why: str = "") -> None:
    """Writes the consolidated items and columns of a patient and seals a revision when anything changed."""
    _refresh(session, "patient", patient, consolidate_patient(patient.records), patient_columns, who, why)


def refresh_tumor(session: Session, tumor: Tumor, *, who: str, why: str = "") -> None:
    """Writes the consolidated items and columns of a tumor and seals a revision when anything changed."""
    _refresh(session, "tumor", tumor, consolidate_tumor(tumor.abstracts), tumor_columns, who, why)


def _refresh(
    session: Session, chain: str, row: Patient | Tumor, items: Items, columns: Any, who: str, why: str
) -> None:
    before = row.items
    changed = {n: [before.get(n, ""), items.get(n, "")] for n in {*before, *items} if before.get(n) != items.get(n)}
    if not changed:
        return
    row.items = items
    for column, value in fitted(type(row), columns(items)).items():
        setattr(row, column, value)
    session.flush()
    audit.append(session, chain, row.id, "consolidate", changed, who=who, why=why, version=row.version_id)
