"""Edits: what stands open by edit, facility and registrar, the cases behind each number, and letting an edit stand."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for

from registry import jobs
from registry.edits import overrides, reports
from registry.edits.evaluation import site_fault
from registry.edits.external import finish
from registry.edits.upkeep import unfinished
from registry.models.edits import CLEARED, DONE, OPEN, OVERRIDDEN, WAITING
from registry.views.abstract import find
from web.navigation import Entry
from web.pages import actor, log_read, page, paging, reading, render, render_list, store, writing
from web.tables import Column, Table

blueprint = Blueprint("edits", __name__, url_prefix="/edits")
navigation = [
    Entry(
        "Edits",
        "edits.index",
        group="Work",
        icon="clipboard-check",
        permission="cases.read",
        keys="g c",
        words="checks errors warnings overrides quality edit report",
    )
]

BY = {"edit": "By edit", "facility": "By facility", "registrar": "By registrar"}
STATES = {OPEN: "open", OVERRIDDEN: "let stand", CLEARED: "cleared"}
ENTRY_STATES = {WAITING: "waiting", DONE: "done"}


def _case(row: reports.FindingLine | reports.EntryLine) -> str:
    """What a list calls a case: its accession number, to those who may know it."""
    return row.accession if row.accession and actor().may("cases.identify") else f"abstract {row.abstract_id}"


@page(blueprint, "/", permission="cases.read", twins=True)
def index():
    """The report: findings counted by edit, facility or registrar; every number opens its cases."""
    by = request.args.get("by", "edit")
    by = by if by in BY else "edit"
    with reading() as session:
        counts = reports.counts(session, actor())
        lines = reports.report(session, actor(), by=by)
        under_way = unfinished(session)
    for number in under_way:
        # a job that nobody does is seen to by whoever looks at its result
        jobs.revive(store(), number)

    def to(state: str) -> Any:
        filters = {"edit": "rule", "facility": "facility", "registrar": "registrar"}
        # a nought has no cases behind it
        return lambda line: url_for("edits.cases", state=state, **{filters[by]: line.key}) if shown(state, line) else ""

    def shown(state: str, line: reports.ReportLine) -> int:
        return {OPEN: line.open, OVERRIDDEN: line.overridden, CLEARED: line.cleared}[state]

    columns = [
        Column(
            "key",
            {"edit": "Edit", "facility": "Facility", "registrar": "Registrar"}[by],
            lambda line: line.key or "blank",
        ),
        Column("title", "Name", lambda line: line.title)
        if by == "facility"
        else Column("severity", "Severity", lambda line: line.severity),
        Column("open", "Open", lambda line: line.open, kind="number", link=to(OPEN)),
        Column("overridden", "Let stand", lambda line: line.overridden, kind="number", link=to(OVERRIDDEN)),
        Column("cleared", "Cleared", lambda line: line.cleared, kind="number", link=to(CLEARED)),
        Column("abstracts", "Abstracts", lambda line: line.abstracts, kind="number"),
    ]
    if by == "registrar":
        columns.pop(1)
    empty = "Every abstract that was checked passes OncoRegistry checks."
    table = Table.of("edits", BY[by], columns, lines, paging(), empty=empty)
    return render_list(
        "edits/index.html",
        table,
        by=by,
        titles=BY,
        counts=counts,
        under_way=len(under_way),
        fault=site_fault(store().settings),
    )


@page(blueprint, "/run", permission="cases.edit", methods=("POST",))
def run():
    """Checks all abstracts anew, in the background."""
    jobs.ask(store(), "edits", {"name": "all"}, who=actor().username)
    flash("All abstracts are being checked; this page shows what is found.", "success")
    return redirect(url_for("edits.index"), 303)


@page(blueprint, "/cases", permission="cases.read", twins=True)
def cases():
    """The findings behind a number, oldest first; a click opens the case."""
    asked = paging()
    picked = {name: request.args.get(name, "") for name in ("rule", "facility", "registrar", "severity")}
    state = request.args.get("state", OPEN)
    state = state if state in STATES else OPEN
    with reading() as session:
        rows, more = reports.cases(session, actor(), **picked, state=state, page=asked.page, size=asked.size)

    def open_case(row: reports.FindingLine) -> str:
        return url_for("edits.show", abstract_id=row.abstract_id)

    columns = [
        Column("accession", "Accession", _case, link=open_case),
        Column("facility", "Facility", lambda row: row.facility),
        Column("registrar", "Registrar", lambda row: row.registrar),
        Column("rule", "Edit", lambda row: row.rule),
        Column("severity", "Severity", lambda row: row.severity),
        Column("message", "What is wrong", lambda row: row.message),
        Column("first_seen", "Since", lambda row: row.first_seen, kind="moment"),
    ]
    table = Table("findings", "Findings", columns, rows, asked, more=more, empty="No finding matches.")
    return render_list("edits/cases.html", table, picked=picked, state=state, states=STATES)


@page(blueprint, "/external", permission="cases.read", twins=True)
def external():
    """The worklist of other programs' edit reports: what waits, or was done, on which case."""
    asked = paging()
    picked = {name: request.args.get(name, "").strip() for name in ("edit", "registrar")}
    state = request.args.get("state", WAITING)
    state = state if state in ENTRY_STATES else WAITING
    with reading() as session:
        rows, more = reports.worklist(session, actor(), **picked, state=state, page=asked.page, size=asked.size)

    def open_case(row: reports.EntryLine) -> str:
        return url_for("edits.show", abstract_id=row.abstract_id, _anchor="external" if state == WAITING else None)

    columns = [
        Column("accession", "Accession", _case, link=open_case),
        Column("facility", "Facility", lambda row: row.facility),
        Column("registrar", "Registrar", lambda row: row.registrar),
        Column("edit", "Edit", lambda row: row.edit),
        Column("severity", "Severity", lambda row: row.severity),
        Column("message", "What the report says", lambda row: row.message),
        Column("report", "Report", lambda row: ", ".join(part for part in (row.report, row.agency) if part)),
    ]
    if state == DONE:
        columns += [
            Column("done_by", "Done by", lambda row: row.done_by),
            Column("note", "What was done", lambda row: row.note),
        ]
    else:
        columns.append(Column("added_at", "Since", lambda row: row.added_at, kind="moment"))
    empty = "No entry of an external report waits." if state == WAITING else "No entry was done yet."
    table = Table("external", "Entries of external reports", columns, rows, asked, more=more, empty=empty)
    return render_list("edits/external.html", table, picked=picked, state=state, states=ENTRY_STATES)


