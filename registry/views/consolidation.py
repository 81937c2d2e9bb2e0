"""Consolidation as pages show it: what the rules left open, and one person or tumor with every account side by side.

It concerns the accounts of all facilities, so an account bound to one sees nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from registry.consolidation.accounts import accounts_of, rows_of
from registry.consolidation.stories import ValueStory, explain
from registry.consolidation.values import CHAINS, PATIENT, TUMOR, item_name
from registry.errors import RegistryError
from registry.followup.disclosure import redisclosure
from registry.models import Abstract, ImportBatch, OpenValue, Patient, PatientRecord, Tumor
from registry.models.followup import ValueSource
from registry.security.permissions import Actor, Refused

SIZE = 50
MODELS: dict[str, Any] = {PATIENT: Patient, TUMOR: Tumor}


@dataclass(frozen=True)
class OpenLine:
    """One person or tumor of which the rules left items open."""

    chain: str
    row_id: int
    patient_id: int
    name_last: str
    name_first: str
    site: str
    diagnosed: str
    items: tuple[int, ...]
    since: datetime

    @property
    def cursor(self) -> str:
        """Its place in the queue."""
        return f"{self.chain}-{self.row_id}"


@dataclass(frozen=True)
class Head:
    """One account as the head of its column: whose it is, its number, and the file it came with."""

    id: int
    name: str
    number: str
    file: str
    received_at: datetime | None
    abstract_id: int | None


@dataclass(frozen=True)
class Line:
    """One item: its story, and the value in each account in the order of the columns; `winner` is the winning column."""

    story: ValueStory
    values: tuple[str, ...]
    winner: int | None
    sources: tuple[str, ...]

    @property
    def number(self) -> int:
        return self.story.item

    @property
    def differs(self) -> bool:
        """Whether the accounts tell different values."""
        return len({value for value in self.values if value}) > 1

    def why_lost(self, column: int, heads: Sequence[Head]) -> str:
        """Why an account's other value does not count; empty where it says the same or nothing."""
        return next((lost.why for lost in self.story.losers if lost.account.id == heads[column].id), "")


@dataclass(frozen=True)
class Sibling:
    """The person or one of their tumors, to turn to."""

    chain: str
    row_id: int
    site: str
    diagnosed: str
    open: int


@dataclass(frozen=True)
class RowPage:
    """One person or tumor: its accounts as columns, its items as lines, those to decide first."""

    chain: str
    row_id: int
    patient_id: int
    name_last: str
    name_first: str
    version: int
    heads: tuple[Head, ...]
    lines: tuple[Line, ...]
    siblings: tuple[Sibling, ...]
    before: OpenLine | None
    after: OpenLine | None

    @property
    def open(self) -> int:
        """How many items wait for a person."""
        return sum(line.story.open for line in self.lines)

    @property
    def differing(self) -> int:
        return sum(line.differs for line in self.lines)


def whole(actor: Actor) -> Actor:
    """Gives the actor; an account bound to one facility is refused, since accounts of all facilities are compared."""
    if actor.facility_id is not None:
        raise Refused(
            "Accounts of all facilities are compared here; your account belongs to one.",
            hint="An account without a facility sees it.",
        )
    return actor


def may_choose(actor: Actor) -> bool:
    """Whether the account may choose between accounts: it changes cases and sees of whom they tell."""
    return actor.may("cases.edit") and actor.may("cases.identify") and actor.facility_id is None


def counts(session: Session) -> dict[int, int]:
    """Gives how many persons and tumors wait, by item."""
    found: dict[int, int] = {}
    for chain in CHAINS:
        row = MODELS[chain]
        query = select(OpenValue.item, func.count(row.id)).join(row, row.id == OpenValue.row_id)
        for item, number in session.execute(query.where(OpenValue.chain == chain).group_by(OpenValue.item)):
            found[item] = found.get(item, 0) + number
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))


