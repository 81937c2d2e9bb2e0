"""Where the day begins, and whom to follow: home, due list by month, calendar."""

from __future__ import annotations

from collections.abc import Callable

from flask import request, url_for

from registry.followup import lists as services
from registry.followup.standing import Standing
from registry.followup.status import DELINQUENT, DUE, Person
from web.filters import person as person_text
from web.followup import blueprint
from web.followup.base import choice, now_standing
from web.pages import actor, log_search, page, paging, reading, render, render_list
from web.tables import Column, Table

STATUS = {DELINQUENT: "lost"}
"""The field says delinquent and means lost; the lists say what their tabs say."""


@page(blueprint, "/", permission="followup")
def index():
    """What waits today: the tests with the contacts that reach each target, and the lists."""
    with reading() as db:
        chosen = choice(db)
        found = now_standing(db, chosen)
    months = services.calendar(found.people, as_of=chosen.as_of, months=6)
    return render("followup/index.html", chosen=chosen, standing=found, months=months)


@page(blueprint, "/due", permission="followup", twins=True)
def due():
    """The due list: one line a patient, the longest unheard first."""
    name = request.args.get("list", "open")
    view = name if name in services.VIEWS else "open"
    with reading() as db:
        chosen = choice(db)
        found = now_standing(db, chosen)
    month = services.read_month(request.args["month"]) if request.args.get("month") else None
    view = "month" if month else view
    rows = found.view(view, month)
    months = services.calendar(found.people, as_of=chosen.as_of)
    log_search(f"follow-up list {view}", len(rows))
    return render_list(
        "followup/due.html",
        due_table(found, rows, f"follow-up-{view}", services.VIEWS[view][0]),
        chosen=chosen,
        standing=found,
        views=services.VIEWS,
        view=view,
        month=month,
        months=months,
    )


def due_table(
    found: Standing, rows: list[Person], name: str, caption: str, *, counted: Callable[[Person], int] | None = None
) -> Table:
    """The table of a due list, used wherever a number opens its patients; `counted` says what each adds to that number."""
    who = actor()

    def born(row: Person) -> str:
        if row.born is None:
            return ""
        return row.born.isoformat() if who.identifies(row.patient_id) else str(row.born.year)

    def step(row: Person) -> str:
        if row.status not in {DUE, DELINQUENT}:
            return ""
        taken = found.step(row)
        return taken.source.step if taken.source else taken.note

    def chance(row: Person) -> str:
        taken = found.step(row)
        return f"{taken.chance:.0%}" if row.status in {DUE, DELINQUENT} and taken.source else ""

    columns = [
        Column("patient", "Patient", person_text, kind="person", link=open_patient, sort=True),
        Column("born", "Born", born, sort=True),
        Column("status", "Status", lambda r: STATUS.get(r.status, r.status), sort=True),
        Column("last_contact", "Last contact", lambda r: r.last_contact, kind="date", sort=True),
        Column("due", "Due since", lambda r: f"{r.due_day:%Y%m%d}" if r.due_day else "", kind="date", sort=True),
        Column("cases", "Cases", counted or (lambda r: len(r.followed)), kind="number", sort=True),
        Column("sites", "Sites", lambda r: ", ".join(sorted({c.site for c in r.followed})), kind="text"),
        Column("next", "Next step", step, sort=True),
        Column("chance", "Chance", chance, kind="number", hint="that this step tells of the patient"),
        Column("reason", "Note", lambda r: r.reason),
        Column("facility", "Facility", lambda r: r.facility, sort=True),
    ]
    if not any(row.reason for row in rows):
        columns = [column for column in columns if column.name != "reason"]
    if found.facility_id is not None:
        columns = [column for column in columns if column.name != "facility"]
    return Table.of(name, caption, columns, rows, paging(), row_link=open_patient, empty="Nobody is on this list.")


def open_patient(row: Person) -> str:
    """The address of the follow-up page of one patient."""
    return url_for("followup.patient", patient_id=row.patient_id)
