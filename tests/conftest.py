"""Fixtures and rules of the whole suite: `shared` tests skip, visibly, where the reference folder is absent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# A busy machine is no fault of the code: property tests are never timed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

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
"""`.ci/run` names more in ONCOREGISTRY_CI_NEEDS once it has installed what they need."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """In CI a browser or PostgreSQL test that skips has failed: a machine that lacks them would hide everything."""
    report = yield
    wanted = (*NO_SKIP_IN_CI, *os.environ.get("ONCOREGISTRY_CI_NEEDS", "").split())
    needs = [name for name in wanted if name in item.keywords or name in getattr(item, "fixturenames", ())]
    if report.skipped and needs and os.environ.get("ONCOREGISTRY_CI"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} skipped in CI, where {' and '.join(needs)} must be there: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def local_spark() -> Generator[Any, None, None]:
    """A Spark of this process and machine alone; where Java or the extra `spark` is missing the test skips."""
    sql = pytest.importorskip("pyspark.sql", reason="the extra `spark` is not installed")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("Java is not on this machine")
    builder = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
    # 200 partitions of a few rows each would be most of the time
    session = builder.config("spark.sql.shuffle.partitions", "2").getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="session")
def reference() -> Path:
    """The reference folder; a test that asks for it carries the marker `shared`."""
    return REFERENCE
