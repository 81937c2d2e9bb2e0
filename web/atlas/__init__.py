"""The atlas: what to count and for whom; the map, its table, ranks and files; the county's page; all in one address."""

from __future__ import annotations

from flask import Response, current_app

from registry.analysis.rates_desk import divisions_of
from registry.analysis.rates_map import coverage, notes
from registry.analysis.rates_request import Request
from registry.analysis.rates_stage import breaks_of, in_words
from registry.analysis.rates_words import citation, reproduce
from registry.errors import RegistryError
from web.atlas import cases, catchment, county, files, frame  # noqa: F401 (they join the blueprint)
from web.atlas.base import address, asked, blueprint, desk, policy
from web.atlas.choices import choices
from web.atlas.tables import county_table, strip, summary
from web.navigation import Entry
from web.pages import actor, is_fragment, page, render_list, settings

navigation = [
    Entry(
        "Atlas",
        "atlas.index",
        group="Analysis",
        icon="map",
        permission="analysis",
        keys="g m",
        words="incidence rates map county age-adjusted crude sir smoothed trend choropleth",
    )
]


@page(blueprint, "/", permission="analysis", twins=True)
def index() -> Response:
    """The page; htmx gets the results alone. An account bound to a facility sees counts and why it gets no rates."""
    if actor().facility_id is not None:
        return catchment.show(asked())
    wanted, found, failure = Request(), None, None
    try:
        wanted = asked()
        found = summary(desk(), wanted, policy())
    except RegistryError as error:
        # what was chosen stays in the form: the fault is shown where the map would be
        failure = error
    table = county_table(found, actor()) if found else strip()
    response = render_list(
        "atlas/index.html",
        table,
        wanted=wanted,
        found=found,
        failure=failure,
        here=address("index", wanted),
        address=lambda endpoint, **more: address(endpoint, wanted, **more),
        notes=notes(found.answer, settings().registry_name) if found else [],
        coverage=coverage(found.answer) if found else "",
        stage_breaks=in_words(breaks_of(found.answer)) if found else "",
        reproduce=reproduce(found.answer) if found else [],
        citation=citation(found.answer, settings().registry_name) if found else "",
        in_reserve=bool(found) and desk().in_reserve(wanted, policy().threshold),
        too_many=not policy().sees_all and len(divisions_of(wanted)) > 1,
        routes=lambda: current_app.view_functions,
        may_list=actor().may("cases.read"),
        **({} if is_fragment() else {"offered": choices(desk(), wanted)}),
    )
    if is_fragment() and failure is None:
        response.headers["HX-Push-Url"] = address("index", wanted)
    return response


__all__ = ["blueprint", "navigation"]
