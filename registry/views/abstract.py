"""One abstract as the editor shows it: every item, its version, and its history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import records
from registry.errors import RegistryError
from registry.models import Abstract
from registry.security.permissions import Actor, visible
from registry.views.patient import RevisionLine, revision_line


@dataclass(frozen=True)
class AbstractPage:
    """One abstract with its person's items, as `{number: value}`, and the saves of it, newest first."""

    id: int
    patient_id: int
    tumor_id: int
    facility: str
    accession: str
    status: str
    version: int
    updated_at: datetime
    items: dict[int, str]
    history: tuple[RevisionLine, ...]

    @property
    def name_last(self) -> str:
        """The person's last name."""
        return self.items.get(2230, "")

    @property
    def name_first(self) -> str:
        """The person's first name."""
        return self.items.get(2240, "")


def find(session: Session, actor: Actor, abstract_id: int) -> Abstract:
    """Gives the row; one that is not there and one that may not be seen are the same `not-found`."""
    query = select(Abstract).where(Abstract.id == abstract_id, visible(Abstract, actor))
    abstract = session.scalars(query).one_or_none()
    if abstract is None:
        raise RegistryError("not-found", f"there is no abstract {abstract_id}, or none that you may see")
    return abstract


def load(session: Session, actor: Actor, abstract_id: int) -> AbstractPage:
    """Gives the abstract for the editor."""
    abstract = find(session, actor, abstract_id)
    return AbstractPage(
        id=abstract.id,
        patient_id=abstract.record.patient_id,
        tumor_id=abstract.tumor_id,
        facility=abstract.facility.name if abstract.facility else "no facility",
        accession=abstract.accession_number or "",
        status=abstract.status,
        version=abstract.version_id,
        updated_at=abstract.updated_at,
        items=records.all_items(abstract),
        history=tuple(revision_line(r) for r in records.history(session, "abstract", abstract.id)),
    )
