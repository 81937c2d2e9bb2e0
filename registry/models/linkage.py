"""Linkage: pairs that may be one person or one tumor, the decisions on them, and where a moved row came from.

Decisions are append only; who is one person with whom follows from those that stand (`registry.linkage.grouping`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, event
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.models.base import Base, Items, Versioned, now
from registry.models.people import PatientRecord
from registry.models.tumors import Abstract

WAITING, SECOND, LINKED, DIFFERENT, STALE, SAME = "waiting", "second", "linked", "different", "stale", "same"
"""What became of a pair: undecided, asked of a second reviewer, one person, two persons, overtaken, one tumor."""

LINK, NEVER = "link", "never"
"""What a decision on two records says."""


class LinkageRun(Base):
    """One search for pairs, over the whole registry, one batch or a file: its model, its thresholds and what it found."""

    __tablename__ = "linkage_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"), index=True)
    started_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]
    who: Mapped[str] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(String(10), default="running")
    model: Mapped[dict[str, Any]] = mapped_column(default=dict)
    thresholds: Mapped[dict[str, Any]] = mapped_column(default=dict)
    report: Mapped[dict[str, Any]] = mapped_column(default=dict)


class LinkagePair(Versioned, Base):
    """Two sources' accounts that may be of one person: how sure, why, what speaks against it, and its review."""

    __tablename__ = "linkage_pair"
    __table_args__ = (
        UniqueConstraint("left_id", "right_id"),
        CheckConstraint("left_id < right_id", name="ordered"),
        Index("ix_linkage_pair_state", "state", "score"),
        Index("ix_linkage_pair_right", "right_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int | None] = mapped_column(ForeignKey("linkage_run.id"), index=True)
    left_id: Mapped[int] = mapped_column(ForeignKey("patient_record.id"))
    right_id: Mapped[int] = mapped_column(ForeignKey("patient_record.id"))
    score: Mapped[float] = mapped_column(default=0.0)
    weight: Mapped[float] = mapped_column(default=0.0)
    verdict: Mapped[str] = mapped_column(String(8), default="review")
    weights: Mapped[dict[str, Any]] = mapped_column(default=dict)
    levels: Mapped[dict[str, Any]] = mapped_column(default=dict)
    conflicts: Mapped[Items] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(String(10), default=WAITING)
    asked_by: Mapped[str] = mapped_column(String(255), default="")
    asked_why: Mapped[str] = mapped_column(Text, default="")
    decided_by: Mapped[str] = mapped_column(String(255), default="")
    decided_at: Mapped[datetime | None]
    why: Mapped[str] = mapped_column(Text, default="")

    run: Mapped[LinkageRun | None] = relationship()
    left: Mapped[PatientRecord] = relationship(foreign_keys="LinkagePair.left_id")
    right: Mapped[PatientRecord] = relationship(foreign_keys="LinkagePair.right_id")


class LinkageDecision(Base):
    """That two records are one person (`link`) or never are (`never`); it stands until it is undone, and is never deleted."""

    __tablename__ = "linkage_decision"
    __table_args__ = (
        CheckConstraint("left_id < right_id", name="ordered"),
        Index("ix_linkage_decision_left", "left_id"),
        Index("ix_linkage_decision_right", "right_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    pair_id: Mapped[int | None] = mapped_column(ForeignKey("linkage_pair.id"), index=True)
    left_id: Mapped[int] = mapped_column(ForeignKey("patient_record.id"))
    right_id: Mapped[int] = mapped_column(ForeignKey("patient_record.id"))
    kind: Mapped[str] = mapped_column(String(6))
    automatic: Mapped[bool] = mapped_column(default=False)
    who: Mapped[str] = mapped_column(String(255))
    at: Mapped[datetime] = mapped_column(default=now)
    why: Mapped[str] = mapped_column(Text, default="")
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str] = mapped_column(String(255), default="")
    undone_why: Mapped[str] = mapped_column(Text, default="")

    pair: Mapped[LinkagePair | None] = relationship()


class TumorPair(Versioned, Base):
    """Two abstracts of one person that may be of one tumor: what the multiple-primary rules say, and its review."""

    __tablename__ = "tumor_pair"
    __table_args__ = (
        UniqueConstraint("left_id", "right_id"),
        CheckConstraint("left_id < right_id", name="ordered"),
        Index("ix_tumor_pair_state", "state"),
        Index("ix_tumor_pair_right", "right_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    left_id: Mapped[int] = mapped_column(ForeignKey("abstract.id"))
    right_id: Mapped[int] = mapped_column(ForeignKey("abstract.id"))
    result: Mapped[str] = mapped_column(String(12))
    rules_group: Mapped[str] = mapped_column(String(60), default="")
    rule: Mapped[str] = mapped_column(String(60), default="")
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(String(10), default=WAITING)
    decided_by: Mapped[str] = mapped_column(String(255), default="")
    decided_at: Mapped[datetime | None]
    why: Mapped[str] = mapped_column(Text, default="")

    left: Mapped[Abstract] = relationship(foreign_keys="TumorPair.left_id")
    right: Mapped[Abstract] = relationship(foreign_keys="TumorPair.right_id")


class TumorDecision(Base):
    """That two abstracts are of one tumor (`same`) or of two (`different`); it stands until it is undone."""

    __tablename__ = "tumor_decision"
    __table_args__ = (
        CheckConstraint("left_id < right_id", name="ordered"),
        Index("ix_tumor_decision_left", "left_id"),
        Index("ix_tumor_decision_right", "right_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    pair_id: Mapped[int | None] = mapped_column(ForeignKey("tumor_pair.id"), index=True)
    left_id: Mapped[int] = mapped_column(ForeignKey("abstract.id"))
    right_id: Mapped[int] = mapped_column(ForeignKey("abstract.id"))
    kind: Mapped[str] = mapped_column(String(10))
    automatic: Mapped[bool] = mapped_column(default=False)
    who: Mapped[str] = mapped_column(String(255))
    at: Mapped[datetime] = mapped_column(default=now)
    why: Mapped[str] = mapped_column(Text, default="")
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str] = mapped_column(String(255), default="")
    undone_why: Mapped[str] = mapped_column(Text, default="")

    pair: Mapped[TumorPair | None] = relationship()


class RowHome(Base):
    """Where a row that hangs on a patient or a tumor was made, written when linkage first moves it."""

    __tablename__ = "row_home"

    table_name: Mapped[str] = mapped_column(String(40), primary_key=True)
    row_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    patient_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id"), index=True)
    tumor_id: Mapped[int | None] = mapped_column(ForeignKey("tumor.id"), index=True)


@event.listens_for(PatientRecord, "before_insert")
def _record_home(mapper: Any, connection: Any, record: PatientRecord) -> None:
    """A record is at home where it was made."""
    if record.home_patient_id is None:
        record.home_patient_id = record.patient_id


@event.listens_for(Abstract, "before_insert")
def _abstract_home(mapper: Any, connection: Any, abstract: Abstract) -> None:
    """An abstract is at home where it was made."""
    if abstract.home_tumor_id is None:
        abstract.home_tumor_id = abstract.tumor_id
