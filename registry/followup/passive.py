"""Passive follow-up: death files and encounter lists matched with the registry, taken where sure, else put before a person.

A row is taken by itself when the matcher is sure, several identifiers agree, nothing conflicts and no other patient or row
competes. Everything else waits for a review; a death that waits holds all letters. Every acceptance can be taken back, and
a pair that was decided is never asked again. The same file, or the same row in another file, changes nothing twice.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.documents import keep
from registry.followup import matching
from registry.followup.contact import (
    ALIVE,
    CHAIN,
    DEAD,
    KEPT,
    RECORDED,
    REVIEW,
    Effect,
    News,
    record_news,
    take_back,
    withdraw_reviews,
    withdraw_sources,
)
from registry.followup.disclosure import redisclosure
from registry.followup.layouts import DEATHS, Fault, Layout, Row, layout, read_file
from registry.followup.matching import AUTOMATIC, Evidence, Matcher, Pair, evidence
from registry.models import Patient, now
from registry.models.followup import ACCEPTED, REJECTED, UNDONE, WAITING, OutsideFile, OutsideMatch

KEPT_FAULTS = 1000
A_TRANSACTION = 100
RIVAL = 0.5
"""From this score on another patient competes for a row."""


@dataclass
class Report:
    """The reconciliation of a file: `rows_in` is the sum of the six fates."""

    rows_in: int = 0
    accepted: int = 0
    review: int = 0
    unmatched: int = 0
    known: int = 0
    left_out: int = 0
    rejected: int = 0
    reasons: list[dict[str, Any]] = field(default_factory=list)
    reason_counts: Counter[str] = field(default_factory=Counter)
    file_id: int | None = None
    again: bool = False
    dry_run: bool = False
    layout: str = ""
    redisclosure: str = ""

    def fault(self, found: Fault) -> None:
        """Counts a row that was not taken and lists its reason."""
        self.rows_in += 1
        if found.kept_out:
            self.left_out += 1
        else:
            self.rejected += 1
        self.reason_counts[found.code] += 1
        if len(self.reasons) < KEPT_FAULTS and not found.kept_out:
            self.reasons.append({"row": found.number, "code": found.code, "message": found.message})

    def as_dict(self) -> dict[str, Any]:
        """The report as one JSON document."""
        return {**self.__dict__, "reason_counts": dict(self.reason_counts)}


@dataclass(frozen=True)
class Candidate:
    """A row with its pairs, best first."""

    row: Row
    pairs: tuple[Pair, ...]


def load_file(
    store: Store,
    path: Path,
    name: str,
    *,
    who: str,
    mapping: Mapping[str, str] | None = None,
    facility_id: int | None = None,
    rule: str = "",
    matcher: Matcher = matching.probabilistic,
    automatic: float = AUTOMATIC,
    dry_run: bool = False,
    today: date | None = None,
    progress: Callable[[float, str], Any] = lambda share, text: None,
) -> Report:
    """Matches a file with the registry and writes what is sure; gives its reconciliation.

    `name` is the layout, `rule` a redisclosure rule other than the layout's, `facility_id` the facility whose encounters these
    are where the file names none (and the only one into whose accounts is written).
    """
    today = today or date.today()
    found = layout(name, store.settings.home)
    chosen = redisclosure(rule or found.rule)
    report = Report(dry_run=dry_run, layout=found.id, redisclosure=chosen.id)
    rows: list[Row] = []
    for event in read_file(path, found, mapping=mapping, today=today):
        if isinstance(event, Fault):
            report.fault(event)
        else:
            rows.append(event)
    report.rows_in += len(rows)
    document = None if dry_run else keep(store, path, kind=f"followup-{found.kind}"[:20], who=who)
    if document is not None and (before := _loaded_before(store, document, found.id, facility_id)) is not None:
        return before
    progress(0.1, f"{len(rows):,} rows read")
    with store.reading() as session:
        candidates = _candidates(session, rows, found, facility_id, matcher)
    progress(0.6, f"{sum(bool(c.pairs) for c in candidates):,} rows may speak of a patient")
    file_id = None if dry_run else _open_file(store, path.name, document, found, chosen.id, facility_id, who)
    busy = Counter(pair.patient_id for c in candidates for pair in c.pairs if pair.score >= automatic)
    for start in range(0, len(candidates), A_TRANSACTION):
        part = candidates[start : start + A_TRANSACTION]
        with store.reading() if dry_run else store.writing() as session:
            for candidate in part:
                fate = _settle(
                    session, candidate, found, chosen.id, file_id, busy, automatic, facility_id, who=who, today=today
                )
                setattr(report, fate, getattr(report, fate) + 1)
        progress(0.6 + 0.4 * (start + len(part)) / len(candidates), "written")
    report.file_id = file_id
    if file_id is not None:
        _close_file(store, file_id, report, who)
    return report


def _loaded_before(store: Store, document: int, name: str, facility_id: int | None) -> Report | None:
    with store.reading() as session:
        query = select(OutsideFile).where(
            OutsideFile.document_id == document, OutsideFile.layout == name, OutsideFile.facility_id == facility_id
        )
        file = session.scalars(query.order_by(OutsideFile.id)).first()
        if file is None or not file.report:
            return None
        kept = {key: value for key, value in file.report.items() if key in Report.__dataclass_fields__}
        kept["reason_counts"] = Counter(kept.get("reason_counts", {}))
        return Report(**{**kept, "file_id": file.id, "again": True})


def _open_file(
    store: Store, name: str, document: int | None, found: Layout, rule: str, facility_id: int | None, who: str
) -> int:
    with store.writing() as session:
        file = OutsideFile(
            document_id=document,
            facility_id=facility_id,
            name=name[:255],
            kind=found.kind,
            layout=found.id,
            title=found.title,
            redisclosure=rule,
            received_by=who,
        )
        session.add(file)
        session.flush()
        return file.id


def _close_file(store: Store, file_id: int, report: Report, who: str) -> None:
    with store.writing() as session:
        file = session.get_one(OutsideFile, file_id)
        file.rows_in, file.rejected, file.report = report.rows_in, report.rejected, report.as_dict()
        fates = ("rows_in", "accepted", "review", "unmatched", "known", "left_out", "rejected")
        summary = {"file": file.name, "layout": file.layout, **{fate: getattr(report, fate) for fate in fates}}
        audit.append(session, CHAIN, file_id, "file", summary, who=who)


def _candidates(
    session: Session, rows: list[Row], found: Layout, facility_id: int | None, matcher: Matcher
) -> list[Candidate]:
    """Gives each row with its pairs; rows of one facility are matched with its own patients and numbers."""
    groups: dict[int | None, list[Row]] = {}
    for row in rows:
        own = matching.facility_of(session, row.fields.get("facility", "")) if found.kind != DEATHS else None
        groups.setdefault(facility_id if facility_id is not None else own, []).append(row)
    pairs: dict[int, list[Pair]] = {}
    for facility, part in groups.items():
        people = matching.people_frame(session, facility_id=facility)
        for pair in matcher(people, matching.rows_frame(part)):
            pairs.setdefault(pair.row, []).append(pair)
    return [
        Candidate(row, tuple(sorted(pairs.get(row.number, []), key=lambda p: (-p.score, p.patient_id)))) for row in rows
    ]


def _settle(
    session: Session,
    candidate: Candidate,
    found: Layout,
    rule: str,
    file_id: int | None,
    busy: Counter[int],
    automatic: float,
    facility_id: int | None,
    *,
    who: str,
    today: date,
) -> str:
    """Decides one row and gives its fate; every pair that a person could look at is kept."""
    if not candidate.pairs:
        return "unmatched"
    row = candidate.row
    facility = facility_id
    if facility is None and found.kind != DEATHS:
        facility = matching.facility_of(session, row.fields.get("facility", ""))
    key = row_key(found, row)
    asked = set(session.scalars(select(OutsideMatch.patient_id).where(OutsideMatch.key == key)))
    pairs = [pair for pair in candidate.pairs if pair.patient_id not in asked]
    if not pairs:
        return "known"
    fates = []
    for pair in pairs:
        patient = session.get_one(Patient, pair.patient_id)
        told = evidence(session, patient, row, kind=found.kind, facility_id=facility, doubts=pair.conflicts)
        # several deaths for one person, or several persons for one row: a person decides
        rivals = [other for other in candidate.pairs if other is not pair and other.score >= RIVAL]
        alone = not rivals and (found.kind != DEATHS or busy[pair.patient_id] <= 1)
        sure = pair.score >= automatic and told.enough and alone
        values = {
            "day": row.day,
            "cause": row.fields.get("cause", ""),
            "certificate": row.fields.get("certificate", ""),
        }
        match = OutsideMatch(
            file_id=file_id,
            row=row.number,
            key=key,
            patient_id=pair.patient_id,
            score=round(pair.score, 6),
            agrees={name: list(both) for name, both in told.agrees.items()},
            conflicts={**told.conflicts, **({} if alone else {"rival": "another patient or another row competes"})},
            content=dict(row.fields),
            values={name: value for name, value in values.items() if value},
            why="" if sure else _doubt(told, pair, automatic, alone),
        )
        if file_id is None:
            fates.append("accepted" if sure else "review")
            continue
        session.add(match)
        session.flush()
        if not sure:
            fates.append("review")
            continue
        effect = _take(session, match, found, rule, facility, who=who, today=today)
        fates.append({RECORDED: "accepted", KEPT: "known", REVIEW: "review"}[effect.fate])
        # the row has found its person: the unlikely others must not wait with their letters held
        break
    return next(fate for fate in ("accepted", "known", "review") if fate in fates)


def _doubt(told: Evidence, pair: Pair, automatic: float, alone: bool) -> str:
    if told.conflicts:
        return "; ".join(told.conflicts.values())
    if not alone:
        return "another patient or another row competes"
    if pair.score < automatic:
        return f"the score is under {automatic:.2f}"
    return "too few identifiers agree"


def row_key(found: Layout, row: Row) -> str:
    """The key by which the same row is known again in another file: the layout with the row's own number, or its content."""
    own = row.fields.get("certificate", "")
    text = f"{found.id}:{own}:{row.day}" if own else f"{found.id}:{json.dumps(dict(row.fields), sort_keys=True)}"
    return hashlib.sha256(text.encode()).hexdigest()


