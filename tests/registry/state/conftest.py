"""Readers over hand-made cases, and a central registry of Florida on SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from registry import config, schema
from registry.db import Store
from registry.exchange.incoming import IncomingPatient, IncomingTumor, Rejected

GENERAL, LAKESIDE = "0000010001", "0000010002"


class Rows:
    """A reader over cases: each a dict of items over a plain case; patient items are told from tumor items here."""

    format, version, done = "test", "260", 0.0
    PATIENT = frozenset({20, 150, 160, 190, 220, 225, 240, 1750, 1755, 1760, 1790, 1810, 1820, 1830, 1910, 1920, 2230})
    PATIENT |= frozenset({2240, 2250, 2270, 2300, 2320, 2350, 2360, 2380, 2390})

    def __init__(self, cases: list[Any]):
        self.cases = cases

    def __iter__(self) -> Iterator[IncomingPatient | Rejected]:
        for row, case in enumerate(self.cases, 1):
            if isinstance(case, Rejected):
                yield case
                continue
            items = {20: f"{row:08d}", 2230: "SYNTHETIC", 2240: f"P{row}", 240: "19500101", 225: "2", 1760: "1"}
            items |= {1750: "20250101", 60: "01", 400: "C509", 522: "8500", 523: "3", 390: "20240105", 580: "20240105"}
            items |= {540: GENERAL, 550: f"2024{row:05d}", 610: "14", 500: "1", 80: "FL", 90: "086", **case}
            person = {n: v for n, v in items.items() if n in self.PATIENT}
            tumor = {n: v for n, v in items.items() if n not in self.PATIENT and v}
            yield IncomingPatient(row, person, [IncomingTumor(row, tumor)], "")


@pytest.fixture
def rows() -> Callable[[list[Any]], Rows]:
    """Makes a reader over cases."""
    return Rows


@pytest.fixture
def central(tmp_path: Path) -> Iterator[Store]:
    """An empty central registry of Florida."""
    store = Store(config.load(tmp_path / "central", central=True, registry_state="FL"))
    schema.upgrade(store.engine)
    yield store
    store.close()
