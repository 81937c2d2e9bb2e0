"""The reply desk: scan, press a key for the outcome, go on; everything is saved at once and the rates move on the page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import request
from werkzeug.datastructures import MultiDict

from registry.errors import RegistryError
from registry.followup import desk
from registry.followup.rates import CASE
from registry.followup.replies import OUTCOMES
from registry.followup.sources import SOURCES
from registry.followup.tokens import read_token
from web.followup import blueprint
from web.followup.base import choice, now_standing
from web.pages import actor, is_fragment, log_read, page, reading, render, store

MOST_LINES = 200


@page(blueprint, "/replies", permission="followup")
def replies():
    """The empty desk."""
    return _desk([], [], {})


@page(blueprint, "/replies", permission="followup", methods=("POST",))
def work_replies():
    """Adds a scanned line, or saves all lines; lines with a fault stay with what was typed."""
    form = request.form
    lines = _lines(form)
    before = {key[7:]: value for key, value in form.items() if key.startswith("before-")}
    if form.get("do") != "save":
        return _add(lines, form.get("scan", ""), before)
    who = actor()
    saved, faulty = desk.save_lines(store(), lines, who=who.username, today=date.today(), facility_id=who.facility_id)
    for one in saved:
        log_read("reply desk", patient_id=one.patient_id)
    return _desk(faulty, saved, before)


@page(blueprint, "/replies/line", permission="followup", methods=("POST",))
def reply_line():
    """One scanned line alone, for a desk that is open already."""
    text = request.form.get("scan", "")
    given = {token for token, _ in _lines(request.form)}
    if read_token(text) in given:
        return render("followup/scan_fault.html", fault="This letter is on the desk already.")
    try:
        with reading() as db:
            found = desk.line(db, text, facility_id=actor().facility_id)
    except RegistryError as error:
        return render("followup/scan_fault.html", fault=desk.in_words(error))
    return render("followup/line.html", line=found, outcomes=OUTCOMES, sources=SOURCES, today=date.today())


def _lines(form: MultiDict[str, str]) -> list[tuple[str, dict[str, str]]]:
    tokens = list(dict.fromkeys(form.getlist("token")))[:MOST_LINES]
    return [(token, {name: form.get(f"{name}-{token}", "") for name in desk.TYPED}) for token in tokens]


def _add(lines: list[tuple[str, dict[str, str]]], scanned: str, before: Mapping[str, str]):
    """The whole page with one more line: the way without scripts."""
    found: list[desk.Line] = []
    fault = ""
    with reading() as db:
        for token, typed in [*lines, *([(scanned, {})] if scanned.strip() else [])]:
            try:
                found.append(desk.line(db, token, facility_id=actor().facility_id, typed=typed))
            except RegistryError as error:
                fault = desk.in_words(error)
    return _desk(list({one.token: one for one in found}.values()), [], before, fault=fault)


def _desk(lines: list[desk.Line], saved: list[desk.Line], before: Mapping[str, str], *, fault: str = ""):
    with reading() as db:
        chosen = choice(db)
        standing = now_standing(db, chosen)
    values: dict[str, Any] = {
        "chosen": chosen,
        "standing": standing,
        "lines": lines,
        "saved": saved,
        "fault": fault,
        "before": before or {rate.test.id: f"{rate.rate or 0:.6f}" for rate in standing.rates[CASE]},
        "outcomes": OUTCOMES,
        "sources": SOURCES,
        "today": date.today(),
    }
    return render("followup/replies.html", block="desk" if is_fragment() else "", **values)
