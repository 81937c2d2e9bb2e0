"""The demo's tour: the day of each person as a few steps, each a page of this program, and what is not built yet."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from flask import Blueprint, current_app, redirect, request, session, url_for

from web import identity
from web.pages import actor, page, render, settings

blueprint = Blueprint("tour", __name__, url_prefix="/tour")


@dataclass(frozen=True)
class Step:
    """One step of a day: when, what, and the page that shows it."""

    at: str
    title: str
    text: str
    url: str


@cache
def _days() -> dict[str, Any]:
    return tomllib.loads((files("web.tour") / "days.toml").read_text(encoding="utf-8"))


def _day() -> dict[str, Any]:
    roles = actor().roles
    return next((_days()[role] for role in roles if role in _days()), _days()["registrar"])


def _may_open(endpoint: str) -> bool:
    """Whether this program has the page and this person may open it."""
    view = current_app.view_functions.get(endpoint)
    return view is not None and actor().may(getattr(view, "permission", "home"))


@page(blueprint, "/", permission="home")
def index():
    """The tour of this person's day."""
    day = _day()
    steps = [
        Step(step["at"], step["title"], step["text"], url_for(step["endpoint"]))
        for step in day["steps"]
        if _may_open(step["endpoint"])
    ]
    return render("tour/index.html", day=day, steps=steps, missing=_days()["not_built"]["items"])


@blueprint.before_app_request
def _welcome():
    """Opens the tour at a demo account's first page of a session; every page works without it."""
    if not settings().demo or request.endpoint != "home.index" or identity.actor() is None or "toured" in session:
        return None
    session["toured"] = True
    return redirect(url_for("tour.index"), code=303)
