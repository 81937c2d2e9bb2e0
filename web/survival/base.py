"""What the survival pages share: the blueprint, the desk that answers, the scope of the account, the request of an address."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, request, url_for

from registry.analysis.survival_answer import Answer, suppress
from registry.analysis.survival_desk import Desk, Failure, Waiting
from registry.analysis.survival_request import Request, from_address, site_label
from registry.analysis.survival_scope import Scope, check, scope_of
from web.pages import actor, store

blueprint = Blueprint("survival", __name__, url_prefix="/survival")

FILES_PATIENCE_SECONDS = 120
"""A file cannot show how far it is: it waits for its numbers."""


def desk() -> Desk:
    """The desk of this process."""
    kept: Desk | None = current_app.extensions.get("survival.desk")
    if kept is None:
        kept = current_app.extensions["survival.desk"] = Desk(store())
    return kept


def scope() -> Scope:
    """The scope of the account that asks."""
    return scope_of(store(), actor())


def asked() -> Request:
    """The request of this address."""
    return from_address(request.args.to_dict(flat=False))


def answered(wanted: Request, *, patience: float | None = None) -> Answer | Waiting | Failure:
    """The answer as this account may see it, or how far it is, or why there is none."""
    seen = scope()
    # before anything kept is looked at: what one account may ask, another may not
    check(wanted, seen)
    found = desk().ask(wanted, seen, who=actor().username, **({} if patience is None else {"patience": patience}))
    return suppress(found, minimum=seen.minimum, small_shown=seen.small) if isinstance(found, Answer) else found


def address(endpoint: str, wanted: Request, **more: Any) -> str:
    """The address of a page with every choice in it."""
    values: dict[str, Any] = {}
    for name, value in wanted.pairs():
        values.setdefault(name, []).append(value)
    return url_for(f"survival.{endpoint}", **values, **more)


def title_of(wanted: Request) -> str:
    """What the analysis is, in a line."""
    from registry.analysis.survival_groups import title_of as group_title

    text = f"{site_label(wanted.site)}: {wanted.way.measure[0].lower()}{wanted.way.measure[1:]}"
    if wanted.by:
        text += " by " + " and ".join(group_title(name).lower() for name in wanted.by)
    return text
