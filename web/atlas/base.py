"""What the atlas pages share: the blueprint, the desk that counts, the policy of the account, the request of an address."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, g, request, url_for

from registry.analysis.disclosure import Policy, policy_of
from registry.analysis.rates_desk import Desk
from registry.analysis.rates_request import Request, from_address
from registry.errors import RegistryError
from web.pages import actor, settings, store

blueprint = Blueprint("atlas", __name__, url_prefix="/atlas")

WHY_NOT = (
    "Rates need the residents of an area below all of their cases. Your account sees the cases of {facility}: some of the "
    "people who live in a county, and people from elsewhere. Their number over a county's population is not an incidence rate."
)


def desk() -> Desk:
    """The desk of this process."""
    kept: Desk | None = current_app.extensions.get("atlas.desk")
    if kept is None:
        kept = current_app.extensions["atlas.desk"] = Desk(store())
    return kept


def policy() -> Policy:
    """What this account may see."""
    return policy_of(settings(), actor())


def published(found: Policy | None = None) -> Policy:
    """The policy of files: cut to the published threshold, or to the account's own where that is higher."""
    found = found or policy()
    highest = max(found.published, found.threshold)
    return Policy(highest, highest)


def asked() -> Request:
    """The request of this address."""
    return from_address(request.args.to_dict(flat=False))


def refuse_bound() -> None:
    """Refuses accounts that are bound to a facility: they never get rates."""
    if actor().facility_id is not None:
        raise RegistryError("refused-rates", why_not(), hint="the page Atlas has your facility's counts", exit_code=4)


def why_not() -> str:
    """Says why an account that is bound to a facility gets no rates."""
    return WHY_NOT.format(facility=actor().facility_name or "one facility")


def address(endpoint: str, wanted: Request, **more: Any) -> str:
    """The address of a page with every choice in it."""
    return url_for(f"atlas.{endpoint}", **dict(wanted.pairs()), **more)


def on_map_page() -> None:
    """Says that this answer stands in a frame, under the policy of maps."""
    g.policy = "map"
