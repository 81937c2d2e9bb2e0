"""Saving and reading the accounts of sources: who changed which item, why, from what, and how to take it back.

A save goes through here whether it comes from the editor, from a batch correction or from an undo. It changes the items of
an abstract (tumor level) and of its patient record (patient level), refreshes the consolidated rows, and seals revisions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.errors import RegistryError
from registry.items import is_patient_level, is_text, known
from registry.linkage.consolidate import refresh_patient, refresh_tumor
from registry.models import Abstract, AbstractText, PatientRecord, Revision
from registry.projection import abstract_columns, fitted


@dataclass(frozen=True)
class Difference:
    """One item in a conflict: what both began with, what was saved meanwhile, what the second saver wants."""

    number: int
    base: str
    theirs: str
    mine: str


@dataclass(frozen=True)
class Saved:
    """What a save did: the new version of the abstract and the items that changed, `{number: (old, new)}`."""

    version: int
    changes: dict[int, tuple[str, str]] = field(default_factory=dict)


class Conflict(RegistryError):
    """Somebody saved the same abstract meanwhile; carries the three-way view, and nothing typed is lost."""

    def __init__(self, differences: list[Difference], who: str, version: int):
        super().__init__(
            "conflict", f"{who} saved this abstract meanwhile", hint="compare the items and save again", exit_code=1
        )
        self.differences, self.who, self.version = differences, who, version


def all_items(abstract: Abstract) -> dict[int, str]:
    """Gives every item of an abstract with its patient's and its texts, by number."""
    merged: dict[str, str] = {**abstract.record.items, **abstract.items}
    view = {int(number): value for number, value in merged.items()}
    view.update({text.item: text.text for text in abstract.texts})
    return view


def save(
    session: Session,
    abstract_id: int,
    changes: Mapping[int, str],
    *,
    who: str,
    why: str = "",
    expected_version: int | None = None,
) -> Saved:
    """Saves items of an abstract (blank removes one); unknown items, over-long values and conflicts are errors."""
    abstract = session.get(Abstract, abstract_id)
    if abstract is None:
        raise RegistryError("not-found", f"there is no abstract {abstract_id}")
    before = all_items(abstract)
    wanted = {n: v.strip() if not is_text(n) else v for n, v in changes.items()}
    check_values(wanted)
    changed = {n: (before.get(n, ""), v) for n, v in wanted.items() if before.get(n, "") != v}
    if expected_version is not None and expected_version != abstract.version_id:
        _raise_conflict(session, abstract, before, changed, expected_version)
    if not changed:
        return Saved(abstract.version_id)
    person = {n: c for n, c in changed.items() if is_patient_level(n)}
    tumor = {n: c for n, c in changed.items() if n not in person}
    if person:
        record = abstract.record
        record.items = _applied(record.items, person)
        _seal(session, "patient_record", record, person, who, why)
    _apply_texts(abstract, {n: c for n, c in tumor.items() if is_text(n)})
    abstract.items = _applied(abstract.items, {n: c for n, c in tumor.items() if not is_text(n)})
    for column, value in fitted(Abstract, abstract_columns(abstract.items)).items():
        setattr(abstract, column, value)
    # a change of the person or of a text alone must raise the version too: the editor's next save compares it
    abstract.updated_at = audit.now()
    _seal(session, "abstract", abstract, changed, who, why)
    session.flush()
    if person:
        refresh_patient(session, abstract.record.patient, who=who, why=why)
    refresh_tumor(session, abstract.tumor, who=who, why=why)
    session.flush()
    return Saved(abstract.version_id, changed)


def check_values(values: Mapping[int, str]) -> None:
    """Raises one error that names every item which is unknown or longer than the standard allows."""
    faults = []
    for number, value in values.items():
        item = known(number)
        if item is None:
            faults.append(f"item {number} is not in the standard")
        elif len(value) > item.length:
            faults.append(f"item {number} holds {len(value)} characters, at most {item.length} fit")
    if faults:
        raise RegistryError("item-value", "; ".join(faults), hint="correct these items and save again")


def history(session: Session, chain: str, row_id: int) -> list[Revision]:
    """Gives the revisions of one row, newest first."""
    query = select(Revision).where(Revision.chain == chain, Revision.row_id == row_id)
    return list(session.scalars(query.order_by(Revision.number.desc())))


def values_after(session: Session, abstract_id: int, number: int) -> dict[int, str]:
    """Gives the items that were changed after a revision, with what they were right after it."""
    back: dict[int, str] = {}
    for revision in history(session, "abstract", abstract_id):
        if revision.number > number:
            back.update({int(item): old for item, (old, _new) in revision.changes.items()})
    return back


def undo_to(
    session: Session,
    abstract_id: int,
    number: int,
    *,
    who: str,
    expected_version: int | None = None,
    without: Collection[int] = (),
) -> Saved:
    """Brings an abstract back to what it was right after the given revision, as a new revision; `without` items stay."""
    back = {n: old for n, old in values_after(session, abstract_id, number).items() if n not in without}
    why = f"undo to revision {number}"
    return save(session, abstract_id, back, who=who, why=why, expected_version=expected_version)


def _applied(items: dict[str, str], changed: Mapping[int, tuple[str, str]]) -> dict[str, str]:
    fresh = dict(items)
    for number, (_old, new) in changed.items():
        if new:
            fresh[str(number)] = new
        else:
            fresh.pop(str(number), None)
    return fresh


def _apply_texts(abstract: Abstract, changed: Mapping[int, tuple[str, str]]) -> None:
    kept = {text.item: text for text in abstract.texts}
    for number, (_old, new) in changed.items():
        if not new:
            abstract.texts.remove(kept[number])
        elif number in kept:
            kept[number].text = new
        else:
            abstract.texts.append(AbstractText(item=number, text=new))


def _seal(
    session: Session,
    chain: str,
    row: Abstract | PatientRecord,
    changed: Mapping[int, tuple[str, str]],
    who: str,
    why: str,
) -> None:
    session.flush()
    summary: dict[str, Any] = {str(n): [old, new] for n, (old, new) in changed.items()}
    audit.append(session, chain, row.id, "change", summary, who=who, why=why, version=row.version_id)


def _raise_conflict(
    session: Session, abstract: Abstract, now: dict[int, str], mine: Mapping[int, tuple[str, str]], base_version: int
) -> None:
    later = [r for r in history(session, "abstract", abstract.id) if r.version > base_version]
    base = dict(now)
    for revision in later:
        for item, (old, _new) in revision.changes.items():
            base[int(item)] = old
    touched = sorted({int(item) for revision in later for item in revision.changes} | set(mine))
    differences = [
        Difference(n, base.get(n, ""), now.get(n, ""), mine[n][1] if n in mine else base.get(n, "")) for n in touched
    ]
    who = later[0].who if later else "somebody"
    raise Conflict(differences, who, abstract.version_id)
