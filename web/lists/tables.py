"""Frequencies of two items by year, and the ready-made registers; every number opens its cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import g, request, url_for

from registry.views import frequency as counting
from registry.views import items, lists, registers
from registry.views.labels import title
from web.filters import person
from web.lists import blueprint, in_words
from web.lists.definitions import as_address, lines, of_address
from web.pages import actor, log_read, page, paging, reading, render_list, settings
from web.tables import TWIN_SIZE, Column, Paging, Table


def cases_at(conditions: tuple[str, ...], unit: str) -> str:
    """The address of the cases behind a number."""
    return url_for("lists.cases", **as_address(lists.Definition(conditions, unit=unit)))


@page(blueprint, "/frequency", permission="cases.read", twins=True)
def frequency():
    """The frequency of one or two items by year, small counts hidden unless asked for work inside the registry."""
    args = request.args
    row, column = (args.get(name, "").strip().split(" ")[0] for name in ("row", "column"))
    years = args.get("years", "all")
    internal = args.get("counts") == "every"
    definition = of_address()
    found = None
    if row:
        with reading() as session:
            found = counting.frequency(
                session,
                actor(),
                row=row,
                column=column,
                years=years if years in counting.YEARS else "all",
                conditions=definition.conditions,
                unit=definition.unit,
                threshold=settings().suppression_threshold,
                internal=internal,
            )
    here = {**as_address(definition), "row": row, "column": column, "years": years, "counts": args.get("counts", "")}
    g.list_at = ("lists.frequency", here)
    table = _long_table(found) if found else Table("frequency", "Frequency", [], [], Paging())
    return render_list(
        "lists/frequency.html",
        table,
        found=found,
        definition=definition,
        conditions=[in_words(c) for c in lists.check(actor(), definition)],
        lines=lines(definition.conditions, spare=2),
        choices=items.choices(),
        names=items.NAMES,
        picked={"row": row, "column": column, "years": years, "counts": args.get("counts", "")},
        titles={name: title(name) for name in (row, column) if name},
        years=counting.YEARS,
        cases=lambda cell: cases_at((*definition.conditions, *cell.conditions), found.unit if found else "tumors"),
        address=as_address(definition),
        all_=counting.ALL,
        layers=[(counting.ALL, "All years"), *((v.key, v.text + _mark(found, v)) for v in found.layers)]
        if found
        else [],
        changed=_changed(found.breaks) if found else "",
    )


def _changed(breaks: Mapping[int, str]) -> str:
    return f"The definition of stage changed: {'; '.join(f'{year}, {what}' for year, what in breaks.items())}."


def _mark(found: counting.Frequency, year: counting.Value) -> str:
    return " †" if found.breaks_in(year.key) else ""


def _long_table(found: counting.Frequency) -> Table:
    """The table one count a row, as its twins give it; a hidden count is blank."""
    texts = [{v.key: v.text for v in axis} for axis in (found.rows, found.columns, found.layers)]
    rows = [
        (*(axis.get(part, "All") for axis, part in zip(texts, key)), cell.count if cell.count is not None else "")
        for key, cell in found.cells.items()
    ]
    columns = [Column("row", found.row_title, lambda r: r[0])]
    if found.column_title:
        columns.append(Column("column", found.column_title, lambda r: r[1]))
    if found.layers:
        columns.append(Column("year", "Year", lambda r: r[2]))
    columns.append(Column("cases", "Cases", lambda r: r[3], kind="number"))
    if found.breaks:
        turned = {v.text: _changed(found.breaks_in(v.key)) for v in found.layers if found.breaks_in(v.key)}
        columns.append(Column("definition", "Definition", lambda r: turned.get(r[2], "")))
    return Table("frequency", "Frequency", columns, rows, Paging(1, TWIN_SIZE), total=len(rows))


def _choice() -> tuple[dict[str, str], Any, list[str]]:
    """The facility and year asked for, with what there is to choose."""
    picked = {"facility": request.args.get("facility", ""), "year": request.args.get("year", "")}
    if not (picked["year"].isdigit() and len(picked["year"]) == 4):
        picked["year"] = ""
    with reading() as session:
        return picked, registers.facilities(session, actor()), registers.accession_years(session, actor())


def _register_paging() -> Paging:
    asked = paging()
    return Paging(asked.page, asked.size if g.get("twin") else registers.PAGE, asked.sort)


def open_row(row: Any) -> str:
    """The patient's page at the tumor."""
    anchor = f"tumor-{row.tumor_id}" if getattr(row, "tumor_id", None) else None
    return url_for("patients.show", patient_id=row.patient_id, _anchor=anchor)


SEX = {"1": "M", "2": "F"}


