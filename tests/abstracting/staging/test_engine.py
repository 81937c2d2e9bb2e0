"""The engine, sentence by sentence, on tiny algorithms of a few rows."""

from __future__ import annotations

from typing import Any

import pytest

from abstracting.errors import AbstractingError
from abstracting.staging import decisions
from abstracting.staging.engine import Engine
from abstracting.staging.packages import read_package
from abstracting.staging.results import ERROR_KINDS, OUTCOMES

CASE = {"site": "C509", "hist": "8500", "year_dx": "2024"}


def steps(*tables: Any, **more: Any) -> list[dict[str, Any]]:
    """One mapping `m` over tables, each an id or a whole table path."""
    return [{"id": "m", "tables": [{"id": t} if isinstance(t, str) else t for t in tables], **more}]


def codes(result: Any) -> list[list[str | None]]:
    return [error.as_list() for error in result.errors]


# --- before a schema runs ---------------------------------------------------------------------------------------------

BEFORE = [
    ({}, "FAILED_MISSING_SITE_OR_HISTOLOGY", None),
    ({"site": "C509"}, "FAILED_MISSING_SITE_OR_HISTOLOGY", None),
    ({"site": "C509", "hist": None}, "FAILED_MISSING_SITE_OR_HISTOLOGY", None),
    # blank is not missing, it only fits nothing
    ({"site": "C509", "hist": ""}, "FAILED_NO_MATCHING_SCHEMA", None),
    ({"site": "C999", "hist": "8500"}, "FAILED_NO_MATCHING_SCHEMA", None),
    ({"site": "C509", "hist": "9000"}, "FAILED_NO_MATCHING_SCHEMA", None),
    # look-up does not trim
    ({"site": "C509 ", "hist": "8500"}, "FAILED_NO_MATCHING_SCHEMA", None),
    ({"site": "C509", "hist": "8500", "year_dx": "2017"}, "FAILED_INVALID_YEAR_DX", "breast"),
    ({"site": "C509", "hist": "8500", "year_dx": "2027"}, "FAILED_INVALID_YEAR_DX", "breast"),
    ({"site": "C509", "hist": "8500", "year_dx": " 2026 "}, "STAGED", "breast"),
    ({"site": "C509", "hist": "8500", "year_dx": None}, "STAGED", "breast"),
    ({"site": "C509", "hist": "8500"}, "STAGED", "breast"),
]


@pytest.mark.parametrize(("inputs", "outcome", "schema_id"), BEFORE, ids=[str(case[0]) for case in BEFORE])
def test_outcomes_before_a_schema_runs(tiny, inputs: dict, outcome: str, schema_id: str | None) -> None:
    result = tiny().stage(inputs)
    assert (result.result, result.schema_id, result.output, result.path) == (outcome, schema_id, {}, [])
    assert outcome in OUTCOMES


def test_two_schemas_that_fit_are_too_many(tiny) -> None:
    result = tiny(schemas={"one": {}, "two": {}}).stage(CASE)
    assert (result.result, result.schema_id) == ("FAILED_MULITPLE_MATCHING_SCHEMAS", None)


def test_every_unknown_key_is_an_error_and_ends_the_case(tiny) -> None:
    result = tiny().stage({**CASE, "year_dx": "1900", "b": None, "a": "1"})
    assert result.result == "FAILED_INVALID_INPUT"
    assert sorted(codes(result)) == [["UNKNOWN_INPUT", "a", None], ["UNKNOWN_INPUT", "b", None]]
    assert result.output == {} and result.path == []


def test_a_schema_without_a_year_of_diagnosis_stages_nothing(files, pack) -> None:
    broken = files()
    broken["schemas/breast.json"]["inputs"] = broken["schemas/breast.json"]["inputs"][:2]
    result = Engine(read_package(pack(broken)), current_year=2026).stage({"site": "C509", "hist": "8500"})
    assert result.result == "FAILED_INVALID_YEAR_DX"


@pytest.mark.parametrize("value", [5, 5.0, ["C509"], {"a": "b"}, b"C509", True])
def test_a_value_that_is_not_text_is_refused_with_its_key(tiny, value: object) -> None:
    with pytest.raises(AbstractingError) as caught:
        tiny().stage({**CASE, "site": value})
    assert caught.value.code == "staging-inputs" and "'site'" in caught.value.message


