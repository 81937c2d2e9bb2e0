"""Running edits on abstracts of the store, and keeping what they say.

Edits of one record read the facility's own account: the abstract with its source's record of the person. Edits between
records read one account of each of the patient's tumors: of the tumor at hand the abstract itself, of the others the first.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from abstracting.edits.batch import BatchResult, PersonKey, check_frame
from abstracting.edits.engine import EditSet, make_set
from abstracting.edits.indicators import indicators
from abstracting.edits.patients import BETWEEN_PATIENTS
from abstracting.edits.records import EditRecord
from abstracting.edits.results import FAIL, OVERRIDDEN, EditResult
from abstracting.edits.rules import built_in, read_rule_file
from abstracting.edits.summary import EditReport
from registry.config import Settings
from registry.db import Store
from registry.edits.files import items_read
from registry.models import Abstract, EditFinding, EditOverride, Facility, Patient, PatientRecord, now
from registry.models import edits as states

RULES_FILE = "edits.toml"
"""The site's own rules, in the data folder."""

NOT_OF_STORE = ("ITM22/40",)
CANREG_BASIS = "90004"
"""The item that every tumor in the CanReg layout has: its basis of diagnosis as coded there."""

PATIENTS_AT_ONCE = 20_000
ROWS_A_TRANSACTION = 2_000
PERSON, TUMOR, ABSTRACT = "person", "tumor", "abstract"

Report = Callable[[float, str], Any]


def site_set(settings: Settings | None, name: str = "all", *, today: dt.date | None = None) -> EditSet:
    """Gives a set of edits with the rules of the site's file `edits.toml` in the data folder, where there is one."""
    path = settings.home / RULES_FILE if settings is not None else None
    if path is None or not path.is_file():
        return _of_store(name, None, 0, today)
    return _of_store(name, path, path.stat().st_mtime_ns, today)


@lru_cache(maxsize=16)
def _of_store(name: str, rules: Path | None, stamp: int, today: dt.date | None) -> EditSet:
    """A set for the store; a rules file that was changed (another stamp) is read anew."""
    site = None if rules is None else read_rule_file(rules, built_in().lists)
    # whose registry it is says the store itself, not a record
    return make_set(name, site=site, today=today).without(*NOT_OF_STORE)


def items_of(abstract: Abstract) -> dict[int, str]:
    """Gives the coded items of an abstract with its source's record of the person, by number."""
    merged = {int(number): value for number, value in {**abstract.record.items, **abstract.items}.items()}
    # the store keeps these apart from the items, where a file left them to the root or to the importer
    merged.setdefault(20, abstract.record.patient_id_number)
    merged.setdefault(60, abstract.tumor_record_number)
    return merged


def is_of_canreg(items: Iterable[object]) -> bool:
    """Tells whether a record came in the CanReg layout, which carries few items: the set `canreg` judges it."""
    return any(str(number) == CANREG_BASIS for number in items)


def applies(edits: EditSet, rule: str, of_canreg: bool) -> bool:
    """Tells whether a rule judges a record: of the CanReg layout the set `canreg`, what it holds, and the site's rules."""
    told = edits.rule(rule)
    return not of_canreg or bool(told.sets & {"canreg", "site"}) or rule.startswith(("COD", "DTE", "SSD"))


