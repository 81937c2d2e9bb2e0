"""Reading NAACCR files: patients one by one, in memory that does not grow with the file.

reading = read_any("cases.xml.gz")
reading.root.version            # "250"
for patient in reading:         # Patient(items={20: "00000001", ...}, tumors=[Tumor(items={400: "C509", ...})])
    ...
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path, PurePath

from abstracting.naaccr.engine import Engine
from abstracting.naaccr.findings import UnreadableError
from abstracting.naaccr.items import Dictionary
from abstracting.naaccr.options import ReadOptions
from abstracting.naaccr.records import Patient, Root
from abstracting.naaccr.source import Source, Utf8, open_bytes

DEFAULTS = ReadOptions()
SUFFIXES = {".xml": "xml", ".txt": "flat", ".dat": "flat", ".csv": "csv"}


class Reading:
    """An open file: `root` and `dictionary` are known, iterating gives the patients, once.

    Findings of a patient are in `patient.findings`, those of the root in `root.findings` (complete at the end of the
    iteration). Iteration raises `UnreadableError` where reading has to stop; the patients before it have been given.
    `notes` holds what is worth knowing and no finding, such as user dictionaries that are missing.
    """

    def __init__(self, root: Root, dictionary: Dictionary, patients: Iterator[Patient], notes: list[str], format: str):
        self.root, self.dictionary, self.notes, self.format = root, dictionary, notes, format
        self._patients = patients

    def __iter__(self) -> Iterator[Patient]:
        return self._patients


def read_xml(source: Source, *, options: ReadOptions = DEFAULTS) -> Reading:
    """Opens NAACCR XML (path or binary stream, gzip or not); raises `UnreadableError` where the root cannot be read."""
    engine = Engine(options)
    utf8: list[Utf8] = []

    def patients() -> Iterator[Patient]:
        with open_bytes(source) as chunks:
            utf8.append(Utf8(chunks, options.encoding))
            failure: UnreadableError | None = None
            steps: Iterator[Callable[[], None]] = chain((partial(engine.feed, one) for one in utf8[0]), [engine.finish])
            for step in steps:
                try:
                    step()
                except UnreadableError as error:
                    failure = error
                yield from engine.patients
                engine.patients.clear()
                if failure is not None:
                    raise failure
            if utf8[0].replaced:
                engine.notes.append(f"{utf8[0].replaced} characters could not be decoded and were replaced")

    stream = patients()
    first: list[Patient] = []
    late: list[UnreadableError] = []
    try:
        first = [next(stream)]
    except StopIteration:
        pass
    except UnreadableError as error:
        if engine.opening is None:
            raise
        late = [error]
    opening = engine.opening
    assert opening is not None

    def all_patients() -> Iterator[Patient]:
        yield from first
        if late:
            raise late[0]
        yield from stream

    return Reading(opening.root, opening.dictionary, all_patients(), engine.notes, "xml")


def sniff_format(source: Source) -> str:
    """Gives `xml`, `flat` or `csv`: by the content where it is plain, else by the suffix of the path.

    What is no regular file (a pipe) is not looked into, because it can be read only once: it counts as XML.
    """
    if isinstance(source, str | os.PathLike) and Path(source).exists() and not Path(source).is_file():
        return "xml"
    with open_bytes(source) as chunks:
        head = next(iter(chunks), b"")
    text = head.lstrip(b"\xef\xbb\xbf").lstrip()
    if text[:1] == b"<" or head[:2] in (b"\xff\xfe", b"\xfe\xff") or head[1:2] == b"\x00":
        return "xml"
    suffixes = PurePath(source).suffixes if isinstance(source, str | os.PathLike) else []
    named = [SUFFIXES[suffix.lower()] for suffix in suffixes if suffix.lower() in SUFFIXES]
    if named:
        return named[-1]
    return "csv" if b"," in head[:4096] else "flat"


def read_any(source: Source, *, options: ReadOptions = DEFAULTS, version: str | None = None) -> Reading:
    """Opens a file of any form: XML, flat (v14 to v18) or CSV with one row a tumor, recognised by its content.

    A binary stream is read as XML. `version` is needed for CSV without a column naaccrRecordVersion.
    """
    if hasattr(source, "read"):
        return read_xml(source, options=options)
    form = sniff_format(source)
    if form == "xml":
        return read_xml(source, options=options)
    if form == "flat":
        from abstracting.naaccr.flat import read_flat

        return read_flat(source, options=options)
    from abstracting.naaccr.csv_files import read_csv

    return read_csv(source, options=options, version=version)
