"""Saved survival reports: the choices of a request under a name, kept by their owner, shared when the owner says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from registry.analysis.survival_request import Request, from_pairs
from registry.errors import RegistryError
from registry.models import SavedList
from registry.security.permissions import Actor

KIND = "survival"


@dataclass(frozen=True)
class Saved:
    """One saved report."""

    id: int
    name: str
    owner: str
    shared: bool
    at: datetime
    request: Request


def _of(row: SavedList) -> Saved:
    pairs = [(str(name), str(value)) for name, value in row.definition.get("pairs", [])]
    return Saved(row.id, row.name, row.owner, row.shared, row.updated_at, from_pairs(pairs))


def remembered(session: Session, actor: Actor) -> list[Saved]:
    """Gives the reports of an account and the shared ones, by name."""
    mine = or_(SavedList.owner == actor.username, SavedList.shared.is_(True))
    rows = session.scalars(select(SavedList).where(SavedList.kind == KIND, mine).order_by(SavedList.name))
    return [_of(row) for row in rows]


def load(session: Session, actor: Actor, number: int) -> Saved | None:
    """Gives one report that the account may open."""
    row = session.get(SavedList, number)
    if row is None or row.kind != KIND or not (row.shared or row.owner == actor.username):
        return None
    return _of(row)


def keep(session: Session, actor: Actor, name: str, request: Request, *, shared: bool) -> Saved:
    """Saves a request under a name; the same name of the same owner is replaced."""
    name = " ".join(name.split())[:120]
    if not name:
        raise RegistryError("selection", "a saved report needs a name", hint="type a name and save again", exit_code=2)
    row = session.scalars(
        select(SavedList).where(SavedList.kind == KIND, SavedList.owner == actor.username, SavedList.name == name)
    ).one_or_none()
    if row is None:
        row = SavedList(kind=KIND, name=name, owner=actor.username)
        session.add(row)
    row.definition = {"pairs": [list(pair) for pair in request.pairs()]}
    row.shared = shared
    session.flush()
    return _of(row)


def forget(session: Session, actor: Actor, number: int) -> bool:
    """Takes a report away; gives whether it was the actor's own."""
    row = session.get(SavedList, number)
    if row is None or row.kind != KIND or row.owner != actor.username:
        return False
    session.delete(row)
    return True