def test_an_earlier_current_year_closes_the_range(tiny) -> None:
    engine = Engine(tiny().algorithm, current_year=2020)
    assert engine.stage({**CASE, "year_dx": "2020"}).is_staged
    assert engine.stage({**CASE, "year_dx": "2021"}).result == "FAILED_INVALID_YEAR_DX"


# --- inputs and defaults ----------------------------------------------------------------------------------------------

GRADES = {"grades": "grade:INPUT\n1-4\n9", "shown": "grade:INPUT | out:ENDPOINT\n* | VALUE:{{grade}}"}
GRADE = {"key": "grade", "table": "grades", "default": "8"}
OUT = [{"key": "out"}]

INPUTS = [
    # (value or "absent", used for staging, on_invalid_input) -> outcome, error, output
    ("absent", True, "FAIL", "STAGED", None, "8"),
    (None, True, "FAIL", "STAGED", None, "8"),
    # blank is a value: no default, never checked
    ("", True, "FAIL", "STAGED", None, ""),
    ("  ", True, "FAIL", "STAGED", None, ""),
    (" 2 ", True, "FAIL", "STAGED", None, "2"),
    ("7", True, "CONTINUE", "STAGED", "INVALID_REQUIRED_INPUT", "7"),
    ("7", False, "CONTINUE", "STAGED", "INVALID_NON_REQUIRED_INPUT", "7"),
    ("7", False, "FAIL", "FAILED_INVALID_INPUT", "INVALID_NON_REQUIRED_INPUT", None),
    ("7", True, "FAIL", "FAILED_INVALID_INPUT", "INVALID_REQUIRED_INPUT", None),
    ("7", True, "FAIL_WHEN_USED_FOR_STAGING", "FAILED_INVALID_INPUT", "INVALID_REQUIRED_INPUT", None),
    ("7", False, "FAIL_WHEN_USED_FOR_STAGING", "STAGED", "INVALID_NON_REQUIRED_INPUT", "7"),
    # missing handler means CONTINUE
    ("7", True, None, "STAGED", "INVALID_REQUIRED_INPUT", "7"),
]


@pytest.mark.parametrize(("value", "used", "handler", "outcome", "error", "output"), INPUTS)
def test_validation_and_defaults(tiny, value, used, handler, outcome, error, output) -> None:
    engine = tiny(
        tables=GRADES,
        inputs=[{**GRADE, "used_for_staging": used}],
        outputs=OUT,
        mappings=steps("shown"),
        **({"on_invalid_input": handler} if handler else {}),
    )
    result = engine.stage(CASE if value == "absent" else {**CASE, "grade": value})
    assert result.result == outcome
    assert codes(result) == ([[error, "grade", "grades"]] if error else [])
    assert result.output == ({} if output is None else {"out": output})
    assert result.path == ([] if output is None else ["m.shown"])


def test_all_inputs_are_checked_before_stopping(tiny) -> None:
    engine = tiny(
        tables={**GRADES, "sizes": "size:INPUT\n000-999"},
        inputs=[GRADE, {"key": "size", "table": "sizes"}],
        on_invalid_input="FAIL",
    )
    result = engine.stage({**CASE, "grade": "X", "size": "X"})
    assert [error.key for error in result.errors] == ["grade", "size"]


def test_a_missing_input_table_is_reported_and_does_not_stop(tiny) -> None:
    engine = tiny(inputs=[{"key": "grade", "table": "nowhere"}], on_invalid_input="FAIL")
    result = engine.stage({**CASE, "grade": "1"})
    assert result.is_staged and codes(result) == [["UNKNOWN_TABLE", "grade", None]]


DEFAULTS = [
    ({"default": "{{ctx_alg_version}}"}, "1.0", []),
    ({"default": "{{nothing}}"}, "", []),
    ({}, "", []),
    ({"default_table": "by_site"}, "5", []),
    ({"default_table": "by_reference"}, "2024", []),
    ({"default": "7", "default_table": "by_site"}, "7", []),
    ({"default_table": "nowhere"}, "", [["UNKNOWN_TABLE", "grade", None]]),
    ({"default_table": "no_row"}, "", [["MATCH_NOT_FOUND", "grade", None]]),
    ({"default_table": "no_value"}, "", [["MATCH_NOT_FOUND", "grade", None]]),
]


