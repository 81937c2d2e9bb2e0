"""The worklist: persons and tumors with values that the rules left open."""

from __future__ import annotations

from flask import request, url_for

from registry.consolidation import upkeep
from registry.consolidation.values import TUMOR, item_name
from registry.views import consolidation as views
from web.consolidation import blueprint
from web.filters import person as person_text
from web.meanings import date_text, meaning, site_text
from web.pages import actor, log_search, page, paging, reading, render_list
from web.tables import Column, Table


@page(blueprint, "/", permission="cases.read", twins=True)
def index():
    """Persons and tumors that wait for a person's choice."""
    views.whole(actor())
    asked, item = paging(), item_asked()
    after = request.args.get("after", "")
    with reading() as db:
        counts = views.counts(db)
        lines, more = views.queue(db, item=item, after=after, size=asked.size)
        total = views.waiting(db)
        replayed = upkeep.was_replayed(db)
    if lines:
        log_search("values left open", len(lines))
    columns = [
        Column("person", "Person", person_text, kind="person", link=lambda r: place_of(r.chain, r.row_id)),
        Column("what", "Of", what),
        Column("items", "Left open", lambda r: ", ".join(f"{n} {item_name(n)}" for n in r.items)),
        Column("since", "Since", lambda r: r.since, kind="moment"),
    ]
    table = Table(
        "values-left-open",
        "Values that the rules left open",
        columns,
        lines,
        asked,
        more=more,
        row_link=lambda r: place_of(r.chain, r.row_id),
    )
    return render_list(
        "consolidation/index.html",
        table,
        lines=lines,
        counts=counts,
        item=item,
        begun=bool(after),
        waiting=total,
        replayed=replayed,
        place_of=place_of,
        what=what,
        name=item_name,
    )


def item_asked() -> int:
    """The item that the address asks for; 0 for every one."""
    text = request.args.get("item", "")
    return int(text) if text.isdigit() and len(text) < 8 else 0


def place_of(chain: str, row_id: int) -> str:
    """The address of a row's page."""
    return url_for("consolidation.show", chain=chain, row_id=row_id)


def what(line: views.OpenLine | views.Sibling) -> str:
    """A row in a few words: the person, or the tumor by site and year."""
    if line.chain != TUMOR:
        return "the person"
    site = f"{site_text(line.site)} {meaning(400, line.site)}".strip() or "unknown site"
    return f"{site}, {date_text(line.diagnosed[:4]) or 'no date'}"
