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
from itertools import product

import numpy as np
import pandas as pd
from scipy import optimize, sparse
from scipy.sparse.csgraph import connected_components

from geo.errors import GeoError

ALL = "All"
# what a hidden count takes along wherever it is written: everything that is computed from it
DERIVED = (
    "cases", "count", "observed", "crude", "crude_lower", "crude_upper", "rate", "se", "lower", "upper", "expected",
    "sir", "ratio", "relative_risk", "llr", "rank", "rank_lower", "rank_upper", "smoothed", "smoothed_lower",
    "smoothed_upper", "exceedance", "apc", "apc_lower", "apc_upper", "trend", "unstable", "p_value",
)  # fmt: skip
Key = tuple[str, ...]


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


class Publication:
    """Every cell of several tables as a sum of atoms, the counts that no table divides further."""

    def __init__(
        self,
        tables: Sequence[pd.DataFrame],
        *,
        count: str = "cases",
        levels: Mapping[str, Mapping[str, Iterable[str]]] | None = None,
    ):
        levels = levels or {}
        self.count = count
        self.dimensions = sorted({str(c) for table in tables for c in table.columns if c not in (count, "fixed")})
        self.cells: dict[Key, float] = {}
        self.fixed: set[Key] = set()
        self.keys: list[list[Key]] = []
        for number, table in enumerate(tables, 1):
            self.keys.append(self._read(table, number))
        members = {name: self._members(place, levels.get(name, {})) for place, name in enumerate(self.dimensions)}
        self.order = list(self.cells)
        self.values = np.array([self.cells[key] for key in self.order])
        self.matrix = self._membership(members)
        self._check_sums()
        self._members_by_dimension = members

    def add_differences(self, rule: SuppressionRule) -> None:
        """Adds the small groups that nobody publishes but subtraction gives: a cell without another one inside it.

        All ages less ages 0-64, of a table that has both, is the count of 65 and over. Only groups that the rule hides
        and that are no cell themselves are added; they start hidden and must be protected like cells.
        """
        place = {key: i for i, key in enumerate(self.order)}
        seen = {tuple(self._row(i)) for i in range(len(self.order))}
        names, rows, values = [], [], []
        for dimension, name in enumerate(self.dimensions):
            members = self._members_by_dimension[name]
            inside = [(b, s) for b in members for s in members if members[s] < members[b]]
            for key, cell in place.items():
                for big, small in inside:
                    if key[dimension] != big:
                        continue
                    other = place.get((*key[:dimension], small, *key[dimension + 1 :]))
                    if other is None:
                        continue
                    value = self.values[cell] - self.values[other]
                    row = tuple(sorted(set(self._row(cell)) - set(self._row(other))))
                    if row and row not in seen and bool(rule.hides(np.array([value]))[0]):
                        seen.add(row)
                        names.append((*key[:dimension], f"{big} without {small}", *key[dimension + 1 :]))
                        rows.append(row)
                        values.append(value)
        if rows:
            lengths = [len(row) for row in rows]
            extra = sparse.csr_matrix(
                (np.ones(sum(lengths)), np.concatenate(rows), np.cumsum([0, *lengths])),
                (len(rows), self.matrix.shape[1]),
            )
            self.matrix = sparse.vstack([self.matrix, extra], format="csr")
            self.values = np.concatenate([self.values, values])
            self.order += names

    def _row(self, cell: int) -> list[int]:
        return sorted(self.matrix.indices[self.matrix.indptr[cell] : self.matrix.indptr[cell + 1]].tolist())

    def _read(self, table: pd.DataFrame, number: int) -> list[Key]:
        if self.count not in table.columns:
            raise GeoError("input-columns", f"table {number} has no column {self.count!r}")
        counts = pd.to_numeric(table[self.count], errors="coerce").to_numpy(float)
        if not (np.isfinite(counts) & (counts >= 0)).all():
            raise GeoError("suppression", f"table {number} has counts that are no figures of 0 or more")
        columns = [
            table[name].astype(str).to_numpy() if name in table.columns else np.full(len(table), ALL)
            for name in self.dimensions
        ]
        keys = list(zip(*columns)) if columns else [()] * len(table)
        fixed = table["fixed"].to_numpy(bool) if "fixed" in table.columns else np.zeros(len(table), bool)
        for key, value, locked in zip(keys, counts, fixed):
            if self.cells.setdefault(key, value) != value:
                raise GeoError("suppression", f"{self.name(key)} is {self.cells[key]:g} and {value:g} in the tables")
            if locked:
                self.fixed.add(key)
        return keys

    def _members(self, place: int, groups: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
        """Gives each label's base labels in one dimension."""
        labels = {key[place] for key in self.cells} - {ALL}
        base = (labels - set(groups)) | {str(member) for label in groups for member in groups[label]}
        base = base or {ALL}
        members = {label: frozenset([label]) for label in base}
        members.update({label: frozenset(map(str, groups[label])) for label in labels & set(groups)})
        members[ALL] = frozenset(base)
        return members

    def _membership(self, members: Mapping[str, dict[str, frozenset[str]]]) -> sparse.csr_matrix:
        """Gives the 0/1 matrix of cells and atoms; base combinations that no cell tells apart are one atom."""
        sides = [sorted(members[name][ALL]) for name in self.dimensions]
        sizes = [len(side) for side in sides]
        if np.prod(sizes, dtype=float) > 5e6:
            raise GeoError("suppression", "the tables have too many combinations", hint="protect them in parts")
        place = [{label: i for i, label in enumerate(side)} for side in sides]
        rows, columns = [], []
        for row, key in enumerate(self.order):
            chosen = [[place[d][label] for label in members[name][key[d]]] for d, name in enumerate(self.dimensions)]
            atoms = np.ravel_multi_index(np.array(list(product(*chosen))).T, sizes) if sides else np.array([0])
            rows.append(np.full(len(atoms), row))
            columns.append(atoms)
        cells = np.concatenate(rows), np.concatenate(columns)
        matrix = sparse.csc_matrix((np.ones(len(cells[0])), cells), (len(self.order), int(np.prod(sizes, dtype=int))))
        # columns with the same cells: hashed by two random weights per cell
        weights = np.random.default_rng(1).random((2, len(self.order)))
        marks = np.round((weights @ matrix).T, 9)
        _, first = np.unique(marks, axis=0, return_index=True)
        first = first[np.diff(matrix.indptr)[first] > 0]
        return matrix[:, np.sort(first)].tocsr()

    def _check_sums(self) -> None:
        found = optimize.linprog(
            np.zeros(self.matrix.shape[1]), A_eq=self.matrix, b_eq=self.values, bounds=(0, None), method="highs"
        )
        if not found.success:
            raise GeoError(
                "suppression",
                "the tables contradict each other: no counts of 0 or more have these sums",
                hint="make all tables from the same records; name groupings in levels",
            )
        self.atoms = found.x

    def name(self, key: Key) -> str:
        """Gives a cell's dimensions in words."""
        return ", ".join(f"{d} {v}" for d, v in zip(self.dimensions, key) if v != ALL) or "the whole"


class _Attacker:
    """What the visible cells say about the hidden ones; every feasible point found stays one as more is hidden."""

    def __init__(self, publication: Publication, hidden: np.ndarray, *, positive: np.ndarray):
        # positive: cells of which the attacker knows, once they are hidden, that they are not 0
        self.publication, self.hidden, self.positive = publication, hidden, positive
        self.low = publication.values.copy()
        self.high = publication.values.copy()
        matrix = publication.matrix
        self._single = np.diff(matrix.indptr) == 1
        self._atom = np.where(self._single, matrix.indices[np.minimum(matrix.indptr[:-1], len(matrix.indices) - 1)], -1)
        self._labels: np.ndarray | None = None

    def hide(self, cell: int) -> None:
        self.hidden[cell] = True
        self._labels = None

    def width(self, cell: int) -> float:
        return self.high[cell] - self.low[cell]

    def _split(self) -> None:
        """Finds the atoms that a visible cell states, and the parts into which the others fall."""
        matrix = self.publication.matrix
        known = np.zeros(matrix.shape[1], bool)
        known[self._atom[self._single & ~self.hidden]] = True
        # a hidden count that is known not to be 0 ties its atoms together like a visible one
        tied = self.positive | ~self.hidden
        rows = sparse.csr_matrix(sparse.diags_array(tied.astype(float)) @ matrix @ sparse.diags_array(1.0 - known))
        rows.eliminate_zeros()
        graph = sparse.block_array([[None, rows], [rows.T, None]], format="csr")
        _, labels = connected_components(graph, directed=False)
        self._known, self._labels = known, labels[matrix.shape[0] :]
        self._given = matrix @ np.where(known, self.publication.atoms, 0.0)
        self._unknown = sparse.csr_matrix(matrix @ sparse.diags_array(1.0 - known))
        self._unknown.eliminate_zeros()

    def bound(self, cell: int, sign: int) -> tuple[float, np.ndarray]:
        """Gives the least (sign 1) or greatest (-1) value of a hidden cell, and the visible cells that hold it there."""
        if self._labels is None:
            self._split()
        publication, unknown = self.publication, self._unknown
        own = unknown.indices[unknown.indptr[cell] : unknown.indptr[cell + 1]]
        if not len(own):
            return float(self._given[cell]), self._stating([cell])
        inside = np.isin(self._labels, np.unique(self._labels[own])) & ~self._known
        atoms = np.flatnonzero(inside)
        touching = unknown @ inside.astype(float)
        whole = (touching > 0) & (touching == np.diff(unknown.indptr))
        seen = np.flatnonzero(whole & ~self.hidden)
        unseen = np.flatnonzero(whole & self.hidden)
        goal = np.isin(atoms, own).astype(float)
        limits = {}
        some = unseen[self.positive[unseen]]
        if len(some):
            limits = {"A_ub": -unknown[some][:, atoms], "b_ub": self._given[some] - 1}
        if len(seen):
            limits |= {"A_eq": unknown[seen][:, atoms], "b_eq": (publication.values - self._given)[seen]}
        found = optimize.linprog(sign * goal, bounds=(0, None), method="highs", **limits)
        if found.status in (3, 4) and not sign > 0:
            self.high[cell] = np.inf
            return np.inf, np.array([], int)
        if found.x is None:
            name = publication.name(publication.order[cell])
            raise GeoError("suppression", f"no bound for {name}: {found.message}")
        point = unknown[unseen][:, atoms] @ found.x + self._given[unseen]
        self.low[unseen] = np.minimum(self.low[unseen], point)
        self.high[unseen] = np.maximum(self.high[unseen], point)
        holding = seen[np.abs(found.eqlin.marginals) > 1e-9] if len(seen) else seen
        return float(goal @ found.x + self._given[cell]), np.union1d(holding, self._stating(holding))

    def _stating(self, cells: Sequence[int]) -> np.ndarray:
        """Gives the visible cells that state single atoms of these cells."""
        atoms = np.unique(self.publication.matrix[np.asarray(cells, int)].indices)
        return np.flatnonzero(self._single & ~self.hidden & np.isin(self._atom, atoms))


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
    attacker = _Attacker(publication, hidden, positive=shown & (not rule.zeros_hidden))
    _protect(attacker, primary, fixed, rule)
    place = {key: i for i, key in enumerate(publication.order)}
    rows = [np.array([place[key] for key in keys], int) for keys in publication.keys[: len(tables)]]
    return Protection(publication, tuple(attacker.hidden[row] for row in rows), tuple(primary[row] for row in rows))


def _protect(attacker: _Attacker, primary: np.ndarray, fixed: np.ndarray, rule: SuppressionRule) -> None:
    """Hides cells until every primary one is as uncertain as the rule asks and no other hidden one is certain."""
    values = attacker.publication.values
    queue = list(np.flatnonzero(primary)[np.argsort(values[primary], kind="stable")])
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
    attacker = _Attacker(publication, mask, positive=np.full(len(mask), not zeros_hidden))
    rows = []
    for cell in np.flatnonzero(mask):
        low, high = attacker.bound(cell, 1)[0], attacker.bound(cell, -1)[0]
        rows.append((publication.name(publication.order[cell]), publication.values[cell], low, high))
    return pd.DataFrame(rows, columns=["cell", "value", "lower", "upper"])


def mask_hidden(frame: pd.DataFrame, hidden: np.ndarray, *, columns: Sequence[str] = DERIVED) -> pd.DataFrame:
    """Gives the frame with every figure of hidden rows removed, and a column `suppressed` (true or false).

    `columns` names what is computed from the count; those that the frame has become missing in hidden rows.
    """
    hidden = np.asarray(hidden, bool)
    frame = frame.copy()
    for column in columns:
        if column in frame.columns:
            frame[column] = frame[column].astype(object).where(~hidden, None)
    return frame.assign(suppressed=hidden)
