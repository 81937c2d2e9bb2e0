"""The choices of the atlas as menus: key and label."""

from __future__ import annotations

from dataclasses import dataclass

from registry.analysis import rates_request as asking
from registry.analysis.cases_request import BEHAVIORS, OLDEST, SEXES
from registry.analysis.rates_desk import Desk
from registry.analysis.survival_request import sites
from registry.errors import RegistryError

Menu = list[tuple[str, str]]


@dataclass(frozen=True)
class Choices:
    """Every menu of the form; `years` are the declared ones."""

    sites: Menu
    sexes: Menu
    ages_from: Menu
    ages_to: Menu
    years: list[int]
    measures: Menu
    behaviors: Menu
    stages: Menu
    rules: Menu
    standards: Menu
    intervals: Menu
    frames: Menu
    classes: Menu
    palettes: Menu


def choices(desk: Desk, wanted: asking.Request) -> Choices:
    """Gives the menus; without declared years the years stay empty."""
    try:
        years = list(desk.area().years)
    except RegistryError:
        years = []
    return Choices(
        sites=[("", "All sites"), *((s.name, "\u2003" * s.depth + s.label) for s in sites().values())],
        sexes=list(SEXES.items()),
        ages_from=[("", "0")] + [(str(age), str(age)) for age in range(5, OLDEST + 1, 5)],
        ages_to=[("", "oldest")] + [(str(age), str(age)) for age in range(4, OLDEST, 5)],
        years=years,
        measures=[(one.name, one.title) for one in asking.MEASURES.values()],
        behaviors=list(BEHAVIORS.items()),
        stages=list(asking.STAGES.items()),
        rules=list(asking.RULES.items()),
        standards=list(asking.STANDARDS.items()),
        intervals=list(asking.INTERVALS.items()),
        frames=list(asking.FRAMES.items()),
        classes=list(asking.CLASSES.items()),
        palettes=list(asking.PALETTES.items()),
    )