@page(blueprint, "/accessions", permission="cases.identify", twins=True)
def accessions():
    """The accession register."""
    picked, facilities, years = _choice()
    asked = _register_paging()
    with reading() as session:
        rows, more, total = registers.accession_register(session, actor(), **picked, page=asked.page, size=asked.size)
    log_read("accession register", rows=len(rows), **picked)
    columns = [
        Column("accession", "Accession", lambda r: r.accession, kind="code"),
        Column("sequence", "Seq.", lambda r: r.sequence, kind="code"),
        Column("patient", "Patient", person, kind="person", link=open_row),
        Column("record", "Medical record", lambda r: r.medical_record, kind="code"),
        Column("sex", "Sex", lambda r: SEX.get(r.sex, "")),
        Column("born", "Born", lambda r: r.date_of_birth, kind="date"),
        Column("site", "Site", lambda r: r.primary_site, kind="site"),
        Column("morphology", "Morphology", lambda r: f"{r.histology}/{r.behavior}" if r.histology else "", kind="code"),
        Column("diagnosed", "Diagnosed", lambda r: r.date_of_diagnosis, kind="date"),
        Column("class", "Class", lambda r: r.class_of_case, kind="code"),
        Column("first_contact", "First contact", lambda r: r.date_of_first_contact, kind="date"),
        *([Column("facility", "Facility", lambda r: r.facility)] if len(facilities) > 1 else []),
    ]
    table = Table(
        "accession-register", "Accession register", columns, rows, asked, more=more, total=total, row_link=open_row,
        empty="No abstract has an accession number here.",
    )  # fmt: skip
    return render_list("lists/register.html", table, heading="Accession register", picked=picked,
                       facilities=facilities, years=years, letters=(), letter="")  # fmt: skip


@page(blueprint, "/patients", permission="cases.identify", twins=True)
def patients():
    """The patient index: persons by name with their tumors."""
    letter = request.args.get("letter", "")[:1].upper()
    letter = letter if letter.isalpha() else ""
    asked = _register_paging()
    with reading() as session:
        rows, more = registers.patient_index(session, actor(), letter=letter, page=asked.page, size=asked.size)
    log_read("patient index", rows=len(rows), letter=letter)

    def tumors(row: registers.IndexedPatient) -> str:
        return "; ".join(
            " ".join(
                part
                for part in (
                    t.primary_site,
                    f"{t.histology}/{t.behavior}" if t.histology else "",
                    t.date_of_diagnosis[:4],
                    t.accession,
                )
                if part
            )
            for t in row.tumors
        )

    columns = [
        Column("patient", "Patient", person, kind="person", link=open_row),
        Column("born", "Born", lambda r: r.date_of_birth, kind="date"),
        Column("sex", "Sex", lambda r: SEX.get(r.sex, "")),
        Column("record", "Medical record", lambda r: r.medical_record, kind="code"),
        Column("tumors", "Tumors (site, morphology, year, accession)", tumors),
        Column("vital", "Status", lambda r: {"1": "alive", "0": "dead", "4": "dead"}.get(r.vital_status, "")),
        Column("last_contact", "Last contact", lambda r: r.date_of_last_contact, kind="date"),
    ]
    table = Table("patient-index", "Patient index", columns, rows, asked, more=more, row_link=open_row,
                  empty="Nobody is indexed here.")  # fmt: skip
    return render_list("lists/register.html", table, heading="Patient index", picked={}, facilities=(), years=(),
                       letters="ABCDEFGHIJKLMNOPQRSTUVWXYZ", letter=letter)  # fmt: skip


@page(blueprint, "/sites", permission="cases.read", twins=True)
def sites():
    """The primary-site table: site groups by class, sex and stage."""
    picked, facilities, years = _choice()
    counts = request.args.get("counts", "")
    internal = actor().may("cases.identify") and counts != "published"
    detailed = request.args.get("detail") == "yes" and internal
    with reading() as session:
        found = registers.site_table(
            session,
            actor(),
            **picked,
            detailed=detailed,
            internal=internal,
            threshold=settings().suppression_threshold,
        )
    titles = [(head, text) for head, texts in found.heads for text in texts]
    columns = [Column("site", "Site", lambda r: r.title), Column("depth", "Level", lambda r: r.depth)]
    for n, (head, text) in enumerate(titles):
        name = f"{head}: {text}" if head else text
        columns.append(
            Column(f"c{n}", name, lambda r, n=n: "" if r.cells[n].count is None else r.cells[n].count, kind="number")
        )
    table = Table(
        "primary-sites", "Primary-site table", columns, found.rows, Paging(1, TWIN_SIZE), total=len(found.rows)
    )
    return render_list(
        "lists/sites.html",
        table,
        found=found,
        picked={**picked, "counts": counts, "detail": "yes" if detailed else ""},
        facilities=facilities,
        years=years,
        cases=lambda cell: cases_at(cell.conditions, "abstracts"),
    )
