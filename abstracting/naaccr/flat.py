"""Fixed-column files of versions 14 to 18: one line a tumor, neighbouring lines of one patient joined.

Columns are characters. A line that is not UTF-8 is read as Windows-1252, the encoding old files are mostly in, and noted.
Version and record type are those of the first line, as the format says. Source: the layouts in the base dictionaries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from abstracting.errors import AbstractingError
from abstracting.naaccr.findings import PATIENT_DIFFERS, ROOT_DIFFERS, WRONG_LINE_LENGTH, Finding, UnreadableError
from abstracting.naaccr.items import FLAT_VERSIONS, RECORD_TYPES, VERSIONS, Dictionary, Item
from abstracting.naaccr.options import FINDINGS_A_PATIENT, PATIENT_BYTES, TUMORS, ReadOptions
from abstracting.naaccr.reader import DEFAULTS, Reading
from abstracting.naaccr.records import Node, Patient, Root, Tumor
from abstracting.naaccr.source import Source, open_bytes
from abstracting.naaccr.target import Problems, Target, open_target
from abstracting.naaccr.user_dictionaries import UserDictionary, combine
from abstracting.naaccr.values import find_fault
from abstracting.naaccr.writer import new_root

LINE_LENGTHS: dict[str, dict[str, int]] = {
    "140": {"A": 22824, "M": 22824, "C": 5564, "I": 3339},
    "150": {"A": 22824, "M": 22824, "C": 5564, "I": 3339},
    "160": {"A": 22824, "M": 22824, "C": 5564, "I": 3339},
    "180": {"A": 24194, "M": 24194, "C": 6154, "I": 4048},
}
LONGEST_LINE = 1_000_000

# the characters that the format's trimming removes: all up to U+0020
_TRIMMED = "".join(map(chr, range(0x21)))


def decode_line(raw: bytes, notes: dict[str, int]) -> str:
    """Gives a line as text: UTF-8, else Windows-1252 with every byte kept; counts the second in `notes`."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        notes["lines that are not UTF-8 were read as Windows-1252"] = (
            notes.get("lines that are not UTF-8 were read as Windows-1252", 0) + 1
        )
        return "".join(
            raw[i : i + 1].decode("cp1252", "replace") if raw[i] not in b"\x81\x8d\x8f\x90\x9d" else chr(raw[i])
            for i in range(len(raw))
        )


def split_lines(chunks: Iterable[bytes], longest: int = LONGEST_LINE) -> Iterator[bytes]:
    """Gives the lines of a stream without their ends; raises where one is longer than any real line."""
    rest = b""
    number = 1
    for chunk in chunks:
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        for line in lines:
            yield line.removesuffix(b"\r")
            number += 1
        if len(rest) > longest:
            raise UnreadableError(
                "naaccr-too-large", "the line is longer than any real one", hint="give a text file", line=number
            )
    if rest:
        yield rest.removesuffix(b"\r")


def _open_root(line: str | None) -> tuple[str, str]:
    """Gives version and record type of the first line; raises where it has none or is of another length."""

    def fail(message: str, hint: str) -> UnreadableError:
        return UnreadableError("naaccr-flat", message, hint=hint, line=1)

    known = "the first line must be a record of version 14, 15, 16 or 18"
    if line is None:
        raise UnreadableError("naaccr-file", "the file is empty", hint="give a file with records")
    if not line:
        raise fail("the first line is empty", known)
    version = line[16:19].strip()
    if not version:
        raise fail("no NAACCR version in columns 17 to 19", known)
    if version not in VERSIONS:
        raise fail(f"NAACCR version {version} is not known", known)
    record_type = line[0].strip()
    if not record_type:
        raise fail("no record type in column 1", "it must be one of A, M, C, I")
    if record_type not in RECORD_TYPES:
        raise fail(f"record type {record_type} is not known", "it must be one of A, M, C, I")
    if version not in FLAT_VERSIONS:
        raise fail(f"version {version} has no columns", "from version 21 on, records are XML only")
    expected = LINE_LENGTHS[version][record_type]
    if len(line) != expected:
        raise fail(
            f"the line has {len(line)} characters, not the {expected} of version {version}, record type {record_type}",
            "export the file again with full lines (blanks at the end must stay)",
        )
    return version, record_type


