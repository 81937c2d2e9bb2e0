"""Case search: one box, an answer as one types, and no name in an address."""

from __future__ import annotations

from flask import Blueprint, g, redirect, request, url_for

from registry.search import Hit, parse
from registry.views.hits import find
from web.filters import person
from web.meanings import morphology_text
from web.navigation import Entry
from web.pages import actor, is_fragment, log_search, page, paging, reading, render_list
from web.sealed import seal, unseal
from web.tables import Column, Paging, Table

blueprint = Blueprint("cases", __name__, url_prefix="/cases")
navigation = [
    Entry(
        "Find a case", "cases.index", group="Cases", icon="search", permission="cases.read", keys="g s", words="search"
    )
]


@page(blueprint, "/", permission="cases.read", twins=True)
def index():
    """The search page; the terms come sealed (`s`) or, where they name no person, plainly (`site`, `year`)."""
    terms = [
        unseal(request.args.get("s", "")).get("text", ""),
        request.args.get("site", ""),
        request.args.get("year", ""),
    ]
    return _answer(" ".join(term for term in terms if term)[:200])


@page(blueprint, "/", permission="cases.read", methods=("POST",))
def ask():
    """Takes the terms out of a form: answers htmx with the hits, a browser with a sealed address."""
    text = request.form.get("text", "").strip()[:200]
    values = {"s": seal({"text": text})} if text else {}
    address = url_for("cases.index", **values)
    if not is_fragment():
        return redirect(address, 303)
    g.list_at = ("cases.index", values)
    response = _answer(text)
    response.headers["HX-Replace-Url"] = address
    return response


def _answer(text: str):
    who = actor()
    query = parse(text)
    names_refused = bool(query.last or query.first or query.number) and not (
        who.may("cases.identify") or who.may("cases.reveal")
    )
    asked = paging()
    hits: list[Hit] = []
    more = False
    if query and not names_refused:
        with reading() as session:
            found = find(session, who, text, page=asked.page, size=asked.size)
        hits, more = found.hits, found.more
        log_search("case search", len(hits))
    return render_list(
        "cases/index.html", _table(hits, asked, more), text=text, query=query, names_refused=names_refused
    )


def _table(hits: list[Hit], asked: Paging, more: bool) -> Table:
    who = actor()

    def open_row(hit: Hit) -> str:
        return url_for("patients.show", patient_id=hit.patient_id, _anchor=f"tumor-{hit.tumor_id}")

    def born(hit: Hit) -> str:
        return hit.date_of_birth if who.identifies(hit.patient_id) else hit.date_of_birth[:4]

    columns = [
        Column("patient", "Patient", person, kind="person", link=open_row),
        Column("born", "Born", born, kind="date"),
        Column("sex", "Sex", lambda h: {"1": "male", "2": "female"}.get(h.sex, "other or unknown")),
        Column("site", "Site", lambda h: h.primary_site, kind="code", item=400),
        Column("morphology", "Morphology", lambda h: morphology_text(h.histology, h.behavior), kind="morphology"),
        Column("diagnosed", "Diagnosed", lambda h: h.date_of_diagnosis, kind="date"),
        Column("vital", "Vital status", lambda h: {"1": "alive", "0": "dead", "4": "dead"}.get(h.vital_status, "")),
    ]
    if who.may("cases.identify"):
        columns.append(Column("accession", "Accession", lambda h: h.accession, kind="code"))
    return Table("cases", "Cases found", columns, hits, asked, more=more, row_link=open_row, empty="No case matches.")
