"""Tumors: each facility's account (`Abstract`) with texts and treatments, and the registry's knowledge (`Tumor`)."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.models.base import Base, Items, Versioned
from registry.models.facilities import Facility
from registry.models.people import Patient, PatientRecord

SUSPENSE, INCOMPLETE, COMPLETE, SUBMITTED = "suspense", "incomplete", "complete", "submitted"
STATUSES = (SUSPENSE, INCOMPLETE, COMPLETE, SUBMITTED)


class Tumor(Versioned, Base):
    """One primary as the registry knows it: `items` is the truth, the typed columns are its projection."""

    __tablename__ = "tumor"
    __table_args__ = (
        Index("ix_tumor_site_year", "primary_site", "diagnosis_year"),
        Index("ix_tumor_county_year", "county", "diagnosis_year"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"), index=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("tumor.id"), index=True)
    items: Mapped[Items] = mapped_column(default=dict)

    primary_site: Mapped[str | None] = mapped_column(String(4))
    laterality: Mapped[str | None] = mapped_column(String(1))
    histology: Mapped[str | None] = mapped_column(String(4), index=True)
    behavior: Mapped[str | None] = mapped_column(String(1))
    date_of_diagnosis: Mapped[str | None] = mapped_column(String(8))
    diagnosis_earliest: Mapped[date | None]
    diagnosis_latest: Mapped[date | None]
    diagnosis_year: Mapped[int | None] = mapped_column(index=True)
    age_at_diagnosis: Mapped[str | None] = mapped_column(String(3))
    sequence_central: Mapped[str | None] = mapped_column(String(2))
    state: Mapped[str | None] = mapped_column(String(2))
    county: Mapped[str | None] = mapped_column(String(5))
    diagnostic_confirmation: Mapped[str | None] = mapped_column(String(1))
    reporting_source: Mapped[str | None] = mapped_column(String(1))
    summary_stage: Mapped[str | None] = mapped_column(String(1))

    patient: Mapped[Patient] = relationship(back_populates="tumors")
    abstracts: Mapped[list[Abstract]] = relationship(
        back_populates="tumor", order_by="Abstract.id", foreign_keys="Abstract.tumor_id"
    )


class Abstract(Versioned, Base):
    """One facility's account of one tumor: accession, class of case, first contact, status; `items` is the truth.

    `tumor_record_number` (60) is unique inside the source's patient; so is (facility, accession, hospital sequence).
    """

    __tablename__ = "abstract"
    __table_args__ = (
        UniqueConstraint("record_id", "tumor_record_number"),
        Index("ix_abstract_accession", "accession_number"),
        Index("ix_abstract_status", "facility_id", "status"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"), index=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("patient_record.id"), index=True)
    tumor_id: Mapped[int] = mapped_column(ForeignKey("tumor.id"), index=True)
    home_tumor_id: Mapped[int] = mapped_column(ForeignKey("tumor.id"), index=True)
    facility_id: Mapped[int | None] = mapped_column(ForeignKey("facility.id"))
    tumor_record_number: Mapped[str] = mapped_column(String(20))
    items: Mapped[Items] = mapped_column(default=dict)
    digest: Mapped[str] = mapped_column(String(64), default="")
    status: Mapped[str] = mapped_column(String(10), default=COMPLETE)

    accession_number: Mapped[str | None] = mapped_column(String(9))
    sequence_hospital: Mapped[str | None] = mapped_column(String(2))
    class_of_case: Mapped[str | None] = mapped_column(String(2), index=True)
    date_of_first_contact: Mapped[str | None] = mapped_column(String(8))
    first_contact_earliest: Mapped[date | None] = mapped_column(index=True)
    abstracted_by: Mapped[str | None] = mapped_column(String(3))

    record: Mapped[PatientRecord] = relationship(back_populates="abstracts")
    tumor: Mapped[Tumor] = relationship(back_populates="abstracts", foreign_keys=tumor_id)
    facility: Mapped[Facility | None] = relationship()
    texts: Mapped[list[AbstractText]] = relationship(back_populates="abstract", cascade="all, delete-orphan")
    treatments: Mapped[list[Treatment]] = relationship(
        back_populates="abstract", cascade="all, delete-orphan", order_by="Treatment.id"
    )


class AbstractText(Base):
    """One text block of an abstract (the items of 1,000 characters and more), apart from the coded items."""

    __tablename__ = "abstract_text"

    abstract_id: Mapped[int] = mapped_column(ForeignKey("abstract.id", ondelete="CASCADE"), primary_key=True)
    item: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(Text)

    abstract: Mapped[Abstract] = relationship(back_populates="texts")


class Treatment(Versioned, Base):
    """One course of one modality, at this facility or another; the summary items follow from these."""

    __tablename__ = "treatment"

    id: Mapped[int] = mapped_column(primary_key=True)
    abstract_id: Mapped[int] = mapped_column(ForeignKey("abstract.id", ondelete="CASCADE"), index=True)
    modality: Mapped[str] = mapped_column(String(20))
    code: Mapped[str | None] = mapped_column(String(10))
    date_started: Mapped[str | None] = mapped_column(String(8))
    at_this_facility: Mapped[bool] = mapped_column(default=True)
    facility_number: Mapped[str | None] = mapped_column(String(10))
    course: Mapped[str] = mapped_column(String(12), default="first")
    details: Mapped[Items] = mapped_column(default=dict)

    abstract: Mapped[Abstract] = relationship(back_populates="treatments")
