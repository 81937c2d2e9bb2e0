"""The blueprint of the desk, its place in the navigation, and the queue of cases to finish."""

from __future__ import annotations

from flask import Blueprint, request, url_for

from registry.abstracting import queries, readiness
from web.navigation import Entry
from web.pages import actor, page, paging, reading, render_list
from web.tables import Column, Table

blueprint = Blueprint("abstracting", __name__, url_prefix="/desk")
navigation = [
    Entry("Desk", "abstracting.queue", "Work", "pencil-square", "cases.edit", keys="g d", words="suspense queue ready"),
    Entry("New case", "abstracting.start", "Work", "plus-circle", "cases.edit", keys="g n", words="start accession"),
]

VIEWS = {
    "all": ("All open cases", "not complete, ready ones first"),
    "ready": ("Ready to finish", "nothing is missing from elsewhere"),
    "waiting": ("Waiting", "for treatment, an answer or a report"),
    "treatment": ("Awaiting treatment", "planned, recommended, or without a trace yet"),
    "late": ("Past six months", "first contact more than six months ago"),
}


@page(blueprint, "/", permission="cases.edit", twins=True)
def queue():
    """The suspense queue by deadline and readiness; each case says what it waits for."""
    asked = paging()
    picked = request.args.get("view", "all")
    with reading() as session:
        lines = readiness.suspense(session, actor())
        questions = queries.listed(session, actor())
    parts = {
        "all": lines,
        "ready": [line for line in lines if line.ready],
        "waiting": [line for line in lines if not line.ready],
        "treatment": readiness.awaiting_treatment(lines),
        "late": [line for line in lines if line.days_left is not None and line.days_left < 0],
    }
    picked = picked if picked in parts else "all"
    shown = parts[picked]
    first = (asked.page - 1) * asked.size
    table = _table(shown[first : first + asked.size], asked, len(shown), picked)
    return render_list(
        "abstracting/queue.html",
        table,
        counts={name: len(part) for name, part in parts.items()},
        views=VIEWS,
        picked=picked,
        questions=questions,
    )


def _table(rows: list[readiness.QueueLine], asked, total: int, picked: str) -> Table:
    from web.filters import person

    def open_row(row: readiness.QueueLine) -> str:
        return url_for("editor.edit", abstract_id=row.abstract_id)

    columns = [
        Column("patient", "Patient", person, kind="person", link=open_row),
        Column("site", "Site", lambda r: r.primary_site, kind="code", item=400),
        Column("first_contact", "First contact", lambda r: r.first_contact, kind="date"),
        Column("days", "Days left", lambda r: r.days_left, kind="number"),
        Column("state", "State", lambda r: "ready" if r.ready else "waits for " + "; ".join(r.waits_for)),
        Column("filled", "Filled", lambda r: f"{r.filled} %"),
        Column("status", "Status", lambda r: r.status),
        Column("class", "Class", lambda r: r.class_of_case),
        Column("accession", "Accession", lambda r: r.accession),
    ]
    if actor().facility_id is None:
        columns.append(Column("facility", "Facility", lambda r: r.facility))
    return Table(
        f"desk-{picked}",
        VIEWS[picked][0],
        columns,
        rows,
        asked,
        more=asked.page * asked.size < total,
        total=total,
        row_link=open_row,
        empty="Nothing waits here.",
    )
