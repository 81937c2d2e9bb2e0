"""Treatment at this facility and in total, kept consistent: the total is never less than our own.

`summaries` gives the items that follow from what was coded; it never lowers a value and never replaces a date or a reason
that a person gave and that does not contradict. Rules: NAACCR data dictionary, items 670 to 740, 1200 to 1430, 3170, 3230.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from registry.abstracting.tables import rows

Items = Mapping[int, str]
FIRST_COURSE_DATES = (1200, 1210, 1220, 1230, 1240, 1250)
SYSTEMIC_DATES = (1220, 1230, 1240)
STATUS, INITIAL_SEER, INITIAL_COC, SYSTEMIC_DATE = 1285, 1260, 1270, 3230
GIVEN, NONE, UNKNOWN = "1", "0", "9"
SURVEILLANCE = "2"
PLANNED = {"8", "88"}


@dataclass(frozen=True)
class Modality:
    """One modality of the first course with its items and the codes that mean it was not given or is not known."""

    name: str
    here: int
    total: int
    date: int | None
    reason: int | None
    text: int
    not_given: frozenset[str]
    unknown: frozenset[str]

    def is_given(self, code: str) -> bool:
        """Whether a code says that the treatment was given."""
        return bool(code) and code not in self.not_given and code not in self.unknown

    def rank(self, code: str) -> tuple[int, str]:
        """How much a code says: blank, not given, unknown, given; among those given by the code itself."""
        if not code:
            return (0, "")
        if code in self.not_given:
            return (1, "")
        return (2, "") if code in self.unknown else (3, code[1:] if code[0] in "AB" else code)


def modalities() -> tuple[Modality, ...]:
    """Gives every modality, surgery in both forms of its code (with a letter from 2023)."""
    return tuple(
        Modality(
            row["modality"],
            int(row["here"]),
            int(row["total"]),
            int(row["date"]) if row["date"] else None,
            int(row["reason"]) if row["reason"] else None,
            int(row["text"]),
            frozenset(row["not_given"].split()),
            frozenset(row["unknown"].split()),
        )
        for row in rows("treatment")
    )


def summaries(items: Items) -> dict[int, str]:
    """Gives the items that must change so that totals, dates, reasons and the status agree with what was coded."""
    now = dict(items)
    found: dict[int, str] = {}

    def put(number: int, value: str) -> None:
        if value and now.get(number, "") != value:
            now[number] = found[number] = value

    for modality in modalities():
        here, total = now.get(modality.here, ""), now.get(modality.total, "")
        if here and modality.rank(total) < modality.rank(here):
            put(modality.total, here)
        if modality.reason and modality.is_given(now.get(modality.total, "")):
            put(modality.reason, "0")
    first = _earliest(now, FIRST_COURSE_DATES)
    for number in (INITIAL_SEER, INITIAL_COC):
        if first and (not now.get(number) or now[number] > first):
            put(number, first)
    systemic = _earliest(now, SYSTEMIC_DATES)
    if systemic and (not now.get(SYSTEMIC_DATE) or now[SYSTEMIC_DATE] > systemic):
        put(SYSTEMIC_DATE, systemic)
    put(STATUS, _status(now))
    return found


def _earliest(items: Items, numbers: tuple[int, ...]) -> str:
    return min((value for n in numbers if (value := items.get(n, "")) and value[:4].isdigit()), default="")


def _status(items: Items) -> str:
    course = [m for m in modalities() if m.name != "palliative care"]
    codes = [(m, items.get(m.total, "")) for m in course]
    if any(m.is_given(code) for m, code in codes):
        return GIVEN
    return items.get(STATUS, "")


def waiting_for(items: Items) -> list[str]:
    """Gives what the record says is still to come, in words: planned or recommended treatment of unknown outcome."""
    found = []
    for modality in modalities():
        if items.get(modality.total, "") in PLANNED & modality.not_given:
            found.append(f"{modality.name} planned, not known whether given")
        if modality.reason and items.get(modality.reason) == "8":
            found.append(f"{modality.name} recommended, not known whether given")
        if modality.date and modality.is_given(items.get(modality.total, "")) and not items.get(modality.date):
            found.append(f"date of {modality.name}")
    if items.get(1632) == "2" and items.get(1285) != "2":
        found.append("end of neoadjuvant therapy")
    if not items.get(STATUS):
        found.append("first course of treatment")
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class TreatmentLine:
    """One modality of a case as the visual abstract shows it."""

    modality: str
    here: tuple[int, str]
    total: tuple[int, str]
    date: str
    elsewhere: bool


def lines(items: Items) -> list[TreatmentLine]:
    """Gives the modalities that were given, by date."""
    found = [
        TreatmentLine(
            m.name,
            (m.here, items.get(m.here, "")),
            (m.total, items.get(m.total, "")),
            items.get(m.date, "") if m.date else "",
            not m.is_given(items.get(m.here, "")),
        )
        for m in modalities()
        if m.is_given(items.get(m.total, ""))
    ]
    return sorted(found, key=lambda line: line.date or "9")
