"""The Parquet snapshot of the store: one row a tumor with all items as columns and every recode, written where it changed.

The snapshot lies in `snapshots/` of the data folder as one file for each span of patient numbers and one for abstracts. A
span is written again only when a patient, tumor or abstract of it changed, or the last full year did. The snapshot's version
is a hash over the spans' signatures: two snapshots of the same data have the same version, and every published result
carries it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, cast, func, select
from sqlalchemy.orm import Session

from abstracting.naaccr.items import analysis_column
from registry.db import Store
from registry.items import known
from registry.models import Abstract, Facility, Patient, Tumor, now
from registry.projection import sex

if TYPE_CHECKING:
    import pandas as pd

SPAN = 20_000
MANIFEST = "manifest.json"
OWNER, SEX = "patient", "sex"
LAYOUT = 2
"""Raised when the columns change their meaning: spans of another layout are written again."""


@dataclass(frozen=True)
class Snapshot:
    """Where the Parquet files are, which version of the data they hold, when it was made, and how many tumors."""

    folder: Path
    version: str
    made_at: str
    tumors: int

    @property
    def tumor_files(self) -> str:
        return str(self.folder / "tumors-*.parquet")

    @property
    def abstract_files(self) -> str:
        return str(self.folder / "abstracts-*.parquet")


def refresh(
    store: Store,
    progress: Callable[[float, str], Any] = lambda share, text: None,
    *,
    as_of: date | None = None,
) -> Snapshot:
    """Brings the snapshot up to the store and gives it; files are replaced whole, so that a reader never sees a half.

    `as_of` (today) is the day on which the data are judged; survival is counted to the end of the last full year before it.
    """
    as_of = as_of or now().date()
    folder = store.settings.folder("snapshots")
    manifest = _read_manifest(folder)
    with store.reading() as session:
        wanted = {span: [*signature, as_of.year - 1] for span, signature in _signatures(session).items()}
        fresh: dict[str, Any] = {}
        for done, (span, signature) in enumerate(sorted(wanted.items()), 1):
            kept = manifest["spans"].get(str(span))
            if kept != signature or not _file(folder, "tumors", span).exists():
                _write_span(session, folder, span, as_of)
            fresh[str(span)] = signature
            progress(done / len(wanted), f"{done} of {len(wanted)} parts of the snapshot")
    for span in set(manifest["spans"]) - set(fresh):
        for kind in ("tumors", "abstracts"):
            _file(folder, kind, int(span)).unlink(missing_ok=True)
    version = hashlib.sha256(json.dumps([LAYOUT, fresh], sort_keys=True).encode()).hexdigest()
    made_at = manifest.get("made_at", "")
    if version != manifest.get("version"):
        made_at = now().isoformat(timespec="seconds")
    document = {"layout": LAYOUT, "version": version, "made_at": made_at, "spans": fresh}
    _replace(folder / MANIFEST, json.dumps(document).encode())
    return Snapshot(folder, version, made_at, sum(signature[0] for signature in fresh.values()))


def current(store: Store) -> Snapshot | None:
    """Gives the snapshot as it lies there, without looking at the store; None where none was made yet."""
    folder = store.settings.folder("snapshots")
    manifest = _read_manifest(folder)
    if "version" not in manifest:
        return None
    tumors = sum(signature[0] for signature in manifest["spans"].values())
    return Snapshot(folder, manifest["version"], manifest["made_at"], tumors)


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    document = json.loads(path.read_text()) if path.exists() else {}
    return document if document.get("layout") == LAYOUT else {"spans": {}}


def _file(folder: Path, kind: str, span: int) -> Path:
    return folder / f"{kind}-{span:05d}.parquet"


def _replace(path: Path, body: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(body)
    os.replace(part, path)


def _signatures(session: Session) -> dict[int, list[Any]]:
    """Gives for each span of patient numbers what tells a change: rows, latest change of a tumor, a patient, an abstract."""
    span = cast(func.floor(Patient.id / SPAN), Integer)
    rows = session.execute(
        select(span, func.count(Tumor.id), func.max(Tumor.updated_at), func.max(Patient.updated_at))
        .join(Patient, Tumor.patient_id == Patient.id)
        .group_by(span)
    )
    found = {int(r[0]): [r[1], str(r[2]), str(r[3])] for r in rows}
    span = cast(func.floor(Tumor.patient_id / SPAN), Integer)
    rows = session.execute(
        select(span, func.count(Abstract.id), func.max(Abstract.updated_at))
        .join(Tumor, Abstract.tumor_id == Tumor.id)
        .group_by(span)
    )
    for number, count, changed in rows:
        found.setdefault(int(number), [0, "", ""]).extend([count, str(changed)])
    return found


def _write_span(session: Session, folder: Path, span: int, as_of: date) -> None:
    inside = (Tumor.patient_id >= span * SPAN) & (Tumor.patient_id < (span + 1) * SPAN)
    tumors = session.execute(
        select(Tumor.id, Patient.id, Patient.items, Tumor.items)
        .join(Patient, Tumor.patient_id == Patient.id)
        .where(inside)
        .order_by(Tumor.id)
    ).all()
    _write_frame(_tumor_frame(tumors, as_of), _file(folder, "tumors", span))
    abstracts = session.execute(
        select(
            Abstract.id,
            Abstract.tumor_id,
            Facility.number,
            Abstract.class_of_case,
            Abstract.accession_number,
            Abstract.first_contact_earliest,
            Abstract.status,
        )
        .join(Tumor, Abstract.tumor_id == Tumor.id)
        .outerjoin(Facility, Abstract.facility_id == Facility.id)
        .where(inside)
        .order_by(Abstract.id)
    ).all()
    _write_frame(_abstract_frame(abstracts), _file(folder, "abstracts", span))


def _tumor_frame(rows: Sequence[Any], as_of: date) -> pd.DataFrame:
    import pandas as pd

    from abstracting.recodes.frame import DERIVED, add_recodes

    records = [{**person, **tumor} for _tumor_id, _patient_id, person, tumor in rows]
    frame = pd.DataFrame.from_records(records, columns=sorted({n for r in records for n in r}, key=int))
    names = {n: _column(int(n)) for n in frame.columns}
    frame[OWNER] = [r[1] for r in rows]
    own = add_recodes(frame, as_of=as_of, patient=OWNER)[list(DERIVED)]
    frame = frame.drop(columns=OWNER)
    # 220 and 225 feed one column of analysis: 1 male, 2 female, 9 any other (registry.projection)
    frame = frame.drop(columns=[n for n in ("220", "225") if n in frame])
    frame[SEX] = [sex(r[2]) for r in rows]
    table = frame.rename(columns=names).astype("string[pyarrow]")
    # a derived column keeps its name: the item as reported stands beside it under its XML id
    table = table.drop(columns=[name for name in own if name in table])
    table = pd.concat([table, own], axis=1)
    table.insert(0, "tumor_id", pd.array([r[0] for r in rows], dtype="int64"))
    table.insert(1, "patient_id", pd.array([r[1] for r in rows], dtype="int64"))
    return table


def _column(number: int) -> str:
    item = known(number)
    return item.id if item is not None and item.source != "base" else analysis_column(number)


def _abstract_frame(rows: Sequence[Any]) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(
        [tuple(r) for r in rows],
        columns=["abstract_id", "tumor_id", "facility", "class_of_case", "accession", "first_contact", "status"],
    )
    text = ["facility", "class_of_case", "accession", "status"]
    return frame.astype(dict.fromkeys(text, "string[pyarrow]")).assign(
        first_contact=pd.to_datetime(frame["first_contact"])
    )


def _write_frame(frame: pd.DataFrame, path: Path) -> None:
    part = path.with_name(path.name + ".part")
    # Spark reads no nanoseconds
    frame.to_parquet(part, index=False, compression="zstd", coerce_timestamps="us")
    os.replace(part, path)
