"""Alembic's entry: runs the migrations on the engine that the caller hands over, each in a transaction of its own.

On PostgreSQL an advisory lock keeps two upgrades apart; on SQLite the write lock does. Tables are altered in batch mode.
"""

from __future__ import annotations

from typing import Any

from alembic import context
from sqlalchemy import JSON, text

from registry.models import Base
from registry.models.base import Moment
from registry.security import accounts  # noqa: F401  (its tables belong to the metadata)

ADVISORY_LOCK = 0x0C0_4E61


def render_item(kind: str, thing: Any, context: Any) -> str | bool:
    """Writes our column types by what the engines keep, so that an old migration never needs the models of today."""
    if kind == "type" and isinstance(thing, Moment):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(thing, JSON):
        context.imports.add("from sqlalchemy.dialects.postgresql import JSONB")
        return 'sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")'
    return False


def run() -> None:
    """Runs what the command asks for (`upgrade`, `check`, `revision`) on the connection in the configuration."""
    connection = context.config.attributes["connection"]
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
        connection.commit()
    # SQLite alters a table by making it anew: with foreign keys on, dropping the old one would empty what hangs on it
    without_keys = connection.dialect.name == "sqlite" and not connection.in_transaction()
    if without_keys:
        connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")
    try:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            render_item=render_item,
            compare_type=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    finally:
        if without_keys:
            connection.rollback()
            connection.connection.driver_connection.execute("PRAGMA foreign_keys=ON")
        if connection.dialect.name == "postgresql":
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_LOCK})
            connection.commit()


run()
