"""The import page: a file comes in, is reconciled without being written, then imported; every row is accounted for."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Response, current_app, flash, redirect, request, send_file, url_for
from werkzeug.exceptions import NotFound

from registry.exchange import batches
from registry.exchange import documents as kept_files
from registry.exchange.jobs import all_notices
from registry.models import Document
from registry.views import imports as views
from registry.views.linkage import run_of_batch
from web.imports.base import blueprint, history_table, may_see_rows
from web.navigation import Entry
from web.pages import actor, log_read, page, paging, reading, render_list, settings, store
from web.tables import Column, Paging, Table, neutral

navigation = [
    Entry(
        "Import",
        "imports.index",
        group="Exchange",
        icon="box-arrow-in-down",
        permission="import",
        keys="g i",
        words="file upload naaccr csv canreg reconcile",
    )
]


@page(blueprint, "/", permission="import", twins=True)
def index():
    """What may be brought in, and the history of imports."""
    from web.imports.uploading import waiting_uploads

    asked = paging()
    with reading() as session:
        rows, more = views.history(session, actor(), page=asked.page, size=asked.size)
    return render_list(
        "imports/index.html",
        history_table(rows, asked, more),
        stopped=[row for row in rows if row.stopped],
        waiting=waiting_uploads(),
        largest=_largest(),
        programs=views.programs(),
        limits=views.limits(),
        criteria=views.CRITERIA,
    )


def _largest() -> int:
    return (current_app.config["MAX_CONTENT_LENGTH"] or 0) // 2**20


@page(blueprint, "/recover", permission="import", methods=("POST",))
def recover():
    """Removes what imports left whose process is gone, and says so."""
    said: list[str] = []
    count = batches.recover(store(), said.append)
    for text in said:
        flash(text[0].upper() + text[1:] + ".", "warning")
    if not count:
        flash("Nothing had to be removed: no import stopped halfway.", "info")
    return redirect(url_for("imports.index"), 303)


@page(blueprint, "/<int:batch_id>", permission="import")
def show(batch_id: int):
    """The reconciliation report of one import."""
    from web.pages import render

    with reading() as session:
        view = views.load(session, actor(), batch_id)
        linked = run_of_batch(session, batch_id)
    return render("imports/show.html", view=view, links=_links(view), linked=linked, code_rows=None)


@page(blueprint, "/<int:batch_id>.json", permission="import")
def show_json(batch_id: int):
    """The same for programs, as the command line gives it."""
    with reading() as session:
        view = views.load(session, actor(), batch_id)
    document = {key: value for key, value in view.raw.items() if key != "map"}
    return Response(json.dumps(document, ensure_ascii=False), mimetype="application/json")


def _links(view: views.BatchPage) -> dict[str, Any]:
    """The addresses of the cases behind the numbers: those that this import created, and those it changed."""
    tumors = view.report.tables[0]
    only_new = tumors.created and not (tumors.updated or tumors.unchanged)

    def cases(*conditions: str) -> str:
        if not actor().may("cases.read"):
            return ""
        return url_for("lists.cases", where=[f"import={view.line.id}", *conditions])

    return {
        "created": cases() if tumors.created else "",
        "updated": url_for("imports.updated", batch_id=view.line.id) if tumors.updated else "",
        "rejected": url_for("imports.rejected", batch_id=view.line.id) if view.report.rejected else "",
        "criteria": {
            s.criterion.name: cases(*s.criterion.conditions)
            for s in view.report.standings
            if s.criterion.conditions and s.count and only_new
        },
        "code": lambda kind, code: url_for(f"imports.{kind}", batch_id=view.line.id, code=code),
    }


@page(blueprint, "/<int:batch_id>/rejected", permission="import", twins=True)
def rejected(batch_id: int):
    """The rejected rows with everything that stood in them."""
    may_see_rows()
    code, asked = request.args.get("code", ""), paging()
    with reading() as session:
        view = views.load(session, actor(), batch_id)
        rows, more, total = views.rejected(session, actor(), batch_id, code=code, page=asked.page, size=asked.size)
    log_read("rejected rows of an import", batch=batch_id, rows=len(rows))
    return render_list(
        "imports/rows.html",
        rejected_table(f"import-{batch_id}-rejected", rows, asked, more, total),
        title="Rejected rows",
        lead="Nothing of these rows was taken; their content is kept here. Correct the file and import it again.",
        crumbs=_crumbs(view.line, "Rejected rows"),
        codes=view.report.reasons,
        code=code,
        everything="",
    )


def rejected_table(name: str, rows: list[Any], asked: Paging, more: bool, total: int) -> Table:
    """The rejected rows as a list; the content names the items."""
    columns = [
        Column("row", "Row", lambda r: r.row, kind="number"),
        Column("table", "Table", lambda r: r.table),
        Column("code", "Reason", lambda r: r.code, kind="code"),
        Column("message", "What was wrong", lambda r: r.message),
        Column("content", "Content", lambda r: _content(r.content)),
    ]
    return Table(name, "Rejected rows", columns, rows, asked, more=more, total=total, empty="No row was rejected.")


def _content(content: dict[str, Any]) -> str:
    return "; ".join(f"{key}={value}" for key, value in content.items())


@page(blueprint, "/<int:batch_id>/notices", permission="import", twins=True)
def notices(batch_id: int):
    """What was pointed out in rows that were taken, of one code or of all."""
    may_see_rows()
    code, asked = request.args.get("code", ""), paging()
    with reading() as session:
        view = views.load(session, actor(), batch_id)
    rows = [row for row in view.report.listed if not code or row["code"] == code]
    count = dict(view.report.notices).get(code, 0)
    log_read("notices of an import", batch=batch_id, rows=len(rows))
    return render_list(
        "imports/rows.html",
        notice_table(f"import-{batch_id}-notices", rows, asked),
        title="Pointed out",
        lead=f"The first {len(rows):,} of {count:,} are listed." if count > len(rows) else "",
        crumbs=_crumbs(view.line, "Pointed out"),
        codes=view.report.notices,
        code=code,
        everything=url_for("imports.every_notice", batch_id=batch_id, code=code) if count > len(rows) else "",
    )


def notice_table(name: str, rows: Iterable[dict[str, Any]], asked: Paging) -> Table:
    """Notices as a list."""
    columns = [
        Column("row", "Row", lambda r: r["row"] or "", kind="number", sort=True),
        Column("item", "Item", lambda r: r["item"] or "", kind="code", sort=True),
        Column("code", "Code", lambda r: r["code"], kind="code"),
        Column("message", "What was seen", lambda r: r["message"]),
    ]
    return Table.of(name, "Notices", columns, rows, asked, empty="Nothing was pointed out.")


@page(blueprint, "/<int:batch_id>/notices/<code>/all.csv", permission="import")
def every_notice(batch_id: int, code: str):
    """Every notice of a code as CSV, by reading the kept file again."""
    may_see_rows()
    with reading() as session:
        views.load(session, actor(), batch_id)
    found = all_notices(store(), batch_id, code)
    first = next(found, None)
    if first is None:
        raise NotFound
    log_read("notices of an import", batch=batch_id, code=code)

    def lines() -> Iterator[str]:
        yield "\ufeff" + _csv_line("row", "item", "message")
        yield _csv_line(first.row, first.item, first.message)
        for notice in found:
            yield _csv_line(notice.row, notice.item, notice.message)

    response = Response(lines(), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="import-{batch_id}-notices.csv"'
    return response


def _csv_line(*cells: Any) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([neutral(cell) for cell in cells])
    return out.getvalue()


@page(blueprint, "/<int:batch_id>/updated", permission="import", twins=True)
def updated(batch_id: int):
    """The records that this import changed, with the items that changed."""
    from web.filters import person

    asked = paging()
    with reading() as session:
        view = views.load(session, actor(), batch_id)
        rows, more = views.updated(session, actor(), batch_id, page=asked.page, size=asked.size)
    log_read("records changed by an import", batch=batch_id, rows=len(rows))

    def open_row(row: views.UpdatedRow) -> str:
        return url_for("patients.show", patient_id=row.patient_id, _anchor=f"tumor-{row.tumor_id}")

    columns = [
        Column("patient", "Patient", person, kind="person", link=open_row),
        Column("site", "Site", lambda r: r.primary_site, kind="code", item=400),
        Column("items", "Items changed", lambda r: ", ".join(map(str, r.items)), kind="text"),
    ]
    table = Table(f"import-{batch_id}-updated", "Records changed", columns, rows, asked, more=more, row_link=open_row)
    return render_list(
        "imports/rows.html",
        table,
        title="Records changed",
        lead="The source's account was replaced; what a person edited here was kept. The old values are in the history.",
        crumbs=_crumbs(view.line, "Records changed"),
        codes=(),
        code="",
        everything="",
    )


def _crumbs(line: views.BatchLine, here: str) -> list[tuple[str, str]]:
    return [
        ("Import", url_for("imports.index")),
        (f"Import {line.id}", url_for("imports.show", batch_id=line.id)),
        (here, ""),
    ]


@page(blueprint, "/<int:batch_id>/files/<int:document_id>", permission="import")
def document(batch_id: int, document_id: int):
    """A kept file, byte for byte as it came."""
    may_see_rows()
    with reading() as session:
        view = views.load(session, actor(), batch_id)
        found = session.get(Document, document_id)
    names = {file.id: file.name for file in view.files}
    if found is None or document_id not in names:
        raise NotFound
    path = kept_files.place(settings(), found.sha256)
    if not path.exists():
        raise NotFound
    log_read("kept file downloaded", batch=batch_id, document=document_id)
    return send_file(
        path, mimetype="application/octet-stream", as_attachment=True, download_name=names[document_id], etag=False
    )


from web.imports import uploading  # noqa: E402, F401  (its routes join the blueprint)
