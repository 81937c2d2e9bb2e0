"""The masters as pages show them: physicians, facilities, declared areas, and who treats and knows one patient."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session

from abstracting.codes import places
from registry.errors import RegistryError
from registry.exchange.masters import NOBODY, PHYSICIAN_ITEMS
from registry.masters import npi_warning
from registry.models import Abstract, Facility, Patient, PatientRecord, Physician, PopulationArea
from registry.security.permissions import Actor, visible

ROLES = ("Managing", "Following", "Primary surgeon", "Physician 3", "Physician 4")
"""The roles of `PHYSICIAN_ITEMS`, in their order."""

CONTACT_ITEMS = (2394, 2392, 2393, 1842, 1844, 1846, 1847)
"""The follow-up contact of a patient: name, address, supplement, city, state, postal code, country."""


@dataclass(frozen=True)
class PhysicianLine:
    """One physician of the list."""

    id: int
    name_last: str
    name_first: str
    npi: str
    number: str
    specialty: str
    city: str
    phone: str
    active: bool

    @property
    def name(self) -> str:
        """`Last, First`, or what else tells them apart."""
        return ", ".join(part for part in (self.name_last, self.name_first) if part) or "(no name yet)"

    @property
    def warning(self) -> str:
        """What is wrong with the NPI."""
        return npi_warning(self.npi)


def _line(row: Physician) -> PhysicianLine:
    return PhysicianLine(
        row.id,
        row.name_last,
        row.name_first,
        row.npi or "",
        row.number or "",
        row.specialty or "",
        row.city or "",
        row.phone or "",
        row.active,
    )


def physicians(
    session: Session, *, text: str = "", show: str = "active", page: int = 1, size: int = 50
) -> tuple[list[PhysicianLine], bool, int]:
    """Gives one page of physicians by name; `show` is active, nameless (to complete) or all."""
    query = select(Physician)
    if show == "active":
        query = query.where(Physician.active)
    elif show == "nameless":
        query = query.where(Physician.name_last == "")
    for word in text.replace(",", " ").split():
        begins = [
            column.istartswith(word, autoescape=True)
            for column in (Physician.name_last, Physician.name_first, Physician.npi, Physician.number)
        ]
        query = query.where(or_(*begins, Physician.specialty.icontains(word, autoescape=True)))
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    order = (Physician.name_last == "", Physician.name_last, Physician.name_first, Physician.id)
    rows = [_line(row) for row in session.scalars(query.order_by(*order).offset((page - 1) * size).limit(size + 1))]
    return rows[:size], len(rows) > size, total


def choices(session: Session) -> list[PhysicianLine]:
    """Gives the active physicians for a field's list, by name."""
    query = select(Physician).where(Physician.active).order_by(Physician.name_last, Physician.name_first)
    return [_line(row) for row in session.scalars(query)]


@dataclass(frozen=True)
class PhysicianPage:
    """One physician with everything kept, and in which role they stand on how many abstracts the actor sees."""

    row: Physician
    line: PhysicianLine
    roles: tuple[tuple[str, int, tuple[str, ...]], ...]


def physician(session: Session, actor: Actor, number: int) -> PhysicianPage:
    """Gives one physician; each role carries the number of abstracts and the conditions that hold them."""
    row = session.get(Physician, number)
    if row is None:
        raise RegistryError("not-found", f"there is no physician {number}")
    counts = []
    for own, npi in PHYSICIAN_ITEMS:
        item, value = (npi, row.npi) if row.npi else (own, row.number)
        hit = Abstract.items[item].as_string() == (value or "-")
        counts.append((item, value, func.sum(case((hit, 1), else_=0))))
    found = session.execute(select(*(c[2] for c in counts)).where(visible(Abstract, actor))).one()
    roles = tuple(
        (role, int(many or 0), (f"{item}={value}",)) for role, (item, value, _), many in zip(ROLES, counts, found)
    )
    return PhysicianPage(row, _line(row), roles)


def facilities(session: Session) -> list[Facility]:
    """Gives all facilities by name."""
    return list(session.scalars(select(Facility).order_by(Facility.name, Facility.id)))


def facility(session: Session, number: int) -> Facility:
    """Gives one facility."""
    row = session.get(Facility, number)
    if row is None:
        raise RegistryError("not-found", f"there is no facility {number}")
    return row


def abstracts_by_facility(session: Session, actor: Actor) -> dict[int | None, int]:
    """Gives how many abstracts of each facility the actor sees."""
    query = select(Abstract.facility_id, func.count()).where(visible(Abstract, actor)).group_by(Abstract.facility_id)
    return dict(session.execute(query).tuples().all())


