"""Agreement of registrars who coded the same exercises: per cent of pairs, Fleiss' kappa, and agreement with the truth.

Kappa after Fleiss (1971), Psychological Bulletin 76: 378-382, in the form for subjects with unequal numbers of raters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement on one item: exercises coded by two or more, codes given, and the figures (None where they say nothing)."""

    subjects: int
    ratings: int
    percent: float | None
    kappa: float | None
    with_truth: float | None


def measure(ratings: Mapping[Hashable, Sequence[str]], truth: Mapping[Hashable, str]) -> Agreement:
    """Gives the agreement on one item from the codes that each exercise was given, and its true code.

    `percent` is the share of pairs of registrars that gave the same code; `kappa` is None when all codes are one;
    `with_truth` counts every code, those of exercises that only one registrar coded among them.
    """
    several = {subject: codes for subject, codes in ratings.items() if len(codes) > 1}
    everything = [(subject, code) for subject, codes in ratings.items() for code in codes]
    right = [code == truth.get(subject) for subject, code in everything]
    with_truth = 100 * sum(right) / len(right) if right else None
    if not several:
        return Agreement(0, len(everything), None, None, with_truth)
    observed = _mean(_pairs(codes) for codes in several.values())
    total = Counter(code for codes in several.values() for code in codes)
    count = sum(total.values())
    expected = sum((n / count) ** 2 for n in total.values())
    kappa = (observed - expected) / (1 - expected) if len(total) > 1 else None
    return Agreement(len(several), len(everything), 100 * observed, kappa, with_truth)


def _pairs(codes: Sequence[str]) -> float:
    """The share of pairs of registrars that agree on one exercise."""
    n = len(codes)
    return sum(k * (k - 1) for k in Counter(codes).values()) / (n * (n - 1))


def _mean(values: Iterable[float]) -> float:
    held = list(values)
    return sum(held) / len(held)
