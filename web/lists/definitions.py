"""A list's definition as an address, as a form and back: nothing that tells who somebody is stands in an address."""

from __future__ import annotations

from typing import Any

from flask import request
from werkzeug.datastructures import MultiDict

from registry.selection import OPERATORS, parse
from registry.views.lists import DEFAULT_COLUMNS, UNITS, Definition, is_confidential
from web.sealed import seal, unseal

MOST_ROWS = 60
"""So many conditions or columns are read from a form."""

SPARE = 3
"""Blank lines of the builder, for those who have no script to add more."""


def of_address() -> Definition:
    """Reads the definition that an address asks for: sealed (`q`), or plainly (`where`, `col`, `unit`)."""
    args = request.args
    if token := args.get("q", ""):
        found = Definition.of(unseal(token))
        return Definition(found.conditions, found.columns, args.get("sort", found.sort), found.unit)
    return Definition.of(
        {
            "conditions": args.getlist("where"),
            "columns": args.getlist("col"),
            "sort": args.get("sort", ""),
            "unit": args.get("unit", ""),
        }
    )


def as_address(definition: Definition) -> dict[str, Any]:
    """Gives the arguments of the address that asks for a definition; sealed where a condition is confidential."""
    if any(is_confidential(condition.name) for condition in parse(definition.conditions)):
        return {
            "q": seal({**definition.as_dict(), "sort": ""}),
            **({"sort": definition.sort} if definition.sort else {}),
        }
    values: dict[str, Any] = {"where": list(definition.conditions)}
    if definition.columns != DEFAULT_COLUMNS:
        values["col"] = list(definition.columns)
    if definition.sort:
        values["sort"] = definition.sort
    if definition.unit != "tumors":
        values["unit"] = definition.unit
    return values


def conditions_of_form(form: MultiDict[str, str]) -> tuple[str, ...]:
    """Reads the conditions of a builder's lines; a line without an item is left out."""
    found = []
    for n in range(MOST_ROWS):
        name = form.get(f"where-name-{n}", "").strip().split(" ")[0]
        operator = form.get(f"where-op-{n}", "=")
        value = form.get(f"where-value-{n}", "").strip()
        if name or value:
            found.append(f"{name}{operator if operator in OPERATORS else '='}{value}")
    return tuple(found)


def of_form(form: MultiDict[str, str]) -> Definition:
    """Reads the definition of the builder's form."""
    columns = [form.get(f"col-{n}", "").strip().split(" ")[0] for n in range(MOST_ROWS)]
    unit = form.get("unit", "tumors")
    return Definition(
        conditions_of_form(form),
        tuple(dict.fromkeys(column for column in columns if column)) or DEFAULT_COLUMNS,
        form.get("sort", "").strip(),
        unit if unit in UNITS else "tumors",
    )


def lines(conditions: tuple[str, ...], spare: int = SPARE) -> list[tuple[str, str, str]]:
    """Gives the builder's lines (name, operator, value) for conditions, with blank ones after them."""
    found = [(c.name, c.operator, ",".join(c.parts)) for c in parse(conditions)]
    return [*found, *[("", "=", "")] * spare]
