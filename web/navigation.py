"""Navigation as data: every page module lists its entries; an account sees those that its roles permit."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from flask import Flask, current_app, request, url_for

from registry.security.permissions import PERMISSIONS
from web import identity

GROUPS = ("Work", "Cases", "Exchange", "Analysis", "Registry")
"""The groups in their order; a new page joins one of them."""


@dataclass(frozen=True)
class Entry:
    """One entry: its label, endpoint, group, icon, permission, and the keys that open it (as `g f`).

    `whole` hides it from accounts bound to a facility: its pages concern all facilities.
    """

    label: str
    endpoint: str
    group: str
    icon: str
    permission: str
    keys: str = ""
    words: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    whole: bool = False

    def __post_init__(self) -> None:
        if self.group not in GROUPS or self.permission not in PERMISSIONS:
            raise LookupError(f"navigation entry {self.label!r} names an unknown group or permission")

    @property
    def href(self) -> str:
        """The address of the page."""
        return url_for(self.endpoint, **self.values)

    @property
    def current(self) -> bool:
        """Whether the page shown belongs to this entry."""
        return request.blueprint == self.endpoint.split(".")[0] and (
            request.endpoint == self.endpoint or self is _first_of_blueprint(self.endpoint)
        )


def _first_of_blueprint(endpoint: str) -> Entry | None:
    here = [e for e in entries() if e.endpoint.split(".")[0] == endpoint.split(".")[0]]
    if any(e.endpoint == request.endpoint for e in here):
        return None
    return here[0] if here else None


def entries() -> list[Entry]:
    """All entries of the application, by group and in order of registration."""
    return current_app.extensions["navigation"]


def permitted() -> list[Entry]:
    """The entries that the account may open."""
    actor = identity.actor()
    if actor is None:
        return []
    bound = actor.facility_id is not None
    return [entry for entry in entries() if actor.may(entry.permission) and not (entry.whole and bound)]


def grouped() -> list[tuple[str, list[Entry]]]:
    """The permitted entries by group."""
    return [(group, list(found)) for group, found in groupby(permitted(), key=lambda entry: entry.group)]


def install(app: Flask, found: list[Entry]) -> None:
    """Keeps the entries and gives templates the permitted ones."""
    app.extensions["navigation"] = sorted(found, key=lambda entry: GROUPS.index(entry.group))
    app.jinja_env.globals["navigation"] = grouped
