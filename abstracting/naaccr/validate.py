"""Validating a whole file: all findings, capped, and the fault that stopped the reading if one did."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from abstracting.errors import AbstractingError
from abstracting.naaccr.engine import Engine
from abstracting.naaccr.findings import FINDINGS_KEPT, UnreadableError
from abstracting.naaccr.options import ReadOptions
from abstracting.naaccr.reader import Reading, read_any, sniff_format
from abstracting.naaccr.report import Report
from abstracting.naaccr.source import Source, Utf8, open_bytes
from abstracting.naaccr.user_dictionaries import UserDictionary, read_user_dictionary

__all__ = ["Report", "validate"]


def validate(
    source: Source,
    *,
    user_dictionaries: Sequence[UserDictionary | str | Path] = (),
    namespaces: Mapping[str, str] | None = None,
    relaxed: bool = False,
    as_: Literal["xml", "flat", "csv", "dictionary"] | None = None,
    jobs: int | None = None,
    options: ReadOptions | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Gives the report of a file; a file that cannot be read gives one with `fatal`, never an exception.

    `as_` says what the file is where its content does not: `dictionary` checks a user dictionary. `jobs` is the number
    of processes, by default one for each processor. `options` replaces the other choices. `progress` is called with the
    number of bytes read so far.
    """
    report = Report()
    try:
        if options is None:
            loaded = tuple(
                one if isinstance(one, UserDictionary) else read_user_dictionary(one) for one in user_dictionaries
            )
            options = ReadOptions(user_dictionaries=loaded, namespaces=dict(namespaces or {}), relaxed=relaxed)
        if as_ == "dictionary":
            read_user_dictionary(source)
        elif as_ == "flat":
            from abstracting.naaccr.flat import read_flat

            _collect(report, read_flat(source, options=options))
        elif as_ == "csv":
            from abstracting.naaccr.csv_files import read_csv

            _collect(report, read_csv(source, options=options))
        elif as_ == "xml" or hasattr(source, "read") or sniff_format(source) == "xml":
            _validate_xml(report, source, options, jobs or os.cpu_count() or 1, progress)
        else:
            _collect(report, read_any(source, options=options))
    except UnreadableError as error:
        report.fatal = error
    except AbstractingError as error:
        report.fatal = UnreadableError(error.code, error.message, hint=error.hint)
    return report


def _collect(report: Report, reading: Reading) -> None:
    report.root = reading.root
    report.notes = reading.notes
    try:
        for patient in reading:
            report.take([patient])
    finally:
        report.add(reading.root.findings)


def _validate_xml(
    report: Report, source: Source, options: ReadOptions, jobs: int, progress: Callable[[int], None] | None
) -> None:
    from abstracting.naaccr import processes

    engine = Engine(options)
    read = 0
    try:
        with open_bytes(source) as raw:
            utf8 = Utf8(raw, options.encoding)
            chunks: Iterator[bytes] = iter(utf8)
            parallel = processes.is_worth_it(source, jobs)
            for chunk in chunks:
                processes.feed(report, engine, chunk)
                read += len(chunk)
                if progress is not None:
                    progress(read)
                if parallel and engine.index and (rest := engine.release()) is not None:
                    # a plain UTF-8 file is read by each process for itself; other text goes to them in pieces
                    pieces = (
                        processes.RangePieces(os.fspath(source), utf8.mark + read - len(rest))  # type: ignore[arg-type]
                        if utf8.is_plain and raw_is_plain(source)
                        else processes.ChunkPieces(rest, chunks)
                    )
                    engine = processes.read_pieces(report, engine, pieces, options, jobs, progress)
                    break
            try:
                engine.finish()
            finally:
                report.take(engine.patients)
            if utf8.replaced:
                report.notes.append(f"{utf8.replaced} characters could not be decoded and were replaced")
    finally:
        report.notes = [*engine.notes, *report.notes]
        if engine.opening is not None:
            report.root = engine.opening.root
            # findings of the root stand first, as in the file
            found, report.findings = report.findings, []
            report.add(engine.opening.root.findings)
            report.findings = (report.findings + found)[:FINDINGS_KEPT]


def raw_is_plain(source: Source) -> bool:
    """Tells whether a path holds the text itself, not a compressed form of it."""
    if not isinstance(source, str | os.PathLike):
        return False
    with open(source, "rb") as file:
        return file.read(2) != b"\x1f\x8b"
