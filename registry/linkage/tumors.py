"""Tumors of linked reports: abstracts of one person compared by the multiple-primary rules, with the rule that decides.

What the rules call one primary, with the same site and morphology and nothing questionable, joins by itself; everything else
that is not clearly two primaries waits for a person.
"""

from __future__ import annotations

from itertools import combinations

from sqlalchemy import select
from sqlalchemy.orm import Session

from abstracting.primaries.records import compare_records
from registry.errors import RegistryError
from registry.linkage import decisions
from registry.models import Abstract, PatientRecord
from registry.models.linkage import DIFFERENT, WAITING, TumorPair

RESULTS = {"SINGLE_PRIMARY": "single", "MULTIPLE_PRIMARIES": "multiple"}
SAME_FACTS = ("400", "522", "523", "410")
"""Items that must say the same for a tumor to be joined by itself: site, morphology, side."""

WHO = "linkage"


def compare(session: Session, patient_id: int, *, who: str = WHO) -> int:
    """Compares the abstracts of a person's different reports that were not compared yet; gives how many pairs wait."""
    abstracts = list(
        session.scalars(
            select(Abstract).join(Abstract.record).where(PatientRecord.patient_id == patient_id).order_by(Abstract.id)
        )
    )
    ids = [a.id for a in abstracts]
    known = set(
        session.execute(select(TumorPair.left_id, TumorPair.right_id).where(TumorPair.left_id.in_(ids))).tuples().all()
    )
    waiting = 0
    for left, right in combinations(abstracts, 2):
        if left.record_id == right.record_id or left.tumor_id == right.tumor_id or (left.id, right.id) in known:
            continue
        waiting += _compare(session, left, right, who)
    return waiting


def _compare(session: Session, left: Abstract, right: Abstract, who: str) -> int:
    verdict = compare_records(left.items, right.items)
    result = RESULTS.get(verdict.result, "questionable")
    pair = TumorPair(
        left_id=left.id,
        right_id=right.id,
        result=result,
        rules_group=verdict.group_id or "",
        rule=verdict.rule or "",
        facts={"reason": verdict.reason, "facts": [[f.test, f.first, f.second, f.truth] for f in verdict.facts]},
        state=DIFFERENT if result == "multiple" else WAITING,
    )
    session.add(pair)
    session.flush()
    same = all(left.items.get(n, "") == right.items.get(n, "") for n in SAME_FACTS)
    if result == "single" and same:
        try:
            decisions.same_tumor(session, pair, who=who, why=verdict.reason, automatic=True)
        except RegistryError:
            return 1
        return 0
    return int(pair.state == WAITING)
