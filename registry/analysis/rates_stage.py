"""Where the definition of stage changed within the years of an answer: figures by stage compare unlike things across it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from abstracting.recodes.stage import breaks_between

if TYPE_CHECKING:
    from registry.analysis.rates import Answer
    from registry.analysis.rates_request import Request


def is_by_stage(asked: Request) -> bool:
    """Whether the figures of a request depend on stage."""
    return bool(asked.stage) or asked.measure == "late"


def stage_breaks(asked: Request, first: int, last: int) -> dict[int, str]:
    """Gives the years of diagnosis within which the definition of stage changed, with what changed; none without stage."""
    return breaks_between(first, last) if is_by_stage(asked) else {}


def breaks_of(found: Answer) -> dict[int, str]:
    """Gives the breaks within the years of an answer, or, where counties have trends, within the years these are fitted to."""
    asked, (first, last) = found.request, found.years
    if asked.trend and asked.measure in ("rate", "crude") and len(found.parts) == 1:
        first = found.area.years[0]
    return stage_breaks(asked, first, last)


def in_words(breaks: Mapping[int, str]) -> str:
    """Gives the sentence for pages and files; empty without breaks."""
    if not breaks:
        return ""
    changed = "; ".join(f"{year}: {what}" for year, what in breaks.items())
    return f"The definition of stage changed within these years ({changed}). Differences across such a year may come from it."
