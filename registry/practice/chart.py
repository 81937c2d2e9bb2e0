"""The chart of an exercise, written from the coded truth: documents of sentences, each knowing the items it supports.

The words are this project's own (`data/wording.toml`, the phrases of the synthetic registry, short labels of its code
tables); one of several wordings is picked by the exercise's key, so that the same key gives the same chart anywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from registry.abstracting.coding import Coding
from registry.practice.tables import PRIMARIES, wording
from registry.synthetic.marks import WATERMARK
from registry.synthetic.tables import terms
from registry.synthetic.text import EXTENT, SIDES, plain

METASTASES = {1112: "bone", 1113: "brain", 1114: "distant nodes", 1115: "liver", 1116: "lung", 1117: "another organ"}
EOD = {772: "primary_tumor", 774: "regional_nodes", 776: "distant"}
SYSTEMIC = (1390, 1400, 1410)
NO_OPERATION = frozenset({"00", "98", "99"})
MICROSCOPIC = frozenset({"1", "2", "3", "4"})
NOISE_LINES = 2
GROUP_WORDS = 8
SAYS_NOTHING = frozenset({"Unknown", "Not applicable"})
NO_NODES = "No regional nodes involved"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a chart and the items whose codes it supports."""

    text: str
    items: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a chart: its title, its place, its sentences."""

    title: str
    place: str
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Other:
    """Another tumor of the same person, as the chart tells of it."""

    site: str
    histology: str
    behavior: str
    side: str
    date: str
    is_later: bool


@dataclass(frozen=True)
class Case:
    """What a chart is written from: the truth by item, the phrases of the site group, the other tumors."""

    key: str
    items: Mapping[int, str]
    phrases: Mapping[str, str]
    place: str
    others: tuple[Other, ...] = ()
    second_focus: str = ""
    """Subsite of a second focus that is the same primary, "" where there is none."""


@dataclass
class _Writer:
    case: Case
    documents: list[Document] = field(default_factory=list)
    sentences: list[Sentence] = field(default_factory=list)

    def say(self, kind: str, items: Iterable[int] = (), /, *, table: str = "chart", **values: Any) -> None:
        """Adds a sentence of a kind, in the wording that the exercise's key picks."""
        options = wording()[table][kind]
        options = [options] if isinstance(options, str) else options
        text = options[pick(f"{self.case.key} {table} {kind} {len(self.sentences)}", len(options))]
        held = tuple(n for n in items if n == PRIMARIES or self.case.items.get(n))
        self.sentences.append(Sentence(_capital(text.format(**values)), held))

    def close(self, title: str) -> None:
        """Ends a document; one without sentences is left out."""
        if self.sentences:
            self.documents.append(Document(wording()["documents"][title], self.case.place, tuple(self.sentences)))
        self.sentences = []


def pick(key: str, count: int) -> int:
    """Gives a number below `count` from a key, the same on every machine."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) % count


def spelled(date: str) -> str:
    """Gives a coded date as text: MM/DD/YYYY, MM/YYYY (day not recorded), YYYY."""
    if len(date) == 6:
        return f"{date[4:6]}/{date[:4]} (day not recorded)"
    if len(date) == 4:
        return f"{date} (month not recorded)"
    return f"{date[4:6]}/{date[6:8]}/{date[:4]}"


def write_chart(case: Case) -> tuple[Document, ...]:
    """Gives the documents of a case's chart, in the order of a stay."""
    writer, coding = _Writer(case), Coding.of(case.items)
    _history(writer)
    _imaging(writer)
    _pathology(writer, coding)
    _operation(writer, coding)
    _conference(writer, coding)
    _treatment(writer, coding)
    _course(writer)
    return tuple(writer.documents)


def supported(documents: Sequence[Document]) -> frozenset[int]:
    """Gives the items that some sentence supports."""
    return frozenset(n for document in documents for sentence in document.sentences for n in sentence.items)


def _history(w: _Writer) -> None:
    items, phrases = w.case.items, w.case.phrases
    sex = {"1": "man", "2": "woman"}.get(items.get(225, ""), "patient")
    age = str(int(items.get(230) or 0))
    w.say("who", age=age, sex=sex, sex_title=sex.capitalize(), complaint=phrases["complaint"])
    w.say("exam", exam=phrases["exam"])
    w.say("contact", [580], contact=spelled(items.get(580, "")))
    w.say(items.get(610, ""), [610], table="class_of_case")
    if not w.case.others:
        # a second focus is compared with the first; its own sentence says what counts
        w.say("no_earlier", [380] if w.case.second_focus else [380, PRIMARIES])
    for other in w.case.others:
        if not other.is_later:
            _other(w, "earlier", other)
    noise = wording()["chart"]["noise"]
    first = pick(f"{w.case.key} noise", len(noise))
    for step in range(NOISE_LINES):
        w.sentences.append(Sentence(noise[(first + 3 * step) % len(noise)]))
    w.close("history")


