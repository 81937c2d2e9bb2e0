"""Tables as sums of atoms, and what an attacker learns from the visible ones by linear programming."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import optimize, sparse
from scipy.sparse.csgraph import connected_components

from geo.errors import GeoError

if TYPE_CHECKING:
    from geo.suppression import SuppressionRule

ALL = "All"
Key = tuple[str, ...]


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

    def margins(self) -> list[np.ndarray]:
        """Gives every margin whose parts are all cells: the total's place first, then those of its parts."""
        place = {key: i for i, key in enumerate(self.order)}
        found = []
        for dimension, name in enumerate(self.dimensions):
            groups = {k: sorted(v) for k, v in self._members_by_dimension[name].items() if len(v) > 1 or k == ALL}
            for key in self.cells:
                if key[dimension] in groups:
                    parts = [place.get((*key[:dimension], p, *key[dimension + 1 :])) for p in groups[key[dimension]]]
                    if None not in parts and parts != [place[key]]:
                        found.append(np.array([place[key], *parts]))
        return found

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


class Attacker:
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

        self.complement = np.zeros(len(hidden), bool)

    def hide(self, cell: int) -> None:
        self.hidden[cell] = self.complement[cell] = True
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

    def widen(self, cells: np.ndarray, rng: np.random.Generator) -> None:
        """Widens what is known possible for many cells at once: one program with random weights on all of them."""
        if self._labels is None:
            self._split()
        unknown, visible = self._unknown, np.flatnonzero(~self.hidden)
        atoms = np.flatnonzero(~self._known)
        hidden = np.flatnonzero(self.hidden)
        goal = rng.choice([-1.0, 1.0], len(cells)) @ unknown[cells][:, atoms]
        limits: dict[str, object] = {}
        seen = visible[np.diff(unknown.indptr)[visible] > 0]
        if len(seen):
            limits |= {"A_eq": unknown[seen][:, atoms], "b_eq": (self.publication.values - self._given)[seen]}
        some = hidden[self.positive[hidden]]
        if len(some):
            limits |= {"A_ub": -unknown[some][:, atoms], "b_ub": self._given[some] - 1}
        # a ceiling, for margins that are hidden bound nothing from above
        top = float(self.publication.values.max()) + 1
        found = optimize.linprog(goal, bounds=(0, top), method="highs", **limits)
        if found.x is not None:
            point = unknown[hidden][:, atoms] @ found.x + self._given[hidden]
            self.low[hidden] = np.minimum(self.low[hidden], point)
            self.high[hidden] = np.maximum(self.high[hidden], point)

    def _stating(self, cells: Sequence[int]) -> np.ndarray:
        """Gives the visible cells that state single atoms of these cells."""
        atoms = np.unique(self.publication.matrix[np.asarray(cells, int)].indices)
        return np.flatnonzero(self._single & ~self.hidden & np.isin(self._atom, atoms))
