"""What becomes of pairs that a comparison found: linked where that is sure, otherwise kept for the review, in bulk.

Many pairs of one transaction are decided together: their reports are regrouped once. A pair is linked by itself when it is
a match without a conflict, when nobody decided it before, when its reports come from two sources, and when it brings
neither relatives nor a `never` into one group. Everything else waits for a person with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from registry import audit
from registry.linkage import tumors
from registry.linkage.chains import APART, CHAIN
from registry.linkage.grouping import CHAIN as SEALS
from registry.linkage.grouping import Joined, homes_of, neighborhood, regroup, standing
from registry.linkage.index import Index
from registry.linkage.match import Matches
from registry.linkage.score import RULE_NAMES, RULES
from registry.models import PatientRecord, now
from registry.models.linkage import LINK, LINKED, NEVER, STALE, WAITING, LinkageDecision, LinkagePair

WHO = "linkage"
SOURCE, DECIDED = "source", "decided"
WORDS = {
    **dict(RULES),
    CHAIN: "it would bring relatives into one chain of reports",
    SOURCE: "one source reports them under two numbers",
}
"""Conflicts of a pair by name, in words; `decided` is told with what it contradicts."""

RELATIVES = frozenset(name for n, name in enumerate(RULE_NAMES) if APART >> n & 1)


@dataclass(frozen=True)
class Found:
    """One pair that a comparison found; `left` is the lower id, `levels` how alike its fields are where that is at hand."""

    left: int
    right: int
    score: float
    weight: float
    verdict: str
    weights: dict[str, float]
    conflicts: tuple[str, ...] = ()
    levels: dict[str, str] | None = None

    @property
    def ends(self) -> tuple[int, int]:
        return self.left, self.right


def found_by(matches: Matches, of: frozenset[int] | None = None) -> Iterator[Found]:
    """Gives the pairs of a comparison of frames, surest first; with `of` those that touch one of these reports."""
    for line, weight in zip(matches.lines(), matches.pairs["weight"].tolist()):
        left, right = sorted((int(line["left"]), int(line["right"])))
        if of is None or left in of or right in of:
            told = tuple(line.get("conflicts", ()))
            yield Found(left, right, line["score"], float(weight), line["verdict"], line["weights"], told)


def found_of(index: Index, records: Sequence[tuple[int, dict[str, str]]]) -> list[Found]:
    """Gives the pairs of some reports of the index with all others, surest first, each once."""
    found: dict[tuple[int, int], Found] = {}
    for (number, _), candidates in zip(records, index.candidates_of([fields for _, fields in records])):
        for c in candidates:
            if c.id == number:
                continue
            left, right = sorted((number, int(c.id)))
            pair = Found(left, right, c.score, c.weight, c.verdict, c.weights, c.conflicts, c.levels)
            found.setdefault((left, right), pair)
    return sorted(found.values(), key=lambda one: (-one.weight, one.ends))


def settle(session: Session, found: Sequence[Found], index: Index, *, run: int, who: str = WHO) -> Counter[str]:
    """Writes pairs, surest first, and links what is sure; counts `automatic`, `review`, `known` and `contradicted`."""
    counted: Counter[str] = Counter()
    ids = sorted({end for one in found for end in one.ends})
    records = {r.id: r for r in session.scalars(select(PatientRecord).where(PatientRecord.id.in_(ids)))}
    decided, undone = _decisions(session, ids)
    pairs = _pairs(session, ids)
    fresh = []
    for one in found:
        both = [records.get(end) for end in one.ends]
        if None in both or one.ends in decided or both[0].patient_id == both[1].patient_id:  # type: ignore[union-attr]
            counted["known"] += 1
            continue
        pair = pairs.get(one.ends)
        if pair is None:
            pair = pairs[one.ends] = LinkagePair(left_id=one.left, right_id=one.right, state=WAITING)
            session.add(pair)
        elif pair.state == STALE:
            pair.state = WAITING
        conflicts = list(one.conflicts)
        if both[0].source_id == both[1].source_id:  # type: ignore[union-attr]
            conflicts.append(SOURCE)
        pair.run_id, pair.score, pair.weight, pair.verdict = run, one.score, one.weight, one.verdict
        pair.weights, pair.conflicts = one.weights, {name: WORDS[name] for name in conflicts}
        pair.levels = index.between(*one.ends).levels if one.levels is None else one.levels
        fresh.append((one, pair))
    session.flush()
    sure = [
        (one, pair)
        for one, pair in fresh
        if one.verdict == "match" and not pair.conflicts and pair.state == WAITING and one.ends not in undone
    ]
    linked, persons = _link(session, sure, index, who=who)
    if linked:
        # tumors are compared before rows move, so that reports and abstracts are regrouped once
        tumors.compare_reports(session, persons, who=who)
        why = "reports that are one person beyond doubt"
        regroup(session, [number for reports in persons for number in reports], who=who, why=why)
    overtaken = sum(pair.state == STALE for _, pair in fresh)
    counted["automatic"], counted["known"] = len(linked), counted["known"] + overtaken
    counted["contradicted"] = sum(DECIDED in pair.conflicts for _, pair in fresh)
    counted["review"] = len(fresh) - len(linked) - counted["contradicted"] - overtaken
    return counted


def retire(session: Session, compared: Iterable[int], found: Iterable[Found]) -> int:
    """Marks pairs of newly compared reports that no longer come near a match as overtaken; gives how many."""
    ids, known = sorted(set(compared)), {one.ends for one in found}
    waiting = select(LinkagePair).where(
        LinkagePair.state == WAITING, or_(LinkagePair.left_id.in_(ids), LinkagePair.right_id.in_(ids))
    )
    gone = [pair for pair in session.scalars(waiting) if (pair.left_id, pair.right_id) not in known]
    for pair in gone:
        pair.state = STALE
    session.flush()
    return len(gone)


def _decisions(session: Session, ids: list[int]) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """Pairs with a standing decision, and pairs of which one was taken back: those are a person's from then on."""
    query = select(LinkageDecision.left_id, LinkageDecision.right_id, LinkageDecision.undone_at).where(
        LinkageDecision.left_id.in_(ids)
    )
    standing_, undone = set(), set()
    for left, right, at in session.execute(query):
        (standing_ if at is None else undone).add((left, right))
    return standing_, undone