class _Layout:
    """Where each item of a version and record type stands, level by level."""

    def __init__(self, dictionary: Dictionary, record_type: str):
        length = LINE_LENGTHS[dictionary.version][record_type]
        self.length = length
        self.items: dict[str, list[Item]] = {"NaaccrData": [], "Patient": [], "Tumor": []}
        for item in dictionary.items(record_type=record_type):
            if item.column is not None and item.column - 1 + item.length <= length:
                self.items[item.level].append(item)

    def read(self, line: str, level: str) -> dict[int, str]:
        values = {}
        for item in self.items[level]:
            assert item.column is not None
            end = item.column - 1 + item.length
            # a value that a short line cuts off is not a value
            if end > len(line):
                continue
            value = line[item.column - 1 : end]
            trimmed = value.strip(_TRIMMED)
            if trimmed:
                values[item.number] = value if item.trim == "none" else trimmed
        return values


def read_flat(source: Source, *, options: ReadOptions = DEFAULTS) -> Reading:
    """Opens a fixed-column file; raises `UnreadableError` where its first line is no record of a version that has them."""
    notes: dict[str, int] = {}
    shown: list[str] = []

    def all_lines() -> Iterator[str]:
        with open_bytes(source) as chunks:
            for raw in split_lines(chunks):
                if options.encoding:
                    yield raw.decode(options.encoding, "replace")
                else:
                    yield decode_line(raw, notes)

    lines = all_lines()
    first = next(lines, None)
    first = first.removeprefix("\ufeff") if first is not None else None
    version, record_type = _open_root(first)
    assert first is not None
    dictionary = combine(version, options.user_dictionaries)
    layout = _Layout(dictionary, record_type)
    root = new_root(version, record_type, items=layout.read(first, "NaaccrData"))
    root.user_uris = [one.uri for one in options.user_dictionaries]
    root.findings = [
        finding
        for item in layout.items["NaaccrData"]
        for finding in _faults(item, root.items, "NaaccrData", 1, options)
    ]

    def patients() -> Iterator[Patient]:
        patient: Patient | None = None
        current: dict[int, str] = {}
        line: str | None = first
        number = size = 0
        while line is not None:
            number += 1
            own = layout.read(line, "Patient")
            same = patient is not None and own.get(20) and own.get(20) == patient.items.get(20)
            if not same:
                if patient is not None:
                    yield patient
                patient = Patient(items=own, line=number, index=(patient.index if patient else 0) + 1)
                current = own
                patient.findings = [
                    finding
                    for item in layout.items["Patient"]
                    for finding in _faults(item, own, "Patient", number, options, patient)
                ]
                size = 0
            assert patient is not None
            size += len(line)
            if size > PATIENT_BYTES:
                raise UnreadableError(
                    "naaccr-too-large",
                    f"one patient has more than {PATIENT_BYTES // 1024 // 1024} MB of lines",
                    hint="this is no real record file",
                    line=number,
                )
            _add_tumor(patient, line, number, current)
            line = next(lines, None)
        if patient is not None:
            yield patient
        shown.extend(f"{count} {text}" for text, count in notes.items())

    def _add_tumor(patient: Patient, line: str, number: int, current: dict[int, str]) -> None:
        found = patient.findings
        own_id = current.get(20)
        patient.end_line = number
        if len(patient.tumors) >= TUMORS:
            raise UnreadableError("naaccr-too-large", f"a patient has more than {TUMORS} tumors", line=number)
        if len(line) != layout.length:
            message = f"the line has {len(line)} characters, not {layout.length}"
            found.append(
                Finding(WRONG_LINE_LENGTH, "Patient", message, line=number, patient=patient.index, patient_id=own_id)
            )
        if not line:
            return
        if line[16:19] != version or line[0] != record_type:
            note = "lines say another version or record type and were read as those of the first line"
            notes[note] = notes.get(note, 0) + 1
        tumor = Tumor(items=layout.read(line, "Tumor"), line=number, end_line=number)
        patient.tumors.append(tumor)
        for item in layout.items["Tumor"]:
            found.extend(_faults(item, tumor.items, "Tumor", number, options, patient))
        _compare(patient, line, number)
        del found[FINDINGS_A_PATIENT:]

    def _compare(patient: Patient, line: str, number: int) -> None:
        for level, values, code in (
            ("Patient", patient.items, PATIENT_DIFFERS),
            ("NaaccrData", root.items, ROOT_DIFFERS),
        ):
            here = layout.read(line, level)
            if here == values:
                continue
            if not options.report_differences:
                note = f"lines differ from the first in items of the {level}; the first line counts"
                notes[note] = notes.get(note, 0) + 1
                continue
            for item in layout.items[level]:
                if here.get(item.number, "") != values.get(item.number, ""):
                    patient.findings.append(
                        Finding(
                            code,
                            "Tumor",
                            f"{item.id} differs from the first line",
                            line=number,
                            patient=patient.index,
                            tumor=len(patient.tumors),
                            item=item.id,
                            number=item.number,
                            value=here.get(item.number),
                            patient_id=patient.items.get(20),
                        )
                    )

    return Reading(root, dictionary, patients(), shown, "flat")


