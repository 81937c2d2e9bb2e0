"""Reading large XML by several processes, with the result of one.

The file is cut after end tags of patients. A cut is good where the piece before it ended between two patients; where it
fell into a comment or CDATA, or a piece cannot be read, the text from there on is read again in this process.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import BinaryIO

from abstracting.naaccr.engine import END, Engine, count_lines
from abstracting.naaccr.findings import FINDINGS_KEPT, Finding, UnreadableError
from abstracting.naaccr.options import NOTES, ReadOptions
from abstracting.naaccr.parser import Opening
from abstracting.naaccr.report import Report
from abstracting.naaccr.source import CHUNK, Source

PIECE = 4 * 1024 * 1024
# smaller files are read before a second process has started
WORTH_PROCESSES = 8 * 1024 * 1024

# text, or the place of a text in a file: (path, first byte, byte after the last)
Piece = bytes | tuple[str, int, int]


def is_worth_it(source: Source, jobs: int) -> bool:
    """Tells whether a file is large enough, and this process free to be forked (one with threads is not)."""
    if jobs < 2 or threading.active_count() > 1 or not isinstance(source, str | os.PathLike):
        return False
    size = os.stat(source).st_size
    return size > (WORTH_PROCESSES // 16 if str(source).endswith(".gz") else WORTH_PROCESSES)


class ChunkPieces:
    """Pieces of a stream: the text that `start` and the chunks give, and `tail` for what follows the last cut."""

    def __init__(self, start: bytes, chunks: Iterator[bytes]):
        self._start, self._chunks = start, chunks
        self._rest = b""

    def __iter__(self) -> Iterator[Piece]:
        parts = [self._start]
        size = len(self._start)
        for chunk in self._chunks:
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
        self._rest = b"".join(parts)

    def tail(self) -> Iterator[bytes]:
        yield self._rest
        yield from self._chunks


class RangePieces:
    """Pieces of a plain UTF-8 file by their places, so that each process reads its own."""

    def __init__(self, path: str, start: int):
        self._path, self._place = path, start

    def __iter__(self) -> Iterator[Piece]:
        size = os.stat(self._path).st_size
        with open(self._path, "rb") as file:
            while self._place + PIECE < size:
                cut = self._find_cut(file, self._place + PIECE)
                if cut is None:
                    return
                yield self._path, self._place, cut
                self._place = cut

    @staticmethod
    def _find_cut(file: BinaryIO, place: int) -> int | None:
        """Gives the place behind the first end tag of a patient from `place` on, None where none is near."""
        rest = b""
        last = place + 4 * PIECE
        file.seek(place)
        while place < last and (chunk := file.read(CHUNK)):
            found = (rest + chunk).find(END)
            if found >= 0:
                return place - len(rest) + found + len(END)
            place += len(chunk)
            rest = chunk[-len(END) :]
        return None

    def tail(self) -> Iterator[bytes]:
        with open(self._path, "rb") as file:
            file.seek(self._place)
            while chunk := file.read(CHUNK):
                yield chunk


@dataclass(slots=True)
class _Part:
    """What one process found in one piece: lines and patients counted from the start of the piece."""

    report: Report
    lines: int
    between: bool
    root_findings: list[Finding]
    notes: list[str]


_worker: tuple[ReadOptions, Opening] | None = None


def _start_worker(options: ReadOptions, opening: Opening) -> None:
    global _worker
    _worker = options, opening


def _text_of(piece: Piece) -> bytes:
    if isinstance(piece, bytes):
        return piece
    path, start, end = piece
    with open(path, "rb") as file:
        file.seek(start)
        return file.read(end - start)


def _read_part(piece: Piece) -> _Part:
    """Reads one piece of a file that starts between two patients."""
    assert _worker is not None
    options, opening = _worker
    data = _text_of(piece)
    before = len(opening.root.findings)
    report = Report()
    engine = Engine(options, opening=opening)
    try:
        feed(report, engine, data)
    except UnreadableError:
        # the piece is read again where all lines are known, so that the error names the right one
        return _Part(report, 0, False, [], [])
    return _Part(report, count_lines(data), engine.between, opening.root.findings[before:], engine.notes)


def feed(report: Report, engine: Engine, chunk: bytes) -> None:
    """Feeds the engine and adds its patients to the report, also those before a fault."""
    try:
        engine.feed(chunk)
    finally:
        report.take(engine.patients)


def read_pieces(
    report: Report,
    engine: Engine,
    pieces: ChunkPieces | RangePieces,
    options: ReadOptions,
    jobs: int,
    progress: Callable[[int], None] | None = None,
) -> Engine:
    """Reads all pieces and what follows them; gives the engine that stands at the end of the text.

    `engine` stands between two patients, where the first piece starts.
    """
    opening = engine.opening
    assert opening is not None
    notes = engine.notes
    line, index = engine.line, engine.index
    waiting: deque[tuple[Piece, Future[_Part]]] = deque()
    again: list[Piece] = []
    context = multiprocessing.get_context("fork" if "fork" in multiprocessing.get_all_start_methods() else None)
    source = iter(pieces)

    def merge_oldest() -> None:
        nonlocal line, index
        piece, future = waiting.popleft()
        part = future.result()
        if not part.between:
            again.append(piece)
            return
        _merge(report, part, opening, line, index)
        notes.extend(note for note in part.notes if note not in notes and len(notes) < NOTES)
        line, index = line + part.lines, index + part.report.patients
        if progress is not None and not isinstance(piece, bytes):
            progress(piece[2])

    with ProcessPoolExecutor(jobs, context, _start_worker, (options, opening)) as pool:
        for piece in source:
            waiting.append((piece, pool.submit(_read_part, piece)))
            if len(waiting) > jobs + 1:
                merge_oldest()
                if again:
                    break
        while waiting and not again:
            merge_oldest()
        for _, future in waiting:
            future.cancel()
    engine = Engine(options, opening=opening, line=line, index=index)
    engine.notes = notes
    for piece in (*again, *(piece for piece, _ in waiting)):
        feed(report, engine, _text_of(piece))
    for piece in source:
        feed(report, engine, _text_of(piece))
    for chunk in pieces.tail():
        feed(report, engine, chunk)
    return engine


def _merge(report: Report, part: _Part, opening: Opening, line: int, index: int) -> None:
    """Adds a piece's result, its lines and patients counted from the start of the file."""

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
    opening.root.findings.extend(map(moved, part.root_findings))
