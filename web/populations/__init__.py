"""Populations: what is in force below every rate, and loading another with its checks."""

from __future__ import annotations

import tempfile
from pathlib import Path

from flask import Blueprint, Response, current_app, flash, redirect, request, url_for
from sqlalchemy import func, select
from werkzeug.utils import secure_filename

from registry.analysis.population_files import LARGEST, SUFFIXES, in_force, put_in_force, read
from registry.analysis.rates import short_name
from registry.errors import RegistryError
from registry.models import PopulationArea
from web.navigation import Entry
from web.pages import actor, page, paging, reading, render_list, store
from web.tables import Column, Table

blueprint = Blueprint("populations", __name__, url_prefix="/populations")
navigation = [
    Entry(
        "Population",
        "populations.index",
        group="Analysis",
        icon="people",
        permission="analysis",
        keys="g n",
        words="population denominators residents seer counties person-years",
    )
]


@page(blueprint, "/", permission="analysis", twins=True)
def index() -> Response:
    """The population in force, by county."""
    found = in_force(store())
    with reading() as session:
        declared = session.execute(
            select(
                func.count(func.distinct(PopulationArea.county)),
                func.min(PopulationArea.year_from),
                func.max(PopulationArea.year_to),
                func.min(PopulationArea.completeness),
            )
        ).one()
    columns = [
        Column("county", "County", lambda r: short_name(r[0]), sort=True),
        Column("code", "Code", lambda r: r[0], kind="code", sort=True),
        Column("male", "Male", lambda r: r[1], kind="number", sort=True),
        Column("female", "Female", lambda r: r[2], kind="number", sort=True),
        Column("both", "Both", lambda r: r[1] + r[2], kind="number", sort=True),
    ]
    rows = found.by_county if found else ()
    table = Table.of(
        "population", "Residents by county", columns, rows, paging("county"), empty="No population is loaded."
    )
    return render_list(
        "populations/index.html",
        table,
        found=found,
        declared=declared,
        areas=url_for("masters.areas") if "masters.areas" in current_app.view_functions else "",
        may_load=actor().may("analysis.publish"),
        suffixes=SUFFIXES,
    )


@page(blueprint, "/", permission="analysis.publish", methods=("POST",))
def load() -> Response:
    """Reads, checks and puts in force the file that was sent; on a fault everything stays as it was."""
    if actor().facility_id is not None:
        raise RegistryError(
            "refused-rates", "an account of one facility loads no population of the registry", exit_code=4
        )
    sent = request.files.get("file")
    name = secure_filename(sent.filename or "") if sent else ""
    if sent is None or not name:
        raise RegistryError("population", "no file was chosen", hint=f"send one of {', '.join(SUFFIXES)}")
    if not name.lower().endswith(SUFFIXES):
        raise RegistryError(
            "population", f"no population is read from {name!r}", hint=f"send one of {', '.join(SUFFIXES)}"
        )
    state = request.form.get("state", "").strip()
    if state and not (len(state) == 2 and state.isdigit()):
        raise RegistryError("population", f"{state[:10]!r} is no state", hint="two digits, as 12 for Florida")
    ages = "single" if request.form.get("ages") == "single" else "seer19"
    label = request.form.get("label", "")
    with tempfile.TemporaryDirectory(dir=store().settings.folder("populations")) as folder:
        path = Path(folder) / name
        sent.save(path)
        if path.stat().st_size > LARGEST:
            raise RegistryError("population", "the file is too large", hint="keep one state, or compress it")
        made = put_in_force(store(), read(path, ages=ages, state=state), label)
    flash(f"In force: {made.label}, {made.counties} counties, {made.years[0]}–{made.years[1]}.", "success")
    return redirect(url_for("populations.index"), 303)
