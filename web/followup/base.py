"""What every follow-up page stands on: whose patients, by which rule set, on which day; computed once while nothing changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from threading import Lock
from typing import Any

from flask import current_app, request, session
from sqlalchemy.orm import Session

from registry.followup import lists, rules
from registry.followup.lists import Clinic
from registry.followup.renewal import renewed
from registry.followup.standing import Standing, stamp, standing
from web.pages import actor

KEPT_PEOPLE = 300_000
"""Standings are kept until they hold so many people together; each holds every patient of one facility."""

_lock = Lock()


@dataclass(frozen=True)
class Choice:
    """What the page is about: a facility (None for all), a rule set, a day, and the facilities that may be chosen."""

    facility: Clinic | None
    facilities: tuple[Clinic, ...]
    rules: rules.RuleSet
    as_of: date

    @property
    def facility_id(self) -> int | None:
        return self.facility.id if self.facility else None

    @property
    def today(self) -> bool:
        return self.as_of == date.today()

    @property
    def ahead(self) -> bool:
        """Whether the day is still to come: the standing is then what will be if nobody is heard of."""
        return self.as_of > date.today()

    @property
    def where(self) -> str:
        """The facility in words."""
        return self.facility.name if self.facility else "All facilities"


def choice(db: Session) -> Choice:
    """The choice of this session, changed by what the address says; an account bound to a facility has no other."""
    who, kept = actor(), dict(session.get("followup", {}))
    for name in ("facility", "rules", "as_of"):
        if name in request.args:
            kept[name] = request.args[name]
    clinics = tuple(c for c in lists.facilities(db) if who.facility_id in (None, c.id))
    wanted = who.facility_id if who.facility_id is not None else kept.get("facility", "")
    chosen = next((c for c in clinics if str(c.id) == str(wanted)), None)
    name = kept.get("rules") if kept.get("rules") in rules.rule_sets() else rules.DEFAULT
    found = Choice(chosen, clinics, rules.rule_set(name), _day(kept.get("as_of", "")))
    # a day in the past is asked for on purpose and for one look; facility and rule set stay
    session["followup"] = {"facility": str(found.facility_id or ""), "rules": name}
    return found


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return date.today()


def now_standing(db: Session, chosen: Choice) -> Standing:
    """Gives the standing of the choice: the one computed before where nothing was saved since, else brought up to date."""
    who = actor()
    whose = (chosen.facility_id, chosen.rules.id, who.facility_id is not None)
    key = (*whose, chosen.as_of)
    mark = stamp(db)
    kept: dict[Any, tuple[Any, Standing]] = current_app.extensions.setdefault("followup.standings", {})
    with _lock:
        found = kept.get(key) or next((kept[other] for other in reversed(kept) if other[:-1] == whose), None)
    if found is not None and found[0] == mark and found[1].as_of == chosen.as_of:
        return found[1]
    made = renewed(db, found[1], found[0], mark, as_of=chosen.as_of) if found is not None else None
    if made is None:
        made = standing(
            db,
            chosen.rules,
            as_of=chosen.as_of,
            facility_id=chosen.facility_id,
            own=who.facility_id is not None,
        )
    with _lock:
        kept.pop(key, None)
        kept[key] = (mark, made)
        # the one in use stays, however many people it holds
        while len(kept) > 1 and sum(len(one.people) for _, one in kept.values()) > KEPT_PEOPLE:
            kept.pop(next(iter(kept)))
    return made
