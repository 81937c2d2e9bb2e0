"""What the routes of the import pages share."""

from __future__ import annotations

from flask import Blueprint, url_for

from registry.security.permissions import Refused
from registry.views import imports as views
from web.pages import actor
from web.tables import Column, Paging, Table

blueprint = Blueprint("imports", __name__, url_prefix="/imports")

STATES = {"ready": "imported", "loading": "running", "removed": "removed"}


def may_see_rows() -> None:
    """Refuses rows of files to those who may not see persons: they hold names and numbers."""
    if not actor().may("cases.identify"):
        raise Refused("Rows of an imported file hold names and numbers, which your role does not see.")


def history_table(rows: list[views.BatchLine], asked: Paging, more: bool) -> Table:
    """The imports, newest first."""

    def open_row(row: views.BatchLine) -> str:
        return url_for("imports.show", batch_id=row.id)

    def state(row: views.BatchLine) -> str:
        return "stopped halfway" if row.stopped else STATES.get(row.status, row.status)

    columns = [
        Column("id", "No.", lambda r: r.id, kind="number"),
        Column("name", "File", lambda r: r.name, link=open_row),
        Column("format", "Format", lambda r: r.format),
        Column("state", "State", state),
        Column("rows_in", "Rows in", lambda r: r.rows_in, kind="number"),
        Column("created", "Created", lambda r: r.created, kind="number"),
        Column("updated", "Updated", lambda r: r.updated, kind="number"),
        Column("unchanged", "Unchanged", lambda r: r.unchanged, kind="number"),
        Column("rejected", "Rejected", lambda r: r.rejected, kind="number"),
        Column("who", "By", lambda r: r.who),
        Column("started_at", "Begun", lambda r: r.started_at, kind="moment"),
    ]
    return Table(
        "imports", "Imports", columns, rows, asked, more=more, row_link=open_row, empty="No file was imported yet."
    )
