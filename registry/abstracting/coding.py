"""Codes of an item for the case at hand: of its schema, of the surgery table of site and year, of the dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from abstracting.codes import ITEMS, code_system
from abstracting.codes.surgery import SurgeryTable, surgery_table
from abstracting.edits.generated import is_measure
from abstracting.naaccr import items as standard
from abstracting.staging.model import Schema
from abstracting.staging.schemas import desk as staging_desk
from registry.abstracting.layout import schema_of, year_of
from registry.items import known

SURGERY = frozenset({670, 671, 1290, 1291})
NOT_OF_THE_SCHEMA = frozenset({390, 400, 522, 523, 500, 764})
LIMIT = 14
BESIDE_ICD = {
    1910: {"0000": "alive at last contact", "7777": "no certificate", "7797": "certificate without a coded cause"}
}
"""Codes of the cause of death that are none of ICD; NAACCR data dictionary, item 1910."""


@dataclass(frozen=True)
class Code:
    """One code that an item may hold, with its short meaning; `is_range` for a span such as 001-988."""

    code: str
    label: str
    is_range: bool = False


@dataclass(frozen=True)
class Coding:
    """What the codes of a case depend on: its items, its schema and its surgery table."""

    items: Mapping[int, str]
    schema: Schema | None
    surgery: SurgeryTable | None

    @classmethod
    def of(cls, items: Mapping[int, str]) -> Coding:
        """Gives the coding of a case as it is now."""
        return cls(items, schema_of(items), surgery_table(items.get(400), items.get(522), year_of(items)))

    def is_coded(self, number: int) -> bool:
        """Whether an item has a list of codes, so that a meaning stands beside it."""
        return str(number) in ITEMS or bool(self.codes(number))

    def codes(self, number: int) -> tuple[Code, ...]:
        """Gives the list of codes of an item, empty for a code system (see `search`) and for free values."""
        if number in SURGERY and self.surgery is not None:
            return tuple(Code(entry.code, entry.label) for entry in self.surgery.codes)
        of_schema = self.schema is not None and number not in NOT_OF_THE_SCHEMA and self.schema.input_for(number)
        if of_schema and (found := _schema_codes(self.schema.algorithm, self.schema.id, number)):
            return found
        return () if str(number) in ITEMS else _listed(number)

    def meaning(self, number: int, value: str) -> str:
        """Gives the short meaning of a value, "" where there is none."""
        if not value:
            return ""
        if str(number) in ITEMS:
            return code_system(ITEMS[str(number)]).label(value)
        exact, within = "", ""
        for code in self.codes(number):
            if code.code == value:
                exact = code.label
            elif code.is_range and not within:
                low, _, high = code.code.partition("-")
                within = code.label if len(low) == len(value) and low <= value <= high else ""
        return exact or within or {c.code: c.label for c in _listed(number)}.get(value, "")

    def is_known(self, number: int, value: str) -> bool | None:
        """Whether an item may hold a value; None where no list says."""
        if str(number) in ITEMS:
            return code_system(ITEMS[str(number)]).is_valid(value)
        if number in SURGERY and self.surgery is not None:
            return any(code.code == value for code in self.codes(number))
        if self.schema is not None and number not in NOT_OF_THE_SCHEMA and self.schema.input_for(number):
            return staging_desk().is_code_valid(self.schema, number, value)
        listed = _listed(number)
        if number in BESIDE_ICD and value not in BESIDE_ICD[number]:
            # the list is ICD-10 alone, and earlier deaths have codes of earlier revisions
            return any(code.code == value for code in listed) or None
        return any(code.code == value for code in listed) or is_measure(number, value) if listed else None

    def search(self, number: int, query: str, limit: int = LIMIT) -> list[Code]:
        """Gives codes that match what was typed, by code first, else by words; all of a short list for nothing typed."""
        if str(number) in ITEMS:
            return [Code(m.code, m.label) for m in code_system(ITEMS[str(number)]).search(query, limit=limit)]
        found = self.codes(number)
        wanted = query.lower().split()
        if not wanted:
            return list(found[:limit])
        by_code = [code for code in found if code.code.lower().startswith(query.lower())]
        words = [c for c in found if c not in by_code and all(word in c.label.lower() for word in wanted)]
        return [*by_code, *words][:limit]

    def unknown(self, number: int) -> str:
        """Gives the code for "unknown" of an item, "" where it has none."""
        listed = self.codes(number)
        named = [c.code for c in listed if not c.is_range and "unknown" in c.label.lower()]
        nines = [c for c in named if set(c) == {"9"}]
        if nines or named:
            return (nines or named)[-1]
        codes = {c.code for c in listed}
        item = known(number)
        full = "9" * item.length if item else ""
        return full if full in codes or (not codes and number in _NINES) else ""


_NINES = frozenset({90, 240, 820, 830})


@lru_cache(maxsize=4000)
def _listed(number: int) -> tuple[Code, ...]:
    found = dict(standard.codes(number)) or dict(standard.codes(number, "250"))
    found = BESIDE_ICD.get(number, {}) | found
    return tuple(Code(code, label) for code, label in found.items() if code)


@lru_cache(maxsize=4000)
def _schema_codes(algorithm: str, schema_id: str, number: int) -> tuple[Code, ...]:
    schema = staging_desk().engine(algorithm).algorithm.schema(schema_id)
    listed = {code.code: code.label for code in _listed(number)}
    return tuple(
        Code(code.text, code.label or listed.get(code.low, ""), code.is_range)
        for code in staging_desk().valid_codes(schema, number)
        if code.low
    )
