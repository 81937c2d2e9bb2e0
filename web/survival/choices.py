"""The choices of the survival form as menus: key and label, with what the registry has."""

from __future__ import annotations

import time
from dataclasses import dataclass

from flask import current_app
from sqlalchemy.orm import Session

from registry.analysis import survival_request as asking
from registry.analysis.survival_menus import Menus, menus
from registry.analysis.survival_tables import Ascertainment, ascertainment
from registry.security.permissions import Actor
from web.pages import store

Menu = list[tuple[str, str]]
KEPT_SECONDS = 300


@dataclass(frozen=True)
class Choices:
    """Every menu of the form."""

    sites: Menu
    counties: Menu
    facilities: Menu
    groupings: Menu
    methods: list[tuple[str, list[tuple[str, str, str]]]]
    years: tuple[int | None, int | None]
    recorded: Ascertainment | None
    windows: Menu
    standards: Menu
    weightings: Menu
    primaries: Menu
    follow_ups: Menu
    behaviors: Menu
    classes: Menu
    scales: Menu
    sexes: Menu
    stages: Menu


def choices(session: Session, actor: Actor, wanted: asking.Request) -> Choices:
    """Gives the menus for an account: one that is bound to a facility chooses no other."""
    found = _kept(session)
    groupings = [("", "No groups"), *asking.GROUPINGS.items()]
    for name in wanted.by:
        if name not in asking.GROUPINGS:
            from registry.analysis.survival_groups import title_of

            groupings.append((name, f"Item {name}: {title_of(name)}"))
    bound = actor.facility_id is not None
    return Choices(
        sites=[("", "All sites"), *((s.name, "\u2003" * s.depth + s.label) for s in asking.sites().values())],
        counties=[("", "All counties"), *found.counties],
        facilities=[] if bound or len(found.facilities) < 2 else [("", "All facilities"), *found.facilities],
        groupings=groupings,
        methods=_methods(),
        years=(found.first_year, found.last_year),
        recorded=ascertainment(store()),
        windows=list(asking.WINDOWS.items()),
        standards=list(asking.STANDARDS.items()),
        weightings=list(asking.WEIGHTINGS.items()),
        primaries=list(asking.PRIMARIES.items()),
        follow_ups=list(asking.FOLLOW_UPS.items()),
        behaviors=list(asking.BEHAVIORS.items()),
        classes=list(asking.CLASSES.items()),
        scales=list(asking.SCALES.items()),
        sexes=list(asking.SEXES.items()),
        stages=list(asking.STAGES.items()),
    )


def _methods() -> list[tuple[str, list[tuple[str, str, str]]]]:
    groups: dict[str, list[tuple[str, str, str]]] = {}
    for method in asking.METHODS.values():
        head, _, rest = method.title.partition(", ")
        groups.setdefault(head, []).append((method.name, rest or head, method.meaning))
    return list(groups.items())


def _kept(session: Session) -> Menus:
    at, found = current_app.extensions.get("survival.menus", (0.0, None))
    if found is None or time.monotonic() - at > KEPT_SECONDS:
        found = menus(session)
        current_app.extensions["survival.menus"] = (time.monotonic(), found)
    return found