def waiting(session: Session) -> int:
    """Gives how many persons and tumors have values that the rules left open."""
    total = 0
    for chain in CHAINS:
        row = MODELS[chain]
        query = select(func.count(func.distinct(row.id))).select_from(OpenValue).join(row, row.id == OpenValue.row_id)
        total += session.scalar(query.where(OpenValue.chain == chain)) or 0
    return total


def queue(
    session: Session, *, item: int = 0, after: str = "", backward: bool = False, size: int = SIZE
) -> tuple[list[OpenLine], bool]:
    """Gives the persons and tumors that wait, tumors after persons, and whether more follow; `after` is a line's cursor."""
    chain, _, number = after.partition("-")
    start = (chain, int(number)) if chain in CHAINS and number.isdigit() and len(number) < 19 else None
    chains = CHAINS[::-1] if backward else CHAINS
    if start is not None:
        chains = chains[chains.index(start[0]) :]
    found: list[tuple[str, int]] = []
    for place, name in enumerate(chains):
        row = MODELS[name]
        query = select(row.id).join(OpenValue, OpenValue.row_id == row.id).where(OpenValue.chain == name)
        if item:
            query = query.where(OpenValue.item == item)
        if start is not None and place == 0:
            query = query.where(row.id < start[1] if backward else row.id > start[1])
        order = row.id.desc() if backward else row.id
        ids = session.scalars(query.distinct().order_by(order).limit(size + 1 - len(found)))
        found += [(name, number) for number in ids]
        if len(found) > size:
            break
    return _lines(session, found[:size]), len(found) > size


def _lines(session: Session, found: Sequence[tuple[str, int]]) -> list[OpenLine]:
    lines: dict[tuple[str, int], OpenLine] = {}
    for chain in CHAINS:
        ids = [number for name, number in found if name == chain]
        if not ids:
            continue
        items: dict[int, list[OpenValue]] = {}
        query = select(OpenValue).where(OpenValue.chain == chain, OpenValue.row_id.in_(ids)).order_by(OpenValue.item)
        for one in session.scalars(query):
            items.setdefault(one.row_id, []).append(one)
        rows = select(MODELS[chain]).where(MODELS[chain].id.in_(ids))
        for row in session.scalars(rows.options(selectinload(Tumor.patient)) if chain == TUMOR else rows):
            lines[chain, row.id] = _line(chain, row, items[row.id])
    return [lines[key] for key in found if key in lines]


def _line(chain: str, row: Any, items: list[OpenValue]) -> OpenLine:
    person = row.patient if chain == TUMOR else row
    tumor = row if chain == TUMOR else None
    return OpenLine(
        chain=chain,
        row_id=row.id,
        patient_id=person.id,
        name_last=person.name_last or "",
        name_first=person.name_first or "",
        site=(tumor.primary_site or "") if tumor else "",
        diagnosed=(tumor.date_of_diagnosis or "") if tumor else "",
        items=tuple(one.item for one in items),
        since=min(one.since for one in items),
    )


def find(session: Session, chain: str, row_id: int) -> Any:
    """Gives the row; one that is not there is `not-found`."""
    row = session.get(MODELS[chain], row_id)
    if row is None or row.merged_into_id is not None:
        raise RegistryError("not-found", f"there is no {chain} {row_id}")
    return row


def standing(session: Session, chain: str, row_id: int) -> int:
    """Gives the number under which a row stands now: another one where linkage brought it together with it."""
    model = MODELS[chain]
    query = select(model.merged_into_id).where(model.id == row_id)
    return session.scalar(query, execution_options={"see_merged": True}) or row_id


