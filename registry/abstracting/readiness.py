"""The suspense queue: which case can be finished now, which waits and for what, and how many days are left to six months."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from abstracting.values import parse_date
from registry import records
from registry.abstracting import treatment
from registry.models import Abstract
from registry.models.desk import ANSWERED, CLOSED, CaseNote, PhysicianQuery
from registry.models.tumors import INCOMPLETE, SUSPENSE
from registry.security.permissions import Actor, visible

DUE_AFTER = timedelta(days=183)
"""Six months after first contact: the deadline of the CoC and of most states."""

SETTLED_AFTER = timedelta(days=120)
"""After four months without a trace of treatment a case does not wait for it any longer."""

DUE_SOON = 30
LIMIT = 500


@dataclass(frozen=True)
class QueueLine:
    """One case that is not complete: days to its deadline, and what it waits for (nothing: it is ready)."""

    abstract_id: int
    patient_id: int
    name_last: str
    name_first: str
    facility: str
    accession: str
    status: str
    class_of_case: str
    primary_site: str
    first_contact: str
    due: date | None
    days_left: int | None
    waits_for: tuple[str, ...]
    filled: int

    @property
    def ready(self) -> bool:
        """Whether nothing keeps the case from being finished."""
        return not self.waits_for

    @property
    def urgency(self) -> str:
        """Kind of mark: bad when past its deadline, warn within thirty days, else plain."""
        if self.days_left is None:
            return "warn"
        return "bad" if self.days_left < 0 else "warn" if self.days_left <= DUE_SOON else ""


ESSENTIAL = (390, 400, 522, 523, 410, 490, 3843, 3844, 764, 772, 774, 776, 1285, 1291, 1390, 2570, 2600, 2610)
"""Items by which the progress of an abstract is told, in percent."""


def suspense(session: Session, actor: Actor, *, today: date | None = None) -> list[QueueLine]:
    """Gives the cases that are not complete: ready ones first, each part by deadline, then by what is filled in."""
    today = today or date.today()
    query = (
        select(Abstract)
        .where(visible(Abstract, actor), Abstract.status.in_((SUSPENSE, INCOMPLETE)))
        .options(joinedload(Abstract.record), joinedload(Abstract.facility), selectinload(Abstract.texts))
        .order_by(Abstract.first_contact_earliest.nulls_last(), Abstract.id)
        .limit(LIMIT)
    )
    cases = list(session.scalars(query))
    waiting = _waiting(session, [case.id for case in cases])
    lines = [_line(case, waiting.get(case.id, ()), today) for case in cases]
    return sorted(lines, key=lambda line: (not line.ready, line.due or today, -line.filled, line.abstract_id))


def _waiting(session: Session, ids: list[int]) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    notes = select(CaseNote).where(CaseNote.abstract_id.in_(ids), CaseNote.waiting, CaseNote.done_at.is_(None))
    for note in session.scalars(notes):
        found[note.abstract_id] = (*found.get(note.abstract_id, ()), note.text)
    asked = select(PhysicianQuery.abstract_id, PhysicianQuery.state).where(
        PhysicianQuery.abstract_id.in_(ids), PhysicianQuery.state.not_in((CLOSED, ANSWERED))
    )
    for abstract_id, _state in session.execute(asked):
        found[abstract_id] = (*found.get(abstract_id, ()), "answer of a physician")
    return found


def _line(case: Abstract, waiting: tuple[str, ...], today: date) -> QueueLine:
    items = records.all_items(case)
    first = parse_date(items.get(580)).earliest
    due = first + DUE_AFTER if first else None
    reasons = [*waiting, *_treatment(items, first, today)]
    if not items.get(2570) and items.get(610, "")[:1] in ("1", "0") and items.get(490, "1") in "1234":
        reasons.append("pathology report")
    return QueueLine(
        case.id,
        case.record.patient_id,
        items.get(2230, ""),
        items.get(2240, ""),
        case.facility.name if case.facility else "",
        case.accession_number or "",
        case.status,
        case.class_of_case or "",
        items.get(400, ""),
        items.get(580, ""),
        due,
        (due - today).days if due else None,
        tuple(dict.fromkeys(reasons)),
        100 * sum(bool(items.get(n)) for n in ESSENTIAL) // len(ESSENTIAL),
    )


def _treatment(items: dict[int, str], first: date | None, today: date) -> list[str]:
    if items.get(610, "") in ("30", "31", "33", "38", "43", "49") or items.get(1285) in ("0", "2"):
        return []
    reasons = treatment.waiting_for(items)
    settled = first is not None and today - first > SETTLED_AFTER
    return [reason for reason in reasons if not (settled and reason == "first course of treatment")]


def awaiting_treatment(lines: list[QueueLine]) -> list[QueueLine]:
    """Gives those that wait for treatment: planned or recommended, a date, or the first course itself."""
    words = ("treatment", "therapy", "surgery", "radiation", "not known", "course", "palliative", "nodes")
    return [line for line in lines if any(word in reason for reason in line.waits_for for word in words)]
