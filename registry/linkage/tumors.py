"""Tumors of linked reports: abstracts of one person compared by the multiple-primary rules, with the rule that decides.

What the rules call one primary, with the same site and morphology and nothing questionable, joins by itself; everything else
that is not clearly two primaries waits for a person. What was compared is kept with the pair: when the data of a tumor
change, the pair is compared again. A person's decision stands over that; the program's own is taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from abstracting.primaries.records import compare_records
from registry import audit
from registry.linkage.grouping import TUMOR_CHAIN, Joined, regroup
from registry.models import Abstract, PatientRecord, now
from registry.models.linkage import DIFFERENT, SAME, WAITING, TumorDecision, TumorPair

RESULTS = {"SINGLE_PRIMARY": "single", "MULTIPLE_PRIMARIES": "multiple"}
SAME_FACTS = ("400", "522", "523", "410")
"""Items that must say the same for a tumor to be joined by itself: site, morphology, side."""

READ = ("390", "400", "410", "420", "430", "522", "523")
"""Items on which the verdict depends."""

WHO, JOINED = "linkage", "abstracts that are one tumor by the rules"


def compare(session: Session, patient_id: int, *, who: str = WHO) -> int:
    """Compares the abstracts of a person's different reports, new and changed ones; gives how many pairs wait."""
    records = session.scalars(select(PatientRecord.id).where(PatientRecord.patient_id == patient_id)).all()
    waiting, moving = compare_reports(session, [records], who=who)
    if moving:
        regroup(session, moving, who=who, why=JOINED)
    return waiting


def compare_reports(session: Session, persons: Iterable[Sequence[int]], *, who: str = WHO) -> tuple[int, list[int]]:
    """Compares the abstracts of several persons, each given by reports; what is sure is decided and not yet regrouped.

    Gives how many pairs wait, and the reports to regroup.
    """
    person_of = {number: place for place, numbers in enumerate(persons) if len(numbers) > 1 for number in numbers}
    query = select(Abstract).where(Abstract.record_id.in_(person_of)).order_by(Abstract.id)
    of: dict[int, list[Abstract]] = {}
    for abstract in session.scalars(query):
        of.setdefault(person_of[abstract.record_id], []).append(abstract)
    ids = [abstract.id for abstracts in of.values() for abstract in abstracts]
    known = {
        (pair.left_id, pair.right_id): pair
        for pair in session.scalars(select(TumorPair).where(TumorPair.left_id.in_(ids), TumorPair.right_id.in_(ids)))
    }
    _again(session, list(known.values()), {a.id: a for one in of.values() for a in one}, who)
    fresh = []
    for abstracts in of.values():
        for left, right in combinations(abstracts, 2):
            if left.record_id == right.record_id or left.tumor_id == right.tumor_id or (left.id, right.id) in known:
                continue
            pair = TumorPair(left_id=left.id, right_id=right.id)
            session.add(pair)
            _judge(pair, left, right)
            fresh.append((pair, left, right))
    session.flush()
    moving = _join(session, fresh, ids, who)
    return sum(pair.state == WAITING for pair, *_ in fresh), moving


def recompare(session: Session, abstract_ids: Sequence[int], *, who: str = WHO) -> int:
    """Compares pairs of some abstracts again whose data changed since; gives how many did."""
    query = select(TumorPair).where(or_(TumorPair.left_id.in_(abstract_ids), TumorPair.right_id.in_(abstract_ids)))
    pairs = list(session.scalars(query.order_by(TumorPair.id)))
    if not pairs:
        return 0
    ends = {end for pair in pairs for end in (pair.left_id, pair.right_id)}
    abstracts = {a.id: a for a in session.scalars(select(Abstract).where(Abstract.id.in_(ends)))}
    return _again(session, [p for p in pairs if p.left_id in abstracts and p.right_id in abstracts], abstracts, who)


def _read(abstract: Abstract) -> dict[str, str]:
    return {number: abstract.items[number] for number in READ if abstract.items.get(number)}


def _judge(pair: TumorPair, left: Abstract, right: Abstract) -> None:
    """Writes what the rules say and what they were asked with."""
    verdict = compare_records(left.items, right.items)
    pair.result = RESULTS.get(verdict.result, "questionable")
    pair.rules_group, pair.rule = verdict.group_id or "", verdict.rule or ""
    facts = [[f.test, f.first, f.second, f.truth] for f in verdict.facts]
    pair.facts = {"reason": verdict.reason, "facts": facts, "read": [_read(left), _read(right)]}
    pair.state = DIFFERENT if pair.result == "multiple" else WAITING


