"""What was received: documents byte for byte, and the import batches made from them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.models.base import Base, Items, now

LOADING, READY, REMOVED = "loading", "ready", "removed"


class Document(Base):
    """A received file or message, kept byte for byte in the data folder under its SHA-256, never changed."""

    __tablename__ = "document"

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(20))
    size: Mapped[int] = mapped_column(BigInteger)
    received_at: Mapped[datetime] = mapped_column(default=now)
    received_by: Mapped[str] = mapped_column(String(255), default="")


class ImportBatch(Base):
    """One import: nothing of it is visible while `loading`; the flip to `ready` shows all; `removed` left nothing."""

    __tablename__ = "import_batch"
    __table_args__ = (Index("ix_import_batch_status", "status"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[int | None] = mapped_column(ForeignKey("document.id"))
    name: Mapped[str] = mapped_column(String(255))
    format: Mapped[str] = mapped_column(String(20))
    naaccr_version: Mapped[str | None] = mapped_column(String(3))
    status: Mapped[str] = mapped_column(String(10), default=LOADING)
    process: Mapped[str] = mapped_column(String(80), default="")
    heartbeat: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]
    who: Mapped[str] = mapped_column(String(255), default="")
    rows_in: Mapped[int] = mapped_column(default=0)
    created: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    report: Mapped[dict[str, Any]] = mapped_column(default=dict)

    document: Mapped[Document | None] = relationship()


class ImportChange(Base):
    """An update that a loading batch holds back until its flip: the incoming items of an already visible record."""

    __tablename__ = "import_change"
    __table_args__ = (UniqueConstraint("batch_id", "table_name", "row_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batch.id", ondelete="CASCADE"), index=True)
    table_name: Mapped[str] = mapped_column(String(30))
    row_id: Mapped[int]
    items: Mapped[Items]


class ImportReject(Base):
    """A row that was not taken, with its reason and its content, so that nothing received is lost."""

    __tablename__ = "import_reject"

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batch.id", ondelete="CASCADE"), index=True)
    table_name: Mapped[str] = mapped_column(String(30), default="tumor")
    row: Mapped[int]
    code: Mapped[str] = mapped_column(String(40))
    message: Mapped[str] = mapped_column(Text)
    content: Mapped[dict[str, Any]] = mapped_column(default=dict)
