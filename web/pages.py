"""What views are made with: routes with a permission, sessions of the store, lists with their twins, logged reads."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any

from flask import Blueprint, Flask, Response, current_app, g, jsonify, render_template, request, session
from sqlalchemy.orm import Session

from registry import audit
from registry.config import Settings
from registry.db import Store
from registry.security.permissions import PERMISSIONS, Actor, require
from web import identity
from web.tables import PAGE_SIZE, TWIN_SIZE, Paging, Table

TWINS = ("csv", "json")
SEARCH_LOG_SECONDS = 60


def page(
    blueprint: Blueprint, rule: str, *, permission: str, methods: tuple[str, ...] = ("GET",), twins: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes a route that only holders of the permission reach; `twins` serves the list as `.csv` and `.json` too."""
    if permission not in PERMISSIONS:
        raise LookupError(f"unknown permission {permission!r} on {rule}")

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            require(actor(), permission)
            return view(*args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]
        blueprint.add_url_rule(rule, view.__name__, guarded, methods=list(methods))
        if twins:
            stem = rule.rstrip("/") or "/all"
            for twin in TWINS:
                blueprint.add_url_rule(
                    f"{stem}.{twin}", f"{view.__name__}_{twin}", _twin(guarded, twin, permission), methods=["GET"]
                )
        return guarded

    return decorate


def _twin(view: Callable[..., Any], twin: str, permission: str) -> Callable[..., Any]:
    @wraps(view)
    def answer(*args: Any, **kwargs: Any) -> Any:
        g.twin = twin
        return view(*args, **kwargs)

    answer.permission = permission  # type: ignore[attr-defined]
    return answer


def actor() -> Actor:
    """Who asks; only signed-in accounts get this far."""
    found = identity.actor()
    if found is None:
        raise LookupError("a view ran without a signed-in account")
    return found


def settings() -> Settings:
    """The installation's settings."""
    return current_app.extensions["settings"]


def store() -> Store:
    """The open store."""
    return current_app.extensions["store"]


def reading() -> AbstractContextManager[Session]:
    """A session for reading."""
    return store().reading()


def writing() -> AbstractContextManager[Session]:
    """A session that commits at its end."""
    return store().writing()


def is_fragment() -> bool:
    """Whether htmx asks for a part of the page and not for the whole."""
    return request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers


def render(template: str, *, block: str = "", status: int = 200, **values: Any) -> Response:
    """Gives the page, or for htmx the named block of it alone."""
    if block and is_fragment():
        found = current_app.jinja_env.get_template(template)
        current_app.update_template_context(values)
        context = found.new_context(values)
        return Response("".join(found.blocks[block](context)), status=status, mimetype="text/html")
    return Response(render_template(template, **values), status=status, mimetype="text/html")


def paging(default_sort: str = "") -> Paging:
    """The page, size and order asked for; a twin asks for many rows at once."""
    number = request.args.get("page", "1")
    current = int(number) if number.isdigit() and 0 < int(number) < 100_000 else 1
    twin = g.get("twin")
    return Paging(1 if twin else current, TWIN_SIZE if twin else PAGE_SIZE, request.args.get("sort", default_sort))


def render_list(template: str, table: Table, **values: Any) -> Response:
    """Gives a list as the page, as htmx's part of it (block `results`), or as its CSV or JSON twin."""
    twin = g.get("twin")
    if twin == "json":
        return jsonify(name=table.name, rows=table.records(), more=table.more, total=table.total)
    if twin == "csv":
        response = Response("\ufeff" + table.as_csv(), mimetype="text/csv")
        response.headers["Content-Disposition"] = f'attachment; filename="{table.name}.csv"'
        if table.more:
            response.headers["X-Rows-Left-Out"] = "true"
        return response
    return render(template, block="results", table=table, **values)


def log_read(what: str, *, patient_id: int | None = None, purpose: str = "", **detail: Any) -> None:
    """Writes one read of identified data into the access log."""
    with writing() as db:
        audit.log_access(db, what, who=actor().username, patient_id=patient_id, purpose=purpose, detail=detail)


def log_search(what: str, results: int) -> None:
    """Writes a search into the access log, at most one a minute and session: as-you-type must not flood it."""
    last = session.get("searched", 0)
    if time.time() - last > SEARCH_LOG_SECONDS:
        session["searched"] = int(time.time())
        log_read(what, results=results)


def masked(name: str, patient_id: int | None = None) -> str:
    """Gives the name to those who may see it, else initials."""
    if not name or actor().identifies(patient_id):
        return name
    return "".join(f"{part[0]}··· " for part in name.split()).strip()


def install(app: Flask) -> None:
    """Checks that no route was left without a permission; what is public says so."""
    for endpoint, view in app.view_functions.items():
        if endpoint.startswith("security.") or getattr(view, "public", False):
            continue
        if not hasattr(view, "permission"):
            raise LookupError(f"route {endpoint!r} has no permission; make it with web.pages.page")
    app.jinja_env.globals["masked"] = masked
