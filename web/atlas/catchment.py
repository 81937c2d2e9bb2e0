"""The atlas of an account that is bound to a facility: counts, catchment and stages, and why there are no rates."""

from __future__ import annotations

from flask import Response

from registry.analysis.rates import short_name
from registry.analysis.rates_catchment import catchment
from registry.analysis.rates_request import Request
from registry.models import Facility
from web.atlas.base import desk, policy, why_not
from web.atlas.choices import choices
from web.pages import actor, reading, render_list
from web.tables import Column, Table


def show(wanted: Request) -> Response:
    """The page, and its twins."""
    with reading() as session:
        facility = session.get_one(Facility, actor().facility_id)
    found = catchment(desk(), wanted, policy(), facility.number)
    columns = [
        Column("county", "County of residence", lambda r: f"{short_name(r[0])}"),
        Column("cases", "Cases", lambda r: r[1], kind="number"),
        Column("share", "Share of your cases, %", lambda r: None if r[2] is None else round(r[2], 1), kind="number"),
        Column("note", "Note", lambda r: "" if r[1] is not None else "suppressed"),
    ]
    table = Table("catchment", "Cases by county of residence", columns, list(found.counties), total=len(found.counties))
    return render_list(
        "atlas/catchment.html",
        table,
        wanted=wanted,
        found=found,
        facility=facility.name or facility.number,
        why=why_not(),
        offered=choices(desk(), wanted),
    )
