"""What comes from outside: death files and encounter lists, the queue of what a person must decide, productivity."""

from __future__ import annotations

import secrets
from datetime import date, timedelta
from typing import Any

from flask import Response, flash, redirect, request, url_for
from werkzeug.exceptions import NotFound

from registry import jobs
from registry.errors import RegistryError
from registry.followup import passive, reviews
from registry.followup import productivity as services
from registry.followup.contact import REVIEW
from registry.followup.disclosure import redisclosure_rules
from registry.followup.jobs import match_file, place
from registry.followup.layouts import layout, layouts
from registry.followup.sources import SOURCES
from registry.models import Job
from registry.models.followup import OutsideFile
from web.filters import person as person_text
from web.followup import blueprint
from web.followup.base import choice
from web.pages import (
    actor,
    is_fragment,
    log_read,
    log_search,
    page,
    paging,
    reading,
    render,
    render_list,
    settings,
    store,
    writing,
)
from web.tables import Column, Table

WORDS = {"attempts": "attempts", "out": "on their way", "told": "told of the patient", "returned": "came back"}

AT_ONCE = 256 * 1024
"""Files up to so many bytes are matched while one waits, larger ones in the background."""


@page(blueprint, "/files", permission="followup")
def files():
    """The files that were matched, and a form for the next one."""
    with reading() as db:
        rows = passive.list_files(db, facility_id=actor().facility_id)
        waiting = len(passive.waiting(db, facility_id=actor().facility_id))
    return render(
        "followup/files.html",
        files=rows,
        waiting=waiting,
        layouts=layouts(settings().home),
        rules=redisclosure_rules(),
    )


@page(blueprint, "/files", permission="followup", methods=("POST",))
def load_file():
    """Matches an uploaded file with the registry; the page that follows reconciles every row."""
    sent, form = request.files.get("file"), request.form
    if sent is None or not sent.filename:
        raise RegistryError("usage", "no file was chosen", hint="choose one and send it again")
    # a hospital's account is taken for its own file; deaths that hospitals may not see are the registry's to load
    who, folder = actor(), secrets.token_hex(12)
    path = place(store(), folder, sent.filename)
    path.parent.mkdir(mode=0o700)
    sent.save(path)
    parameters = {
        "folder": folder,
        "name": path.name,
        "layout": layout(form.get("layout", ""), settings().home).id,
        "rule": form.get("rule", ""),
        "facility_id": who.facility_id,
        "who": who.username,
    }
    if path.stat().st_size > AT_ONCE:
        number = jobs.ask(store(), "followup-file", parameters, who=who.username)
        return redirect(url_for("followup.file_job", number=number), 303)
    told = match_file(store(), parameters, lambda share, text: None)
    return _matched(told)


def _matched(told: dict[str, Any]):
    log_read("file from outside", file=told["file_id"], rows=told["rows_in"])
    if told["again"]:
        flash("This file was matched before; nothing was changed.", "warning")
    return redirect(url_for("followup.file", file_id=told["file_id"]), 303)


@page(blueprint, "/files/job/<int:number>", permission="followup")
def file_job(number: int):
    """How far the matching of a large file is; then the file."""
    with reading() as db:
        job = db.get(Job, number)
        if job is None or job.kind != "followup-file" or job.who != actor().username:
            raise NotFound
        state, told = job.state, job.result
    if state in (jobs.WAITING, jobs.RUNNING):
        jobs.revive(store(), number)
    elif is_fragment():
        response = Response("")
        response.headers["HX-Redirect"] = url_for("followup.file_job", number=number)
        return response
    elif state == jobs.DONE and told:
        return _matched(told)
    return render("followup/file_job.html", block="progress", job=job)


@page(blueprint, "/files/<int:file_id>", permission="followup")
def file(file_id: int):
    """One file: its reconciliation, the reasons, and every match with what it did."""
    who = actor()
    with reading() as db:
        found = next(
            (f for f in passive.list_files(db, facility_id=who.facility_id, limit=1000) if f.id == file_id), None
        )
        if found is None:
            raise NotFound
        matches = [(match, match.patient) for match in found.matches[:500]]
    log_read("file from outside", file=file_id)
    return render("followup/file.html", file=found, matches=matches, rules=redisclosure_rules())


@page(blueprint, "/review", permission="followup")
def review():
    """The queue: the first to decide with everything that agrees and conflicts, the others below."""
    who = actor()
    with reading() as db:
        matches = [(match, match.patient, match.file) for match in passive.waiting(db, facility_id=who.facility_id)]
        news = [(found, found.patient) for found in reviews.waiting(db, facility_id=who.facility_id)]
    if matches or news:
        log_read("follow-up review", waiting=len(matches) + len(news))
    return render("followup/review.html", matches=matches, news=news)


@page(blueprint, "/review/match/<int:match_id>", permission="followup", methods=("POST",))
def decide_match(match_id: int):
    """Takes, rejects or takes back a match."""
    who, do = actor(), request.form.get("do", "")
    with writing() as db:
        if do == "undo":
            left = passive.undo_match(
                db, match_id, who=who.username, why=request.form.get("why", ""), facility_id=who.facility_id
            )
            flash(
                "Taken back." + (f" Not taken back: {'; '.join(left)}." if left else ""),
                "warning" if left else "success",
            )
            number = passive.open_match(db, match_id, facility_id=who.facility_id).file_id
            return redirect(url_for("followup.file", file_id=number), 303)
        effect = passive.decide_match(
            db,
            match_id,
            do == "take",
            who=who.username,
            why=request.form.get("why", "").strip(),
            home=settings().home,
            facility_id=who.facility_id,
        )
    if effect is None:
        flash("Not the same person; this pair is not asked again.", "success")
    elif effect.fate == REVIEW:
        flash(f"Taken, and it contradicts the record: {effect.reason}. Decide that below.", "warning")
    else:
        flash(f"Taken: {effect.fate}.", "success")
    return redirect(url_for("followup.review"), 303)


