"""Who did and saw what: revisions, chained by hash per table, and the log of reads of identified data."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base, now


class Revision(Base):
    """One save: the items that changed (old, new), who, why, when; `hash` seals it to its predecessor in the chain.

    `version` is the row's `version_id` after the save, so that a conflict can tell what the second saver had before them.
    """

    __tablename__ = "revision"
    __table_args__ = (UniqueConstraint("chain", "number"), Index("ix_revision_row", "chain", "row_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    chain: Mapped[str] = mapped_column(String(30))
    number: Mapped[int]
    row_id: Mapped[int]
    version: Mapped[int] = mapped_column(default=0)
    action: Mapped[str] = mapped_column(String(12))
    changes: Mapped[dict[str, Any]] = mapped_column(default=dict)
    who: Mapped[str] = mapped_column(String(255))
    why: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(default=now)
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class AccessLog(Base):
    """One read of identified data, chained like a revision (chain `access`)."""

    __tablename__ = "access_log"
    __table_args__ = (UniqueConstraint("number"), Index("ix_access_log_patient", "patient_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]
    who: Mapped[str] = mapped_column(String(255))
    what: Mapped[str] = mapped_column(String(60))
    patient_id: Mapped[int | None]
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    purpose: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(default=now)
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class ChainHead(Base):
    """Count and last hash of a chain: the row that a writer locks, so that links are added one after the other."""

    __tablename__ = "chain_head"

    chain: Mapped[str] = mapped_column(String(30), primary_key=True)
    count: Mapped[int] = mapped_column(default=0)
    hash: Mapped[str] = mapped_column(String(64), default="")
