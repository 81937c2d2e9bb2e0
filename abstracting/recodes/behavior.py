"""The SEER behavior recode for analysis (item 9411 of the analysis file): what counts as malignant, and since when.

Bladder counts as malignant whatever its behavior; borderline ovary, pilocytic astrocytoma and the hematopoietic diseases
that became malignant with ICD-O-3 keep their own value, so that trends do not break. Source: NCI SEER, behavior recode.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np

from abstracting.recodes.columns import factorise

LABELS = {
    "0": "Benign",
    "1": "Borderline malignancy",
    "2": "In situ",
    "3": "Malignant",
    "4": "Only malignant in ICD-O-3",
    "5": "No longer reportable in ICD-O-3",
    "6": "Only malignant 2010 and later",
    "9": "Unknown or not in the recode",
}

MALFORMED = -1
_SITE = re.compile(r"[Cc][0-9]{3}\Z")

# classes of sites: what the rules can tell apart
_REST, _BLADDER, _BRAIN, _LUNG, _FORMERLY = range(5)
_BRAIN_SITES = ((700, 701), (709, 729), (751, 753))
_FORMERLY_SITES = ((0, 699), (730, 750), (754, 809))

# classes of histologies
_ANY, _SINCE_2010, _SINCE_2001, _INTRAVASCULAR = range(4)
_SINCE_2010_CODES = frozenset({9724, 9751, 9759, 9831, 9975, 9991, 9992})
_SINCE_2001_CODES = frozenset({9393, 9538, 9950, 9960, 9961, 9962, 9980, *range(9982, 9988), 9989})

_ERAS = (2001, 2004, 2010)


def _within(number: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= number <= high for low, high in ranges)


def _digits(text: str | None, length: int) -> int | None:
    return int(text) if text is not None and len(text) == length and text.isascii() and text.isdigit() else None


def _site_class(text: str | None) -> int:
    if text is None or not _SITE.match(text):
        return MALFORMED
    number = int(text[1:])
    if 670 <= number <= 679:
        return _BLADDER
    if _within(number, _BRAIN_SITES):
        return _BRAIN
    if 340 <= number <= 349:
        return _LUNG
    return _FORMERLY if _within(number, _FORMERLY_SITES) else _REST


def _histology_class(text: str | None) -> int:
    number = _digits(text, 4)
    if number is None:
        return MALFORMED
    if number in _SINCE_2010_CODES:
        return _SINCE_2010
    if number in _SINCE_2001_CODES:
        return _SINCE_2001
    return _INTRAVASCULAR if number == 9133 else _ANY


def _behavior_class(text: str | None) -> int:
    number = _digits(text, 1)
    return MALFORMED if number is None else number


def _era(text: str | None) -> int:
    year = _digits(text, 4)
    return MALFORMED if year is None or year == 9999 else sum(year >= start for start in _ERAS)


def _decide(site: int, histology: int, behavior: int, era: int) -> str:
    if site == _BLADDER:
        behavior = 3
    if behavior == 3 and era == 3 and histology == _SINCE_2010:
        return "6"
    if era >= 2 and site == _BRAIN and behavior in (0, 1):
        return str(behavior)
    if behavior == 2:
        return "2"
    newly = histology == _SINCE_2001 or (site == _LUNG and histology == _INTRAVASCULAR)
    if era >= 1 and behavior == 3 and newly:
        return "4"
    # bladder, though inside these sites, is malignant by now
    if behavior == 1 and site in (_FORMERLY, _LUNG):
        return "5"
    return "3" if behavior == 3 else "9"


def behavior_recode(*, site: str | None, histology: str | None, behavior: str | None, year: str | None) -> str:
    """Gives the behavior recode of one tumor (a key of `LABELS`); any malformed input gives `9`."""
    classes = _site_class(site), _histology_class(histology), _behavior_class(behavior), _era(year)
    return "9" if MALFORMED in classes else _decide(*classes)


@cache
def _decisions() -> np.ndarray:
    """Every answer, by class plus one: the first place of each axis is for malformed codes."""
    shape = (6, 5, 11, 5)
    answers = ["9" if 0 in index else _decide(*(place - 1 for place in index)) for index in np.ndindex(shape)]
    return np.array(answers, dtype=object).reshape(shape)


def behavior_column(*, site: Any, histology: Any, behavior: Any, year: Any) -> np.ndarray:
    """Gives `behavior_recode` for columns (text or factors), as text."""
    columns = (site, histology, behavior, year)
    readers = (_site_class, _histology_class, _behavior_class, _era)
    places = [
        factorise(column).spread(lambda text, read=read: read(text) + 1, np.int16)
        for column, read in zip(columns, readers, strict=True)
    ]
    return _decisions().ravel()[np.ravel_multi_index(places, _decisions().shape)]
