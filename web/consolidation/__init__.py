"""Consolidation: values that the rules left open, every account of a person or tumor side by side, the rules themselves."""

from __future__ import annotations

from flask import Blueprint

from web.navigation import Entry

blueprint = Blueprint("consolidation", __name__, url_prefix="/consolidation")
TABS = [("Values left open", "consolidation.index"), ("Rules", "consolidation.rules")]
navigation = [
    Entry(
        "Consolidation",
        "consolidation.index",
        group="Registry",
        icon="intersect",
        permission="cases.read",
        keys="g b",
        whole=True,
        words="accounts side by side winner conflict values rules replay best value",
    )
]


@blueprint.context_processor
def _values() -> dict[str, object]:
    return {"consolidation_tabs": lambda: TABS}


from web.consolidation import queue, row, rules  # noqa: E402,F401  (they add their routes to the blueprint)
