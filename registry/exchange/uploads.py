"""Files on their way in: kept in the data folder from the upload until they are imported or thrown away.

An upload is a folder with the files under their own names, an optional column map or system definition, and what its dry
run pointed out (`rejected.jsonl`, `notices.jsonl`). It becomes a kept document when it is imported, never before: a file
chosen by mistake leaves no trace. Uploads that nobody finished are removed after `LIFE`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from registry.db import Store
from registry.errors import RegistryError
from registry.models import now

LIFE = timedelta(days=7)
STATE = "upload.json"
MAP, SYSTEM = "map.toml", "system.xml"
_TOKEN = re.compile(r"[0-9a-f]{24}\Z")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class UploadedFile:
    """One file of an upload: the name it came with, the name it is kept under, its size and fingerprint."""

    name: str
    kept_as: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Upload:
    """One upload: who sent it and when, its files, how it is to be read, and the job of its dry run."""

    token: str
    who: str
    at: str
    folder: Path
    files: tuple[UploadedFile, ...]
    options: dict[str, str] = field(default_factory=dict)
    dry_job: int | None = None

    @property
    def title(self) -> str:
        """The names of the files."""
        return ", ".join(file.name for file in self.files)

    @property
    def paths(self) -> list[Path]:
        """The kept files."""
        return [self.folder / file.kept_as for file in self.files]

    @property
    def mapping(self) -> Path | None:
        """The column map or CanReg system definition that came with the files."""
        return next((self.folder / name for name in (MAP, SYSTEM) if (self.folder / name).exists()), None)

    @property
    def is_table(self) -> bool:
        """Whether the upload is one delimited table, whose columns must be told."""
        return len(self.files) == 1 and self.kind == "csv"

    @property
    def kind(self) -> str:
        """The form of the files: naaccr, csv or canreg."""
        from registry.exchange.formats import tell_format

        return self.options.get("format") or tell_format(self.paths)

    @property
    def received(self) -> datetime:
        """When it came."""
        return datetime.fromisoformat(self.at)


def receive(store: Store, files: Iterable[tuple[str, BinaryIO]], *, who: str) -> Upload:
    """Keeps files as they come and gives the upload; no file, or only empty ones, is an error."""
    sweep(store)
    token = secrets.token_hex(12)
    folder = store.settings.folder("uploads") / token
    folder.mkdir(mode=0o700)
    kept: list[UploadedFile] = []
    for name, stream in files:
        plain = PurePath(name.replace("\\", "/")).name[:200]
        if not plain:
            continue
        kept_as = f"{len(kept)}-{_UNSAFE.sub('_', plain)[-120:]}"
        size, digest = _write(folder / kept_as, stream)
        kept.append(UploadedFile(plain, kept_as, size, digest))
    if not kept or not any(file.size for file in kept):
        shutil.rmtree(folder)
        raise RegistryError(
            "file-format", "no file was chosen, or the file is empty", hint="choose a file and send again"
        )
    return _save(Upload(token, who, now().isoformat(), folder, tuple(kept)))


def _write(path: Path, stream: BinaryIO) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        while block := stream.read(1 << 20):
            digest.update(block)
            size += target.write(block)
    return size, digest.hexdigest()


def load(store: Store, token: str) -> Upload:
    """Gives an upload by its token; one that is gone says so."""
    folder = store.settings.folder("uploads") / token
    if not _TOKEN.match(token) or not (folder / STATE).exists():
        raise RegistryError(
            "not-found",
            "this upload is not here any more: it was imported, thrown away, or older than a week",
            hint="look into the history of imports, or send the file again",
        )
    state = json.loads((folder / STATE).read_text(encoding="utf-8"))
    files = tuple(UploadedFile(**file) for file in state.pop("files"))
    return Upload(folder=folder, files=files, **state)


def change(upload: Upload, **values: Any) -> Upload:
    """Gives the upload with other values, kept."""
    return _save(replace(upload, **values))


def _save(upload: Upload) -> Upload:
    state = {key: value for key, value in asdict(upload).items() if key != "folder"}
    fresh = upload.folder / f"{STATE}.new"
    fresh.write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")
    os.replace(fresh, upload.folder / STATE)
    return upload


def discard(upload: Upload) -> None:
    """Removes an upload with all that belongs to it."""
    shutil.rmtree(upload.folder, ignore_errors=True)


def sweep(store: Store) -> int:
    """Removes uploads that are older than a week; gives how many."""
    gone = 0
    for folder in store.settings.folder("uploads").iterdir():
        age = now().timestamp() - folder.stat().st_mtime
        if age > LIFE.total_seconds():
            shutil.rmtree(folder, ignore_errors=True)
            gone += 1
    return gone


def waiting(store: Store, *, who: str) -> list[Upload]:
    """Gives an account's uploads that were not imported yet, newest first."""
    found = []
    for path in store.settings.folder("uploads").glob(f"*/{STATE}"):
        upload = load(store, path.parent.name)
        if upload.who == who:
            found.append(upload)
    return sorted(found, key=lambda upload: upload.at, reverse=True)


def lines(upload: Upload, name: str) -> Iterator[dict[str, Any]]:
    """Gives what the dry run kept (`rejected` or `notices`), in the order of the file."""
    path = upload.folder / f"{name}.jsonl"
    if path.exists():
        with path.open(encoding="utf-8") as file:
            yield from (json.loads(line) for line in file)
