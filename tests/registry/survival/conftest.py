"""A synthetic registry with known truth for survival, and what it answers."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from registry import config, schema
from registry.analysis import snapshot
from registry.analysis.survival import answer
from registry.analysis.survival_answer import Answer
from registry.analysis.survival_request import (
    from_pairs,
)
from registry.analysis.survival_scope import Scope
from registry.db import Store
from registry.exchange.formats import open_reader
from registry.exchange.importer import run_import
from registry.models import Abstract, Facility
from registry.security.permissions import Actor
from registry.synthetic import make
from registry.synthetic.writing import write_folder

PATIENTS, SEED, NOT_ANALYTIC = 1600, 4, 12
OPEN = Scope(names=True, small=True)
"""An account that may see everything."""

EPIDEMIOLOGIST = Actor(username="elena", roles=("epidemiologist",))


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A synthetic registry with known truth, its snapshot, and a facility with many cases."""
    folder = tmp_path_factory.mktemp("survival")
    store = Store(config.load(folder / "home"))
    schema.upgrade(store.engine)
    made = make(patients=PATIENTS, seed=SEED)
    write_folder(made, folder / "files", version="250", record_type="A", workers=1)
    path = folder / "files" / "registry.xml.gz"
    run_import(store, open_reader([path]), name=path.name, who="test")
    with store.reading() as session:
        counts: dict[str, int] = {}
        for number in session.query(Facility.number).join(Abstract, Abstract.facility_id == Facility.id):
            counts[number[0]] = counts.get(number[0], 0) + 1
    facility = max(counts, key=lambda number: counts[number])
    with store.writing() as session:
        # some of its cases were diagnosed and treated elsewhere
        own = session.query(Abstract).join(Facility).filter(Facility.number == facility, Abstract.class_of_case == "14")
        for abstract in own.order_by(Abstract.id).limit(NOT_ANALYTIC):
            abstract.class_of_case = "30"
    found = snapshot.refresh(store)
    yield SimpleNamespace(store=store, snapshot=found, truth=made.truth, facility=facility)
    store.close()


@pytest.fixture
def ask(registry: SimpleNamespace):
    """Gives the unsuppressed answer of an address's pairs."""

    def give(*pairs: tuple[str, str], scope: Scope = OPEN) -> Answer:
        return answer(registry.store, registry.snapshot, from_pairs(pairs), scope)

    return give
