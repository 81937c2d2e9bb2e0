"""The review queue: pairs by score with filters, the last run and its report, and starting one."""

from __future__ import annotations

from flask import flash, redirect, request, url_for

from registry import jobs
from registry.errors import RegistryError
from registry.security.permissions import Refused
from registry.views import linkage as views
from web.linkage import blueprint
from web.linkage.base import filters, kept, may_decide
from web.pages import actor, log_search, page, reading, render, store


@page(blueprint, "", permission="cases.read")
def index():
    """The queue."""
    chosen, who = filters(), actor()
    cursor = views.Cursor.of(request.args.get("from", ""))
    with reading() as db:
        found = views.queue(db, who, chosen, cursor)
        runs = views.runs(db, limit=5)
        facilities = views.facilities(db, who)
        running = views.latest_job(db)
    if found.lines:
        log_search("linkage queue", len(found.lines))
    return render(
        "linkage/index.html",
        block="results",
        queue=found,
        chosen=chosen,
        keep=kept(chosen),
        runs=runs,
        running=running,
        facilities=facilities,
        conflicts=views.conflicts(),
        first=str(views.Cursor(found.lines[0].score, found.lines[0].id, forward=False)) if found.lines else "",
        last=str(views.Cursor(found.lines[-1].score, found.lines[-1].id)) if found.lines else "",
        decides=may_decide(who),
        starts=_may_start(),
    )


def _may_start() -> bool:
    """A run compares the reports of all facilities: an account bound to one does not start it."""
    return may_decide(actor()) and actor().facility_id is None


@page(blueprint, "/run", permission="cases.edit", methods=("POST",))
def start():
    """Starts a run over the whole registry; a run that is under way is shown instead of a second one."""
    if request.form.get("over") != "registry":
        raise RegistryError("usage", "a run is over the whole registry", hint="start it from the queue")
    if not _may_start():
        raise Refused("A run compares the reports of all facilities; your account is bound to one.")
    with reading() as db:
        running = views.latest_job(db)
    if running is not None and running.state in (jobs.WAITING, jobs.RUNNING):
        flash("A run is under way already.", "info")
        return redirect(url_for("linkage.run", number=running.id), 303)
    number = jobs.ask(store(), views.JOB, {"who": actor().username}, who=actor().username)
    return redirect(url_for("linkage.run", number=number), 303)


@page(blueprint, "/runs/<int:number>", permission="cases.edit")
def run(number: int):
    """How far a run is; what it found when it is over."""
    found = jobs.state(store(), number)
    if found.kind != views.JOB:
        raise RegistryError("not-found", f"there is no linkage run {number}")
    if found.state in (jobs.WAITING, jobs.RUNNING):
        jobs.revive(store(), number)
        found = jobs.state(store(), number)
    return render(
        "linkage/run.html",
        block="progress",
        job=found,
        worker=jobs.worker_is_running(store()),
        report=found.result or {},
    )
