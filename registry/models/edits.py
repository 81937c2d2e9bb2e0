"""What edits say of abstracts, what a person has let stand, and work from reports of other programs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.models.base import Base, Items, now
from registry.models.tumors import Abstract

OPEN, OVERRIDDEN, CLEARED = "open", "overridden", "cleared"
"""States of a finding: fails, fails and a person let it stand, no longer fails."""

WAITING, DONE = "waiting", "done"
"""States of a worklist entry."""


class EditFinding(Base):
    """One edit that fails, or once failed, on one abstract: the values it saw, what it says, and since when."""

    __tablename__ = "edit_finding"
    __table_args__ = (UniqueConstraint("abstract_id", "rule"), Index("ix_edit_finding_state", "state", "severity"))

    id: Mapped[int] = mapped_column(primary_key=True)
    abstract_id: Mapped[int] = mapped_column(ForeignKey("abstract.id", ondelete="CASCADE"))
    rule: Mapped[str] = mapped_column(String(40))
    edit: Mapped[str] = mapped_column(String(12), index=True)
    severity: Mapped[str] = mapped_column(String(8))
    items: Mapped[Items] = mapped_column(default=dict)
    message: Mapped[str] = mapped_column(Text)
    fingerprint: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(10), default=OPEN)
    first_seen: Mapped[datetime] = mapped_column(default=now)
    changed_at: Mapped[datetime] = mapped_column(default=now)

    abstract: Mapped[Abstract] = relationship()


class EditOverride(Base):
    """One review: a person let a failing edit stand, for these values and this reason; it ends when a value changes.

    `ended_at` is None while it holds; `ended_why` says what ended it.
    """

    __tablename__ = "edit_override"
    __table_args__ = (Index("ix_edit_override_abstract", "abstract_id", "rule"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    abstract_id: Mapped[int] = mapped_column(ForeignKey("abstract.id", ondelete="CASCADE"))
    rule: Mapped[str] = mapped_column(String(40))
    reviewer: Mapped[str] = mapped_column(String(255))
    at: Mapped[datetime] = mapped_column(default=now)
    reason: Mapped[str] = mapped_column(Text)
    fingerprint: Mapped[str] = mapped_column(String(32))
    items: Mapped[Items] = mapped_column(default=dict)
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str] = mapped_column(Text, default="")

    abstract: Mapped[Abstract] = relationship()


class WorklistEntry(Base):
    """One line of an external edit report, attached to the abstract it speaks of; somebody works it and says so."""

    __tablename__ = "worklist_entry"
    __table_args__ = (
        UniqueConstraint("abstract_id", "agency", "edit", "message_digest"),
        Index("ix_worklist_entry_state", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    abstract_id: Mapped[int] = mapped_column(ForeignKey("abstract.id", ondelete="CASCADE"))
    report: Mapped[str] = mapped_column(String(255))
    agency: Mapped[str] = mapped_column(String(60), default="")
    edit: Mapped[str] = mapped_column(String(120))
    severity: Mapped[str] = mapped_column(String(20), default="")
    items: Mapped[str] = mapped_column(Text, default="")
    message: Mapped[str] = mapped_column(Text)
    message_digest: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(10), default=WAITING)
    added_by: Mapped[str] = mapped_column(String(255))
    added_at: Mapped[datetime] = mapped_column(default=now)
    done_by: Mapped[str] = mapped_column(String(255), default="")
    done_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(Text, default="")

    abstract: Mapped[Abstract] = relationship()
