"""The index of a registry's persons: the same answers as the matcher, whatever was added, changed or removed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from registry.errors import RegistryError
from registry.linkage.index import Index
from registry.linkage.match import Matches

Make = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def index(crowd: pd.DataFrame, found: Matches) -> Index:
    """The 1,500 persons of the crowd, without their second writings."""
    return Index.build(crowd[:1500], id="record", model=found.model)


def rows(frame: pd.DataFrame) -> list[dict[str, str]]:
    """Gives the rows of a frame as records with `id`."""
    return frame.rename(columns={"record": "id"}).to_dict("records")


def without_id(record: dict[str, str]) -> dict[str, str]:
    return {k: v for k, v in record.items() if k != "id"}


def test_second_writings_find_their_person(index: Index, crowd: pd.DataFrame) -> None:
    hits = 0
    for record in rows(crowd[1500:1600]):
        found = index.candidates(without_id(record))
        hits += bool(found) and found[0].id == record["id"].replace("D", "C") and found[0].verdict == "match"
        assert all(a.weight >= b.weight for a, b in pairwise(found))
    assert hits >= 97


def test_weighs_as_the_matcher_does(crowd: pd.DataFrame, found: Matches) -> None:
    index = Index.build(crowd, id="record", model=found.model)
    records = {r["id"]: without_id(r) for r in rows(crowd)}
    own = found.pairs[found.pairs.through.isna() & ~found.pairs.conflicts.str.contains("chain")]
    columns = ["left", "right", "score", "weight", "verdict", "conflicts"]
    for left, right, score, weight, verdict, conflicts in own[columns][:200].itertuples(index=False, name=None):
        (same,) = [c for c in index.candidates(records[left]) if c.id == right]
        assert same.weight == pytest.approx(weight, abs=1e-4)
        assert (same.score, same.verdict, " ".join(same.conflicts)) == (score, verdict, conflicts)


def test_added_persons_are_found_and_removed_ones_are_not(index: Index, crowd: pd.DataFrame, person: Make) -> None:
    fresh = Index.build(crowd[:500], id="record", model=index.model)
    assert not fresh.candidates(person())
    fresh.add([{"id": "N1", **person()}])
    assert [c.id for c in fresh.candidates(person(first="Peggy"))] == ["N1"]
    assert "N1" in fresh and len(fresh) == 501
    fresh.update(
        [{"id": "N1", **person(last="Quillfeather", first="Walter", dob="19880101", ssn="900999111", phone="")}]
    )
    assert not [c for c in fresh.candidates(person()) if c.verdict == "match"]
    fresh.remove(["N1"])
    assert "N1" not in fresh and len(fresh) == 500


def test_grows_by_single_records_and_answers_as_one_built_at_once(index: Index, crowd: pd.DataFrame) -> None:
    grown = Index.build(crowd[:1000], id="record", model=index.model)
    grown.census = index.census  # both weigh by one census
    for record in rows(crowd[1000:1500]):
        grown.add([record])
    assert len(grown) == len(index)
    assert len(grown._state.segments) <= 6
    for record in rows(crowd[1500:1560]):
        asked = without_id(record)
        mine, other = grown.candidates(asked), index.candidates(asked)
        assert [(c.id, c.verdict) for c in mine] == [(c.id, c.verdict) for c in other]


def test_saved_and_loaded(index: Index, crowd: pd.DataFrame, tmp_path: Path, person: Make) -> None:
    kept = Index.build(crowd[:700], id="record", model=index.model)
    kept.add([{"id": "N1", **person()}])
    kept.remove(["C3"])
    kept.save(tmp_path / "persons.index")
    again = Index.load(tmp_path / "persons.index")
    assert len(again) == 700 and "C3" not in again and "N1" in again
    for asked in (person(first="Peggy"), without_id(rows(crowd[1505:1506])[0])):
        assert again.candidates(asked) == kept.candidates(asked)
    assert [p.name for p in tmp_path.iterdir()] == ["persons.index"]


def test_ids_may_be_numbers(crowd: pd.DataFrame, index: Index, tmp_path: Path) -> None:
    numbered = Index.build(crowd[:50].assign(record=np.arange(50)), id="record", model=index.model)
    numbered.save(tmp_path / "n")
    (first, *_) = Index.load(tmp_path / "n").candidates(without_id(rows(crowd[7:8])[0]))
    assert first.id == 7 and isinstance(first.id, int)


def test_an_empty_index_takes_its_first_person(person: Make) -> None:
    index = Index.build(pd.DataFrame({"id": [], "last": []}, dtype=object), id="id")
    assert index.candidates(person()) == []
    index.add([{"id": 1, **person()}])
    assert [c.id for c in index.candidates(person())] == [1]


@pytest.mark.parametrize("damage", [b"", b"not an index", b"PK\x03\x04 torn"])
def test_a_damaged_file_is_told(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "persons.index").write_bytes(damage)
    with pytest.raises(RegistryError) as caught:
        Index.load(tmp_path / "persons.index")
    assert caught.value.code == "link-index"


def test_a_refused_change_changes_nothing(index: Index, person: Make) -> None:
    before = len(index)
    for change, code in (
        (lambda: index.add([{"id": "C1", **person()}]), "link-id"),
        (lambda: index.add([{"id": "N1"}, {"id": "N1"}]), "link-id"),
        (lambda: index.add([person()]), "link-id"),
        (lambda: index.add([{"id": "N1", "shoe": "43"}]), "usage"),
        (lambda: index.remove(["C1", "nobody"]), "not-found"),
        (lambda: index.explain(person(), "nobody"), "not-found"),
    ):
        with pytest.raises(RegistryError) as caught:
            change()
        assert caught.value.code == code
    assert len(index) == before and "C1" in index and "N1" not in index


def test_readers_see_each_change_whole(index: Index, crowd: pd.DataFrame, person: Make) -> None:
    """A person is rewritten again and again; whoever asks meanwhile finds that person exactly once."""
    busy = Index.build(crowd[:300], id="record", model=index.model)
    busy.add([{"id": "N1", **person()}])
    stop, wrong = threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            ids = [c.id for c in busy.candidates(person())]
            if ids.count("N1") != 1:
                wrong.append(ids)

    readers = [threading.Thread(target=ask) for _ in range(3)]
    for reader in readers:
        reader.start()
    for n in range(60):
        busy.update([{"id": "N1", **person(phone=f"55555{n:05d}")}])
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []


def test_explains_any_pair(index: Index, crowd: pd.DataFrame, person: Make) -> None:
    record = without_id(rows(crowd[1503:1504])[0])
    said, (best, *_) = index.explain(record, "C3"), index.candidates(record)
    assert (said.score, said.weights, said.levels) == (best.score, best.weights, best.levels)
    assert index.explain(person(), "C3").verdict == "other"
