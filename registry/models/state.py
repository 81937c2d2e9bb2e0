"""State work: what was sent to whom and can be taken back, agreements between states, deaths without a case, duplicates.

Rows that a transmission names are plain numbers and no foreign keys: they say what left, also where linkage moved it since.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.models.base import Base, Items, Versioned, now
from registry.models.facilities import Facility

SUBMISSION, REJECTS, CHANGES, INTERSTATE, FOLLOW_BACK = "submission", "rejects", "changes", "interstate", "follow-back"
"""What a transmission is: cases submitted, rejected cases returned, changes returned, another state's residents, questions."""

OPEN, FOUND, DCO, CLOSED = "open", "found", "dco", "closed"
"""What became of a death without a case: asked about, an abstract came, a case by certificate only, no case at all."""


class Transmission(Base):
    """A file that was sent: what it is, to whom, why, what it held; taken back where it never arrived."""

    __tablename__ = "transmission"
    __table_args__ = (Index("ix_transmission_kind", "kind", "recipient"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    recipient: Mapped[str] = mapped_column(String(60), default="")
    facility_id: Mapped[int | None] = mapped_column(ForeignKey("facility.id"))
    at: Mapped[datetime] = mapped_column(default=now)
    who: Mapped[str] = mapped_column(String(255))
    purpose: Mapped[str] = mapped_column(Text, default="")
    name: Mapped[str] = mapped_column(String(255), default="")
    rows: Mapped[int] = mapped_column(default=0)
    sha256: Mapped[str] = mapped_column(String(64), default="")
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str] = mapped_column(String(255), default="")
    undone_why: Mapped[str] = mapped_column(Text, default="")

    facility: Mapped[Facility | None] = relationship()
    parts: Mapped[list[TransmissionRow]] = relationship(back_populates="transmission", order_by="TransmissionRow.id")


class TransmissionRow(Base):
    """One row of what was sent: its fingerprint, by which a later change shows, and the values that were told."""

    __tablename__ = "transmission_row"
    __table_args__ = (
        UniqueConstraint("transmission_id", "table_name", "row_id"),
        Index("ix_transmission_row_row", "table_name", "row_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    transmission_id: Mapped[int] = mapped_column(ForeignKey("transmission.id", ondelete="CASCADE"))
    table_name: Mapped[str] = mapped_column(String(30))
    row_id: Mapped[int]
    fingerprint: Mapped[str] = mapped_column(String(64), default="")
    items: Mapped[Items] = mapped_column(default=dict)

    transmission: Mapped[Transmission] = relationship(back_populates="parts")


class ExchangeAgreement(Versioned, Base):
    """An agreement with another state: since when its residents' cases are sent there, and what is left out of them."""

    __tablename__ = "exchange_agreement"

    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(String(2), unique=True)
    since: Mapped[date]
    until: Mapped[date | None]
    record_type: Mapped[str] = mapped_column(String(1), default="C")
    left_out: Mapped[str] = mapped_column(Text, default="")
    contact: Mapped[str] = mapped_column(String(200), default="")
    note: Mapped[str] = mapped_column(Text, default="")


class DeathNotice(Versioned, Base):
    """A death of cancer that no registered tumor explains: what the certificate says, who is asked, what became of it."""

    __tablename__ = "death_notice"
    __table_args__ = (Index("ix_death_notice_state", "state"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("outside_file.id"), index=True)
    row: Mapped[int]
    token: Mapped[str] = mapped_column(String(12), unique=True)
    content: Mapped[Items] = mapped_column(default=dict)
    cause: Mapped[str] = mapped_column(String(6))
    day: Mapped[str] = mapped_column(String(8))
    year: Mapped[int] = mapped_column(index=True)
    patient_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id"), index=True)
    facility_id: Mapped[int | None] = mapped_column(ForeignKey("facility.id"), index=True)
    certifier: Mapped[str] = mapped_column(String(120), default="")
    state: Mapped[str] = mapped_column(String(10), default=OPEN)
    outcome: Mapped[str] = mapped_column(String(20), default="")
    abstract_id: Mapped[int | None] = mapped_column(ForeignKey("abstract.id"), index=True)
    asked_at: Mapped[datetime | None]
    made_by: Mapped[str] = mapped_column(String(255))
    decided_by: Mapped[str] = mapped_column(String(255), default="")
    decided_at: Mapped[datetime | None]
    why: Mapped[str] = mapped_column(Text, default="")

    facility: Mapped[Facility | None] = relationship()


class DuplicateReview(Base):
    """A person's verdict on two tumors that the protocol's keys bring together; the last one counts, none is deleted."""

    __tablename__ = "duplicate_review"
    __table_args__ = (Index("ix_duplicate_review_pair", "left_id", "right_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    left_id: Mapped[int]
    right_id: Mapped[int]
    verdict: Mapped[str] = mapped_column(String(10))
    who: Mapped[str] = mapped_column(String(255))
    at: Mapped[datetime] = mapped_column(default=now)
    why: Mapped[str] = mapped_column(Text, default="")
