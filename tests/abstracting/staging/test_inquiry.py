"""Questions about an algorithm: tables, inputs, outputs, valid codes, rules of selection."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from abstracting.errors import AbstractingError
from abstracting.staging.engine import Engine
from abstracting.staging.inquiry import (
    ValidCode,
    involved_schemas,
    involved_tables,
    label_of,
    needed_inputs,
    possible_outputs,
    selection_rules,
    valid_codes,
)
from abstracting.staging.library import embedded, load_algorithm

TABLES = {
    "t": "in:INPUT | p:ENDPOINT | w:ENDPOINT\n{{extra}} | JUMP:u | VALUE:1\n* | JUMP:t | MATCH",
    "u": "z:INPUT | q:ENDPOINT\n* | VALUE:{{y}}",
    "v": "w:INPUT | q:INPUT | set:INPUT | late:INPUT | late:ENDPOINT\n* | * | * | * | VALUE:1",
    "when": "x:INPUT\n1",
}
MAPPINGS = [
    {
        "id": "one",
        "inclusion_tables": [{"id": "when"}],
        "initial_context": [{"key": "set", "value": "0"}],
        "tables": [{"id": "t", "input_mapping": [{"from": "a", "to": "in"}]}, {"id": "v"}],
    }
]
INPUTS = [{"key": key} for key in ("x", "y", "z", "a", "extra", "late")]


def test_tables_inputs_and_outputs_of_a_schema(tiny) -> None:
    engine = tiny(tables=TABLES, mappings=MAPPINGS, inputs=INPUTS)
    assert involved_tables(engine.algorithm, "breast") == (
        *("select", "primary_site", "histology", "year", "when", "t", "u", "v"),
    )
    assert involved_schemas(engine.algorithm, "u") == ("breast",)
    # w and q come from tables before, `set` from the initial context; `late` is read before it is written
    assert set(needed_inputs(engine, "breast")) == {"site", "hist", "x", "a", "extra", "z", "y", "late"}
    assert set(needed_inputs(engine, "breast", {"x": "2"})) == {"site", "hist", "x"}
    assert needed_inputs(engine, "breast", {"x": "1"}) == needed_inputs(engine, "breast")
    assert set(possible_outputs(engine, "breast")) == {"p", "w", "q", "late"}
    assert possible_outputs(engine, "breast", {"x": "2"}) == ()
    with_outputs = tiny(tables=TABLES, mappings=MAPPINGS, inputs=INPUTS, outputs=[{"key": "q"}])
    assert possible_outputs(with_outputs, "breast") == ("q",)


def test_unknown_schemas_and_tables_are_named(tiny) -> None:
    algorithm = tiny().algorithm
    for ask in (algorithm.schema, algorithm.table, lambda key: involved_tables(algorithm, key)):
        with pytest.raises(AbstractingError, match="'nowhere'"):
            ask("nowhere")


def test_valid_codes_follow_the_table_and_the_context(tiny) -> None:
    tables = {
        "codes": "x:INPUT | y:INPUT | what:DESCRIPTION\n1,2 | A | few\n005-010 | A,B | many\n1 | B | again\n | * | none"
    }
    engine = tiny(tables=tables, inputs=[{"key": "x", "table": "codes"}, {"key": "y"}])
    few, many, none = ValidCode("1", "1", "few"), ValidCode("005", "010", "many"), ValidCode("", "", "none")
    assert valid_codes(engine, "breast", "x") == (few, ValidCode("2", "2", "few"), many, none)
    assert valid_codes(engine, "breast", "x", {"y": "B", "x": "1"}) == (many, ValidCode("1", "1", "again"), none)
    assert (many.text, many.is_range, few.text, few.is_range) == ("005-010", True, "1", False)
    assert valid_codes(engine, "breast", "y") == valid_codes(engine, "breast", "ghost") == ()
    assert [code.text for code in valid_codes(engine, "breast", "year_dx")] == ["2018-2026", "9999", ""]
    assert [label_of(engine, "breast", "x", value) for value in ("2", "007", "", "99")] == ["few", "many", "none", ""]
    assert label_of(engine, "breast", "y", "A") == ""


def test_rules_of_selection_read_as_text(tiny) -> None:
    algorithm = tiny().algorithm
    assert [str(rule) for rule in selection_rules(algorithm, algorithm.schema("breast"))] == [
        "site: C500,C501,C509; hist: 8000-8999"
    ]


@pytest.mark.parametrize(("name", "version"), embedded())
def test_needed_inputs_are_those_the_publisher_marks_as_used_for_staging(name: str, version: str) -> None:
    engine = Engine(load_algorithm(name, version=version), current_year=2026)
    for schema in engine.algorithm.schemas.values():
        used = {entry.key for entry in schema.inputs if entry.used_for_staging}
        assert set(needed_inputs(engine, schema.id)) == used, schema.id


@pytest.mark.shared
@pytest.mark.parametrize(("name", "version"), [("eod_public", "3.3"), ("tnm", "2.1"), ("pediatric", "1.3")])
def test_involved_tables_are_those_the_publisher_lists(official, reference: Path, name: str, version: str) -> None:
    algorithm = official(name, version)
    with zipfile.ZipFile(reference / "staging" / f"{name}-{version}.zip") as archive:
        for schema_id in algorithm.schemas:
            listed = json.loads(archive.read(f"schemas/{schema_id}.json"))["involved_tables"]
            assert set(involved_tables(algorithm, schema_id)) == set(listed), schema_id
