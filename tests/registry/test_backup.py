"""Backup and restore: the same registry on either engine; a damaged archive is refused whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from registry import audit, config, records, schema
from registry.backup import back_up, restore_backup
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.documents import keep, place
from registry.exchange.importer import run_import
from registry.exchange.incoming import IncomingPatient, IncomingTumor
from registry.models import Base, Document, Patient, Tumor


class Some:
    format, version, done = "test", "", 0.0

    def __iter__(self):  # type: ignore[no-untyped-def]
        for n in range(20):
            yield IncomingPatient(
                n, {20: f"P{n}", 2230: "Zoë"}, [IncomingTumor(n, {60: "1", 390: "2020", 2680: "a\nb"})]
            )


@pytest.fixture
def filled(store: Store, tmp_path: Path) -> Store:
    run_import(store, Some(), name="some", who="tester")
    with store.writing() as session:
        records.save(session, 1, {400: "C509"}, who="me")
    (tmp_path / "received.txt").write_bytes(b"received \x00 bytes")
    keep(store, tmp_path / "received.txt", kind="test", who="me")
    config.secret(store.settings, "session")
    return store


def test_a_backup_restores_everything_and_its_chains_are_sound(filled: Store, tmp_path: Path) -> None:
    summary = back_up(filled, tmp_path / "backup.tar.gz")
    assert (summary.tables, summary.documents) == (len(Base.metadata.sorted_tables), 1)
    fresh = config.load(tmp_path / "restored")
    assert restore_backup(fresh, tmp_path / "backup.tar.gz") == summary
    restored = Store(fresh)
    assert audit.verify(restored) == []
    with restored.writing() as session:
        assert session.scalar(select(func.count(Patient.id))) == 20
        assert session.get_one(Tumor, 1).primary_site == "C509"
        document = session.scalars(select(Document)).one()
        assert place(fresh, document.sha256).read_bytes() == b"received \x00 bytes"
        records.save(session, 2, {400: "C619"}, who="me")
    assert audit.verify(restored) == []
    assert config.secret(fresh, "session") == config.secret(filled.settings, "session")


@pytest.mark.parametrize("damage", ["truncated", "altered", "not an archive"])
def test_a_damaged_archive_is_refused_before_anything_is_written(filled: Store, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "backup.tar.gz"
    back_up(filled, path)
    body = path.read_bytes()
    half = len(body) // 2
    path.write_bytes({"truncated": body[:half], "altered": _altered(body), "not an archive": b"hello"}[damage])
    fresh = config.load(tmp_path / "restored")
    with pytest.raises(RegistryError, match=r"not a whole backup|missing or altered"):
        restore_backup(fresh, path)
    assert not Store(fresh).exists()


def _altered(body: bytes) -> bytes:
    import gzip

    plain = gzip.decompress(body)
    return gzip.compress(plain.replace("Zoë".encode(), "Zoé".encode(), 1))


def test_a_registry_that_holds_something_is_not_overwritten(filled: Store, tmp_path: Path) -> None:
    back_up(filled, tmp_path / "backup.tar.gz")
    with pytest.raises(RegistryError, match="not empty"):
        restore_backup(filled.settings, tmp_path / "backup.tar.gz")
    schema.check(filled.engine)
