"""The review of tumors: two abstracts of one person, the rule that decided, the facts it decided by, and what was decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, selectinload

from abstracting.primaries.engine import Verdict
from abstracting.primaries.records import compare_records
from registry.errors import RegistryError
from registry.models import Abstract, PatientRecord
from registry.models.linkage import TumorDecision, TumorPair
from registry.security.permissions import Actor, visible
from registry.views.decisions import abstract_words
from registry.views.linkage import Account, account
from registry.views.pairs import DecisionLine, decision_line

WAITING, SAME, DIFFERENT, STALE = "waiting", "same", "different", "stale"
STATES: dict[str, str] = {WAITING: "To decide", SAME: "One tumor", DIFFERENT: "Two tumors", STALE: "Overtaken"}
RESULTS: dict[str, str] = {
    "single": "one primary",
    "multiple": "two primaries",
    "questionable": "the rules cannot tell",
}
SHOWN = (390, 400, 410, 522, 523, 490, 440, 3843, 3844, 756, 764, 759, 820, 830, 560, 380, 610, 580)
"""Items that are set side by side, in their order."""
SIZE = 50


@dataclass(frozen=True)
class TumorPairLine:
    """One pair of abstracts in the queue."""

    id: int
    result: str
    group: str
    rule: str
    state: str
    person: Account
    left: str
    right: str
    decided_by: str
    decided_at: datetime | None


@dataclass(frozen=True)
class ItemLine:
    """One item in both abstracts."""

    number: int
    left: str
    right: str

    @property
    def differs(self) -> bool:
        """Whether the two say different things."""
        return self.left != self.right


@dataclass(frozen=True)
class TumorPairView:
    """Two abstracts side by side with the rules' verdict as it was kept and as it is now."""

    pair: TumorPair
    left: Abstract
    right: Abstract
    person: Account
    items: tuple[ItemLine, ...]
    verdict: Verdict
    decisions: tuple[DecisionLine, ...]
    before: int | None
    after: int | None

    @property
    def standing(self) -> DecisionLine | None:
        """The decision that holds."""
        return next((line for line in self.decisions if line.standing), None)

    @property
    def title(self) -> str:
        """The verdict that was kept, in words."""
        return RESULTS.get(self.pair.result, self.pair.result)


def seen_by(actor: Actor) -> ColumnElement[bool]:
    """The condition under which an account sees a pair of abstracts: both are its to see."""
    if actor.facility_id is None and actor.may("cases.read"):
        return TumorPair.id.is_not(None)
    sides = (TumorPair.left_id, TumorPair.right_id)
    return and_(*(exists().where(Abstract.id == side, visible(Abstract, actor)) for side in sides))


def queue(
    session: Session, actor: Actor, *, state: str = WAITING, after: int | None = None, size: int = SIZE
) -> tuple[list[TumorPairLine], bool]:
    """Gives one page of pairs, the oldest first, and whether more follow; `after` is the id behind which the page begins."""
    if state not in {*STATES, ""}:
        raise RegistryError("usage", f"no state {state!r}", hint=f"known: {', '.join(STATES)}")
    query = select(TumorPair).where(seen_by(actor))
    if state:
        query = query.where(TumorPair.state == state)
    if after is not None:
        query = query.where(TumorPair.id > after)
    found = list(session.scalars(query.order_by(TumorPair.id).limit(size + 1)))
    known = _abstracts(session, [side for pair in found[:size] for side in (pair.left_id, pair.right_id)])
    lines = [
        TumorPairLine(
            pair.id,
            pair.result,
            pair.rules_group or "",
            pair.rule or "",
            pair.state,
            account(known[pair.left_id].record),
            abstract_words(known[pair.left_id]),
            abstract_words(known[pair.right_id]),
            pair.decided_by or "",
            pair.decided_at,
        )
        for pair in found[:size]
        if pair.left_id in known and pair.right_id in known
    ]
    return lines, len(found) > size


def counts(session: Session, actor: Actor) -> dict[str, int]:
    """Gives how many pairs each state holds, every state named."""
    query = select(TumorPair.state, func.count()).where(seen_by(actor)).group_by(TumorPair.state)
    found = dict(session.execute(query).tuples().all())
    return {state: found.get(state, 0) for state in STATES}


def _abstracts(session: Session, ids: list[int]) -> dict[int, Abstract]:
    query = (
        select(Abstract)
        .where(Abstract.id.in_(sorted(set(ids))))
        .options(selectinload(Abstract.record).selectinload(PatientRecord.source), selectinload(Abstract.facility))
    )
    return {abstract.id: abstract for abstract in session.scalars(query)}


def find(session: Session, actor: Actor, pair_id: int) -> TumorPair:
    """Gives a pair of abstracts; one that is not there and one that may not be seen are the same `not-found`."""
    found = session.scalars(select(TumorPair).where(TumorPair.id == pair_id, seen_by(actor))).one_or_none()
    if found is None:
        raise RegistryError("not-found", f"there is no pair of tumors {pair_id}, or none that you may see")
    return found


def neighbor(session: Session, actor: Actor, pair: TumorPair, state: str, *, forward: bool = True) -> int | None:
    """Gives the next pair of a state, or the one before."""
    query = select(TumorPair.id).where(seen_by(actor))
    if state:
        query = query.where(TumorPair.state == state)
    if forward:
        query = query.where(TumorPair.id > pair.id).order_by(TumorPair.id)
    else:
        query = query.where(TumorPair.id < pair.id).order_by(TumorPair.id.desc())
    return session.scalars(query.limit(1)).first()


def load(session: Session, actor: Actor, pair_id: int, *, state: str = WAITING) -> TumorPairView:
    """Gives a pair of abstracts as a reviewer decides it."""
    pair = find(session, actor, pair_id)
    known = _abstracts(session, [pair.left_id, pair.right_id])
    left, right = known[pair.left_id], known[pair.right_id]
    lines = [ItemLine(n, left.items.get(str(n), ""), right.items.get(str(n), "")) for n in SHOWN]
    return TumorPairView(
        pair=pair,
        left=left,
        right=right,
        person=account(left.record),
        items=tuple(line for line in lines if line.left or line.right),
        verdict=compare_records(_by_number(left.items), _by_number(right.items)),
        decisions=tuple(decisions(session, pair.left_id, pair.right_id)),
        before=neighbor(session, actor, pair, state, forward=False),
        after=neighbor(session, actor, pair, state),
    )


def _by_number(items: Mapping[str, str]) -> dict[int, str]:
    return {int(number): value for number, value in items.items()}


def decisions(session: Session, left: int, right: int) -> list[DecisionLine]:
    """Gives every decision about two abstracts, newest first, those taken back among them."""
    either = or_(
        and_(TumorDecision.left_id == left, TumorDecision.right_id == right),
        and_(TumorDecision.left_id == right, TumorDecision.right_id == left),
    )
    query = select(TumorDecision).where(either).order_by(TumorDecision.id.desc())
    return [decision_line(found) for found in session.scalars(query)]
