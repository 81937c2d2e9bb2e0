"""Case lists: any item as filter or column; saved, shared, exported for a purpose; frequencies and ready-made registers."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, g, jsonify, redirect, request, send_file, url_for

from registry import saved_lists
from registry.exchange import export as files
from registry.exchange import outgoing
from registry.selection import parse
from registry.views import items, lists
from registry.views.labels import item_of, label, title
from web import meanings
from web.lists.definitions import as_address, lines, of_address, of_form
from web.navigation import Entry
from web.pages import actor, log_read, page, paging, reading, render, render_list, store, writing
from web.tables import Column, Paging, Table

blueprint = Blueprint("lists", __name__, url_prefix="/lists")
navigation = [
    Entry(
        "Lists and reports",
        "lists.index",
        group="Cases",
        icon="list-columns",
        permission="cases.read",
        keys="g l",
        words="case list builder frequency accession register patient index primary site table",
    )
]

FORMS = {"csv": "CSV", "xlsx": "Excel", "parquet": "Parquet"}


@page(blueprint, "/", permission="cases.read")
def index():
    """Saved lists, ready-made registers, and the way to a new list."""
    with reading() as session:
        found = saved_lists.mine_and_shared(session, actor())
    return render("lists/index.html", saved=found, address=as_address)


@page(blueprint, "/cases", permission="cases.read", twins=True)
def cases():
    """The list that the address asks for. Its twins mask persons: identified rows leave by the export, for a purpose."""
    definition = of_address()
    asked = paging(definition.sort)
    twin = bool(g.get("twin"))
    with reading() as session:
        found = lists.rows(session, actor(), definition, page=asked.page, size=asked.size, identified=not twin)
    g.list_at = ("lists.cases", as_address(definition))
    log_read("case list", rows=len(found.rows), conditions=list(definition.conditions))
    table = _table(definition, found, asked)
    return render_list(
        "lists/cases.html",
        table,
        definition=definition,
        conditions=[in_words(c) for c in parse(definition.conditions)],
        found=found,
        units=lists.UNITS,
        forms=FORMS,
        here=as_address(definition),
        saved=_saved_from(),
        label=label,
    )


def _saved_from() -> saved_lists.Saved | None:
    number = request.args.get("list", "")
    if not number.isdigit():
        return None
    with reading() as session:
        return saved_lists.load(session, actor(), int(number))


def _table(definition: lists.Definition, found: lists.CasePage, asked: Paging) -> Table:
    def open_row(row: lists.CaseRow) -> str:
        return url_for("patients.show", patient_id=row.patient_id, _anchor=f"tumor-{row.tumor_id}")

    columns = []
    for place, name in enumerate(definition.columns):
        columns.append(
            Column(
                name,
                title(name),
                lambda row, name=name: row.values[name],
                kind="person" if name == "patient" else _kind(name),
                link=open_row if place == 0 or name == "patient" else None,
                sort=not _is_free_text(name),
            )
        )
    return Table(
        "cases", "Cases", columns, found.rows, asked, more=found.more, total=found.total, row_link=open_row,
        empty="No case meets these conditions.",
    )  # fmt: skip


def _kind(name: str) -> str:
    number = item_of(name)
    if name == "born" or (number is not None and meanings.kind(number) == "date"):
        return "date"
    return "text" if _is_free_text(name) else "code"


def _is_free_text(name: str) -> bool:
    """Whether a column holds free text."""
    from registry.items import is_text

    return is_text(item_of(name) or 0)


def in_words(condition: Any) -> str:
    """A condition as people read it."""
    relation = {"=": "is", "!=": "is not", ">=": "from", "<=": "up to"}[condition.operator]
    values = []
    for part in condition.parts[:8]:
        values.append(f"{part} {label(condition.name, part)}".strip())
    if len(condition.parts) > 8:
        values.append(f"{len(condition.parts) - 8} more")
    return f"{title(condition.name)} {relation} {', '.join(values)}"


@page(blueprint, "/new", permission="cases.read")
def new():
    """The builder, filled with what the address asks for."""
    return _builder(of_address())


def _builder(definition: lists.Definition, *, fault: str = "", status: int = 200):
    try:
        filled = lines(definition.conditions)
    except Exception as error:
        if getattr(error, "code", "") != "selection":
            raise
        filled = [_split(text) for text in definition.conditions] + [("", "=", "")] * 3
    return render(
        "lists/builder.html",
        status=status,
        definition=definition,
        lines=filled,
        columns=[*definition.columns, "", "", ""],
        choices=items.choices(),
        names=items.NAMES,
        titles={name: title(name) for name in definition.columns},
        units=lists.UNITS,
        fault=fault,
    )


def _split(text: str) -> tuple[str, str, str]:
    for operator in ("!=", ">=", "<=", "="):
        name, found, value = text.partition(operator)
        if found:
            return name, operator, value
    return text, "=", ""


@page(blueprint, "/cases", permission="cases.read", methods=("POST",))
def build():
    """Takes the builder's form and leads to the list; a fault loses nothing that was typed."""
    definition = of_form(request.form)
    try:
        lists.check(actor(), definition)
    except Exception as error:
        if getattr(error, "code", "") != "selection":
            raise
        return _builder(definition, fault=f"{error.message}. {error.hint}", status=422)  # type: ignore[attr-defined]
    if purpose := " ".join(request.form.get("purpose", "").split())[:500]:
        log_read("case list asked for", purpose=purpose, conditions=list(definition.conditions))
    return redirect(url_for("lists.cases", **as_address(definition)), 303)


