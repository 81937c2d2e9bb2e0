"""Masters: facilities, the sources that records come from, and physicians."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.models.base import Base, Versioned

UNSPECIFIED = "unspecified"
"""The source of records whose file names none."""


class Facility(Versioned, Base):
    """A hospital or other reporter, with both identifiers (reporting facility 540, its NPI 545)."""

    __tablename__ = "facility"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(10), unique=True)
    npi: Mapped[str | None] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(120))
    city: Mapped[str | None] = mapped_column(String(60))
    state: Mapped[str | None] = mapped_column(String(2))
    county: Mapped[str | None] = mapped_column(String(5))
    kind: Mapped[str] = mapped_column(String(20), default="hospital")
    reference_date: Mapped[str | None] = mapped_column(String(8))
    accredited: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)


class Source(Base):
    """Where records come from: registry 40 and facility 540; patientIdNumber 20 has meaning only inside one source."""

    __tablename__ = "source"
    __table_args__ = (UniqueConstraint("registry_id", "facility_number", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    registry_id: Mapped[str] = mapped_column(String(10), default="")
    facility_number: Mapped[str] = mapped_column(String(10), default="")
    name: Mapped[str] = mapped_column(String(120), default="")
    facility_id: Mapped[int | None] = mapped_column(ForeignKey("facility.id"), index=True)

    facility: Mapped[Facility | None] = relationship()


class Physician(Versioned, Base):
    """A physician as the case items name one: by NPI or by the registry's own number (2460 to 2505)."""

    __tablename__ = "physician"
    __table_args__ = (UniqueConstraint("npi"), UniqueConstraint("number"))

    id: Mapped[int] = mapped_column(primary_key=True)
    npi: Mapped[str | None] = mapped_column(String(10))
    number: Mapped[str | None] = mapped_column(String(8))
    name_last: Mapped[str] = mapped_column(String(60), default="")
    name_first: Mapped[str] = mapped_column(String(60), default="")
    specialty: Mapped[str | None] = mapped_column(String(60))
    address: Mapped[str | None] = mapped_column(String(200))
    city: Mapped[str | None] = mapped_column(String(60))
    state: Mapped[str | None] = mapped_column(String(2))
    postal_code: Mapped[str | None] = mapped_column(String(10))
    phone: Mapped[str | None] = mapped_column(String(20))
    active: Mapped[bool] = mapped_column(default=True)
