"""Received files kept byte for byte in the data folder, named by their SHA-256, never changed."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

from sqlalchemy import select

from registry.config import Settings
from registry.db import Store
from registry.models import Document


def place(settings: Settings, sha256: str) -> Path:
    """Gives the path of a document by its fingerprint."""
    return settings.folder("documents") / sha256[:2] / sha256


def keep(store: Store, path: Path, *, kind: str, who: str, name: str = "") -> int:
    """Keeps a copy of a file (under `name`, else its own) and gives its document number; the same content is kept once."""
    digest = hashlib.sha256()
    folder = store.settings.folder("documents")
    part = folder / f"{os.getpid()}-{threading.get_ident()}.part"
    with path.open("rb") as source, open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as target:
        while block := source.read(1 << 20):
            digest.update(block)
            target.write(block)
    sha256 = digest.hexdigest()
    home = place(store.settings, sha256)
    home.parent.mkdir(exist_ok=True, mode=0o700)
    os.replace(part, home)
    with store.writing() as session:
        document = session.scalars(select(Document).where(Document.sha256 == sha256)).one_or_none()
        if document is None:
            document = Document(
                sha256=sha256, name=name or path.name, kind=kind, size=home.stat().st_size, received_by=who
            )
            session.add(document)
            session.flush()
        return document.id
