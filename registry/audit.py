"""The audit chain: appending a sealed link, anchoring its head outside the database, and finding what was tampered with.

Each chain (one per table, and `access` for reads) numbers its links from 1; a link's hash covers its content and its
predecessor's hash. Count and hash of the head are also kept in a file of the data folder, so that removing the last links,
or sealing the whole chain anew, shows as well.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import event, insert, select
from sqlalchemy.orm import Session

from registry.config import Settings
from registry.db import Store
from registry.models import AccessLog, ChainHead, Revision, now

ACCESS = "access"
ANCHORS = "heads.json"

REORDERED_LIMIT = 200
"""Among so many broken links the original place of each is looked for; past that they count as changed."""


@dataclass(frozen=True)
class Finding:
    """One fault of a chain: which link, what is wrong with it, and which row of which table it speaks of."""

    chain: str
    number: int
    fault: str
    message: str
    row_id: int | None = None


def seal(link: dict[str, Any], previous: str) -> str:
    """Gives the hash of a link's content after its predecessor's hash (SHA-256 over canonical JSON)."""
    text = json.dumps(link, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def append(
    session: Session,
    chain: str,
    row_id: int,
    action: str,
    changes: dict[str, Any],
    *,
    who: str,
    why: str = "",
    version: int = 0,
) -> Revision:
    """Adds one link to a table's chain: `changes` is `{item: [old, new]}`, or a summary where a batch is one link."""
    head = _locked_head(session, chain)
    revision = Revision(
        chain=chain,
        number=head.count + 1,
        row_id=row_id,
        version=version,
        action=action,
        changes=changes,
        who=who,
        why=why,
        at=now().replace(microsecond=0),
        previous=head.hash,
    )
    revision.hash = seal(_revision_content(revision), head.hash)
    session.add(revision)
    _advance(session, head, revision.hash)
    return revision


def append_many(
    session: Session, chain: str, links: list[tuple[int, int, dict[str, Any]]], *, action: str, who: str, why: str
) -> None:
    """Adds many links of one table at once: `links` are (row, version, changes); the head is advanced once."""
    if not links:
        return
    head = _locked_head(session, chain)
    at, previous, rows = now().replace(microsecond=0), head.hash, []
    for number, (row_id, version, changes) in enumerate(links, head.count + 1):
        content = {
            "chain": chain,
            "number": number,
            "row_id": row_id,
            "version": version,
            "action": action,
            "changes": changes,
            "who": who,
            "why": why,
        }
        digest = seal(content | {"at": _second(at)}, previous)
        rows.append(content | {"at": at, "previous": previous, "hash": digest})
        previous = digest
    session.execute(insert(Revision), rows)
    head.count += len(rows) - 1
    _advance(session, head, previous)


def log_access(
    session: Session,
    what: str,
    *,
    who: str,
    patient_id: int | None = None,
    purpose: str = "",
    detail: dict[str, Any] | None = None,
) -> AccessLog:
    """Adds one read of identified data to the chain `access`."""
    head = _locked_head(session, ACCESS)
    entry = AccessLog(
        number=head.count + 1,
        who=who,
        what=what,
        patient_id=patient_id,
        detail=detail or {},
        purpose=purpose,
        at=now().replace(microsecond=0),
        previous=head.hash,
    )
    entry.hash = seal(_access_content(entry), head.hash)
    session.add(entry)
    _advance(session, head, entry.hash)
    return entry


def _locked_head(session: Session, chain: str) -> ChainHead:
    head = session.scalars(select(ChainHead).where(ChainHead.chain == chain).with_for_update()).one_or_none()
    if head is None:
        head = ChainHead(chain=chain, count=0, hash="")
        session.add(head)
        session.flush()
    return head


def _advance(session: Session, head: ChainHead, digest: str) -> None:
    head.count += 1
    head.hash = digest
    session.flush()
    if "heads" not in session.info:
        session.info["heads"] = {}
        event.listen(session, "after_commit", _anchor)
        event.listen(session, "after_rollback", lambda lost: lost.info["heads"].clear())
    session.info["heads"][head.chain] = (head.count, digest)


def _revision_content(revision: Revision) -> dict[str, Any]:
    names = ("chain", "number", "row_id", "version", "action", "changes", "who", "why")
    return {name: getattr(revision, name) for name in names} | {"at": _second(revision.at)}


def _access_content(entry: AccessLog) -> dict[str, Any]:
    names = ("number", "who", "what", "patient_id", "detail", "purpose")
    return {name: getattr(entry, name) for name in names} | {"at": _second(entry.at)}


