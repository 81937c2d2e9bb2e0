"""Tests that ask the code lists of the dictionary, the forms of stage categories, and the tables of the staging schemas.

`in_code_list(#n)` holds when item n has a code of NAACCR v25 or v26; `is_written_as(#n)` when a stage category or group
that a person enters is written in the form of its item (`data/stage_forms.csv`); `schema_allows(#n)` when the schema of
the tumor, by site, histology, year and discriminators, allows the code of item n. Where no schema can be chosen nothing
is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from abstracting.codes.sources import read_table
from abstracting.edits.expressions import SPECIAL, Test, Truth, of_code, remembered
from abstracting.edits.language import Call, LanguageError, Name
from abstracting.edits.records import EditRecord
from abstracting.edits.terms import Columns, Term, join, term
from abstracting.naaccr.items import codes
from abstracting.staging.engine import Engine
from abstracting.staging.model import SUCCESSORS, YEAR
from abstracting.staging.schemas import desk
from abstracting.values import FALSE, TRUE, UNKNOWN, parse_date

SCHEMA_ITEMS = (400, 522, 523, 390, 225, 220, 3926, 3927, 2879)
"""The items by which a schema is chosen; an edit of a schema's code depends on all of them."""

VERSIONS = ("250", "260")


@cache
def code_list(number: int) -> frozenset[str]:
    """Gives the codes that an item may have in NAACCR v25 or v26; empty where it has no list."""
    return frozenset(code for version in VERSIONS for code in codes(number, version))


def _item(node: Call) -> Term:
    argument = node.arguments[0] if len(node.arguments) == 1 else None
    wanted = term(argument.text) if isinstance(argument, Name) else None
    if wanted is None or len(wanted.items) != 1:
        raise LanguageError(f"{node.predicate}() takes one item, such as #490")
    return wanted


def _in_code_list(node: Call) -> Test:
    wanted = _item(node)
    number = wanted.items[0]
    listed = code_list(number)
    if not listed:
        raise LanguageError(f"item {number} has no list of codes")
    as_code = Term(f"#{number}", "code", (number,))
    return of_code(as_code, ("listed", number), lambda value: value in listed)


SPECIAL["in_code_list"] = _in_code_list


@cache
def stage_forms() -> Mapping[int, tuple[re.Pattern[str], str]]:
    """Gives the forms of stage categories and groups: item → (pattern of the whole value, an example)."""
    table = read_table(files("abstracting.edits") / "data" / "stage_forms.csv")  # type: ignore[arg-type]
    return {int(row["item"]): (re.compile(row["pattern"]), row["example"]) for row in table}


def _is_written_as(node: Call) -> Test:
    number = _item(node).items[0]
    if number not in stage_forms():
        raise LanguageError(f"item {number} is no stage category or group with a form")
    pattern = stage_forms()[number][0]
    as_code = Term(f"#{number}", "code", (number,))
    return of_code(as_code, ("form", number), lambda value: pattern.fullmatch(value) is not None)


SPECIAL["is_written_as"] = _is_written_as


# --- schemas ----------------------------------------------------------------------------------------------------------


def _year(text: str) -> int | None:
    return parse_date(text).year


def _engine(year: int | None) -> Engine | None:
    name = None if year is None else desk().algorithm_for(year)
    return None if name is None else desk().engine(name)


@cache
def _selection_items(name: str) -> tuple[tuple[str, int], ...]:
    """The keys by which an algorithm chooses a schema, with their items."""
    engine = desk().engine(name)
    return tuple(
        (key, number)
        for key in engine.algorithm.selection.keys
        if key != YEAR and (number := (engine.items_by_key.get(key) or (None, None))[0]) is not None
    )


_OLDER = {new: old for old, new in SUCCESSORS.items()}


def schema_of(get: Callable[[int], str]) -> tuple[Engine, str, str] | None:
    """Gives (engine, schema id, year) of a record whose values `get` gives; None where none or several fit."""
    year = _year(get(390))
    engine = _engine(year)
    if engine is None:
        return None
    request: dict[str, str | None] = {YEAR: str(year)} if YEAR in engine.algorithm.selection.keys else {}
    for key, number in _selection_items(engine.algorithm.name):
        value = get(number) or (get(_OLDER[number]) if number in _OLDER else "")
        if value:
            request[key] = value
    if not (request.get("site") and request.get("hist")):
        return None
    found = engine.algorithm.selection.lookup(request)
    return (engine, found[0], str(year)) if len(found) == 1 else None


@cache
def _inputs(algorithm: str, schema_id: str) -> Mapping[int, tuple[str, Any]]:
    """The inputs of a schema that have an item and a table of valid codes: item → (key, table)."""
    plan = desk().engine(algorithm).plan(schema_id)
    return {
        entry.item: (entry.key, table)
        for entry, table, _ in plan.inputs
        if entry.item is not None and table is not None
    }


def _allows(chosen: tuple[Engine, str, str], number: int, value: str) -> Truth:
    engine, schema_id, year = chosen
    held = _inputs(engine.algorithm.name, schema_id).get(number)
    if held is None:
        return None
    key, table = held
    return table.row({key: value, YEAR: year, **engine.constants}) is not None


def _schema_allows(node: Call) -> Test:
    return schema_test(_item(node).items[0])


SPECIAL["schema_allows"] = _schema_allows
_SCHEMA = "schema"


def schema_test(number: int) -> Test:
    """Gives the test that an item's code is one that the record's schema allows; blank and unknown schemas are unknown."""

    def of(record: EditRecord) -> Truth:
        value = record.items.get(number)
        if not value:
            return None
        memo = record.memo
        chosen = memo.get(_SCHEMA, memo)
        if chosen is memo:
            chosen = memo[_SCHEMA] = schema_of(record.value)
        return None if chosen is None else _allows(chosen, number, value)

    def column(columns: Columns) -> np.ndarray:
        truth = np.full(columns.size, UNKNOWN, dtype=np.int8)
        if number not in columns.carries:
            return truth
        values = columns.item(number)
        rows = np.flatnonzero(np.array([bool(value) for value in values.values])[values.codes])
        if not len(rows):
            return truth
        places, chosen = _schemas(columns)
        # each pair of schema and code once
        width = len(values.values)
        pairs, back = np.unique(places[rows] * width + values.codes[rows] % width, return_inverse=True)
        answers = np.full(len(pairs), UNKNOWN, dtype=np.int8)
        for at, pair in enumerate(pairs.tolist()):
            schema, value = chosen[pair // width], values.values[pair % width]
            allowed = None if schema is None else _allows(schema, number, value)
            if allowed is not None:
                answers[at] = TRUE if allowed else FALSE
        truth[rows] = answers[back]
        return truth

    return Test(of, remembered(("schema", number), column), (number,), SCHEMA_ITEMS)


def _schemas(columns: Columns) -> tuple[np.ndarray, list[tuple[Engine, str, str] | None]]:
    """The schema of every row, worked out once for each combination of what decides it."""
    found = columns.memo.get(_SCHEMA)
    if found is None:
        year = term("diagnosis_year")
        assert year is not None
        factors = [columns.term(year), *(columns.item(number) for number in SCHEMA_ITEMS if number != 390)]
        places, keys = join(factors, columns.size)
        numbers = [number for number in SCHEMA_ITEMS if number != 390]
        chosen = []
        for year_value, *values in keys:
            items = dict(zip(numbers, values))
            items[390] = "" if year_value is None else f"{year_value:04d}"
            chosen.append(schema_of(lambda number, items=items: items.get(number, "")))
        found = columns.memo[_SCHEMA] = places, chosen
    return found
