"""Whether a file's writers put whole wrong values into fields so often that relatives are not what its pairs look like.

A pair that agrees in surname, birth date and home but not in the given name is a pair of twins, or one person under a wrong
name. Where sex, middle names or generations are written, each pair tells for itself and twins are always reckoned with. A
file that has none of them can only be judged as a whole: twins are one delivery in eighty (Hellin 1895), and no process but
slips makes given names, surnames and birth dates of pairs that otherwise agree wholly different all three, each more often
than that. Such are files with artificial errors; rules about relatives would send every other of their pairs to a person.
"""

from __future__ import annotations

import numpy as np

from registry.linkage.compare import ADDRESS, DOB, FIRST, LAST, MIDDLE, PHONE, SEX, SSN, SUFFIX

TWINS = 1 / 80
SURE = 1.645
"""Standard errors of a one-sided bound of 95 %."""
TOLD = 0.01
"""Share of compared pairs from which on a field counts as written in the file."""


def exchanged(levels: np.ndarray, counts: np.ndarray) -> bool:
    """Whether whole values are exchanged in each of given name, surname and birth date more often than twins are born.

    `levels` are distinct candidate patterns (patterns, comparisons), `counts` how many pairs have each. Pairs of one social
    security number are asked where numbers are written, else pairs of one home.
    """
    if not len(levels):
        return False
    field = levels.T
    written = ((levels > 0) * counts[:, None]).sum(axis=0) / counts.sum()
    if max(written[SEX], written[MIDDLE], written[SUFFIX]) > TOLD:
        return False
    if written[SSN] > TOLD:
        sure = field[SSN] == 1
    else:
        sure = (field[ADDRESS] == 1) | (field[ADDRESS] == 2) | (field[PHONE] == 1)
    given, surname, birth = (
        np.isin(field[k], near) for k, near in ((FIRST, (1, 2, 3)), (LAST, (1, 4)), (DOB, (1, 2, 3)))
    )
    rates = (
        _least(field[FIRST] == 8, sure & surname & birth & (field[FIRST] > 0), counts),
        _least(field[LAST] >= 7, sure & given & birth & (field[LAST] > 0), counts),
        _least(field[DOB] == 8, sure & given & surname & (field[DOB] > 0), counts),
    )
    return min(rates) > TWINS


def _least(wrong: np.ndarray, among: np.ndarray, counts: np.ndarray) -> float:
    """Lower bound (Wilson 1927) of the share of pairs that are wrong among some."""
    n = float(counts[among].sum())
    if n == 0:
        return 0.0
    share = float(counts[among & wrong].sum()) / n
    z = SURE * SURE / n
    return (share + z / 2 - SURE * np.sqrt(share * (1 - share) / n + z / (4 * n))) / (1 + z)