def check_abstract(
    session: Session, abstract: Abstract, *, changed: Iterable[int] | None = None, edits: EditSet | None = None
) -> list[EditResult]:
    """Gives what fails, or was let stand, in one abstract, with the edits between the patient's tumors; keeps nothing.

    `changed` limits the edits of the record to those that read these items; edits between records then run only when one
    of their items is among them.
    """
    edits = edits or site_set(session.info.get("settings"))
    # while no review is known, the override items of the record count
    standing = {o.rule: o.fingerprint for o in _standing(session, [abstract.id])} or None
    record = edits.prepared(items_of(abstract))
    found = edits.check_record(record, changed=changed, overrides=standing)
    wanted = None if changed is None else frozenset(changed)
    if wanted is None or any(wanted.intersection(rule.items) for rule in edits.between):
        found += _between(session, abstract, record, edits, standing)
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
class _Kept:
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
    edits = edits or site_set(session.info.get("settings"))
    record = edits.prepared(items_of(abstract))
    of_canreg = is_of_canreg(record.items)
    found = [*edits.check_record(record), *_between(session, abstract, record, edits)]
    several = [_Kept(abstract.id, [result for result in found if applies(edits, result.rule, of_canreg)])]
    _keep(session, several, frozenset(rule.id for rule in edits.rules if rule.between != BETWEEN_PATIENTS))
    if others:
        between = frozenset(rule.id for rule in edits.between if rule.between != BETWEEN_PATIENTS)
        for other in accounts_of(session, abstract.record.patient_id):
            if other.id != abstract.id:
                theirs = edits.prepared(items_of(other))
                _keep(session, [_Kept(other.id, _between(session, other, theirs, edits))], between)
    session.flush()
    query = select(EditFinding).where(EditFinding.abstract_id == abstract.id, EditFinding.state == states.OPEN)
    return list(session.scalars(query.order_by(EditFinding.severity, EditFinding.rule)))


def _keep(session: Session, several: Sequence[_Kept], rules: frozenset[str]) -> None:
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
    edits = site_set(session.info.get("settings"))
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


# --- batch ------------------------------------------------------------------------------------------------------------


def run_batch(
    store: Store,
    report: Report = lambda share, message: None,
    *,
    name: str = "all",
    rules: Path | None = None,
    today: dt.date | None = None,
    facility: str = "",
    keep: int | None = 1000,
) -> EditReport:
    """Evaluates all abstracts of the store, or one facility's, keeps the results and gives the report.

    `keep` limits the findings listed in the report. Each part is written in transactions of its own, so that nobody waits.
    """
    edits = _of_store(name, rules, 0, today) if rules else site_set(store.settings, name, today=today)
    if facility:
        # one facility's abstracts do not show all tumors of a patient
        edits = edits.without(*(rule.id for rule in edits.between))
    summary = EditReport(edits, keep=keep)
    persons: dict[PersonKey, str] = {}
    small: list[pd.DataFrame] = []
    evaluated = frozenset(rule.id for rule in edits.rules)
    with store.reading() as session:
        last = session.scalar(select(Patient.id).order_by(Patient.id.desc()).limit(1)) or 0
    for done, frame in _frames(store, items_read(edits), facility):
        result = check_frame(frame, edits=edits, patient=PERSON, tumor=TUMOR, whole=True, persons=persons)
        result = _judged_by_layout(result)
        _write(store, frame, result, evaluated, summary)
        small.append(frame.drop_duplicates(TUMOR)[[PERSON, *(n for n in _INDICATOR_COLUMNS if n in frame)]])
        report(min(done / max(last, 1), 1.0), f"{summary.records:,} abstracts")
    if small:
        whole = pd.concat(small).fillna("")
        summary.indicators = indicators(whole, today=edits.today, patient=PERSON)
    return summary


_INDICATOR_COLUMNS = ("20", "240", "380", "390", "400", "500", "1750", "1760")


def _frames(store: Store, wanted: frozenset[int], facility: str) -> Iterator[tuple[int, pd.DataFrame]]:
    """Gives (last patient's id, frame) of the abstracts, all of a patient in one frame."""
    names = frozenset({CANREG_BASIS, *(str(number) for number in wanted)})
    after = 0
    while True:
        with store.reading() as session:
            ids = list(
                session.scalars(
                    select(Patient.id).where(Patient.id > after).order_by(Patient.id).limit(PATIENTS_AT_ONCE)
                )
            )
            if not ids:
                return
            query = (
                select(
                    PatientRecord.patient_id,
                    Abstract.tumor_id,
                    Abstract.id,
                    PatientRecord.items,
                    Abstract.items,
                    PatientRecord.patient_id_number,
                    Abstract.tumor_record_number,
                    Facility.number,
                )
                .join(PatientRecord, Abstract.record_id == PatientRecord.id)
                .outerjoin(Facility, Abstract.facility_id == Facility.id)
                .where(PatientRecord.patient_id > after, PatientRecord.patient_id <= ids[-1])
                .order_by(PatientRecord.patient_id, Abstract.id)
            )
            if facility:
                query = query.where(Facility.number == facility)
            frame = _frame(session.execute(query), names)
        after = ids[-1]
        if len(frame):
            yield after, frame