@pytest.mark.parametrize(("entry", "value", "errors"), DEFAULTS, ids=[str(case[0]) for case in DEFAULTS])
def test_defaults(tiny, entry: dict, value: str, errors: list) -> None:
    tables = {
        "by_site": "site:INPUT | other:ENDPOINT | grade:ENDPOINT\nC509 | VALUE:1 | VALUE:5",
        "by_reference": "site:INPUT | grade:ENDPOINT\nC509 | VALUE:{{year_dx}}",
        "no_row": "site:INPUT | grade:ENDPOINT\nC619 | VALUE:5",
        "no_value": "site:INPUT | grade:ENDPOINT\nC509 | MATCH",
        "shown": GRADES["shown"],
    }
    engine = tiny(tables=tables, inputs=[{"key": "grade", **entry}], outputs=OUT, mappings=steps("shown"))
    result = engine.stage(CASE)
    assert (result.output, codes(result)) == ({"out": value}, errors)
    assert engine.default_of("breast", "grade", CASE) == value


# --- mappings ---------------------------------------------------------------------------------------------------------


def run(tiny, tables: dict[str, str], mappings: list, case: dict | None = None, **more: Any) -> Any:
    more = {"outputs": [{"key": key} for key in ("out", "a", "b", "c")], **more}
    engine = tiny(
        tables=tables, mappings=mappings, inputs=[{"key": "x"}, {"key": "y"}, *more.pop("inputs", [])], **more
    )
    result = engine.stage({**CASE, **(case or {})})
    # blank outputs are left out to read better
    return {k: v for k, v in result.output.items() if v}, codes(result), result.path


def test_the_first_matching_row_wins(tiny) -> None:
    tables = {"t": "x:INPUT | out:ENDPOINT\n1,2 | VALUE:first\n2,3 | VALUE:second\n* | VALUE:last"}
    found = [run(tiny, tables, steps("t"), {"x": x})[0]["out"] for x in ("1", "2", "3", "", "9")]
    assert found == ["first", "first", "second", "last", "last"]


def test_endpoint_values(tiny) -> None:
    tables = {
        "t": "x:INPUT | a:ENDPOINT | b:ENDPOINT | c:ENDPOINT | out:ENDPOINT\n"
        "1 | VALUE:{{y}} | VALUE:{{none}} | VALUE:one two | MATCH\n"
        "2 | VALUE: | VALUE | MATCH | VALUE:done"
    }
    assert run(tiny, tables, steps("t"), {"x": "1", "y": "7"})[0] == {"a": "7", "c": "one two"}
    result = tiny(
        tables=tables,
        mappings=steps("t"),
        inputs=[{"key": "x"}, {"key": "y"}],
        outputs=[{"key": "a", "default": "A"}, {"key": "b", "default": "B"}, {"key": "c", "default": "C"}],
    ).stage({**CASE, "x": "2"})
    # `VALUE:` sets blank, a bare VALUE takes the key away, MATCH leaves it, a key that is no output goes
    assert result.output == {"a": "", "c": "C"}


def test_no_row_is_an_error_that_names_the_open_columns_and_goes_on(tiny) -> None:
    tables = {
        "t": "x:INPUT | y:INPUT | a:ENDPOINT | b:ENDPOINT\n1 | 1 | VALUE:1 | VALUE:1",
        "u": "x:INPUT | out:ENDPOINT\n* | VALUE:ok",
    }
    engine = tiny(tables=tables, mappings=steps("t", "u"), inputs=[{"key": "x"}, {"key": "y"}], outputs=OUT)
    result = engine.stage({**CASE, "x": "5"})
    assert result.output == {"out": "ok"}
    (error,) = result.errors
    assert (error.as_list(), error.columns) == (["MATCH_NOT_FOUND", None, "t"], ("a", "b"))
    assert "(5,<blank>)" in error.message


