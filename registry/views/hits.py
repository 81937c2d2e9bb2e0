"""Case search for a reader: the hits as they may see them."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.models import Abstract, PatientRecord, Tumor
from registry.search import Hit, Page, search
from registry.security.permissions import Actor, visible


def find(session: Session, actor: Actor, text: str, *, page: int = 1, size: int = 50) -> Page:
    """Gives one page of hits; an account bound to a facility gets them as its own facility's abstracts tell them."""
    found = search(session, text, scope=visible(Tumor, actor), page=page, size=size)
    if actor.facility_id is None:
        return found
    return Page(_as_own(session, actor, found.hits), found.page, found.more)


def _as_own(session: Session, actor: Actor, hits: list[Hit]) -> list[Hit]:
    query = (
        select(Abstract, PatientRecord)
        .join(PatientRecord, Abstract.record_id == PatientRecord.id)
        .where(Abstract.tumor_id.in_([hit.tumor_id for hit in hits]), visible(Abstract, actor))
        .order_by(Abstract.id.desc())
    )
    own = {abstract.tumor_id: (abstract, record) for abstract, record in session.execute(query)}
    rows = []
    for hit in hits:
        abstract, record = own[hit.tumor_id]
        tumor, person = abstract.items.get, record.items.get
        rows.append(
            replace(
                hit,
                name_last=person("2230", ""),
                name_first=person("2240", ""),
                date_of_birth=person("240", ""),
                primary_site=tumor("400", ""),
                histology=tumor("522", ""),
                behavior=tumor("523", ""),
                date_of_diagnosis=tumor("390", ""),
                vital_status=person("1760", ""),
                accession=abstract.accession_number or "",
            )
        )
    return rows
