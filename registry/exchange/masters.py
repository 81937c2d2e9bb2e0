"""Masters that come with records: sources, facilities (540, 545) and physicians (2460 to 2505), made when first met."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.models import Facility, Physician, Source

if TYPE_CHECKING:
    from registry.exchange.writing import RecordUnit, SourceKey

PHYSICIAN_ITEMS = (("2460", "2465"), ("2470", "2475"), ("2480", "2485"), ("2490", "2495"), ("2500", "2505"))
"""Roles on a case as (registry's number, NPI): managing, following, primary surgeon, physician 3, physician 4."""

NOBODY = frozenset({"", "00000000", "88888888", "99999999", "0000000000", "9999999999"})
"""Codes of the physician items that name nobody (none, not applicable, unknown)."""

_NPI_PREFIX = "80840"


def is_valid_npi(npi: str) -> bool:
    """Whether a National Provider Identifier has ten digits and a right check digit (Luhn over 80840 and the number)."""
    if len(npi) != 10 or not (npi.isascii() and npi.isdigit()):
        return False
    total = 0
    for place, digit in enumerate(reversed(_NPI_PREFIX + npi)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


@dataclass
class Masters:
    """What is known of sources, facilities and physicians, kept over the chunks of one import."""

    sources: dict[SourceKey, int] = field(default_factory=dict)
    facilities: dict[str, int] = field(default_factory=dict)
    physicians: set[tuple[str, str]] = field(default_factory=set)

    def source_ids(self, session: Session, keys: set[SourceKey]) -> dict[SourceKey, int]:
        """Gives the numbers of the sources that exist."""
        missing = keys - set(self.sources)
        if missing:
            for source in session.scalars(select(Source)):
                self.sources[source.registry_id, source.facility_number, source.name] = source.id
        return self.sources

    def ensure(self, session: Session, units: list[RecordUnit]) -> None:
        """Makes the sources, facilities and physicians that a chunk names and nobody knew."""
        self._facilities(session, {t.facility: t.items.get("545", "") for u in units for t in u.tumors if t.facility})
        keys = {unit.source for unit in units}
        for key in keys - set(self.source_ids(session, keys)):
            registry_id, number, name = key
            source = Source(
                registry_id=registry_id, facility_number=number, name=name, facility_id=self.facilities.get(number)
            )
            session.add(source)
            session.flush()
            self.sources[key] = source.id
        self._physicians(session, units)

    def _facilities(self, session: Session, numbers: dict[str, str]) -> None:
        if set(numbers) - set(self.facilities):
            self.facilities.update(session.execute(select(Facility.number, Facility.id)).tuples().all())
        for number in sorted(set(numbers) - set(self.facilities)):
            facility = Facility(number=number, npi=numbers[number][:10] or None, name=f"Facility {number}")
            session.add(facility)
            session.flush()
            self.facilities[number] = facility.id

    def _physicians(self, session: Session, units: list[RecordUnit]) -> None:
        met = {
            (t.items.get(number, ""), t.items.get(npi, ""))
            for unit in units
            for t in unit.tumors
            for number, npi in PHYSICIAN_ITEMS
        }
        fresh = {pair for pair in met - self.physicians if pair[0] not in NOBODY or pair[1] not in NOBODY}
        if not fresh:
            return
        numbers = set(session.scalars(select(Physician.number)))
        npis = set(session.scalars(select(Physician.npi)))
        for number, npi in sorted(fresh):
            by_number, by_npi = number in NOBODY, npi in NOBODY
            if (by_number or number not in numbers) and (by_npi or npi not in npis):
                session.add(Physician(number=None if by_number else number[:8], npi=None if by_npi else npi[:10]))
                numbers.add(number)
                npis.add(npi)
        self.physicians |= fresh
