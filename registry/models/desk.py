"""The abstracting desk's own tables: accession numbers, the places they give, queries to physicians, notes on a case."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.models.base import Base, Versioned, now
from registry.models.facilities import Physician
from registry.models.tumors import Abstract

OPEN, ANSWERED, CLOSED = "open", "answered", "closed"


class AccessionCounter(Base):
    """The last serial given by a facility in a year; it only grows, so that no number is given twice."""

    __tablename__ = "accession_counter"

    facility_id: Mapped[int] = mapped_column(ForeignKey("facility.id"), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int] = mapped_column(default=0)


class Accession(Base):
    """One patient's number at one facility, shared by all primaries there; it stays taken when its cases go."""

    __tablename__ = "accession"
    __table_args__ = (UniqueConstraint("facility_id", "number"), Index("ix_accession_patient", "patient_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    facility_id: Mapped[int] = mapped_column(ForeignKey("facility.id"))
    number: Mapped[str] = mapped_column(String(9))
    patient_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id", ondelete="SET NULL"))
    given_by: Mapped[str] = mapped_column(String(255))
    given_at: Mapped[datetime] = mapped_column(default=now)


class CasePlace(Base):
    """The place of an abstract begun at the desk: facility, accession and hospital sequence are unique together."""

    __tablename__ = "case_place"
    __table_args__ = (UniqueConstraint("facility_id", "accession", "sequence"),)

    abstract_id: Mapped[int] = mapped_column(ForeignKey("abstract.id", ondelete="CASCADE"), primary_key=True)
    facility_id: Mapped[int] = mapped_column(ForeignKey("facility.id"))
    accession: Mapped[str] = mapped_column(String(9))
    sequence: Mapped[str] = mapped_column(String(2))


class PhysicianQuery(Versioned, Base):
    """A question to a physician about one abstract: asked, reminded, answered, closed."""

    __tablename__ = "physician_query"
    __table_args__ = (Index("ix_physician_query_state", "state"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    abstract_id: Mapped[int] = mapped_column(ForeignKey("abstract.id", ondelete="CASCADE"), index=True)
    physician_id: Mapped[int | None] = mapped_column(ForeignKey("physician.id"))
    addressee: Mapped[str] = mapped_column(String(120), default="")
    item: Mapped[int | None]
    question: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default=OPEN)
    due_on: Mapped[date]
    asked_by: Mapped[str] = mapped_column(String(255))
    asked_at: Mapped[datetime] = mapped_column(default=now)
    reminders: Mapped[int] = mapped_column(default=0)
    reminded_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(Text, default="")
    answered_at: Mapped[datetime | None]
    closed_by: Mapped[str] = mapped_column(String(255), default="")
    closed_at: Mapped[datetime | None]

    abstract: Mapped[Abstract] = relationship()
    physician: Mapped[Physician | None] = relationship()


class CaseNote(Base):
    """A remark of a registrar on a case, beside the abstract and never exported; `waiting` names what the case waits for."""

    __tablename__ = "case_note"

    id: Mapped[int] = mapped_column(primary_key=True)
    abstract_id: Mapped[int] = mapped_column(ForeignKey("abstract.id", ondelete="CASCADE"), index=True)
    text: Mapped[str] = mapped_column(Text)
    waiting: Mapped[bool] = mapped_column(default=False)
    who: Mapped[str] = mapped_column(String(255))
    at: Mapped[datetime] = mapped_column(default=now)
    done_at: Mapped[datetime | None]
