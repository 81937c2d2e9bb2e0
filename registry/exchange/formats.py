"""Telling what a received file is, and opening the reader for it."""

from __future__ import annotations

import zipfile
from pathlib import Path

from registry.errors import RegistryError
from registry.exchange.incoming import Reader

FORMATS = ("auto", "naaccr", "csv", "canreg")
TABLES = {".csv", ".tsv", ".txt"}


def open_reader(
    paths: list[Path],
    *,
    format: str = "auto",
    mapping: Path | None = None,
    user_dictionaries: list[Path] | None = None,
) -> Reader:
    """Gives the reader of a file, or of the three files (or their folder) of the CanReg layout."""
    if len(paths) == 1 and paths[0].is_dir():
        paths = _canreg_files(paths[0])
    kind = tell_format(paths, mapping) if format == "auto" else format
    if kind == "canreg":
        from registry.exchange.canreg import CanregReader

        return CanregReader(paths, mapping if mapping and mapping.suffix == ".xml" else None)
    if len(paths) != 1:
        raise RegistryError("usage", "several files at once are only the three tables of the CanReg layout")
    if kind == "csv":
        from registry.exchange.tables import TableReader, read_map

        return TableReader(paths[0], read_map(mapping) if mapping else None)
    from registry.exchange.naaccr import NaaccrReader

    return NaaccrReader(paths[0], user_dictionaries)


def _canreg_files(folder: Path) -> list[Path]:
    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in TABLES and path.stem in {"patient", "tumour", "source"}:
            found.setdefault(path.stem, path)
    if "patient" not in found or "tumour" not in found:
        raise RegistryError("canreg-table", "the folder holds no patient and tumour tables", where=str(folder))
    return list(found.values())


def tell_format(paths: list[Path], mapping: Path | None = None) -> str:
    """Tells what files are: naaccr, csv or canreg; an archive is an error that names what is in it."""
    if len(paths) > 1:
        return "canreg"
    path = paths[0]
    head = path.read_bytes()[:4096] if path.stat().st_size < 1 << 20 else _head(path)
    if head.startswith(b"PK"):
        inside = zipfile.ZipFile(path).namelist()[:3] if zipfile.is_zipfile(path) else []
        raise RegistryError(
            "file-format",
            "a ZIP archive cannot be imported",
            where=str(path),
            hint=f"unpack it first: {', '.join(inside)}",
        )
    if mapping is not None:
        return "csv"
    first = head.split(b"\n", 1)[0]
    if path.suffix.lower() in {".csv", ".tsv"} or (path.suffix.lower() == ".txt" and b"\t" in first):
        return "csv"
    return "naaccr"


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096)