def _faults(
    item: Item, values: dict[int, str], level: str, line: int, options: ReadOptions, patient: Patient | None = None
) -> list[Finding]:
    value = values.get(item.number)
    if value is None:
        return []
    # spaces at the ends belong to items that are not trimmed: only the type counts here
    fault = find_fault(item, value.strip(_TRIMMED) or value, check_type=options.check_values)
    if fault is None:
        return []
    return [
        Finding(
            fault[0],
            level,
            fault[1],
            line=line,
            patient=patient.index if patient else None,
            tumor=len(patient.tumors) if patient and level == "Tumor" else None,
            item=item.id,
            number=item.number,
            value=value,
            patient_id=patient.items.get(20) if patient else None,
        )
    ]


def pad(item: Item, value: str) -> str:
    """Gives a value in the width of its columns, padded as the item says; zeros only where it is all digits."""
    if item.padding.endswith("Zero") and value.isascii() and value.isdigit():
        return value.rjust(item.length, "0") if item.padding == "leftZero" else value.ljust(item.length, "0")
    return value.rjust(item.length) if item.padding == "leftBlank" else value.ljust(item.length)


class FlatWriter:
    """Writes one line a tumor; `problems` collects what has no place in the columns."""

    def __init__(self, out: BinaryIO, root: Root, dictionary: Dictionary):
        if root.version not in FLAT_VERSIONS:
            raise AbstractingError(
                "naaccr-flat",
                f"version {root.version} has no columns",
                hint=f"convert to one of {', '.join(FLAT_VERSIONS)} (--to 180)",
            )
        self._out, self.root = out, root
        self._layout = _Layout(dictionary, root.record_type)
        self._columns = {item.number: item for items in self._layout.items.values() for item in items}
        self.problems = Problems()
        self.patients = self.tumors = 0

    def write(self, patient: Patient) -> None:
        self.patients += 1
        where = f"patient {self.patients}"
        nodes: list[Node] = [self.root, patient, *patient.tumors]
        for node in nodes:
            if node.unknown or node.extensions:
                self.problems.add(f"{where}: unknown items and extensions have no columns")
        for tumor in patient.tumors or [Tumor()]:
            self.tumors += 1
            line = [" "] * self._layout.length
            for items in (self.root.items, patient.items, tumor.items):
                for number, value in items.items():
                    self._put(line, number, value, where)
            self._put(line, 10, self.root.record_type, where)
            self._put(line, 50, self.root.version, where)
            self._out.write(("".join(line) + "\n").encode())

    def _put(self, line: list[str], number: int, value: str, where: str) -> None:
        if not value:
            return
        item = self._columns.get(number)
        if item is None:
            self.problems.add(f"{where}: item {number} has no columns in version {self.root.version}")
            return
        assert item.column is not None
        if len(value) > item.length:
            self.problems.add(f"{where}: {item.id} has {len(value)} characters, its columns {item.length}")
        elif "\n" in value or "\r" in value:
            self.problems.add(f"{where}: {item.id} holds a line end")
        else:
            line[item.column - 1 : item.column - 1 + item.length] = pad(item, value)

    def finish(self) -> None:
        if not self.patients:
            self.problems.add("a fixed-column file needs at least one record")
        self.problems.raise_any()


def write_flat(
    target: Target, root: Root, patients: Iterable[Patient], *, user_dictionaries: Sequence[UserDictionary] = ()
) -> tuple[int, int]:
    """Writes a fixed-column file and gives (patients, lines); raises `naaccr-write` with all that has no place in it."""
    dictionary = combine(root.version, user_dictionaries)
    with open_target(target) as out:
        writer = FlatWriter(out, root, dictionary)
        for patient in patients:
            writer.write(patient)
        writer.finish()
    return writer.patients, writer.tumors
