"""A run of linkage over the whole registry: sure pairs are linked, doubtful ones wait in the review, what was decided stays.

The unit is the report (`PatientRecord`). Running again changes nothing: pairs with a standing decision, and reports that are
one person already, are left alone; a pair that waits is brought up to the new score.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from abstracting.values import clean
from registry import audit
from registry.db import Store
from registry.errors import RegistryError
from registry.linkage import decisions, tumors
from registry.models import PatientRecord, now
from registry.models.linkage import WAITING, LinkageDecision, LinkagePair, LinkageRun

if TYPE_CHECKING:
    import pandas as pd

    from registry.linkage.match import Matches, Thresholds

ITEMS: dict[str, tuple[str, ...]] = {
    "first": ("2240",),
    "middle": ("2250",),
    "last": ("2230",),
    "suffix": ("2270",),
    "maiden": ("2232", "2390"),
    "sex": ("225", "220"),
    "dob": ("240",),
    "ssn": ("2320",),
    "address": ("2350",),
    "city": ("1810",),
    "zip": ("1830",),
    "phone": ("2360",),
}
"""Items of each field; the first with a value counts. Medical record numbers are a facility's own and are not compared."""

A_TRANSACTION = 200
WHO = "linkage"

Report = Callable[[float, str], None]


def run_job(store: Store, parameters: dict[str, Any], report: Report) -> dict[str, Any]:
    """Compares all reports; gives records, candidates, automatic links, pairs to review, contradictions.

    What was linked before a fault stays linked, the run says that it failed, and running again goes on.
    """
    from registry.linkage.match import Thresholds

    who = str(parameters.get("who") or WHO)
    with store.reading() as session:
        frame = reports_frame(session)
    report(0.05, f"{len(frame):,} reports read")
    limits = Thresholds()
    with store.writing() as session:
        run = LinkageRun(kind="registry", who=who, thresholds={"match": limits.match, "review": limits.review})
        session.add(run)
        session.flush()
        number = run.id
    try:
        return _carry_out(store, frame, number, who, limits, report)
    except Exception:
        with store.writing() as session:
            run = session.get_one(LinkageRun, number)
            run.finished_at, run.state = now(), "failed"
        raise


def _carry_out(
    store: Store, frame: pd.DataFrame, number: int, who: str, limits: Thresholds, report: Report
) -> dict[str, Any]:
    from registry.linkage.match import match

    counted = {"records": len(frame), "candidates": 0, "automatic": 0, "review": 0, "known": 0, "contradicted": 0}
    model = None
    if len(frame) > 1:
        found = match(frame, id="id", thresholds=limits)
        counted["candidates"], model = found.candidates, found.model.as_dict()
        report(0.5, f"{len(found.pairs):,} pairs may be one person")
        lines = list(_lines(found))
        for start in range(0, len(lines), A_TRANSACTION):
            with store.writing() as session:
                for line in lines[start : start + A_TRANSACTION]:
                    counted[_settle(session, line, number)] += 1
            report(0.5 + 0.5 * (start + A_TRANSACTION) / max(len(lines), 1), f"{counted['automatic']:,} linked")
    with store.writing() as session:
        run = session.get_one(LinkageRun, number)
        run.finished_at, run.state, run.report = now(), "done", counted
        run.model = model or {}
        audit.append(session, decisions.CHAIN, number, "run", counted, who=who)
    return counted | {"run": number}


def reports_frame(session: Session) -> pd.DataFrame:
    """Gives all reports, one row each: `id` and the compared fields as text."""
    import pandas as pd

    rows = []
    for number, items in session.execute(select(PatientRecord.id, PatientRecord.items).order_by(PatientRecord.id)):
        fields = {name: next((v for n in of if (v := clean(items.get(n)))), "") for name, of in ITEMS.items()}
        rows.append({"id": number, **fields})
    return pd.DataFrame(rows, columns=["id", *ITEMS])


def _lines(found: Matches) -> Iterator[dict[str, Any]]:
    """Each pair with its total weight and the levels of its fields."""
    for line, weight in zip(found.lines(), found.pairs["weight"].tolist()):
        yield line | {"weight": float(weight)}


def _settle(session: Session, line: dict[str, Any], run: int) -> str:
    """Writes one pair; gives what became of it: `automatic`, `review`, `known` or `contradicted`."""
    from registry.linkage.chains import CHAIN
    from registry.linkage.score import RULES

    left, right = sorted((int(line["left"]), int(line["right"])))
    both = select(PatientRecord).where(PatientRecord.id.in_([left, right]))
    records = {r.id: r for r in session.scalars(both)}
    if len(records) < 2 or _decided(session, left, right) or records[left].patient_id == records[right].patient_id:
        return "known"
    words = {**dict(RULES), CHAIN: "it would bring relatives into one chain of reports"}
    pair = session.scalars(
        select(LinkagePair).where(LinkagePair.left_id == left, LinkagePair.right_id == right)
    ).first()
    if pair is None:
        pair = LinkagePair(left_id=left, right_id=right, state=WAITING)
        session.add(pair)
    levels, conflicts = _levels(records[left], records[right]), {n: words[n] for n in line.get("conflicts", ())}
    pair.run_id, pair.score, pair.weight, pair.verdict = run, line["score"], line["weight"], line["verdict"]
    pair.weights, pair.levels, pair.conflicts = line["weights"], levels, conflicts
    session.flush()
    if pair.verdict != "match" or pair.conflicts or pair.state != WAITING or _was_undone(session, left, right):
        return "review"
    try:
        decisions.link(session, pair, who=WHO, why=f"score {pair.score:.4f}", automatic=True)
    except RegistryError as fault:
        # what people decided stands above the score: the pair waits for them, with what it contradicts
        pair.conflicts = {"decided": fault.message}
        session.flush()
        return "contradicted"
    tumors.compare(session, records[left].patient_id)
    return "automatic"


def _decided(session: Session, left: int, right: int) -> bool:
    query = select(LinkageDecision.id).where(
        LinkageDecision.left_id == left, LinkageDecision.right_id == right, LinkageDecision.undone_at.is_(None)
    )
    return session.scalars(query).first() is not None


def _was_undone(session: Session, left: int, right: int) -> bool:
    """Whether somebody took a decision about these two back: then a person decides, never the program again."""
    query = select(LinkageDecision.id).where(LinkageDecision.left_id == left, LinkageDecision.right_id == right)
    return session.scalars(query).first() is not None


def _levels(left: PatientRecord, right: PatientRecord) -> dict[str, str]:
    """How alike each field is, in the words of the comparison."""
    import numpy as np
    import pandas as pd

    from registry.linkage import compare
    from registry.linkage.fields import prepare

    rows = [
        {n: next((v for i in of if (v := clean(r.items.get(i)))), "") for n, of in ITEMS.items()} for r in (left, right)
    ]
    people = prepare(pd.DataFrame(rows))
    packed = compare.patterns(people, np.array([0]), people, np.array([1]))
    found = zip(compare.COMPARISONS, compare.unpack(packed)[0].tolist())
    return {comparison.name: comparison.levels[level - 1] for comparison, level in found if level}
