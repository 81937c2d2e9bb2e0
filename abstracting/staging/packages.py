"""Official algorithm packages (ZIP files of JSON) read as they are published, and refused whole when malformed.

Layout: `schemas/*.json`, `tables/*.json`, `glossary/*.json`; other files are ignored. All must name one algorithm and one
version. Nothing is ever written to disk, so a path inside the archive cannot reach anything.
"""

from __future__ import annotations

import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from abstracting.errors import AbstractingError
from abstracting.staging.algorithms import Algorithm
from abstracting.staging.model import GlossaryEntry, Schema, Table
from abstracting.staging.records import Faults, read_glossary, read_schema, read_table
from abstracting.staging.verification import check_references

# caps of the published reader
MAX_ENTRIES = 10_000
MAX_ENTRY_BYTES = 10 * 1024 * 1024
MAX_TOTAL_BYTES = 100 * 1024 * 1024
MAX_RATIO = 50
FOLDERS = ("schemas", "tables", "glossary")

# RuntimeError is an encrypted entry, NotImplementedError an unknown compression
_UNPACKING_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    OSError,
    RuntimeError,
    NotImplementedError,
    EOFError,
)


def read_package(source: str | Path | bytes | BinaryIO) -> Algorithm:
    """Gives the algorithm of an official package; raises `staging-package` with every fault found (capped).

    `source` is a path, the file's bytes or an open binary file.
    """
    name = str(source) if isinstance(source, str | Path) else getattr(source, "name", "package")
    faults = Faults()
    schemas: dict[str, Schema] = {}
    tables: dict[str, Table] = {}
    glossary: dict[str, GlossaryEntry] = {}
    named: dict[tuple[str, str], str] = {}
    for entry, folder, record in _records(source, str(name), faults):
        if folder == "glossary":
            term = read_glossary(record, entry, faults)
            if term is not None:
                glossary[term.name] = term
            continue
        built = read_schema(record, entry, faults) if folder == "schemas" else read_table(record, entry, faults)
        if built is None:
            continue
        named.setdefault((str(record["algorithm"]).lower(), str(record["version"])), entry)
        target: dict[str, Any] = schemas if folder == "schemas" else tables
        if built.id in target:
            faults.add(entry, f"a second {folder[:-1]} has the id {built.id!r}")
        target[built.id] = built
    _check_identity(named, faults)
    if not faults:
        check_references(schemas, tables, faults)
    if faults:
        raise AbstractingError(
            "staging-package",
            f"not a usable staging package: {faults.summary()}",
            where=str(name),
            hint="take the package unchanged from its publisher; nothing of this one was loaded",
        )
    (algorithm, version) = next(iter(named))
    return Algorithm(algorithm, version, schemas, tables, glossary=glossary, source=Path(str(name)).name)


def _check_identity(named: dict[tuple[str, str], str], faults: Faults) -> None:
    for position, what in enumerate(("algorithm", "version")):
        values = {pair[position]: entry for pair, entry in named.items()}
        if len(values) > 1:
            listed = ", ".join(f"{value!r} in {entry}" for value, entry in sorted(values.items()))
            faults.add("package", f"more than one {what}: {listed}")
    if not named and not faults:
        faults.add("package", "no schemas/*.json and tables/*.json in it")


def _records(source: Any, name: str, faults: Faults) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Gives (entry, folder, JSON object) for every entry that counts; adds a fault for each that cannot be read."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source)
    except FileNotFoundError:
        raise AbstractingError("staging-package", "there is no such file", where=name) from None
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise AbstractingError(
            "staging-package", f"not a readable ZIP file: {error}", where=name, hint="give the package as published"
        ) from None
    with archive:
        entries = archive.infolist()
        _check_size(entries, faults)
        if faults:
            return
        for entry in entries:
            folder = _folder(entry, faults)
            if folder is not None:
                record = _read_entry(archive, entry, faults)
                if record is not None:
                    yield entry.filename, folder, record


def _check_size(entries: list[zipfile.ZipInfo], faults: Faults) -> None:
    """Adds a fault for every cap that the archive's own directory already breaks, before anything is unpacked."""
    if len(entries) > MAX_ENTRIES:
        faults.add("package", f"{len(entries)} entries, more than {MAX_ENTRIES}")
    total = sum(entry.file_size for entry in entries)
    if total > MAX_TOTAL_BYTES:
        faults.add("package", f"{total} bytes unpacked, more than {MAX_TOTAL_BYTES}")
    for entry in entries:
        if entry.file_size > MAX_ENTRY_BYTES:
            faults.add(entry.filename, f"{entry.file_size} bytes unpacked, more than {MAX_ENTRY_BYTES}")
        elif entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
            faults.add(entry.filename, f"unpacks to more than {MAX_RATIO} times its size")


def _folder(entry: zipfile.ZipInfo, faults: Faults) -> str | None:
    name = entry.filename
    # orig_filename keeps what zipfile cuts off or turns around: a NUL byte, a backslash
    if name.startswith("/") or ".." in name.split("/") or any(c in entry.orig_filename for c in "\\\0"):
        faults.add(repr(entry.orig_filename), "a path that leaves the package")
        return None
    if entry.is_dir() or not name.endswith(".json"):
        return None
    folder, slash, _ = name.partition("/")
    return folder if slash and folder in FOLDERS else None


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, faults: Faults) -> dict[str, Any] | None:
    try:
        with archive.open(entry) as stream:
            # never more than the cap, whatever the directory says
            raw = stream.read(MAX_ENTRY_BYTES + 1)
        if len(raw) > MAX_ENTRY_BYTES:
            faults.add(entry.filename, f"more than {MAX_ENTRY_BYTES} bytes unpacked")
            return None
        record = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        faults.add(entry.filename, "not UTF-8")
    except ValueError as error:
        faults.add(entry.filename, f"not JSON: {error}")
    except RecursionError:
        faults.add(entry.filename, "nested too deeply")
    except _UNPACKING_ERRORS as error:
        faults.add(entry.filename, f"cannot be unpacked: {error}")
    else:
        if isinstance(record, dict):
            return record
        faults.add(entry.filename, "not a JSON object")
    return None
