"""Backup and restore: every table as JSON lines, documents, anchors and keys in one archive, on either engine.

The archive carries a manifest with row counts and checksums; a restore checks all of it before it writes a row, so that a
truncated or altered archive is refused whole. A backup of SQLite restores into PostgreSQL and back.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Date, LargeBinary, Table, func, insert, select, text

from registry import schema
from registry.config import Settings
from registry.db import Store
from registry.errors import RegistryError
from registry.models import Base
from registry.models.base import Moment
from registry.security import accounts  # noqa: F401  (its tables belong to the backup)

FOLDERS = ("documents", "anchors", "keys", "dictionaries", "populations")
MANIFEST = "manifest.json"
CHUNK = 1000


@dataclass(frozen=True)
class Summary:
    """What a backup holds."""

    tables: int
    rows: int
    documents: int


def back_up(store: Store, file: Path) -> Summary:
    """Writes the archive next to its final name and renames it when complete; one read transaction sees one state."""
    manifest: dict[str, Any] = {"schema": schema.current(store.engine), "tables": {}, "files": {}}
    fresh = file.with_name(file.name + ".part")
    with tarfile.open(fresh, "w:gz") as archive, store.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        for table in Base.metadata.sorted_tables:
            body, rows = io.BytesIO(), 0
            for row in connection.execution_options(yield_per=CHUNK).execute(select(table)).mappings():
                body.write(json.dumps({k: _plain(v) for k, v in row.items()}, ensure_ascii=False).encode() + b"\n")
                rows += 1
            digest = _add(archive, f"tables/{table.name}.jsonl", body.getvalue())
            manifest["tables"][table.name] = {"rows": rows, "sha256": digest}
        for path in _files(store.settings):
            name = str(path.relative_to(store.settings.home))
            manifest["files"][name] = _add(archive, f"files/{name}", path.read_bytes())
        _add(archive, MANIFEST, json.dumps(manifest).encode())
    os.chmod(fresh, 0o600)
    os.replace(fresh, file)
    return _summary(manifest)


def restore_backup(settings: Settings, file: Path) -> Summary:
    """Checks an archive whole, then fills the settings' empty database and folders from it."""
    store = Store(settings)
    if store.exists():
        with store.reading() as session:
            if any(session.scalar(select(func.count()).select_from(t)) for t in Base.metadata.sorted_tables):
                raise RegistryError("backup", "the database is not empty", hint="restore into a new data folder")
    manifest, members = _checked(file)
    schema.upgrade(store.engine)
    if manifest["schema"] != schema.head():
        raise RegistryError(
            "backup", f"the backup has schema {manifest['schema']}, this program {schema.head()}", where=str(file)
        )
    with store.engine.begin() as connection:
        for table in Base.metadata.sorted_tables:
            for rows in _chunks(table, members[f"tables/{table.name}.jsonl"]):
                connection.execute(insert(table), rows)
        if connection.dialect.name == "postgresql":
            _advance_sequences(connection)
    for name in manifest["files"]:
        path = settings.home / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_bytes(members[f"files/{name}"])
        path.chmod(0o600)
    return _summary(manifest)


def _summary(manifest: dict[str, Any]) -> Summary:
    rows = sum(table["rows"] for table in manifest["tables"].values())
    documents = sum(name.startswith("documents/") for name in manifest["files"])
    return Summary(len(manifest["tables"]), rows, documents)


def _files(settings: Settings) -> Iterator[Path]:
    for folder in FOLDERS:
        root = settings.home / folder
        if root.is_dir():
            yield from sorted(path for path in root.rglob("*") if path.is_file() and path.name != "lock")


def _add(archive: tarfile.TarFile, name: str, body: bytes) -> str:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(body), 0o600
    archive.addfile(info, io.BytesIO(body))
    return hashlib.sha256(body).hexdigest()


def _checked(file: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    try:
        with tarfile.open(file, "r:gz") as archive:
            members = {m.name: archive.extractfile(m).read() for m in archive if m.isfile()}  # type: ignore[union-attr]
        manifest = json.loads(members[MANIFEST])
    except (tarfile.TarError, OSError, EOFError, KeyError, ValueError) as error:
        raise RegistryError("backup", f"the archive is not a whole backup: {error}", where=str(file)) from error
    expected = {f"tables/{n}.jsonl": t["sha256"] for n, t in manifest["tables"].items()}
    expected |= {f"files/{n}": digest for n, digest in manifest["files"].items()}
    for name, digest in expected.items():
        if name not in members or hashlib.sha256(members[name]).hexdigest() != digest:
            raise RegistryError("backup", f"{name} is missing or altered", where=str(file))
        if name.startswith("files/") and (".." in Path(name).parts or Path(name).parts[1] not in FOLDERS):
            raise RegistryError("backup", f"{name} points outside the data folder", where=str(file))
    return manifest, members


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def _chunks(table: Table, body: bytes) -> Iterator[list[dict[str, Any]]]:
    read = {column.name: _reader(column.type) for column in table.columns}
    rows = []
    for line in body.splitlines():
        rows.append({name: read[name](value) for name, value in json.loads(line).items()})
        if len(rows) == CHUNK:
            yield rows
            rows = []
    if rows:
        yield rows


def _reader(kind: Any) -> Any:
    if isinstance(kind, Moment):
        return lambda value: value and datetime.fromisoformat(value)
    if isinstance(kind, Date):
        return lambda value: value and date.fromisoformat(value)
    if isinstance(kind, LargeBinary):
        return lambda value: value and base64.b64decode(value)
    return lambda value: value


def _advance_sequences(connection: Any) -> None:
    for table in Base.metadata.sorted_tables:
        if "id" in table.columns and len(table.primary_key.columns) == 1:
            name = connection.scalar(text("SELECT pg_get_serial_sequence(:t, 'id')"), {"t": table.name})
            highest = connection.scalar(select(func.max(table.c.id)))
            if name and highest:
                connection.execute(text("SELECT setval(CAST(:s AS regclass), :v)"), {"s": name, "v": highest})
