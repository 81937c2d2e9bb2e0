"""Who may do what, as data: permissions with their meaning, roles as sets of them, and the rows an actor sees as SQL.

A refusal always carries its reason in words, so that a page can say why and whom to ask. Two limits are independent:

- the **role** says what may be done (`decide`, `require`);
- the **facility** of an account says on which rows (`visible`): a bound account sees the abstracts of its facility, and
  persons and tumors through those abstracts alone. What other facilities reported of the same tumor stays unseen.

Names and numbers of persons need `cases.identify`. Readers without it see masked persons; a state reader may open one
person's identity by giving a purpose (`cases.reveal`), which is written into the access log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, exists, true

from registry.models import Abstract, Patient, PatientRecord, Tumor

PERMISSIONS: dict[str, str] = {
    "home": "open the start page and one's own account",
    "cases.read": "search cases and read abstracts, tumors and their history",
    "cases.identify": "see names, numbers and addresses of persons",
    "cases.reveal": "open one person's identity by giving a purpose, which is logged",
    "cases.edit": "change abstracts, undo changes, decide linkages",
    "followup": "work the follow-up list: contacts, letters, vital status",
    "intake": "receive reports, screen them, accession cases",
    "import": "import files and read the reconciliation reports",
    "export": "export case data and submissions",
    "analysis": "counts, rates, survival, maps and clusters from the live data",
    "analysis.publish": "save and share case lists, declare population-based areas",
    "quality": "completeness, timeliness and measures",
    "state": "a central registry's work: what facilities send, returns, exchange between states, death clearance",
    "state.send": "decide in a central registry's work and send its files: expectations, returns, exchange, submissions",
    "audit": "read the audit chain, the access log and the access report of a patient",
    "accounts": "make accounts, grant roles, end sessions",
    "settings": "facilities, physicians, standards and settings",
    "practice": "code practice exercises and see one's own progress",
    "practice.team": "see how registrars agree in practice, item by item",
    "masters": "keep physicians current: names, identifiers, addresses",
}


@dataclass(frozen=True)
class Role:
    """A role: its name in accounts, its title on pages, what it is for, and what it may do."""

    name: str
    title: str
    meaning: str
    permissions: frozenset[str]


def _role(name: str, title: str, meaning: str, *permissions: str) -> Role:
    unknown = set(permissions) - set(PERMISSIONS)
    if unknown:
        raise LookupError(f"role {name!r} names unknown permissions {sorted(unknown)}")
    return Role(name, title, meaning, frozenset({"home", *permissions}))


ROLES: dict[str, Role] = {
    role.name: role
    for role in (
        _role(
            "administrator",
            "Administrator",
            "runs the registry: accounts, settings, audit; in a small registry also everything else",
            *PERMISSIONS,
        ),
        _role(
            "registrar",
            "Registrar",
            "finds, abstracts and corrects cases",
            "cases.read",
            "cases.identify",
            "cases.edit",
            "followup",
            "intake",
            "import",
            "export",
            "analysis",
            "quality",
            "masters",
            "practice",
        ),
        _role(
            "follow-up",
            "Follow-up",
            "keeps the last contact of every patient current",
            "cases.read",
            "cases.identify",
            "followup",
            "masters",
        ),
        _role(
            "epidemiologist",
            "Epidemiologist",
            "reads incidence, survival and clusters; sees cases without names",
            "cases.read",
            "analysis",
            "analysis.publish",
            "quality",
            "export",
        ),
        _role(
            "state",
            "State reader",
            "reads across all facilities; opens a person's identity only for a stated purpose",
            "cases.read",
            "cases.reveal",
            "analysis",
            "analysis.publish",
            "quality",
            "state",
            "practice.team",
        ),
    )
}


class Refused(Exception):
    """What was asked for is not permitted; `reason` says why and who may change it."""

    code, exit_code, where = "refused", 4, ""

    def __init__(self, reason: str, *, hint: str = "an administrator of this registry grants roles"):
        super().__init__(reason)
        self.message = self.reason = reason
        self.hint = hint


@dataclass(frozen=True)
class Decision:
    """Whether something is permitted, and the reason in words."""

    allowed: bool
    reason: str

    def __bool__(self) -> bool:
        return self.allowed


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who acts: the name for every log, the roles, and the facility that the account is bound to."""

    username: str
    full_name: str = ""
    roles: tuple[str, ...] = ()
    facility_id: int | None = None
    facility_name: str = ""
    revealed: frozenset[int] = field(default_factory=frozenset)

    @property
    def permissions(self) -> frozenset[str]:
        """Everything that the roles permit together."""
        return frozenset().union(*(ROLES[name].permissions for name in self.roles if name in ROLES))

    def may(self, permission: str) -> bool:
        """Whether the roles permit it."""
        return bool(decide(self, permission))

    def identifies(self, patient_id: int | None = None) -> bool:
        """Whether names may be shown: by role, or because this person's identity was opened for a purpose."""
        return self.may("cases.identify") or (patient_id is not None and patient_id in self.revealed)


PROGRAM = Actor(username="oncoregistry", full_name="OncoRegistry", roles=("administrator",))
"""The actor of the command line and of background jobs."""


def decide(actor: Actor, permission: str) -> Decision:
    """Whether the actor may do it, with the reason; an undocumented permission is a fault of ours."""
    meaning = PERMISSIONS[permission]
    for name in actor.roles:
        if name in ROLES and permission in ROLES[name].permissions:
            return Decision(True, f"the role {ROLES[name].title} may {meaning}")
    titles = [ROLES[name].title for name in actor.roles if name in ROLES]
    able = [role.title for role in ROLES.values() if permission in role.permissions]
    held = f"your role is {' and '.join(titles)}" if titles else "your account has no role"
    return Decision(False, f"To {meaning} needs one of the roles {', '.join(able)}; {held}.")


def require(actor: Actor, permission: str) -> None:
    """Raises `Refused` with the reason where the actor may not."""
    decision = decide(actor, permission)
    if not decision:
        raise Refused(decision.reason)


def visible(model: Any, actor: Actor) -> ColumnElement[bool]:
    """The condition under which the actor sees a row of Patient, PatientRecord, Tumor or Abstract."""
    if not actor.may("cases.read"):
        return ~true()
    if actor.facility_id is None:
        return true()
    if model is Abstract:
        return Abstract.facility_id == actor.facility_id
    # row by row from the row asked for: `+ 0` keeps planners without statistics from walking the whole facility instead
    own = Abstract.facility_id + 0 == actor.facility_id
    if model is Tumor:
        return exists().where(Abstract.tumor_id == Tumor.id, own)
    by_record = exists().where(Abstract.record_id == PatientRecord.id, own)
    if model is PatientRecord:
        return by_record
    if model is Patient:
        return exists().where(PatientRecord.patient_id == Patient.id, by_record)
    raise LookupError(f"no rule says who sees rows of {model!r}")
