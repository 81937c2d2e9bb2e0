"""The `link` command: its lines, its sources, and files that are no tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from registry.commands.linkage import link
from registry.errors import RegistryError

TABLE = (
    "id,first,last,dob,ssn\n1,Ann,Lee,19500101,900110001\n2,Ann,Lee,19500101,900110001\n3,Bea,Ray,19610704,900220002\n"
)


def run(*arguments: str, given: str | bytes = "") -> Result:
    return CliRunner().invoke(link, [*arguments, "--id", "id"], input=given)


def lines(result: Result) -> list[dict]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def refused(result: Result) -> RegistryError:
    assert isinstance(result.exception, RegistryError), result.exception
    return result.exception


def test_a_line_a_pair_with_rounded_weights(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(TABLE)
    (pair,) = [line for line in lines(run(str(path))) if line["verdict"] == "match"]
    assert (pair["left"], pair["right"]) == ("1", "2")
    assert set(pair) == {"left", "right", "score", "verdict", "weights"}
    assert all(round(weight, 2) == weight for weight in pair["weights"].values())


def test_standard_input_is_a_file_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(TABLE)
    assert lines(run("-", given=TABLE)) == lines(run(str(path)))
    assert lines(run("-", str(path), given=TABLE)) == lines(run(str(path), str(path)))
    assert refused(run("-", given="")).where == "standard input"
    assert run("-", "-").exit_code == 2


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"", "not-a-table", "empty"),
        (b"id,first\n1,\x00\n", "not-a-table", "binary"),
        (b"id,first\n1,a,b\n2\n", "not-a-table", "2 rows"),
        (b'id,first\n1,"open\n2,a\n', "not-a-table", "line 2"),
        (b"id,first,first\n1,a,b\n", "not-a-table", "'first'"),
        (b"first,last\na,b\n", "usage", "'id'"),
        (b"id,first\n,a\n2,b\n", "link-id", "without an id"),
        (b"id,first\n1,a\n1,b\n1,c\n", "link-id", "twice"),
        (b"id,color\n1,red\n2,red\n", "usage", "field"),
    ],
)
def test_what_is_no_table_of_persons_is_told(tmp_path: Path, content: bytes, code: str, said: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    error = refused(run(str(path)))
    assert (error.code, said in error.message) == (code, True), error.message


def test_other_separators_of_unicode_stay_inside_a_cell(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(TABLE.replace("Lee,", "Le\u2028e\x85,"), encoding="utf-8")
    assert [line["verdict"] for line in lines(run(str(path)))][:1] == ["match"]


CELL = st.text(max_size=12) | st.sampled_from(
    ["99999999", "19500231", "=cmd()", "-", "O'Brien", "Ñ", "Jr", "123456789"]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CELL, CELL, CELL, CELL), max_size=6))
@example([("", "", "", "")])
def test_any_text_gives_lines_or_a_reason(rows: list[tuple[str, ...]]) -> None:
    quoted = [[f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row] for row in rows]
    table = "id,first,last,dob,ssn\n" + "".join(f"{n},{','.join(row)}\n" for n, row in enumerate(quoted))
    result = run("-", given=table.encode("utf-8", errors="surrogatepass"))
    if isinstance(result.exception, RegistryError):
        assert result.exception.message
    else:
        for line in lines(result):
            assert line["verdict"] in ("match", "review") and 0 < line["score"] <= 1


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.booleans())
@example(b"\xff\xfea", True)
def test_any_bytes_give_lines_or_a_reason(content: bytes, headed: bool) -> None:
    result = run("-", given=(b"id,first,last\n" if headed and not content.startswith(b"\xff\xfe") else b"") + content)
    assert result.exception is None or isinstance(result.exception, RegistryError), result.exception
