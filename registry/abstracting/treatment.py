"""Treatment at this facility and in total, kept consistent: the total is never less than our own.

`summaries` gives the items that follow from what was coded. A total is raised, never lowered, and what followed our own
code goes on following it when that is corrected; a date or a reason that a person gave and that does not contradict stays.
Surgery is compared in the order of the table that holds for site, histology and year, in which the last listed is the most
extensive; codes of different letters are of different tables and are not compared. Rules: NAACCR data dictionary, items 670
to 740, 1200 to 1430, 3170, 3230; STORE, surgery of the primary site.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from abstracting.codes.surgery import surgery_table
from registry.abstracting.tables import rows

Items = Mapping[int, str]
FIRST_COURSE_DATES = (1200, 1210, 1220, 1230, 1240, 1250, 3230)
SYSTEMIC_DATES = (1220, 1230, 1240)
STATUS, INITIAL_SEER, INITIAL_COC, SYSTEMIC_DATE = 1285, 1260, 1270, 3230
GIVEN = "1"
PLANNED = {"8", "88"}
BY_SITE, BY_NUMBER, BY_PAIRS = "site", "number", "pairs"


@dataclass(frozen=True)
class Modality:
    """One modality of the first course with its items, the codes that mean it was not given, and the order of the others."""

    name: str
    here: int | None
    total: int
    date: int | None
    reason: int | None
    text: int
    not_given: frozenset[str]
    unknown: frozenset[str]
    loose: tuple[str, ...]
    order: str

    def is_given(self, code: str) -> bool:
        """Whether a code says that the treatment was given."""
        return bool(code) and code not in self.not_given and code not in self.unknown

    def standing(self, code: str) -> int:
        """How much a code says: 0 blank, 1 not given, 2 not known, 3 given without saying what, 4 given."""
        if not code:
            return 0
        if code in self.not_given:
            return 1
        if code in self.unknown:
            return 2
        return 3 if code in self.loose else 4

    def raised(self, ours: str, total: str, items: Items) -> str:
        """Gives the total that holds our own code: the total itself, ours, or what both are together."""
        mine, whole = self.standing(ours), self.standing(total)
        if mine == 1 and whole == 1:
            return total
        if mine != whole:
            return ours if mine > whole else total
        if mine < 3 or ours == total:
            return total
        if self.order == BY_PAIRS:
            return _pairs().get((self.name, ours, total), total)
        if mine == 3:
            # among the loose ones the list in the data has the order, within a letter
            less = self.loose.index(total) < self.loose.index(ours) and total[:-3] == ours[:-3]
        else:
            less = _is_less(total, ours, items) if self.order == BY_SITE else total < ours
        return ours if less else total


def _is_less(total: str, ours: str, items: Items) -> bool:
    """Whether a total is less extensive than our own surgery; never where the two are not codes of one table."""
    if len(total) != len(ours) or (ours[:1].isalpha() and total[:1] != ours[:1]):
        return False
    year = items.get(390, "")[:4]
    table = surgery_table(items.get(400), items.get(522), int(year) if year.isdigit() else None)
    if table is None:
        return total < ours
    listed = {entry.code: place for place, entry in enumerate(table.codes)}
    return total in listed and ours in listed and listed[total] < listed[ours]


@cache
def _pairs() -> dict[tuple[str, str, str], str]:
    return {
        (row["modality"], ours, total): row["becomes"]
        for row in rows("treatment_pairs")
        for ours in row["ours"].split()
        for total in row["total"].split()
    }


@cache
def modalities() -> tuple[Modality, ...]:
    """Gives every modality, surgery in both forms of its code (with a letter from 2023)."""
    return tuple(
        Modality(
            row["modality"],
            _number(row["here"]),
            int(row["total"]),
            _number(row["date"]),
            _number(row["reason"]),
            int(row["text"]),
            frozenset(row["not_given"].split()),
            frozenset(row["unknown"].split()),
            tuple(row["loose"].split()),
            row["order"],
        )
        for row in rows("treatment")
    )


def _number(cell: str) -> int | None:
    return int(cell) if cell else None


def summaries(items: Items, *, before: Items | None = None) -> dict[int, str]:
    """Gives the items that must change so that totals, dates, reasons and the status agree with what was coded.

    `before` are the items as they were: what only followed a code or date that was corrected since follows again.
    """
    now, old = dict(items), items if before is None else before
    found: dict[int, str] = {}

    def put(number: int, value: str) -> None:
        if now.get(number, "") != value:
            now[number] = found[number] = value

    for modality in modalities():
        if modality.here is not None and (here := now.get(modality.here, "")):
            was = old.get(modality.here, "")
            followed = was not in ("", here) and now.get(modality.total) == was == old.get(modality.total)
            put(modality.total, here if followed else modality.raised(here, now.get(modality.total, ""), now))
        given = modality.is_given(now.get(modality.total, ""))
        if modality.reason and given:
            put(modality.reason, "0")
        elif modality.reason and modality.is_given(old.get(modality.total, "")) and now.get(modality.reason) == "0":
            put(modality.reason, "")
    for numbers, dates in (((SYSTEMIC_DATE,), SYSTEMIC_DATES), ((INITIAL_SEER, INITIAL_COC), FIRST_COURSE_DATES)):
        first, was = _earliest(now, dates), _earliest(old, dates)
        for number in numbers:
            held = now.get(number, "")
            followed = bool(held) and held == was == old.get(number)
            if followed or (first and (not held or held > first)):
                put(number, first)
    if any_given(now):
        put(STATUS, GIVEN)
    elif any_given(old) and now.get(STATUS) == GIVEN == old.get(STATUS):
        put(STATUS, "")
    return found


def _earliest(items: Items, numbers: tuple[int, ...]) -> str:
    return min((value for n in numbers if (value := items.get(n, "")) and value[:4].isdigit()), default="")


def any_given(items: Items) -> bool:
    """Whether a treatment of the first course was given; palliative care alone is none."""
    return any(m.is_given(items.get(m.total, "")) for m in modalities() if m.name != "palliative care")


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
    here: tuple[int | None, str]
    total: tuple[int, str]
    date: str
    elsewhere: bool


def lines(items: Items) -> list[TreatmentLine]:
    """Gives the modalities that were given, by date."""
    found = [
        TreatmentLine(
            m.name,
            (m.here, _here(m, items)),
            (m.total, items.get(m.total, "")),
            items.get(m.date, "") if m.date else "",
            m.here is not None and not m.is_given(_here(m, items)),
        )
        for m in modalities()
        if m.is_given(items.get(m.total, ""))
    ]
    return sorted(found, key=lambda line: line.date or "9")


def _here(modality: Modality, items: Items) -> str:
    return items.get(modality.here, "") if modality.here is not None else ""
