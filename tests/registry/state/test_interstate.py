"""Residents of other states: who counts as one, which file holds them, and what never leaves."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from abstracting.naaccr.reader import read_xml
from registry import records
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.importer import run_import
from registry.followup import passive
from registry.followup.matching import exact
from registry.models import Abstract
from registry.state import interstate, transmissions

PURPOSE = "exchange with the state of residence"
TODAY = date(2025, 8, 1)


@pytest.fixture
def filled(central: Store, rows: Any) -> Store:
    georgia = {80: "GA", 90: "121", 2300: "MRN1", 2320: "900000007", 2680: "remarks of the abstractor"}
    cases = [{20: "A"}, {20: "B", **georgia}, {20: "C", 80: "GA"}, {20: "D", 80: "AL"}]
    run_import(central, rows(cases + [{20: code, 80: code} for code in ("ZZ", "XX", "CD", "US")]), name="a", who="t")
    return central


def agree(store: Store, state: str = "GA", **more: str) -> None:
    with store.writing() as session:
        interstate.agree(session, store, {"state": state, "since": "2020-01-01", **more}, who="t")


def lines(store: Store) -> dict[str, interstate.StateLine]:
    with store.reading() as session:
        return {line.state: line for line in interstate.states(store, session, today=TODAY)}


def sent(store: Store, state: str = "GA") -> list[Any]:
    number = interstate.send_to(store, state, who="t", purpose=PURPOSE, today=TODAY)
    with store.reading() as session:
        line = transmissions.load(session, number)
    return list(read_xml(transmissions.file_of(store, line, 0)))


def test_non_residents_are_listed_by_state_and_unknown_is_no_state(filled: Store) -> None:
    assert {s: (line.cases, line.new, line.may_send) for s, line in lines(filled).items()} == {
        "AL": (1, 1, False),
        "GA": (2, 2, False),
    }


def test_nothing_is_sent_without_an_agreement_that_holds(filled: Store) -> None:
    for dates in (None, {"since": "2026-01-01"}, {"since": "2020-01-01", "until": "2024-12-31"}):
        if dates:
            agree(filled, **dates)
        with pytest.raises(RegistryError, match="no agreement with GA"):
            sent(filled)


def test_a_file_holds_the_residents_of_its_state_alone_without_what_is_left_out(filled: Store) -> None:
    agree(filled, left_out="2320, 2230")
    people = sent(filled)
    assert len(people) == 2 and {t.items[80] for p in people for t in p.tumors} == {"GA"}
    found = {number for p in people for account in (p, *p.tumors) for number in account.items}
    assert found & {2320, 2230, 2300, 2111, 2112, 21, 2680} == set() and {2240, 400, 522} <= found


def test_the_next_file_holds_what_is_new_or_changed(filled: Store, rows: Any) -> None:
    agree(filled)
    assert len(sent(filled)) == 2
    assert (lines(filled)["GA"].new, lines(filled)["GA"].changed) == (0, 0)
    with pytest.raises(RegistryError, match="nothing is new"):
        sent(filled)
    run_import(filled, rows([{20: "G", 80: "GA"}]), name="b", who="t")
    with filled.writing() as session:
        abstract = next(a for a in session.scalars(select(Abstract)) if a.items.get("80") == "GA")
        records.save(session, abstract.id, {764: "3"}, who="t", why="nodes")
    assert (lines(filled)["GA"].new, lines(filled)["GA"].changed) == (1, 1)
    assert len(sent(filled)) == 2


@pytest.mark.parametrize(("layout", "goes"), [("ndi", False), ("state", False), ("csv", True)])
def test_a_death_leaves_only_where_its_source_lets_it(filled: Store, tmp_path: Path, layout: str, goes: bool) -> None:
    agree(filled)
    sent(filled)
    path = tmp_path / "deaths.csv"
    path.write_text("last,first,sex,dob,ssn,dod,cause_of_death\nSYNTHETIC,P2,2,19500101,900000007,20250710,C509\n")
    assert passive.load_file(filled, path, layout, who="t", matcher=exact).accepted == 1
    assert lines(filled)["GA"].changed == int(goes)
    if goes:
        assert [p.items[1760] for p in sent(filled)] == ["0"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "FL"},
        {"state": "ZZ"},
        {"state": "??"},
        {"since": "soon"},
        {"until": "2019-01-01"},
        {"record_type": "I"},
        {"left_out": "99999999"},
    ],
)
def test_an_agreement_that_cannot_be_is_refused(filled: Store, wrong: dict[str, str]) -> None:
    with pytest.raises(RegistryError):
        agree(filled, **{"state": "GA", **wrong})


def test_a_registry_without_a_state_says_what_to_set(tmp_path: Path) -> None:
    from registry import config, schema

    store = Store(config.load(tmp_path / "h", central=True))
    schema.upgrade(store.engine)
    with pytest.raises(RegistryError, match="registry_state"):
        lines(store)
    store.close()
