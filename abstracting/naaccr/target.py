"""Writing a file whole or not at all: into a temporary file beside it, renamed when everything is written."""

from __future__ import annotations

import gzip
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from abstracting.errors import AbstractingError

Target = str | os.PathLike[str] | BinaryIO

PROBLEMS_SHOWN = 50


@contextmanager
def open_target(target: Target) -> Iterator[BinaryIO]:
    """Gives a stream to write to; a path ending in .gz is compressed, with the same bytes for the same content.

    On any error the path keeps what it had before. A stream given by the caller is written directly.
    """
    if not isinstance(target, str | os.PathLike):
        yield target
        return
    path = Path(target)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise AbstractingError(
            "naaccr-file",
            f"cannot write: {error.strerror}",
            hint="check the folder and its permissions",
            where=str(path),
        ) from error
    try:
        with os.fdopen(handle, "wb") as raw:
            if path.suffix == ".gz":
                with gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="", compresslevel=6) as packed:
                    yield cast(BinaryIO, packed)
            else:
                yield raw
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


class Problems:
    """Collects what cannot be written, to be raised at once; only the first 50 are shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.count = 0

    def add(self, text: str) -> None:
        self.count += 1
        if len(self.shown) < PROBLEMS_SHOWN:
            self.shown.append(text)

    def raise_any(self) -> None:
        if self.count:
            more = f" (and {self.count - len(self.shown)} more)" if self.count > len(self.shown) else ""
            raise AbstractingError(
                "naaccr-write",
                f"nothing was written, because {self.count} values cannot be: " + "; ".join(self.shown) + more,
                hint="correct the values, or convert the records to a version that has the items",
            )
