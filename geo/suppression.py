"""Hiding small counts so that no published table, margin or file gives them back.

Primary: counts under a threshold (16 by default, as in U.S. Cancer Statistics). Complementary: further cells, so that
what is left visible bounds each small count only within an interval of a set width. The bounds are those an attacker
gets by linear programming over every visible cell of every table at once, the counts behind them being 0 or more
(Fischetti M, Salazar JJ. Manag Sci 2001;47:1008-27: the attacker's problem). The policy (who sees what, which threshold
for which role) lives with the registry; this module is the algorithm alone.

A table is a frame with one column per dimension and one of counts; the label `All` (or a column that the table does not
have) means the sum over that dimension. Labels that group others are given in `levels`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from geo.disclosure import ALL, Attacker, Publication
from geo.errors import GeoError

__all__ = ["ALL", "DERIVED", "Protection", "SuppressionRule", "attack_tables", "mask_hidden", "protect_tables"]
# what a hidden count takes along wherever it is written: everything that is computed from it
DERIVED = (
    "cases", "count", "observed", "crude", "crude_lower", "crude_upper", "rate", "se", "lower", "upper", "expected",
    "sir", "ratio", "relative_risk", "llr", "rank", "rank_lower", "rank_upper", "smoothed", "smoothed_lower",
    "smoothed_upper", "exceedance", "probability", "apc", "apc_lower", "apc_upper", "trend", "unstable", "p_value",
    "fay_feuer_lower", "fay_feuer_upper", "tiwari_lower", "tiwari_upper", "sir_lower", "sir_upper", "sir_p",
    "sir_p_mid", "cumulative_rate", "cumulative_lower", "cumulative_upper", "risk", "risk_lower", "risk_upper",
    "population_set",
)  # fmt: skip


@dataclass(frozen=True)
class SuppressionRule:
    """Which counts are hidden and how wide an attacker's interval must be.

    `width` None means threshold - 1: then the hidden counts of a margin also sum to as much, and no group under the
    threshold can be read off. `zeros_hidden` False shows zeros; an attacker then knows that a hidden count is not 0.
    """

    threshold: int = 16
    width: int | None = None
    zeros_hidden: bool = True

    def __post_init__(self) -> None:
        if self.threshold < 2 or (self.width is not None and self.width < 1):
            raise GeoError("usage", "the threshold must be at least 2 and the width at least 1")

    @property
    def needed(self) -> int:
        return self.threshold - 1 if self.width is None else self.width

    def hides(self, counts: np.ndarray) -> np.ndarray:
        """Says which counts are hidden for their own sake."""
        counts = np.asarray(counts, float)
        return (counts < self.threshold) & (self.zeros_hidden | (counts > 0))


@dataclass(frozen=True)
class Protection:
    """The hidden cells of a publication: `hidden` per table and row; `primary` are those under the threshold."""

    publication: Publication
    hidden: tuple[np.ndarray, ...]
    primary: tuple[np.ndarray, ...]

    @property
    def complementary(self) -> int:
        """The number of distinct cells hidden only to protect others."""
        cells = {k for keys, h, p in zip(self.publication.keys, self.hidden, self.primary)
                 for k, a, b in zip(keys, h, p) if a and not b}  # fmt: skip
        return len(cells)


def protect_tables(
    tables: Sequence[pd.DataFrame],
    *,
    secret: Sequence[pd.DataFrame] = (),
    rule: SuppressionRule | None = None,
    count: str = "cases",
    levels: Mapping[str, Mapping[str, Iterable[str]]] | None = None,
) -> Protection:
    """Gives the cells to hide in tables that are published together.

    `secret` tables are not published, but their small counts must not be given away by those that are (single years
    behind overlapping periods). A column `fixed` (true or false) marks cells that are public already and cannot be
    hidden any more; if these give a small count away, `GeoError("suppression")` (exit code 4) names it. The same cell
    in two tables is hidden in both. `hidden` and `primary` of the result follow `tables`.

    Tables of counts are protected. An age-adjusted rate beside counts by age is a further equation on them: where an
    age of an area is hidden, hide all its ages, or its adjusted rate (`geo rates --hide` does the former).
    """
    rule = rule or SuppressionRule()
    publication = Publication([*tables, *secret], count=count, levels=levels)
    public = {key for keys in publication.keys[: len(tables)] for key in keys}
    publication.add_differences(rule)
    fixed = np.array([key in publication.fixed for key in publication.order], bool)
    small = rule.hides(publication.values)
    primary = small & ~fixed
    shown = np.array([key in public for key in publication.order], bool)
    hidden = primary | ~shown
    attacker = Attacker(publication, hidden, positive=shown & (not rule.zeros_hidden))
    _protect(attacker, primary, fixed, rule)
    place = {key: i for i, key in enumerate(publication.order)}
    rows = [np.array([place[key] for key in keys], int) for keys in publication.keys[: len(tables)]]
    return Protection(publication, tuple(attacker.hidden[row] for row in rows), tuple(primary[row] for row in rows))


def _protect(attacker: Attacker, primary: np.ndarray, fixed: np.ndarray, rule: SuppressionRule) -> None:
    """Hides cells until every primary one is as uncertain as the rule asks and no other hidden one is certain."""
    values = attacker.publication.values
    _protect_margins(attacker, primary, fixed, rule)
    rng = np.random.default_rng(1)
    for _ in range(12):
        needed = np.where(primary, rule.needed, 1)
        narrow = np.flatnonzero(attacker.hidden & (attacker.high - attacker.low < needed - 1e-6))
        if len(narrow) < 20:
            break
        attacker.widen(narrow, rng)
    # every hidden cell that had to be hidden, the small ones first
    todo = np.flatnonzero(primary | (attacker.hidden & attacker.complement))
    queue = list(todo[np.lexsort((values[todo], ~primary[todo]))])
    while queue:
        cell = queue.pop(0)
        needed = rule.needed if primary[cell] else 1
        while attacker.width(cell) < needed - 1e-6:
            _, above = attacker.bound(cell, -1)
            if attacker.width(cell) >= needed - 1e-6:
                break
            _, below = attacker.bound(cell, 1)
            if attacker.width(cell) >= needed - 1e-6:
                break
            holding = np.union1d(above, below)
            holding = holding[~fixed[holding] & ~attacker.hidden[holding]]
            holding = holding[(values[holding] > 0) | ~attacker.positive[holding]]
            if not len(holding):
                raise GeoError(
                    "suppression",
                    f"cells that are public already give away {attacker.publication.name(attacker.publication.order[cell])}",
                    hint="withdraw one of them, or do not publish these tables beside them",
                    exit_code=4,
                )
            # the smallest count: it takes least away; a shown 0 cannot be hidden, since hidden means not 0
            chosen = int(holding[np.argmin(values[holding])])
            attacker.hide(chosen)
            queue.append(chosen)


def _protect_margins(attacker: Attacker, primary: np.ndarray, fixed: np.ndarray, rule: SuppressionRule) -> None:
    """Hides, before any program is solved, the cells that single margins ask for: it is the bulk of them.

    A visible total less its visible parts is the sum of the hidden ones: with a small count among them it must be at
    least the width asked for and have two parts. A hidden total must not be the sum of visible parts.
    """
    values, margins = attacker.publication.values, attacker.publication.margins()
    changed = True
    while changed:
        changed = False
        for margin in margins:
            total, parts = margin[0], margin[1:]
            unseen = attacker.hidden[parts]
            if attacker.hidden[total]:
                open_to_sum = not unseen.any()
            else:
                small = primary[parts[unseen]].any()
                needed = rule.needed if small else 1
                open_to_sum = unseen.any() and (unseen.sum() == 1 or values[parts[unseen]].sum() < needed)
            if not open_to_sum:
                continue
            free = parts[~unseen & ~fixed[parts]]
            free = free[values[free] > 0]
            if not len(free) and not attacker.hidden[total] and not fixed[total]:
                free = np.array([total])
            if len(free):
                attacker.hide(int(free[np.argmin(values[free])]))
                changed = True


def attack_tables(
    tables: Sequence[pd.DataFrame],
    hidden: Sequence[np.ndarray],
    *,
    count: str = "cases",
    levels: Mapping[str, Mapping[str, Iterable[str]]] | None = None,
    zeros_hidden: bool = True,
) -> pd.DataFrame:
    """Gives what an attacker learns of each hidden cell: cell (in words), value, lower, upper. The audit of a release.

    The true counts of hidden cells are used only to print them beside the bounds: bounds come from visible cells.
    """
    publication = Publication(tables, count=count, levels=levels)
    place = {key: i for i, key in enumerate(publication.order)}
    mask = np.zeros(len(publication.order), bool)
    for keys, flags in zip(publication.keys, hidden):
        for key, flag in zip(keys, np.asarray(flags, bool)):
            mask[place[key]] |= flag
    attacker = Attacker(publication, mask, positive=np.full(len(mask), not zeros_hidden))
    rows = []
    for cell in np.flatnonzero(mask):
        low, high = attacker.bound(cell, 1)[0], attacker.bound(cell, -1)[0]
        rows.append((publication.name(publication.order[cell]), publication.values[cell], low, high))
    return pd.DataFrame(rows, columns=["cell", "value", "lower", "upper"])


def mask_hidden(
    frame: pd.DataFrame,
    hidden: np.ndarray,
    *,
    columns: Sequence[str] = DERIVED,
    keep: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Gives the frame with every figure of hidden rows removed, and a column `suppressed` (true or false).

    `columns` names what is computed from the count; those that the frame has become missing in hidden rows. `keep`, if
    given, turns that around: every column that it does not name becomes missing there (the safer way where the columns
    are not all known).
    """
    hidden = np.asarray(hidden, bool)
    frame = frame.copy()
    gone = [c for c in frame.columns if c in columns] if keep is None else [c for c in frame.columns if c not in keep]
    for column in gone:
        frame[column] = frame[column].astype(object).where(~hidden, None)
    return frame.assign(suppressed=hidden)
