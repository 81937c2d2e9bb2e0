"""Applying the held-back changes of an import: the source's account is replaced, what a person edited here is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.exchange.incoming import Noticed
from registry.exchange.writing import LOADED, RECEIVED
from registry.followup.resent import ask_once, compare_accounts
from registry.items import is_text
from registry.linkage.consolidate import refresh_patient, refresh_tumor
from registry.models import Abstract, AbstractText, ImportChange, Patient, PatientRecord, Revision
from registry.projection import abstract_columns, fitted

CHUNK = 500


def apply_changes(session: Session, batch_id: int, *, who: str, why: str) -> list[Noticed]:
    """Applies all held-back changes of a batch; gives a notice for each item that was kept because a person edited it."""
    notices: list[Noticed] = []
    patients: set[int] = set()
    for table, model in (("patient_record", PatientRecord), ("abstract", Abstract)):
        for held in _held(session, batch_id, table):
            notices += _apply(session, table, model, held, who, why, patients)
    patients |= {change.row_id for held in _held(session, batch_id, "patient") for change in held.values()}
    for patient in session.scalars(select(Patient).where(Patient.id.in_(patients)).execution_options(see_loading=True)):
        refresh_patient(session, patient, who=who, why=why)
    return notices


def _held(session: Session, batch_id: int, table: str) -> Iterator[dict[int, ImportChange]]:
    query = select(ImportChange).where(ImportChange.batch_id == batch_id, ImportChange.table_name == table)
    changes = list(session.scalars(query.order_by(ImportChange.row_id)))
    for start in range(0, len(changes), CHUNK):
        yield {change.row_id: change for change in changes[start : start + CHUNK]}


def _apply(
    session: Session,
    table: str,
    model: Any,
    held: dict[int, ImportChange],
    who: str,
    why: str,
    patients: set[int],
) -> list[Noticed]:
    edited = _edited_here(session, table, list(held))
    rows = session.scalars(
        select(model).where(model.id.in_(held)).with_for_update().execution_options(see_loading=True)
    ).all()
    notices, links = [], []
    for row in rows:
        incoming = dict(held[row.id].items)
        row.digest = incoming.pop("digest")
        before = _content(row)
        kept = {n for n in edited.get(row.id, ()) if before.get(n) != incoming.get(n)}
        quiet: frozenset[str] = frozenset()
        if isinstance(row, PatientRecord):
            told = compare_accounts(before, incoming, source=why)
            kept = (kept - told.take) | {n for n in told.keep if before.get(n, "") != incoming.get(n, "")}
            if told.news is not None:
                ask_once(session, row, told.news, told.reason, who=who)
            stays, quiet = sorted(kept & told.keep), told.keep
            if stays:
                word = "waits for a review" if told.news is not None else "keeps its last contact"
                notices.append(Noticed(0, "contact", f"{table} {row.id} {word}: {told.reason}", int(stays[0])))
        for n in sorted((kept & edited.get(row.id, set())) - quiet):
            text = f"{table} {row.id}: item {n} was edited here and keeps {before.get(n, '')!r}, not {incoming.get(n, '')!r}"
            notices.append(Noticed(0, "edited-here", text, int(n)))
        kept |= {n for n in (RECEIVED, LOADED) if n in before and n not in incoming}
        after = {n: v for n, v in incoming.items() if n not in kept} | {n: before[n] for n in kept if n in before}
        changed = {n: [before.get(n, ""), after.get(n, "")] for n in {*before, *after} if before.get(n) != after.get(n)}
        if not changed:
            continue
        _write(row, after)
        links.append((row.id, row.version_id + 1, changed))
        if isinstance(row, PatientRecord):
            patients.add(row.patient_id)
    session.flush()
    audit.append_many(session, table, links, action="import", who=who, why=why)
    if model is Abstract:
        for tumor in {row.tumor for row in rows}:
            refresh_tumor(session, tumor, who=who, why=why)
    return notices


def _content(row: Any) -> dict[str, str]:
    items = dict(row.items)
    if isinstance(row, Abstract):
        items.update({str(text.item): text.text for text in row.texts})
    return items


def _write(row: Any, items: dict[str, str]) -> None:
    if not isinstance(row, Abstract):
        row.items = items
        return
    texts = {n: v for n, v in items.items() if is_text(int(n))}
    row.items = {n: v for n, v in items.items() if n not in texts}
    kept = {str(text.item): text for text in row.texts}
    for n, text in kept.items():
        if n not in texts:
            row.texts.remove(text)
    for n, value in texts.items():
        if n in kept:
            kept[n].text = value
        else:
            row.texts.append(AbstractText(item=int(n), text=value))
    for column, value in fitted(Abstract, abstract_columns(row.items)).items():
        setattr(row, column, value)


def _edited_here(session: Session, table: str, ids: list[int]) -> dict[int, set[str]]:
    query = select(Revision.row_id, Revision.changes).where(
        Revision.chain == table, Revision.row_id.in_(ids), Revision.action == "change"
    )
    edited: dict[int, set[str]] = {}
    for row_id, changes in session.execute(query):
        edited.setdefault(row_id, set()).update(changes)
    return edited
