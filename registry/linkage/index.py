"""A registry's persons kept ready, so that a new report is matched against a million of them at once.

    index = Index.build(frame, id="patient")            # learns a model, or takes one
    index.candidates({"first": "Ann", "last": "Lee"})   # surest first, from the review threshold on
    index.add([{"id": …, …}]), index.update([…]), index.remove([…])
    index.save(path); Index.load(path)

The persons lie in segments that never change: one large, and small ones for what came later, joined as they grow. A
change publishes a new state at once; readers take the state they find, so any number of threads may ask while one writes.
"""

from __future__ import annotations

import json
import os
import threading
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from registry.errors import RegistryError
from registry.linkage import blocking, census, compare, score
from registry.linkage.compare import COMPARISONS, NAMES
from registry.linkage.fields import Persons, choose_columns, joined, prepare, prepare_records
from registry.linkage.match import Explanation, Thresholds, checked_ids, explain_pair, learn_from
from registry.linkage.model import Model

LAYOUT = 1
"""Of the saved file; a change of passes or columns changes what is kept and makes older files unreadable."""
DEFAULT = Thresholds()
MOST = 1_000
"""Records of one pass that are compared at most; what a pass cannot narrow further is left to the others."""
GROWTH = 4
"""A segment is joined with the one before it when that one is less than so many times larger."""


@dataclass(frozen=True)
class Candidate:
    """One person of the index who may be the one asked for; verdict and weights as in `match`."""

    id: str | int
    score: float
    weight: float
    verdict: str
    conflicts: tuple[str, ...]
    weights: dict[str, float]
    levels: dict[str, str]


@dataclass(frozen=True)
class _Segment:
    """Persons with their keys: per pass a sorted array of key and place in one number, and what parts a large block."""

    ids: np.ndarray
    people: Persons
    keys: tuple[np.ndarray, ...]
    finer: tuple[np.ndarray, ...]
    frequencies: score.Frequencies


@dataclass(frozen=True)
class _State:
    segments: tuple[_Segment, ...]
    alive: tuple[np.ndarray, ...]


