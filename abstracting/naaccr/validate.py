"""Validating a whole file: all findings, capped, and the fault that stopped the reading if one did.

Large XML is cut after end tags of patients and read by several processes. The result is the same as that of one process:
a piece whose predecessor did not end between two patients (the cut fell into a comment or CDATA) is read again, in one
process, from there on.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from abstracting.errors import AbstractingError
from abstracting.naaccr.engine import END, Engine, count_lines
from abstracting.naaccr.findings import FINDINGS_KEPT, Finding, UnreadableError
from abstracting.naaccr.options import ReadOptions
from abstracting.naaccr.parser import Opening
from abstracting.naaccr.reader import Reading, read_any, sniff_format
from abstracting.naaccr.records import Patient, Root
from abstracting.naaccr.source import Source, Utf8, open_bytes
from abstracting.naaccr.user_dictionaries import UserDictionary, read_user_dictionary

PIECE = 4 * 1024 * 1024
# smaller files are read before a second process has started
WORTH_PROCESSES = 8 * 1024 * 1024


@dataclass(slots=True)
class Report:
    """The result for one file. `findings` holds at most 10,000; `counts` counts all of them by code."""

    patients: int = 0
    tumors: int = 0
    fatal: UnreadableError | None = None
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    root: Root | None = None

    @property
    def valid(self) -> bool:
        return self.fatal is None and not self.counts

    def as_dict(self) -> dict[str, Any]:
        """Gives the report as the command line prints it with --json."""
        return {
            "valid": self.valid,
            "fatal": self.fatal.as_dict() if self.fatal else None,
            "findings": [finding.as_dict() for finding in self.findings],
            "patients": self.patients,
            "tumors": self.tumors,
            "counts": dict(self.counts),
            "notes": self.notes,
        }

    def add(self, findings: Sequence[Finding]) -> None:
        if findings:
            self.counts.update(finding.code for finding in findings)
            self.findings.extend(findings[: max(0, FINDINGS_KEPT - len(self.findings))])

    def add_patient(self, patient: Patient) -> None:
        self.patients += 1
        self.tumors += len(patient.tumors)
        self.add(patient.findings)


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
        elif as_ == "xml" or (as_ is None and (hasattr(source, "read") or sniff_format(source) == "xml")):
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
            report.add_patient(patient)
    finally:
        report.add(reading.root.findings)


# --- XML, in one or several processes ---------------------------------------------------------------------------------


class _Chunks:
    """The content as UTF-8 chunks, telling how much of it was read."""

    def __init__(self, utf8: Utf8, progress: Callable[[int], None] | None):
        self._chunks: Iterator[bytes] = iter(utf8)
        self._progress = progress
        self.read = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.read += len(chunk)
            if self._progress is not None:
                self._progress(self.read)
            yield chunk


def _validate_xml(
    report: Report, source: Source, options: ReadOptions, jobs: int, progress: Callable[[int], None] | None
) -> None:
    engine = Engine(options)
    try:
        with open_bytes(source) as raw:
            utf8 = Utf8(raw, options.encoding)
            chunks = _Chunks(utf8, progress)
            parallel = jobs > 1 and _is_large(source)
            for chunk in chunks:
                _feed(report, engine, chunk)
                if parallel and engine.index and (rest := engine.release()) is not None:
                    engine = _validate_pieces(report, engine, rest, chunks, options, jobs)
                    parallel = False
            _finish(report, engine)
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


def _is_large(source: Source) -> bool:
    # a process that has threads is not to be forked
    if threading.active_count() > 1 or not isinstance(source, str | os.PathLike):
        return False
    size = os.stat(source).st_size
    return size > (WORTH_PROCESSES if not str(source).endswith(".gz") else WORTH_PROCESSES // 16)


def _feed(report: Report, engine: Engine, chunk: bytes) -> None:
    try:
        engine.feed(chunk)
    finally:
        for patient in engine.patients:
            report.add_patient(patient)
        engine.patients.clear()


def _finish(report: Report, engine: Engine) -> None:
    try:
        engine.finish()
    finally:
        for patient in engine.patients:
            report.add_patient(patient)
        engine.patients.clear()


@dataclass(slots=True)
class _Part:
    """What one process found in one piece: lines and patients counted from the start of the piece."""

    report: Report
    lines: int
    between: bool
    opening_findings: list[Finding]


_worker: tuple[ReadOptions, Opening] | None = None


def _start_worker(options: ReadOptions, opening: Opening) -> None:
    global _worker
    _worker = options, opening


def _read_part(data: bytes) -> _Part:
    """Reads one piece of a file that starts between two patients."""
    assert _worker is not None
    options, opening = _worker
    before = len(opening.root.findings)
    report = Report()
    engine = Engine(options, opening=opening)
    try:
        _feed(report, engine, data)
    except UnreadableError:
        # the piece is read again where all lines are known, so that the error names the right one
        return _Part(report, 0, False, [])
    return _Part(report, count_lines(data), engine.between, opening.root.findings[before:])


def _pieces(start: bytes, chunks: _Chunks, rest: list[bytes]) -> Iterator[bytes]:
    """Gives pieces of about 4 MB that end with an end tag of a patient; what follows the last one stays in `rest`."""
    parts = [start]
    size = len(start)
    for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        if size >= PIECE:
            data = b"".join(parts)
            cut = data.rfind(END) + len(END)
            if cut >= len(END):
                yield data[:cut]
                parts = [data[cut:]]
                size = len(parts[0])
            elif size > 4 * PIECE:
                break
    rest.append(b"".join(parts))


def _validate_pieces(
    report: Report, engine: Engine, start: bytes, chunks: _Chunks, options: ReadOptions, jobs: int
) -> Engine:
    """Reads the rest of the file by several processes; gives the engine with which reading goes on at its end."""
    opening = engine.opening
    assert opening is not None
    line, index = engine.line, engine.index
    rest: list[bytes] = []
    waiting: deque[tuple[bytes, Future[_Part]]] = deque()
    context = multiprocessing.get_context("fork" if "fork" in multiprocessing.get_all_start_methods() else None)
    broken: list[bytes] = []
    pieces = _pieces(start, chunks, rest)
    with ProcessPoolExecutor(jobs, context, _start_worker, (options, opening)) as pool:
        for piece in pieces:
            waiting.append((piece, pool.submit(_read_part, piece)))
            if len(waiting) > jobs + 1:
                line, index = _merge(report, waiting, broken, opening, line, index)
                if broken:
                    break
        while waiting and not broken:
            line, index = _merge(report, waiting, broken, opening, line, index)
        for _, future in waiting:
            future.cancel()
    notes = engine.notes
    engine = Engine(options, opening=opening, line=line, index=index)
    engine.notes = notes
    for piece in (*broken, *(piece for piece, _ in waiting)):
        _feed(report, engine, piece)
    for piece in pieces:
        _feed(report, engine, piece)
    _feed(report, engine, b"".join(rest))
    return engine


def _merge(
    report: Report,
    waiting: deque[tuple[bytes, Future[_Part]]],
    broken: list[bytes],
    opening: Opening,
    line: int,
    index: int,
) -> tuple[int, int]:
    """Adds the oldest piece's result, its lines and patients counted from the start of the file."""
    piece, future = waiting.popleft()
    part = future.result()
    if not part.between:
        broken.append(piece)
        return line, index

    def moved(finding: Finding) -> Finding:
        return replace(
            finding,
            line=finding.line + line - 1 if finding.line is not None else None,
            patient=finding.patient + index if finding.patient is not None else None,
        )

    report.patients += part.report.patients
    report.tumors += part.report.tumors
    report.counts.update(part.report.counts)
    report.findings.extend(map(moved, part.report.findings[: max(0, FINDINGS_KEPT - len(report.findings))]))
    opening.root.findings.extend(map(moved, part.opening_findings))
    return line + part.lines, index + part.report.patients
