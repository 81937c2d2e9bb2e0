"""The drawing of a time line: one lane a kind, a dot a day, dots that would touch as one with their count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from registry.views.timeline import Moment

LEFT, RIGHT, LANE, TOP, WIDTH = 150.0, 24.0, 26.0, 26.0, 1000.0
TOUCHING = 15.0
MOST_YEARS = 14
"""So many years are written under the lanes at most."""


@dataclass(frozen=True)
class Dot:
    """One dot: its place, and how many events it stands for."""

    x: float
    y: float
    count: int
    kind: str


@dataclass(frozen=True)
class Drawing:
    """Lanes with their titles, dots and years, in a box `WIDTH` wide and `height` high."""

    height: float
    lanes: tuple[tuple[str, float], ...]
    dots: tuple[Dot, ...]
    years: tuple[tuple[int, float], ...]
    first: date
    last: date
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP


def draw(moments: Sequence[Moment], kinds: Mapping[str, str]) -> Drawing | None:
    """Gives the drawing of dated events; None where fewer than two days are known."""
    dated = [(moment.earliest, moment.kind) for moment in moments if moment.earliest is not None]
    days = {day for day, _ in dated}
    if len(days) < 2:
        return None
    first, last = date(min(days).year, 1, 1), date(max(days).year, 12, 31)
    long = (last - first).days

    def at(day: date) -> float:
        return round(LEFT + (day - first).days / long * (WIDTH - LEFT - RIGHT), 1)

    used = [kind for kind in kinds if any(kind == other for _, other in dated)]
    dots: list[Dot] = []
    for n, kind in enumerate(used):
        y = TOP + LANE * (n + 0.5)
        gathered: list[list[float]] = []
        for x in sorted(at(day) for day, other in dated if other == kind):
            if gathered and x - gathered[-1][0] < TOUCHING:
                gathered[-1].append(x)
            else:
                gathered.append([x])
        dots += [Dot(round(sum(xs) / len(xs), 1), y, len(xs), kind) for xs in gathered]
    step = max(1, -(-(last.year - first.year + 1) // MOST_YEARS))
    years = tuple((year, at(date(year, 1, 1))) for year in range(first.year, last.year + 1, step))
    lanes = tuple((kinds[kind], TOP + LANE * (n + 0.5)) for n, kind in enumerate(used))
    return Drawing(TOP + LANE * len(used) + 8, lanes, tuple(dots), years, first, last)
