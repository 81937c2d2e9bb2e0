"""Accounts: who may sign in, with which roles, bound to which facility; and the log of sign-ins that locks them.

The one module of the store that knows Flask-Security: its mixins make `Account` a user of the web application. Roles
are not a table: they are fixed in `registry.security.permissions`, an account holds their names.
"""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from flask_security import RoleMixin, UserMixin
from sqlalchemy import ForeignKey, Index, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from registry import audit
from registry.models import Base, Facility, now
from registry.models.base import Document, Versioned
from registry.security.permissions import ROLES, Actor

CHAIN = "account"
"""The audit chain of accounts: every grant and every change of one."""

IN, ENDED, WRONG, LOCKED = "in", "ended", "wrong", "locked"

LOCK_AFTER, LOCK_WINDOW = 5, timedelta(minutes=15)
"""So many wrong answers for one name within the window lock the name until the window has passed."""

ADDRESS_LIMIT = 50
"""So many wrong answers from one address within the window stop that address, whatever the names."""

PASSWORD_LENGTH = 12
_COMMON = ("password", "passwort", "welcome", "letmein", "qwerty", "123456", "abcdef", "registry", "cancer", "hospital")

_hasher = PasswordHasher()


class AccountError(ValueError):
    """An account cannot be made or changed as asked; the text says why."""

    code, hint, where, exit_code = "account", "", "", 2

    @property
    def message(self) -> str:
        """The reason in words."""
        return str(self)


class Account(Versioned, UserMixin, Base):
    """One person who signs in; `username` is the name in every log, `facility_id` the facility they are bound to."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(255), unique=True)
    full_name: Mapped[str] = mapped_column(String(120), default="")
    email: Mapped[str | None] = mapped_column(String(255))
    facility_id: Mapped[int | None] = mapped_column(ForeignKey("facility.id"), index=True)
    active: Mapped[bool] = mapped_column(default=True)
    preferences: Mapped[dict[str, Any]] = mapped_column(default=dict)

    password: Mapped[str | None] = mapped_column(String(255))
    must_change_password: Mapped[bool] = mapped_column(default=False)
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    tf_primary_method: Mapped[str | None] = mapped_column(String(64))
    tf_totp_secret: Mapped[str | None] = mapped_column(String(255))
    mf_recovery_codes: Mapped[list[str] | None] = mapped_column(Document)

    facility: Mapped[Facility | None] = relationship(lazy="joined")
    grants: Mapped[list[RoleGrant]] = relationship(
        back_populates="account", cascade="all, delete-orphan", order_by="RoleGrant.role", lazy="selectin"
    )

    @property
    def roles(self) -> tuple[GrantedRole, ...]:
        """The roles as Flask-Security asks for them."""
        return tuple(GrantedRole(grant.role) for grant in self.grants)

    @property
    def actor(self) -> Actor:
        """The account as the store's services know who acts."""
        return Actor(
            username=self.username,
            full_name=self.full_name or self.username,
            roles=tuple(grant.role for grant in self.grants),
            facility_id=self.facility_id,
            facility_name=self.facility.name if self.facility else "",
        )

    def verify_and_update_password(self, password: str) -> bool:
        """Whether this is the password; a hash made with older parameters is renewed at that moment."""
        if not self.password:
            return False
        try:
            _hasher.verify(self.password, password)
        except VerificationError:
            return False
        if _hasher.check_needs_rehash(self.password):
            self.password = _hasher.hash(password)
        return True


class GrantedRole(RoleMixin):
    """A role by its name, as Flask-Security asks for it."""

    def __init__(self, name: str):
        self.name = name

    def get_permissions(self) -> set[str]:
        """The permissions of the role."""
        return set(ROLES[self.name].permissions)


class RoleGrant(Base):
    """One role held by one account."""

    __tablename__ = "account_role"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(String(20), primary_key=True)
    granted_by: Mapped[str] = mapped_column(String(255), default="")
    granted_at: Mapped[datetime] = mapped_column(default=now)

    account: Mapped[Account] = relationship(back_populates="grants")


