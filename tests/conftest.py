"""Fixtures and rules of the whole suite: `shared` tests skip, visibly, where the reference folder is absent."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

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


NO_SKIP_IN_CI = ("browser", "postgres")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """In CI a browser or PostgreSQL test that skips has failed: a machine that lacks them would hide everything."""
    report = yield
    needs = [name for name in NO_SKIP_IN_CI if name in item.keywords or name in getattr(item, "fixturenames", ())]
    if report.skipped and needs and os.environ.get("ONCOREGISTRY_CI"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} skipped in CI, where {' and '.join(needs)} must be there: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def reference() -> Path:
    """The reference folder; a test that asks for it carries the marker `shared`."""
    return REFERENCE
