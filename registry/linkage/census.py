"""How frequent values are in a registry, kept by the values' hashes, so that records prepared later can be weighed by it.

Two Smiths agree by chance more often than two Byaruhangas: agreement is weighed by the value's own frequency (Winkler 2000).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from registry.linkage import score
from registry.linkage.fields import DOB_CODE, FIRST_CODE, LAST_CODE, ZIP_CODE, Persons
from registry.linkage.model import Model

COLUMNS = (FIRST_CODE, LAST_CODE, DOB_CODE, ZIP_CODE)


@dataclass(frozen=True)
class Census:
    """Sorted hashes and log2 shares of given names, surnames, birth dates and postal codes; the number of records."""

    hashes: tuple[np.ndarray, ...]
    shares: tuple[np.ndarray, ...]
    records: int

    def frequencies(self, p: Persons, model: Model) -> score.Frequencies:
        """Gives the frequencies of the values of other records; a value never seen is as rare as one seen once."""
        given, surname, other, zips = (self._of(p, k) for k in range(len(COLUMNS)))
        place = p.codes[:, ZIP_CODE]
        place = place[place >= 0]
        other[place] = zips[place]
        return score.Frequencies(given, surname, other, *score.beliefs(model, self.records))

    def _of(self, p: Persons, k: int) -> np.ndarray:
        hashes, shares = self.hashes[k], self.shares[k]
        rare = shares.min() if len(shares) else np.float32(0.0)
        out = np.full(len(p.values), rare, dtype=np.float32)
        if len(hashes):
            wanted = p.values["hash"]
            at = np.minimum(np.searchsorted(hashes, wanted), len(hashes) - 1)
            out = np.where(hashes[at] == wanted, shares[at], out)
        return out


def count(p: Persons) -> Census:
    """Gives the census of prepared records."""
    hashes, shares = [], []
    for column in COLUMNS:
        codes = p.codes[:, column]
        known, inverse = np.unique(p.values["hash"][codes[codes >= 0]], return_inverse=True)
        counts = np.bincount(inverse, minlength=len(known)).astype(np.float32)
        hashes.append(known)
        shares.append(score.log_share(counts))
    return Census(tuple(hashes), tuple(shares), len(p.codes))
