"""The editor: one abstract on one screen, checked and saved as it is typed, with history, undo and both sides of a conflict."""

from __future__ import annotations

import hashlib

from flask import Blueprint, Response, flash, jsonify, redirect, request, url_for

from registry import records
from registry.abstracting import derived, layout
from registry.abstracting import page as desk
from registry.abstracting.coding import Coding
from registry.abstracting.proposals import proposals
from registry.errors import RegistryError
from registry.followup import by_hand
from registry.items import known
from registry.models import Abstract
from registry.views import abstract as views
from registry.views.items import choices
from registry.views.patient import IDENTIFYING
from web.meanings import date_text, site_text
from web.pages import actor, log_read, page, reading, render, writing
from web.patients import shown

blueprint = Blueprint("editor", __name__, url_prefix="/abstracts")

CONTEXT = (390, 400, 410, 522, 523, 3926, 3927, 3928, 220, 225, 772, 500)
"""Items that schema and surgery table depend on; a field's search sends them as they are typed."""


@page(blueprint, "/<int:abstract_id>", permission="cases.read")
def edit(abstract_id: int):
    """The form; without the right to edit it is read only."""
    with reading() as session:
        view = views.load(session, actor(), abstract_id)
        abstract = views.find(session, actor(), abstract_id)
        side = desk.side(session, actor(), abstract)
        living = desk.living_abstract(session, abstract, view.items)
    log_read("abstract", patient_id=view.patient_id, abstract=abstract_id)
    return _form(view, view.items, side, living)


@page(blueprint, "/<int:abstract_id>", permission="cases.edit", methods=("POST",))
def save(abstract_id: int):
    """Saves what changed against what the form showed; a conflict and a fault lose nothing that was typed."""
    typed = _typed("item-")
    changes = {n: value for n, value in typed.items() if value != _typed("was-").get(n, "")}
    try:
        saved, held = _save(abstract_id, changes, request.form.get("why", "").strip())
    except records.Conflict as conflict:
        return _conflict(abstract_id, conflict, changes)
    except RegistryError as fault:
        if fault.code != "item-value":
            raise
        with reading() as session:
            view = views.load(session, actor(), abstract_id)
            abstract = views.find(session, actor(), abstract_id)
            side = desk.side(session, actor(), abstract)
            items = {**view.items, **typed}
            living = desk.living_abstract(session, abstract, items)
        return _form(view, items, side, living, fault=f"{fault.message}. {fault.hint}.", status=422)
    count = len(saved.changes)
    flash(
        f"Saved: {count} {'item' if count == 1 else 'items'} changed." if count else "Nothing had changed.", "success"
    )
    if held:
        flash(f"Not saved: {_sentence(held)}. Ask for a correction under Last contact.", "warning")
    added = [n for n in _added() if n not in saved.changes]
    back = url_for("editor.edit", abstract_id=abstract_id, add=",".join(map(str, added)) or None)
    return redirect(back, 303)


