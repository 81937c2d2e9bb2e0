"""Record linkage on frames: which records are of one person, how sure, and why; no database and no labels.

    found = match(frame, id="record")                   # duplicates within one file
    found = match(frame, other, id="record")            # one file against another
    found.pairs                                         # left, right, score, weight, verdict, conflicts

A score is the probability that a pair is one person. The verdict is `match` from `Thresholds.match` on without any
conflict (`score.RULES`), else `review` from `Thresholds.review` on; what lies below is no pair. Twins, parents and
children, and Sr and Jr are conflicts: they reach review at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from registry.errors import RegistryError
from registry.linkage import blocking, compare, score
from registry.linkage import model as models
from registry.linkage.compare import COMPARISONS, NAMES
from registry.linkage.fields import FIELDS, Persons, choose_columns, prepare, prepare_records

CHUNK = 4_000_000
RANDOM_PAIRS = 2_000_000
LEARNED_FROM = 6_000_000
"""Candidate pairs that the model is learned from at most."""


@dataclass(frozen=True)
class Thresholds:
    """Probabilities from which a pair is a match, and from which a person should look at it."""

    match: float = 0.95
    review: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.review <= self.match < 1:
            raise RegistryError("usage", "thresholds must be 0 < review <= match < 1")


@dataclass(frozen=True)
class Matches:
    """Pairs from the review threshold on, surest first; `weights` has one column per comparison (log2), row by row.

    `pairs` holds left, right (ids), score, weight (log2 of the odds), verdict, conflicts (names, joined by a blank).
    """

    pairs: pd.DataFrame
    weights: np.ndarray
    model: models.Model
    candidates: int

    def lines(self) -> Iterator[dict]:
        """Gives each pair as the object of the command line: weights of compared fields, `prior` first."""
        prior = round(self.model.prior, 2)
        for (left, right, probability, verdict, conflicts), row in zip(
            self.pairs[["left", "right", "score", "verdict", "conflicts"]].itertuples(index=False, name=None),
            self.weights.round(2).tolist(),
        ):
            weights = {"prior": prior, **{n: w for n, w in zip(NAMES, row) if w != 0.0}}
            line = {"left": left, "right": right, "score": probability, "verdict": verdict, "weights": weights}
            if conflicts:
                line["conflicts"] = conflicts.split()
            yield line


def match(
    frame: pd.DataFrame,
    other: pd.DataFrame | None = None,
    *,
    id: str,
    mapping: Mapping[str, str] | None = None,
    thresholds: Thresholds = Thresholds(),
    model: models.Model | None = None,
    seed: int = 1,
) -> Matches:
    """Gives the pairs of one person within a frame, or between two frames.

    Columns are known by name (`fields.FIELDS`, common other names) or by `mapping` (column to field); all values are text.
    `model` skips the learning. Ids that are missing or occur twice within a frame are errors.
    """
    ids, people, left = _joined(frame, other, id, mapping)
    a, b, packed, bits, fields = _candidates(people, left)
    if model is None:
        model = learn(people, packed, bits, fields, left=left, seed=seed)
    del bits
    pairs, weights = decide(people, a, people, b, packed, model, thresholds)
    pairs.insert(0, "right", ids[pairs.pop("b").to_numpy()])
    pairs.insert(0, "left", ids[pairs.pop("a").to_numpy()])
    return Matches(pairs, weights, model, len(a))


@dataclass(frozen=True)
class Explanation:
    """Why two records are or are not one person: what each field weighs (log2, `prior` first) and how alike it is."""

    score: float
    weight: float
    verdict: str
    conflicts: tuple[str, ...]
    weights: dict[str, float]
    levels: dict[str, str]

    def as_dict(self) -> dict:
        """Gives the explanation as an object for JSON; verdict is `match`, `review` or `other`."""
        return {**vars(self), "conflicts": list(self.conflicts)}


def explain(
    record_a: Mapping[str, str],
    record_b: Mapping[str, str],
    model: models.Model,
    *,
    thresholds: Thresholds = Thresholds(),
) -> Explanation:
    """Gives the weights, levels, conflicts and verdict of one pair of records, `{field: text}` each.

    Without the file's own frequencies an agreement weighs what it weighs on average; `Index.explain` knows them.
    """
    people = prepare_records([record_a, record_b])
    return explain_pair(people, 0, people, 1, model, score.mean_frequencies(people, model), thresholds)


def explain_pair(p: Persons, i: int, q: Persons, j: int, model, frequencies, thresholds: Thresholds) -> Explanation:
    """Gives the explanation of record `i` of `p` and record `j` of `q`."""
    a, b = np.array([i]), np.array([j])
    packed = compare.patterns(p, a, q, b)
    _, rows, total, conflict = score.weigh(p, a, q, b, packed, model.weights, frequencies, model.prior, -np.inf)
    probability = float(score.probability(total)[0])
    conflicts = tuple(score.conflict_names(int(conflict[0])))
    verdict = "other" if probability < thresholds.review else "review"
    if probability >= thresholds.match and not conflicts:
        verdict = "match"
    levels = {c.name: c.levels[level - 1] for c, level in zip(COMPARISONS, compare.unpack(packed)[0].tolist()) if level}
    weights = {name: round(float(w), 2) for name, w in zip(NAMES, rows[0]) if name in levels}
    return Explanation(
        round(probability, 9), float(total[0]), verdict, conflicts, {"prior": round(model.prior, 2), **weights}, levels
    )


def learn_from(people: Persons, *, seed: int = 1) -> models.Model:
    """Gives the model of prepared records of one file."""
    _, _, packed, bits, fields = _candidates(people, 0)
    return learn(people, packed, bits, fields, seed=seed)


def _candidates(
    people: Persons, left: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[frozenset[str]]]:
    """Gives the candidate pairs: their two sides, patterns, passes as bits, and the fields of each pass."""
    found = blocking.passes(people)
    fields = [p.fields for p in found]
    a, b, bits = blocking.candidates(found, len(people.codes), left)
    del found
    packed = np.empty(len(a), dtype=np.uint64)
    for start in range(0, len(a), CHUNK):
        part = slice(start, start + CHUNK)
        packed[part] = compare.patterns(people, a[part], people, b[part])
    return a, b, packed, bits, fields


def learn(
    people: Persons, packed: np.ndarray, bits: np.ndarray, fields: list[frozenset[str]], *, left: int = 0, seed: int = 1
) -> models.Model:
    """Gives the model of prepared records from their candidate pairs and a random sample of all pairs."""
    size, random = len(people.codes), np.random.default_rng(seed)
    possible = float(left * (size - left)) if left else size * (size - 1) / 2
    if size < 2 or (left and left == size):
        return models.expected(max(possible, 1.0), size)
    count = int(min(RANDOM_PAIRS, max(possible * 2, 1)))
    x = random.integers(0, left or size, count)
    y = random.integers(left, size, count)
    chance = compare.patterns(people, x[x != y], people, y[x != y])
    step = max(1, -(-len(packed) // LEARNED_FROM))
    learned = models.estimate(packed[::step], bits[::step], fields, chance, possible / step, size / step)
    return replace(learned, possible=possible)


def decide(
    p: Persons,
    a: np.ndarray,
    q: Persons,
    b: np.ndarray,
    packed: np.ndarray,
    model: models.Model,
    thresholds: Thresholds,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Gives the pairs from the review threshold on, surest first, and their weights; `a`, `b` are places in `p`, `q`."""
    least = float(np.log2(thresholds.review / (1 - thresholds.review)))
    frequencies = score.frequencies(q, model)
    kept, rows, totals, conflicts = [], [], [], []
    for start in range(0, len(a), CHUNK):
        part = slice(start, start + CHUNK)
        k, w, t, c = score.weigh(p, a[part], q, b[part], packed[part], model.weights, frequencies, model.prior, least)
        kept.append(k + start), rows.append(w), totals.append(t), conflicts.append(c)
    where = np.concatenate(kept) if kept else np.zeros(0, dtype=np.int64)
    weights = np.concatenate(rows) if rows else np.zeros((0, score.WIDTH), dtype=np.float32)
    total = np.concatenate(totals) if totals else np.zeros(0)
    conflict = np.concatenate(conflicts) if conflicts else np.zeros(0, dtype=np.uint8)
    order = np.lexsort((b[where], a[where], -total))
    where, weights, total, conflict = where[order], weights[order], total[order], conflict[order]
    probability = score.probability(total)
    sure = (probability >= thresholds.match) & (conflict == 0)
    names = {int(bits): " ".join(score.conflict_names(int(bits))) for bits in np.unique(conflict)}
    pairs = pd.DataFrame(
        {
            "a": a[where],
            "b": b[where],
            "score": np.round(probability, 9),
            "weight": total,
            "verdict": np.where(sure, "match", "review"),
            "conflicts": [names[int(bits)] for bits in conflict],
        }
    )
    return pairs, weights


