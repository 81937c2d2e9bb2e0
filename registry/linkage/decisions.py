"""Decisions of linkage: each is kept with who, when and why, sealed, and can be taken back; the groups follow from them.

A decision that contradicts a standing one is refused with the reason and never settled silently. A pair for which a second
reviewer was asked is decided by another account.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.errors import RegistryError
from registry.linkage.grouping import CHAIN, TUMOR_CHAIN, groups, homes_of, neighborhood, regroup, standing
from registry.models import Abstract, PatientRecord, now
from registry.models.linkage import (
    DIFFERENT,
    LINK,
    LINKED,
    NEVER,
    SAME,
    SECOND,
    WAITING,
    LinkageDecision,
    LinkagePair,
    TumorDecision,
    TumorPair,
)

Ends = LinkagePair | Sequence[int]
TumorEnds = TumorPair | Sequence[int]


def link(session: Session, pair: Ends, *, who: str, why: str = "", automatic: bool = False) -> LinkageDecision:
    """Decides that two reports are one person and brings them together; refused where a `never` stands between them."""
    left, right, row = _ends(session, pair)
    _check_second(row, who)
    if row is not None and row.state == WAITING and is_hard(session, row):
        raise RegistryError(
            "contradiction",
            f"these reports conflict: {'; '.join(row.conflicts.values())}",
            hint="ask a second reviewer, who links them if they are one person",
        )
    _check_open(session, left, right)
    near = [record.id for record in neighborhood(session, [left, right])]
    joined = groups(near, [*_together(session, near), (left, right)])
    for a, b in standing(session, near, NEVER):
        if a in joined and b in joined and joined[a] == joined[b]:
            raise RegistryError(
                "contradiction",
                f"reports {a} and {b}, which this link would join, were decided to be two persons",
                hint="take that decision back first",
            )
    made = _decide(session, row, left, right, LINK, who=who, why=why, automatic=automatic)
    _mark(row, LINKED, who, why)
    regroup(session, [left, right], who=who, why=why or f"reports {left} and {right} are one person")
    return made


def never(session: Session, pair: Ends, *, who: str, why: str = "", automatic: bool = False) -> LinkageDecision:
    """Decides that two reports are never one person; refused where standing links make them one."""
    left, right, row = _ends(session, pair)
    _check_second(row, who)
    _check_open(session, left, right)
    near = [record.id for record in neighborhood(session, [left, right])]
    joined = groups(near, _together(session, near))
    if joined[left] == joined[right]:
        raise RegistryError(
            "contradiction",
            f"reports {left} and {right} are one person by other links",
            hint="take those links back first",
        )
    made = _decide(session, row, left, right, NEVER, who=who, why=why, automatic=automatic)
    _mark(row, DIFFERENT, who, why)
    session.flush()
    return made


def ask_second(session: Session, pair_id: int, *, who: str, why: str) -> LinkagePair:
    """Asks a second reviewer about a hard pair, with what makes it hard."""
    pair = session.get(LinkagePair, pair_id)
    if pair is None or pair.state != WAITING:
        raise RegistryError("not-found", f"there is no pair {pair_id} that waits")
    if not why.strip():
        raise RegistryError("usage", "a second reviewer is asked with a reason", hint="write what makes the pair hard")
    pair.state, pair.asked_by, pair.asked_why = SECOND, who, why.strip()
    session.flush()
    audit.append(
        session, CHAIN, pair.id, "ask", {"state": [WAITING, SECOND]}, who=who, why=why, version=pair.version_id
    )
    return pair


def is_hard(session: Session, pair: LinkagePair) -> bool:
    """Whether a pair is linked only by a second reviewer: something speaks against it, and the registry wants two to look."""
    settings = session.info.get("settings")
    return bool(pair.conflicts) and (settings is None or settings.second_reviewer)


def retract(session: Session, pair_id: int, *, who: str) -> LinkagePair:
    """Takes the question to a second reviewer back, by the account that asked it; the pair waits as before."""
    pair = session.get(LinkagePair, pair_id)
    if pair is None or pair.state != SECOND:
        raise RegistryError("not-found", f"there is no pair {pair_id} for a second reviewer")
    if pair.asked_by != who:
        raise RegistryError(
            "contradiction", f"{pair.asked_by} asked about this pair", hint="decide it, or leave it to them"
        )
    pair.state, pair.asked_by, pair.asked_why = WAITING, "", ""
    session.flush()
    audit.append(session, CHAIN, pair.id, "retract", {"state": [SECOND, WAITING]}, who=who, version=pair.version_id)
    return pair


def undo(session: Session, decision_id: int, *, who: str, why: str) -> LinkageDecision:
    """Takes a decision about reports back; what was before it is restored, and the pair waits again."""
    found = session.get(LinkageDecision, decision_id)
    _check_standing(found, decision_id)
    assert found is not None
    found.undone_at, found.undone_by, found.undone_why = now(), who, why
    pair = session.get(LinkagePair, found.pair_id) if found.pair_id else None
    if pair is not None:
        pair.state, pair.decided_by, pair.decided_at, pair.why = WAITING, "", None, ""
    session.flush()
    audit.append(session, CHAIN, found.id, "undo", {"undone": ["", found.kind]}, who=who, why=why)
    if found.kind == LINK:
        regroup(session, [found.left_id, found.right_id], who=who, why=why)
    return found


def same_tumor(session: Session, pair: TumorEnds, *, who: str, why: str = "", automatic: bool = False) -> TumorDecision:
    """Decides that two abstracts of one person are of one tumor."""
    return _decide_tumor(session, pair, SAME, who=who, why=why, automatic=automatic)


def different_tumor(
    session: Session, pair: TumorEnds, *, who: str, why: str = "", automatic: bool = False
) -> TumorDecision:
    """Decides that two abstracts of one person are of two tumors."""
    return _decide_tumor(session, pair, DIFFERENT, who=who, why=why, automatic=automatic)


def undo_tumor(session: Session, decision_id: int, *, who: str, why: str) -> TumorDecision:
    """Takes a decision about abstracts back; what was before it is restored, and the pair waits again."""
    found = session.get(TumorDecision, decision_id)
    _check_standing(found, decision_id)
    assert found is not None
    found.undone_at, found.undone_by, found.undone_why = now(), who, why
    pair = session.get(TumorPair, found.pair_id) if found.pair_id else None
    if pair is not None:
        pair.state, pair.decided_by, pair.decided_at, pair.why = WAITING, "", None, ""
    session.flush()
    audit.append(session, TUMOR_CHAIN, found.id, "undo", {"undone": ["", found.kind]}, who=who, why=why)
    record = session.get_one(Abstract, found.left_id).record_id
    regroup(session, [record], who=who, why=why)
    return found


def _decide_tumor(
    session: Session, pair: TumorEnds, kind: str, *, who: str, why: str, automatic: bool
) -> TumorDecision:
    row = pair if isinstance(pair, TumorPair) else None
    left, right = (row.left_id, row.right_id) if row is not None else sorted(pair)  # type: ignore[arg-type]
    first, second = (session.get(Abstract, n) for n in (left, right))
    if first is None or second is None:
        raise RegistryError("not-found", f"there are no abstracts {left} and {right}")
    if first.record.patient_id != second.record.patient_id:
        raise RegistryError("contradiction", "the two abstracts are of two persons", hint="link the persons first")
    query = select(TumorDecision).where(
        TumorDecision.left_id == left, TumorDecision.right_id == right, TumorDecision.undone_at.is_(None)
    )
    if session.scalars(query).first() is not None:
        raise RegistryError("conflict", "these two abstracts are decided already", hint="take that decision back first")
    opposite = DIFFERENT if kind == SAME else SAME
    if kind == DIFFERENT and first.tumor_id == second.tumor_id:
        raise RegistryError(
            "contradiction", f"the two abstracts are one tumor by what is {opposite}", hint="take that back first"
        )
    made = TumorDecision(
        pair_id=row.id if row else None, left_id=left, right_id=right, kind=kind, automatic=automatic, who=who, why=why
    )
    session.add(made)
    _mark(row, kind, who, why)
    session.flush()
    audit.append(session, TUMOR_CHAIN, made.id, kind, {"abstracts": [left, right]}, who=who, why=why)
    if kind == SAME:
        regroup(session, [first.record_id, second.record_id], who=who, why=why)
    return made


def _ends(session: Session, pair: Ends) -> tuple[int, int, LinkagePair | None]:
    """The two reports, the lower first, and the pair's row where there is one."""
    if isinstance(pair, LinkagePair):
        return pair.left_id, pair.right_id, pair
    left, right = sorted(pair)
    if (
        left == right
        or len(session.scalars(select(PatientRecord.id).where(PatientRecord.id.in_([left, right]))).all()) < 2
    ):
        raise RegistryError("not-found", f"there are no two reports {left} and {right}")
    row = session.scalars(select(LinkagePair).where(LinkagePair.left_id == left, LinkagePair.right_id == right)).first()
    return left, right, row


