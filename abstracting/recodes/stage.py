"""Summary stage over all years in one variable, and the summary grade from 2018.

Stage was coded by four definitions since 1977; the combined variable takes the one of the diagnosis year and says which
item it came from. Trends across the years of BREAKS compare unlike things and must say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from abstracting.recodes.columns import factorise
from abstracting.values import clean, is_blank

LABELS = {
    "0": "In situ",
    "1": "Localized",
    "2": "Regional",
    "7": "Distant",
    "8": "Not applicable",
    "9": "Unknown",
}

# direct extension, lymph nodes, both, not otherwise specified: regional in the combined variable
_COMBINED = {"0": "0", "1": "1", "2": "2", "3": "2", "4": "2", "5": "2", "7": "7", "8": "8", "9": "9"}


@dataclass(frozen=True, slots=True)
class StageEra:
    """Diagnosis years with one definition: up to `last`, taken from `items` in this order."""

    last: int
    items: tuple[str, ...]
    title: str


ERAS = (
    StageEra(2000, ("760", "759"), "Summary Stage 1977, coded directly"),
    StageEra(2003, ("759", "760"), "Summary Stage 2000, coded directly"),
    StageEra(2015, ("3020", "759"), "Summary Stage 2000, derived from Collaborative Stage"),
    StageEra(2017, ("759",), "Summary Stage 2000, coded directly"),
    StageEra(9998, ("764", "762"), "Summary Stage 2018"),
)

BREAKS = {
    2001: "Summary Stage 2000 replaces that of 1977",
    2004: "stage is derived from Collaborative Stage",
    2016: "Summary Stage 2000 is coded directly again",
    2018: "Summary Stage 2018: regional without further detail is no longer a category, benign tumors have their own",
}

ITEMS = ("760", "759", "3020", "764", "762")


def breaks_between(first: int, last: int) -> dict[int, str]:
    """Gives the years after `first` and up to `last` in which the definition changed, with what changed."""
    return {year: text for year, text in BREAKS.items() if first < year <= last}


def summary_stage_combined(year: int | None, items: Mapping[str, str | None]) -> tuple[str, str]:
    """Gives the combined stage (a key of LABELS) and the item it was taken from; both empty when none is coded.

    `items` maps item numbers (those in ITEMS) to codes. A code that the definition does not know counts as unknown.
    """
    if year is None:
        return "", ""
    era = next(era for era in ERAS if year <= era.last)
    for item in era.items:
        code = items.get(item)
        if not is_blank(code):
            return _COMBINED.get(clean(code), "9"), item
    return "", ""


def stage_columns(years: np.ndarray, items: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Gives `summary_stage_combined` for columns: stage and item as text; `years` is int with -1 for unknown."""
    stage = np.full(len(years), "", dtype=object)
    source = np.full(len(years), "", dtype=object)
    combined = {
        item: factorise(items[item]).spread(lambda t: "" if is_blank(t) else _COMBINED.get(clean(t), "9"))
        for item in ITEMS
        if item in items
    }
    first = 0
    for era in ERAS:
        inside = (years >= first) & (years <= era.last)
        first = era.last + 1
        for item in reversed(era.items):
            if item in combined:
                rows = inside & (combined[item] != "")
                stage[rows], source[rows] = combined[item][rows], item
    return stage, source


# --- grade ------------------------------------------------------------------------------------------------------------

_BREAST = "00480"
_WITHOUT_GRADE = frozenset({"00790", "00795", "00811", "00812", "00821", "00822", "00830"})

# the first of these codes that is coded, clinically or pathologically, is the summary grade
_IN_SITU_BREAST = ("H", "M", "L", "3", "2", "1", "D", "C", "B", "A", "9")
_MALIGNANT_BREAST = ("3", "2", "1", "H", "M", "L", "D", "C", "B", "A", "9")
_HEMATOPOIETIC = ("8",)
_OTHER = ("S", "5", "4", "3", "2", "1", "E", "D", "C", "B", "A", "H", "M", "L", "9")


def _priorities(schema: str | None, behavior: str | None) -> Sequence[str]:
    if schema == _BREAST:
        return {"2": _IN_SITU_BREAST, "3": _MALIGNANT_BREAST}.get(behavior or "", ())
    return _HEMATOPOIETIC if schema in _WITHOUT_GRADE else _OTHER


def summary_grade(
    *, schema: str | None, behavior: str | None, clinical: str | None, pathological: str | None
) -> str | None:
    """Gives the summary grade of a case diagnosed from 2018 on, None when neither grade has a code of its schema.

    `schema` is item 3800, `clinical` 3843, `pathological` 3844. Source: NCI SEER, Derived Summary Grade 2018.
    """
    coded = {clinical, pathological}
    return next((grade for grade in _priorities(schema, behavior) if grade in coded), None)
