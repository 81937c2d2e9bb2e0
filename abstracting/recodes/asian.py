"""NAPIIA: a specific Asian or Pacific Islander race (item 193) for patients reported only as such.

Birthplace decides first, surnames after it; combinations of races that the rules do not settle are left for a person and
say so. Source: NAACCR Asian Pacific Islander Identification Algorithm, v20250801.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from abstracting.recodes import sources
from abstracting.recodes.columns import answer_by_key, factorise
from abstracting.values import is_blank

ASIAN_NOS, PACIFIC_NOS, HAWAIIAN = "96", "97", "07"

# step of the rules → what a reviewer reads
REASONS = {
    "1.3.3": "More than one race 04-32 and one race 96 or 97 (step 1.3.3).",
    "1.3.5": "One or more races 02-03 and one race 96 (step 1.3.5).",
    "1.3.6": "One race 96 and one race 97 (step 1.3.6).",
    "1.3.7": "Multiple combination of races involving race 96 (step 1.3.7).",
    "2.2.3": "Multiple combination of races (step 2.2.3).",
}

_HISPANIC = frozenset("1234568")
_MALE, _FEMALE = "1", "2"


@dataclass(frozen=True, slots=True)
class Napiia:
    """The answer: `race` (two digits), and the `step` of the rules that leaves it to a reviewer (None: settled)."""

    race: str
    step: str | None = None

    @property
    def needs_review(self) -> bool:
        return self.step is not None

    @property
    def reason(self) -> str | None:
        return None if self.step is None else REASONS[self.step]


@dataclass(frozen=True, slots=True)
class _Direct:
    """What the races alone say: a race, whether birthplace and names are to be asked, or the step that gives up."""

    race: str
    ask: bool = False
    step: str | None = None


@cache
def _birthplaces() -> dict[str, tuple[str, str]]:
    return {row["country"]: (row["race"], row["family"]) for row in sources.read_rows("napiia_birthplaces.csv")}


@cache
def _surnames() -> dict[str, dict[str, str]]:
    lists: dict[str, dict[str, str]] = {"asian": {}, "pi": {}}
    for row in sources.read_rows("napiia_surnames.csv.gz"):
        lists[row["family"]].setdefault(row["surname"], row["race"])
    return lists


def _count(races: Sequence[str | None]) -> Counter[str]:
    """Counts the kinds of races: `none` (blank or 88), `23` (02, 03), `specific` (04 to 32), and single codes."""
    kinds: Counter[str] = Counter()
    for race in races:
        if is_blank(race) or race == "88":
            kinds["none"] += 1
            continue
        kinds[race] += 1  # type: ignore[index]
        if race in ("02", "03"):
            kinds["23"] += 1
        elif "04" <= race <= "32":  # type: ignore[operator]
            kinds["specific"] += 1
    return kinds


def _is_specific(race: str | None) -> bool:
    return race is not None and "04" <= race <= "32"


def _from_races(races: Sequence[str | None], origin: str | None) -> _Direct:
    kinds = _count(races)
    first = races[0] or ""
    return (
        _with_other_race(races, kinds, first, origin) if kinds["96"] or kinds["97"] else _without(races, kinds, first)
    )


def _with_other_race(races: Sequence[str | None], n: Counter[str], first: str, origin: str | None) -> _Direct:
    one = n["96"] == 1 or n["97"] == 1
    if first in (ASIAN_NOS, PACIFIC_NOS) and n["none"] == 4:
        return _Direct(first, ask=origin not in _HISPANIC)
    if n["specific"] == 1 and one and n["none"] == 3:
        return _Direct(next(race for race in races if _is_specific(race)))  # type: ignore[arg-type]
    if n[HAWAIIAN] and one:
        return _Direct(HAWAIIAN)
    if n["specific"] > 1 and one and n["specific"] + n["none"] == 4:
        return _Direct(first, step="1.3.3")
    if n["01"] == 1 and one and n["none"] == 3:
        return _Direct(ASIAN_NOS if n["96"] else PACIFIC_NOS, ask=True)
    if n["23"] >= 1 and one and n["23"] + n["none"] == 4:
        return _Direct(first, step="1.3.5")
    return _Direct(first, step="1.3.6" if n["96"] == 1 and n["97"] == 1 else "1.3.7")


def _without(races: Sequence[str | None], n: Counter[str], first: str) -> _Direct:
    if n["99"] == 5 or (n["none"] == 4 and 1 in (n["01"], n["23"], n["specific"], n["98"], n["99"])):
        return _Direct(first)
    if n["01"] == 1 and (n["23"] == 1 or n["specific"] == 1) and n["none"] == 3:
        other = next(race for race in races if race in ("02", "03") or _is_specific(race))
        return _Direct(other)  # type: ignore[arg-type]
    if n[HAWAIIAN] == 1 and n["none"] < 4:
        return _Direct(HAWAIIAN)
    # four blanks and a code that no rule knows: what was reported stands
    return _Direct(first, step=None if n["none"] == 4 else "2.2.3")


def _names_to_ask(sex: str | None, last_name: str | None, birth_surname: str | None) -> list[str]:
    """Gives the names to look up, first come first served: a woman's birth surname before her last name."""
    names = [birth_surname, last_name] if sex == _FEMALE else [last_name]
    upper = [name.upper() for name in names if not is_blank(name)]  # type: ignore[union-attr]
    # blanks around a name are forgiven only where the rules look for a man or a woman
    return [name.strip() for name in upper] if sex in (_MALE, _FEMALE) else upper


