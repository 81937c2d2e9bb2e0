"""The demo's tours: a few steps through one person's day, and what of it is not built yet."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from flask import current_app, url_for

from registry.demo import FINISHED, LOGINS, Login
from registry.security.permissions import Actor
from web.pages import settings


@dataclass(frozen=True)
class Step:
    """One step: what to see, in a sentence, and where; an empty address where one gets there from another page."""

    title: str
    text: str
    href: str


@dataclass(frozen=True)
class Tour:
    """The steps of one person's day and the titles of those that are not built yet."""

    steps: tuple[Step, ...]
    missing: tuple[str, ...]


@cache
def _rows() -> list[dict[str, str]]:
    text = (files("web") / "tours.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


def is_demo() -> bool:
    """Whether this installation is the demo, whose passwords everybody knows."""
    return (settings().home / FINISHED).is_file()


def demo_logins() -> tuple[Login, ...]:
    """The printed logins in the demo; nothing elsewhere."""
    return LOGINS if is_demo() else ()


def tour(who: Actor) -> Tour:
    """Gives the tour of an account's first role, cut to the pages that this program has and the account may open."""
    steps, missing = [], []
    for row in _rows():
        if row["role"] != who.roles[0]:
            continue
        view = current_app.view_functions.get(row["endpoint"])
        if view is None:
            missing.append(row["title"])
        elif who.may(getattr(view, "permission", "home")):
            steps.append(Step(row["title"], row["text"], _address(row["endpoint"], row["arguments"])))
    return Tour(tuple(steps), tuple(missing))


def _address(endpoint: str, arguments: str) -> str:
    values = dict(part.split("=", 1) for part in arguments.split("&") if part)
    wanted = {name for rule in current_app.url_map.iter_rules(endpoint) for name in rule.arguments}
    return url_for(endpoint, **values) if wanted <= set(values) else ""
