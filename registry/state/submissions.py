"""What each facility was expected to send in a month and what came: expected, received, overdue, share.

Received counts cases by the day on which they came in first: date case report received (2111), else the day of the import
that brought them. A month is over when its last day has passed; what is missing then is overdue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry import audit
from registry.errors import RegistryError
from registry.models import Abstract, Facility, ImportBatch, PatientRecord
from registry.models.followup import ExpectedSubmission
from registry.security.permissions import Actor

CHAIN = "expected_submission"
MONTHS = 12
MOST_EXPECTED = 1_000_000
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])\Z")


@dataclass(frozen=True)
class Cell:
    """One facility in one month; `expected` is None where nothing was said."""

    month: str
    expected: int | None
    received: int
    over: bool

    @property
    def overdue(self) -> int:
        """How many cases are missing of a month that is over."""
        return max((self.expected or 0) - self.received, 0) if self.over else 0

    @property
    def share(self) -> float | None:
        """Received of expected; None where nothing was expected."""
        return self.received / self.expected if self.expected else None


@dataclass(frozen=True)
class Line:
    """One facility with its months and their sum."""

    facility_id: int
    number: str
    name: str
    cells: tuple[Cell, ...]

    @property
    def expected(self) -> int:
        return sum(cell.expected or 0 for cell in self.cells)

    @property
    def received(self) -> int:
        return sum(cell.received for cell in self.cells)

    @property
    def overdue(self) -> int:
        return sum(cell.overdue for cell in self.cells)

    @property
    def share(self) -> float | None:
        """Received of expected, over the months for which something was expected."""
        asked = [cell for cell in self.cells if cell.expected]
        return sum(c.received for c in asked) / sum(c.expected or 0 for c in asked) if asked else None


@dataclass(frozen=True)
class Grid:
    """Facilities by months, the last month last, with the sums of each month."""

    months: tuple[str, ...]
    lines: tuple[Line, ...]

    def total(self, month: str) -> tuple[int, int, int]:
        """Expected, received and overdue of a month over all facilities."""
        cells = [cell for line in self.lines for cell in line.cells if cell.month == month]
        return sum(c.expected or 0 for c in cells), sum(c.received for c in cells), sum(c.overdue for c in cells)

    @property
    def overdue(self) -> int:
        return sum(line.overdue for line in self.lines)


@dataclass(frozen=True)
class Received:
    """One case that came in a month."""

    abstract_id: int
    patient_id: int
    name_last: str
    name_first: str
    accession: str
    site: str
    class_of_case: str
    status: str
    received: str


def read_month(text: str) -> str:
    """Gives a month as YYYY-MM; anything else is an error."""
    if not _MONTH.match(text):
        raise RegistryError("usage", f"{text!r} is no month", hint="write it as 2025-06")
    return text


def months_until(last: str, count: int = MONTHS) -> tuple[str, ...]:
    """Gives so many months up to and with the last one."""
    year, month = int(last[:4]), int(last[5:])
    first = year * 12 + month - count
    return tuple(f"{n // 12:04d}-{n % 12 + 1:02d}" for n in range(first, first + count))


def grid(
    session: Session, *, last: str = "", count: int = MONTHS, today: date | None = None, facility_id: int | None = None
) -> Grid:
    """Gives the grid of the last months; active facilities, and others that were expected or sent in them."""
    today = today or date.today()
    this = f"{today:%Y-%m}"
    months = months_until(last or this, count)
    came = _received(session, months)
    wanted = {
        (row.facility_id, row.month): row.expected
        for row in session.scalars(select(ExpectedSubmission).where(ExpectedSubmission.month.in_(months)))
    }
    query = select(Facility).order_by(Facility.name, Facility.number)
    if facility_id is not None:
        query = query.where(Facility.id == facility_id)
    lines = []
    for facility in session.scalars(query):
        cells = tuple(
            Cell(m, wanted.get((facility.id, m)), came.get((facility.id, m), 0), over=m < this) for m in months
        )
        if facility.active or any(cell.expected is not None or cell.received for cell in cells):
            lines.append(Line(facility.id, facility.number, facility.name, cells))
    return Grid(months, tuple(lines))


def _received(session: Session, months: tuple[str, ...]) -> dict[tuple[int, str], int]:
    plain = {month.replace("-", ""): month for month in months}
    told = func.substr(func.coalesce(Abstract.items["2111"].as_string(), ""), 1, 6)
    query = (
        select(Abstract.facility_id, told, Abstract.batch_id, func.count())
        .where(Abstract.facility_id.is_not(None))
        .group_by(Abstract.facility_id, told, Abstract.batch_id)
    )
    batches = _months_of_batches(session)
    found: dict[tuple[int, str], int] = {}
    for facility_id, coded, batch_id, count in session.execute(query):
        month = plain.get(coded) if coded else batches.get(batch_id, "")
        if month in months:
            found[facility_id, month] = found.get((facility_id, month), 0) + count
    return found


def _months_of_batches(session: Session) -> dict[int | None, str]:
    query = select(ImportBatch.id, ImportBatch.finished_at).where(ImportBatch.finished_at.is_not(None))
    return {number: f"{moment.astimezone():%Y-%m}" for number, moment in session.execute(query).tuples()}


def received(session: Session, facility_id: int, month: str) -> list[Received]:
    """Gives the cases behind one number of the grid."""
    read_month(month)
    batches = [number for number, found in _months_of_batches(session).items() if found == month]
    told = func.coalesce(Abstract.items["2111"].as_string(), "")
    came = (func.substr(told, 1, 6) == month.replace("-", "")) | ((told == "") & Abstract.batch_id.in_(batches))
    query = (
        select(Abstract, PatientRecord.patient_id, PatientRecord.items)
        .join(PatientRecord, Abstract.record_id == PatientRecord.id)
        .where(Abstract.facility_id == facility_id, came)
        .order_by(Abstract.accession_number, Abstract.id)
    )
    return [
        Received(
            abstract.id,
            patient_id,
            items.get("2230", ""),
            items.get("2240", ""),
            abstract.accession_number or "",
            abstract.items.get("400", ""),
            abstract.class_of_case or "",
            abstract.status,
            abstract.items.get("2111", ""),
        )
        for abstract, patient_id, items in session.execute(query)
    ]


def expect(session: Session, typed: Mapping[tuple[int, str], str], *, actor: Actor) -> int:
    """Writes expectations by (facility, month) as typed, blank for none; gives how many changed. All faults at once."""
    wanted, faults = _read(typed)
    if faults:
        raise RegistryError("usage", "; ".join(faults[:10]), hint="write whole numbers from 0, or nothing")
    facilities = {facility for facility, _ in wanted}
    known = set(session.scalars(select(Facility.id).where(Facility.id.in_(facilities))))
    if facilities - known:
        raise RegistryError("not-found", "there is no such facility")
    rows = {
        (row.facility_id, row.month): row
        for row in session.scalars(select(ExpectedSubmission).where(ExpectedSubmission.facility_id.in_(facilities)))
    }
    changed = 0
    for (facility, month), number in wanted.items():
        row = rows.get((facility, month))
        before = row.expected if row else None
        if before == number:
            continue
        changed += 1
        if row is None:
            row = ExpectedSubmission(facility_id=facility, month=month, expected=number or 0)
            session.add(row)
        elif number is None:
            session.delete(row)
        else:
            row.expected = number
        session.flush()
        told = {month: ["" if before is None else str(before), "" if number is None else str(number)]}
        audit.append(session, CHAIN, facility, "expect", told, who=actor.username)
    return changed


def _read(typed: Mapping[tuple[int, str], str]) -> tuple[dict[tuple[int, str], int | None], list[str]]:
    wanted: dict[tuple[int, str], int | None] = {}
    faults = []
    for (facility, month), text in typed.items():
        read_month(month)
        plain = text.strip()
        if plain and not (plain.isascii() and plain.isdigit() and int(plain) <= MOST_EXPECTED):
            faults.append(f"{month}: {plain[:20]!r} is no number of cases")
            continue
        wanted[facility, month] = int(plain) if plain else None
    return wanted, faults


def as_rows(found: Grid) -> Iterable[tuple[str, str, str, int | None, int, int, float | None]]:
    """Gives the grid as a list: number, facility, month, expected, received, overdue, share."""
    for line in found.lines:
        for cell in line.cells:
            yield line.number, line.name, cell.month, cell.expected, cell.received, cell.overdue, cell.share
