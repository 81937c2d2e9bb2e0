"""The same question of records as registries keep them: items by NAACCR number, for the store, linkage and the editor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from abstracting.primaries.engine import Verdict, compare_tumors
from abstracting.primaries.rules import MULTIPLE, SINGLE
from abstracting.primaries.tumors import tumor_of_record


def compare_records(a: Mapping[Any, Any], b: Mapping[Any, Any], *, current_year: int | None = None) -> Verdict:
    """Gives the verdict on two records, mappings of item number (integer or text) to coded value.

    Read are 400 (site), 522 and 523 (morphology; 420 and 430 for diagnoses to 2000), 410 (laterality) and 390 (date).
    """
    return compare_tumors(tumor_of_record(a), tumor_of_record(b), current_year=current_year)


def same_primary(a: Mapping[Any, Any], b: Mapping[Any, Any], *, current_year: int | None = None) -> bool | None:
    """Tells whether two records are of one primary: None when the rules cannot settle it, so that a person looks."""
    result = compare_records(a, b, current_year=current_year).result
    return {SINGLE: True, MULTIPLE: False}.get(result)
