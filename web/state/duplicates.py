"""The duplicate rate: the records of a year or a sample, the pairs that the match keys bring together, a verdict on each."""

from __future__ import annotations

from flask import flash, redirect, request, url_for

from registry.state import duplicates as services
from web.filters import person as person_text
from web.pages import actor, log_read, page, paging, reading, render_list, settings, writing
from web.state import blueprint
from web.state.base import whole
from web.tables import Column, Table

WORDS = {"": "open", services.DUPLICATE: "one tumor", services.DIFFERENT: "two tumors"}


@page(blueprint, "/duplicates", permission="state", twins=True)
def duplicates():
    """The rate of a year with its pairs."""
    whole()
    with reading() as db:
        years = services.years(db)
        year = _number("year") or (years[0] if years else 0)
        sample, seed = _number("sample"), _number("seed") or 1
        found = services.rate(db, year, sample=sample, seed=seed)
    log_read("review of duplicates", year=year, rows=len(found.pairs))
    columns = [
        Column("left", "Person", lambda r: person_text(r.left), kind="person", link=lambda r: _open(r.left)),
        Column("right", "and", lambda r: person_text(r.right), kind="person", link=lambda r: _open(r.right)),
        Column(
            "born",
            "Born",
            lambda r: _born(r.left) + (f" / {_born(r.right)}" if _born(r.left) != _born(r.right) else ""),
        ),
        Column("site", "Sites", lambda r: f"{r.left.site} {r.left.histology} / {r.right.site} {r.right.histology}"),
        Column("diagnosed", "Diagnosed", lambda r: f"{r.left.diagnosed} / {r.right.diagnosed}"),
        Column("keys", "Agree in", lambda r: ", ".join(r.keys)),
        Column("rules", "By the rules", lambda r: r.rules.replace("_", " ").lower(), sort=True),
        Column("verdict", "Verdict", lambda r: WORDS[r.verdict], sort=True),
    ]
    table = Table.of(
        f"duplicates-{year}",
        f"Pairs of {year}",
        columns,
        found.pairs,
        paging(),
        empty="The keys bring no two together.",
    )
    return render_list(
        "state/duplicates.html",
        table,
        found=found,
        pairs=table.rows,
        years=years,
        sample=sample,
        seed=seed,
        protocol=services.protocol(settings()),
        words=WORDS,
        may_send=actor().may("state.send"),
    )


def _number(name: str) -> int:
    text = request.args.get(name, "")
    return int(text) if text.isdigit() and len(text) < 8 else 0


def _open(side: services.Side) -> str:
    return url_for("patients.show", patient_id=side.patient_id)


def _born(side: services.Side) -> str:
    return side.born if actor().identifies(side.patient_id) else side.born[:4]


@page(blueprint, "/duplicates", permission="state.send", methods=("POST",))
def review_duplicate():
    """Writes a verdict on a pair."""
    who, form = whole(), request.form
    with writing() as db:
        services.review(db, form.get("pair", ""), form.get("verdict", "?"), who=who.username, why=form.get("why", ""))
    flash("The verdict is written down.", "success")
    back = {name: form[name] for name in ("year", "sample", "seed") if form.get(name, "").isdigit()}
    return redirect(url_for("state.duplicates", **back, _anchor="decide"), 303)