def test_error_endpoints_carry_the_tables_message_or_one_of_ours(tiny) -> None:
    tables = {"t": "x:INPUT | a:ENDPOINT | b:ENDPOINT\n* | ERROR:codes contradict | ERROR:"}
    engine = tiny(tables=tables, mappings=steps("t"), inputs=[{"key": "x"}])
    first, second = engine.stage(CASE).errors
    assert (first.kind, first.key, first.table, first.columns) == ("STAGING_ERROR", None, "t", ("a",))
    assert first.message == "codes contradict"
    assert second.columns == ("b",) and "'t'" in second.message and "<blank>" in second.message


# what the endpoints of `t` are -> the tables walked through and the value the table after `t` leaves
STOPS = [
    ("STOP | MATCH", ["m.t"], None),
    ("JUMP:goes | MATCH", ["m.t", "m.goes", "m.after"], "after"),
    ("JUMP:stops | MATCH", ["m.t", "m.stops"], None),
    # a later JUMP undoes an earlier STOP, and a later STOP holds
    ("STOP | JUMP:goes", ["m.t", "m.goes", "m.after"], "after"),
    ("JUMP:goes | STOP", ["m.t", "m.goes"], None),
    ("JUMP:stops | JUMP:goes", ["m.t", "m.stops", "m.goes", "m.after"], "after"),
    # tables that cannot run do not stop
    ("STOP | JUMP:nowhere", ["m.t", "m.after"], "after"),
    ("STOP | JUMP:t", ["m.t", "m.after"], "after"),
    ("STOP | JUMP:empty", ["m.t", "m.empty", "m.after"], "after"),
]


@pytest.mark.parametrize(("endpoints", "path", "out"), STOPS, ids=[case[0] for case in STOPS])
def test_stop_and_jump(tiny, endpoints: str, path: list[str], out: str | None) -> None:
    tables = {
        "t": f"x:INPUT | p:ENDPOINT | q:ENDPOINT\n* | {endpoints}",
        "goes": "x:INPUT | p:ENDPOINT\n* | MATCH",
        "stops": "x:INPUT | p:ENDPOINT\n* | STOP",
        "empty": "x:INPUT | p:ENDPOINT\n77 | STOP",
        "after": "x:INPUT | out:ENDPOINT\n* | VALUE:after",
    }
    output, _, walked = run(tiny, tables, steps("t", "after"))
    assert (walked, output.get("out")) == (path, out)


def test_a_stop_leaves_the_next_mapping_running(tiny) -> None:
    tables = {"stops": "x:INPUT | p:ENDPOINT\n* | STOP", "after": "x:INPUT | out:ENDPOINT\n* | VALUE:ran"}
    mappings = [{"id": "one", "tables": [{"id": "stops"}, {"id": "after"}]}, {"id": "two", "tables": [{"id": "after"}]}]
    assert run(tiny, tables, mappings) == ({"out": "ran"}, [], ["one.stops", "two.after"])


def test_loops_and_unknown_tables_are_errors(tiny) -> None:
    tables = {
        "a": "x:INPUT | p:ENDPOINT\n* | JUMP:b",
        "b": "x:INPUT | p:ENDPOINT\n* | JUMP:a",
        "c": "x:INPUT | p:ENDPOINT\n* | JUMP:gone",
    }
    _, errors, path = run(tiny, tables, steps("a", "c", "lost"))
    assert errors == [["INFINITE_LOOP", None, "a"], ["UNKNOWN_TABLE", None, "gone"], ["UNKNOWN_TABLE", None, "lost"]]
    assert path == ["m.a", "m.b", "m.c"]
    assert {error[0] for error in errors} <= set(ERROR_KINDS)


def test_the_same_table_twice_in_a_row_is_no_loop(tiny) -> None:
    tables = {"twice": "x:INPUT | p:ENDPOINT | q:ENDPOINT\n* | JUMP:t | JUMP:t", "t": "x:INPUT | p:ENDPOINT\n* | MATCH"}
    assert run(tiny, tables, steps("twice")) == ({}, [], ["m.twice", "m.t", "m.t"])