@page(blueprint, "/<int:abstract_id>/live", permission="cases.edit", methods=("POST",))
def live(abstract_id: int) -> Response:
    """What follows from the form as typed, and with `save` the saving of it; answers with values, faults and panels."""
    typed = _typed("item-")
    saving = request.form.get("save") == "1"
    held: dict[int, str] = {}
    try:
        if saving:
            saved, held = _save(abstract_id, typed, request.form.get("why", "").strip())
            programs = {n: new for n, (_, new) in saved.changes.items() if n not in typed}
        with reading() as session:
            abstract = views.find(session, actor(), abstract_id)
            items = records.all_items(abstract)
            version, status = abstract.version_id, abstract.status
            if not saving:
                stored = dict(items)
                items |= typed
                accredited = bool(abstract.facility and abstract.facility.accredited)
                programs = derived.consequences(items, typed, accredited=accredited, before=stored)
                items |= programs
            items = {n: value for n, value in items.items() if value}
            living = desk.living_abstract(session, abstract, items)
    except records.Conflict as conflict:
        return _answer(409, conflict=conflict.who)
    except RegistryError as fault:
        if fault.code != "item-value":
            raise
        return _answer(422, fault=f"{fault.message}. {fault.hint}.")
    coding = Coding.of(items)
    sections = layout.sections(items, added=_added())
    changed = _signature(sections, coding) != request.form.get("shown", "")
    form = desk.form(items, added=_added()) if changed else ()
    touched = {*typed, *programs}
    return jsonify(
        version=version,
        status=status,
        saved=sorted(set(typed) - set(held)) if saving else [],
        held=held,
        items=programs,
        meanings={n: _meaning(coding, n, items.get(n, "")) for n in touched if known(n)},
        faults=_with_held(_faults(living), held),
        proposals=proposals(items),
        side=render(
            "editor/living.html", living=living, items=items, abstract_id=abstract_id, editable=True, held=held
        ).get_data(as_text=True),
        fields=render(
            "editor/fields.html",
            sections=form,
            was=_stored(abstract_id),
            faults=_with_held(_faults(living), held),
            editable=True,
            date_text=date_text,
        ).get_data(as_text=True)
        if changed
        else None,
        shown=_signature(sections, coding),
    )


@page(blueprint, "/<int:abstract_id>/undo", permission="cases.edit", methods=("POST",))
def undo(abstract_id: int):
    """Brings the abstract back to what it was after a revision, as a new revision."""
    number = request.form.get("number", "")
    if not number.isdigit():
        raise RegistryError("usage", "the revision to go back to is missing")
    who = actor().username
    with writing() as session:
        abstract = views.find(session, actor(), abstract_id)
        back = records.values_after(session, abstract_id, int(number))
        held = by_hand.held(session, abstract, back, who=who)
        saved = records.undo_to(
            session, abstract_id, int(number), who=who, expected_version=_version(), without=held.keys()
        )
    flash(f"Undone: {len(saved.changes)} items are as they were after revision {number}.", "success")
    if held:
        flash(f"Not undone: {_sentence(held)}. Ask for a correction under Last contact.", "warning")
    return redirect(url_for("editor.edit", abstract_id=abstract_id), 303)


@page(blueprint, "/meaning", permission="cases.read")
def meaning() -> Response:
    """The meaning of one code as text, for the line beside the field."""
    number, value = _asked_item(), request.args.get("value", "").strip().upper()
    if number is None:
        return Response("", mimetype="text/plain")
    return Response(_meaning(_coding(), number, value)[0], mimetype="text/plain")


@page(blueprint, "/codes.json", permission="cases.read")
def codes() -> Response:
    """Codes of an item that match what was typed, by code or by words, for the case's schema, site and year."""
    number, query = _asked_item(), request.args.get("query", "").strip()[:60]
    if number is None:
        return jsonify(rows=[])
    found = _coding().search(number, query)
    return jsonify(rows=[{"code": code.code, "label": code.label, "range": code.is_range} for code in found])


@page(blueprint, "/items.json", permission="cases.read")
def items() -> Response:
    """Every item of a patient or tumor by number and name, for the jump."""
    return jsonify(rows=[[int(choice.value), choice.title] for choice in choices()])


def _asked_item() -> int | None:
    text = request.args.get("item", "")
    return int(text) if text.isdigit() and len(text) < 6 and known(int(text)) else None


def _coding() -> Coding:
    return Coding.of({n: value for n in CONTEXT if (value := request.args.get(f"c{n}", "").strip().upper()[:8])})


def _meaning(coding: Coding, number: int, value: str) -> tuple[str, bool]:
    label = coding.meaning(number, value)
    if value and not label and coding.is_known(number, value) is False:
        return "not a code of this item", True
    return label, False


def _typed(prefix: str) -> dict[int, str]:
    found = {}
    for name, value in request.form.items():
        number = name.removeprefix(prefix)
        if name.startswith(prefix) and number.isdigit():
            found[int(number)] = value.replace("\r\n", "\n").strip()
    return found


