"""One pair of the review: two reports side by side, how alike each field is and what it weighs, tumors, what was decided.

Differences are told letter by letter as runs of text that are the same or not, so that a page can mark them otherwise than by
colour; the weights as steps of a running sum from the prior to the probability.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from itertools import product

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, selectinload

from abstracting.primaries.engine import Verdict
from abstracting.primaries.records import compare_records
from registry.models import Abstract, ImportBatch, PatientRecord
from registry.models.linkage import LinkageDecision, LinkagePair, LinkageRun
from registry.security.permissions import Actor, visible
from registry.views.linkage import find
from registry.views.patient import source_name

FIELDS: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("last", "Last name", (2230,)),
    ("first", "First name", (2240,)),
    ("middle", "Middle name", (2250,)),
    ("suffix", "Suffix", (2270,)),
    ("maiden", "Birth surname", (2232, 2390)),
    ("sex", "Sex", (225, 220)),
    ("dob", "Date of birth", (240,)),
    ("ssn", "Social security number", (2320,)),
    ("address", "Street", (2350,)),
    ("city", "City", (1810,)),
    ("zip", "Postal code", (1830,)),
    ("phone", "Telephone", (2360,)),
    ("mrn", "Medical record number", (2300,)),
)
"""Fields that linkage compares: their name there, their title, and the items that hold them (the first with a value)."""

BESIDE: tuple[tuple[str, int], ...] = (
    ("Alias", 2280),
    ("Race", 160),
    ("Hispanic origin", 190),
    ("Birthplace, state", 252),
    ("Birthplace, country", 254),
    ("Vital status", 1760),
    ("Last contact", 1750),
    ("Cause of death", 1910),
)
"""What is shown beside the compared fields and weighs nothing."""

CODED = frozenset({"sex", *(title for title, _ in BESIDE if title not in ("Alias", "Last contact"))})
DATES, DIGITS = frozenset({"dob", "Last contact"}), frozenset({"dob", "ssn", "phone", "zip", "mrn", "Last contact"})
"""Fields that are dates, and fields that are compared digit by digit in their places."""

SAME = frozenset({"same", "code and town"})
DIFFERENT = frozenset({"different", "different, women"})
MOST_TUMORS = 6
"""So many tumors of each side are compared with those of the other."""


@dataclass(frozen=True)
class Run:
    """A run of letters: the text, and whether the other side has it as well."""

    text: str
    same: bool


@dataclass(frozen=True)
class FieldLine:
    """One field on both sides: coded values, the runs that differ, how alike it is in words, and what it weighs (log2)."""

    name: str
    title: str
    item: int
    left: str
    right: str
    left_runs: tuple[Run, ...]
    right_runs: tuple[Run, ...]
    level: str
    weight: float | None

    @property
    def kind(self) -> str:
        """`same`, `near`, `different`, or `missing` where one side says nothing."""
        if not self.left or not self.right:
            return "missing"
        if self.level in SAME or (not self.level and all(run.same for run in self.left_runs + self.right_runs)):
            return "same"
        return "different" if self.level in DIFFERENT or not self.level else "near"


@dataclass(frozen=True)
class Step:
    """One step of the running sum: the field, how alike it is, its weight and the sum before and after it."""

    name: str
    title: str
    level: str
    weight: float
    before: float
    after: float

    @property
    def probability(self) -> float:
        """The probability that the sum so far means."""
        return probability(self.after)


@dataclass(frozen=True)
class Residence:
    """An address at a diagnosis, as one abstract tells it."""

    street: str
    city: str
    state: str
    postal_code: str
    county: str
    diagnosed: str


@dataclass(frozen=True)
class TumorLine:
    """One abstract of a side in one line."""

    abstract_id: int
    letter: str
    facility: str
    site: str
    laterality: str
    histology: str
    behavior: str
    diagnosed: str
    class_of_case: str
    items: Mapping[str, str]


@dataclass(frozen=True)
class Side:
    """One report: whose, from where, when it came, its tumors and addresses, and the patient it stands under."""

    record_id: int
    patient_id: int
    number: str
    name_last: str
    name_first: str
    source: str
    file: str
    received_at: datetime | None
    version: int
    updated_at: datetime
    tumors: tuple[TumorLine, ...]
    residences: tuple[Residence, ...]
    others: tuple[str, ...]

    @property
    def reports(self) -> int:
        """How many reports stand under the patient, this one among them."""
        return len(self.others) + 1


@dataclass(frozen=True)
class TumorVerdict:
    """What the multiple-primary rules say of one tumor of the left and one of the right, were the two one person."""

    left: TumorLine
    right: TumorLine
    verdict: Verdict


@dataclass(frozen=True)
class DecisionLine:
    """One decision about two reports, standing or taken back."""

    id: int
    kind: str
    automatic: bool
    who: str
    at: datetime
    why: str
    undone_at: datetime | None
    undone_by: str
    undone_why: str

    @property
    def standing(self) -> bool:
        """Whether it holds."""
        return self.undone_at is None


@dataclass(frozen=True)
class PairView:
    """A pair with everything that a reviewer decides by."""

    pair: LinkagePair
    left: Side
    right: Side
    fields: tuple[FieldLine, ...]
    beside: tuple[FieldLine, ...]
    steps: tuple[Step, ...]
    thresholds: tuple[float, float]
    tumors: tuple[TumorVerdict, ...]
    decisions: tuple[DecisionLine, ...]

    @property
    def joined(self) -> bool:
        """Whether both reports stand under one patient already."""
        return self.left.patient_id == self.right.patient_id

    @property
    def standing(self) -> DecisionLine | None:
        """The decision that holds."""
        return next((line for line in self.decisions if line.standing), None)

    @property
    def conflicts(self) -> dict[str, str]:
        """The conflicts by name, in words."""
        return dict(self.pair.conflicts or {})


def load(session: Session, actor: Actor, pair_id: int) -> PairView:
    """Gives a pair with both sides as the actor may see them; else `not-found`."""
    pair = find(session, actor, pair_id)
    rows = select(PatientRecord).where(PatientRecord.id.in_([pair.left_id, pair.right_id]))
    records = {r.id: r for r in session.scalars(rows.options(selectinload(PatientRecord.source)))}
    left, right = records[pair.left_id], records[pair.right_id]
    sides = (_side(session, actor, left, "A"), _side(session, actor, right, "B"))
    weights = dict(pair.weights or {})
    levels = dict(pair.levels or {})
    fields = [
        field_line(name, title, numbers, left.items, right.items, levels.get(name, ""), weights.get(name))
        for name, title, numbers in FIELDS
    ]
    beside = [field_line(title, title, (number,), left.items, right.items) for title, number in BESIDE]
    run = session.get(LinkageRun, pair.run_id) if pair.run_id else None
    found = dict(run.thresholds or {}) if run is not None else {}
    return PairView(
        pair=pair,
        left=sides[0],
        right=sides[1],
        fields=tuple(line for line in fields if line.left or line.right),
        beside=tuple(line for line in beside if line.left or line.right),
        steps=tuple(steps(weights, levels, pair.weight)),
        thresholds=(bits(found.get("review", 0.05)), bits(found.get("match", 0.95))),
        tumors=tuple(_compared(sides[0].tumors, sides[1].tumors)),
        decisions=tuple(decisions(session, pair.left_id, pair.right_id)),
    )


def field_line(
    name: str,
    title: str,
    numbers: tuple[int, ...],
    left: Mapping[str, str],
    right: Mapping[str, str],
    level: str = "",
    weight: float | None = None,
) -> FieldLine:
    """Gives one field of two reports, with what differs told letter by letter."""
    values = [next((items[str(n)] for n in numbers if items.get(str(n))), "") for items in (left, right)]
    runs = differences(*(_written(name, value) for value in values), in_place=name in DIGITS)
    return FieldLine(name, title, numbers[0], *values, *runs, level, weight)


def _written(name: str, value: str) -> str:
    """A date and a social security number with the strokes between their parts, as people compare them."""
    if name in DATES and len(value) == 8:
        return f"{value[:4]}-{value[4:6]}-{value[6:]}"
    if name == "ssn" and len(value) == 9:
        return f"{value[:3]}-{value[3:5]}-{value[5:]}"
    return value


def differences(left: str, right: str, *, in_place: bool = False) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
    """Gives both texts as runs of letters that the other side has and that it has not; upper and lower case are the same.

    `in_place` compares letter by letter where both are as long, as one compares digits.
    """
    if not left or not right:
        return ((Run(left, True),) if left else ()), ((Run(right, True),) if right else ())
    a, b = left.upper(), right.upper()
    if len(a) != len(left) or len(b) != len(right):
        a, b = left, right  # a letter that grows when it is written large (ß)
    if in_place and len(a) == len(b):
        marks = [x == y for x, y in zip(a, b)]
        return _runs(left, marks), _runs(right, marks)
    marks_a, marks_b = [False] * len(a), [False] * len(b)
    for i, j, size in SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks():
        marks_a[i : i + size] = [True] * size
        marks_b[j : j + size] = [True] * size
    return _runs(left, marks_a), _runs(right, marks_b)


def _runs(text: str, marks: list[bool]) -> tuple[Run, ...]:
    found: list[Run] = []
    for letter, same in zip(text, marks):
        if found and found[-1].same == same:
            found[-1] = Run(found[-1].text + letter, same)
        else:
            found.append(Run(letter, same))
    return tuple(found)


def steps(weights: Mapping[str, float], levels: Mapping[str, str], total: float) -> list[Step]:
    """Gives the running sum: the prior, what speaks for one person from the strongest on, then what speaks against.

    Where no prior was kept it is what the fields leave of the total.
    """
    titles = {name: title for name, title, _ in FIELDS} | {"zip": "Place"}
    fields = {name: weight for name, weight in weights.items() if name != "prior"}
    prior = weights.get("prior", total - sum(fields.values()))
    found = [Step("prior", "Before any field", "", prior, 0.0, prior)]
    for name, weight in sorted(fields.items(), key=lambda pair: -pair[1]):
        before = found[-1].after
        found.append(Step(name, titles.get(name, name), levels.get(name, ""), weight, before, before + weight))
    return found


def bits(share: float) -> float:
    """Gives log2 of the odds of a probability."""
    bounded = min(max(share, 1e-12), 1 - 1e-12)
    return math.log2(bounded / (1 - bounded))


def probability(weight: float) -> float:
    """Gives the probability of log2 odds."""
    return 1.0 / (1.0 + 2.0 ** -min(max(weight, -60.0), 50.0))


def _side(session: Session, actor: Actor, record: PatientRecord, letter: str) -> Side:
    abstracts = session.scalars(
        select(Abstract)
        .where(Abstract.record_id == record.id, visible(Abstract, actor))
        .options(selectinload(Abstract.facility))
        .order_by(Abstract.id)
    ).all()
    others = session.scalars(
        select(PatientRecord)
        .where(
            PatientRecord.patient_id == record.patient_id, PatientRecord.id != record.id, visible(PatientRecord, actor)
        )
        .options(selectinload(PatientRecord.source))
        .order_by(PatientRecord.id)
    )
    batch = session.get(ImportBatch, record.batch_id) if record.batch_id else None
    residences = [
        Residence(*(a.items.get(n, "") for n in ("2330", "70", "80", "100", "90")), a.items.get("390", ""))
        for a in abstracts
    ]
    return Side(
        record_id=record.id,
        patient_id=record.patient_id,
        number=record.patient_id_number,
        name_last=record.items.get("2230", ""),
        name_first=record.items.get("2240", ""),
        source=source_name(record),
        file=batch.name if batch else "",
        received_at=(batch.finished_at or batch.started_at) if batch else None,
        version=record.version_id,
        updated_at=record.updated_at,
        tumors=tuple(_tumor(a, f"{letter}{n}") for n, a in enumerate(abstracts, 1)),
        residences=tuple(dict.fromkeys(r for r in residences if r.street or r.city or r.postal_code)),
        others=tuple(source_name(other) for other in others),
    )


def _tumor(abstract: Abstract, letter: str) -> TumorLine:
    items = abstract.items
    return TumorLine(
        abstract.id,
        letter,
        abstract.facility.name if abstract.facility else "",
        *(items.get(n, "") for n in ("400", "410", "522", "523", "390", "610")),
        items=items,
    )


def _compared(left: Iterable[TumorLine], right: Iterable[TumorLine]) -> list[TumorVerdict]:
    pairs = product(list(left)[:MOST_TUMORS], list(right)[:MOST_TUMORS])
    return [TumorVerdict(a, b, compare_records(_by_number(a), _by_number(b))) for a, b in pairs]


def _by_number(line: TumorLine) -> dict[int, str]:
    return {int(number): value for number, value in line.items.items()}


def decisions(session: Session, left: int, right: int) -> list[DecisionLine]:
    """Gives every decision about two reports, newest first, those taken back among them."""
    either = or_(
        and_(LinkageDecision.left_id == left, LinkageDecision.right_id == right),
        and_(LinkageDecision.left_id == right, LinkageDecision.right_id == left),
    )
    query = select(LinkageDecision).where(either).order_by(LinkageDecision.id.desc())
    return [decision_line(found) for found in session.scalars(query)]


def decision_line(found: LinkageDecision) -> DecisionLine:
    """Gives one decision as pages show it."""
    return DecisionLine(
        found.id,
        found.kind,
        found.automatic,
        found.who,
        found.at,
        found.why or "",
        found.undone_at,
        found.undone_by or "",
        found.undone_why or "",
    )
