"""From a chosen file to its import: columns told, dry run, preview, import, each step a page that can be left and reopened."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from flask import Response, flash, redirect, request, url_for

from registry import jobs
from registry.errors import RegistryError
from registry.exchange import column_maps, uploads
from registry.exchange.jobs import facility_number
from registry.exchange.tables import ColumnMap, read_map
from registry.views import imports as views
from registry.views.items import choices as item_choices
from web.imports.base import blueprint, may_see_rows
from web.pages import actor, is_fragment, log_read, page, paging, reading, render, render_list, store
from web.tables import TWIN_SIZE

FORMATS = [
    ("", "tell by the file"),
    ("naaccr", "NAACCR XML or flat"),
    ("csv", "table (CSV)"),
    ("canreg", "CanReg tables"),
]
CONSTANTS = 4
"""Places on the page for items that every row gets."""


def waiting_uploads() -> list[uploads.Upload]:
    """This account's uploads that are not imported yet."""
    return uploads.waiting(store(), who=actor().username)


@page(blueprint, "/", permission="import", methods=("POST",))
def send():
    """Takes the chosen files in and leads to the first question about them."""
    chosen = [(file.filename or "", file.stream) for file in request.files.getlist("files")]
    upload = uploads.receive(store(), chosen, who=actor().username)
    options = {key: request.form.get(key, "").strip()[:120] for key in ("format", "source", "facility")}
    try:
        upload = uploads.change(upload, options=_with_map(upload, options))
        if not upload.is_table:
            return _check(upload)
    except RegistryError:
        uploads.discard(upload)
        raise
    return redirect(url_for("imports.columns", token=upload.token), 303)


def _with_map(upload: uploads.Upload, options: dict[str, str]) -> dict[str, str]:
    """Keeps a column map or system definition that came with the files beside them."""
    given = request.files.get("mapping")
    if given is not None and given.filename:
        name = uploads.SYSTEM if given.filename.lower().endswith(".xml") else uploads.MAP
        path = upload.folder / name
        given.save(path)
        if name == uploads.MAP:
            read_map(path)
    return options


def _check(upload: uploads.Upload) -> Response:
    number = _ask(upload, dry_run=True)
    uploads.change(upload, dry_job=number)
    return redirect(url_for("imports.job", number=number), 303)  # type: ignore[return-value]


def _ask(upload: uploads.Upload, *, dry_run: bool) -> int:
    who = actor()
    parameters = {
        "upload": upload.token,
        "dry_run": dry_run,
        "who": who.username,
        "only_facility": facility_number(store(), who.facility_id),
    }
    return jobs.ask(store(), "import", parameters, who=who.username)


def _own(token: str) -> uploads.Upload:
    """Gives an upload of this account; those of others are as if they were not there."""
    upload = uploads.load(store(), token)
    if upload.who != actor().username:
        raise RegistryError("not-found", "this upload is not yours")
    return upload


@page(blueprint, "/uploads/<token>", permission="import")
def upload(token: str):
    """What the dry run found, and the question whether to import."""
    found = _own(token)
    if found.dry_job is None:
        if found.is_table:
            return redirect(url_for("imports.columns", token=token), 303)
        return render("imports/upload.html", upload=found, report=None, formats=FORMATS, job=None, links=None)
    with reading() as session:
        job_ = views.job(session, actor(), found.dry_job)
        report = views.reconciliation(views.job_report(session, found.dry_job)) if job_.state == "done" else None
    if not job_.is_over:
        return redirect(url_for("imports.job", number=job_.id), 303)
    links = {
        "created": "",
        "updated": "",
        "rejected": url_for("imports.upload_rejected", token=token) if report and report.rejected else "",
        "criteria": {},
        "code": lambda kind, code: url_for(f"imports.upload_{kind}", token=token, code=code),
    }
    return render("imports/upload.html", upload=found, report=report, formats=FORMATS, job=job_, links=links)


@page(blueprint, "/uploads/<token>/check", permission="import", methods=("POST",))
def check(token: str):
    """Runs the dry run, with the options given."""
    found = _own(token)
    options = {key: request.form.get(key, "").strip()[:120] for key in ("format", "source", "facility")}
    return _check(uploads.change(found, options=options))


@page(blueprint, "/uploads/<token>/import", permission="import", methods=("POST",))
def start(token: str):
    """Imports the upload in the background."""
    found = _own(token)
    with reading() as session:
        # a form sent twice is one import
        number = views.running_job(session, token)
    if number is None:
        number = _ask(found, dry_run=False)
    return redirect(url_for("imports.job", number=number), 303)


@page(blueprint, "/uploads/<token>/discard", permission="import", methods=("POST",))
def discard(token: str):
    """Throws an upload away; nothing of it was written."""
    found = _own(token)
    uploads.discard(found)
    flash(f"{found.title} was thrown away; nothing of it was imported.", "success")
    return redirect(url_for("imports.index"), 303)


# --- a running job ----------------------------------------------------------------------------------------------------


@page(blueprint, "/jobs/<int:number>", permission="import")
def job(number: int):
    """How far an import is; when it is over, its result."""
    with reading() as session:
        found = views.job(session, actor(), number)
    if not found.is_over:
        jobs.revive(store(), number)
    target = _result(found)
    if target and is_fragment():
        response = Response("")
        response.headers["HX-Redirect"] = target
        return response
    if target:
        return redirect(target, 303)
    values = {"job": found, "worker": jobs.worker_is_running(store()), "upload": _still_there(found)}
    return render("imports/job.html", block="progress", **values)


