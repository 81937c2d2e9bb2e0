"""Migrations on both engines: models and database agree, and every step keeps the data on its way up and down."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import func, select

from registry import schema
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.importer import run_import
from registry.exchange.incoming import IncomingPatient, IncomingTumor
from registry.models import Abstract, Patient, Tumor


class Some:
    format, version, done = "test", "", 0.0

    def __iter__(self):  # type: ignore[no-untyped-def]
        for n in range(3):
            yield IncomingPatient(n, {20: f"P{n}", 240: "19500101"}, [IncomingTumor(n, {60: "1", 2680: "text"})])


def test_models_and_database_agree(store: Store) -> None:
    schema.check(store.engine)
    assert schema.current(store.engine) == schema.head()


def test_every_migration_keeps_the_data(store: Store) -> None:
    run_import(store, Some(), name="some", who="tester")
    revisions = [s.revision for s in ScriptDirectory.from_config(schema.configuration()).walk_revisions()]
    for revision in revisions[1:]:
        _move(store, revision, down=True)
    for revision in reversed(revisions[:-1]):
        _move(store, revision, down=False)
    schema.check(store.engine)
    with store.reading() as session:
        for model in (Patient, Tumor, Abstract):
            assert session.scalar(select(func.count(model.id))) == 3
        assert session.scalars(select(Patient)).first().items["240"] == "19500101"


def _move(store: Store, revision: str, *, down: bool) -> None:
    config = schema.configuration()
    with store.engine.connect() as connection:
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)


def test_a_database_of_another_schema_is_refused_with_the_remedy(settings) -> None:  # type: ignore[no-untyped-def]
    store = Store(settings)
    if store.engine.dialect.name == "postgresql":
        _move(store, "base", down=True)
    with pytest.raises(RegistryError, match="None") as caught:
        schema.require_head(store.engine)
    assert "oncoregistry upgrade" in caught.value.hint
