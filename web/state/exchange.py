"""Residents of other states: by state, the agreements, the file of new and changed cases."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for

from abstracting.codes import places
from registry.state import interstate as services
from web.filters import person as person_text
from web.pages import actor, log_read, page, paging, reading, render_list, store, writing
from web.state import blueprint
from web.state.base import whole
from web.tables import Column, Table


@page(blueprint, "/exchange", permission="state", twins=True)
def exchange():
    """Other states with residents here, and what may be sent to them."""
    whole()
    unset = not store().settings.registry_state
    with reading() as db:
        lines = [] if unset else services.states(store(), db)
    columns = [
        Column("state", "State", lambda r: r.state, kind="code", link=_open),
        Column("name", "Name", lambda r: r.name),
        Column("cases", "Residents' cases", lambda r: r.cases, kind="number"),
        Column("new", "Never sent", lambda r: r.new, kind="number"),
        Column("changed", "Changed since", lambda r: r.changed, kind="number"),
        Column("agreement", "Agreement", _agreement),
        Column("last", "Last file", lambda r: r.last, kind="moment"),
    ]
    table = Table.of(
        "residents-of-other-states",
        "Residents of other states",
        columns,
        lines,
        paging(),
        empty="No resident of another state is registered here.",
        row_link=_open,
    )
    return render_list("state/exchange.html", table, unset=unset)


def _open(row: Any) -> str:
    return url_for("state.residents", code=row.state)


def _agreement(row: services.StateLine) -> str:
    if row.agreement is None:
        return "none"
    until = f" until {row.agreement.until.isoformat()}" if row.agreement.until else ""
    return f"since {row.agreement.since.isoformat()}{until}" + ("" if row.may_send else ", does not hold today")


@page(blueprint, "/exchange/<code>", permission="state", twins=True)
def residents(code: str):
    """One state: its agreement, its residents' cases, the file."""
    whole()
    with reading() as db:
        rows = services.residents(store(), db, code)
        line = next((line for line in services.states(store(), db) if line.state == code), None)
    log_read("residents of another state", state=code, rows=len(rows))
    columns = [
        Column("patient", "Patient", person_text, kind="person", link=_case, sort=True),
        Column("county", "County", lambda r: places.county_label(r.state, r.county) or r.county, sort=True),
        Column("site", "Site", lambda r: r.site, kind="site", sort=True),
        Column("year", "Diagnosed", lambda r: r.year, sort=True),
        Column("standing", "For the next file", lambda r: "" if r.standing == "sent" else r.standing, sort=True),
    ]
    table = Table.of(f"residents-{code}", f"Residents of {code}", columns, rows, paging(), empty="No case.")
    return render_list(
        "state/residents.html",
        table,
        code=code,
        name=places.state().label(code) or code,
        line=line,
        types=list(services.RECORD_TYPES.items()),
        may_send=actor().may("state.send"),
    )


def _case(row: services.Resident) -> str:
    return url_for("patients.show", patient_id=row.patient_id)


@page(blueprint, "/exchange", permission="state.send", methods=("POST",))
def agree():
    """Writes an agreement with a state."""
    who = whole()
    with writing() as db:
        code = services.agree(db, store(), request.form, who=who.username)
    flash("The agreement is written down.", "success")
    return redirect(url_for("state.residents", code=code), 303)


@page(blueprint, "/exchange/<code>/send", permission="state.send", methods=("POST",))
def send_residents(code: str):
    """Writes the file for a state and logs it."""
    who = whole()
    number = services.send_to(store(), code, who=who.username, purpose=request.form.get("purpose", ""))
    flash("The file is written and logged; fetch it here.", "success")
    return redirect(url_for("state.transmission", number=number), 303)
