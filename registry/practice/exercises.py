"""Exercises from the synthetic truth: chosen by site and difficulty from the pool of a seed, repeatable from the seed alone.

An exercise holds the chart, the truth of what is asked, what is given beside it (the person), and what a record needs
besides so that its edits can be run. The number of primaries is what the multiple-primary rules say of the tumors told of.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from abstracting.primaries.engine import MULTIPLE, SINGLE, Verdict, compare_tumors
from abstracting.primaries.tumors import Tumor, tumor_of_record
from registry.abstracting.checks import check
from registry.errors import RegistryError
from registry.practice.chart import (
    METASTASES,
    Case,
    Document,
    Other,
    Sentence,
    operation_code,
    organ,
    supported,
    write_chart,
)
from registry.practice.tables import ANY, PRIMARIES, asked, plan

if TYPE_CHECKING:
    from registry.synthetic import SyntheticRegistry

GIVEN = (225, 240, 230, 160, 3926, 3927)
"""Items that the form shows filled in: the person, and what chooses a schema beside site and histology."""

STARTS = frozenset({1200, 1210, 1220, 1230, 1240, 1270})
"""Dates of treatments: blank where there was none."""

ALIVE_CLASSES = frozenset({"00", "10", "11", "12", "13", "14", "20", "21", "22"})
CONFIRMED = frozenset({"1", "2", "3", "4", "5", "7", "8"})
MAX_COUNT = 20
MAX_SEED = 99_999


@dataclass(frozen=True)
class Exercise:
    """One exercise; `truth` are the codes asked for, `given` those shown, `hidden` what completes the record for its edits.

    `baseline` are edits that fail on the truth itself, which count against nobody; `reasons` say more on a code than its
    rule does, such as the multiple-primary rule that decided.
    """

    key: str
    title: str
    group: str
    difficulty: str
    points: int
    features: tuple[str, ...]
    documents: tuple[Document, ...]
    truth: Mapping[int, str]
    given: Mapping[int, str]
    hidden: Mapping[int, str]
    baseline: tuple[str, ...] = ()
    reasons: Mapping[int, str] | None = None

    @property
    def form(self) -> tuple[int, ...]:
        """The items on the form: what is asked, and what stays blank here and must not tell by its absence that it does."""
        return tuple(n for n in asked() if n in self.truth or n in STARTS or (n == 3844 and 3843 in self.truth))

    @property
    def digest(self) -> str:
        """Changes when the chart or the truth is another: only answers to the same exercise are compared."""
        told = [[d.title, *(s.text for s in d.sentences)] for d in self.documents], sorted(self.truth.items())
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]

    def evidence(self, number: int) -> list[tuple[int, int]]:
        """Gives the places (document, sentence) that support an item's code."""
        return [
            (d, s)
            for d, document in enumerate(self.documents)
            for s, sentence in enumerate(document.sentences)
            if number in sentence.items
        ]

    def as_dict(self) -> dict[str, Any]:
        """Gives the exercise for JSON, as it is kept with the answers."""
        return {
            "key": self.key,
            "title": self.title,
            "group": self.group,
            "difficulty": self.difficulty,
            "points": self.points,
            "features": list(self.features),
            "documents": [
                {"title": d.title, "place": d.place, "sentences": [[s.text, list(s.items)] for s in d.sentences]}
                for d in self.documents
            ],
            **{name: _texts(getattr(self, name) or {}) for name in ("truth", "given", "hidden", "reasons")},
            "baseline": list(self.baseline),
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Exercise:
        """Gives the exercise back from what `as_dict` gave."""
        # PostgreSQL keeps the keys of a document in an order of its own
        truth = {n: kept["truth"][str(n)] for n in asked() if str(n) in kept["truth"]}
        return cls(
            *(kept[name] for name in ("key", "title", "group", "difficulty", "points")),
            tuple(kept["features"]),
            tuple(
                Document(d["title"], d["place"], tuple(Sentence(text, tuple(items)) for text, items in d["sentences"]))
                for d in kept["documents"]
            ),
            truth,
            *({int(n): v for n, v in kept[name].items()} for name in ("given", "hidden")),
            tuple(kept["baseline"]),
            {int(n): v for n, v in kept["reasons"].items()},
        )


def _texts(items: Mapping[int, str]) -> dict[str, str]:
    return {str(number): value for number, value in items.items()}


def make_set(name: str, *, seed: int, count: int, difficulty: str = ANY) -> list[Exercise]:
    """Gives so many exercises of a set; the same set, seed and difficulty give the same ones in the same order.

    There are fewer where the pools of the seed do not hold so many. Raises RegistryError `usage`.
    """
    if name not in plan()["sets"] or difficulty not in (ANY, *plan()["difficulty"]):
        raise RegistryError("usage", f"there is no set {name!r} of difficulty {difficulty!r}")
    if not (1 <= count <= MAX_COUNT and 0 <= seed <= MAX_SEED):
        raise RegistryError(
            "usage",
            f"a set of {count} exercises of seed {seed} cannot be made",
            hint=f"ask for 1 to {MAX_COUNT} exercises of a seed from 0 to {MAX_SEED:,}",
        )
    wanted, found = plan()["sets"][name]["groups"], []
    for number in range(plan()["pools"]):
        for candidate in _candidates(seed * plan()["pools"] + number, tuple(wanted)):
            exercise = _exercise(candidate)
            if exercise is not None and difficulty in (ANY, exercise.difficulty):
                found.append(exercise)
                if len(found) == count:
                    return found
    return found


@dataclass(frozen=True)
class _Candidate:
    key: str
    group: str
    items: Mapping[int, str]
    phrases: Mapping[str, str]
    place: str
    others: tuple[Mapping[int, str], ...]


@lru_cache(maxsize=4)
def _pool(seed: int) -> SyntheticRegistry:
    from registry.synthetic import make

    first, last = plan()["years"]
    return make(patients=plan()["patients"], seed=seed, years=range(first, last + 1), text=False)


def _candidates(seed: int, groups: tuple[str, ...]) -> Iterator[_Candidate]:
    """Gives the abstracts of a pool that can be an exercise, in an order that mixes sites."""
    from registry.synthetic.tables import read

    made = _pool(seed)
    frame = made.abstracts[made.abstracts["main"]]
    group = made.true_tumors["group"].to_numpy()[frame["tumor"].to_numpy()]
    phrases = read("phrases.csv").set_index("group").fillna("")
    places = dict(zip(made.facilities["facility"], made.facilities["name"]))
    tumors = dict(list(frame.groupby("person")))
    rows = [
        (hashlib.sha256(f"{seed}-{row.tumor}".encode()).digest(), place, row)
        for place, row in enumerate(frame[["tumor", "person", "610"]].itertuples())
        if row[3] in ALIVE_CLASSES and (not groups or group[place] in groups)
    ]
    for _, place, row in sorted(rows, key=lambda one: one[0]):
        whole = _items(frame.iloc[place])
        others = tumors[row.person]
        yield _Candidate(
            f"{seed}-{row.tumor}",
            str(group[place]),
            whole,
            phrases.loc[group[place]].to_dict(),
            places.get(whole.get(540, ""), "Synthetic Hospital"),
            tuple(_items(others.loc[n]) for n in others.index if others.loc[n, "tumor"] != row.tumor),
        )


def _items(row: Any) -> dict[int, str]:
    items = {int(name): value for name, value in row.items() if str(name).isdigit() and value}
    # the generator speaks version 25, the desk version 26
    items[225] = items.pop(220, "")
    return items


def _exercise(candidate: _Candidate) -> Exercise | None:
    """The exercise of a candidate, None where the rules do not settle how many primaries there are."""
    items = candidate.items
    verdicts = _verdicts(candidate)
    settled = all(verdict.result == MULTIPLE for verdict in verdicts)
    if not settled or items.get(490) not in CONFIRMED or _contradicts(items):
        return None
    focus, verdict = ("", None) if candidate.others else _second_focus(candidate)
    others = tuple(Other(o[400], o[522], o[523], o.get(410, ""), o[390], o[390] > items[390]) for o in candidate.others)
    case = Case(candidate.key, items, candidate.phrases, candidate.place, others, focus)
    documents = write_chart(case)
    truth = _truth(items, documents) | {PRIMARIES: str(1 + len(others))}
    truth = {n: truth[n] for n in asked() if n in truth}
    features = _features(candidate, focus)
    points = sum(plan()["points"][feature] for feature in features)
    difficulty = max(plan()["difficulty"], key=lambda d: (points >= plan()["difficulty"][d], plan()["difficulty"][d]))
    held = verdicts[-1] if verdicts else verdict
    reasons = {PRIMARIES: f"{held.reason} Rule {held.group_id} {held.rule}.".strip()} if held and held.rule else {}
    given = {n: items[n] for n in GIVEN if items.get(n)}
    return Exercise(
        candidate.key,
        _title(items),
        candidate.group,
        difficulty,
        points,
        features,
        documents,
        truth,
        given,
        {n: v for n, v in items.items() if n not in truth and n not in given},
        tuple(sorted({finding.rule for finding in check(items)})),
        reasons,
    )


def _title(items: Mapping[int, str]) -> str:
    sex = {"1": "Man", "2": "Woman"}.get(items.get(225, ""), "Patient")
    return f"{sex}, {int(items.get(230) or 0)}, diagnosed {items[390][:4]}"


def _truth(items: Mapping[int, str], documents: tuple[Document, ...]) -> dict[int, str]:
    """What is asked: the items with a code and a sentence behind it."""
    held = supported(documents) & set(asked())
    return {number: items[number] for number in held if items.get(number)}


def _contradicts(items: Mapping[int, str]) -> bool:
    """Tells whether a chart could not be believed: distant disease, and no organ that has it."""
    found = {items.get(number, "") for number in METASTASES}
    return items.get(764) == "7" and bool(found - {""}) and "1" not in found


def _verdicts(candidate: _Candidate) -> list[Verdict]:
    own = _tumor(candidate.items)
    return [compare_tumors(_tumor(other), own, current_year=plan()["years"][1] + 1) for other in candidate.others]


def _tumor(items: Mapping[int, str]) -> Tumor:
    return tumor_of_record({str(number): value for number, value in items.items()})


def _second_focus(candidate: _Candidate) -> tuple[str, Verdict | None]:
    """Another subsite with the same type, side and day that the rules call one primary; for every third exercise."""
    from registry.synthetic.tables import terms

    items = candidate.items
    if items.get(523) != "3" or hashlib.sha256(f"{candidate.key} focus".encode()).digest()[0] % 3:
        return "", None
    for digit in "12345670":
        site = items[400][:3] + digit
        if site == items[400] or site not in terms():
            continue
        verdict = compare_tumors(_tumor(items), _tumor({**items, 400: site}), current_year=plan()["years"][1] + 1)
        if verdict.result == SINGLE and verdict.rule:
            return organ(site), verdict
    return "", None


def _features(candidate: _Candidate, focus: str) -> tuple[str, ...]:
    items = candidate.items
    given = [n for n in (1360, 1390, 1400, 1410) if items.get(n, "0").strip("0") not in ("", "9", "99", "82", "87")]
    has_operation = operation_code(items) not in ("", "00", "98", "99")
    told = {
        "several_tumors": bool(candidate.others),
        "second_focus": bool(focus),
        "neoadjuvant": items.get(1380) == "2" or items.get(1639) == "2",
        "blood": candidate.group in plan()["sets"]["blood"]["groups"],
        "unknown_date": len(items[390]) < 8,
        "elsewhere": items.get(610, "")[:1] == "2",
        "spread": items.get(764, "") in ("2", "3", "4", "7"),
        "three_modalities": len(given) + has_operation >= 3,
        "no_tissue": items.get(490) not in ("1", "2", "3", "4"),
    }
    return tuple(name for name, is_so in told.items() if is_so)
