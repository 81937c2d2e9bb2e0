"""Results as files: the chart as SVG, PNG and PDF, the numbers as CSV, Excel and JSON, each with what it was made from."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from urllib.parse import parse_qs

from flask import Response, request
from werkzeug.exceptions import NotFound

from registry.analysis.chart_notes import with_notes
from registry.analysis.survival_answer import Answer, Row
from registry.analysis.survival_charts import curve_spec, printed, write_chart
from registry.analysis.survival_desk import Failure
from registry.analysis.survival_request import from_address
from registry.analysis.survival_tables import ascertainment
from registry.errors import RegistryError
from web.pages import actor, page, store, writing
from web.survival.base import FILES_PATIENCE_SECONDS, answered, asked, blueprint, desk, scope, title_of
from web.tables import neutral

KINDS = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "pdf": "application/pdf",
    "csv": "text/csv",
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
LABELS = {
    "time": "Years since diagnosis",
    "start": "Interval from",
    "end": "Interval to",
    "n_risk": "At risk",
    "n_event": "Events",
    "n_censor": "Withdrawn",
    "estimate": "Estimate",
    "se": "Standard error",
    "lower": "Lower limit",
    "upper": "Upper limit",
    "other_estimate": "Other causes",
    "other_se": "Other causes: standard error",
    "other_lower": "Other causes: lower limit",
    "other_upper": "Other causes: upper limit",
}


@page(blueprint, "/result.<form>", permission="analysis")
def result(form: str) -> Response:
    """One file of the result of this address."""
    if form not in KINDS:
        raise NotFound
    wanted = asked()
    found = answered(wanted, patience=FILES_PATIENCE_SECONDS)
    if isinstance(found, Failure):
        raise RegistryError("no-cases", found.message, hint=found.hint)
    if not isinstance(found, Answer):
        raise RegistryError("busy", "the numbers are not there yet", hint="open the page, wait for it, ask again")
    title = title_of(wanted)
    if form in ("svg", "png", "pdf"):
        if not found.shown:
            raise RegistryError("suppressed", "every group is smaller than may be shown", hint="widen the selection")
        spec = printed(curve_spec(found), title=title, subtitle=f"{found.definition} {found.citation}")
        body = with_notes(write_chart(spec, form), form, reproduced(found))
    else:
        body = {"csv": as_csv, "json": as_json, "xlsx": as_workbook}[form](found, title)
    response = Response(body, mimetype=KINDS[form])
    name = "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())[:80]
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    return response


@page(blueprint, "/cohort.csv", permission="export", methods=("POST",))
def cohort_file() -> Response:
    """The persons of an analysis for R, a row a person; who took it and for which purpose is put on record."""
    from registry.analysis.survival_cohort import find_persons
    from registry.analysis.survival_persons import take

    wanted = from_address(parse_qs(request.form.get("query", "")[:4000], keep_blank_values=True))
    seen, recorded = scope(), ascertainment(store())
    found = find_persons(desk().snapshot(), wanted, seen, deaths_complete_to=recorded.date if recorded else None)
    if not seen.small and found.hidden(seen.minimum):
        raise RegistryError(
            "suppressed",
            "groups of this selection are suppressed for your role",
            hint="choose others: rows show them all",
        )
    with writing() as session:
        body = take(session, found, who=actor().username, purpose=request.form.get("purpose", ""))
    response = Response(body, mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="cohort.csv"'
    return response


def sheets(answer: Answer) -> list[tuple[str, list[Row]]]:
    """The tables of a result by name."""
    found = [("Estimates", answer.table)]
    if answer.standardised:
        found.append((f"Standardised {answer.standard.upper()}", answer.standardised))
    found.append(("Life table", answer.intervals) if answer.intervals else ("Curve", answer.curve))
    return found


def about(answer: Answer, title: str) -> list[tuple[str, str]]:
    """What a file says of itself."""
    return [
        ("Title", title),
        ("Method", answer.title),
        ("Cases", answer.definition),
        ("Data snapshot", answer.version),
        ("Follow-up ended", answer.closing),
        ("Citation", answer.citation),
        ("Text", answer.method_text),
        *(("Reference", text) for text in answer.references),
        *(("Warning", text) for text in answer.notes),
        ("R", answer.r_call),
    ]


def reproduced(answer: Answer) -> list[tuple[str, str]]:
    """What a chart's file says of itself, by names of one word."""
    return [("Cases", answer.definition), ("Citation", answer.citation), ("R", answer.r_call)]


def _records(answer: Answer, rows: list[Row]) -> tuple[list[str], list[list[Any]]]:
    names = [name for name in LABELS if any(name in row for row in rows[:1])]
    labels = {g.number: g.label for g in answer.groups}
    return (
        [answer.grouped_by or "Group", *(LABELS[name] for name in names)],
        [[labels[row["group"]], *(row.get(name) for name in names)] for row in rows],
    )


def as_csv(answer: Answer, title: str) -> bytes:
    """The estimates as CSV, a block a table; cells that a spreadsheet would compute are neutralised."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\r\n")
    for name, rows in sheets(answer):
        head, body = _records(answer, rows)
        write.writerow(["Table", *head])
        for row in body:
            write.writerow([name, *(neutral(value) for value in row)])
        write.writerow([])
    for name, text in about(answer, title):
        write.writerow([name, neutral(text)])
    return ("\ufeff" + out.getvalue()).encode()


def as_json(answer: Answer, title: str) -> bytes:
    """The whole answer as one JSON document."""
    return json.dumps({"title": title, **answer.to_document()}, ensure_ascii=False, indent=1).encode()


def as_workbook(answer: Answer, title: str) -> bytes:
    """The result as an Excel workbook: a sheet a table, the flow, and what was done."""
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets(answer):
        sheet = book.create_sheet(name[:31])
        head, body = _records(answer, rows)
        sheet.append(head)
        for row in body:
            sheet.append([neutral(value) if isinstance(value, str) else value for value in row])
        sheet.freeze_panes = "B2"
    flow = book.create_sheet("Flow")
    flow.append(["Step", "Left out", "Remaining"])
    for step in answer.flow:
        flow.append([neutral(step.text), step.excluded, step.remaining])
    words = book.create_sheet("Method")
    for name, text in about(answer, title):
        words.append([name, neutral(text)])
    words.column_dimensions["B"].width = 120
    for sheet in book.worksheets:
        sheet.column_dimensions["A"].width = 34
        for cell in sheet[1]:
            cell.font = Font(bold=True)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