class Index:
    """Persons by id, ready to be matched against; safe for many readers and one writer at a time."""

    def __init__(self, model: Model, known: census.Census, thresholds: Thresholds = DEFAULT) -> None:
        self.model, self.census, self.thresholds = model, known, thresholds
        self.stamp: dict[str, Any] = {}
        """What the owner of the index wants to find again with the saved file, as JSON."""
        self._state = _State((), ())
        self._writing = threading.Lock()
        self._places: dict | None = None

    @classmethod
    def build(
        cls,
        frame: pd.DataFrame,
        *,
        id: str,
        mapping: Mapping[str, str] | None = None,
        model: Model | None = None,
        thresholds: Thresholds = DEFAULT,
    ) -> Index:
        """Gives the index of a frame's persons; without a model it is learned from the frame, which compares all of it."""
        ids = checked_ids(frame, id, "the file")
        people = prepare(frame, choose_columns([c for c in frame.columns if c != id], mapping))
        index = cls(model if model is not None else learn_from(people), census.count(people), thresholds)
        index._state = _State((index._segment(ids, people),), (np.ones(len(ids), dtype=bool),))
        return index

    def __len__(self) -> int:
        return int(sum(alive.sum() for alive in self._state.alive))

    def __contains__(self, id: str | int) -> bool:
        with self._writing:
            return id in self._known()

    def candidates(self, record: Mapping[str, str | None], *, limit: int | None = None) -> list[Candidate]:
        """Gives who the record may be, surest first, from the review threshold on; `record` is `{field: text}`."""
        return next(self.candidates_of([record]))[:limit]

    def candidates_of(self, records: Sequence[Mapping[str, str | None]]) -> Iterator[list[Candidate]]:
        """Gives for each of several records, in their order, who it may be; the texts are prepared once for all."""
        asked, state = prepare_records(records), self._state
        keys = _queries(asked)
        for row in range(len(records)):
            one = Persons(asked.codes[row : row + 1], asked.values, asked.text)
            found: list[Candidate] = []
            for segment, alive in zip(state.segments, state.alive):
                places = _found(segment, [of.get(row, []) for of in keys])
                places = places[alive[places]]
                if len(places):
                    found += self._weighed(one, segment, places)
            found.sort(key=lambda c: (-c.weight, str(c.id)))
            yield found

    def between(self, one: str | int, other: str | int) -> Explanation:
        """Gives why two persons of the index are or are not one, whatever the score; an unknown id is an error."""
        with self._writing:
            state, places = self._state, [self._known().get(id) for id in (one, other)]
        for id, place in zip((one, other), places):
            if place is None:
                raise RegistryError("not-found", f"the index holds no person {id!r}")
        (p, i), (q, j) = ((state.segments[n], row) for n, row in places)  # type: ignore[misc]
        return explain_pair(p.people, i, q.people, j, self.model, q.frequencies, self.thresholds)

    def explain(self, record: Mapping[str, str | None], id: str | int) -> Explanation:
        """Gives why a record is or is not the person of that id, whatever the score; an unknown id is an error."""
        with self._writing:
            state = self._state
            place = self._known().get(id)
        if place is None:
            raise RegistryError("not-found", f"the index holds no person {id!r}")
        segment = state.segments[place[0]]
        asked = prepare_records([record])
        return explain_pair(asked, 0, segment.people, place[1], self.model, segment.frequencies, self.thresholds)

    def add(self, records: Iterable[Mapping[str, str | int | None]]) -> None:
        """Takes new persons, `{"id": …, field: text}`; an id that is there already is an error and nothing is taken."""
        self._change(list(records), replace=False)

    def update(self, records: Iterable[Mapping[str, str | int | None]]) -> None:
        """Takes persons as they are now written, new or known, all at one moment."""
        self._change(list(records), replace=True)

    def remove(self, ids: Iterable[str | int]) -> None:
        """Forgets persons; unknown ids are errors and nothing is forgotten."""
        with self._writing:
            self._publish_without(list(ids))

    def save(self, path: Path) -> None:
        """Writes the index into one file, which replaces what was there only when it is whole."""
        with self._writing:
            state = self._state
            if len(state.segments) != 1 or not state.alive[0].all():
                state = self._join(state)
                self._state, self._places = state, None
        segment = state.segments[0]
        head = {
            "layout": LAYOUT,
            "passes": blocking.PASSES,
            "model": self.model.as_dict(),
            "records": self.census.records,
            "stamp": self.stamp,
        }
        head |= {"match": self.thresholds.match, "review": self.thresholds.review}
        arrays: dict[str, np.ndarray] = {"head": np.frombuffer(json.dumps(head).encode(), dtype=np.uint8)}
        arrays |= {"ids": _plain(segment.ids), "codes": segment.people.codes}
        arrays |= {"values": segment.people.values, "text": segment.people.text}
        for k, (hashes, shares) in enumerate(zip(self.census.hashes, self.census.shares)):
            arrays |= {f"hashes{k}": hashes, f"shares{k}": shares}
        for k, (keys, finer) in enumerate(zip(segment.keys, segment.finer)):
            arrays |= {f"keys{k}": keys, f"finer{k}": finer}
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        with part.open("wb") as handle:
            np.savez(handle, **arrays)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(part, path)

    @classmethod
    def load(cls, path: Path) -> Index:
        """Gives the index that `save` wrote; a file of another layout is an error: build the index again."""
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            head = json.loads(arrays["head"].tobytes())
            right = head["layout"] == LAYOUT and tuple(head["passes"]) == blocking.PASSES
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise RegistryError("link-index", f"the index cannot be read: {error}", where=str(path)) from error
        if not right:
            raise RegistryError("link-index", "the index is of another version", where=str(path), hint="build it again")
        size = len(census.COLUMNS)
        known = census.Census(
            tuple(arrays[f"hashes{k}"] for k in range(size)),
            tuple(arrays[f"shares{k}"] for k in range(size)),
            head["records"],
        )
        index = cls(Model.from_dict(head["model"]), known, Thresholds(head["match"], head["review"]))
        index.stamp = head.get("stamp", {})
        people = Persons(arrays["codes"], arrays["values"], arrays["text"])
        passes = range(len(blocking.PASSES))
        segment = _Segment(
            arrays["ids"].astype(object) if arrays["ids"].dtype.kind == "U" else arrays["ids"],
            people,
            tuple(arrays[f"keys{k}"] for k in passes),
            tuple(arrays[f"finer{k}"] for k in passes),
            known.frequencies(people, index.model),
        )
        index._state = _State((segment,), (np.ones(len(segment.ids), dtype=bool),))
        return index

    def _segment(self, ids: np.ndarray, people: Persons) -> _Segment:
        made = [_keys(p, len(ids)) for p in blocking.passes(people)]
        frequencies = self.census.frequencies(people, self.model)
        return _Segment(ids, people, tuple(k for k, _ in made), tuple(f for _, f in made), frequencies)

    def _join(self, state: _State) -> _State:
        """Gives the living of some segments as one segment."""
        people = joined([(s.people, alive) for s, alive in zip(state.segments, state.alive)])
        ids = [s.ids[alive] for s, alive in zip(state.segments, state.alive)]
        kept = np.concatenate(ids) if ids else np.zeros(0, dtype=object)
        return _State((self._segment(kept, people),), (np.ones(len(kept), dtype=bool),))

    def _weighed(self, asked: Persons, segment: _Segment, places: np.ndarray) -> list[Candidate]:
        zero = np.zeros(len(places), dtype=np.int64)
        packed = compare.patterns(asked, zero, segment.people, places)
        least = float(np.log2(self.thresholds.review / (1 - self.thresholds.review)))
        kept, rows, totals, bits = score.weigh(
            asked,
            zero,
            segment.people,
            places,
            packed,
            self.model.weights,
            segment.frequencies,
            self.model.prior,
            least,
        )
        levels, prior = compare.unpack(packed[kept]), round(self.model.prior, 2)
        out = []
        for place, level, row, total, bit in zip(places[kept], levels.tolist(), rows.tolist(), totals, bits):
            likely, conflicts = float(score.probability(total)), tuple(score.conflict_names(int(bit)))
            named = {c.name: c.levels[n - 1] for c, n in zip(COMPARISONS, level) if n}
            weights = {"prior": prior, **{n: round(w, 2) for n, w in zip(NAMES, row) if n in named}}
            verdict = "match" if likely >= self.thresholds.match and not conflicts else "review"
            id_ = segment.ids[place]
            id_ = id_.item() if isinstance(id_, np.generic) else id_
            out.append(Candidate(id_, round(likely, 9), float(total), verdict, conflicts, weights, named))
        return out

    def _known(self) -> dict:
        """The place of each living id, made when first asked for."""
        if self._places is None:
            self._places = {
                id_: (n, row)
                for n, (segment, alive) in enumerate(zip(self._state.segments, self._state.alive))
                for row, (id_, lives) in enumerate(zip(segment.ids.tolist(), alive.tolist()))
                if lives
            }
        return self._places

    def _change(self, records: list[Mapping[str, str | int | None]], *, replace: bool) -> None:
        if not records:
            return
        ids = [r.get("id") for r in records]
        if any(i is None or i == "" for i in ids) or len(set(ids)) < len(ids):
            raise RegistryError("link-id", "persons without an id, or an id twice in one change")
        people = prepare_records([{k: v for k, v in r.items() if k != "id"} for r in records])
        segment = self._segment(np.array(ids, dtype=object), people)
        with self._writing:
            known = self._known()
            there = [i for i in ids if i in known]
            if there and not replace:
                raise RegistryError("link-id", f"{len(there)} ids are in the index already", where=str(there[0]))
            alive = _without(self._state.alive, [known[i] for i in there])
            self._state = _State((*self._state.segments, segment), (*alive, np.ones(len(ids), dtype=bool)))
            last = len(self._state.segments) - 1
            known.update((i, (last, row)) for row, i in enumerate(ids))
            self._tidy()

    def _publish_without(self, ids: list[str | int]) -> None:
        known = self._known()
        unknown = [i for i in ids if i not in known]
        if unknown:
            raise RegistryError("not-found", f"the index holds no person {unknown[0]!r}")
        self._state = _State(self._state.segments, _without(self._state.alive, [known[i] for i in ids]))
        for i in ids:
            known.pop(i, None)

    def _tidy(self) -> None:
        """Joins the last segments while the one before is not much larger: their number grows with the logarithm."""
        segments, alive = list(self._state.segments), list(self._state.alive)
        first = len(segments)
        while len(segments) > 1 and len(segments[-2].ids) < GROWTH * len(segments[-1].ids):
            one = self._join(_State(tuple(segments[-2:]), tuple(alive[-2:])))
            segments[-2:], alive[-2:] = one.segments, one.alive
        if len(segments) < first:
            self._state = _State(tuple(segments), tuple(alive))
            assert self._places is not None
            n = len(segments) - 1
            self._places.update((i, (n, row)) for row, i in enumerate(segments[n].ids.tolist()))


