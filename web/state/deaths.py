"""Death clearance: clear a death file, ask facilities and certifiers, decide each death; the share before and after."""

from __future__ import annotations

from flask import flash, redirect, request, url_for

from registry.state import certificates, follow_back
from registry.state import clearance as services
from web.filters import person as person_text
from web.pages import actor, log_read, page, paging, reading, render_list, settings, store, writing
from web.state import blueprint
from web.state.base import whole
from web.tables import Column, Table

STATES = {"open": "Open", "found": "Abstract found", "dco": "Certificate only", "closed": "No case"}


@page(blueprint, "/deaths", permission="state", twins=True)
def deaths():
    """The deaths of cancer that no registered tumor explained, by state."""
    whole()
    state = request.args.get("state", "open")
    state = state if state in STATES else "open"
    with reading() as db:
        rows = services.notices(db, state=state)
        counts, shares, files = services.counts(db), services.shares(db), services.death_files(db)
        names = {r.recipient: services.facility_name(db, r.recipient) for r in rows if r.recipient}
        whom = follow_back.recipients(rows, names)
    log_read("deaths without a case", state=state, rows=len(rows))
    columns = [
        Column("patient", "Person", person_text, kind="person", sort=True),
        Column("died", "Died", lambda r: r.died, kind="date", sort=True),
        Column("cause", "Cause", lambda r: r.cause, kind="code", sort=True),
        Column("facility", "Facility", lambda r: r.facility or r.certifier, sort=True),
        Column("here", "Registered", lambda r: "with another tumor" if r.patient_id and r.state == "open" else ""),
        Column("asked", "Asked", lambda r: "yes" if r.asked else "" if r.may_be_asked else "may not be asked"),
        Column("state", "State", lambda r: STATES[r.state]),
        Column("outcome", "Outcome", lambda r: services.REASONS.get(r.outcome, "") or r.why),
    ]
    table = Table.of(f"deaths-{state}", f"Deaths: {STATES[state]}", columns, rows, paging(), empty="No such death.")
    return render_list(
        "state/deaths.html",
        table,
        rows=table.rows,
        state=state,
        states=STATES,
        counts=counts,
        shares=shares,
        files=files,
        whom=whom,
        reasons=services.REASONS,
        may_send=actor().may("state.send"),
    )


@page(blueprint, "/deaths", permission="state.send", methods=("POST",))
def clear_deaths():
    """Asks about the deaths of a file that no tumor explains."""
    who = whole()
    told = services.clear_file(store(), _number("file"), who=who.username)
    flash(
        f"{told.of_cancer} of {told.deaths} deaths name a cancer: {told.explained} are explained by a registered tumor, "
        f"{told.in_review} wait for a review of their match, {told.asked_before} were asked about before, "
        f"{told.asked} are new.",
        "success",
    )
    return redirect(url_for("state.deaths"), 303)


def _number(name: str) -> int:
    text = request.form.get(name, "")
    return int(text) if text.isdigit() and len(text) < 10 else 0


@page(blueprint, "/deaths/ask", permission="state.send", methods=("POST",))
def ask_about_deaths():
    """Writes the letter with its forms to one facility or certifier."""
    who, form = whole(), request.form
    number = follow_back.ask(store(), form.get("recipient", ""), who=who.username, purpose=form.get("purpose", ""))
    flash("The letter and the list are written and logged; fetch them here.", "success")
    return redirect(url_for("state.transmission", number=number), 303)


@page(blueprint, "/deaths/<int:number>", permission="state.send", methods=("POST",))
def decide_death(number: int):
    """Decides one death: an abstract came, a case by certificate only, or no case."""
    who, form = whole(), request.form
    do, why = form.get("do", ""), form.get("why", "")
    with writing() as db:
        if do == "found":
            services.found_abstract(db, number, form.get("accession", ""), who=who.username)
        elif do == "dco":
            certificates.make_case(db, number, settings=settings(), who=who.username, why=why)
        else:
            services.close(db, number, do, who=who.username, why=why)
    flash("Decided: " + STATES.get(do, STATES["closed"]).lower() + ".", "success")
    return redirect(url_for("state.deaths"), 303)