def _take(
    session: Session, match: OutsideMatch, found: Layout, rule: str, facility_id: int | None, *, who: str, today: date
) -> Effect:
    content = match.content
    death = found.kind == DEATHS
    news = News(
        day=match.values["day"],
        vital_status=DEAD if death else ALIVE,
        source=found.title,
        code=found.code,
        central=found.central,
        rule=rule,
        cause=content.get("cause", "") if death else "",
        icd_revision=content.get("icd_revision", "") if death and content.get("cause") else "",
        certificate=content.get("certificate", "")[:12] if death else "",
        match_id=match.id,
    )
    effect = record_news(session, match.patient_id, news, who=who, facility_id=facility_id, today=today)
    match.outcome = effect.fate
    match.applied = {"changed": list(effect.changed), "facility": facility_id, "review": effect.review_id}
    match.state = ACCEPTED
    match.decided_by, match.decided_at = who, now()
    session.flush()
    summary = {"patient": match.patient_id, "file": match.file_id, "row": match.row, "effect": effect.fate}
    audit.append(session, CHAIN, match.id, "match", summary, who=who)
    return effect


def decide_match(
    session: Session,
    match_id: int,
    take: bool,
    *,
    who: str,
    why: str = "",
    home: Path | None = None,
    facility_id: int | None = None,
    today: date | None = None,
) -> Effect | None:
    """Takes or rejects a match that waits; gives the effect of one that was taken. Competing pairs of its row are rejected."""
    match = open_match(session, match_id, facility_id=facility_id)
    if match.state != WAITING:
        raise RegistryError(
            "conflict", f"{match.decided_by or 'somebody'} decided this already", hint="open the list again"
        )
    effect = None
    if take:
        found = layout(match.file.layout, home)
        facility = _facility(session, match, found)
        effect = _take(session, match, found, match.file.redisclosure, facility, who=who, today=today or date.today())
        for rival in session.scalars(
            select(OutsideMatch).where(
                OutsideMatch.file_id == match.file_id, OutsideMatch.row == match.row, OutsideMatch.state == WAITING
            )
        ):
            _reject(session, rival, who=who, why="another patient was taken for this row")
    else:
        _reject(session, match, who=who, why=why)
    match.why = why or match.why
    session.flush()
    return effect


