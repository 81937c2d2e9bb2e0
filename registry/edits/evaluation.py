"""Running edits on abstracts of the store, and keeping what they say.

Edits of one record read the facility's own account: the abstract with its source's record of the person. Edits between
records read one account of each of the patient's tumors: of the tumor at hand the abstract itself, of the others the first.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from abstracting.edits.engine import EditSet, make_set
from abstracting.edits.patients import BETWEEN_PATIENTS
from abstracting.edits.records import EditRecord
from abstracting.edits.results import OVERRIDDEN, EditResult
from abstracting.edits.rules import built_in, read_rule_file
from abstracting.errors import AbstractingError
from registry import audit
from registry.config import Settings
from registry.models import Abstract, EditFinding, EditOverride, PatientRecord, now
from registry.models import edits as states

RULES_FILE = "edits.toml"
"""The site's own rules, in the data folder."""

NOT_OF_STORE = ("ITM22/40", "ITM22/unique")
"""What the store answers for itself: whose registry it is, and that no tumor number stands twice in a source's record.

Two sources of one person number their tumors each from 01: that is no contradiction.
"""

CANREG_BASIS = "90004"
"""The item that every tumor in the CanReg layout has: its basis of diagnosis as coded there."""

REVIEWS = "edit_override"
"""Name of the audit chain of reviews."""


def site_set(settings: Settings | None, name: str = "all", *, today: dt.date | None = None) -> EditSet:
    """Gives a set of edits with the rules of the site's file `edits.toml` in the data folder, where there is one."""
    path = settings.home / RULES_FILE if settings is not None else None
    if path is None or not path.is_file():
        return set_of_file(name, None, 0, today)
    return set_of_file(name, path, path.stat().st_mtime_ns, today)


def set_in_force(session: Session) -> EditSet:
    """Gives the set that judges while people work: a site's file that cannot be read is left out, see `site_fault`."""
    settings = session.info.get("settings")
    try:
        return site_set(settings)
    except AbstractingError:
        return set_of_file("all", None, 0, None)


def site_fault(settings: Settings) -> str:
    """Gives what is wrong with the site's file of rules, "" when it is in force or there is none."""
    try:
        site_set(settings)
    except AbstractingError as error:
        return f"{error.message} ({error.where})" if error.where else error.message
    return ""


@lru_cache(maxsize=16)
def set_of_file(name: str, rules: Path | None, stamp: int, today: dt.date | None) -> EditSet:
    """A set for the store; a rules file that was changed (another stamp) is read anew."""
    site = None if rules is None else read_rule_file(rules, built_in().lists)
    return make_set(name, site=site, today=today).without(*NOT_OF_STORE)


def items_of(abstract: Abstract) -> dict[int, str]:
    """Gives the coded items of an abstract with its source's record of the person, by number."""
    merged = {int(number): value for number, value in {**abstract.record.items, **abstract.items}.items()}
    return _with_numbers(merged, abstract)


def _with_numbers(items: Mapping[int, str], abstract: Abstract) -> dict[int, str]:
    # the store keeps these apart from the items, where a file left them to the root or to the importer
    return {20: abstract.record.patient_id_number, 60: abstract.tumor_record_number} | {
        n: v for n, v in items.items() if v
    }


def is_of_canreg(items: Iterable[object]) -> bool:
    """Tells whether a record came in the CanReg layout, which carries few items: the set `canreg` judges it."""
    return any(str(number) == CANREG_BASIS for number in items)


def applies(edits: EditSet, rule: str, of_canreg: bool) -> bool:
    """Tells whether a rule judges a record: of the CanReg layout the set `canreg`, what it holds, and the site's rules."""
    told = edits.rule(rule)
    return not of_canreg or bool(told.sets & {"canreg", "site"}) or rule.startswith(("COD", "DTE", "SSD"))


def check_abstract(
    session: Session,
    abstract: Abstract,
    *,
    items: Mapping[int, str] | None = None,
    changed: Iterable[int] | None = None,
    edits: EditSet | None = None,
) -> list[EditResult]:
    """Gives what fails, or was let stand, in one abstract, with the edits between the patient's tumors; keeps nothing.

    `items` are the abstract's items as somebody types them, where they are not those that are kept. `changed` limits the
    edits of the record to those that read these items; edits between records then run only when one of their items is
    among them.
    """
    edits = edits or set_in_force(session)
    # while no review is known, the override items of the record count
    standing = {o.rule: o.fingerprint for o in _standing(session, [abstract.id])} or None
    record = edits.prepared(items_of(abstract) if items is None else _with_numbers(items, abstract))
    found = edits.check_record(record, changed=changed, overrides=standing)
    wanted = None if changed is None else frozenset(changed)
    if wanted is None or any(wanted.intersection(rule.items) for rule in edits.between):
        found += _between(session, abstract, record, edits, standing)
        found += _between_patients(session, abstract, record, edits, standing)
    of_canreg = is_of_canreg(record.items)
    return [result for result in found if applies(edits, result.rule, of_canreg)]


