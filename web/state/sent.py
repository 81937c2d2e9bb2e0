"""The log of what was sent: to whom, why, what it held; the files as they were sent; taking one back."""

from __future__ import annotations

from flask import flash, redirect, request, send_file, url_for

from registry.errors import RegistryError
from registry.state import transmissions as services
from web.pages import actor, log_read, page, paging, reading, render, render_list, store, writing
from web.state import blueprint
from web.state.base import whole
from web.tables import Column, Table


@page(blueprint, "/sent", permission="state", twins=True)
def sent():
    """Every file that was sent, newest first."""
    whole()
    kind = request.args.get("kind", "")
    kind = kind if kind in services.KINDS else ""
    asked = paging()
    with reading() as db:
        rows, more = services.history(db, kind=kind, page=asked.page, size=asked.size)
    columns = [
        Column("at", "When", lambda r: r.at, kind="moment", link=lambda r: url_for("state.transmission", number=r.id)),
        Column("kind", "What", lambda r: r.title),
        Column("recipient", "To", lambda r: r.facility or r.recipient or "(not named)"),
        Column("rows", "Cases", lambda r: r.rows, kind="number"),
        Column("purpose", "Purpose", lambda r: r.purpose),
        Column("who", "Who", lambda r: r.who),
        Column("undone", "Taken back", lambda r: r.undone_why if r.undone_at else ""),
    ]
    table = Table("sent", "Files that were sent", columns, rows, asked, more=more, empty="No file was sent yet.")
    return render_list("state/sent.html", table, kinds=services.KINDS, kind=kind)


@page(blueprint, "/sent/<int:number>", permission="state")
def transmission(number: int):
    """One file that was sent."""
    whole()
    with reading() as db:
        found = services.load(db, number)
    return render("state/transmission.html", sent=found, may_send=actor().may("state.send"))


@page(blueprint, "/sent/<int:number>/file/<int:place>", permission="state.send")
def sent_file(number: int, place: int):
    """A file as it was sent; every fetch of it is logged."""
    whole()
    with reading() as db:
        found = services.load(db, number)
    path = services.file_of(store(), found, place)
    if not path.exists():
        raise RegistryError("not-found", "the file is not in the data folder any more")
    log_read("file of state work", transmission=number, file=found.files[place].name, purpose=found.purpose)
    return send_file(
        path,
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name=found.files[place].name,
        etag=False,
    )


@page(blueprint, "/sent/<int:number>/undo", permission="state.send", methods=("POST",))
def undo_sent(number: int):
    """Takes a transmission back."""
    who = whole()
    with writing() as db:
        services.undo(db, number, who=who.username, why=request.form.get("why", ""))
    flash("Taken back: its cases count as not sent. The file stays in the log of disclosures.", "success")
    return redirect(url_for("state.transmission", number=number), 303)
