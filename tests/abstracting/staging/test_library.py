"""The embedded table files: complete, lazy, and refused when they are not ours."""

from __future__ import annotations

import lzma
from importlib import resources

import pytest

from abstracting.errors import AbstractingError
from abstracting.staging.compact import read_compact, write_compact
from abstracting.staging.library import embedded, load_algorithm
from abstracting.staging.packages import read_package

DATA = resources.files("abstracting.staging").joinpath("data")


def test_the_embedded_algorithms() -> None:
    assert embedded() == (("cs", "02.05.50"), ("eod_public", "3.3"), ("pediatric", "1.3"), ("tnm", "2.1"))
    for name, version in embedded():
        algorithm = load_algorithm(name)
        assert algorithm is load_algorithm(name, version=version)
        assert (algorithm.name, algorithm.version) == (name, version)
        # every record can be read
        assert all(schema.id == key for key, schema in algorithm.schemas.items())
        assert all(table.id == key for key, table in algorithm.tables.items())


def test_every_file_names_its_source_and_stays_small() -> None:
    for name, version in embedded():
        content = DATA.joinpath(f"{name}-{version}.tables.xz").read_bytes()
        assert len(content) < 200_000
        assert b"published by the US National Cancer Institute" in lzma.decompress(content).split(b"\n", 1)[0]


def test_writing_and_reading_give_the_same_algorithm(files, pack) -> None:
    inputs = [
        {"key": "x", "naaccr_item": 1, "default": "", "metadata": [{"name": "SSDI", "start": 2021}]},
        {"key": "y", "default_table": "t", "unit": "mm", "decimal_places": 1, "used_for_staging": True},
    ]
    mapping = {
        "id": "m",
        "inclusion_tables": [{"id": "t", "input_mapping": [{"from": "a", "to": "b"}]}],
        "exclusion_tables": [{"id": "t"}],
        "initial_context": [{"key": "k"}, {"key": "l", "value": "v"}],
        "tables": [{"id": "t", "output_mapping": [{"from": "c", "to": "d"}]}],
    }
    given = files(
        tables={"t": "x:INPUT | p:ENDPOINT\n1 | VALUE\n1 | VALUE:"},
        inputs=inputs,
        outputs=[{"key": "o", "naaccr_item": 2, "table": "t", "default": ""}],
        mappings=[mapping],
        initial_context=[{"key": "i", "value": "{{x}}"}],
        schema_discriminators=["x"],
        on_invalid_input="FAIL",
        schema_num=7,
    )
    given["tables/t.json"]["rows"][0][0] = None
    before = read_package(pack(given))
    after = read_compact(write_compact(before, source="test", note=""))
    assert dict(after.schemas) == dict(before.schemas)
    assert {key: table.columns for key, table in after.tables.items()} == {
        key: table.columns for key, table in before.tables.items()
    }
    assert "t" in after.tables and "u" not in after.tables and after.tables.get("u") is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        lzma.compress(b""),
        lzma.compress(b"[]"),
        lzma.compress(b"{}"),
        lzma.compress(b'{"format": "other"}'),
        lzma.compress(b'{"format": "oncoregistry-staging-1", "schemas": ["a"], "tables": [], "labels": []}'),
        lzma.compress(b"\xff\xfe"),
    ],
)
def test_a_file_that_is_not_ours_is_refused(content: bytes) -> None:
    with pytest.raises(AbstractingError) as caught:
        read_compact(content, source="x")
    assert caught.value.code == "staging-package"


def test_a_cut_file_is_refused() -> None:
    content = DATA.joinpath("pediatric-1.3.tables.xz").read_bytes()
    with pytest.raises(AbstractingError):
        read_compact(content[: len(content) // 2])