def _other(w: _Writer, kind: str, other: Other) -> None:
    histology, place = term(other.histology, other.behavior), SIDES.get(other.side, "") + organ(other.site)
    w.say(kind, [380, PRIMARIES], histology=histology, place=place, date=spelled(other.date))


def _imaging(w: _Writer) -> None:
    items, phrases = w.case.items, w.case.phrases
    if phrases["imaging"]:
        w.say("imaging", imaging=phrases["imaging"], picture=phrases["picture"], organ=organ(items[400]))
    if phrases["lab"]:
        w.say("lab", lab=phrases["lab"], lab_title=_capital(phrases["lab"]))
    there = [name for n, name in METASTASES.items() if items.get(n) == "1"]
    known = [n for n in METASTASES if items.get(n)]
    if there:
        w.say("metastases", known, there=_either(there, "and"))
    elif known and all(items[n] == "0" for n in known):
        w.say("no_metastases", known)
    elif known:
        w.say("metastases_unknown", known)
    w.close("imaging")


def _pathology(w: _Writer, coding: Coding) -> None:
    items = w.case.items
    seen = items.get(490, "") in MICROSCOPIC
    biopsy = w.case.phrases["biopsy"] if seen else "the physicians caring for the patient"
    w.say("biopsy", [390], date=spelled(items[390]), biopsy=biopsy, biopsy_title=_capital(biopsy))
    w.say("site", [400, 410], place=SIDES.get(items.get(410, ""), "") + organ(items[400]))
    behavior = wording()["behavior"][items[523]]
    w.say("histology", [522, 523], histology=term(items[522], items[523]), behavior=behavior)
    if items.get(490, "") in wording()["confirmation"]:
        w.say(items[490], [490], table="confirmation")
    if grade := coding.meaning(3843, items.get(3843, "")):
        w.say("grade_biopsy", [3843], grade=_small(grade))
    for number, name in ((3827, "Estrogen receptor"), (3915, "Progesterone receptor"), (3855, "HER2, overall")):
        if label := coding.meaning(number, items.get(number, "")):
            w.say("receptor", [number], name=name, label=_small(label))
    if w.case.second_focus:
        histology = term(items[522], items[523])
        w.say(
            "second_focus",
            [PRIMARIES],
            histology=histology,
            other=SIDES.get(items.get(410, ""), "") + w.case.second_focus,
        )
    w.close("pathology")


def operation_code(items: Mapping[int, str], *, here: bool = False) -> str:
    """Gives the two digits of the surgery code in total or `here`, whatever the edition writes around them."""
    new, old = (671, 670) if here else (1291, 1290)
    return items[new][1:3] if items.get(new) else items.get(old, "")


def _operation(w: _Writer, coding: Coding) -> None:
    items = w.case.items
    number = 1291 if items.get(1291) else 1290
    own = 671 if number == 1291 else 670
    held, ours = operation_code(items), operation_code(items, here=True)
    if held and held not in NO_OPERATION:
        beside = [1340, *(n for n in (1380, 1639) if items.get(n, "0") != "0"), *_first(items, 1200)]
        label = _operation_label(coding, number, items[number])
        w.say("operation", [number, 1200, *beside], date=spelled(items.get(1200, "")), label=label)
        if items.get(own) == items[number]:
            w.say("operated_here", [own])
        elif ours == "00":
            w.say("operated_elsewhere", [own])
        if grade := coding.meaning(3844, items.get(3844, "")):
            w.say("grade_operation", [3844], grade=_small(grade))
    elif held == "00" and items.get(1340, "") in wording()["no_surgery"]:
        w.say(items[1340], [1340, number, *((own,) if ours == "00" else ()), 1380, 1639], table="no_surgery")
    size = items.get(756, "")
    if size.isdigit() and 0 < int(size) < 989:
        w.say("size", [756], centimetres=f"{int(size) / 10:.1f}", millimetres=int(size))
    elif size == "999":
        w.say("no_size", [756])
    positive, examined = items.get(820, ""), items.get(830, "")
    if examined.isdigit() and 1 <= int(examined) <= 90 and positive.isdigit() and int(positive) <= 90:
        w.say("nodes", [820, 830], positive=int(positive), examined=int(examined))
        if items.get(1292, "") in wording()["scope"]:
            w.say("node_operation", [1292], scope=wording()["scope"][items[1292]])
    elif examined == "00":
        w.say("no_nodes", [820, 830, 1292])
    w.close("operation")