def _indirect(asian: bool, pacific: bool, birthplace: str | None, names: Sequence[str]) -> str | None:
    race, family = _birthplaces().get(birthplace or "", ("", ""))
    if family.startswith("excluded"):
        return None
    if (family == "asian" and asian) or (family == "pi" and pacific):
        return race
    lists = [_surnames()[kind] for kind, asked in (("asian", asian), ("pi", pacific)) if asked]
    return next((surnames[name] for name in names for surnames in lists if name in surnames), None)


def napiia(
    *,
    races: Sequence[str | None],
    origin: str | None,
    birthplace: str | None,
    sex: str | None,
    last_name: str | None,
    birth_surname: str | None,
) -> Napiia:
    """Gives the NAPIIA race of a patient.

    `races` are items 160 to 164, `origin` 190, `birthplace` 254, `sex` 225 (at birth), the names 2230 and 2232.
    """
    direct = _from_races(races, origin)
    if not direct.ask:
        return Napiia(direct.race, direct.step)
    names = _names_to_ask(sex, last_name, birth_surname)
    found = _indirect(ASIAN_NOS in races, PACIFIC_NOS in races, birthplace, names)
    return Napiia(found or direct.race)


def napiia_columns(
    *, races: Sequence[Any], origin: Any, birthplace: Any, sex: Any, last_name: Any, birth_surname: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Gives `napiia` for columns, one row for each patient: race and the step that asks for review ("" when none)."""
    factors = [factorise(column) for column in (*races, origin)]
    places, answers = answer_by_key(lambda *values: _from_races(values[:5], values[5]), factors)
    race = np.array([answer.race for answer in answers], dtype=object)[places]
    step = np.array([answer.step or "" for answer in answers], dtype=object)[places]
    rows = np.flatnonzero(np.array([answer.ask for answer in answers], dtype=bool)[places])
    births, sexes, lasts, maidens = (factorise(c) for c in (birthplace, sex, last_name, birth_surname))
    for row in rows.tolist():
        reported = {factor.values[factor.codes[row]] for factor in factors[:5]}
        names = _names_to_ask(*(factor.values[factor.codes[row]] for factor in (sexes, lasts, maidens)))
        found = _indirect(ASIAN_NOS in reported, PACIFIC_NOS in reported, births.values[births.codes[row]], names)
        race[row] = found or race[row]
    return race, step