def _between(
    session: Session, abstract: Abstract, record: EditRecord, edits: EditSet, standing: Mapping[str, str] | None = None
) -> list[EditResult]:
    """Results of the edits between tumors for an abstract; none for one that does not stand for its tumor."""
    accounts = accounts_of(session, abstract.record.patient_id)
    if abstract.id not in {one.id for one in accounts}:
        return []
    records = [record if one.id == abstract.id else edits.prepared(items_of(one)) for one in accounts]
    reviews = [standing if one is record else None for one in records]
    at = next(place for place, one in enumerate(records) if one is record)
    return edits.check_between(records, reviews)[at]


def _between_patients(
    session: Session, abstract: Abstract, record: EditRecord, edits: EditSet, standing: Mapping[str, str] | None
) -> list[EditResult]:
    """Results of the edits between patients for an abstract, let stand where a review of these values holds."""
    from registry.edits import strangers

    if not any(rule.between == BETWEEN_PATIENTS for rule in edits.between):
        return []
    if not strangers.is_alike(session, abstract, record):
        return []
    found = strangers.results(session, abstract, record, edits)
    told = standing or {}
    return [replace(one, outcome=OVERRIDDEN) if told.get(one.rule) == one.fingerprint else one for one in found]


def accounts_of(session: Session, patient_id: int) -> list[Abstract]:
    """Gives the first abstract of each of a patient's tumors: it stands for the tumor in edits between records."""
    query = (
        select(Abstract)
        .join(PatientRecord, Abstract.record_id == PatientRecord.id)
        .where(PatientRecord.patient_id == patient_id)
        .order_by(Abstract.id)
    )
    first: dict[int, Abstract] = {}
    for one in session.scalars(query):
        first.setdefault(one.tumor_id, one)
    return list(first.values())


def _standing(session: Session, abstracts: Sequence[int]) -> list[EditOverride]:
    query = select(EditOverride).where(EditOverride.abstract_id.in_(abstracts), EditOverride.ended_at.is_(None))
    return list(session.scalars(query))


# --- keeping results --------------------------------------------------------------------------------------------------


@dataclass
class Kept:
    """What was found on one abstract, brought together with what is kept of it."""

    abstract_id: int
    found: list[EditResult]


def run_on_abstract(
    session: Session, abstract: Abstract, *, edits: EditSet | None = None, others: bool = True
) -> list[EditFinding]:
    """Evaluates an abstract, keeps the results and gives the findings that stand open.

    With `others` the edits between records are also brought up to date on the patient's other tumors. An override whose
    values changed is ended and its override item cleared: read the abstract's version after this.
    """
    edits = edits or set_in_force(session)
    record = edits.prepared(items_of(abstract))
    of_canreg = is_of_canreg(record.items)
    found = [*edits.check_record(record), *_between(session, abstract, record, edits)]
    several = [Kept(abstract.id, [result for result in found if applies(edits, result.rule, of_canreg)])]
    keep_results(session, several, frozenset(rule.id for rule in edits.rules if rule.between != BETWEEN_PATIENTS))
    if others:
        between = frozenset(rule.id for rule in edits.between if rule.between != BETWEEN_PATIENTS)
        for other in accounts_of(session, abstract.record.patient_id):
            if other.id != abstract.id:
                theirs = edits.prepared(items_of(other))
                keep_results(session, [Kept(other.id, _between(session, other, theirs, edits))], between)
    session.flush()
    query = select(EditFinding).where(EditFinding.abstract_id == abstract.id, EditFinding.state == states.OPEN)
    return list(session.scalars(query.order_by(EditFinding.severity, EditFinding.rule)))


def run_on_patient(session: Session, patient_id: int, *, edits: EditSet | None = None) -> int:
    """Evaluates every abstract of a patient and keeps the results; gives how many abstracts there were."""
    edits = edits or set_in_force(session)
    query = select(Abstract).join(PatientRecord, Abstract.record_id == PatientRecord.id)
    abstracts = list(session.scalars(query.where(PatientRecord.patient_id == patient_id).order_by(Abstract.id)))
    accounts: dict[int, EditRecord] = {}
    several: dict[int, list[EditResult]] = {}
    for abstract in abstracts:
        record = edits.prepared(items_of(abstract))
        accounts.setdefault(abstract.tumor_id, record)
        of_canreg = is_of_canreg(record.items)
        several[abstract.id] = [one for one in edits.check_record(record) if applies(edits, one.rule, of_canreg)]
    first = {tumor: next(a.id for a in abstracts if a.tumor_id == tumor) for tumor in accounts}
    for tumor, found in zip(accounts, edits.check_between(list(accounts.values()))):
        of_canreg = is_of_canreg(accounts[tumor].items)
        several[first[tumor]] += [result for result in found if applies(edits, result.rule, of_canreg)]
    rules = frozenset(rule.id for rule in edits.rules if rule.between != BETWEEN_PATIENTS)
    keep_results(session, [Kept(number, found) for number, found in several.items()], rules)
    session.flush()
    return len(abstracts)


