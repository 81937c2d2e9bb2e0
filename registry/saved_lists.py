"""Lists that people keep: saved under a name, private or shared. A shared list shares its definition, never its rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from registry.errors import RegistryError
from registry.models import SavedList
from registry.security.permissions import Actor
from registry.selection import parse
from registry.views.lists import Definition, is_confidential


@dataclass(frozen=True)
class Saved:
    """One saved list; `open` tells whether the reader may use it (it filters by nothing that they may not see)."""

    id: int
    name: str
    kind: str
    owner: str
    shared: bool
    definition: Definition
    updated_at: datetime
    mine: bool
    open: bool


def _saved(row: SavedList, actor: Actor) -> Saved:
    definition = Definition.of(row.definition)
    confidential = any(is_confidential(condition.name) for condition in parse(definition.conditions))
    return Saved(
        row.id,
        row.name,
        row.kind,
        row.owner,
        row.shared,
        definition,
        row.updated_at,
        row.owner == actor.username,
        not confidential or actor.may("cases.identify"),
    )


SURVIVAL = "survival"
"""Kind of saved survival reports, which have a page of their own."""


def mine_and_shared(session: Session, actor: Actor) -> list[Saved]:
    """Gives the reader's own lists and those that others share, by name."""
    mine = or_(SavedList.owner == actor.username, SavedList.shared)
    query = select(SavedList).where(mine, SavedList.kind != SURVIVAL)
    return [_saved(row, actor) for row in session.scalars(query.order_by(SavedList.name, SavedList.id))]


def load(session: Session, actor: Actor, number: int) -> Saved:
    """Gives a list of one's own or a shared one; any other is `not-found`."""
    row = session.get(SavedList, number)
    if row is None or not (row.shared or row.owner == actor.username):
        raise RegistryError("not-found", f"there is no list {number}, or none that is shared with you")
    return _saved(row, actor)


def save(
    session: Session, actor: Actor, name: str, definition: Definition, *, shared: bool, kind: str = "cases"
) -> int:
    """Keeps a definition under a name; one's own list of that name is replaced. Gives its number."""
    name = name.strip()[:120]
    if not name:
        raise RegistryError("selection", "a saved list needs a name", hint="give one and save again")
    query = select(SavedList).where(SavedList.owner == actor.username, SavedList.kind == kind, SavedList.name == name)
    row = session.scalars(query).one_or_none()
    if row is None:
        row = SavedList(kind=kind, name=name, owner=actor.username)
        session.add(row)
    row.definition, row.shared = definition.as_dict(), shared
    session.flush()
    return row.id


def remove(session: Session, actor: Actor, number: int) -> None:
    """Removes a list of one's own."""
    row = session.get(SavedList, number)
    if row is None or row.owner != actor.username:
        raise RegistryError("not-found", f"there is no list {number} of yours")
    session.delete(row)
