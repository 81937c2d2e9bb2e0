"""Accounts as an administrator reads them, and the facilities that one may be bound to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.errors import RegistryError
from registry.models import Facility
from registry.security.accounts import ENDED, IN, Account, SignIn


@dataclass(frozen=True)
class AccountLine:
    """One account."""

    id: int
    username: str
    full_name: str
    roles: tuple[str, ...]
    facility_id: int | None
    facility: str
    active: bool
    second_factor: bool
    last_sign_in: datetime | None


def account(session: Session, number: int) -> Account:
    """Gives the account's row, or `not-found`."""
    found = session.get(Account, number)
    if found is None:
        raise RegistryError("not-found", f"there is no account {number}")
    return found


def accounts_list(session: Session) -> list[AccountLine]:
    """Gives every account by sign-in name."""
    found = session.scalars(select(Account).order_by(Account.username)).unique().all()
    query = select(SignIn.username, func.max(SignIn.at)).where(SignIn.outcome.in_((IN, ENDED)))
    last = dict(session.execute(query.group_by(SignIn.username)).tuples().all())
    return [_line(row, last.get(row.username)) for row in found]


def account_line(session: Session, number: int) -> AccountLine:
    """Gives one account."""
    row = account(session, number)
    query = select(func.max(SignIn.at)).where(SignIn.username == row.username, SignIn.outcome.in_((IN, ENDED)))
    return _line(row, session.scalar(query))


def _line(row: Account, last: datetime | None) -> AccountLine:
    return AccountLine(
        row.id,
        row.username,
        row.full_name,
        tuple(grant.role for grant in row.grants),
        row.facility_id,
        row.facility.name if row.facility else "",
        row.active,
        bool(row.tf_primary_method),
        last,
    )


def facilities(session: Session) -> list[tuple[int, str]]:
    """Gives the facilities by name, as (id, name)."""
    query = select(Facility.id, Facility.name).where(Facility.active.is_(True)).order_by(Facility.name)
    return [(number, name) for number, name in session.execute(query)]