def _facility(session: Session, match: OutsideMatch, found: Layout) -> int | None:
    if match.file.facility_id is not None or found.kind == DEATHS:
        return match.file.facility_id
    return matching.facility_of(session, match.content.get("facility", ""))


def _reject(session: Session, match: OutsideMatch, *, who: str, why: str) -> None:
    match.state, match.decided_by, match.decided_at, match.why = REJECTED, who, now(), why or match.why
    session.flush()
    summary = {"patient": match.patient_id, "file": match.file_id, "row": match.row}
    audit.append(session, CHAIN, match.id, "reject", summary, who=who, why=why)


def undo_match(session: Session, match_id: int, *, who: str, why: str, facility_id: int | None = None) -> list[str]:
    """Takes back what a match wrote; gives what stays because somebody changed it since. The pair is never asked again."""
    match = open_match(session, match_id, facility_id=facility_id)
    if match.state != ACCEPTED:
        raise RegistryError("conflict", "only what was accepted can be taken back", hint="open the list again")
    if not why.strip():
        raise RegistryError("usage", "taking back needs a reason", hint="say why in a few words")
    left = take_back(session, list(match.applied.get("changed", [])), who=who, why=f"taken back: {why}")
    withdraw_sources(session, match_id=match.id)
    withdraw_reviews(session, match_id=match.id, who=who, why=f"taken back: {why.strip()}")
    match.state, match.decided_by, match.decided_at, match.why = UNDONE, who, now(), why.strip()
    session.flush()
    summary = {"patient": match.patient_id, "file": match.file_id, "row": match.row, "left": left}
    audit.append(session, CHAIN, match.id, "undo", summary, who=who, why=why)
    return left


