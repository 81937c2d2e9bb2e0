"""The registry's standing index of reports: made once, kept with the store's changes, the same for every process.

    index = standing.ready(store)        # up to date; None where it has to be built by a run first

What an index has seen is told by the heads of two audit chains: each new or changed report is sealed in `patient_record`,
each import in `import`. Links are numbered without gaps in the order of their commits, so the links behind the stamp name
exactly what is missing, on both engines and whoever wrote it; and a hash that is not the chain's own tells that the file
belongs to another database. The file lies in the data folder, readable by its owner alone, and can be deleted at any time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.db import Store
from registry.errors import RegistryError
from registry.linkage.index import Index
from registry.linkage.reports import reports, reports_frame
from registry.models import ChainHead, PatientRecord, Revision

REPORTS, IMPORTS = "patient_record", "import"
MOVED = "regroup"
"""What is done to a report that moves to another person: its content stays."""

AT_ONCE = 20_000
"""Reports of which who asks builds the index himself (seconds); of more, a run does."""

GROWN = 2
"""An index that was learned from so many times fewer reports is learned anew, where that takes seconds."""

SAVED_AFTER = 0.02
"""The file is written again once so large a share of it changed, so that no process reads a long way."""

Stamp = dict[str, list]


@dataclass
class _Kept:
    """The index of one store in this process, and which file it was read from."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    index: Index | None = None
    file: tuple[int, int] | None = None
    unsaved: int = 0


_kept: dict[tuple[str, str], _Kept] = {}
_keeping = threading.Lock()


def ready(store: Store, *, build: bool = True) -> Index | None:
    """Gives the index with everything that is visible now; None where it has to be built and that takes more than seconds.

    Without `build` an index that is not there yet is not made, however small the registry.
    """
    kept = _of(store)
    with kept.lock:
        _read(store, kept)
        if kept.index is not None and not _catch_up(store, kept):
            kept.index = None
        if kept.index is None or _outgrown(kept.index):
            with store.reading() as session:
                few = (session.scalar(select(func.count(PatientRecord.id))) or 0) <= AT_ONCE
            if few and build:
                _build(store, kept)
        return kept.index


def keep(store: Store, index: Index, stamp: Stamp) -> None:
    """Makes an index that a run has learned the standing one; `stamp` was read before its reports."""
    kept = _of(store)
    index.stamp = stamp
    with kept.lock:
        kept.index = index
        _save(store, kept)


def stamp_of(session: Session) -> Stamp:
    """Gives how far the chains of reports and imports are."""
    heads = session.scalars(select(ChainHead).where(ChainHead.chain.in_((REPORTS, IMPORTS))))
    return {REPORTS: [0, ""], IMPORTS: [0, ""]} | {head.chain: [head.count, head.hash] for head in heads}


def _of(store: Store) -> _Kept:
    with _keeping:
        return _kept.setdefault((str(store.settings.home), store.settings.url), _Kept())


def _place(store: Store) -> Path:
    return store.settings.folder("linkage") / "index.npz"


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size


def _read(store: Store, kept: _Kept) -> None:
    """Reads the file where another process wrote a newer one."""
    mark = _mark(_place(store))
    if mark is None or mark == kept.file:
        return
    try:
        kept.index, kept.file, kept.unsaved = Index.load(_place(store)), mark, 0
    except RegistryError:
        # of another version or half a file: what it held is in the store
        kept.file = mark


def _catch_up(store: Store, kept: _Kept) -> bool:
    """Takes what was sealed since; gives whether the index is of this database at all."""
    index = kept.index
    assert index is not None
    with store.reading() as session:
        heads = stamp_of(session)
        if heads == index.stamp:
            return True
        if not all(_is_of(session, chain, *index.stamp.get(chain, [-1, ""])) for chain in heads):
            return False
        ids = _changed(session, index.stamp)
        rows = [{"id": number, **fields} for number, fields in reports(session, ids)]
    gone = [number for number in ids - {row["id"] for row in rows} if number in index]
    index.update(rows)
    index.remove(gone)
    index.stamp = heads
    kept.unsaved += len(ids)
    if kept.unsaved > SAVED_AFTER * max(len(index), AT_ONCE):
        _save(store, kept)
    return True


def _is_of(session: Session, chain: str, count: int, digest: str) -> bool:
    if count <= 0:
        return count == 0
    query = select(Revision.hash).where(Revision.chain == chain, Revision.number == count)
    return session.scalars(query).one_or_none() == digest


def _changed(session: Session, since: Stamp) -> set[int]:
    """Gives the reports that are new or were changed behind a stamp."""
    behind = select(Revision.row_id).where(Revision.chain == REPORTS, Revision.number > since[REPORTS][0])
    ids = set(session.scalars(behind.where(Revision.action != MOVED)))
    batches = select(Revision.row_id).where(Revision.chain == IMPORTS, Revision.number > since[IMPORTS][0])
    for batch in set(session.scalars(batches)):
        ids |= set(session.scalars(select(PatientRecord.id).where(PatientRecord.batch_id == batch)))
    return ids


def _outgrown(index: Index) -> bool:
    return AT_ONCE >= len(index) > GROWN * max(index.census.records, 1)


def _build(store: Store, kept: _Kept) -> None:
    with store.reading() as session:
        stamp = stamp_of(session)
        frame = reports_frame(session)
    kept.index = Index.build(frame, id="id")
    kept.index.stamp = stamp
    _save(store, kept)


def _save(store: Store, kept: _Kept) -> None:
    assert kept.index is not None
    path = _place(store)
    kept.index.save(path)
    path.chmod(0o600)
    kept.file, kept.unsaved = _mark(path), 0


def likely(
    store: Store, record: dict[str, str], *, limit: int = 12, but: Iterable[int] = ()
) -> list[tuple[int, float]]:
    """Gives reports that may be of the person described, surest first, as (report, score); none without an index."""
    index = ready(store)
    if index is None:
        return []
    left_out = set(but)
    return [(int(c.id), c.score) for c in index.candidates(record, limit=limit) if c.id not in left_out]