def _added() -> list[int]:
    text = request.values.get("add", "")
    return [int(part) for part in text.split(",") if part.isdigit() and len(part) < 6 and known(int(part))]


def _version() -> int | None:
    text = request.form.get("version", "")
    if not text.isdigit():
        raise RegistryError("usage", "the form does not say which version it was made from")
    return int(text)


def _save(abstract_id: int, changes: dict[int, str], why: str) -> tuple[records.Saved, dict[int, str]]:
    """Saves what was typed with what the program derives from it, as one revision; gives also what was held back, and why."""
    with writing() as session:
        abstract = views.find(session, actor(), abstract_id)
        before = records.all_items(abstract)
        records.check_values(changes)
        held = by_hand.held(session, abstract, changes, who=actor().username)
        changes = {n: value for n, value in changes.items() if n not in held}
        after = {n: value for n, value in {**before, **changes}.items() if value}
        touched = [n for n, value in changes.items() if before.get(n, "") != value]
        accredited = bool(abstract.facility and abstract.facility.accredited)
        follows = derived.consequences(after, touched, accredited=accredited, before=before) if touched else {}
        begun = abstract.status == "suspense" and bool(touched)
        saved = records.save(
            session, abstract_id, {**changes, **follows}, who=actor().username, why=why, expected_version=_version()
        )
        if begun:
            session.get_one(Abstract, abstract_id).status = "incomplete"
            session.flush()
            return records.Saved(session.get_one(Abstract, abstract_id).version_id, saved.changes), held
        return saved, held


def _sentence(held: dict[int, str]) -> str:
    return "; ".join(f"item {number}: {why}" for number, why in sorted(held.items()))


def _with_held(faults: dict[int, list[str]], held: dict[int, str]) -> dict[int, list[str]]:
    """The faults at the fields, with what was not saved before them."""
    return {n: [*([f"Not saved: {held[n]}."] if n in held else []), *faults.get(n, [])] for n in {*faults, *held}}


def _stored(abstract_id: int) -> dict[int, str]:
    with reading() as session:
        return records.all_items(views.find(session, actor(), abstract_id))


def _faults(living: desk.Living) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for finding in living.findings:
        if not finding.overridden:
            for number in finding.ends:
                found.setdefault(number, []).append(finding.message)
    return found


def _signature(sections: tuple[layout.Section, ...], coding: Coding) -> str:
    """Changes when other items are needed or their codes are others."""
    surgery = (coding.surgery.edition, coding.surgery.title) if coding.surgery else ""
    text = repr((layout.numbers(sections), coding.schema.id if coding.schema else "", surgery))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _answer(status: int, **values: object) -> Response:
    response = jsonify(**values)
    response.status_code = status
    return response


def _form(
    view: views.AbstractPage,
    items: dict[int, str],
    side: desk.DeskSide,
    living: desk.Living,
    *,
    fault: str = "",
    status: int = 200,
):
    who = actor()
    identified = who.identifies(view.patient_id)
    editable = who.may("cases.edit") and identified
    visible = items if identified else {n: _masked(n, v) for n, v in items.items()}
    sections = desk.form(visible, added=_added())
    return render(
        "editor/edit.html",
        status=status,
        view=view,
        abstract_id=view.id,
        items=items,
        fault=fault,
        sections=sections,
        faults=_faults(living) if identified else {},
        living=living,
        side=side,
        was=view.items,
        editable=editable,
        identified=identified,
        shown=shown,
        date_text=date_text,
        site_text=site_text,
        shape=_signature(layout.sections(items, added=_added()), Coding.of(items)),
        added=",".join(map(str, _added())),
        context=",".join(map(str, CONTEXT)),
        texts=[(n, items[n]) for n in sorted(items) if records.is_text(n)],
    )


def _masked(number: int, value: str) -> str:
    if records.is_text(number):
        return "hidden with your role" if value else ""
    return shown(number, value, False) if number in IDENTIFYING else value


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


from web.editor import correction  # noqa: E402,F401  (it adds its routes to the blueprint)