def _second(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _anchor(session: Session) -> None:
    """Writes the new heads into the anchor file; a head never goes back, whichever process comes last."""
    heads: dict[str, tuple[int, str]] = session.info["heads"]
    settings: Settings | None = session.info.get("settings")
    if heads and settings is not None:
        folder = settings.folder("anchors")
        with open(folder / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            kept = read_anchors(folder)
            for chain, (count, digest) in heads.items():
                if count > kept.get(chain, {}).get("count", 0):
                    kept[chain] = {"count": count, "hash": digest, "at": _second(now())}
            fresh = folder / f"{ANCHORS}.new"
            fresh.write_text(json.dumps(kept, indent=1, sort_keys=True))
            os.replace(fresh, folder / ANCHORS)
    heads.clear()


def read_anchors(folder: Path) -> dict[str, dict[str, Any]]:
    """Gives the anchored heads, `{chain: {"count", "hash", "at"}}`; empty where nothing was anchored yet."""
    path = folder / ANCHORS
    return json.loads(path.read_text()) if path.exists() else {}


def verify(store: Store) -> list[Finding]:
    """Gives every fault of every chain: changed, removed (the last ones too), reordered; empty when all is sound."""
    findings: list[Finding] = []
    with store.reading() as session:
        heads = {head.chain: head for head in session.scalars(select(ChainHead))}
        anchors = read_anchors(store.settings.folder("anchors"))
        chains = set(heads) | set(anchors) | set(session.scalars(select(Revision.chain).distinct()))
        for chain in sorted(chains):
            findings += _verify_chain(session, chain, heads.get(chain), anchors.get(chain))
    return findings


def _links(session: Session, chain: str) -> Iterator[tuple[int, str, str, dict[str, Any], int | None]]:
    """Gives (number, previous, hash, content, row) of each link in order of number."""
    if chain == ACCESS:
        for entry in session.scalars(select(AccessLog).order_by(AccessLog.number).execution_options(yield_per=1000)):
            yield entry.number, entry.previous, entry.hash, _access_content(entry), entry.patient_id
    else:
        query = select(Revision).where(Revision.chain == chain).order_by(Revision.number)
        for link in session.scalars(query.execution_options(yield_per=1000)):
            yield link.number, link.previous, link.hash, _revision_content(link), link.row_id


def _verify_chain(
    session: Session, chain: str, head: ChainHead | None, anchor: dict[str, Any] | None
) -> Iterator[Finding]:
    expected, previous, anchored = 1, "", None
    broken: list[tuple[int, str, str, dict[str, Any], int | None]] = []
    for number, linked, digest, content, row_id in _links(session, chain):
        for missing in range(expected, number):
            yield Finding(chain, missing, "removed", f"link {missing} of chain {chain!r} was removed")
        if seal(content, linked) != digest:
            broken.append((number, linked, digest, content, row_id))
        elif linked != previous and number == expected:
            text = f"link {number} of chain {chain!r} does not follow its predecessor"
            yield Finding(chain, number, "changed", text, row_id)
        if anchor is not None and number == anchor["count"]:
            anchored = digest
        expected, previous = number + 1, digest
    yield from _name_broken(chain, broken)
    count = expected - 1
    known = max(head.count if head else 0, anchor["count"] if anchor else 0)
    for missing in range(count + 1, known + 1):
        yield Finding(chain, missing, "removed", f"link {missing} of chain {chain!r} was removed from its end")
    if head is not None and head.count == count and head.hash != previous:
        yield Finding(chain, count, "changed", f"the head of chain {chain!r} does not match its last link")
    if anchored is not None and anchor is not None and anchored != anchor["hash"]:
        text = f"link {anchor['count']} of chain {chain!r} differs from the head anchored at {anchor['at']}"
        yield Finding(chain, anchor["count"], "changed", text)


def _name_broken(chain: str, broken: list[tuple[int, str, str, dict[str, Any], int | None]]) -> Iterator[Finding]:
    """Tells a link that was moved (it is whole under the number of another broken link) from one that was changed."""
    places = [number for number, *_rest in broken][:REORDERED_LIMIT]
    for number, linked, digest, content, row_id in broken:
        home = next((n for n in places if seal(content | {"number": n}, linked) == digest), None)
        if home is None:
            yield Finding(chain, number, "changed", f"link {number} of chain {chain!r} was changed", row_id)
        else:
            text = f"link {number} of chain {chain!r} was moved here from place {home}"
            yield Finding(chain, number, "reordered", text, row_id)