def open_match(session: Session, match_id: int, *, facility_id: int | None = None) -> OutsideMatch:
    """Gives a match; one of a file that an account of a facility may not see is not found."""
    match = session.get(OutsideMatch, match_id)
    if match is None or (facility_id is not None and match.file.facility_id != facility_id):
        raise RegistryError("not-found", f"there is no match {match_id}, or none that you may see")
    return match


def waiting(session: Session, *, facility_id: int | None = None, limit: int = 200) -> list[OutsideMatch]:
    """Gives the matches that wait for a decision, the surest first: of a facility's own files, or all."""
    query = (
        select(OutsideMatch)
        .join(OutsideFile, OutsideMatch.file_id == OutsideFile.id)
        .where(OutsideMatch.state == WAITING)
        .order_by(OutsideMatch.score.desc(), OutsideMatch.id)
        .limit(limit)
    )
    if facility_id is not None:
        query = query.where(OutsideFile.facility_id == facility_id)
    return list(session.scalars(query))


def list_files(session: Session, *, facility_id: int | None = None, limit: int = 50) -> list[OutsideFile]:
    """Gives the files that were matched, newest first."""
    query = select(OutsideFile).order_by(OutsideFile.id.desc()).limit(limit)
    if facility_id is not None:
        query = query.where(OutsideFile.facility_id == facility_id)
    return list(session.scalars(query))
