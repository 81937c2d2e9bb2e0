"""The store's engine and sessions: pragmas, the write lock, and the rule that loading and merged rows are seen by nobody.

SQLite runs in WAL with foreign keys on; a writing session begins IMMEDIATE, so that two writers wait for each other at
the start and never fail in the middle. PostgreSQL runs READ COMMITTED.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, inspect, or_, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import ORMExecuteState, Session, sessionmaker, with_loader_criteria

from registry.config import Settings
from registry.errors import RegistryError
from registry.items import load_user_dictionaries
from registry.models import LOADING, Abstract, ImportBatch, Patient, PatientRecord, Tumor

MERGED = (Patient, Tumor)
"""The tables whose rows are emptied by linkage and stay, unseen, so that undoing it restores them."""

BATCHED = (Patient, PatientRecord, Tumor, Abstract)
"""The tables whose rows belong to an import batch and stay unseen while it loads."""

SQLITE_BUSY_MILLISECONDS = 30_000


def open_engine(settings: Settings) -> Engine:
    """Gives the engine of the settings' database; a URL that cannot be opened is an error that says why."""
    url = make_url(settings.url)
    if url.get_backend_name() == "sqlite":
        if url.database and url.database != ":memory:":
            Path(url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        engine = create_engine(url)
        event.listen(engine, "connect", _sqlite_connection)
        event.listen(engine, "begin", _sqlite_begin)
        return engine
    if url.get_backend_name() == "postgresql":
        return create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    raise RegistryError(
        "database", f"no support for {url.get_backend_name()!r}", hint="use a sqlite:/// or postgresql:// URL"
    )


def _sqlite_connection(connection: Any, record: Any) -> None:
    # the driver must not open transactions of its own: `_sqlite_begin` says which kind each is
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "foreign_keys=ON",
        f"busy_timeout={SQLITE_BUSY_MILLISECONDS}",
        "synchronous=NORMAL",
        "cache_size=-32000",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: Any) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _hide_loading(state: ORMExecuteState) -> None:
    """Adds to every ORM query that rows of a batch which still loads, and rows emptied by linkage, do not exist."""
    if not state.is_select or state.is_column_load or state.is_relationship_load:
        return
    if state.execution_options.get("see_loading"):
        return
    state.statement = state.statement.options(*_hidden(bool(state.execution_options.get("see_merged"))))


@cache
def _hidden(see_merged: bool) -> tuple[Any, ...]:
    """The criteria as options of a query, made once: building them anew is dearer than most queries."""
    loading = select(ImportBatch.id).where(ImportBatch.status == LOADING)
    merged = [
        with_loader_criteria(model, model.merged_into_id.is_(None), include_aliases=True)
        for model in (() if see_merged else MERGED)
    ]
    unfinished = [
        with_loader_criteria(model, or_(model.batch_id.is_(None), model.batch_id.not_in(loading)), include_aliases=True)
        for model in BATCHED
    ]
    return (*merged, *unfinished)


TOUCHED, AFTER_COMMIT = "touched", "after commit"
"""Keys of a session's notes: accounts whose items changed, and work to do once the transaction has ended."""


BIRTH = "240"


@dataclass
class Touched:
    """What a transaction changed in accounts of patients and tumors, by the numbers of the rows."""

    patients: set[int] = field(default_factory=set)
    records: set[int] = field(default_factory=set)
    births: set[str] = field(default_factory=set)
    """Birth dates that changed accounts of persons have or had."""

    def __bool__(self) -> bool:
        return bool(self.patients or self.records)


def touched(session: Session) -> Touched:
    """Gives what the session's transaction has changed so far; whoever empties it sees to the rest himself."""
    return session.info.setdefault(TOUCHED, Touched())


def _note_touched(session: Session, context: Any) -> None:
    """Notes whose accounts were changed; a row that moves touches the patient whom it leaves, too."""
    found = touched(session)
    for row in (*session.new, *session.dirty, *session.deleted):
        if not isinstance(row, (PatientRecord, Abstract)):
            continue
        owner = "patient_id" if isinstance(row, PatientRecord) else "record_id"
        histories = {name: inspect(row).attrs[name].history for name in ("items", owner)}
        if row in session.deleted or any(history.has_changes() for history in histories.values()):
            owners = {getattr(row, owner), *(histories[owner].deleted or ())} - {None}
            if isinstance(row, PatientRecord):
                before = histories["items"].deleted or ()
                found.births.update(items.get(BIRTH, "") for items in (row.items, *before) if items)
            (found.patients if owner == "patient_id" else found.records).update(owners)


def _before_commit(session: Session) -> None:
    session.flush()
    if touched(session):
        # edits are loaded by those who change accounts, and by nobody else
        from registry.edits.upkeep import keep_up

        keep_up(session)


class Store:
    """The open store: `reading()` and `writing()` give sessions, each one transaction."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.engine = open_engine(settings)
        self._reader = sessionmaker(self.engine, expire_on_commit=False)
        self._writer = sessionmaker(self.engine.execution_options(writing=True), expire_on_commit=False)
        for maker in (self._reader, self._writer):
            event.listen(maker, "do_orm_execute", _hide_loading)
        event.listen(self._writer, "after_flush", _note_touched)
        event.listen(self._writer, "before_commit", _before_commit)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for reading; whatever it changed is thrown away."""
        with self._reader() as session:
            session.info["settings"] = self.settings
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that commits at its end or rolls back on an exception; holds SQLite's write lock from its start."""
        try:
            with self._writer.begin() as session:
                session.info["settings"] = self.settings
                yield session
            for work in session.info.pop(AFTER_COMMIT, ()):
                work(self)
        except OperationalError as error:
            if "locked" in str(error).lower():
                raise RegistryError(
                    "busy", "the database is held by another writer", hint="try again in a moment"
                ) from error
            raise

    def exists(self) -> bool:
        """Whether the database holds a registry (its tables were made)."""
        return inspect(self.engine).has_table("import_batch")

    def close(self) -> None:
        """Lets go of all connections."""
        self.engine.dispose()


def open_store(settings: Settings) -> Store:
    """Gives the store of the settings, its own items made known; an empty data folder is an error with a remedy."""
    store = Store(settings)
    if not store.exists():
        raise RegistryError(
            "database-missing",
            "there is no registry here yet",
            where=str(settings.home),
            hint="run `oncoregistry init`, or `oncoregistry demo` for a synthetic one",
        )
    load_user_dictionaries(settings.home / "dictionaries")
    return store
