"""The cases behind a number of the atlas."""

from __future__ import annotations

from flask import Response, request, url_for

from registry.analysis.rates_cases import CaseRow, find_behind, load_rows
from web.atlas.base import address, asked, blueprint, desk, policy, refuse_bound
from web.filters import person
from web.meanings import morphology_text
from web.pages import actor, log_read, page, paging, reading, render_list
from web.tables import Column, Table

STAGES = {"0": "in situ", "1": "localized", "2": "regional", "3": "regional", "4": "regional", "7": "distant"}


@page(blueprint, "/cases", permission="cases.read", twins=True)
def cases() -> Response:
    """The list of a county and part; reading it is logged."""
    refuse_bound()
    wanted = asked()
    behind = find_behind(
        desk(), wanted, policy(), county=request.args.get("county", ""), part=request.args.get("part", "")
    )
    at = paging()
    with reading() as session:
        rows, more = load_rows(session, actor(), behind, page=at.page, size=at.size)
    log_read("atlas cases", results=len(rows), title=behind.title)
    columns = [
        Column("patient", "Patient", person, kind="person", link=_open),
        Column("site", "Site", lambda r: r.primary_site, kind="code", item=400),
        Column("morphology", "Morphology", lambda r: morphology_text(r.histology, r.behavior), kind="code"),
        Column("diagnosed", "Diagnosed", lambda r: r.date_of_diagnosis, kind="date"),
        Column("age", "Age", lambda r: int(r.age) if r.age.isdigit() else None, kind="number"),
        Column("stage", "Summary stage", lambda r: STAGES.get(r.stage, "unknown")),
    ]
    table = Table("atlas-cases", behind.title, columns, rows, at, more=more, total=len(behind.tumors), row_link=_open)
    return render_list("atlas/cases.html", table, behind=behind, back=address("index", wanted))


def _open(row: CaseRow) -> str:
    return url_for("patients.show", patient_id=row.patient_id, _anchor=f"tumor-{row.tumor_id}")
