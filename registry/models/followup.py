"""Follow-up: attempts to reach patients and their ends, letters, holds, what files from outside told, and who said so."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.models.base import Base, Items, Versioned, now
from registry.models.facilities import Facility
from registry.models.people import Patient

WAITING, SENT, ANSWERED, SILENT, RETURNED, WITHDRAWN, FAILED = (
    "waiting",
    "sent",
    "answered",
    "silent",
    "returned",
    "withdrawn",
    "failed",
)
"""What became of an attempt: in the outbox, on its way, answered, given up, came back, taken back, could not be sent."""

ACCEPTED, REJECTED, UNDONE = "accepted", "rejected", "undone"
"""What became of a match with a file from outside, or of a review, beside `waiting`."""


class LetterTemplate(Versioned, Base):
    """A letter as this registry writes it in one language; it replaces the shipped one, for all or for one facility."""

    __tablename__ = "letter_template"
    __table_args__ = (UniqueConstraint("facility_number", "source", "language"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    facility_number: Mapped[str] = mapped_column(String(10), default="")
    source: Mapped[str] = mapped_column(String(12))
    language: Mapped[str] = mapped_column(String(3))
    subject: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)


class LetterRun(Base):
    """Letters made together: why, for which rule set and test, and whether they were printed."""

    __tablename__ = "letter_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    facility_id: Mapped[int | None] = mapped_column(ForeignKey("facility.id"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    made_at: Mapped[datetime] = mapped_column(default=now)
    made_by: Mapped[str] = mapped_column(String(255))
    printed_at: Mapped[datetime | None]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)

    attempts: Mapped[list[ContactAttempt]] = relationship(back_populates="run", order_by="ContactAttempt.id")
    facility: Mapped[Facility | None] = relationship()


class ContactAttempt(Versioned, Base):
    """One attempt to hear of a patient: by which way, to whom, what was written, and what became of it.

    `sent_on` is the date of a letter and never a contact; `heard_on` is the reply's own date or postmark. `contact_date`
    is what the reply says of the patient, coded; `told` whether the attempt told of the patient at all.
    """

    __tablename__ = "contact_attempt"
    __table_args__ = (Index("ix_contact_attempt_state", "facility_id", "state"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(String(12), unique=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    facility_id: Mapped[int | None] = mapped_column(ForeignKey("facility.id"))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("letter_run.id"), index=True)
    source: Mapped[str] = mapped_column(String(12))
    channel: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(10), default=WAITING)
    language: Mapped[str] = mapped_column(String(3), default="en")
    recipient: Mapped[str] = mapped_column(String(200), default="")
    address: Mapped[str] = mapped_column(Text, default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    subject: Mapped[str] = mapped_column(String(200), default="")
    body: Mapped[str] = mapped_column(Text, default="")
    made_by: Mapped[str] = mapped_column(String(255))
    sent_on: Mapped[date | None] = mapped_column(index=True)
    heard_on: Mapped[date | None]
    contact_date: Mapped[str] = mapped_column(String(8), default="")
    outcome: Mapped[str] = mapped_column(String(12), default="")
    told: Mapped[bool] = mapped_column(default=False)
    minutes: Mapped[int] = mapped_column(default=0)
    note: Mapped[str] = mapped_column(Text, default="")
    group: Mapped[Items] = mapped_column(default=dict)

    run: Mapped[LetterRun | None] = relationship(back_populates="attempts")
    patient: Mapped[Patient] = relationship()
    facility: Mapped[Facility | None] = relationship()


class ContactHold(Base):
    """A reason not to write: to nobody about this patient, or not by one way; lifted with a reason, never deleted."""

    __tablename__ = "contact_hold"
    __table_args__ = (Index("ix_contact_hold_patient", "patient_id", "kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"))
    kind: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(12), default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    match_id: Mapped[int | None] = mapped_column(ForeignKey("outside_match.id"), index=True)
    since: Mapped[datetime] = mapped_column(default=now)
    who: Mapped[str] = mapped_column(String(255))
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str] = mapped_column(String(255), default="")
    lifted_why: Mapped[str] = mapped_column(Text, default="")


class ContactProfile(Versioned, Base):
    """How a patient is written to: language and e-mail address, which no item of the standard holds."""

    __tablename__ = "contact_profile"

    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), primary_key=True, autoincrement=False)
    language: Mapped[str] = mapped_column(String(3), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    note: Mapped[str] = mapped_column(Text, default="")


class ContactPerson(Versioned, Base):
    """Somebody who can tell of a patient beside the contact of the items: name, relation, and how to reach them."""

    __tablename__ = "contact_person"

    id: Mapped[int] = mapped_column(primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    relation: Mapped[str] = mapped_column(String(60), default="")
    street: Mapped[str] = mapped_column(String(60), default="")
    supplement: Mapped[str] = mapped_column(String(60), default="")
    city: Mapped[str] = mapped_column(String(50), default="")
    state: Mapped[str] = mapped_column(String(2), default="")
    postal_code: Mapped[str] = mapped_column(String(10), default="")
    country: Mapped[str] = mapped_column(String(3), default="")
    phone: Mapped[str] = mapped_column(String(20), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    language: Mapped[str] = mapped_column(String(3), default="")
    active: Mapped[bool] = mapped_column(default=True)


class OutsideFile(Base):
    """A death file or a list of encounters that was matched: its layout, its redisclosure rule, and what came of it."""

    __tablename__ = "outside_file"

    id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[int | None] = mapped_column(ForeignKey("document.id"), index=True)
    facility_id: Mapped[int | None] = mapped_column(ForeignKey("facility.id"))
    name: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(12))
    layout: Mapped[str] = mapped_column(String(30))
    title: Mapped[str] = mapped_column(String(120))
    redisclosure: Mapped[str] = mapped_column(String(20))
    received_at: Mapped[datetime] = mapped_column(default=now)
    received_by: Mapped[str] = mapped_column(String(255))
    rows_in: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    report: Mapped[dict[str, Any]] = mapped_column(default=dict)

    matches: Mapped[list[OutsideMatch]] = relationship(back_populates="file", order_by="OutsideMatch.id")


class OutsideMatch(Versioned, Base):
    """One row of such a file and the patient it may speak of: what agrees and conflicts, the decision, and what it changed."""

    __tablename__ = "outside_match"
    __table_args__ = (
        UniqueConstraint("file_id", "row", "patient_id"),
        Index("ix_outside_match_state", "state"),
        Index("ix_outside_match_key", "key"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("outside_file.id"))
    row: Mapped[int]
    key: Mapped[str] = mapped_column(String(64))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    score: Mapped[float]
    state: Mapped[str] = mapped_column(String(10), default=WAITING)
    agrees: Mapped[dict[str, Any]] = mapped_column(default=dict)
    conflicts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    content: Mapped[Items] = mapped_column(default=dict)
    values: Mapped[Items] = mapped_column(default=dict)
    applied: Mapped[dict[str, Any]] = mapped_column(default=dict)
    outcome: Mapped[str] = mapped_column(String(12), default="")
    decided_by: Mapped[str] = mapped_column(String(255), default="")
    decided_at: Mapped[datetime | None]
    why: Mapped[str] = mapped_column(Text, default="")

    file: Mapped[OutsideFile] = relationship(back_populates="matches")
    patient: Mapped[Patient] = relationship()


class ValueSource(Base):
    """Who said a value of follow-up (vital status, last contact, death): its source, and to whom it may be passed on."""

    __tablename__ = "value_source"
    __table_args__ = (Index("ix_value_source_patient", "patient_id", "item"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"))
    item: Mapped[int]
    value: Mapped[str] = mapped_column(String(255))
    source: Mapped[str] = mapped_column(String(120))
    redisclosure: Mapped[str] = mapped_column(String(20), default="free")
    attempt_id: Mapped[int | None] = mapped_column(ForeignKey("contact_attempt.id"), index=True)
    match_id: Mapped[int | None] = mapped_column(ForeignKey("outside_match.id"), index=True)
    at: Mapped[datetime] = mapped_column(default=now)
    who: Mapped[str] = mapped_column(String(255))
    withdrawn_at: Mapped[datetime | None]


class ContactReview(Versioned, Base):
    """News that a person must decide: somebody said alive of one who is dead, or two deaths differ."""

    __tablename__ = "contact_review"
    __table_args__ = (Index("ix_contact_review_state", "state"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    facility_id: Mapped[int | None] = mapped_column(ForeignKey("facility.id"))
    kind: Mapped[str] = mapped_column(String(20))
    source: Mapped[str] = mapped_column(String(120), default="")
    standing: Mapped[Items] = mapped_column(default=dict)
    proposed: Mapped[Items] = mapped_column(default=dict)
    attempt_id: Mapped[int | None] = mapped_column(ForeignKey("contact_attempt.id"), index=True)
    match_id: Mapped[int | None] = mapped_column(ForeignKey("outside_match.id"), index=True)
    state: Mapped[str] = mapped_column(String(10), default=WAITING)
    who: Mapped[str] = mapped_column(String(255))
    decided_by: Mapped[str] = mapped_column(String(255), default="")
    decided_at: Mapped[datetime | None]
    why: Mapped[str] = mapped_column(Text, default="")

    patient: Mapped[Patient] = relationship()


class ExpectedSubmission(Versioned, Base):
    """How many cases a facility is expected to send for a month; what came is counted from the imports."""

    __tablename__ = "expected_submission"
    __table_args__ = (UniqueConstraint("facility_id", "month"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    facility_id: Mapped[int] = mapped_column(ForeignKey("facility.id"))
    month: Mapped[str] = mapped_column(String(7))
    expected: Mapped[int]
    note: Mapped[str] = mapped_column(Text, default="")

    facility: Mapped[Facility] = relationship()
