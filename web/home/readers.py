"""What the start page holds for those who read the registry: data as of when, saved analyses, what a central registry owes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import url_for

from registry.security.permissions import Actor
from web.pages import reading, settings, store

MOST = 5


@dataclass(frozen=True)
class Tile:
    """One number of the start page, the list it opens, and how pressing it is."""

    value: int
    label: str
    href: str
    note: str
    kind: str = ""


def analysis(who: Actor) -> dict[str, Any]:
    """Gives the state of the data and the latest analyses: saved survival reports, annual reports, scans."""
    from registry.analysis import snapshot, survival_asked, survival_saved
    from web.survival.base import scope, title_of

    with reading() as session:
        saved = survival_saved.remembered(session, who)[:MOST]
        reports = survival_asked.asked_reports(session, scope().facility)[:MOST]
        # rates and scans are of residents: an account that is bound to a facility has none
        scans = _scans(session) if who.facility_id is None else []
    return {
        "snapshot": snapshot.current(store()),
        "saved": [(one, title_of(one.request)) for one in saved],
        "reports": reports,
        "scans": scans,
        "whole": who.facility_id is None,
    }


def _scans(session: Any) -> list[Any]:
    from registry.analysis.scans_view import listed
    from web.atlas.base import policy

    return listed(session, policy(), most=MOST)


def central(who: Actor) -> list[Tile]:
    """Gives what waits in a central registry for an account that sees all of it; nothing elsewhere."""
    if not (settings().central and who.may("state") and who.facility_id is None):
        return []
    from registry.state import clearance, submissions
    from registry.views import consolidation, linkage

    with reading() as session:
        overdue = submissions.grid(session).overdue
        pairs = linkage.counts(session, who, linkage.Filters())
        left_open = consolidation.waiting(session)
        deaths = clearance.counts(session)[clearance.OPEN]
    waiting = sum(pairs.get(state, 0) for state in linkage.OPEN)
    return [
        Tile(overdue, "Cases overdue", url_for("state.submissions"), "expected from facilities in months that are over", "bad"),
        Tile(waiting, "Pairs to review", url_for("linkage.index"), "reports that may tell of one person", "warn"),
        Tile(left_open, "Values left open", url_for("consolidation.index"), "persons and tumors whose sources differ", "wait"),
        Tile(deaths, "Deaths without a case", url_for("state.deaths"), "certificates that nobody explained yet", "warn"),
    ]  # fmt: skip
