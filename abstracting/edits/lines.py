"""Edits on JSON lines: one record, or one patient with tumors, a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from abstracting.edits.engine import EditSet
from abstracting.edits.records import EditRecord
from abstracting.edits.results import FAIL, EditResult
from abstracting.errors import AbstractingError


class LineChecker:
    """Answers lines in order; items of a `root` line are given to every line after it."""

    def __init__(self, edits: EditSet, *, every: bool = False):
        self.edits, self.every = edits, every
        self.failures = 0
        self._root: dict[str, str] = {}

    def answer(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """Gives the findings of one line; a line of another shape is an `edit-record` error."""
        if "root" in line:
            root = _object(line["root"], "root")
            self._root = _items(root.get("items", {}), "root.items")
            return {"root": True, "passes": True, "findings": []}
        if "items" not in line:
            raise AbstractingError("edit-record", "a record needs 'items', an object of codes by item")
        person = {**self._root, **_items(line.get("patient", {}), "patient"), **_items(line["items"], "items")}
        if "tumors" not in line:
            found = self.edits.check_record(EditRecord(person), every=self.every)
            return self._answer([self._shown(result) for result in found], found)
        tumors = line["tumors"]
        if not isinstance(tumors, list):
            raise AbstractingError("edit-record", "'tumors' must be a list of objects with 'items'")
        records = [
            EditRecord({**person, **_items(_object(tumor, "tumors").get("items", {}), "tumors.items")})
            for tumor in tumors
        ]
        several = self.edits.check_patient(records, every=self.every)
        shown = [{"tumor": place, **self._shown(result)} for place, results in enumerate(several) for result in results]
        return self._answer(shown, [result for results in several for result in results])

    def _shown(self, result: EditResult) -> dict[str, Any]:
        return result.as_dict()

    def _answer(self, shown: list[dict[str, Any]], found: list[EditResult]) -> dict[str, Any]:
        failing = sum(result.outcome == FAIL for result in found)
        self.failures += failing
        return {"passes": failing == 0, "findings": shown}


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise AbstractingError("edit-record", f"{name!r} must hold an object")
    return value


def _items(value: Any, name: str) -> dict[str, str]:
    """The items of a part of a line, under the names they came with: numbers or XML ids."""
    items = {} if value is None else _object(value, name)
    # {"items": {…}} inside a part is accepted, as a patient is written elsewhere
    if set(items) == {"items"} and isinstance(items["items"], Mapping):
        items = items["items"]
    for key, code in items.items():
        if code is not None and not isinstance(code, str | int):
            raise AbstractingError("edit-record", f"the value of {key!r} in {name!r} must be a text")
    return {key: str(code) for key, code in items.items() if code is not None}
