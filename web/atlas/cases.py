"""The cases behind a number of the atlas."""

from __future__ import annotations

from flask import Response, request, url_for

from registry.analysis.rates_cases import Behind, CaseRow, find_behind, find_left_out, load_rows
from web.atlas.base import address, asked, blueprint, desk, policy, refuse_bound
from web.filters import person
from web.meanings import morphology_text
from web.pages import actor, log_read, page, paging, reading, render_list
from web.tables import Column, Table

STAGES = {"0": "in situ", "1": "localized", "2": "regional", "3": "regional", "4": "regional", "7": "distant"}


@page(blueprint, "/cases", permission="cases.read", twins=True)
def cases() -> Response:
    """The list of a county and part, or of a line of what was left out; reading it is logged."""
    refuse_bound()
    wanted, given = asked(), request.args
    if left := given.get("left", ""):
        behind = find_left_out(desk(), wanted, policy(), left)
    else:
        behind = find_behind(desk(), wanted, policy(), county=given.get("county", ""), part=given.get("part", ""))
    return list_cases(behind, "atlas cases", ("Atlas", address("index", wanted)))


def list_cases(behind: Behind, what: str, crumb: tuple[str, str]) -> Response:
    """Gives the page of a list of cases and logs that it was read, as `what`; `crumb` leads back."""
    at = paging()
    with reading() as session:
        rows, more = load_rows(session, actor(), behind, page=at.page, size=at.size)
    log_read(what, results=len(rows), title=behind.title)
    columns = [
        Column("patient", "Patient", person, kind="person", link=_open),
        Column("site", "Site", lambda r: r.primary_site, kind="code", item=400),
        Column("morphology", "Morphology", lambda r: morphology_text(r.histology, r.behavior), kind="code"),
        Column("diagnosed", "Diagnosed", lambda r: r.date_of_diagnosis, kind="date"),
        Column("age", "Age", lambda r: int(r.age) if r.age.isdigit() else None, kind="number"),
        Column("stage", "Summary stage", lambda r: STAGES.get(r.stage, "unknown")),
    ]
    name = what.replace(" ", "-")
    table = Table(name, behind.title, columns, rows, at, more=more, total=len(behind.tumors), row_link=_open)
    return render_list("atlas/cases.html", table, behind=behind, crumb=crumb)


def _open(row: CaseRow) -> str:
    return url_for("patients.show", patient_id=row.patient_id, _anchor=f"tumor-{row.tumor_id}")
