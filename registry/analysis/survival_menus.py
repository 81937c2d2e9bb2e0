"""What the form of the survival page offers: years, counties and facilities that the registry has."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.analysis.survival_groups import county_name
from registry.models import Facility, Tumor


@dataclass(frozen=True)
class Menus:
    """First and last year of diagnosis, counties (five digits, name) and facilities (number, name)."""

    first_year: int | None
    last_year: int | None
    counties: tuple[tuple[str, str], ...]
    facilities: tuple[tuple[str, str], ...]


def menus(session: Session) -> Menus:
    """Gives the choices of the whole registry."""
    first, last = session.execute(select(func.min(Tumor.diagnosis_year), func.max(Tumor.diagnosis_year))).one()
    counties = [c for c in session.scalars(select(Tumor.county).distinct()) if c]
    facilities = session.execute(select(Facility.number, Facility.name).order_by(Facility.name)).all()
    return Menus(
        first,
        last,
        tuple(sorted(((c, county_name(c)) for c in counties), key=lambda pair: pair[1])),
        tuple((number, name or number) for number, name in facilities),
    )