@page(blueprint, "/review/news/<int:review_id>", permission="followup", methods=("POST",))
def decide_news(review_id: int):
    """Takes news over a death in the record, or leaves the record."""
    who, form = actor(), request.form
    with writing() as db:
        found = reviews.decide(
            db,
            review_id,
            form.get("do") == "take",
            who=who.username,
            why=form.get("why", ""),
            facility_id=who.facility_id,
        )
    flash(
        "The record says now what was told." if found.state == "accepted" else "The record stays as it is.", "success"
    )
    return redirect(url_for("followup.review"), 303)


@page(blueprint, "/productivity", permission="followup")
def productivity():
    """What each way costs and brings."""
    first, last = _days()
    with reading() as db:
        chosen = choice(db)
        found = services.productivity(db, first=first, last=last, as_of=date.today(), facility_id=chosen.facility_id)
    return render("followup/productivity.html", chosen=chosen, found=found, first=first, last=last)


@page(blueprint, "/productivity/<by>/<number>", permission="followup", twins=True)
def productivity_behind(by: str, number: str):
    """The attempts behind one number of the productivity, `name` saying of which way or person."""
    first, last = _days()
    name = request.args.get("name", "")
    with reading() as db:
        chosen = choice(db)
        if by == "file":
            files = services.files(db, first=first, last=last, facility_id=chosen.facility_id, title=name)
            told = services.told_by_files(db, files) if number == "told" else []
        else:
            found = services.lines(db, first=first, last=last, as_of=date.today(), facility_id=chosen.facility_id)
    if by == "file":
        table = _file_table(name, number, files, told)
        return render_list("followup/attempts.html", table, chosen=chosen, first=first, last=last)
    if by not in ("way", "person") or number not in services.NUMBERS:
        raise NotFound
    rows = services.behind(found, by, name, number)
    title = SOURCES[name].title if by == "way" and name in SOURCES else name
    columns = [
        Column("patient", "Patient", person_text, kind="person", link=_open, sort=True),
        Column("way", "Way", lambda line: SOURCES[line.source].title, sort=True),
        Column("by", "By", lambda line: line.made_by, sort=True),
        Column("sent", "Sent or made", lambda line: f"{line.sent_on:%Y%m%d}", kind="date", sort=True),
        Column(
            "heard", "Heard", lambda line: f"{line.heard_on:%Y%m%d}" if line.heard_on else "", kind="date", sort=True
        ),
        Column("days", "Days to reply", lambda line: line.wait, kind="number", sort=True),
        Column("end", "End", lambda line: line.outcome or line.state, sort=True),
        Column("minutes", "Minutes", lambda line: line.minutes, kind="number", sort=True),
    ]
    log_search(f"follow-up productivity {by} {number}", len(rows))
    table = Table.of(
        f"attempts-{by}-{number}",
        f"{title}: {WORDS[number]}",
        columns,
        rows,
        paging(),
        row_link=_open,
        empty="No attempt in these days.",
    )
    return render_list("followup/attempts.html", table, chosen=chosen, first=first, last=last)


def _open(line: services.Line | services.Told) -> str:
    return url_for("followup.patient", patient_id=line.patient_id)


def _open_file(row: OutsideFile | services.Told) -> str:
    return url_for("followup.file", file_id=row.id if isinstance(row, OutsideFile) else row.file_id)


def _file_table(name: str, number: str, files: list[OutsideFile], told: list[services.Told]) -> Table:
    """Behind a number of a kind of file: the files with their rows, or the patients of whom they told something new."""
    if number == "attempts":
        columns = [
            Column("file", "File", lambda file: file.name, link=_open_file, sort=True),
            Column("rows", "Rows", lambda file: file.rows_in, kind="number", sort=True),
            Column("taken", "Taken", lambda file: file.report.get("accepted", 0), kind="number", sort=True),
            Column("review", "To review", lambda file: file.report.get("review", 0), kind="number", sort=True),
            Column("known", "Nothing new", lambda file: file.report.get("known", 0), kind="number", sort=True),
            Column("unmatched", "Nobody here", lambda file: file.report.get("unmatched", 0), kind="number", sort=True),
            Column("out", "Left out", lambda file: file.report.get("left_out", 0), kind="number", sort=True),
            Column("rejected", "Rejected", lambda file: file.rejected, kind="number", sort=True),
            Column("received", "Received", lambda file: f"{file.received_at:%Y%m%d}", kind="date", sort=True),
            Column("by", "By", lambda file: file.received_by, sort=True),
        ]
        rows, words = files, "rows in"
    elif number == "told":
        columns = [
            Column("patient", "Patient", person_text, kind="person", link=_open, sort=True),
            Column("file", "File", lambda row: row.file, link=_open_file, sort=True),
            Column("row", "Row", lambda row: row.row, kind="number", sort=True),
            Column("day", "Contact or death", lambda row: row.day, kind="date", sort=True),
            Column("by", "Taken by", lambda row: row.decided_by, sort=True),
        ]
        rows, words = told, "told something new"
        log_search(f"follow-up files {number}", len(rows))
    else:
        raise NotFound
    return Table.of(
        f"files-{number}",
        f"{name}: {words}",
        columns,
        rows,
        paging(),
        row_link=_open_file if number == "attempts" else _open,
        empty="No row of these days.",
    )


def _days() -> tuple[date, date]:
    """The days of the address, a year to today where it names none."""
    today = date.today()
    return _day(request.args.get("from", ""), today - timedelta(days=365)), _day(request.args.get("to", ""), today)


def _day(text: str, otherwise: date) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return otherwise
