"""The county's page: its figure beside the state's, the trend of both, and what led to it."""

from __future__ import annotations

from flask import Response

from web.atlas.base import asked, blueprint, desk, policy, refuse_bound
from web.atlas.tables import summary
from web.pages import page, render


@page(blueprint, "/county/<code>", permission="analysis")
def county(code: str) -> Response:
    """One county."""
    refuse_bound()
    wanted = asked()
    desk().area().place(code)
    found = summary(desk(), wanted, policy())
    return render("atlas/county.html", wanted=wanted, found=found, code=code)
