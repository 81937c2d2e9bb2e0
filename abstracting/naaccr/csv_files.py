"""CSV with one row a tumor and XML ids (or item numbers) as columns; neighbouring rows of one patient are joined.

There is no standard CSV of NAACCR records; this is the form that the field's SAS tools read and write. Values keep their
spaces, quotes and line ends. The version comes from the column naaccrRecordVersion, or from the caller.
"""

from __future__ import annotations

import csv
import io
import pickle
import tempfile
from collections.abc import Iterable, Iterator, Sequence

from abstracting.naaccr.findings import PATIENT_DIFFERS, UNKNOWN_ID, Finding, UnreadableError
from abstracting.naaccr.flat import decode_line
from abstracting.naaccr.items import RECORD_TYPES, Item, check_version
from abstracting.naaccr.options import FINDINGS_A_PATIENT, ITEMS, PATIENT_BYTES, TUMORS, ReadOptions
from abstracting.naaccr.reader import DEFAULTS, Reading
from abstracting.naaccr.records import Node, Patient, Root, Tumor
from abstracting.naaccr.rules import ItemRules
from abstracting.naaccr.source import Source, open_bytes
from abstracting.naaccr.target import Problems, Target, open_target
from abstracting.naaccr.user_dictionaries import UserDictionary, combine
from abstracting.naaccr.writer import new_root

Columns = list[tuple[str, Item | None]]
LONGEST_LINE = 4 * 1024 * 1024


