"""A central registry's work: what facilities send, what goes back to them, exchange with other states, death clearance."""

from __future__ import annotations

from flask import Blueprint

from web.navigation import Entry

blueprint = Blueprint("state", __name__, url_prefix="/state")
TABS = [
    ("Submissions", "state.submissions"),
    ("Rejected cases", "state.rejected"),
    ("Changes", "state.changed"),
    ("Other states", "state.exchange"),
    ("Deaths", "state.deaths"),
    ("Duplicates", "state.duplicates"),
    ("Values left open", "consolidation.index"),
    ("Sent", "state.sent"),
]
navigation = [
    Entry(
        "State work",
        "state.submissions",
        group="Exchange",
        icon="building-up",
        permission="state",
        keys="g w",
        whole=True,
        words="central registry submissions expected received returns rejected interstate death clearance duplicates sent",
    )
]


@blueprint.context_processor
def _values() -> dict[str, object]:
    return {"state_tabs": lambda: TABS}


from web.state import deaths, duplicates, exchange, returns, sent, submissions  # noqa: E402,F401  (they add their routes to the blueprint)
