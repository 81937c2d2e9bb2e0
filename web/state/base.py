"""What every page of state work stands on: it concerns all facilities, so an account bound to one is refused."""

from __future__ import annotations

from registry.security.permissions import Actor, Refused
from web.pages import actor


def whole() -> Actor:
    """Gives who asks; an account bound to one facility is refused, because these pages show all of them."""
    who = actor()
    if who.facility_id is not None:
        raise Refused(
            "State work concerns all facilities; your account belongs to one.",
            hint="An account without a facility sees it.",
        )
    return who