@page(blueprint, "/codes.json", permission="cases.read")
def codes():
    """The codes of an item with their meanings, for the field of a value."""
    name = request.args.get("item", "").strip()
    number = item_of(name) if name else None
    found = meanings.choices(number) if number is not None else {}
    if not found and name in ("stage", "sex", "vital", "status", "recode"):
        found = {code: label(name, code) for code in _derived_codes(name)}
    rows = [{"code": code, "label": text} for code, text in list(found.items())[:400]]
    return jsonify(title=title(name) if name else "", rows=rows)


def _derived_codes(name: str) -> list[str]:
    if name == "recode":
        from abstracting.recodes.tables import recode

        return list(recode("site_recode_2008").labels)
    from abstracting.recodes.stage import LABELS

    known = {"stage": list(LABELS), "sex": ["1", "2", "9"], "vital": ["0", "1"]}
    return known.get(name, ["suspense", "incomplete", "complete", "submitted"])


@page(blueprint, "/save", permission="cases.read", methods=("POST",))
def save():
    """Keeps the list under a name, private or shared."""
    definition = of_address()
    lists.check(actor(), definition)
    shared = request.form.get("shared") == "yes"
    with writing() as session:
        number = saved_lists.save(session, actor(), request.form.get("name", ""), definition, shared=shared)
    flash("Saved. " + ("Everybody may open it; each sees their own rows." if shared else "Only you see it."), "success")
    return redirect(url_for("lists.cases", **as_address(definition), list=number), 303)


@page(blueprint, "/saved/<int:number>", permission="cases.read")
def saved(number: int):
    """Opens a saved list."""
    with reading() as session:
        found = saved_lists.load(session, actor(), number)
        lists.check(actor(), found.definition)
    return redirect(url_for("lists.cases", **as_address(found.definition), list=number), 303)


@page(blueprint, "/saved/<int:number>/remove", permission="cases.read", methods=("POST",))
def remove(number: int):
    """Removes a saved list of one's own; the cases stay where they are."""
    with writing() as session:
        saved_lists.remove(session, actor(), number)
    flash("The list was removed. Its cases are where they were.", "success")
    return redirect(url_for("lists.index"), 303)


@page(blueprint, "/export", permission="export", methods=("POST",))
def export():
    """Writes the whole list to a file and hands it over; the purpose is kept in the log of disclosures."""
    definition = of_address()
    purpose = outgoing.purpose_of(request.form.get("purpose", ""))
    form = request.form.get("form", "csv")
    if form not in FORMS:
        form = "csv"
    token = outgoing.new_token(store())
    path = outgoing.place_of(store(), token, f"cases.{form}")
    with reading() as session:
        rows = [values for values, _ in lists.every_row(session, actor(), definition)]
    sha256 = outgoing.write_rows(path, [title(name) for name in definition.columns], rows)
    with writing() as session:
        files.disclose(
            session,
            who=actor().username,
            what=f"case list, {FORMS[form]}",
            purpose=purpose,
            selection={
                "where": list(definition.conditions),
                "columns": list(definition.columns),
                "unit": definition.unit,
            },
            rows=len(rows),
            sha256=sha256,
        )
    log_read("case list exported", purpose=purpose, rows=len(rows), conditions=list(definition.conditions))
    response: Response = send_file(path, as_attachment=True, download_name=f"cases.{form}", etag=False)
    response.call_on_close(lambda: outgoing.discard(store(), token))
    return response


from web.lists import tables  # noqa: E402, F401  (its routes join the blueprint)
