"""The schema's life: making it, upgrading it, and telling whether a database fits this program."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from registry.errors import RegistryError


def configuration() -> Config:
    """Gives Alembic's configuration: the migrations package by name, no file."""
    config = Config()
    config.set_main_option("script_location", "migrations:")
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Brings the database to the given revision, making all tables in an empty one."""
    config = configuration()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def check(engine: Engine) -> None:
    """Raises when models and database differ (used by the tests on both engines)."""
    config = configuration()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.check(config)


def current(engine: Engine) -> str | None:
    """The database's revision; None when it holds no registry."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The revision that this program needs."""
    revision = ScriptDirectory.from_config(configuration()).get_current_head()
    assert revision is not None
    return revision


def require_head(engine: Engine) -> None:
    """An error that names the command when the database is older or newer than this program."""
    found, wanted = current(engine), head()
    if found != wanted:
        raise RegistryError(
            "database",
            f"the database has schema {found}, this program needs {wanted}",
            hint="run `oncoregistry upgrade` (after `oncoregistry backup`)",
        )