@dataclass(frozen=True)
class AreaLine:
    """One declaration: a county population-based in a span of years."""

    id: int
    county: str
    name: str
    state: str
    year_from: int
    year_to: int
    completeness: float
    declared_by: str
    declared_at: datetime


def areas(session: Session) -> list[AreaLine]:
    """Gives all declarations by county and year."""
    query = select(PopulationArea).order_by(PopulationArea.county, PopulationArea.year_from)
    found = []
    for row in session.scalars(query):
        state = places.state_of_fips(row.county[:2])
        name = places.county_label(state, row.county[2:])
        found.append(
            AreaLine(
                row.id,
                row.county,
                name,
                state,
                row.year_from,
                row.year_to,
                row.completeness,
                row.declared_by,
                row.declared_at,
            )
        )
    return found


# --- one patient ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RoleOnCase:
    """A role on an abstract: the items, what they hold, and the physician they name (None: not among the masters)."""

    title: str
    number_item: int
    npi_item: int
    number: str
    npi: str
    physician: PhysicianLine | None

    @property
    def key(self) -> str:
        """What stands in the field: the NPI, else the registry's own number."""
        return next((value for value in (self.npi, self.number) if value not in NOBODY), "")


@dataclass(frozen=True)
class CaseContacts:
    """One abstract's roles and follow-up contact."""

    abstract_id: int
    tumor_id: int
    version: int
    facility: str
    primary_site: str
    date_of_diagnosis: str
    roles: tuple[RoleOnCase, ...]
    contact: dict[int, str]


@dataclass(frozen=True)
class PatientContacts:
    """Who treats and knows one person, abstract by abstract."""

    patient_id: int
    name_last: str
    name_first: str
    cases: tuple[CaseContacts, ...]


def patient(session: Session, actor: Actor, patient_id: int) -> PatientContacts:
    """Gives the physicians and contacts on a person's abstracts that the actor sees; none of them is `not-found`."""
    person = session.scalars(select(Patient).where(Patient.id == patient_id, visible(Patient, actor))).one_or_none()
    if person is None:
        raise RegistryError("not-found", f"there is no patient {patient_id}, or none that you may see")
    query = (
        select(Abstract)
        .join(PatientRecord, Abstract.record_id == PatientRecord.id)
        .where(PatientRecord.patient_id == patient_id, visible(Abstract, actor))
        .order_by(Abstract.id)
    )
    abstracts = list(session.scalars(query))
    known = _named(session, abstracts)
    cases = []
    for abstract in abstracts:
        get = abstract.items.get
        roles = []
        for title, (own, npi) in zip(ROLES, PHYSICIAN_ITEMS):
            number, code = get(own, ""), get(npi, "")
            found = known.get(("npi", code)) or known.get(("number", number))
            roles.append(RoleOnCase(title, int(own), int(npi), number, code, found))
        cases.append(
            CaseContacts(
                abstract.id,
                abstract.tumor_id,
                abstract.version_id,
                abstract.facility.name if abstract.facility else "no facility",
                get("400", ""),
                get("390", ""),
                tuple(roles),
                {n: get(str(n), "") for n in CONTACT_ITEMS},
            )
        )
    named = abstracts[0].record.items if abstracts else person.items
    return PatientContacts(patient_id, named.get("2230", ""), named.get("2240", ""), tuple(cases))


def _named(session: Session, abstracts: Iterable[Abstract]) -> dict[tuple[str, str], PhysicianLine]:
    numbers, npis = set(), set()
    for abstract in abstracts:
        for own, npi in PHYSICIAN_ITEMS:
            numbers.add(abstract.items.get(own, ""))
            npis.add(abstract.items.get(npi, ""))
    query = select(Physician).where(or_(Physician.number.in_(numbers - NOBODY), Physician.npi.in_(npis - NOBODY)))
    found = {}
    for row in session.scalars(query):
        line = _line(row)
        if row.npi:
            found["npi", row.npi] = line
        if row.number:
            found["number", row.number] = line
    return found


def find_physician(session: Session, key: str) -> Physician:
    """Gives the physician of an NPI or number as it stands in a field; an unknown one is an error with a remedy."""
    row = session.scalars(select(Physician).where(or_(Physician.npi == key, Physician.number == key))).first()
    if row is None:
        raise RegistryError(
            "item-value", f"no physician has the NPI or number {key!r}", hint="add the physician first, or choose one"
        )
    return row
