"""The first editor: an abstract's core items with their meanings, its history, undo, and the view of a conflict."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from flask import Blueprint, Response, flash, jsonify, redirect, request, url_for

from registry import records
from registry.errors import RegistryError
from registry.views import abstract as views
from registry.views.patient import IDENTIFYING
from web import meanings
from web.pages import actor, log_read, page, reading, render, writing
from web.patients import shown

blueprint = Blueprint("editor", __name__, url_prefix="/abstracts")

LONGEST_LIST = 120
"""Code lists up to this length stand in the page; longer ones and code systems are asked for as one types."""


@cache
def sections() -> dict[str, list[int]]:
    """The form's sections with their items, from `sections.csv`."""
    text = (files("web.editor") / "sections.csv").read_text(encoding="utf-8")
    found: dict[str, list[int]] = {}
    for row in csv.DictReader(line for line in text.splitlines() if not line.startswith("#")):
        found.setdefault(row["section"], []).append(int(row["item"]))
    return found


@page(blueprint, "/<int:abstract_id>", permission="cases.read")
def edit(abstract_id: int):
    """The form; without the right to edit it is read only."""
    with reading() as session:
        view = views.load(session, actor(), abstract_id)
    log_read("abstract", patient_id=view.patient_id, abstract=abstract_id)
    return _form(view, view.items)


@page(blueprint, "/<int:abstract_id>", permission="cases.edit", methods=("POST",))
def save(abstract_id: int):
    """Saves what changed against what the form showed; a conflict and a fault lose nothing that was typed."""
    typed = _typed("item-")
    changes = {n: value for n, value in typed.items() if value != _typed("was-").get(n, "")}
    try:
        with writing() as session:
            views.find(session, actor(), abstract_id)
            saved = records.save(
                session,
                abstract_id,
                changes,
                who=actor().username,
                why=request.form.get("why", "").strip(),
                expected_version=_version(),
            )
    except records.Conflict as conflict:
        return _conflict(abstract_id, conflict, changes)
    except RegistryError as fault:
        if fault.code != "item-value":
            raise
        with reading() as session:
            view = views.load(session, actor(), abstract_id)
        return _form(view, {**view.items, **typed}, fault=f"{fault.message}. {fault.hint}.", status=422)
    count = len(saved.changes)
    flash(
        f"Saved: {count} {'item' if count == 1 else 'items'} changed." if count else "Nothing had changed.", "success"
    )
    return redirect(url_for("editor.edit", abstract_id=abstract_id), 303)


@page(blueprint, "/<int:abstract_id>/undo", permission="cases.edit", methods=("POST",))
def undo(abstract_id: int):
    """Brings the abstract back to what it was after a revision, as a new revision."""
    number = request.form.get("number", "")
    if not number.isdigit():
        raise RegistryError("usage", "the revision to go back to is missing")
    with writing() as session:
        views.find(session, actor(), abstract_id)
        saved = records.undo_to(session, abstract_id, int(number), who=actor().username, expected_version=_version())
    flash(f"Undone: {len(saved.changes)} items are as they were after revision {number}.", "success")
    return redirect(url_for("editor.edit", abstract_id=abstract_id), 303)


@page(blueprint, "/meaning", permission="cases.read")
def meaning() -> Response:
    """The meaning of one code as text, for the line beside the field."""
    item, value = request.args.get("item", ""), request.args.get("value", "")
    label = meanings.meaning(int(item), value.strip().upper()) if item.isdigit() and len(item) < 6 else ""
    if not label and value and item.isdigit() and (known := meanings.choices(int(item))) and value not in known:
        label = "not a code of this item"
    return Response(label, mimetype="text/plain")


@page(blueprint, "/codes.json", permission="cases.read")
def codes() -> Response:
    """Codes of an item that match what was typed, by code or by words."""
    item, query = request.args.get("item", ""), request.args.get("query", "").strip()[:60]
    found = meanings.find_codes(int(item), query) if item.isdigit() and len(item) < 6 and query else []
    return jsonify(rows=[{"code": code, "label": label} for code, label in found])


def _typed(prefix: str) -> dict[int, str]:
    found = {}
    for name, value in request.form.items():
        number = name.removeprefix(prefix)
        if name.startswith(prefix) and number.isdigit():
            found[int(number)] = value.replace("\r\n", "\n").strip()
    return found


def _version() -> int | None:
    text = request.form.get("version", "")
    if not text.isdigit():
        raise RegistryError("usage", "the form does not say which version it was made from")
    return int(text)


def _form(view: views.AbstractPage, items: dict[int, str], *, fault: str = "", status: int = 200):
    who = actor()
    identified = who.identifies(view.patient_id)
    return render(
        "editor/edit.html",
        status=status,
        view=view,
        items=items,
        fault=fault,
        sections=sections(),
        editable=who.may("cases.edit") and identified,
        identified=identified,
        shown=shown,
        identifying=IDENTIFYING,
        is_text=records.is_text,
        length=meanings.length,
        choices=_choices,
        is_coded=_is_coded,
    )


def _choices(number: int) -> list[tuple[str, str]]:
    found = meanings.choices(number)
    return list(found.items()) if len(found) <= LONGEST_LIST else []


def _is_coded(number: int) -> bool:
    return meanings.code_system(number) is not None or bool(meanings.choices(number))


def _conflict(abstract_id: int, conflict: records.Conflict, mine: dict[int, str]):
    with reading() as session:
        view = views.load(session, actor(), abstract_id)
    both = [d for d in conflict.differences if d.number in mine and d.mine != d.theirs]
    theirs = [d for d in conflict.differences if d.number not in mine]
    return render(
        "editor/conflict.html",
        status=409,
        view=view,
        conflict=conflict,
        both=both,
        theirs=theirs,
        why=request.form.get("why", ""),
    )
