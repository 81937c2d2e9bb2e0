"""Background jobs, and what epidemiologists keep: declarations of population-based areas, saved lists, disclosures."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base, Versioned, now


class Job(Base):
    """A long computation: what it was asked, how far it is, what it gave; the queue itself is kept by the worker."""

    __tablename__ = "job"
    __table_args__ = (Index("ix_job_state", "state"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    parameters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    progress: Mapped[float] = mapped_column(default=0.0)
    message: Mapped[str] = mapped_column(Text, default="")
    process: Mapped[str] = mapped_column(String(80), default="")
    result: Mapped[dict[str, Any] | None]
    data_version: Mapped[str] = mapped_column(String(64), default="")
    who: Mapped[str] = mapped_column(String(255), default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class PopulationArea(Base):
    """A county and a span of years declared population-based, with its completeness: rates are computed only there."""

    __tablename__ = "population_area"
    __table_args__ = (UniqueConstraint("county", "year_from"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    county: Mapped[str] = mapped_column(String(5))
    year_from: Mapped[int]
    year_to: Mapped[int]
    completeness: Mapped[float]
    declared_by: Mapped[str] = mapped_column(String(255))
    declared_at: Mapped[datetime] = mapped_column(default=now)


class SavedList(Versioned, Base):
    """A case list or report kept by its owner: filters, columns and choices; shared with a role or kept private."""

    __tablename__ = "saved_list"
    __table_args__ = (UniqueConstraint("owner", "kind", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), default="cases")
    name: Mapped[str] = mapped_column(String(120))
    owner: Mapped[str] = mapped_column(String(255))
    shared: Mapped[bool] = mapped_column(default=False)
    definition: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Disclosure(Base):
    """A file that left the registry: who took what selection, how many rows, for which purpose, with its checksum."""

    __tablename__ = "disclosure"

    id: Mapped[int] = mapped_column(primary_key=True)
    who: Mapped[str] = mapped_column(String(255))
    at: Mapped[datetime] = mapped_column(default=now)
    what: Mapped[str] = mapped_column(String(60))
    purpose: Mapped[str] = mapped_column(Text, default="")
    selection: Mapped[dict[str, Any]] = mapped_column(default=dict)
    rows: Mapped[int] = mapped_column(default=0)
    sha256: Mapped[str] = mapped_column(String(64), default="")
