"""Who asks for survival, as far as numbers are concerned: which facility, which items, which size of group.

Whoever may open each case by name learns nothing from a small group; for everyone else it is suppressed. Conditions and
groups on items that say who a person is are refused to accounts that may not know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.analysis.survival_request import Request
from registry.errors import RegistryError
from registry.models import Facility
from registry.security.permissions import Actor, Refused, decide

if TYPE_CHECKING:
    from registry.db import Store


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The facility an account is bound to, and from which size on a group shows.

    `names` tells whether the account sees who a person is; `small` whether it sees groups under the minimum.
    """

    facility: str = ""
    facility_name: str = ""
    names: bool = False
    small: bool = False
    minimum: int = 25

    @property
    def key(self) -> str:
        """What distinguishes the numbers computed for one scope from those for another."""
        return self.facility


def scope_of(store: Store, actor: Actor) -> Scope:
    """Gives the scope of an account: bound to its facility, small groups shown to whom `cases.identify` is granted."""
    number = ""
    if actor.facility_id is not None:
        with store.reading() as session:
            facility = session.get(Facility, actor.facility_id)
            if facility is None:
                raise RegistryError("not-found", "the facility of this account does not exist")
            number = facility.number
    names = bool(decide(actor, "cases.identify"))
    return Scope(
        facility=number,
        facility_name=actor.facility_name,
        names=names,
        small=names,
        minimum=store.settings.survival_minimum,
    )


def check(request: Request, scope: Scope) -> None:
    """Refuses what the scope may not ask: another facility, and items that say who a person is."""
    from registry.views.lists import is_confidential

    if scope.facility and request.facility not in ("", scope.facility):
        raise Refused("Your account reads the cases of its own facility alone.")
    if scope.names:
        return
    asked = [*(c.name for c in request.conditions()), *request.by]
    if found := [name for name in asked if is_confidential(name)]:
        raise Refused(f"To select or group by {found[0]} shows who a person is, which your role may not.")