def _conference(w: _Writer, coding: Coding) -> None:
    items = w.case.items
    stage = items.get(764, "")
    if stage:
        w.say("extent", [764], extent=EXTENT[int(stage)])
    for number, kind in EOD.items():
        label = coding.meaning(number, items.get(number, ""))
        if label and not is_doubtful(items, number, label):
            w.say(kind, [number], label=_small(label))
    stages = [("tnm", (1001, 1002, 1003, 1004))]
    if operation_code(items) not in {"", *NO_OPERATION}:
        # a pathological stage without an operation would contradict the chart
        stages.append(("tnm_after", (1011, 1012, 1013, 1014)))
    for kind, numbers in stages:
        t, n, m, group = (items.get(number, "") for number in numbers)
        if t and n and m and group:
            w.say(kind, numbers, t=t, n=n, m=m, group=group)
    w.close("conference")


def _operation_label(coding: Coding, number: int, value: str) -> str:
    """The words of an operation: those of its group (40) before what sets the code apart (41)."""
    label, tens = _small(coding.meaning(number, value)), 2 if len(value) == 4 else 1
    group = _small(coding.meaning(number, value[:tens] + "0" + value[tens + 1 :]))
    return label if group in ("", label) or len(group.split()) > GROUP_WORDS else f"{group}, {label}"


def is_doubtful(items: Mapping[int, str], number: int, label: str) -> bool:
    """Tells whether an EOD code would say nothing, or something else than the rest of the chart."""
    if number == 772 and label == "In situ":
        return items.get(523) != "2"
    if number == 774 and label == NO_NODES:
        return items.get(1002, "")[2:3] in ("1", "2", "3")
    return label in SAYS_NOTHING or label.startswith("Obsolete")


def _first(items: Mapping[int, str], number: int) -> list[int]:
    """The date of the first course (1270) where a treatment's date is the first of all."""
    return [1270] if items.get(1270) and items.get(1270) == items.get(number) else []


def _treatment(w: _Writer, coding: Coding) -> None:
    items = w.case.items
    if items.get(1360, "0") not in ("0", "9"):
        modality = coding.meaning(1506, items.get(1506, "")) or coding.meaning(1360, items[1360])
        beside = [*((1380,) if items.get(1380, "0") != "0" else ()), *_first(items, 1210)]
        w.say("beam", [1210, 1360, 1506, 1430, *beside], date=spelled(items.get(1210, "")), modality=_small(modality))
        per, fractions, total = (items.get(n, "") for n in (1501, 1503, 1507))
        if per.isdigit() and 0 < int(per) < 99_990 and fractions.isdigit() and total.isdigit():
            w.say("dose", [1501, 1503, 1507], per=int(per), fractions=int(fractions), total=int(total))
    elif items.get(1430, "") in wording()["no_radiation"]:
        w.say(items[1430], [1430, 1360, 1506, 1501, 1503, 1507, 1380], table="no_radiation")
    _systemic(w)
    w.close("treatment")


def _systemic(w: _Writer) -> None:
    items, order = w.case.items, (1639,) if w.case.items.get(1639, "0") != "0" else ()
    chemo, none = items.get(1390, ""), []
    if chemo in wording()["agents"]:
        beside = [*order, *_first(items, 1220)]
        agents = wording()["agents"][chemo]
        w.say("chemotherapy", [1390, 1220, *beside], agents=_capital(agents), date=spelled(items.get(1220, "")))
    elif chemo in wording()["no_chemotherapy"]:
        w.say(chemo, [1390], table="no_chemotherapy")
    elif chemo == "00":
        none.append((1390, "chemotherapy"))
    for number, kind, start, name in (
        (1400, "hormone", 1230, "hormone therapy"),
        (1410, "immune", 1240, "immunotherapy"),
    ):
        if items.get(number) == "01":
            w.say(kind, [number, start, *order, *_first(items, start)], date=spelled(items.get(start, "")))
        elif items.get(number) == "00":
            none.append((number, name))
    if none:
        order = (1639,) if len(none) == len(SYSTEMIC) else ()
        w.say("no_drugs", [*(n for n, _ in none), *order], kinds=_either([name for _, name in none]))


def _course(w: _Writer) -> None:
    for other in w.case.others:
        if other.is_later:
            _other(w, "later", other)
    if w.case.items.get(1750):
        w.say("contact_last", date=spelled(w.case.items[1750]))
    w.sentences.append(Sentence(WATERMARK))
    w.close("course")


def term(histology: str, behavior: str) -> str:
    """Gives the short term of a morphology as running text."""
    return plain(terms().get(f"{histology}/{behavior}", "neoplasm"))


def organ(site: str) -> str:
    """Gives the short term of a site as running text."""
    return plain(terms().get(site, "site not specified"))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _either(names: Sequence[str], word: str = "or") -> str:
    return ", ".join(names[:-1]) + f" {word} " + names[-1] if len(names) > 1 else names[0]


def _small(label: str) -> str:
    label = label.rstrip("…").strip()
    return plain(label) if label[:1].isalpha() and not label[1:2].isdigit() else label