def _check_second(row: LinkagePair | None, who: str) -> None:
    if row is not None and row.state == SECOND and row.asked_by == who:
        raise RegistryError(
            "contradiction", "you asked for a second reviewer", hint="another account decides this pair"
        )


def _check_open(session: Session, left: int, right: int) -> None:
    query = select(LinkageDecision.kind).where(
        LinkageDecision.left_id == left, LinkageDecision.right_id == right, LinkageDecision.undone_at.is_(None)
    )
    if session.scalars(query).first() is not None:
        raise RegistryError("conflict", "these two reports are decided already", hint="take that decision back first")


def _check_standing(found: LinkageDecision | TumorDecision | None, number: int) -> None:
    if found is None:
        raise RegistryError("not-found", f"there is no decision {number}")
    if found.undone_at is not None:
        raise RegistryError("conflict", f"decision {number} was taken back by {found.undone_by} already")


def _together(session: Session, ids: list[int]) -> list[tuple[int, int]]:
    """The edges that make reports one person now: standing links, and one home."""
    return [*standing(session, ids), *homes_of(session, ids)]


def _decide(
    session: Session, row: LinkagePair | None, left: int, right: int, kind: str, *, who: str, why: str, automatic: bool
) -> LinkageDecision:
    made = LinkageDecision(
        pair_id=row.id if row else None, left_id=left, right_id=right, kind=kind, automatic=automatic, who=who, why=why
    )
    session.add(made)
    session.flush()
    audit.append(session, CHAIN, made.id, kind, {"reports": [left, right]}, who=who, why=why)
    return made


def _mark(row: LinkagePair | TumorPair | None, state: str, who: str, why: str) -> None:
    if row is not None:
        row.state, row.decided_by, row.decided_at, row.why = state, who, now(), why