def _result(found: views.JobPage) -> str:
    if found.state != "done":
        return ""
    if found.dry_run:
        return url_for("imports.upload", token=found.upload)
    return url_for("imports.show", batch_id=found.batch_id)


def _still_there(found: views.JobPage) -> uploads.Upload | None:
    try:
        return uploads.load(store(), found.upload)
    except RegistryError:
        return None


# --- columns of a table -------------------------------------------------------------------------------------------------


@page(blueprint, "/uploads/<token>/columns", permission="import")
def columns(token: str):
    """The columns of a table with what each is taken for."""
    found = _own(token)
    given = read_map(found.folder / uploads.MAP) if (found.folder / uploads.MAP).exists() else ColumnMap()
    return _columns(found, given)


def _columns(found: uploads.Upload, given: ColumnMap, *, fault: str = "", typed: Any = None, status: int = 200):
    may_see_rows()
    table = column_maps.sketch(found.paths[0])
    log_read("columns of a table to import")
    items = [str(given.columns.get(c.header) or c.item or "") for c in table.columns]
    constants = [*((str(n), value) for n, value in given.constants.items()), *[("", "")] * CONSTANTS]
    if typed is not None:
        items, constants = typed.items, typed.constants
    return render(
        "imports/columns.html",
        status=status,
        upload=found,
        table=table,
        items=items,
        given=given,
        constants=constants[: max(CONSTANTS, len(given.constants) + 1)],
        choices=item_choices(),
        needed=column_maps.needed(given, table),
        saved=(found.folder / uploads.MAP).exists(),
        fault=fault,
    )


@page(blueprint, "/uploads/<token>/columns", permission="import", methods=("POST",))
def save_columns(token: str):
    """Keeps what the columns are; then the dry run, or the same page with meanings."""
    found = _own(token)
    table = column_maps.sketch(found.paths[0])
    form = request.form
    items = [form.get(f"item-{n}", "").split(" ")[0].strip() for n in range(len(table.columns))]
    constants = [
        (form.get(f"constant-item-{n}", "").split(" ")[0].strip(), form.get(f"constant-value-{n}", "").strip())
        for n in range(CONSTANTS + 20)
        if f"constant-item-{n}" in form
    ]
    values = {
        column.header: {value: form.get(f"value-{n}-{m}", "").strip() for m, (value, _) in enumerate(column.values)}
        for n, column in enumerate(table.columns)
    }
    headers = {column.header: item for column, item in zip(table.columns, items)}
    text = column_maps.as_toml(headers, values, dict(constants))
    fresh = found.folder / "new.toml"
    fresh.write_text(text, encoding="utf-8")
    try:
        read_map(fresh)
    except RegistryError as error:
        kept = found.folder / uploads.MAP
        given = read_map(kept) if kept.exists() else ColumnMap()
        typed = SimpleNamespace(items=items, constants=constants)
        return _columns(found, given, fault=error.message, typed=typed, status=422)
    fresh.rename(found.folder / uploads.MAP)
    found = uploads.change(found, dry_job=None)
    if form.get("then") == "check":
        return _check(found)
    return redirect(url_for("imports.columns", token=token), 303)


@page(blueprint, "/uploads/<token>/map.toml", permission="import")
def column_map(token: str):
    """The column map as a file, to be used again here or on the command line (`--map`)."""
    path = _own(token).folder / uploads.MAP
    if not path.exists():
        raise RegistryError("not-found", "the columns were not told yet", hint="save them first")
    response = Response(path.read_text(encoding="utf-8"), mimetype="application/toml")
    response.headers["Content-Disposition"] = 'attachment; filename="columns.toml"'
    return response


# --- the rows of a dry run ----------------------------------------------------------------------------------------------


@page(blueprint, "/uploads/<token>/rejected", permission="import", twins=True)
def upload_rejected(token: str):
    """The rows that would be rejected, with their content."""
    from web.imports import rejected_table

    return _rows(token, "rejected", "Rows that would be rejected", rejected_table)


@page(blueprint, "/uploads/<token>/notices", permission="import", twins=True)
def upload_notices(token: str):
    """What the dry run pointed out."""
    return _rows(token, "notices", "Pointed out", None)


def _rows(token: str, kind: str, title: str, as_table: Any):
    from web.imports import notice_table

    may_see_rows()
    found, code, asked = _own(token), request.args.get("code", ""), paging()
    if found.dry_job is None:
        raise RegistryError("not-found", "the file was not checked yet")
    with reading() as session:
        report = views.reconciliation(views.job_report(session, found.dry_job))
    first = (asked.page - 1) * asked.size
    rows, total = [], 0
    for line in uploads.lines(found, kind):
        if not code or line["code"] == code:
            if first <= total < first + min(asked.size, TWIN_SIZE):
                rows.append(line)
            total += 1
    log_read(f"{kind} of a dry run", rows=len(rows))
    name = f"check-{kind}"
    if as_table is not None:
        table = as_table(name, [SimpleNamespace(**row) for row in rows], asked, total > first + len(rows), total)
    else:
        table = notice_table(name, rows, asked)
        table.rows, table.total, table.more = rows, total, total > first + len(rows)
    crumbs = [
        ("Import", url_for("imports.index")),
        (found.title, url_for("imports.upload", token=token)),
        (title, ""),
    ]
    return render_list(
        "imports/rows.html",
        table,
        title=title,
        lead="Nothing was written yet.",
        crumbs=crumbs,
        codes=report.reasons if kind == "rejected" else report.notices,
        code=code,
        everything="",
    )