def test_a_long_chain_of_jumps_does_not_exhaust_the_stack(tiny) -> None:
    length = 3000
    tables = {f"t{i}": f"x:INPUT | p:ENDPOINT\n* | JUMP:t{i + 1}" for i in range(length)}
    tables[f"t{length}"] = "x:INPUT | out:ENDPOINT\n* | VALUE:end"
    output, errors, path = run(tiny, tables, steps("t0"))
    assert (output, errors, len(path)) == ({"out": "end"}, [], length + 1)


def test_input_mapping_is_undone_even_where_it_hid_a_value(tiny) -> None:
    tables = {
        "t": "in:INPUT | out:ENDPOINT\n5 | VALUE:five",
        "u": "y:INPUT | a:ENDPOINT\n | VALUE:gone\n* | VALUE:kept",
    }
    mapped = {"id": "t", "input_mapping": [{"from": "x", "to": "in"}, {"from": "x", "to": "y"}]}
    output, errors, _ = run(tiny, tables, steps(mapped, "u"), {"x": "5", "y": "9"})
    assert (output, errors) == ({"out": "five", "a": "gone"}, [])


def test_an_unknown_source_of_a_mapping_is_an_error_and_only_that_pair_is_skipped(tiny) -> None:
    tables = {"t": "in:INPUT | out:ENDPOINT\n5 | VALUE:five"}
    mapped = {"id": "t", "input_mapping": [{"from": "ghost", "to": "other"}, {"from": "x", "to": "in"}]}
    assert run(tiny, tables, steps(mapped), {"x": "5"}) == (
        {"out": "five"},
        [["UNKNOWN_INPUT_MAPPING", "ghost", "t"]],
        ["m.t"],
    )


def test_output_mapping_writes_to_every_target_and_jumps_share_it(tiny) -> None:
    tables = {
        "t": "x:INPUT | p:ENDPOINT | c:ENDPOINT\n* | JUMP:u | VALUE:own",
        "u": "x:INPUT | p:ENDPOINT\n* | VALUE:v",
    }
    mapped = {"id": "t", "output_mapping": [{"from": "p", "to": "a"}, {"from": "p", "to": "b"}]}
    assert run(tiny, tables, steps(mapped))[0] == {"a": "v", "b": "v", "c": "own"}


def test_inclusion_and_exclusion(tiny) -> None:
    tables = {
        "with": "in:INPUT\n1-5",
        "without": "y:INPUT\n9",
        "t": "x:INPUT | out:ENDPOINT\n* | VALUE:ran",
    }
    mappings = steps(
        "t",
        inclusion_tables=[{"id": "with", "input_mapping": [{"from": "x", "to": "in"}, {"from": "no", "to": "site"}]}],
        exclusion_tables=[{"id": "without"}],
    )
    assert run(tiny, tables, mappings, {"x": "3"}) == ({"out": "ran"}, [], ["m.with", "m.without", "m.t"])
    assert run(tiny, tables, mappings, {"x": "7"}) == ({}, [], [])
    assert run(tiny, tables, mappings, {"x": "3", "y": "9"}) == ({}, [], [])


def test_initial_contexts(tiny) -> None:
    tables = {"t": "a:INPUT | out:ENDPOINT\n7 | VALUE:read\n* | VALUE:as it stands"}
    initial = [{"key": "a", "value": "{{y}}"}]
    # a schema's values are resolved, a mapping's are taken as they stand
    output, _, _ = run(tiny, tables, steps("t"), {"y": "7"}, initial_context=initial)
    assert output == {"a": "7", "out": "read"}
    output, _, _ = run(tiny, tables, steps("t", initial_context=initial), {"y": "7"})
    assert output == {"a": "{{y}}", "out": "as it stands"}


def test_an_initial_null_counts_as_blank_and_as_known(tiny) -> None:
    tables = {"t": "in:INPUT | out:ENDPOINT\n | VALUE:blank"}
    mapped = {"id": "t", "input_mapping": [{"from": "a", "to": "in"}]}
    mappings = steps(mapped, initial_context=[{"key": "a"}])
    assert run(tiny, tables, mappings) == ({"out": "blank"}, [], ["m.t"])


# --- outputs ----------------------------------------------------------------------------------------------------------


