"""The model of Fellegi and Sunter, estimated without labels by expectation and maximisation.

A pair's weight is the sum over comparisons of log2(m / u): m how often true matches fall on a level, u how often chance
pairs do. u comes from random pairs (less what the model itself takes for matches); m from the candidates of those passes
that do not block on the compared field, because a pass chooses its field's level. Both lean on documented expectations
(`compare.COMPARISONS`) in files too small to tell. Sources: Fellegi and Sunter (1969), JASA 64:1183-1210; Winkler (2000)
on frequency-based weights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from registry.linkage.compare import COMPARISONS, FIRST, LAST, MAX_LEVELS, NAMES, level, unpack
from registry.linkage.slips import exchanged

ROUNDS = 30
EXPECTED_MATCHES, EXPECTED_CHANCE = 60.0, 2_000.0
"""Weight of the documented expectations, in pairs."""
SWAPPED_FIRST, SWAPPED_LAST = level(FIRST, "surname"), level(LAST, "given name")
LEAST_CHANCE = 2e-7
RARE = {"ssn": 1e-6, "phone": 2e-6, "mrn": 2e-6, "address": 2e-6}
"""Chance agreement in a number is never rarer: people use each other's numbers."""


@dataclass(frozen=True)
class Model:
    """What linkage believes: `m`, `u` of shape (comparisons, levels) and the share of matches among all possible pairs.

    `relatives`: whether pairs may be relatives rather than one person with slips (`slips.exchanged` tells when not).
    """

    m: np.ndarray
    u: np.ndarray
    share: float
    possible: float
    relatives: bool = True

    @property
    def weights(self) -> np.ndarray:
        """log2(m / u), 0 for the missing level; shape (comparisons, levels)."""
        out = np.log2(self.m / self.u)
        out[:, 0] = 0.0
        # names in each other's place are one slip: it is weighed once, and both names then agree as if they stood right
        out[FIRST, SWAPPED_FIRST] = np.log2(self.m[FIRST, SWAPPED_FIRST] / self.u[FIRST, 1])
        out[LAST, SWAPPED_LAST] = np.log2(1.0 / self.u[LAST, 1])
        return out

    @property
    def prior(self) -> float:
        """log2 of the odds that two records taken at random are one person."""
        return float(np.log2(self.share / (1.0 - self.share)))

    def as_dict(self) -> dict:
        """Gives the model as numbers and names that JSON can hold."""
        return {
            "share": self.share,
            "possible": self.possible,
            "relatives": self.relatives,
            "comparisons": {
                c.name: {level: [float(self.m[k, n + 1]), float(self.u[k, n + 1])] for n, level in enumerate(c.levels)}
                for k, c in enumerate(COMPARISONS)
            },
        }

    @staticmethod
    def from_dict(found: dict) -> Model:
        """Gives a model from what `as_dict` gave."""
        m, u = _expected()
        for k, comparison in enumerate(COMPARISONS):
            for n, name in enumerate(comparison.levels):
                m[k, n + 1], u[k, n + 1] = found["comparisons"][comparison.name][name]
        return Model(m, u, float(found["share"]), float(found["possible"]), found.get("relatives", True))


def _expected() -> tuple[np.ndarray, np.ndarray]:
    m, u = np.ones((len(COMPARISONS), MAX_LEVELS)), np.ones((len(COMPARISONS), MAX_LEVELS))
    for k, comparison in enumerate(COMPARISONS):
        size = len(comparison.levels)
        m[k, 1 : size + 1] = np.array(comparison.matches) / sum(comparison.matches)
        u[k, 1 : size + 1] = np.array(comparison.chance) / sum(comparison.chance)
    return m, u


def expected(possible: float, records: float) -> Model:
    """Gives the model of documented expectations, for a file without pairs to learn from."""
    m, u = _expected()
    return Model(m, u, min(0.05 * max(records, 1.0) / max(possible, 1.0), 0.1), possible)


def estimate(
    packed: np.ndarray,
    bits: np.ndarray,
    fields: list[frozenset[str]],
    chance: np.ndarray,
    possible: float,
    records: float,
) -> Model:
    """Gives the model of a file.

    `packed` are patterns of candidate pairs and `bits` the passes that found them; `fields` the fields of each pass;
    `chance` patterns of random pairs; `possible` how many pairs there are at all.
    """
    model = expected(possible, records)
    if not len(packed):
        return model
    rows, where, counts = _distinct(packed, bits)
    levels = unpack(rows)
    random_rows, random_counts = np.unique(chance, return_counts=True)
    random_levels = unpack(random_rows)
    usable = np.array([_bits_without(name, fields) for name in NAMES], dtype=np.uint32)
    inside = (where[:, None] & usable[None, :]) > 0
    prior_m, prior_u = _expected()
    for _ in range(ROUNDS):
        posterior = _posterior(levels, model) * counts
        chance_weight = (1.0 - _posterior(random_levels, model)) * random_counts
        share = (posterior.sum() + 1.0) / (possible + 100.0)
        m, u = model.m.copy(), model.u.copy()
        for k, comparison in enumerate(COMPARISONS):
            size = len(comparison.levels)
            found = np.bincount(levels[:, k], weights=posterior * inside[:, k], minlength=MAX_LEVELS)[1 : size + 1]
            seen = np.bincount(random_levels[:, k], weights=chance_weight, minlength=MAX_LEVELS)[1 : size + 1]
            m[k, 1 : size + 1] = _leaning(found, prior_m[k, 1 : size + 1], EXPECTED_MATCHES)
            u[k, 1 : size + 1] = _leaning(seen, prior_u[k, 1 : size + 1], EXPECTED_CHANCE)
            u[k, 1 : size + 1] = np.maximum(u[k, 1 : size + 1], LEAST_CHANCE)
            u[k, 1] = max(u[k, 1], RARE.get(comparison.name, 0.0))
            m[k, 1 : size + 1] = np.maximum(m[k, 1 : size + 1], 1e-4)
        settled = np.abs(np.log(share / model.share)) < 1e-4 and np.abs(m - model.m).max() < 1e-4
        model = Model(m, u, float(min(share, 0.3)), possible)
        if settled:
            break
    return replace(model, relatives=not exchanged(levels, counts))


def _leaning(found: np.ndarray, prior: np.ndarray, weight: float) -> np.ndarray:
    mixed = found + prior * weight
    return mixed / mixed.sum()


def _bits_without(name: str, fields: list[frozenset[str]]) -> int:
    """The passes that do not block on a field; `zip` stands for the place, and a name swapped touches both names."""
    return sum(1 << n for n, used in enumerate(fields) if name not in used)


def _distinct(packed: np.ndarray, bits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gives distinct (pattern, passes) and their counts; patterns use 44 bits, so both fit one number of 64."""
    joined = packed | (bits.astype(np.uint64) << np.uint64(44))
    rows, counts = np.unique(joined, return_counts=True)
    return rows & np.uint64((1 << 44) - 1), (rows >> np.uint64(44)).astype(np.uint32), counts.astype(float)


def _posterior(levels: np.ndarray, model: Model) -> np.ndarray:
    weights, total = model.weights, np.full(len(levels), model.prior)
    for k in range(len(COMPARISONS)):
        total += weights[k][levels[:, k]]
    return 1.0 / (1.0 + np.exp2(-np.clip(total, -60, 60)))
