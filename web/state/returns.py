"""What goes back to facilities: rejected cases with their reasons, and what the registry came to know since."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from werkzeug.exceptions import NotFound

from registry.state import changes as change_services
from registry.state import rejects as reject_services
from registry.state.returning import item_name
from web import meanings
from web.filters import person as person_text
from web.pages import actor, log_read, masked, page, paging, reading, render, render_list, store
from web.state import blueprint
from web.state.base import whole
from web.tables import Column, Table

RETURNED = "The file is written and logged; fetch it here."


@page(blueprint, "/rejected", permission="state")
def rejected():
    """By facility what imports and edits rejected and what was returned of it."""
    whole()
    with reading() as db:
        lines = reject_services.waiting(db)
    return render("state/rejected.html", lines=lines, may_send=actor().may("state.send"))


@page(blueprint, "/rejected/<number>", permission="state", twins=True)
def rejected_cases(number: str):
    """The cases that wait to be returned to one facility, a line a reason."""
    whole()
    with reading() as db:
        found = next((line for line in reject_services.waiting(db, number=_number(number)) if _is(line, number)), None)
    if found is None:
        raise NotFound
    log_read("rejected cases of a facility", facility=number, rows=len(found.rejected))
    rows = [(one, note) for one in found.rejected for note in one.notes]

    def open_case(row: Any) -> str:
        return url_for("editor.edit", abstract_id=row[0].row_id) if row[0].table == "abstract" else ""

    columns = [
        Column("origin", "Found by", lambda r: r[0].origin, sort=True),
        Column("file", "File", lambda r: f"{r[0].file} row {r[0].row}" if r[0].file else ""),
        Column("accession", "Accession", _accession, kind="code", link=open_case),
        Column("patient", "Patient", _named, kind="person"),
        Column("code", "Reason", lambda r: r[1].code, kind="code", sort=True),
        Column("message", "In words", lambda r: r[1].message),
        Column("item", "Item", lambda r: f"{r[1].item} {item_name(r[1].item)}" if r[1].item else "", sort=True),
        Column("told", "Returned before", lambda r: "yes" if r[0].told else "", sort=True),
    ]
    table = Table.of(f"rejected-{number}", f"Rejected cases of {found.name}", columns, rows, paging())
    return render_list("state/rejected_cases.html", table, line=found, may_send=actor().may("state.send"))


def _number(text: str) -> str:
    return "" if text == "none" else text


def _is(line: reject_services.Waiting, text: str) -> bool:
    return line.number == _number(text)


def _accession(row: Any) -> str:
    return row[0].items.get(550, "") or ("without" if row[0].table == "abstract" else "")


def _named(row: Any) -> str:
    one = row[0]
    parts = [masked(one.items.get(number, ""), one.patient_id) for number in (2230, 2240)]
    return ", ".join(part for part in parts if part)


@page(blueprint, "/rejected/<number>/return", permission="state.send", methods=("POST",))
def return_rejected(number: str):
    """Writes the rejected cases of a facility with their reasons, and logs the return."""
    who = whole()
    sent = reject_services.return_to(
        store(),
        number,
        who=who.username,
        purpose=request.form.get("purpose", ""),
        again=request.form.get("again") == "yes",
    )
    flash(RETURNED, "success")
    return redirect(url_for("state.transmission", number=sent), 303)


@page(blueprint, "/changes", permission="state")
def changed():
    """By facility how many values would go back, and how many are held back."""
    whole()
    with reading() as db:
        lines = change_services.changes(db)
    return render(
        "state/changes.html", lines=lines, groups=change_services.groups(), may_send=actor().may("state.send")
    )


@page(blueprint, "/changes/<number>", permission="state", twins=True)
def changed_values(number: str):
    """The values that would go back to one facility."""
    whole()
    with reading() as db:
        found = next(iter(change_services.changes(db, number=number)), None)
    if found is None:
        raise NotFound
    log_read("changes for a facility", facility=number, rows=found.values)
    titles = {group.id: group.title for group in change_services.groups()}
    rows = [(case, change) for case in found.cases for change in case.changes]

    def open_case(row: Any) -> str:
        return url_for("editor.edit", abstract_id=row[0].abstract_id)

    def told(value: str, row: Any) -> str:
        hidden = row[1].item in PERSONAL and not actor().identifies(row[0].patient_id)
        return (
            masked(value, row[0].patient_id) if hidden else meanings.date_text(value) if row[1].item in DATES else value
        )

    columns = [
        Column("accession", "Accession", lambda r: r[0].own.get(550, "") or "open", kind="code", link=open_case),
        Column("patient", "Patient", _owner, kind="person"),
        Column("group", "Group", lambda r: titles[r[1].group], sort=True),
        Column("item", "Item", lambda r: f"{r[1].item} {item_name(r[1].item)}", sort=True),
        Column("sent", "Sent by the facility", lambda r: told(r[1].sent, r)),
        Column("now", "Known here", lambda r: told(r[1].now, r)),
        Column("source", "Source", lambda r: r[1].source, sort=True),
    ]
    table = Table.of(
        f"changes-{number}", f"Changes for {found.name}", columns, rows, paging(), empty="Nothing changed since."
    )
    return render_list("state/changed_values.html", table, line=found, may_send=actor().may("state.send"))


DATES = frozenset({240, 390, 1200, 1210, 1220, 1230, 1240, 1250, 1270, 1750})
PERSONAL = frozenset({2230, 2240, 2250, 2270, 2232, 240, 2320, 2330, 100})
"""Items that name a person: masked for whoever may not see names."""


def _owner(row: Any) -> str:
    case = row[0]

    class Named:
        patient_id, name_last, name_first = case.patient_id, case.own.get(2230, ""), case.own.get(2240, "")

    return person_text(Named)


@page(blueprint, "/changes/<number>/return", permission="state.send", methods=("POST",))
def return_changes(number: str):
    """Writes what changed for a facility since its last return, and logs it."""
    who = whole()
    sent = change_services.return_to(store(), number, who=who.username, purpose=request.form.get("purpose", ""))
    flash(RETURNED, "success")
    return redirect(url_for("state.transmission", number=sent), 303)
