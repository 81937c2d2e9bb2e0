"""What the linkage pages share: the filters of an address, who may decide, names as this reader may see them."""

from __future__ import annotations

from typing import Any

from flask import flash, request

from registry.errors import RegistryError
from registry.security.permissions import Actor, Refused, require
from registry.views.linkage import WAITING, Filters
from web.pages import actor

LONGEST_WHY = 500


def filters() -> Filters:
    """The filters that the address asks for; without any the pairs that wait."""
    given = request.args
    facility = given.get("facility", "")
    return Filters(
        state=given.get("state", WAITING).replace("all", ""),
        verdict=given.get("verdict", ""),
        conflict=given.get("conflict", ""),
        low=_share(given.get("low", ""), "low"),
        high=_share(given.get("high", ""), "high"),
        facility=int(facility) if facility.isdigit() and len(facility) < 10 else None,
    )


def _share(text: str, name: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise RegistryError("usage", f"{text[:20]!r} is no score", where=name, hint="a score lies between 0 and 1")
    return value


def kept(chosen: Filters) -> dict[str, Any]:
    """The filters as arguments of an address; what asks for nothing is left out."""
    found: dict[str, Any] = {}
    if chosen.state != WAITING:
        found["state"] = chosen.state or "all"
    for name in ("verdict", "conflict", "low", "high", "facility"):
        if getattr(chosen, name) not in ("", None):
            found[name] = getattr(chosen, name)
    return found


def may_decide(who: Actor) -> bool:
    """Whether the account may decide: it changes cases, and it sees whom it decides about."""
    return who.may("cases.edit") and who.may("cases.identify")


def require_sight() -> None:
    """Refuses a decision by an account that would decide about persons whose names it does not see."""
    require(actor(), "cases.edit")
    if not may_decide(actor()):
        raise Refused("Whether two reports are one person is decided by an account that sees names.")


def why_of(form: Any) -> str:
    """The reason that was written, cut to a length that is read."""
    return " ".join(form.get("why", "").split())[:LONGEST_WHY]


def say(fault: RegistryError) -> None:
    """Tells of a refusal with its remedy, above the page that was left."""
    text = fault.message[0].upper() + fault.message[1:]
    flash(f"{text}. {fault.hint[0].upper() + fault.hint[1:]}." if fault.hint else f"{text}.", "error")
