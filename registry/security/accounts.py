"""Accounts: who may sign in, with which roles, bound to which facility; and the log of sign-ins that locks them.

The one module of the store that knows Flask-Security: its mixins make `Account` a user of the web application. Roles
are not a table: they are fixed in `registry.security.permissions`, an account holds their names.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_security import UserMixin
from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.models import Base, Facility, now
from registry.models.base import Document, Versioned


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

    A successful one is the session as well: it is over for good once `ended_at` is set, whatever cookie comes back.
    """

    __tablename__ = "sign_in"
    __table_args__ = (Index("ix_sign_in_username", "username", "at"), Index("ix_sign_in_address", "address", "at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now)
    username: Mapped[str] = mapped_column(String(255))
    address: Mapped[str] = mapped_column(String(64), default="")
    outcome: Mapped[str] = mapped_column(String(20))
    ended_at: Mapped[datetime | None]
