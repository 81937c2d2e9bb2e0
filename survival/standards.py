"""Age standards for survival: the International Cancer Survival Standards 1 to 3 and which one a site takes.

Source: Corazziari, Quinn and Capocaccia, Eur J Cancer 40 (2004) 2307-2316; age groups for prostate and the sites of
each standard as SEER publishes them (Standard Populations for relative survival).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from survival.errors import SurvivalError

WEIGHTS = Path(__file__).parent / "data" / "icss.csv"
NAMES = ("icss1", "icss2", "icss3")
LOWER_AGES = (15, 45, 55, 65, 75)
LOWER_AGES_PROSTATE = (15, 55, 65, 75, 85)

# topography prefixes of ICD-O-3 that take standard 2 or 3; all others take standard 1
SITES_2 = ("C11", "C40", "C41", "C44", "C47", "C49", "C53", "C70", "C71", "C72", "C73")
SITES_3 = ("C62",)
MELANOMA, HODGKIN, ACUTE_LYMPHOID = range(8720, 8791), range(9650, 9668), (*range(9811, 9819), *range(9835, 9838))


@dataclass(frozen=True)
class Standard:
    """Weights (they sum to 1) of age groups, given by their first ages in years; the last group is open."""

    name: str
    lower: tuple[int, ...]
    weights: tuple[float, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        ends = [f"-{age - 1}" for age in self.lower[1:]]
        return tuple(f"{low}{end}" for low, end in zip(self.lower, [*ends, "+"]))

    def group(self, age: np.ndarray) -> np.ndarray:
        """Gives the age group of ages in years; the first group takes those younger too (see `younger`)."""
        return np.maximum(np.searchsorted(np.asarray(self.lower), _completed(age), side="right") - 1, 0)

    def younger(self, age: np.ndarray) -> int:
        """Counts those below the first age: no standard for adults has a weight of their own for them."""
        return int((_completed(age) < self.lower[0]).sum())

    def tell_younger(self, age: np.ndarray) -> list[str]:
        """Gives the sentence about those below the first age, where there are any."""
        if not (young := self.younger(age)):
            return []
        return [
            f"{young} persons are younger than {self.lower[0]} and are counted with the youngest age group; "
            "leave children out for a standard made for adults."
        ]


def _completed(age: np.ndarray) -> np.ndarray:
    """Gives completed years; whole years that went through days and back come out a hair below themselves."""
    return np.floor(age + 1e-9)


@cache
def _five_year_weights() -> dict[str, dict[int, int]]:
    lines = [line for line in WEIGHTS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    names = lines[0].split(",")[1:]
    rows = [[int(value) for value in line.split(",")] for line in lines[1:]]
    return {name: {row[0]: row[k + 1] for row in rows} for k, name in enumerate(names)}


def standard(name: str, *, lower: tuple[int, ...] = LOWER_AGES) -> Standard:
    """Gives a standard by name for age groups that begin at multiples of five from 15 on.

    Raises `standard-unknown` for another name or other ages.
    """
    if name not in NAMES:
        raise SurvivalError("standard-unknown", f"no standard {name!r}", hint=f"Give one of {', '.join(NAMES)}.")
    five = _five_year_weights()[name]
    if lower[0] != 15 or any(age not in five for age in lower) or list(lower) != sorted(set(lower)):
        raise SurvivalError(
            "standard-unknown",
            f"no weights for groups from {lower}",
            hint="Begin at 15, in steps of five, to 85 at most.",
        )
    bounds = [*lower, 200]
    sums = [sum(w for age, w in five.items() if low <= age < high) for low, high in pairwise(bounds)]
    return Standard(name, tuple(lower), tuple(value / sum(sums) for value in sums))


def standard_for_site(topography: str, histology: int | str | None = None) -> Standard:
    """Gives the default standard of a cancer: by ICD-O-3 topography ("C619" or "C61.9") and histology.

    Hodgkin lymphoma, acute lymphoid leukemia and testis take 3; melanoma of skin, cervix, thyroid, brain, bone, soft
    tissue and nasopharynx 2; prostate 1 with its own age groups; lymphomas and leukemias otherwise 1 whatever the site.
    """
    site = topography.upper().replace(".", "")[:3]
    code = int(histology) if histology not in (None, "") else 0
    if code in HODGKIN or code in ACUTE_LYMPHOID:
        return standard("icss3")
    if 9590 <= code <= 9993:
        return standard("icss1")
    if site in SITES_3:
        return standard("icss3")
    if site == "C61":
        return standard("icss1", lower=LOWER_AGES_PROSTATE)
    if site == "C44":
        return standard("icss2" if code in MELANOMA else "icss1")
    return standard("icss2" if site in SITES_2 else "icss1")
