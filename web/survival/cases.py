"""The cases behind a count of the survival page."""

from __future__ import annotations

from flask import Response, g, request, url_for

from registry.analysis.survival_request import LONGEST
from registry.analysis.survival_tables import ascertainment
from registry.errors import RegistryError
from web.filters import person
from web.meanings import morphology_text
from web.pages import actor, log_read, page, paging, reading, render_list, store
from web.survival.base import address, asked, blueprint, desk, scope, title_of
from web.tables import Column, Paging, Table


@page(blueprint, "/cases", permission="cases.read", twins=True)
def cases() -> Response:
    """The list: of a group, its events, or one line of the flow; reading it is logged."""
    from registry.analysis.survival_cases import CaseRow, find_behind, load_rows

    wanted = asked()
    recorded = ascertainment(store())
    group = request.args.get("group", "")
    behind = find_behind(
        desk().snapshot(),
        wanted,
        scope(),
        deaths_complete_to=recorded.date if recorded else None,
        group=int(group) if group.isdigit() else None,
        what=request.args.get("what", "all"),
        after=_year("after"),
        until=_year("until"),
        step=request.args.get("step", ""),
    )
    at = paging()
    with reading() as session:
        rows, more = load_rows(session, actor(), behind, page=at.page, size=at.size)
    log_read("survival cases", results=len(rows), title=behind.title)
    table: Table = _table(rows, at, more, len(behind.tumors), bool(behind.years) and _has_years(rows))
    table.row_link = lambda row: _open(row)
    assert all(isinstance(row, CaseRow) for row in rows)
    return render_list(
        "survival/cases.html", table, behind=behind, back=address("index", wanted), title=title_of(wanted)
    )


def _year(name: str) -> float | None:
    text = request.args.get(name)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value <= LONGEST:
        raise RegistryError("not-found", "there is no such list", hint="open the list from the page again")
    return value


def _has_years(rows) -> bool:
    return any(row.years is not None for row in rows)


def _open(row) -> str:
    return url_for("patients.show", patient_id=row.patient_id, _anchor=f"tumor-{row.tumor_id}")


def _number(row) -> int:
    return row.patient_id


def _table(rows, at: Paging, more: bool, total: int, analysed: bool) -> Table:
    columns = [
        # a file holds no names: identified rows leave by the export, for a purpose
        Column("patient", "Patient", _number if g.get("twin") else person, kind="person", link=_open),
        Column("site", "Site", lambda r: r.primary_site, kind="code", item=400),
        Column("morphology", "Morphology", lambda r: morphology_text(r.histology, r.behavior), kind="code"),
        Column("diagnosed", "Diagnosed", lambda r: r.date_of_diagnosis, kind="date"),
        Column("vital", "Vital status", lambda r: {"1": "alive", "0": "dead", "4": "dead"}.get(r.vital_status, "")),
    ]
    if analysed:
        columns += [
            Column("years", "Years followed", lambda r: None if r.years is None else round(r.years, 2), kind="number"),
            Column("event", "Counts as event", lambda r: {True: "yes", False: "no"}.get(r.event, "")),
        ]
    return Table("survival-cases", "Cases of the survival analysis", columns, rows, at, more=more, total=total)
