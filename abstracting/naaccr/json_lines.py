"""The JSON form of a file: the root on the first line, then one line a patient, with items by XML id."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from abstracting.errors import AbstractingError
from abstracting.naaccr.items import RECORD_TYPES, Dictionary, check_version
from abstracting.naaccr.records import Node, Patient, Root, Tumor
from abstracting.naaccr.user_dictionaries import version_of_uri


def _items(node: Node, dictionary: Dictionary) -> dict[str, str]:
    named = {dictionary.id_of(number) or str(number): value for number, value in node.items.items()}
    return {**named, **node.unknown}


def _with_extensions(row: dict[str, Any], node: Node) -> dict[str, Any]:
    return {**row, "extensions": node.extensions} if node.extensions else row


def root_as_dict(root: Root, dictionary: Dictionary) -> dict[str, Any]:
    """Gives the first line: `{"root": {attributes, "items": {...}}}`; further attributes and namespaces where there are."""
    row: dict[str, Any] = dict(root.attributes)
    if root.extra:
        row["extra"] = root.extra
    if root.namespaces:
        row["namespaces"] = root.namespaces
    row["items"] = _items(root, dictionary)
    return {"root": _with_extensions(row, root)}


def patient_as_dict(patient: Patient, dictionary: Dictionary) -> dict[str, Any]:
    """Gives `{"items": {id: value}, "tumors": [{"items": {id: value}}]}`."""
    tumors = [_with_extensions({"items": _items(tumor, dictionary)}, tumor) for tumor in patient.tumors]
    return _with_extensions({"items": _items(patient, dictionary), "tumors": tumors}, patient)


def _fail(line: int, message: str) -> AbstractingError:
    return AbstractingError(
        "naaccr-json",
        message,
        hint='the first line is {"root": {...}}, each further one {"items": {...}, "tumors": [{"items": {...}}]}',
        where=f"line {line}",
    )


def _parse(text: str, line: int) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _fail(line, f"not a JSON object: {error}") from error
    if not isinstance(row, dict):
        raise _fail(line, "not a JSON object")
    return row


def _texts(row: dict[str, Any], key: str, line: int) -> dict[str, str]:
    values = {} if row.get(key) is None else row[key]
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise _fail(line, f"'{key}' must hold texts by name")
    return values


def _fill(node: Node, row: dict[str, Any], dictionary: Dictionary, line: int) -> None:
    for name, value in _texts(row, "items", line).items():
        item = dictionary.by_id(name)
        if item is None and name.isascii() and name.isdigit():
            item = dictionary.by_number(int(name))
        if item is not None:
            node.items[item.number] = value
        else:
            node.unknown[name] = value
    extensions = [] if row.get("extensions") is None else row["extensions"]
    if not isinstance(extensions, list) or not all(isinstance(one, str) for one in extensions):
        raise _fail(line, "'extensions' must be a list of texts")
    node.extensions = list(extensions)


class JsonReading:
    """The records of JSON lines: `root` and `dictionary` from the first line, patients by iterating.

    Ids that the version does not know are kept by name in `unknown`.
    """

    def __init__(self, lines: Iterable[str], dictionary_of: Any):
        numbered = ((number, text) for number, text in enumerate(lines, 1) if text.strip())
        number, text = next(numbered, (1, ""))
        row = _parse(text, number).get("root") if text else None
        if not isinstance(row, dict):
            raise _fail(number, "the root is missing")
        base = row.get("baseDictionaryUri")
        version = version_of_uri(base) if isinstance(base, str) else None
        if version is None:
            raise _fail(number, "baseDictionaryUri is missing or is none of NAACCR")
        check_version(version)
        record_type = row.get("recordType")
        if not isinstance(record_type, str) or len(record_type) != 1 or record_type not in RECORD_TYPES:
            raise _fail(number, "recordType must be one of A, M, C, I")
        for key in ("userDictionaryUri", "timeGenerated", "specificationVersion"):
            if not isinstance(row.get(key), str | None):
                raise _fail(number, f"{key} must be a text")
        self.root = Root(
            version=version,
            record_type=record_type,
            base_uri=str(base),
            user_uris=(row.get("userDictionaryUri") or "").split(),
            time_generated=row.get("timeGenerated"),
            specification=row.get("specificationVersion") or "1.0",
            extra=dict(_texts(row, "extra", number)),
            namespaces=dict(_texts(row, "namespaces", number)),
        )
        self.dictionary: Dictionary = dictionary_of(self.root)
        _fill(self.root, row, self.dictionary, number)
        self._lines = numbered

    def __iter__(self) -> Iterator[Patient]:
        for index, (number, text) in enumerate(self._lines, 1):
            row = _parse(text, number)
            patient = Patient(index=index, line=number, end_line=number)
            _fill(patient, row, self.dictionary, number)
            tumors = [] if row.get("tumors") is None else row["tumors"]
            if not isinstance(tumors, list) or not all(isinstance(tumor, dict) for tumor in tumors):
                raise _fail(number, "'tumors' must be a list of objects")
            for one in tumors:
                tumor = Tumor(line=number, end_line=number)
                _fill(tumor, one, self.dictionary, number)
                patient.tumors.append(tumor)
            yield patient
