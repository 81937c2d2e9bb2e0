"""Dates received (2111) and loaded (2112): set by the import of a central registry, and by no other."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from registry import config, schema
from registry.db import Store
from registry.exchange.documents import keep
from registry.exchange.importer import run_import
from registry.models import Abstract, Document, Tumor, now

TODAY = f"{now().astimezone():%Y%m%d}"


def opened(folder: Path, **settings: Any) -> Store:
    store = Store(config.load(folder, **settings))
    schema.upgrade(store.engine)
    return store


def dates(store: Store) -> list[tuple[str | None, str | None]]:
    with store.reading() as session:
        found = session.scalars(select(Abstract).order_by(Abstract.id)).all()
        told = session.scalars(select(Tumor).order_by(Tumor.id)).all()
        assert [t.items.get("2111") for t in told] == [a.items.get("2111") for a in found]
        return [(a.items.get("2111"), a.items.get("2112")) for a in found]


def test_a_central_registry_writes_both(central: Store, rows: Any) -> None:
    run_import(central, rows([{}]), name="a", who="t")
    assert dates(central) == [(TODAY, TODAY)]


def test_received_is_the_day_the_file_came_and_loaded_the_day_of_the_import(
    central: Store, rows: Any, tmp_path: Path
) -> None:
    path = tmp_path / "file.csv"
    path.write_text("x")
    document = keep(central, path, kind="csv", who="t")
    with central.writing() as session:
        session.get_one(Document, document).received_at = datetime(2025, 3, 4, 12, tzinfo=UTC)
    run_import(central, rows([{}]), name="a", who="t", document_id=document)
    assert dates(central) == [("20250304", TODAY)]


def test_a_hospitals_own_abstracts_get_neither(tmp_path: Path, rows: Any) -> None:
    store = opened(tmp_path / "hospital")
    run_import(store, rows([{}]), name="a", who="t")
    assert dates(store) == [(None, None)]
    store.close()


def test_what_a_source_gives_is_not_replaced(central: Store, rows: Any) -> None:
    run_import(central, rows([{2111: "20200102"}]), name="a", who="t")
    assert dates(central) == [("20200102", TODAY)]


def test_a_later_version_keeps_the_first_days_and_the_same_file_changes_nothing(central: Store, rows: Any) -> None:
    run_import(central, rows([{}]), name="a", who="t")
    with central.writing() as session:
        abstract = session.scalars(select(Abstract)).one()
        abstract.items = abstract.items | {"2111": "20250101", "2112": "20250102"}
        abstract.tumor.items = dict(abstract.items)
    assert run_import(central, rows([{}]), name="a", who="t").tumors.unchanged == 1
    assert run_import(central, rows([{820: "2"}]), name="b", who="t").tumors.updated == 1
    assert dates(central) == [("20250101", "20250102")]


def test_a_dry_run_writes_nothing(central: Store, rows: Any) -> None:
    run_import(central, rows([{}]), name="a", who="t", dry_run=True)
    assert dates(central) == []


def test_the_setting_is_read_from_the_file(tmp_path: Path) -> None:
    (tmp_path / config.FILE).write_text('central = true\nregistry_state = "FL"\n')
    assert config.load(tmp_path).central and config.load(tmp_path).registry_state == "FL"