def load(session: Session, chain: str, row_id: int) -> RowPage:
    """Gives one person or tumor with all its accounts."""
    row = find(session, chain, row_id)
    person = row if chain == PATIENT else row.patient
    told = accounts_of(sorted(rows_of(row), key=lambda one: one.id))
    ordered = sorted(told, key=lambda account: account.key)
    column = {account.id: n for n, account in enumerate(ordered)}
    sources = _sources(session, person.id) if chain == PATIENT else {}
    lines = [
        Line(
            story,
            tuple(account.get(story.item) for account in ordered),
            column.get(story.winner.id) if story.winner else None,
            tuple(sources.get((story.item, story.value), ())),
        )
        for story in explain(row, session)
    ]
    lines.sort(key=lambda line: (not line.story.open, not line.differs, line.number))
    here = f"{chain}-{row_id}"
    before, _ = queue(session, after=here, backward=True, size=1)
    after, _ = queue(session, after=here, size=1)
    return RowPage(
        chain=chain,
        row_id=row_id,
        patient_id=person.id,
        name_last=person.name_last or "",
        name_first=person.name_first or "",
        version=row.version_id,
        heads=_heads(session, chain, [(account.id, account.name) for account in ordered]),
        lines=tuple(lines),
        siblings=_siblings(session, person),
        before=before[0] if before else None,
        after=after[0] if after else None,
    )


def _heads(session: Session, chain: str, columns: list[tuple[int, str]]) -> tuple[Head, ...]:
    model: Any = Abstract if chain == TUMOR else PatientRecord
    query = select(model, ImportBatch).outerjoin(ImportBatch, model.batch_id == ImportBatch.id)
    rows = {row.id: (row, batch) for row, batch in session.execute(query.where(model.id.in_([c for c, _ in columns])))}
    heads = []
    for number, name in columns:
        row, batch = rows[number]
        own = (row.accession_number or "") if chain == TUMOR else row.patient_id_number
        file, at = (batch.name, batch.finished_at or batch.started_at) if batch else ("", None)
        heads.append(Head(number, name, own, file, at, number if chain == TUMOR else None))
    return tuple(heads)


def _sources(session: Session, patient_id: int) -> dict[tuple[int, str], list[str]]:
    """By item and value where follow-up took a value from, with to whom it may be passed on."""
    query = select(ValueSource).where(ValueSource.patient_id == patient_id, ValueSource.withdrawn_at.is_(None))
    found: dict[tuple[int, str], list[str]] = {}
    for said in session.scalars(query.order_by(ValueSource.id)):
        told = f"{said.source} ({redisclosure(said.redisclosure).title})"
        lines = found.setdefault((said.item, said.value), [])
        if told not in lines:
            lines.append(told)
    return found


def _siblings(session: Session, person: Patient) -> tuple[Sibling, ...]:
    tumors = sorted(person.tumors, key=lambda tumor: (tumor.date_of_diagnosis or "9", tumor.id))
    tumors = [tumor for tumor in tumors if tumor.merged_into_id is None]
    query = select(OpenValue.chain, OpenValue.row_id, func.count()).group_by(OpenValue.chain, OpenValue.row_id)
    mine = OpenValue.row_id.in_([person.id, *(tumor.id for tumor in tumors)])
    left = {(chain, number): n for chain, number, n in session.execute(query.where(mine))}
    return (
        Sibling(PATIENT, person.id, "", "", left.get((PATIENT, person.id), 0)),
        *(
            Sibling(TUMOR, t.id, t.primary_site or "", t.date_of_diagnosis or "", left.get((TUMOR, t.id), 0))
            for t in tumors
        ),
    )


def matches(line: Line, words: Iterable[str]) -> bool:
    """Whether a line is meant by words: by the number of its item or by parts of its name or rule."""
    text = f"{line.number} {item_name(line.number)} {line.story.title}".lower()
    return all(word in text for word in words)


def person_of(session: Session, lines: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """Gives the person of each row, by chain and number."""
    found = {(chain, number): number for chain, number in lines if chain == PATIENT}
    wanted = [number for chain, number in lines if chain == TUMOR]
    for start in range(0, len(wanted), 500):
        query = select(Tumor.id, Tumor.patient_id).where(Tumor.id.in_(wanted[start : start + 500]))
        found |= {(TUMOR, tumor): person for tumor, person in session.execute(query)}
    return found
