"""The export page: a selection becomes a file; what has no place in it is told first, and it leaves for a purpose only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, flash, g, redirect, request, send_file, url_for

from registry import jobs
from registry.exchange import export as files
from registry.exchange import outgoing
from registry.exchange.jobs import facility_number
from registry.models.state import SUBMISSION
from registry.security.permissions import require
from registry.selection import parse
from registry.state.submitting import check_recipient, mark, read_marks
from registry.state.transmissions import recipients
from registry.views import exports as views
from registry.views import items, lists, registers
from web.lists import in_words
from web.lists.definitions import as_address, conditions_of_form, lines, of_address
from web.navigation import Entry
from web.pages import actor, is_fragment, log_read, page, paging, reading, render, render_list, store, writing
from web.tables import Column, Table

blueprint = Blueprint("exports", __name__, url_prefix="/exports")
navigation = [
    Entry(
        "Export",
        "exports.index",
        group="Exchange",
        icon="box-arrow-up",
        permission="export",
        keys="g e",
        words="naaccr xml csv excel parquet submission disclosure",
    )
]


@page(blueprint, "/", permission="export")
def index():
    """What is to be exported, and how."""
    conditions = of_address().conditions
    return _form(conditions, dict(request.args))


def _form(conditions: tuple[str, ...], picked: dict[str, Any], *, fault: str = "", status: int = 200):
    who = actor()
    with reading() as session:
        facilities = registers.facilities(session, who)
        latest, _ = views.disclosures(session, who, size=5)
        known = recipients(session, SUBMISSION) if who.may("state.send") else None
    return render(
        "exports/index.html",
        status=status,
        lines=lines(conditions) if not fault else picked["lines"],
        choices=items.choices(),
        names=items.NAMES,
        versions=[(version, f"v{version[:-1]}") for version in reversed(files.VERSIONS)],
        types=[(key, text) for key, text in views.RECORD_TYPES.items() if key == "I" or who.may("cases.identify")],
        forms=list(views.FORMS.items()),
        facilities=facilities,
        picked=picked,
        recipients=known,
        latest=latest,
        fault=fault,
    )


@page(blueprint, "/", permission="export", methods=("POST",))
def prepare():
    """Counts and writes the file in the background; nothing leaves yet."""
    who, form = actor(), request.form
    conditions = conditions_of_form(form)
    version, record_type = form.get("version", "260"), form.get("record_type", "I")
    suffix = form.get("form", ".xml.gz")
    views.check_record_type(who, record_type)
    facility = facility_number(store(), who.facility_id) or form.get("facility", "")
    token = outgoing.new_token(store())
    name = f"cases-v{version[:2]}-{record_type}{suffix}"
    try:
        parsed = parse(conditions)
        lists.refuse_confidential(who, parsed)
        files.check_form(outgoing.place_of(store(), token, name), version=version, record_type=record_type)
    except Exception as error:
        if getattr(error, "code", "") != "selection":
            raise
        typed = [
            (form.get(f"where-name-{n}", ""), form.get(f"where-op-{n}", "="), form.get(f"where-value-{n}", ""))
            for n in range(len(conditions) + 2)
        ]
        fault = f"{error.message}. {error.hint}"  # type: ignore[attr-defined]
        return _form((), {**form, "lines": typed}, fault=fault, status=422)
    parameters = {
        "token": token,
        "name": name,
        "conditions": [str(condition) for condition in parsed],
        "version": version,
        "record_type": record_type,
        "facility": facility,
        "recipient": check_recipient(form.get("recipient", "")) if who.may("state.send") else "",
    }
    number = jobs.ask(store(), "export", parameters, who=who.username)
    return redirect(url_for("exports.show", number=number), 303)


@page(blueprint, "/<int:number>", permission="export")
def show(number: int):
    """How far the file is; then what it holds, what it lacks, and the question for which purpose it leaves."""
    with reading() as session:
        found = views.load(session, actor(), number)
    if not found.is_over:
        jobs.revive(store(), number)
    elif is_fragment():
        response = Response("")
        response.headers["HX-Redirect"] = url_for("exports.show", number=number)
        return response
    return render(
        "exports/show.html",
        block="progress",
        job=found,
        may_submit=actor().may("state.send"),
        worker=jobs.worker_is_running(store()),
        conditions=[in_words(condition) for condition in parse(found.conditions)],
        here=as_address(lists.Definition(found.conditions)),
        form_name=views.FORMS.get(files.suffix_of(outgoing.place_of(store(), found.token, found.name)), ""),
        type_name=views.RECORD_TYPES.get(found.record_type, ""),
    )


@page(blueprint, "/<int:number>/losses", permission="export", twins=True)
def losses(number: int):
    """Single values that have no place in the file, of one item or of all."""
    item, asked = request.args.get("item", ""), paging()
    with reading() as session:
        found = views.load(session, actor(), number)
    rows = [row for row in found.losses if not item or row["item"] == item]
    visible = actor().may("cases.identify")
    log_read("values lost by an export", export=number, rows=len(rows))
    columns = [
        Column("patient", "Patient of the file", lambda r: r["patient"], kind="number", sort=True),
        Column("number", "Number", lambda r: r["number"] or "", kind="code", sort=True),
        Column("item", "Item", lambda r: r["item"], kind="code", sort=True),
        Column("value", "Value", lambda r: r["value"] if visible else lists.MASK),
        Column("kind", "Why", lambda r: r["kind"]),
    ]
    table = Table.of(
        f"export-{number}-losses", "Values without a place", columns, rows, asked, empty="Nothing is lost."
    )
    counted = sum(row["values"] for row in found.lost if not item or row["item"] == item)
    return render_list("exports/losses.html", table, job=found, item=item, counted=counted, listed=len(rows))


@page(blueprint, "/<int:number>/file", permission="export", methods=("POST",))
def download(number: int):
    """Hands the file over; who, why, what and its checksum are kept."""
    with reading() as session:
        found = views.load(session, actor(), number)
    purpose = outgoing.purpose_of(request.form.get("purpose", ""))
    path = outgoing.existing(store(), found.token, found.name)
    selection = files.selection_of(
        parse(found.conditions), version=found.version, record_type=found.record_type, facility=found.facility
    )
    if request.form.get("submit") == "yes" and found.since:
        require(actor(), "state.send")
        rows = read_marks(path)
        mark(
            store(),
            path,
            rows,
            recipient=found.recipient,
            record_type=found.record_type,
            version=found.version,
            who=actor().username,
            purpose=purpose,
        )
        log_read("cases submitted", purpose=purpose, rows=found.tumors, conditions=list(found.conditions))
        return _hand_over(path, found.name)
    with writing() as session:
        files.disclose(
            session,
            who=actor().username,
            what=f"export {found.name}",
            purpose=purpose,
            selection=selection,
            rows=found.tumors,
            sha256=found.sha256,
        )
    log_read("cases exported", purpose=purpose, rows=found.tumors, conditions=list(found.conditions))
    return _hand_over(path, found.name)


def _hand_over(path: Path, name: str) -> Response:
    return send_file(path, mimetype="application/octet-stream", as_attachment=True, download_name=name, etag=False)


@page(blueprint, "/<int:number>/discard", permission="export", methods=("POST",))
def discard(number: int):
    """Removes a written file before a day has passed."""
    with reading() as session:
        found = views.load(session, actor(), number)
    outgoing.discard(store(), found.token)
    flash("The file was removed here. What was already downloaded stays in the log of disclosures.", "success")
    return redirect(url_for("exports.index"), 303)


@page(blueprint, "/disclosures", permission="export", twins=True)
def disclosures():
    """What left the registry: one's own files, for auditors everybody's."""
    asked = paging()
    with reading() as session:
        rows, more = views.disclosures(session, actor(), page=asked.page, size=asked.size)
    g.list_at = ("exports.disclosures", {})
    columns = [
        Column("at", "When", lambda r: r.at, kind="moment"),
        Column("who", "Who", lambda r: r.who),
        Column("what", "What", lambda r: r.what),
        Column("purpose", "Purpose", lambda r: r.purpose),
        Column("rows", "Rows", lambda r: r.rows, kind="number"),
        Column("where", "Conditions", lambda r: "; ".join(r.conditions) or "all cases"),
        Column("details", "Details", lambda r: r.details),
        Column("sha256", "SHA-256", lambda r: r.sha256, kind="code"),
    ]
    table = Table("disclosures", "Disclosures", columns, rows, asked, more=more, empty="No file left the registry yet.")
    return render_list("exports/disclosures.html", table)
