"""Agreement with the published engine's results, and of our engine with a naive one, on the real tables."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from abstracting.staging.engine import Engine
from abstracting.staging.inquiry import valid_codes
from abstracting.staging.library import embedded, load_algorithm

CURRENT_YEAR = 2026


def comparable(result: dict[str, Any]) -> dict[str, Any]:
    """A result with blank outputs left out and errors without order: the form in which results are compared."""
    output = {key: value for key, value in result["output"].items() if value}
    return {**result, "output": output, "errors": Counter(map(tuple, result["errors"]))}


def disagreements(engine: Engine, cases: list[dict[str, Any]]) -> list[str]:
    return [
        case["id"]
        for case in cases
        if comparable(engine.stage(case["inputs"]).as_json()) != comparable(case["expected"])
    ]


def of(cases: list[dict[str, Any]], name: str, version: str) -> list[dict[str, Any]]:
    found = [case for case in cases if (case["algorithm"], case["version"]) == (name, version)]
    assert found
    return found


# the published engine in Java 11.9.2, and the official expected outputs of Collaborative Stage
@pytest.mark.shared
@pytest.mark.parametrize(("name", "version"), [*embedded(), ("eod_public", "2.1")])
def test_official_packages_agree_with_the_published_engine(official, staging_cases, name: str, version: str) -> None:
    engine = Engine(official(name, version), current_year=CURRENT_YEAR)
    assert disagreements(engine, of(staging_cases, name, version)) == []


@pytest.mark.shared
@pytest.mark.parametrize(("name", "version"), embedded())
def test_embedded_tables_agree_with_the_published_engine(staging_cases, name: str, version: str) -> None:
    engine = Engine(load_algorithm(name, version=version), current_year=CURRENT_YEAR)
    assert disagreements(engine, of(staging_cases, name, version)) == []


@pytest.mark.shared
@pytest.mark.parametrize("source", ["official", "embedded"])
def test_schema_selection_agrees(official, reference: Path, source: str) -> None:
    algorithm = official("cs", "02.05.50") if source == "official" else load_algorithm("cs")
    with gzip.open(reference / "staging" / "cs_schema_selection.jsonl.gz", "rt", encoding="utf-8") as lines:
        cases = [json.loads(line) for line in lines]
    assert len(cases) > 1000
    for case in cases:
        found = algorithm.selection.lookup(case["inputs"])
        assert (found[0] if len(found) == 1 else None) == case["expected_schema"], case


@pytest.mark.shared
@pytest.mark.parametrize(("name", "version"), embedded())
def test_embedded_tables_are_the_official_ones_without_words(official, name: str, version: str) -> None:
    ours, theirs = load_algorithm(name, version=version), official(name, version)
    assert set(ours.schemas) == set(theirs.schemas) and set(ours.tables) == set(theirs.tables)
    for key, table in theirs.tables.items():
        kept = [column for column in table.columns if column.kind != "DESCRIPTION"]
        own = ours.tables[key].columns
        assert [(c.key, c.kind) for c in own] == [(c.key, c.kind) for c in kept], key
        for column, original in zip(own, kept):
            for cell, given in zip(column.cells, original.cells, strict=True):
                assert cell == given or (cell == "ERROR" and given.startswith("ERROR:")), (key, cell, given)
    for key, schema in theirs.schemas.items():
        own = ours.schemas[key]
        assert (own.mappings, own.discriminators, own.initial_context) == (
            *(schema.mappings, schema.discriminators, schema.initial_context),
        )
        assert (own.selection_table, own.on_invalid_input, own.number) == (
            *(schema.selection_table, schema.on_invalid_input, schema.number),
        )
        for entries, originals in ((own.inputs, schema.inputs), (own.outputs, schema.outputs)):
            for entry, original in zip(entries, originals, strict=True):
                assert (entry.key, entry.item, entry.default, entry.table, entry.metadata) == (
                    *(original.key, original.item, original.default, original.table, original.metadata),
                )


@pytest.mark.shared
@pytest.mark.parametrize(("name", "version"), embedded())
def test_no_prose_of_the_publisher_is_embedded(official, name: str, version: str) -> None:
    ours, theirs = load_algorithm(name, version=version), official(name, version)
    texts = {text for table in theirs.tables.values() for text in (table.title, *table.labels, *table.texts.values())}
    # four words in a row would be a copy; "no nodes examined" or "cT1b" can be said in no other way
    prose = {line.strip().lower() for text in texts for line in text.splitlines() if len(line.split()) >= 4}
    labels = {label for table in ours.tables.values() for label in table.labels}
    names = {entry.name for schema in ours.schemas.values() for entry in schema.inputs}
    assert max(map(len, labels | names)) <= 60
    assert {label for label in labels if label.lower() in prose} == set()
    assert not any(table.texts or table.title for table in ours.tables.values())
    assert not any(schema.texts for schema in ours.schemas.values())


def random_case(engine: Engine, schema_id: str, dice: random.Random) -> dict[str, str | None]:
    """Gives inputs that select a schema, mostly valid, with some codes missing, blank, out of range or padded."""
    schema = engine.algorithm.schemas[schema_id]
    table = engine.algorithm.tables[schema.selection_table]
    row = table.row(dice.randrange(table.size))

    def some_code(cell: str) -> str:
        low, _, high = dice.choice(cell.split(",")).strip().partition("-")
        return dice.choice([low, high or low])

    case: dict[str, str | None] = {}
    for entry in schema.inputs:
        cell = row.get(entry.key)
        if cell not in (None, "*") and "{" not in cell:
            case[entry.key] = some_code(cell)
        elif entry.key in ("site", "hist"):
            case[entry.key] = "C809"
        else:
            codes = [code.text for code in valid_codes(engine, schema_id, entry.key)] or ["1"]
            code = dice.choice([some_code(dice.choice(codes)), dice.choice(["", "9", "999", "X", " 1", "10.5"]), None])
            if code is not None or dice.random() < 0.3:
                case[entry.key] = code
    if dice.random() < 0.1:
        case.pop(dice.choice(list(case)))
    return case


@pytest.mark.parametrize(("name", "version"), embedded())
def test_the_engine_agrees_with_the_naive_one_on_random_cases(naive, name: str, version: str) -> None:
    engine = Engine(load_algorithm(name, version=version), current_year=CURRENT_YEAR)
    simple = naive(engine.algorithm, CURRENT_YEAR)
    dice = random.Random(20261124)
    outcomes: Counter[str] = Counter()
    schema_ids = list(engine.algorithm.schemas)
    for _ in range(40):
        case = random_case(engine, dice.choice(schema_ids), dice)
        result = engine.stage(case).as_json()
        assert comparable(result) == comparable(simple.stage(case)), case
        outcomes[result["result"]] += 1
    assert outcomes["STAGED"] >= 5, outcomes
