"""The annual survival report: asked for by one click, made as a job, read as a page, HTML or PDF."""

from __future__ import annotations

from flask import redirect, request, send_file, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from registry import jobs
from registry.analysis import reports as kept
from registry.analysis.survival_asked import Asked, asked_report, asked_reports
from registry.analysis.survival_request import from_pairs
from registry.errors import RegistryError
from web.pages import actor, is_fragment, page, reading, render, store
from web.survival.base import address, blueprint, scope

KINDS = {"pdf": "application/pdf", "html": "text/html", "json": "application/json"}


@page(blueprint, "/reports", permission="analysis")
def reports() -> Response:
    """The reports made so far for this account's scope, and the button that makes one."""
    with reading() as session:
        found = asked_reports(session, scope().facility)
    return render("survival/reports.html", reports=found)


@page(blueprint, "/reports", permission="analysis", methods=("POST",))
def make_report() -> Response:
    """Asks for a report of the years given, or of all."""
    seen = scope()
    years = {name: _year(name) for name in ("year_from", "year_to")}
    parameters = {**years, "facility": seen.facility, "facility_name": seen.facility_name}
    number = jobs.ask(store(), "report", parameters, who=actor().username)
    return redirect(url_for("survival.report", number=number), 303)


def _year(name: str) -> int | None:
    text = request.form.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 1900 <= int(text) <= 2100):
        raise RegistryError("selection", f"{text[:20]!r} is no year", hint="write it with four digits", exit_code=2)
    return int(text)


def _found(number: int) -> Asked:
    with reading() as session:
        found = asked_report(session, number, scope().facility)
    if found is None:
        raise NotFound
    return found


@page(blueprint, "/reports/<int:number>", permission="analysis")
def report(number: int) -> Response:
    """One report: its progress, or the report."""
    found = _found(number)
    if found.state in (jobs.WAITING, jobs.RUNNING):
        jobs.revive(store(), number)
    made = kept.load_report(store(), found.key) if found.key else None
    response = render("survival/report.html", block="progress", asked=found, report=made, explore=_explore)
    if made is not None and is_fragment():
        # the head of the page has the files: it is shown whole
        response.headers["HX-Refresh"] = "true"
    return response


def _explore(part: kept.SitePart) -> str:
    return address("index", from_pairs([(name, value) for name, value in part.pairs]))


@page(blueprint, "/reports/<int:number>.<form>", permission="analysis")
def report_file(number: int, form: str) -> Response:
    """One report as a file."""
    found = _found(number)
    if form not in KINDS or not found.key:
        raise NotFound
    path = kept.report_file(store(), found.key, form)
    name = f"cancer-survival-{found.result.get('years', '').replace('–', '-')}.{form}"
    return send_file(path, mimetype=KINDS[form], as_attachment=True, download_name=name)


@page(blueprint, "/reports/<int:number>/<site>.svg", permission="analysis")
def report_chart(number: int, site: str) -> Response:
    """The chart of one site of a report."""
    found = _found(number)
    if not found.key:
        raise NotFound
    return send_file(kept.report_file(store(), found.key, "svg", site=site), mimetype="image/svg+xml")
