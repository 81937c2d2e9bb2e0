"""Clusters: set up a scan, see it run, read what it found and what that means; every scan is kept."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.exceptions import NotFound

from geo.maps import MapAssets, map_file, map_pages
from geo.svg import map_svg, svg_to_file
from registry import jobs
from registry.analysis import scans_request as asking
from registry.analysis.disclosure import Policy
from registry.analysis.rates_cases import find_members
from registry.analysis.scans_map import HASH, as_csv, as_geojson, as_json, scan_layer
from registry.analysis.scans_request import ScanRequest, from_address
from registry.analysis.scans_view import Scan, check_tuning, listed, load, view
from registry.errors import RegistryError
from registry.models import Job
from registry.security.permissions import Refused
from web.assets import _read, asset
from web.atlas.base import desk, on_map_page, policy, published, refuse_bound, why_not
from web.atlas.cases import list_cases
from web.atlas.choices import choices
from web.atlas.frame import STYLE
from web.navigation import Entry
from web.pages import actor, page, paging, reading, render, render_list, settings, store
from web.tables import Column, Table

blueprint = Blueprint("clusters", __name__, url_prefix="/clusters")
navigation = [
    Entry(
        "Clusters",
        "clusters.index",
        group="Analysis",
        icon="bullseye",
        permission="analysis",
        keys="g k",
        words="scan statistic satscan kulldorff hot spot outbreak space-time prospective",
    )
]
KINDS = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "pdf": "application/pdf",
    "geojson": "application/geo+json",
    "csv": "text/csv",
    "json": "application/json",
    "html": "text/html",
    "prm": "text/plain",
}


@page(blueprint, "/", permission="analysis")
def index() -> Response:
    """The form, and the scans made so far."""
    if actor().facility_id is not None:
        return render("clusters/refused.html", why=why_not())
    failure, wanted = None, ScanRequest()
    try:
        wanted = from_address(request.args.to_dict(flat=False))
        desk().area()
    except RegistryError as error:
        failure = error
    with reading() as session:
        found = listed(session, policy())
    return render(
        "clusters/index.html",
        wanted=wanted,
        offered=_offered(wanted),
        scans=found,
        failure=failure,
        hides=not policy().sees_all,
    )


def _offered(wanted: ScanRequest) -> dict[str, Any]:
    menus = choices(desk(), wanted.cases)
    return {
        "cases": menus,
        "models": list(asking.MODELS.items()),
        "analyses": list(asking.ANALYSES.items()),
        "shapes": list(asking.SHAPES.items()),
        "rates": list(asking.RATES.items()),
        "overlaps": list(asking.OVERLAPS.items()),
    }


@page(blueprint, "/", permission="analysis", methods=("POST",))
def start() -> Response:
    """Asks for a scan and goes to its page."""
    refuse_bound()
    wanted = from_address(request.form.to_dict(flat=False))
    desk().area()
    check_tuning(wanted, policy())
    number = jobs.ask(store(), "scan", {"pairs": wanted.pairs()}, who=actor().username)
    return redirect(url_for("clusters.show", number=number), 303)


@page(blueprint, "/<int:number>", permission="analysis", twins=True)
def show(number: int) -> Response:
    """One scan: how far it is, or what it found."""
    refuse_bound()
    job = load(store(), number)
    if job.state in (jobs.WAITING, jobs.RUNNING):
        jobs.revive(store(), number)
        job = load(store(), number)
    asked = asking.from_pairs(job.parameters.get("pairs", []))
    found = _view(job, policy()) if job.state == jobs.DONE else None
    response = render_list(
        "clusters/show.html",
        _table(found) if found else _table_of([], None),
        job=job,
        asked=asked,
        found=found,
        again=url_for("clusters.index", **dict(asked.pairs())),
        short=(found.version[:HASH] if found else ""),
        case_choices=dict(asked.cases.with_changes(measure="rate").pairs()),
        may_list=actor().may("cases.read"),
        stale=bool(found) and found.version != desk().snapshot().version,
    )
    if found is not None and request.headers.get("X-Background"):
        # what was polled is there: the page is loaded whole, with its map
        response.headers["HX-Refresh"] = "true"
    return response


def _view(job: Job, seen: Policy) -> Scan:
    if not job.result:
        raise RegistryError("not-found", f"scan {job.id} has no result", hint=job.message or "ask for it again")
    key = ("scan", job.id, seen, desk().snapshot().version, desk().area().sign)
    return desk().keep(key, lambda: view(desk(), job, seen))


def _table(found: Scan) -> Table:
    return _table_of(list(found.clusters), found)


def _table_of(rows: list[Any], found: Scan | None) -> Table:
    columns = [
        Column("rank", "Rank", lambda r: r.rank, kind="number"),
        Column("counties", "Counties", lambda r: ", ".join(name for _, name in r.members)),
        Column("window", "Years", lambda r: r.window or (f"{found.years[0]}–{found.years[1]}" if found else "")),
        Column("observed", "Observed", lambda r: r.observed, kind="number"),
        Column("expected", "Expected", lambda r: r.expected, kind="number"),
        Column("relative_risk", "Relative risk", lambda r: r.relative_risk, kind="number"),
        Column("llr", "LLR", lambda r: r.llr, kind="number"),
        Column("p_value", "p", lambda r: r.p_value),
        Column("radius_km", "Radius, km", lambda r: r.radius_km, kind="number"),
        Column("status", "Note", lambda r: "suppressed" if r.hidden else ""),
    ]
    return Table(
        "clusters",
        "Clusters, most likely first",
        columns,
        rows,
        paging(),
        total=len(rows),
        empty="No window stands out.",
    )


def _done(number: int, seen: Policy) -> Scan:
    refuse_bound()
    return _view(load(store(), number), seen)


def _pages(number: int) -> Any:
    found = _done(number, policy())
    assets = MapAssets(
        asset("leaflet/leaflet.js"),
        asset("leaflet/leaflet.css"),
        url_for("clusters.map_script", number=number),
        url_for("clusters.map_style", number=number),
    )
    key = ("scan map", number, found.policy, desk().snapshot().version, assets.leaflet_js, assets.script)
    return desk().keep(key, lambda: map_pages(scan_layer(found, alone=False), assets))


@page(blueprint, "/<int:number>/cases", permission="cases.read", twins=True)
def cases(number: int) -> Response:
    """The cases of one cluster (`rank`), or of the whole scan; reading them is logged."""
    found = _done(number, policy())
    rank = request.args.get("rank", "")
    one = next((c for c in found.clusters if str(c.rank) == rank), None)
    if rank and one is None:
        raise NotFound
    if one.hidden if one else found.total is None:
        raise Refused(f"Counts under {found.policy.threshold} are hidden for your role, with their cases.")
    members = [code for code, _ in one.members] if one else [place.code for place in found.locations]
    years = one.span if one and one.span else found.years
    title = f"Scan {number}, cluster {one.rank}" if one else f"Scan {number}"
    behind = find_members(desk(), found.request.cases, members, years, f"{title}: {found.title}")
    return list_cases(behind, "cluster cases", (f"Scan {number}", url_for("clusters.show", number=number)))


@page(blueprint, "/<int:number>/map", permission="analysis")
def map_page(number: int) -> Response:
    """The page in the frame."""
    on_map_page()
    return Response(_pages(number).html, mimetype="text/html")


@page(blueprint, "/<int:number>/map.js", permission="analysis")
def map_script(number: int) -> Response:
    """Its script, with the data."""
    return Response(_pages(number).script, mimetype="text/javascript")


@page(blueprint, "/<int:number>/map.css", permission="analysis")
def map_style(number: int) -> Response:
    """Its style."""
    return Response(_pages(number).style + STYLE, mimetype="text/css")


@page(blueprint, "/<int:number>/clusters.<form>", permission="analysis")
def file(number: int, form: str) -> Response:
    """One file of the scan; cut to the published threshold for every account, always with the statement."""
    if form not in KINDS:
        raise NotFound
    found, registry = _done(number, published()), settings().registry_name
    if form in ("csv", "json", "geojson"):
        body: str | bytes = {"csv": as_csv, "json": as_json, "geojson": as_geojson}[form](found, registry)
        body = "\ufeff" + body if form == "csv" else body
    elif form == "prm":
        body = found.settings
    else:
        layer = scan_layer(found, registry=registry)
        body = (
            map_file(layer, leaflet_js=_leaflet("js"), leaflet_css=_leaflet("css"))
            if form == "html"
            else svg_to_file(map_svg(layer), form)
        )
    response = Response(body, mimetype=KINDS[form])
    response.headers["Content-Disposition"] = f'attachment; filename="scan-{number}.{form}"'
    return response


@page(blueprint, "/<int:number>/picture.svg", permission="analysis")
def picture(number: int) -> Response:
    """The map as the page prints it."""
    return Response(map_svg(scan_layer(_done(number, published())), prefix="p-"), mimetype="image/svg+xml")


def _leaflet(kind: str) -> str:
    found = _read(f"leaflet/leaflet.{kind}")
    if found is None:
        raise NotFound
    return found[0].decode()