def _short(key: np.ndarray) -> np.ndarray:
    """32 bits of a key: two keys that share them are compared for nothing, which is rare and does no harm."""
    return blocking.mixed(key) >> np.uint64(32)


def _fine(finer: np.ndarray) -> np.ndarray:
    return np.where(finer != 0, (blocking.mixed(finer) >> np.uint64(48)) | np.uint64(1), np.uint64(0)).astype(np.uint16)


def _keys(found: blocking.Pass, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Gives a pass as sorted numbers of key (32 bits) and place (32 bits), and what parts a large block by place."""
    keys = (_short(found.key) << np.uint64(32)) | found.record.astype(np.uint64)
    finer = np.zeros(size, dtype=np.uint16)
    finer[found.record] = _fine(found.finer)
    return np.unique(keys), finer


def _queries(asked: Persons) -> list[dict[int, list[tuple[int, int]]]]:
    """Gives by pass and record the keys that are looked up, each with what parts a large block."""
    out = []
    for found in blocking.passes(asked):
        of: dict[int, list[tuple[int, int]]] = {}
        for row, key, fine in zip(found.record.tolist(), _short(found.key).tolist(), _fine(found.finer).tolist()):
            of.setdefault(row, []).append((key, fine))
        out.append(of)
    return out


def _found(segment: _Segment, asked: list[list[tuple[int, int]]]) -> np.ndarray:
    """Gives the places that share a key with the record asked for."""
    out = []
    for keys, finer, queries in zip(segment.keys, segment.finer, asked):
        for key, fine in queries:
            low, high = np.searchsorted(keys, np.array([key << 32, (key + 1) << 32], dtype=np.uint64))
            places = (keys[low:high] & np.uint64(0xFFFFFFFF)).astype(np.int64) if high > low else _NOWHERE
            if len(places) > MOST:
                places = places[finer[places] == fine] if fine else _NOWHERE
            if len(places) <= MOST:
                out.append(places)
    return np.unique(np.concatenate(out)) if out else _NOWHERE


_NOWHERE = np.zeros(0, dtype=np.int64)


def _without(alive: tuple[np.ndarray, ...], places: list[tuple[int, int]]) -> tuple[np.ndarray, ...]:
    """Gives copies of the marks of the living with some struck out; readers keep what they have."""
    out = list(alive)
    for n in {segment for segment, _ in places}:
        out[n] = out[n].copy()
        out[n][[row for segment, row in places if segment == n]] = False
    return tuple(out)


def _plain(ids: np.ndarray) -> np.ndarray:
    """Gives ids as numbers or text that a file holds without pickling; a mixture is an error."""
    if ids.dtype.kind in "iuU":
        return ids
    kinds = {type(i) for i in ids.tolist()}
    if kinds <= {int}:
        return ids.astype(np.int64)
    if kinds <= {str}:
        return ids.astype(str)
    raise RegistryError("link-id", "ids are of several kinds: all must be numbers, or all text")


def compile_kernels() -> None:
    """Compiles what matching and asking need, or finds it compiled: seconds once after an installation."""
    from registry.linkage.match import match

    names = ("Ann", "Bea", "Cora", "Dora") * 2
    rows = [{"id": n, "first": name, "last": f"Lee{n % 4}", "dob": "19500101"} for n, name in enumerate(names)]
    match(pd.DataFrame(rows, dtype=str), id="id")


if __name__ == "__main__":
    compile_kernels()