def _frame(rows: Iterable[Any], names: frozenset[str]) -> pd.DataFrame:
    fixed: dict[str, list[Any]] = {PERSON: [], TUMOR: [], ABSTRACT: []}
    columns: dict[str, list[str]] = {}
    for size, (person, tumor, abstract, of_person, of_tumor, number, tumor_number, facility) in enumerate(rows):
        fixed[PERSON].append(person)
        fixed[TUMOR].append(tumor)
        fixed[ABSTRACT].append(abstract)
        items = {"20": number, "60": tumor_number, "540": facility or "", **of_person, **of_tumor}
        for name, value in items.items():
            if name in names and value:
                column = columns.get(name)
                if column is None:
                    column = columns[name] = []
                column.extend([""] * (size - len(column)))
                column.append(value)
    size = len(fixed[PERSON])
    for column in columns.values():
        column.extend([""] * (size - len(column)))
    return pd.DataFrame({**fixed, **{name: columns[name] for name in sorted(columns)}})


def _write(
    store: Store, frame: pd.DataFrame, result: BatchResult, evaluated: frozenset[str], summary: EditReport
) -> None:
    """Keeps what a part of the store gave, abstracts in short transactions, and adds it to the report as it was kept."""
    by_abstract: dict[int, list[EditResult]] = {}
    abstracts = frame[ABSTRACT].tolist()
    for row, found in result.details():
        by_abstract.setdefault(abstracts[row], []).append(found)
    for start in range(0, len(abstracts), ROWS_A_TRANSACTION):
        part = abstracts[start : start + ROWS_A_TRANSACTION]
        with store.writing() as session:
            _keep(session, [_Kept(number, by_abstract.get(number, [])) for number in part], evaluated)
    with store.reading() as session:
        let_stand = set(
            session.execute(
                select(EditFinding.abstract_id, EditFinding.rule).where(
                    EditFinding.state == states.OVERRIDDEN, EditFinding.abstract_id.in_(list(by_abstract))
                )
            )
            .tuples()
            .all()
        )
    summary.add(_as_kept(result, abstracts, let_stand), patients=frame[PERSON].nunique(), first_row=summary.records + 1)


def _judged_by_layout(result: BatchResult) -> BatchResult:
    """The result without findings of rules that do not judge records of the CanReg layout."""
    if CANREG_BASIS not in result.frame:
        return result
    of_canreg = (result.frame[CANREG_BASIS] != "").to_numpy()
    rules = result.findings["rule"].unique()
    out = {rule for rule in rules if not applies(result.edits, rule, True)}
    dropped = result.findings["rule"].isin(out).to_numpy() & of_canreg[result.findings["row"].to_numpy()]
    return BatchResult(result.edits, result.frame, result.counts, result.findings[~dropped], result.groups)


def _as_kept(result: BatchResult, abstracts: list[int], let_stand: set[tuple[int, str]]) -> BatchResult:
    """The result with the outcomes that the store's reviews give."""
    findings = result.findings.copy()
    findings["outcome"] = [
        OVERRIDDEN if (abstracts[row], rule) in let_stand else FAIL
        for row, rule in zip(findings["row"], findings["rule"])
    ]
    counts = result.counts.copy()
    stand = findings[findings["outcome"] == OVERRIDDEN].groupby("rule").size()
    failing = findings.groupby("rule").size()
    counts["overridden"] = counts["rule"].map(stand).fillna(0).astype(int)
    counts["failed"] = counts["rule"].map(failing).fillna(0).astype(int) - counts["overridden"]
    return BatchResult(result.edits, result.frame, counts, findings, result.groups)


def run_job(store: Store, parameters: dict[str, Any], report: Report) -> dict[str, Any]:
    """Runs the job "edits": parameters `name` (the set) and `facility`; the result is the report without its findings."""
    done = run_batch(
        store, report, name=parameters.get("name", "all"), facility=parameters.get("facility", ""), keep=0
    ).as_dict()
    return {key: value for key, value in done.items() if key not in ("findings", "findings_left_out")} | {
        "edits": [row for row in done["edits"] if row["failed"] or row["overridden"]]
    }
