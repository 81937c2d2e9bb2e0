"""The log of files that were sent: each kept byte for byte, disclosed with its purpose, and able to be taken back.

A transmission remembers a fingerprint of every row in it and the values that were told; the next one holds only what is new
or changed since. Taking one back (the file never arrived, or was wrong) makes the next one hold its rows again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from registry import audit
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.documents import keep, place
from registry.exchange.export import disclose
from registry.exchange.outgoing import purpose_of
from registry.models import Document, now
from registry.models.state import CHANGES, FOLLOW_BACK, INTERSTATE, REJECTS, SUBMISSION, Transmission, TransmissionRow

CHAIN = "transmission"
KINDS = {
    SUBMISSION: "Submission",
    REJECTS: "Rejected cases returned",
    CHANGES: "Changes returned",
    INTERSTATE: "Residents of another state",
    FOLLOW_BACK: "Deaths asked about",
}
CHUNK = 500


@dataclass(frozen=True)
class Sent:
    """One row of a file: of which table, a fingerprint of what was told, and the values told where they matter later."""

    table: str
    row_id: int
    fingerprint: str = ""
    items: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class KeptFile:
    """One file of a transmission as it was sent."""

    document: int
    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Line:
    """One transmission as its page shows it."""

    id: int
    kind: str
    title: str
    recipient: str
    facility: str
    at: datetime
    who: str
    purpose: str
    rows: int
    details: Mapping[str, Any]
    files: tuple[KeptFile, ...]
    undone_at: datetime | None
    undone_by: str
    undone_why: str


def fingerprint(content: Any) -> str:
    """Gives the fingerprint of JSON-like content: the same for the same content whatever the order of its keys."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def send(
    store: Store,
    paths: Sequence[Path],
    *,
    kind: str,
    recipient: str,
    rows: Sequence[Sent],
    who: str,
    purpose: str,
    facility_id: int | None = None,
    details: Mapping[str, Any] | None = None,
    records: int | None = None,
) -> int:
    """Keeps written files as a transmission and discloses them; gives its number. The purpose must say something."""
    purpose = purpose_of(purpose)
    kept = []
    for path in paths:
        number = keep(store, path, kind="sent", who=who)
        kept.append({"document": number, "name": path.name, "size": path.stat().st_size})
    with store.writing() as session:
        sums = dict(
            session.execute(
                select(Document.id, Document.sha256).where(Document.id.in_([k["document"] for k in kept]))
            ).all()
        )
        for one in kept:
            one["sha256"] = sums[one["document"]]
        count = len(rows) if records is None else records
        sent = Transmission(
            kind=kind,
            recipient=recipient[:60],
            facility_id=facility_id,
            who=who,
            purpose=purpose,
            name=paths[0].name if paths else "",
            rows=count,
            sha256=kept[0]["sha256"] if kept else "",
            details={**(details or {}), "files": kept},
        )
        session.add(sent)
        session.flush()
        _keep_rows(session, sent.id, rows)
        for one in kept:
            disclose(
                session,
                who=who,
                what=f"{KINDS[kind].lower()}: {one['name']}",
                purpose=purpose,
                selection={"transmission": sent.id, "kind": kind, "recipient": recipient},
                rows=count,
                sha256=one["sha256"],
            )
        summary = {"kind": kind, "recipient": recipient, "rows": count, "files": [k["sha256"] for k in kept]}
        audit.append(session, CHAIN, sent.id, "send", summary, who=who, why=purpose)
        return sent.id


def _keep_rows(session: Session, number: int, rows: Sequence[Sent]) -> None:
    for start in range(0, len(rows), CHUNK):
        values = [
            {
                "transmission_id": number,
                "table_name": row.table,
                "row_id": row.row_id,
                "fingerprint": row.fingerprint,
                "items": dict(row.items),
            }
            for row in rows[start : start + CHUNK]
        ]
        session.execute(insert(TransmissionRow), values)


