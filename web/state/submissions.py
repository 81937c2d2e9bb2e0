"""The grid of submissions: facilities by months, expectations typed into it, every number opens its cases."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import flash, redirect, request, url_for
from werkzeug.exceptions import NotFound

from registry.models import Facility
from registry.state import submissions as services
from registry.views import consolidation
from web.filters import person as person_text
from web.pages import actor, log_read, page, paging, reading, render_list, writing
from web.state import blueprint
from web.state.base import whole
from web.tables import Column, Table


@page(blueprint, "/", permission="state", twins=True)
def submissions():
    """Facilities by months: expected, received, overdue, share."""
    whole()
    last = _until()
    with reading() as db:
        found = services.grid(db, last=last)
        left_open = consolidation.waiting(db)
    columns = [
        Column("number", "Facility number", lambda r: r[0], kind="code"),
        Column("facility", "Facility", lambda r: r[1]),
        Column("month", "Month", lambda r: r[2]),
        Column("expected", "Expected", lambda r: r[3], kind="number"),
        Column("received", "Received", lambda r: r[4], kind="number"),
        Column("overdue", "Overdue", lambda r: r[5], kind="number"),
        Column("share", "Share received", lambda r: "" if r[6] is None else f"{r[6]:.3f}"),
    ]
    rows = list(services.as_rows(found))
    table = Table("submissions", "Submissions", columns, rows, paging(), total=len(rows))
    return render_list(
        "state/submissions.html",
        table,
        grid=found,
        until=last,
        turn=_turn(last),
        editable=_may_type(),
        left_open=left_open,
    )


def _until() -> str:
    asked = request.args.get("until", "")
    return services.read_month(asked) if asked else f"{date.today():%Y-%m}"


def _turn(last: str) -> dict[str, str]:
    """The last months of the year before and after; nothing after this month."""
    before, after = f"{int(last[:4]) - 1}{last[4:]}", f"{int(last[:4]) + 1}{last[4:]}"
    return {"before": before, "after": min(after, this) if last < (this := f"{date.today():%Y-%m}") else ""}


def _may_type() -> bool:
    return actor().may("state.send")


@page(blueprint, "/", permission="state.send", methods=("POST",))
def expect():
    """Writes what was typed into the grid."""
    who, typed = whole(), {}
    for name, text in request.form.items():
        kind, _, rest = name.partition("-")
        facility, _, month = rest.partition("-")
        if kind == "expected" and facility.isdigit():
            typed[int(facility), month] = text
    with writing() as db:
        changed = services.expect(db, typed, actor=who)
    flash(f"{changed} {'expectation' if changed == 1 else 'expectations'} changed.", "success")
    return redirect(url_for("state.submissions", until=request.form.get("until") or None), 303)


@page(blueprint, "/received/<int:facility_id>/<month>", permission="state", twins=True)
def received(facility_id: int, month: str):
    """The cases behind a number of the grid."""
    whole()
    with reading() as db:
        facility = db.get(Facility, facility_id)
        if facility is None:
            raise NotFound
        name, rows = facility.name, services.received(db, facility_id, month)
    log_read("cases received from a facility", facility=facility_id, month=month, rows=len(rows))
    table = Table.of(
        f"received-{month}", f"Received from {name} in {month}", _columns(), rows, paging(), empty="Nothing came in."
    )
    return render_list("state/received.html", table, name=name, month=month)


def _columns() -> list[Column]:
    def open_case(row: Any) -> str:
        return url_for("editor.edit", abstract_id=row.abstract_id)

    return [
        Column("accession", "Accession", lambda r: r.accession, kind="code", link=open_case, sort=True),
        Column("patient", "Patient", person_text, kind="person", sort=True),
        Column("site", "Site", lambda r: r.site, kind="site", sort=True),
        Column("class", "Class", lambda r: r.class_of_case, kind="code", sort=True),
        Column("status", "Status", lambda r: r.status, sort=True),
        Column("received", "Received", lambda r: r.received, kind="date", sort=True),
    ]
