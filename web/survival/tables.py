"""What survival needs beside the cases: life tables, and the date of complete death ascertainment."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response

from registry.analysis import survival_tables as kept
from registry.errors import RegistryError
from web.pages import actor, page, render, store
from web.survival.base import blueprint


@page(blueprint, "/settings", permission="analysis")
def settings_page() -> Response:
    """The tables at hand and the recorded date."""
    return render(
        "survival/settings.html",
        tables=kept.tables(store()),
        recorded=kept.ascertainment(store()),
        may_change=actor().may("analysis.publish"),
    )


@page(blueprint, "/settings/life-table", permission="analysis.publish", methods=("POST",))
def upload_table() -> Response:
    """Keeps a life table after its checks."""
    file = request.files.get("file")
    if file is None or not file.filename:
        raise RegistryError(
            "selection", "no file was chosen", hint="choose a CSV file with year, age, sex, annual_prob"
        )
    body = file.stream.read(kept.LARGEST + 1)
    made = kept.keep_table(
        store(), request.form.get("title", ""), request.form.get("source", ""), body, who=actor().username
    )
    flash(f"{made.title} is kept: years {made.years}, ages {made.ages}.", "success")
    return redirect(url_for("survival.settings_page"), 303)


@page(blueprint, "/settings/deaths", permission="analysis.publish", methods=("POST",))
def record_deaths() -> Response:
    """Records the date up to which all deaths are known, or takes it back when left empty."""
    day = request.form.get("date", "").strip()
    if day:
        kept.record_ascertainment(store(), day, request.form.get("source", ""), who=actor().username)
        flash(f"Deaths are recorded as complete to {day}; presumed alive can be used.", "success")
    else:
        kept.forget_ascertainment(store())
        flash("No date is recorded any more; presumed alive is refused.", "success")
    return redirect(url_for("survival.settings_page"), 303)
