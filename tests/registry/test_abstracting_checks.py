"""The editor and the reports say the same of the same abstract: rules of the site, reviews and other tumors included."""

from __future__ import annotations

import random
from typing import Any

import pytest
from sqlalchemy import select

from registry import records
from registry.abstracting import checks
from registry.abstracting.status import steps
from registry.db import Store
from registry.edits import override, run_batch
from registry.edits.evaluation import RULES_FILE
from registry.exchange.formats import open_reader
from registry.exchange.importer import run_import
from registry.models import Abstract, EditFinding
from registry.models import edits as states
from registry.synthetic import make
from registry.synthetic.writing import write_folder

SPOILT = {523: "1", 390: "19200101", 410: "4", 560: "01", 225: "1", 764: "8", 3843: "Z", 1291: "A000", 580: "2031"}
"""Values that break edits of many kinds, single items, items against each other and tumors against each other."""

OWN = """
[[rule]]
id = "OUR01"
category = "reporting"
level = "interfield"
severity = "error"
items = ["#610"]
require = "#610 in [10-13]"
message = "Class {#610} is none of ours."
source = "our manual"
"""


@pytest.fixture
def spoilt(store: Store, tmp_path: Any) -> Store:
    """Thirty synthetic patients of whom every second abstract was spoilt by hand, under rules of the site."""
    write_folder(make(patients=30, seed=11), tmp_path / "files", version="260", record_type="A", workers=1)
    store.settings.home.mkdir(exist_ok=True)
    (store.settings.home / RULES_FILE).write_text(OWN)
    run_import(store, open_reader([tmp_path / "files" / "registry.xml.gz"]), name="synthetic", who="tester")
    luck = random.Random(5)
    with store.reading() as session:
        ids = list(session.scalars(select(Abstract.id).order_by(Abstract.id)))
    for number in ids[::2]:
        with store.writing() as session:
            items = dict(luck.sample(sorted(SPOILT.items()), 2))
            records.save(session, number, items, who="registrar")
    return store


def stored(store: Store) -> dict[int, dict[str, tuple[str, str, str]]]:
    found: dict[int, dict[str, tuple[str, str, str]]] = {}
    with store.reading() as session:
        for row in session.scalars(select(EditFinding).where(EditFinding.state != states.CLEARED)):
            found.setdefault(row.abstract_id, {})[row.rule] = (row.severity, row.message, row.state)
    return found


def shown(store: Store) -> dict[int, dict[str, tuple[str, str, str]]]:
    found = {}
    with store.reading() as session:
        for abstract in session.scalars(select(Abstract)):
            of_editor = checks.findings(session, abstract, records.all_items(abstract))
            if of_editor:
                found[abstract.id] = {
                    f.rule: (f.severity, f.message, states.OVERRIDDEN if f.overridden else states.OPEN)
                    for f in of_editor
                }
    return found


def test_editor_and_reports_agree_on_every_abstract(spoilt: Store) -> None:
    kept = stored(spoilt)
    assert len({rule for rules in kept.values() for rule in rules}) >= 12
    assert any("OUR01" in rules for rules in kept.values()) and shown(spoilt) == kept

    number, rule = next((n, rule) for n, rules in sorted(kept.items()) for rule in rules if rule != "OUR01")
    with spoilt.writing() as session:
        override(session, number, rule, who="abc", reason="seen in the chart")
    with spoilt.reading() as session:
        told = {f.rule: f for f in checks.findings(session, session.get_one(Abstract, number))}
    assert told[rule].overridden and (told[rule].reviewer, told[rule].reason) == ("abc", "seen in the chart")
    assert shown(spoilt) == stored(spoilt)

    before = stored(spoilt)
    run_batch(spoilt)
    assert stored(spoilt) == before


def test_typed_values_count_before_they_are_saved_and_keep_nothing(spoilt: Store) -> None:
    with spoilt.reading() as session:
        abstract = session.scalars(select(Abstract).where(Abstract.status == "complete")).first()
        assert abstract is not None
        items = records.all_items(abstract) | {225: "2", 400: "C619", 522: "8140"}
        assert "SEX02" in {f.rule for f in checks.findings(session, abstract, items)}
    assert "SEX02" not in stored(spoilt).get(abstract.id, {})


def test_a_case_that_fails_only_by_a_rule_of_the_site_is_not_complete(spoilt: Store) -> None:
    with spoilt.reading() as session:
        number = next(n for n, rules in sorted(stored(spoilt).items()) if set(rules) == {"OUR01"})
        abstract = session.get_one(Abstract, number)
        abstract.status = "incomplete"
        assert "1 failing edit" in next(s for s in steps(session, abstract) if s.target == "complete").reasons
