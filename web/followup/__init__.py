"""Follow-up: where a clerk begins the day, due list and calendar, rates, letters, replies, files, annual review."""

from __future__ import annotations

from flask import Blueprint

from web.navigation import Entry

blueprint = Blueprint("followup", __name__, url_prefix="/follow-up")
TABS = [
    ("Today", "followup.index"),
    ("Due list", "followup.due"),
    ("Letters", "followup.letters"),
    ("Replies", "followup.replies"),
    ("Files", "followup.files"),
    ("Review", "followup.review"),
    ("Rates", "followup.rates"),
    ("Productivity", "followup.productivity"),
]
navigation = [
    Entry("Follow-up", "followup.index", "Work", "telephone", "followup", keys="g f", words="due letters replies lost"),
    Entry(
        "Follow-up rates", "followup.rates", "Work", "speedometer2", "followup", keys="g r", words="80 90 target CoC"
    ),
]


@blueprint.context_processor
def _values() -> dict[str, object]:
    from registry.followup.lists import VIEWS
    from registry.followup.rules import rule_sets

    return {"rule_sets": lambda: rule_sets().values(), "views": VIEWS, "followup_tabs": lambda: TABS}


from web.followup import cockpit, letters, lists, outside, patient, replies  # noqa: E402,F401  (they add their routes to the blueprint)