def _joined(frame, other, id: str, mapping) -> tuple[np.ndarray, Persons, int]:
    """Prepares one frame, or two as one; gives ids, records, and how many belong to the first of two (0 for one)."""
    ids = [checked_ids(frame, id, "the first file" if other is not None else "the file")]
    chosen = choose_columns([c for c in frame.columns if c != id], mapping)
    if not chosen:
        raise RegistryError(
            "usage", "no column is known as a field", hint=f"name columns {', '.join(FIELDS)}, or map them"
        )
    if other is None:
        return ids[0], prepare(frame, chosen), 0
    ids.append(checked_ids(other, id, "the second file"))
    theirs = choose_columns(
        [c for c in other.columns if c != id], {c: f for c, f in (mapping or {}).items() if c in other.columns}
    )
    joined = pd.concat([_fields_only(frame, chosen), _fields_only(other, theirs)], ignore_index=True)
    return np.concatenate(ids), prepare(joined), len(frame)


def _fields_only(frame: pd.DataFrame, chosen: dict[str, list[str]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            field: frame[columns[0]]
            if len(columns) == 1
            else frame[columns].fillna("").agg(" ".join, axis=1).str.strip()
            for field, columns in chosen.items()
        }
    )


def checked_ids(frame: pd.DataFrame, id: str, which: str) -> np.ndarray:
    if id not in frame.columns:
        raise RegistryError(
            "usage", f"{which} has no column {id!r}", hint=f"columns: {', '.join(map(str, frame.columns))}"
        )
    ids = frame[id]
    if ids.isna().any() or (ids == "").any():
        rows = np.flatnonzero((ids.isna() | (ids == "")).to_numpy())
        raise RegistryError(
            "link-id", f"{which} has rows without an id", where=f"row {rows[0] + 2} and {len(rows) - 1} more"
        )
    if ids.duplicated().any():
        twice = ids[ids.duplicated()]
        raise RegistryError(
            "link-id", f"{which} has ids that occur twice", where=f"{twice.iloc[0]} and {len(twice) - 1} more"
        )
    return ids.to_numpy(dtype=object)
