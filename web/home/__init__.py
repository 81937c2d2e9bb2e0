"""The start page: what waits for this person, and the entries of the command palette."""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, current_app, jsonify, url_for
from werkzeug.exceptions import NotFound

from registry.security.permissions import Actor
from registry.views import worklist
from web.home import readers
from web.navigation import Entry, permitted
from web.pages import actor, log_read, page, paging, reading, render, render_list
from web.tables import Column, Table

blueprint = Blueprint("home", __name__)

COUNT_SECONDS = 20
"""Counts of the start page are at most so old: at 200,000 tumors they cost a third of a second of the machine."""

navigation = [Entry("Start", "home.index", group="Work", icon="house", permission="home", keys="g h")]


@page(blueprint, "/", permission="home")
def index():
    """What waits, as numbers that open their lists."""
    who = actor()
    counts, totals = _counted(who) if who.may("cases.read") else ({}, {})
    with reading() as session:
        imports = worklist.imports(session) if who.may("import") else []
        today = worklist.today(session, who) if who.may("cases.edit") else None
    if today is not None and (today.cases or today.questions or today.treatment):
        log_read("worklist of the day", cases=len({line.abstract_id for line in (*today.cases, *today.treatment)}))
    shown = [
        queue for queue in worklist.QUEUES.values() if who.may("followup" if queue.name == "follow-up" else "home")
    ]
    return render(
        "home/index.html",
        counts=counts,
        totals=totals,
        imports=imports,
        today=today,
        queues=shown if who.may("cases.edit") or who.may("followup") else [],
        central=readers.central(who),
        analysis=readers.analysis(who) if who.may("analysis") and not who.may("cases.edit") else None,
        has_import_page="imports.show" in current_app.view_functions,
    )


def _counted(who: Actor) -> tuple[dict[str, int], dict[str, int]]:
    kept: dict[int | None, tuple[float, Any]] = current_app.extensions.setdefault("home.counts", {})
    at, found = kept.get(who.facility_id, (0.0, None))
    if found is None or time.monotonic() - at > COUNT_SECONDS:
        with reading() as session:
            found = worklist.counts(session, who), worklist.totals(session, who)
        kept[who.facility_id] = (time.monotonic(), found)
    return found


@page(blueprint, "/work/<name>", permission="cases.read", twins=True)
def work(name: str):
    """One list of work."""
    queue = worklist.QUEUES.get(name)
    if queue is None:
        raise NotFound
    asked = paging()
    with reading() as session:
        rows, more = worklist.items(session, actor(), name, page=asked.page, size=asked.size)
    return render_list("home/work.html", _table(queue, rows, asked, more), queue=queue)


def _table(queue: worklist.Queue, rows: list[worklist.WorkItem], asked, more: bool) -> Table:
    from web.filters import person

    who = actor()

    def open_row(row: worklist.WorkItem) -> str:
        return url_for("patients.show", patient_id=row.patient_id, _anchor=f"tumor-{row.tumor_id}")

    columns = [
        Column("patient", "Patient", person, kind="person", link=open_row),
        Column("facility", "Facility", lambda r: r.facility),
        Column("class", "Class", lambda r: r.class_of_case, kind="code", item=610),
        Column("site", "Site", lambda r: r.primary_site, kind="code", item=400),
        Column("first_contact", "First contact", lambda r: r.date_of_first_contact, kind="date"),
        Column("last_contact", "Last contact", lambda r: r.date_of_last_contact, kind="date"),
    ]
    if who.may("cases.identify"):
        columns.insert(1, Column("accession", "Accession", lambda r: r.accession, kind="code"))
    return Table(
        f"work-{queue.name}",
        queue.title,
        columns,
        rows,
        asked,
        more=more,
        row_link=open_row,
        empty="Nothing waits here.",
    )


@page(blueprint, "/commands.json", permission="home")
def palette():
    """The pages that this person may open, for the command palette."""
    rows = [{"label": e.label, "group": e.group, "href": e.href, "keys": e.keys, "words": e.words} for e in permitted()]
    return jsonify(rows=rows)