def _rows(source: Source, options: ReadOptions, notes: dict[str, int]) -> Iterator[tuple[int, list[str]]]:
    """Gives (line, cells) of each row that is not empty; line ends inside quotes are kept."""

    def lines() -> Iterator[str]:
        with open_bytes(source) as chunks:
            ends = (raw + b"\n" for raw in _kept_ends(chunks))
            for raw in ends:
                yield raw.decode(options.encoding, "replace") if options.encoding else decode_line(raw, notes)

    reader = csv.reader(lines(), strict=True)
    try:
        for cells in reader:
            if any(cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise UnreadableError(
            "naaccr-csv", f"the row cannot be read: {error}", hint="give comma separated values", line=reader.line_num
        ) from error


def _kept_ends(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        yield from lines
        if len(rest) > LONGEST_LINE:
            raise UnreadableError("naaccr-too-large", "a line is longer than any real one", hint="give a text file")
    if rest:
        yield rest


def read_csv(
    source: Source, *, options: ReadOptions = DEFAULTS, version: str | None = None, record_type: str | None = None
) -> Reading:
    """Opens a CSV file; raises `UnreadableError` where it has no header of item ids or its version is not known."""
    notes: dict[str, int] = {}
    shown: list[str] = []
    rows = _rows(source, options, notes)
    head = next(rows, None)
    if head is None:
        raise UnreadableError("naaccr-file", "the file is empty", hint="give a file with records")
    if len(head[1]) > ITEMS:
        raise UnreadableError(
            "naaccr-too-large", f"more than {ITEMS} columns", hint="this is no real record file", line=1
        )
    names = [name.strip().removeprefix("\ufeff") for name in head[1]]
    first = next(rows, None)
    cells = dict(zip(names, first[1], strict=False)) if first else {}
    version = (cells.get("naaccrRecordVersion") or cells.get("50") or version or "").strip()
    record_type = (cells.get("recordType") or cells.get("10") or record_type or "A").strip()
    if not version:
        raise UnreadableError(
            "naaccr-csv",
            "the version of the records is not known",
            hint="add a column naaccrRecordVersion, or say the version",
            line=1,
        )
    check_version(version)
    if len(record_type) != 1 or record_type not in RECORD_TYPES:
        raise UnreadableError("naaccr-csv", f"record type {record_type} is not known", hint="use A, M, C or I", line=2)
    dictionary = combine(version, options.user_dictionaries)
    rules = ItemRules(dictionary, record_type, options)
    by_number = {str(item.number): item for item in rules.by_id.values()}
    columns: Columns = [(name, rules.by_id.get(name) or by_number.get(name)) for name in names]
    repeated = sorted({name for name in names if name and names.count(name) > 1})
    if repeated:
        raise UnreadableError("naaccr-csv", f"columns stand twice: {', '.join(repeated)}", hint="keep one", line=1)
    if not any(item for _, item in columns):
        raise UnreadableError(
            "naaccr-csv", "no column is an item of NAACCR", hint="name columns by XML id or item number", line=1
        )
    root = new_root(version, record_type)
    root.user_uris = [one.uri for one in options.user_dictionaries]
    for name, item in columns:
        if item is None and options.unknown_items == "error":
            message = f"column {name} is no item of this version and record type; its values were left out"
            root.findings.append(Finding(UNKNOWN_ID, "NaaccrData", message, line=1, item=name))

    def row_values(row: list[str]) -> dict[str, dict[int | str, str]]:
        values: dict[str, dict[int | str, str]] = {"NaaccrData": {}, "Patient": {}, "Tumor": {}}
        for (name, item), value in zip(columns, row, strict=False):
            if value and item is not None:
                values[item.level][item.number] = value
            elif value and options.unknown_items == "process":
                values["Tumor"][name] = value
        return values

    def check(values: dict[int | str, str], level: str, line: int, patient: Patient | None) -> list[Finding]:
        found = []
        for number, value in values.items():
            item = dictionary.by_number(number) if isinstance(number, int) else None
            fault = rules.fault(item, value, level) if item is not None else None
            if item is not None and fault is not None:
                found.append(
                    Finding(
                        fault[0],
                        f"{level}/Item",
                        fault[1],
                        line=line,
                        patient=patient.index if patient else None,
                        tumor=len(patient.tumors) if patient and level == "Tumor" else None,
                        item=item.id,
                        number=item.number,
                        value=value,
                        patient_id=patient.items.get(20) if patient else None,
                    )
                )
        return found

    def known(values: dict[int | str, str]) -> dict[int, str]:
        return {number: value for number, value in values.items() if isinstance(number, int)}

    if first is not None:
        values = row_values(first[1])["NaaccrData"]
        root.items = known(values)
        root.findings.extend(check(values, "NaaccrData", first[0], None))

    def patients() -> Iterator[Patient]:
        patient: Patient | None = None
        row = first
        index = size = 0
        while row is not None:
            line, cells = row
            if any(cells[len(columns) :]):
                raise UnreadableError(
                    "naaccr-csv",
                    f"the row has {len(cells)} cells, the header {len(columns)}",
                    hint="quote values that hold a comma",
                    line=line,
                )
            levels = row_values(cells)
            own = levels["Patient"]
            size += sum(map(len, cells))
            if size > PATIENT_BYTES:
                raise UnreadableError(
                    "naaccr-too-large",
                    f"one patient has more than {PATIENT_BYTES // 1024 // 1024} MB of rows",
                    hint="this is no real record file",
                    line=line,
                )
            if patient is None or not own.get(20) or own.get(20) != patient.items.get(20):
                if patient is not None:
                    yield patient
                    patient = None
                if own or levels["Tumor"]:
                    index += 1
                    size = 0
                    patient = Patient(items=known(own), line=line, index=index)
                    patient.findings = check(own, "Patient", line, patient)
            else:
                compare(patient, own, line)
            if patient is not None:
                add_tumor(patient, levels["Tumor"], line)
            row = next(rows, None)
        if patient is not None:
            yield patient
        shown.extend(f"{count} {text}" for text, count in notes.items())

    def compare(patient: Patient, own: dict[int | str, str], line: int) -> None:
        for number, value in known(own).items():
            if value != patient.items.get(number):
                message = f"{dictionary.id_of(number)} differs from the patient's first row, which counts"
                patient.findings.append(
                    Finding(
                        PATIENT_DIFFERS,
                        "Patient",
                        message,
                        line=line,
                        patient=patient.index,
                        item=dictionary.id_of(number),
                        number=number,
                        value=value,
                        patient_id=patient.items.get(20),
                    )
                )

    def add_tumor(patient: Patient, values: dict[int | str, str], line: int) -> None:
        patient.end_line = line
        if not values:
            return
        if len(patient.tumors) >= TUMORS:
            raise UnreadableError("naaccr-too-large", f"a patient has more than {TUMORS} tumors", line=line)
        unknown = {name: value for name, value in values.items() if isinstance(name, str)}
        patient.tumors.append(Tumor(items=known(values), unknown=unknown, line=line, end_line=line))
        patient.findings.extend(check(values, "Tumor", line, patient))
        del patient.findings[FINDINGS_A_PATIENT:]

    return Reading(root, dictionary, patients(), shown, "csv")


def write_csv(
    target: Target, root: Root, patients: Iterable[Patient], *, user_dictionaries: Sequence[UserDictionary] = ()
) -> tuple[int, int]:
    """Writes one row a tumor (a patient without tumors has one row) and gives (patients, rows).

    Columns are the items that occur, in the order of their numbers; patients wait in a temporary file until all columns
    are known. Raises `naaccr-write` for what a row cannot hold.
    """
    dictionary = combine(root.version, user_dictionaries)
    ids = {item.number: item.id for item in dictionary}
    problems = Problems()
    used: set[int] = {10, 50, *root.items}
    names: dict[str, None] = dict.fromkeys(root.unknown)
    top = {**root.items, 10: root.record_type, 50: root.version}
    count = rows = 0
    with tempfile.TemporaryFile() as spool, open_target(target) as out:
        for patient in patients:
            count += 1
            nodes: list[Node] = [patient, *patient.tumors]
            for node in nodes:
                used.update(number for number, value in node.items.items() if value)
                names.update(dict.fromkeys(node.unknown))
                if node.extensions:
                    problems.add(f"patient {count}: extensions have no column")
            pickle.dump((patient.items, patient.unknown, [(one.items, one.unknown) for one in patient.tumors]), spool)
        for number in sorted(used - ids.keys()):
            problems.add(f"item {number} does not exist in version {root.version}")
        problems.raise_any()
        numbers = sorted(used)
        text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=False)
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow([*(ids[number] for number in numbers), *names])
        spool.seek(0)
        for _ in range(count):
            items, unknown, tumors = pickle.load(spool)
            for tumor_items, tumor_unknown in tumors or [({}, {})]:
                rows += 1
                cells = {**top, **items, **tumor_items}
                others = {**root.unknown, **unknown, **tumor_unknown}
                writer.writerow([*(cells.get(n, "") for n in numbers), *(others.get(name, "") for name in names)])
        if not count and len(top) > 2:
            writer.writerow([*(top.get(number, "") for number in numbers), *(root.unknown[name] for name in names)])
        text.flush()
        text.detach()
    return count, rows