def _again(session: Session, pairs: list[TumorPair], abstracts: Mapping[int, Abstract], who: str) -> int:
    """Judges pairs anew whose data changed; one that a person decided keeps the decision and tells of the change."""
    from registry.linkage import decisions

    changed = 0
    for pair in pairs:
        left, right = abstracts[pair.left_id], abstracts[pair.right_id]
        before = pair.facts.get("read")
        if before is None or before == [_read(left), _read(right)]:
            continue
        changed += 1
        stands = session.scalars(
            select(TumorDecision).where(
                TumorDecision.left_id == left.id, TumorDecision.right_id == right.id, TumorDecision.undone_at.is_(None)
            )
        ).first()
        state, was = pair.state, (pair.result, pair.rule)
        _judge(pair, left, right)
        if stands is None:
            pair.decided_by, pair.decided_at, pair.why = "", None, ""
            why = "site, morphology, side or date changed: compared again"
            audit.append(session, TUMOR_CHAIN, pair.id, "recompare", {"state": [state, pair.state]}, who=who, why=why)
            session.flush()
            if left.record.patient_id == right.record.patient_id:
                of = select(Abstract.id).join(Abstract.record)
                near = session.scalars(of.where(PatientRecord.patient_id == left.record.patient_id)).all()
                if moving := _join(session, [(pair, left, right)], near, who):
                    regroup(session, moving, who=who, why=JOINED)
        elif stands.automatic and not _is_sure(pair, left, right):
            fresh = pair.state
            session.flush()
            decisions.undo_tumor(session, stands.id, who=who, why="site, morphology, side or date changed since")
            pair.state = fresh
        else:
            pair.state = state
            if (pair.result, pair.rule) != was and not stands.automatic:
                pair.facts = {**pair.facts, "changed": f"decided when the rules said: {was[0]}, {was[1] or 'no rule'}"}
    session.flush()
    return changed


def _is_sure(pair: TumorPair, left: Abstract, right: Abstract) -> bool:
    """Whether the program may say by itself that two abstracts are of one tumor."""
    same = all(left.items.get(n, "") == right.items.get(n, "") for n in SAME_FACTS)
    return pair.result == "single" and same


def _join(
    session: Session, judged: Sequence[tuple[TumorPair, Abstract, Abstract]], near: Sequence[int], who: str
) -> list[int]:
    """Decides what is sure, all at once; a pair whose joining contradicts what stands waits. Gives reports to regroup."""
    sure = [one for one in judged if one[0].state == WAITING and _is_sure(*one)]
    if not sure:
        return []
    members = sorted({*near, *(a.id for _, *both in sure for a in both)})
    edges, apart = _standing(session, members)
    tumor: dict[int, int] = {}
    for number, home in session.execute(select(Abstract.id, Abstract.tumor_id).where(Abstract.id.in_(members))):
        edges.append((tumor.setdefault(home, number), number))
    undone = _undone(session, members)
    groups, made = Joined(members, edges), []
    for pair, left, right in sure:
        if (left.id, right.id) in undone or groups.kept_apart(left.id, right.id, apart):
            continue
        groups.join(left.id, right.id)
        why = str(pair.facts["reason"])
        decision = TumorDecision(
            pair_id=pair.id, left_id=left.id, right_id=right.id, kind=SAME, automatic=True, who=who, why=why
        )
        session.add(decision)
        pair.state, pair.decided_by, pair.decided_at, pair.why = SAME, who, now(), why
        made.append((decision, left.record_id))
    session.flush()
    links: list[tuple[int, int, dict[str, Any]]] = [
        (one.id, 0, {"abstracts": [one.left_id, one.right_id]}) for one, _ in made
    ]
    audit.append_many(session, TUMOR_CHAIN, links, action=SAME, who=who, why="joined by the program")
    return [record for _, record in made]


def _standing(session: Session, ids: Sequence[int]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Gives the standing decisions on abstracts: those that join and those that keep apart."""
    query = select(TumorDecision.left_id, TumorDecision.right_id, TumorDecision.kind).where(
        TumorDecision.undone_at.is_(None), TumorDecision.left_id.in_(ids), TumorDecision.right_id.in_(ids)
    )
    rows = list(session.execute(query))
    return ([(a, b) for a, b, kind in rows if kind == SAME], [(a, b) for a, b, kind in rows if kind == DIFFERENT])


def _undone(session: Session, ids: Sequence[int]) -> set[tuple[int, int]]:
    """Pairs whose decision a person took back: from then on people decide them."""
    query = select(TumorDecision.left_id, TumorDecision.right_id).where(
        TumorDecision.undone_at.is_not(None), TumorDecision.undone_by != WHO, TumorDecision.left_id.in_(ids)
    )
    return set(session.execute(query).tuples())
