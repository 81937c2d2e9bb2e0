"""Linkage: the review queue, one pair, tumors of linked persons, every decision, and how a person is made up of reports."""

from __future__ import annotations

from flask import Blueprint

from web.navigation import Entry

blueprint = Blueprint("linkage", __name__, url_prefix="/linkage")
TABS = [
    ("Persons", "linkage.index"),
    ("Tumors", "linkage.tumors"),
    ("Decisions", "linkage.decisions"),
]
navigation = [
    Entry(
        "Linkage",
        "linkage.index",
        "Registry",
        "person-check",
        "cases.read",
        keys="g p",
        words="duplicates same person pairs review merge unlink",
    ),
]


@blueprint.context_processor
def _values() -> dict[str, object]:
    from registry.views.linkage import STATES

    return {"linkage_tabs": lambda: TABS, "pair_states": STATES}


from web.linkage import log, pair, queue, tumors  # noqa: E402,F401  (they add their routes to the blueprint)
