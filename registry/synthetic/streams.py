"""Random streams: one independent PCG64 generator per stage, addressed by name.

A stage's stream depends on the seed and the stage's own name alone, so a new stage, or a stage that draws more, never
changes what the others draw.
"""

from __future__ import annotations

import zlib

import numpy as np

from registry.errors import RegistryError

MAX_SEED = 2**63 - 1


def stream(seed: int, stage: str) -> np.random.Generator:
    """Gives the generator of one stage (`"incidence"`, `"text/pathology"`); same seed and name, same draws."""
    if not 0 <= seed <= MAX_SEED:
        raise RegistryError(
            "usage", f"the seed {seed} is not a whole number from 0 to {MAX_SEED}", hint="give --seed 1"
        )
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(zlib.crc32(stage.encode()),))))


def choose(random: np.random.Generator, weights: np.ndarray, size: int) -> np.ndarray:
    """Gives `size` indices drawn with the given weights."""
    edges = np.cumsum(weights, dtype=float)
    return np.searchsorted(edges, random.random(size) * edges[-1], side="right").astype(np.int64)


def choose_rows(random: np.random.Generator, weights: np.ndarray) -> np.ndarray:
    """Gives one column index per row of a matrix of weights (rows need not sum to one)."""
    edges = np.cumsum(weights, axis=1)
    return (edges < random.random(len(weights))[:, None] * edges[:, -1:]).sum(axis=1)
