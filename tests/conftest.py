"""Fixtures and rules of the whole suite: `shared` tests skip, visibly, where the reference folder is absent."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT.parent / "shared" / "reference"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if REFERENCE.is_dir():
        return
    skip = pytest.mark.skip(reason="../shared/reference is not on this machine")
    for item in items:
        if "shared" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def reference() -> Path:
    """The reference folder; a test that asks for it carries the marker `shared`."""
    return REFERENCE
