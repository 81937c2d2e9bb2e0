"""Saved reports: a name for an address of the survival page; opened, it is computed from the data as they are then."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from registry.analysis.survival_request import from_address
from registry.analysis.survival_saved import Saved, forget, keep, load, remembered
from web.pages import actor, page, paging, reading, render_list, writing
from web.survival.base import address, blueprint, title_of
from web.tables import Column, Table

__all__ = ["remembered"]


@page(blueprint, "/saved", permission="analysis", twins=True)
def saved() -> Response:
    """The saved reports of this account and those shared by others."""
    with reading() as session:
        rows = remembered(session, actor())
    at = paging("name")
    columns = [
        Column("name", "Name", lambda r: r.name, link=lambda r: url_for("survival.open_saved", number=r.id), sort=True),
        Column("what", "Analysis", lambda r: title_of(r.request)),
        Column("owner", "Saved by", lambda r: r.owner, sort=True),
        Column("at", "Saved", lambda r: r.at, kind="moment"),
        Column("shared", "Shared", lambda r: "shared" if r.shared else ""),
    ]
    table = Table.of("survival-reports", "Saved survival reports", columns, rows, at, empty="Nothing is saved yet.")
    return render_list("survival/saved.html", table, rows=rows, may_publish=actor().may("analysis.publish"))


@page(blueprint, "/saved/<int:number>", permission="analysis")
def open_saved(number: int) -> Response:
    """Opens a saved report: its address, computed anew."""
    with reading() as session:
        found = load(session, actor(), number)
    if found is None:
        raise NotFound
    return redirect(address("index", found.request), 303)


@page(blueprint, "/saved", permission="analysis.publish", methods=("POST",))
def save() -> Response:
    """Saves the address of the form under a name."""
    wanted = from_address(_query())
    with writing() as session:
        kept: Saved = keep(
            session, actor(), request.form.get("name", ""), wanted, shared=request.form.get("shared") == "1"
        )
    flash(f"Saved as {kept.name}. It is computed anew each time it is opened.", "success")
    return redirect(address("index", wanted), 303)


@page(blueprint, "/saved/<int:number>/forget", permission="analysis.publish", methods=("POST",))
def forget_saved(number: int) -> Response:
    """Takes a saved report away; only its owner may."""
    with writing() as session:
        if not forget(session, actor(), number):
            raise NotFound
    flash("The saved report is gone; the data are untouched.", "success")
    return redirect(url_for("survival.saved"), 303)


def _query() -> dict[str, list[str]]:
    from urllib.parse import parse_qs

    return parse_qs(request.form.get("query", "")[:4000], keep_blank_values=True)
