"""ICD-10-CM, ICD-10 and ICD-9-CM: the shape of their codes, and what they become in ICD-O-3, with reportability.

A clinical code often stands for several ICD-O-3 codes. All of them are shown; one is chosen only where the conversion
has a single answer for exactly this code. A code that the tables know only in finer or coarser form shows what those
say and chooses nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from abstracting.codes.sources import read_codes
from abstracting.codes.system import plain
from abstracting.errors import AbstractingError
from abstracting.values import is_blank

SHAPES = {
    "10-CM": re.compile(r"[A-TV-Z]\d[0-9AB][0-9A-Z]{0,4}\Z"),
    "10": re.compile(r"[A-Z]\d\d\d?\Z"),
    "9-CM": re.compile(r"(?:\d{3}\d{0,2}|V\d\d\d{0,2}|E\d{3}\d?)\Z"),
}

REPORTABILITY = {
    "Y": "reportable",
    "O": "reportable where the standard setter asks for it",
    "": "the table does not say",
}

# how a conversion came about
EXACT, SEVERAL, FINER, COARSER, NONE = "exact", "several", "finer", "coarser", "none"

_MALE, _FEMALE = "1", "2"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One ICD-O-3 coding that a clinical code can stand for; empty parts are not given by it."""

    icd: str
    site: str
    histology: str
    behavior: str
    grade: str
    laterality: str
    reportability: str
    sex: str = ""


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a clinical code becomes: all `candidates`, and `how` they were found.

    `exact`: one candidate for this code. `several`: more than one (they differ by sex, say). `finer`: only codes below
    this one are in the table. `coarser`: only a code above it is. `none`: nothing.
    """

    system: str
    code: str
    how: str
    candidates: tuple[Candidate, ...] = ()

    @property
    def chosen(self) -> Candidate | None:
        """The one candidate of an exact conversion, otherwise None: nothing is chosen silently."""
        return self.candidates[0] if self.how == EXACT else None

    @property
    def reportability(self) -> str | None:
        """The reportability on which all candidates agree; None when they do not, or when there is none."""
        values = {candidate.reportability for candidate in self.candidates}
        return values.pop() if len(values) == 1 else None


def _system(system: str) -> str:
    if system not in SHAPES:
        raise AbstractingError("code-system", f"there is no ICD {system!r}", hint="one of: " + ", ".join(SHAPES))
    return system


def parse(system: str, text: str | None) -> str:
    """Gives an ICD code without its dot, in upper case; what has not the shape of the system's codes is an error."""
    shape = SHAPES[_system(system)]
    if is_blank(text):
        raise AbstractingError("code-blank", "there is no ICD code")
    code = plain(text)  # type: ignore[arg-type]
    if not shape.match(code) or str(text).count(".") > 1:
        raise AbstractingError(
            "code-unknown", f"{text!r} has not the shape of an ICD-{system} code", hint="for example C50.911 or 174.9"
        )
    return code


def written(code: str) -> str:
    """Gives an ICD code with its dot, as people read it."""
    at = 4 if code.startswith("E") and code[1:].isdigit() and len(code) > 4 else 3
    return f"{code[:at]}.{code[at:]}" if len(code) > at else code


@cache
def _table(system: str) -> dict[str, tuple[Candidate, ...]]:
    found: dict[str, list[Candidate]] = {}
    for row in read_codes("icd_to_icdo3.csv.gz"):
        if row["system"] == system:
            names = ("site", "histology", "behavior", "grade", "laterality", "reportability", "sex")
            found.setdefault(row["code"], []).append(Candidate(row["code"], **{name: row[name] for name in names}))
    return {code: tuple(candidates) for code, candidates in found.items()}


def convert(system: str, text: str, *, sex: str | None = None) -> Conversion:
    """Gives what a clinical code becomes in ICD-O-3.

    `system` is `10-CM`, `10` or `9-CM`; `sex` (1 or 2, item 220) leaves out candidates of the other sex.
    """
    code = parse(system, text)
    table = _table(system)

    def fits(candidate: Candidate) -> bool:
        return not candidate.sex or sex not in (_MALE, _FEMALE) or candidate.sex == sex

    here = tuple(c for c in table.get(code, ()) if fits(c))
    if here:
        return Conversion(system, code, EXACT if len(here) == 1 else SEVERAL, here)
    below = tuple(c for key, found in table.items() if key.startswith(code) for c in found if fits(c))
    if below:
        return Conversion(system, code, FINER, below)
    for length in range(len(code) - 1, 2, -1):
        above = tuple(c for c in table.get(code[:length], ()) if fits(c))
        if above:
            return Conversion(system, code, COARSER, above)
    return Conversion(system, code, NONE)
