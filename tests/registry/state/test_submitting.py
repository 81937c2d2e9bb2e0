"""Record type M holds what changed since the last submission to its recipient; a mark is taken back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from registry import records
from registry.commands.exchange import export
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.importer import run_import
from registry.models import Abstract, Disclosure
from registry.state import transmissions

CHANGED = "yearly submission of cases"


@pytest.fixture
def written(central: Store, rows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `export` on three cases and gives its JSON."""
    run_import(central, rows([{20: "A"}, {20: "B"}, {20: "C"}]), name="a", who="t")
    monkeypatch.setenv("ONCOREGISTRY_HOME", str(central.settings.home))

    def run(*options: str) -> dict[str, Any]:
        answer = CliRunner().invoke(export, [str(tmp_path / "out.csv"), "--json", *options], catch_exceptions=False)
        assert answer.exit_code == 0, answer.output
        return json.loads(answer.output)

    return run


def change(store: Store, number: int, value: str) -> None:
    with store.writing() as session:
        abstract = session.scalars(select(Abstract).order_by(Abstract.id)).all()[number]
        records.save(session, abstract.id, {764: value}, who="t", why="found later")


def test_before_the_first_submission_type_m_holds_all(written: Any) -> None:
    told = written("--record-type", "M")
    assert told["tumors"] == 3 and told["since"] == {"new": 3, "changed": 0, "unchanged": 0}


def test_type_m_holds_only_what_changed_since(central: Store, written: Any, rows: Any) -> None:
    first = written("--record-type", "A", "--recipient", "NPCR", "--submit", "--purpose", CHANGED)
    assert first["tumors"] == 3 and first["transmission"]
    assert written("--record-type", "M", "--recipient", "NPCR")["tumors"] == 0
    change(central, 1, "3")
    run_import(central, rows([{20: "D"}]), name="later", who="t")
    told = written("--record-type", "M", "--recipient", "NPCR")
    assert told["tumors"] == 1 and told["since"] == {"new": 1, "changed": 1, "unchanged": 2}
    # another recipient was never sent anything; the new case goes with a type of its own
    assert written("--record-type", "M", "--recipient", "NAACCR")["tumors"] == 4
    assert written("--record-type", "C", "--recipient", "NPCR", "--only-new")["tumors"] == 1


def test_a_change_that_is_changed_back_is_none(central: Store, written: Any) -> None:
    change(central, 0, "1")
    written("--recipient", "NPCR", "--submit", "--purpose", CHANGED)
    change(central, 0, "3")
    assert written("--record-type", "M", "--recipient", "NPCR")["tumors"] == 1
    change(central, 0, "1")
    assert written("--record-type", "M", "--recipient", "NPCR")["tumors"] == 0


def test_a_mark_is_taken_back_last_first(central: Store, written: Any) -> None:
    first = written("--recipient", "NPCR", "--submit", "--purpose", CHANGED)["transmission"]
    change(central, 0, "2")
    second = written("--record-type", "M", "--recipient", "NPCR", "--submit", "--purpose", CHANGED)["transmission"]
    assert written("--record-type", "M", "--recipient", "NPCR")["tumors"] == 0
    with pytest.raises(RegistryError, match="rests on this one"), central.writing() as session:
        transmissions.undo(session, first, who="t", why="wrong file")
    with central.writing() as session:
        transmissions.undo(session, second, who="t", why="wrong file")
    assert written("--record-type", "M", "--recipient", "NPCR")["tumors"] == 1


def test_a_submission_is_disclosed_once_with_its_purpose(central: Store, written: Any) -> None:
    written("--recipient", "NPCR", "--submit", "--purpose", CHANGED)
    with central.reading() as session:
        assert [d.purpose for d in session.scalars(select(Disclosure))] == [CHANGED]


def test_a_submission_without_a_purpose_writes_nothing(central: Store, written: Any, tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="purpose"):
        written("--recipient", "NPCR", "--submit")
    assert not (tmp_path / "out.csv").exists()