def undo(session: Session, number: int, *, who: str, why: str) -> Transmission:
    """Takes a transmission back: its rows count as not sent; the file stays in the log. It needs a reason."""
    sent = session.get(Transmission, number)
    if sent is None:
        raise RegistryError("not-found", f"there is no transmission {number}")
    if sent.undone_at is not None:
        raise RegistryError("conflict", "it was taken back already", hint="open the list again")
    if not why.strip():
        raise RegistryError("usage", "taking back needs a reason", hint="say why in a few words")
    later = select(func.count(Transmission.id)).where(
        Transmission.kind == sent.kind,
        Transmission.recipient == sent.recipient,
        Transmission.undone_at.is_(None),
        Transmission.id > sent.id,
    )
    if session.scalar(later):
        raise RegistryError(
            "conflict",
            "a later file to the same recipient rests on this one",
            hint="take the later one back first",
        )
    sent.undone_at, sent.undone_by, sent.undone_why = now(), who, why.strip()
    session.flush()
    audit.append(session, CHAIN, sent.id, "undo", {"kind": sent.kind, "recipient": sent.recipient}, who=who, why=why)
    return sent


def last_told(session: Session, kind: str, recipient: str, table: str) -> dict[int, str]:
    """Gives by row the fingerprint of what a recipient was told last; what was taken back was never told."""
    query = (
        select(TransmissionRow.row_id, TransmissionRow.fingerprint)
        .join(Transmission, TransmissionRow.transmission_id == Transmission.id)
        .where(Transmission.kind == kind, Transmission.recipient == recipient, Transmission.undone_at.is_(None))
        .where(TransmissionRow.table_name == table)
        .order_by(Transmission.id)
    )
    return dict(session.execute(query).tuples().all())


def values_told(session: Session, kind: str, recipient: str, table: str) -> dict[int, dict[str, str]]:
    """Gives by row every value that a recipient was told, the last word of each item."""
    query = (
        select(TransmissionRow.row_id, TransmissionRow.items)
        .join(Transmission, TransmissionRow.transmission_id == Transmission.id)
        .where(Transmission.kind == kind, Transmission.recipient == recipient, Transmission.undone_at.is_(None))
        .where(TransmissionRow.table_name == table)
        .order_by(Transmission.id)
    )
    found: dict[int, dict[str, str]] = {}
    for row_id, items in session.execute(query):
        found.setdefault(row_id, {}).update(items)
    return found


def last_of(session: Session, kind: str, recipient: str) -> Transmission | None:
    """Gives the last transmission to a recipient that was not taken back."""
    query = select(Transmission).where(
        Transmission.kind == kind, Transmission.recipient == recipient, Transmission.undone_at.is_(None)
    )
    return session.scalars(query.order_by(Transmission.id.desc())).first()


def last_moments(session: Session, kind: str) -> dict[str, datetime]:
    """Gives by recipient when the last transmission that stands went out."""
    query = select(Transmission.recipient, func.max(Transmission.at)).where(
        Transmission.kind == kind, Transmission.undone_at.is_(None)
    )
    return dict(session.execute(query.group_by(Transmission.recipient)).tuples().all())


def history(session: Session, *, kind: str = "", page: int = 1, size: int = 50) -> tuple[list[Line], bool]:
    """Gives what was sent, newest first, and whether more follows."""
    query = select(Transmission).order_by(Transmission.id.desc())
    if kind:
        query = query.where(Transmission.kind == kind)
    found = list(session.scalars(query.offset((page - 1) * size).limit(size + 1)))
    return [_line(sent) for sent in found[:size]], len(found) > size


def load(session: Session, number: int) -> Line:
    """Gives one transmission."""
    sent = session.get(Transmission, number)
    if sent is None:
        raise RegistryError("not-found", f"there is no transmission {number}")
    return _line(sent)


def file_of(store: Store, line: Line, place_in_it: int) -> Path:
    """Gives the path of one file of a transmission as it was sent."""
    if not 0 <= place_in_it < len(line.files):
        raise RegistryError("not-found", "there is no such file")
    return place(store.settings, line.files[place_in_it].sha256)


def recipients(session: Session, kind: str) -> list[str]:
    """Gives to whom files of a kind went, in order of name."""
    return sorted(session.scalars(select(Transmission.recipient).where(Transmission.kind == kind).distinct()))


def _line(sent: Transmission) -> Line:
    files = tuple(KeptFile(**one) for one in sent.details.get("files", []))
    details = {name: value for name, value in sent.details.items() if name != "files"}
    return Line(
        sent.id,
        sent.kind,
        KINDS.get(sent.kind, sent.kind),
        sent.recipient,
        sent.facility.name if sent.facility else "",
        sent.at,
        sent.who,
        sent.purpose,
        sent.rows,
        details,
        files,
        sent.undone_at,
        sent.undone_by,
        sent.undone_why,
    )