def test_outputs_hide_an_input_of_the_same_key_and_are_checked(tiny) -> None:
    tables = {"allowed": "x:INPUT\n1", "t": "y:INPUT | a:ENDPOINT\n* | VALUE:5", "ones": "a:INPUT\n1"}
    outputs = [{"key": "x", "table": "allowed", "default": "{{y}}"}, {"key": "a", "table": "ones"}, {"key": "b"}]
    engine = tiny(tables=tables, mappings=steps("t"), inputs=[{"key": "x"}, {"key": "y"}], outputs=outputs)
    result = engine.stage({**CASE, "x": "8", "y": "1"})
    assert result.output == {"x": "1", "a": "5", "b": ""}
    assert codes(result) == [["INVALID_OUTPUT", "a", "ones"]]
    blank = engine.stage({**CASE, "y": ""})
    assert ["INVALID_OUTPUT", "x", "allowed"] in codes(blank) and "<blank>" in blank.errors[0].message


def test_a_missing_output_table_is_reported(tiny) -> None:
    result = tiny(outputs=[{"key": "a", "table": "nowhere"}]).stage(CASE)
    assert codes(result) == [["UNKNOWN_TABLE", "a", None]]


def test_without_defined_outputs_everything_but_inputs_comes_out(tiny) -> None:
    tables = {"t": "x:INPUT | a:ENDPOINT | x:ENDPOINT\n* | VALUE:1 | VALUE:2"}
    result = tiny(tables=tables, mappings=steps("t"), inputs=[{"key": "x"}]).stage(CASE)
    assert result.output == {"a": "1"}


def test_one_case_never_changes_the_next(tiny) -> None:
    tables = {"t": "x:INPUT | a:ENDPOINT\n1 | VALUE:one\n* | VALUE:{{x}}"}
    engine = tiny(tables=tables, mappings=steps("t"), inputs=[{"key": "x"}], outputs=[{"key": "a"}])
    case = {**CASE, "x": "1"}
    first = engine.stage(case).as_json()
    engine.stage({**CASE, "x": "2"})
    assert engine.stage(case).as_json() == first
    assert case == {**CASE, "x": "1"}


def test_the_memory_of_earlier_cases_is_bounded_and_changes_nothing(tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "MEMO_LIMIT", 3)
    tables = {"t": "x:INPUT | y:INPUT | a:ENDPOINT\n1-500 | * | VALUE:low\n* | * | VALUE:{{x}}"}
    engine = tiny(tables=tables, mappings=steps("t"), inputs=[{"key": "x"}, {"key": "y"}], outputs=[{"key": "a"}])
    found = [engine.stage({**CASE, "x": str(x)}).output["a"] for x in [*range(495, 505)] * 2]
    assert found == (["low"] * 6 + ["501", "502", "503", "504"]) * 2
    table = engine.algorithm.decision("t")
    assert table is not None and len(table._memo) <= 3


# --- single codes -----------------------------------------------------------------------------------------------------


def test_validity_of_codes_and_contexts(tiny) -> None:
    tables = {"pair": "x:INPUT | y:INPUT\n1 | 1\n2 | *"}
    engine = tiny(tables=tables, inputs=[{"key": "x", "table": "pair"}, {"key": "y"}])
    assert engine.is_code_valid("breast", "x", "2")
    # alone, the other keys are blank
    assert not engine.is_code_valid("breast", "x", "1")
    assert engine.is_context_valid("breast", "x", {"x": " 1 ", "y": "1"})
    assert engine.is_code_valid("breast", "y", "anything")
    assert engine.is_code_valid("breast", "year_dx", "2026") and not engine.is_code_valid("breast", "year_dx", "2027")
    assert not engine.is_code_valid("nowhere", "x", "1")
    assert not engine.is_code_valid("breast", "ghost", "1")
    assert not engine.is_context_valid("breast", "x", {})
    assert engine.row_of("pair", {"x": "2", "y": "8"}) == 1
    assert engine.row_of("pair", {"x": "3"}) is None
    assert engine.row_of("nowhere", {"x": "3"}) is None
    assert engine.row_of("year", {"year_dx": "2026"}) == 0
