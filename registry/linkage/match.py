"""Record linkage on frames: which records are of one person, how sure, and why; no database and no labels.

    found = match(frame, id="record")                   # duplicates within one file
    found = match(frame, other, id="record")            # one file against another
    found.pairs                                         # left, right, score, weight, verdict, conflicts

A score is the probability that a pair is one person. The verdict is `match` from `Thresholds.match` on without any
conflict (`score.RULES`), else `review` from `Thresholds.review` on; what lies below is no pair. What follows from matches
is a match too (`chains`). Twins, parents and children, and Sr and Jr are conflicts: they reach review at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from registry.errors import RegistryError
from registry.linkage import blocking, chains, compare, score
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

    `pairs` holds left, right (ids), score, weight (log2 of the odds), verdict, conflicts (names, joined by a blank), and
    `through`: the record between, where a pair is a match because both are that record; its score is the weaker link's.
    """

    pairs: pd.DataFrame
    weights: np.ndarray
    model: models.Model
    candidates: int

    def lines(self) -> Iterator[dict]:
        """Gives each pair as the object of the command line: weights of compared fields, `prior` first."""
        prior = round(self.model.prior, 2)
        columns = ["left", "right", "score", "verdict", "conflicts", "through"]
        for (left, right, probability, verdict, conflicts, through), row in zip(
            self.pairs[columns].itertuples(index=False, name=None),
            # in double precision, so that 1.32 is written as it is and not as the nearest single
            self.weights.astype(np.float64).round(2).tolist(),
        ):
            weights = {"prior": prior, **{n: w for n, w in zip(NAMES, row) if w != 0.0}}
            line = {"left": left, "right": right, "score": probability, "verdict": verdict, "weights": weights}
            if conflicts:
                line["conflicts"] = conflicts.split()
            if through is not None:
                line["through"] = through
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
    pairs, weights = decide(people, a, b, packed, model, thresholds, left)
    count = len(a)
    del a, b, packed
    between = pairs["through"].to_numpy()
    pairs["through"] = np.where(between >= 0, ids[np.maximum(between, 0)], None) if len(ids) else None
    pairs.insert(0, "right", ids[pairs.pop("b").to_numpy()])
    pairs.insert(0, "left", ids[pairs.pop("a").to_numpy()])
    return Matches(pairs, weights, model, count)


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
    count = int(min(RANDOM_PAIRS, max(possible * 2, 1), 100_000 + 40 * size))
    x = random.integers(0, left or size, count)
    y = random.integers(left, size, count)
    chance = compare.patterns(people, x[x != y], people, y[x != y])
    step = max(1, -(-len(packed) // LEARNED_FROM))
    learned = models.estimate(packed[::step], bits[::step], fields, chance, possible / step, size / step)
    return replace(learned, possible=possible)


def decide(
    people: Persons,
    a: np.ndarray,
    b: np.ndarray,
    packed: np.ndarray,
    model: models.Model,
    thresholds: Thresholds,
    left: int,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Gives the pairs from the review threshold on, surest first, and their weights; `a`, `b` are places of records.

    Matches are closed to chains (`chains.follow`): what follows is a match `through` the record between, and a match that
    would bring relatives together goes to review.
    """
    least = float(np.log2(thresholds.review / (1 - thresholds.review)))
    frequencies = score.frequencies(people, model)
    where, weights, total, conflict = _weighed(people, a, b, packed, model, frequencies, least)
    a, b = a[where].astype(np.int64), b[where].astype(np.int64)
    order = np.lexsort((b, a, -total))
    a, b, weights, total, conflict = a[order], b[order], weights[order], total[order], conflict[order]
    sure = (score.probability(total) >= thresholds.match) & (conflict == 0)
    chain = chains.follow(people, a[sure], b[sure], total[sure], model, frequencies, left)
    refused = np.zeros(len(a), dtype=bool)
    refused[np.flatnonzero(sure)[chain.refused]] = True
    names = {(c, r): chains.conflict_names(c, r) for c in np.unique(conflict).tolist() for r in (False, True)}
    pairs = pd.DataFrame({"a": a, "b": b, "weight": total, "verdict": np.where(sure & ~refused, "match", "review")})
    pairs["conflicts"] = [names[key] for key in zip(conflict.tolist(), refused.tolist())]
    pairs["through"] = -1
    pairs, weights = _with_followers(pairs, weights, chain, people, model, frequencies)
    pairs.insert(2, "score", np.round(score.probability(pairs["weight"].to_numpy()), 9))
    return pairs, weights


def _weighed(people: Persons, a, b, packed, model, frequencies, least: float) -> tuple[np.ndarray, ...]:
    """Gives which pairs weigh at least so much, with weights, totals and conflicts."""
    found = []
    for start in range(0, len(a), CHUNK):
        part = slice(start, start + CHUNK)
        kept, *rest = score.weigh(
            people, a[part], people, b[part], packed[part], model.weights, frequencies, model.prior, least
        )
        found.append((kept + start, *rest))
    if not found:
        return np.zeros(0, np.int64), np.zeros((0, score.WIDTH), np.float32), np.zeros(0), np.zeros(0, np.uint8)
    return tuple(np.concatenate(part) for part in zip(*found))


def _with_followers(pairs: pd.DataFrame, weights: np.ndarray, chain, people: Persons, model, frequencies):
    """Gives the pairs with those that follow by chain: known ones become matches, unknown ones join with their own weights."""
    if not len(chain.left):
        return pairs, weights
    wanted = chain.left << 32 | chain.right
    own = pairs["a"].to_numpy() << 32 | pairs["b"].to_numpy()
    order = np.argsort(own)
    at = order[np.minimum(np.searchsorted(own, wanted, sorter=order), len(own) - 1)]
    known = own[at] == wanted
    lesser = known & (pairs["verdict"].to_numpy()[at] != "match")
    rows = at[lesser]
    place = {name: pairs.columns.get_loc(name) for name in ("verdict", "conflicts", "through", "weight")}
    pairs.iloc[rows, place["verdict"]], pairs.iloc[rows, place["conflicts"]] = "match", ""
    pairs.iloc[rows, place["through"]] = chain.through[lesser]
    pairs.iloc[rows, place["weight"]] = np.maximum(pairs["weight"].to_numpy()[rows], chain.weight[lesser])
    a, b = chain.left[~known], chain.right[~known]
    packed = compare.patterns(people, a, people, b)
    _, more, _, _ = _weighed(people, a, b, packed, model, frequencies, -np.inf)
    further = pd.DataFrame({"a": a, "b": b, "weight": chain.weight[~known], "verdict": "match", "conflicts": ""})
    further["through"] = chain.through[~known]
    pairs, weights = pd.concat([pairs, further], ignore_index=True), np.concatenate([weights, more])
    order = np.lexsort((pairs["b"], pairs["a"], -pairs["weight"]))
    return pairs.iloc[order].reset_index(drop=True), weights[order]


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
            "link-id", f"{which} has rows without an id", where=f"row {rows[0] + 2}{_more(len(rows) - 1)}"
        )
    if ids.duplicated().any():
        twice = ids[ids.duplicated()]
        raise RegistryError(
            "link-id", f"{which} has ids that occur twice", where=f"{twice.iloc[0]}{_more(len(twice) - 1)}"
        )
    return ids.to_numpy(dtype=object)


def _more(count: int) -> str:
    return f" and {count:,} more" if count else ""