class SignIn(Base):
    """One attempt to sign in, by name and address: what the lock-out counts and an auditor reads.

    A successful one (`in`) is the session as well: once it is `ended`, it is over, whatever cookie comes back.
    """

    __tablename__ = "sign_in"
    __table_args__ = (Index("ix_sign_in_username", "username", "at"), Index("ix_sign_in_address", "address", "at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now)
    username: Mapped[str] = mapped_column(String(255))
    address: Mapped[str] = mapped_column(String(64), default="")
    outcome: Mapped[str] = mapped_column(String(20))


def normalize_username(text: str) -> str:
    """Gives a sign-in name as it is kept: trimmed, small letters, one Unicode form."""
    return unicodedata.normalize("NFKC", text).strip().lower()


def normalize_password(text: str) -> str:
    """Gives a password in one Unicode form, so that every keyboard types the same."""
    return unicodedata.normalize("NFKD", text)


def password_faults(password: str, username: str = "") -> list[str]:
    """What is wrong with a new password, in words; empty when it may be used (length before composition, NIST 800-63B)."""
    faults = []
    plain = password.lower()
    if len(password) < PASSWORD_LENGTH:
        faults.append(f"it has {len(password)} characters, at least {PASSWORD_LENGTH} are needed")
    if len(set(plain)) < 5:
        faults.append("it repeats a few characters")
    name = normalize_username(username).split("@")[0]
    if len(name) > 3 and name in plain:
        faults.append("it contains the sign-in name")
    for word in _COMMON:
        if word in plain and len(password) < len(word) + 8:
            faults.append(f"it is built on {word!r}, which is tried first by everyone")
    return faults


def hash_password(password: str) -> str:
    """Gives the argon2 hash of a password."""
    return _hasher.hash(normalize_password(password))


def find(session: Session, username: str) -> Account | None:
    """Gives the account of a sign-in name, None where there is none."""
    return session.scalars(select(Account).where(Account.username == normalize_username(username))).one_or_none()


def create(
    session: Session,
    username: str,
    password: str,
    roles: Iterable[str],
    *,
    who: str,
    full_name: str = "",
    email: str | None = None,
    facility_id: int | None = None,
    must_change: bool = True,
) -> Account:
    """Makes an account; a name in use, an unknown role or a weak password is an error that says so."""
    name = normalize_username(username)
    if not name or any(mark in name for mark in " \t\n<>,;"):
        raise AccountError(f"{username!r} cannot be a sign-in name: letters, digits, dots and @, without blanks")
    if find(session, name) is not None:
        raise AccountError(f"there is an account {name!r} already")
    if faults := password_faults(password, name):
        raise AccountError("this password cannot be used: " + "; ".join(faults))
    account = Account(
        username=name,
        full_name=full_name,
        email=email,
        facility_id=facility_id,
        password=hash_password(password),
        must_change_password=must_change,
        fs_uniquifier=uuid.uuid4().hex,
        preferences={},
    )
    session.add(account)
    session.flush()
    audit.append(session, CHAIN, account.id, "create", {"username": ["", name]}, who=who)
    grant(session, account, roles, who=who)
    session.flush()
    return account


def grant(session: Session, account: Account, roles: Iterable[str], *, who: str) -> None:
    """Sets the roles of an account to exactly these; every session of the account ends, so that none outlives a right."""
    wanted = sorted(set(roles))
    if not wanted:
        raise AccountError("an account needs a role")
    if unknown := [role for role in wanted if role not in ROLES]:
        raise AccountError(f"unknown role {', '.join(unknown)}; known: {', '.join(ROLES)}")
    held = [entry.role for entry in account.grants]
    if wanted == sorted(held):
        return
    account.grants = [entry for entry in account.grants if entry.role in wanted]
    for role in wanted:
        if role not in held:
            account.grants.append(RoleGrant(role=role, granted_by=who))
    account.fs_uniquifier = uuid.uuid4().hex
    audit.append(session, CHAIN, account.id, "roles", {"roles": [sorted(held), wanted]}, who=who)


def bind(session: Session, account: Account, facility_id: int | None, *, who: str) -> None:
    """Binds an account to one facility, or to none; every session of it ends."""
    if facility_id == account.facility_id:
        return
    if facility_id is not None and session.get(Facility, facility_id) is None:
        raise AccountError(f"there is no facility {facility_id}")
    change = {"facility": [account.facility_id, facility_id]}
    account.facility_id = facility_id
    account.fs_uniquifier = uuid.uuid4().hex
    audit.append(session, CHAIN, account.id, "facility", change, who=who)


def set_password(session: Session, account: Account, password: str, *, who: str, must_change: bool) -> None:
    """Gives an account a new password and ends its sessions; a weak one is an error that says why."""
    if faults := password_faults(password, account.username):
        raise AccountError("this password cannot be used: " + "; ".join(faults))
    account.password = hash_password(password)
    account.must_change_password = must_change
    account.fs_uniquifier = uuid.uuid4().hex
    audit.append(session, CHAIN, account.id, "password", {}, who=who)


def reset_second_factor(session: Session, account: Account, *, who: str) -> None:
    """Takes the one-time password away (a lost telephone); it is set up anew at the next sign-in."""
    account.tf_primary_method = account.tf_totp_secret = account.mf_recovery_codes = None
    account.fs_uniquifier = uuid.uuid4().hex
    audit.append(session, CHAIN, account.id, "second-factor", {}, who=who)


def set_active(session: Session, account: Account, active: bool, *, who: str) -> None:
    """Opens or closes an account; closing ends its sessions. Accounts are never deleted: logs name them."""
    if account.active != active:
        account.active = active
        account.fs_uniquifier = uuid.uuid4().hex
        audit.append(session, CHAIN, account.id, "active", {"active": [not active, active]}, who=who)


def locked(session: Session, username: str, address: str) -> bool:
    """Whether too many wrong answers stop this name or this address now; unknown names lock like known ones."""
    since = now() - LOCK_WINDOW
    wrong = select(func.count()).select_from(SignIn).where(SignIn.outcome == WRONG, SignIn.at > since)
    by_name = session.scalar(wrong.where(SignIn.username == normalize_username(username))) or 0
    by_address = session.scalar(wrong.where(SignIn.address == address)) or 0
    return by_name >= LOCK_AFTER or by_address >= ADDRESS_LIMIT


def record_sign_in(session: Session, username: str, address: str, outcome: str) -> SignIn:
    """Writes one attempt; a success clears the wrong answers counted before it."""
    name = normalize_username(username)[:255]
    if outcome == IN:
        since = now() - LOCK_WINDOW
        query = select(SignIn).where(SignIn.username == name, SignIn.outcome == WRONG, SignIn.at > since)
        for entry in session.scalars(query):
            entry.outcome = "forgiven"
    attempt = SignIn(username=name, address=address[:64], outcome=outcome)
    session.add(attempt)
    session.flush()
    return attempt


def end_session(session: Session, sign_in_id: int) -> None:
    """Ends a session on the server's side."""
    attempt = session.get(SignIn, sign_in_id)
    if attempt is not None and attempt.outcome == IN:
        attempt.outcome = ENDED


def recent_sign_ins(session: Session, username: str, limit: int = 10) -> list[SignIn]:
    """Gives the last attempts to sign in with a name, newest first."""
    query = select(SignIn).where(SignIn.username == username).order_by(SignIn.id.desc()).limit(limit)
    return list(session.scalars(query))