def _pairs(session: Session, ids: list[int]) -> dict[tuple[int, int], LinkagePair]:
    query = select(LinkagePair).where(LinkagePair.left_id.in_(ids), LinkagePair.right_id.in_(ids))
    return {(pair.left_id, pair.right_id): pair for pair in session.scalars(query)}


def _link(
    session: Session, sure: Sequence[tuple[Found, LinkagePair]], index: Index, *, who: str
) -> tuple[list[LinkagePair], list[list[int]]]:
    """Decides sure pairs, surest first, without regrouping; a pair that contradicts what stands keeps the reason.

    Gives the pairs that were linked and the reports of each person who changed.
    """
    if not sure:
        return [], []
    near = [record.id for record in neighborhood(session, {end for one, _ in sure for end in one.ends})]
    joined = Joined(near, [*standing(session, near), *homes_of(session, near)])
    apart = standing(session, near, NEVER)
    linked, seals = [], []
    at = now()
    for one, pair in sure:
        if joined.same(*one.ends):
            # who is one person by surer pairs needs no further link; regrouping marks the pair as overtaken
            continue
        if never := joined.kept_apart(*one.ends, apart):
            text = f"reports {never[0]} and {never[1]}, which this link would join, were decided to be two persons"
            pair.conflicts = {DECIDED: text}
            continue
        if _relatives(joined, one, index):
            pair.conflicts = {CHAIN: WORDS[CHAIN]}
            continue
        why = f"score {one.score:.4f}"
        joined.join(*one.ends)
        made = LinkageDecision(
            pair_id=pair.id, left_id=one.left, right_id=one.right, kind=LINK, automatic=True, who=who, why=why
        )
        session.add(made)
        pair.state, pair.decided_by, pair.decided_at, pair.why = LINKED, who, at, why
        linked.append(pair)
        seals.append(made)
    session.flush()
    links = [(made.id, 0, {"reports": [made.left_id, made.right_id]}) for made in seals]
    audit.append_many(session, SEALS, links, action=LINK, who=who, why="linked by the program")
    changed = {id(joined.members(pair.left_id)): joined.members(pair.left_id) for pair in linked}
    return linked, list(changed.values())


def _relatives(joined: Joined, one: Found, index: Index) -> bool:
    """Whether reports that the link would bring together, other than its own two, cannot be one person."""
    for a in joined.members(one.left):
        for b in joined.members(one.right):
            if (a, b) == one.ends or a not in index or b not in index:
                continue
            if RELATIVES & set(index.between(a, b).conflicts):
                return True
    return False