def keep_results(session: Session, several: Sequence[Kept], rules: frozenset[str]) -> None:
    """Writes findings and reviews of some abstracts; `rules` are those that were evaluated."""
    ids = [one.abstract_id for one in several]
    standing = {(o.abstract_id, o.rule): o for o in _standing(session, ids)}
    query = select(EditFinding).where(EditFinding.abstract_id.in_(ids))
    kept = {(f.abstract_id, f.rule): f for f in session.scalars(query)}
    at = now()
    fresh: list[dict[str, Any]] = []
    for one in several:
        seen = set()
        for result in one.found:
            key = (one.abstract_id, result.rule)
            seen.add(result.rule)
            state = _reviewed(session, one.abstract_id, result, standing.get(key), at)
            finding = kept.get(key)
            if finding is None:
                fresh.append(_row(one.abstract_id, result, state, at))
            else:
                _update(finding, result, state, at)
        for (abstract_id, rule), finding in kept.items():
            gone = abstract_id == one.abstract_id and rule in rules and rule not in seen
            if gone and finding.state != states.CLEARED:
                finding.state, finding.changed_at = states.CLEARED, at
    if fresh:
        session.execute(insert(EditFinding), fresh)


def _row(abstract_id: int, result: EditResult, state: str, at: dt.datetime) -> dict[str, Any]:
    return {
        "abstract_id": abstract_id,
        "rule": result.rule,
        "edit": result.edit,
        "severity": result.severity,
        "items": _texts(result.items),
        "message": result.message,
        "fingerprint": result.fingerprint,
        "state": state,
        "first_seen": at,
        "changed_at": at,
    }


def _update(finding: EditFinding, result: EditResult, state: str, at: dt.datetime) -> None:
    items = _texts(result.items)
    if finding.fingerprint != result.fingerprint or finding.items != items or finding.message != result.message:
        finding.items, finding.message, finding.fingerprint = items, result.message, result.fingerprint
    if finding.severity != result.severity:
        finding.severity = result.severity
    if finding.state != state:
        finding.state, finding.changed_at = state, at


def _texts(items: Mapping[int, str]) -> dict[str, str]:
    return {str(number): value for number, value in items.items()}


def _reviewed(
    session: Session, abstract_id: int, result: EditResult, review: EditOverride | None, at: dt.datetime
) -> str:
    """The state of a failing edit: overridden while a review of these values holds; a review of other values ends."""
    if review is not None and review.fingerprint == result.fingerprint:
        return states.OVERRIDDEN
    if review is not None:
        review.ended_at, review.ended_why = at, "a value changed"
        session.flush()
        summary = {result.rule: [review.reason, ""]}
        audit.append(session, REVIEWS, review.id, "end", summary, who="oncoregistry", why=review.ended_why)
        _clear_override_item(session, abstract_id, result)
        return states.OPEN
    if result.outcome != OVERRIDDEN:
        return states.OPEN
    ended = select(EditOverride.id).where(EditOverride.abstract_id == abstract_id, EditOverride.rule == result.rule)
    if session.scalar(ended.limit(1)) is not None or _is_of_another_review(session, abstract_id, result):
        # the item was set by a review that ended, or by one of another edit: nobody has looked at this one
        return states.OPEN
    session.add(
        EditOverride(
            abstract_id=abstract_id,
            rule=result.rule,
            reviewer=_came_with(result.override_item),
            reason="the record came with its override item set",
            fingerprint=result.fingerprint,
            items=_texts(result.items),
            at=at,
        )
    )
    return states.OVERRIDDEN


def _came_with(item: int | None) -> str:
    """The reviewer of a record that came with its override item set."""
    return f"item {item}"


def reviews_on_item(session: Session, abstract_id: int, item: int) -> list[EditOverride]:
    """Gives the reviews of an abstract that hold and stand on an override item."""
    edits = set_in_force(session)
    told = {rule.id for rule in edits.rules if rule.override is not None and rule.override.number == item}
    return [review for review in _standing(session, [abstract_id]) if review.rule in told]


def _is_of_another_review(session: Session, abstract_id: int, result: EditResult) -> bool:
    number = result.override_item
    if number is None:
        return False
    session.flush()
    return any(review.reviewer != _came_with(number) for review in reviews_on_item(session, abstract_id, number))


def _clear_override_item(session: Session, abstract_id: int, result: EditResult) -> None:
    """Takes back the override item of a review that ended, unless another review of the abstract stands on it."""
    from registry import records

    if result.override_item is None:
        return
    session.flush()
    if not reviews_on_item(session, abstract_id, result.override_item):
        why = f"override of {result.rule} ended: a value changed"
        records.save(session, abstract_id, {result.override_item: ""}, who="oncoregistry", why=why)
