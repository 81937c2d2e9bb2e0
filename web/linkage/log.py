"""Every decision with who, when and why, to be taken back from there; and the reports that one person is made of."""

from __future__ import annotations

from flask import request

from registry.views import decisions as views
from registry.views import linkage as pairs
from web.linkage import blueprint
from web.linkage.base import may_decide
from web.pages import actor, log_read, log_search, page, reading, render


@page(blueprint, "/decisions", permission="cases.read")
def decisions():
    """All decisions, newest first."""
    given, who = request.args, actor()
    before = given.get("before", "")
    chosen = views.LogFilters(
        about=views.TUMORS if given.get("about") == views.TUMORS else views.PERSONS,
        by=given.get("by", "") if given.get("by") in (views.BY_PEOPLE, views.BY_PROGRAM) else "",
        who=given.get("who", ""),
        undone=given.get("undone", "") if given.get("undone") in ("yes", "no") else "",
        before=int(before) if before.isdigit() and len(before) < 19 else None,
    )
    with reading() as db:
        lines, more = views.log(db, who, chosen)
        people = views.deciders(db, chosen.about)
    if lines:
        log_search("linkage decisions", len(lines))
    keep = {name: value for name in ("by", "who", "undone") if (value := getattr(chosen, name))}
    return render(
        "linkage/decisions.html",
        lines=lines,
        more=more,
        chosen=chosen,
        keep=keep,
        people=people,
        decides=may_decide(who),
    )


@page(blueprint, "/persons/<int:patient_id>", permission="cases.read")
def person(patient_id: int):
    """How one person is made up of reports, and the decisions that joined them."""
    with reading() as db:
        view = views.composition(db, actor(), patient_id)
        open_pairs = pairs.open_pairs(db, actor(), [report.account.record_id for report in view.reports])
    log_read("linkage of a person", patient_id=patient_id)
    return render(
        "linkage/person.html",
        view=view,
        open_pairs=open_pairs,
        decides=may_decide(actor()),
        identified=actor().identifies(patient_id),
    )
