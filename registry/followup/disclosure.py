"""To whom a value of follow-up may be passed on: every death value carries the rule of the source that gave it.

A value that no hospital may see is kept in an account of its source's own and never in a hospital's; so pages, letters and
files of a hospital, which read its own accounts, cannot tell of it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.errors import RegistryError
from registry.models.followup import ValueSource

LETTERS, HOSPITAL, RETURN_FILE, RESEARCH = "letters", "hospital", "return_file", "research"
INTERSTATE = "interstate"
AUDIENCES = (LETTERS, HOSPITAL, RETURN_FILE, RESEARCH, INTERSTATE)

CHUNK = 500


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule of redisclosure: its name and whom it lets see the value."""

    id: str
    title: str
    letters: bool
    hospital: bool
    return_file: bool
    research: bool
    interstate: bool

    def allows(self, audience: str) -> bool:
        """Whether the value may reach an audience; an unknown audience is a fault of ours."""
        if audience not in AUDIENCES:
            raise LookupError(f"no audience {audience!r}")
        return bool(getattr(self, audience))


@cache
def redisclosure_rules() -> dict[str, Rule]:
    """Gives the shipped rules by name."""
    text = (files("registry.followup") / "data" / "redisclosure.toml").read_text(encoding="utf-8")
    return {row["id"]: Rule(**row) for row in tomllib.loads(text)["rule"]}


def redisclosure(name: str) -> Rule:
    """Gives a rule by name; an unknown one is an error that lists those there are."""
    if name not in redisclosure_rules():
        known = ", ".join(redisclosure_rules())
        raise RegistryError("rule-set", f"no redisclosure rule {name!r}", hint=f"known: {known}")
    return redisclosure_rules()[name]


def withheld(session: Session, patient_ids: Iterable[int], audience: str) -> dict[int, set[int]]:
    """Gives by patient the items whose value in force rests on a source that may not reach the audience."""
    ids, found = sorted(set(patient_ids)), {}
    for start in range(0, len(ids), CHUNK):
        query = (
            select(ValueSource.patient_id, ValueSource.item, ValueSource.redisclosure)
            .where(ValueSource.patient_id.in_(ids[start : start + CHUNK]), ValueSource.withdrawn_at.is_(None))
            .order_by(ValueSource.id)
        )
        rules: dict[tuple[int, int], list[str]] = {}
        for patient_id, item, rule in session.execute(query):
            rules.setdefault((patient_id, item), []).append(rule)
        for (patient_id, item), names in rules.items():
            # several sources may say the same: one that may be passed on is enough
            if not any(redisclosure(name).allows(audience) for name in names):
                found.setdefault(patient_id, set()).add(item)
    return found