@page(blueprint, "/abstracts/<int:abstract_id>", permission="cases.read")
def show(abstract_id: int):
    """What stands on one abstract: findings with the items at their ends, reviews, entries of external reports."""
    with reading() as session:
        abstract = find(session, actor(), abstract_id)
        found = reports.findings_of(session, actor(), abstract_id)
        entries = reports.entries(session, actor(), abstract_id=abstract_id)
        patient = abstract.record.patient_id
        accession = abstract.accession_number or str(abstract.id)
    log_read("edits of an abstract", patient_id=patient, abstract=abstract_id)
    return render("edits/show.html", abstract_id=abstract_id, accession=accession, found=found, entries=entries)


@page(blueprint, "/abstracts/<int:abstract_id>/override", permission="cases.edit", methods=("POST",))
def override(abstract_id: int):
    """Lets a failing edit stand, with a reason."""
    rule = request.form.get("rule", "")
    with writing() as session:
        find(session, actor(), abstract_id)
        overrides.override(session, abstract_id, rule, who=actor().username, reason=request.form.get("reason", ""))
    flash(f"{rule} is let stand for these values; a changed value opens it again.", "success")
    return redirect(_back(abstract_id), 303)


@page(blueprint, "/abstracts/<int:abstract_id>/withdraw", permission="cases.edit", methods=("POST",))
def withdraw(abstract_id: int):
    """Takes an override back."""
    rule = request.form.get("rule", "")
    with writing() as session:
        find(session, actor(), abstract_id)
        overrides.withdraw(session, abstract_id, rule, who=actor().username, reason=request.form.get("reason", ""))
    flash(f"{rule} stands open again.", "success")
    return redirect(_back(abstract_id), 303)


def _back(abstract_id: int) -> str:
    """The page from which an edit was let stand: the editor, at the item it was about, or the edits of the abstract."""
    item = request.form.get("item", "")
    if request.form.get("from") == "editor":
        return url_for("editor.edit", abstract_id=abstract_id, _anchor=f"item-{item}" if item.isdigit() else None)
    return url_for("edits.show", abstract_id=abstract_id)


@page(blueprint, "/abstracts/<int:abstract_id>/entries/<int:entry_id>", permission="cases.edit", methods=("POST",))
def done(abstract_id: int, entry_id: int):
    """Marks an entry of an external report as done."""
    with writing() as session:
        find(session, actor(), abstract_id)
        finish(session, entry_id, who=actor().username, note=request.form.get("note", ""), abstract_id=abstract_id)
    flash("The entry is done.", "success")
    return redirect(url_for("edits.show", abstract_id=abstract_id), 303)
