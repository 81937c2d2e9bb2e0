"""Files on their way out: written, their losses accounted for, and handed over only for a purpose, which is kept."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from registry.db import Store
from registry.errors import RegistryError
from registry.models import now

LIFE = timedelta(days=1)
"""A file that nobody fetched is removed after so long."""

SHORTEST_PURPOSE = 8
_TOKEN = re.compile(r"[0-9a-f]{24}\Z")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def new_token(store: Store) -> str:
    """Gives the name of a fresh folder for one file, after removing what nobody fetched."""
    sweep(store)
    return secrets.token_hex(12)


def place_of(store: Store, token: str, name: str) -> Path:
    """Gives the path of a file on its way out."""
    if not _TOKEN.match(token):
        raise RegistryError("not-found", "there is no such file")
    return store.settings.folder("exports") / token / _UNSAFE.sub("_", name)


def existing(store: Store, token: str, name: str) -> Path:
    """Gives the path of a written file; one that is gone says so."""
    path = place_of(store, token, name)
    if not path.exists():
        raise RegistryError("not-found", "the file is not here any more", hint="files wait for a day; write it again")
    return path


def discard(store: Store, token: str) -> None:
    """Removes a file with its folder."""
    shutil.rmtree(place_of(store, token, "x").parent, ignore_errors=True)


def sweep(store: Store) -> int:
    """Removes files that nobody fetched for a day; gives how many."""
    gone = 0
    for folder in store.settings.folder("exports").iterdir():
        if now().timestamp() - folder.stat().st_mtime > LIFE.total_seconds():
            shutil.rmtree(folder, ignore_errors=True)
            gone += 1
    return gone


def purpose_of(text: str) -> str:
    """Gives a purpose as it is kept; one that says nothing is an error."""
    purpose = " ".join(text.split())[:500]
    if len(purpose) < SHORTEST_PURPOSE:
        raise RegistryError(
            "export",
            "a file leaves the registry for a purpose",
            hint="write it in a few words, as who needs it for what",
        )
    return purpose


def write_rows(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Writes a table as .csv, .xlsx or .parquet and gives its SHA-256."""
    from registry.exchange.export import file_sha256, write_table

    path.parent.mkdir(mode=0o700, exist_ok=True)
    write_table(path, header, rows)
    return file_sha256(path)
