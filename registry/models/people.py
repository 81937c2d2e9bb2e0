"""Persons: what each source says of one (`PatientRecord`) and what the registry holds to be true (`Patient`)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.models.base import Base, Items, Versioned
from registry.models.facilities import Source

if TYPE_CHECKING:
    from registry.models.tumors import Abstract, Tumor


class Patient(Versioned, Base):
    """One person as the registry knows them: `items` is the truth, the typed columns are its projection.

    The columns are written by `registry.projection` alone, from `items`; they exist to filter, join and sort. A row whose
    accounts linkage moved away stays, with `merged_into_id`, and is seen by nobody (`registry.db`).
    """

    __tablename__ = "patient"
    __table_args__ = (
        Index("ix_patient_names", "name_last_key", "name_first_key"),
        Index("ix_patient_birth", "birth_earliest"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"), index=True)
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id"), index=True)
    items: Mapped[Items] = mapped_column(default=dict)

    name_last: Mapped[str | None] = mapped_column(String(60))
    name_first: Mapped[str | None] = mapped_column(String(60))
    name_middle: Mapped[str | None] = mapped_column(String(60))
    birth_surname: Mapped[str | None] = mapped_column(String(60))
    name_last_key: Mapped[str | None] = mapped_column(String(60))
    name_first_key: Mapped[str | None] = mapped_column(String(60))
    birth_surname_key: Mapped[str | None] = mapped_column(String(60), index=True)
    ssn: Mapped[str | None] = mapped_column(String(9), index=True)
    medical_record_number: Mapped[str | None] = mapped_column(String(11), index=True)
    sex: Mapped[str | None] = mapped_column(String(1))
    race: Mapped[str | None] = mapped_column(String(2))
    date_of_birth: Mapped[str | None] = mapped_column(String(8))
    birth_earliest: Mapped[date | None]
    birth_latest: Mapped[date | None]
    vital_status: Mapped[str | None] = mapped_column(String(1), index=True)
    date_of_last_contact: Mapped[str | None] = mapped_column(String(8))
    last_contact_earliest: Mapped[date | None] = mapped_column(index=True)
    last_contact_latest: Mapped[date | None]
    cause_of_death: Mapped[str | None] = mapped_column(String(6))

    records: Mapped[list[PatientRecord]] = relationship(
        back_populates="patient", order_by="PatientRecord.id", foreign_keys="PatientRecord.patient_id"
    )
    tumors: Mapped[list[Tumor]] = relationship(
        back_populates="patient",
        order_by="Tumor.id",
        primaryjoin="and_(Tumor.patient_id == Patient.id, Tumor.merged_into_id.is_(None))",
    )


class PatientRecord(Versioned, Base):
    """One source's account of one person; linkage moves `patient_id`, `home_patient_id` is the row made with it."""

    __tablename__ = "patient_record"
    __table_args__ = (UniqueConstraint("source_id", "patient_id_number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"), index=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    home_patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    patient_id_number: Mapped[str] = mapped_column(String(50), index=True)
    items: Mapped[Items] = mapped_column(default=dict)
    digest: Mapped[str] = mapped_column(String(64), default="")

    patient: Mapped[Patient] = relationship(back_populates="records", foreign_keys=patient_id)
    source: Mapped[Source] = relationship()
    abstracts: Mapped[list[Abstract]] = relationship(back_populates="record", order_by="Abstract.id")
