"""Official packages: what is read, and what is refused with its reason."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from abstracting.errors import AbstractingError
from abstracting.staging import packages
from abstracting.staging.packages import read_package


def refusal(content: object) -> str:
    with pytest.raises(AbstractingError) as caught:
        read_package(content)
    assert caught.value.code == "staging-package" and caught.value.exit_code == 3
    return caught.value.message


def test_a_package_is_read_from_bytes_a_file_or_a_path(files, pack, tmp_path: Path) -> None:
    content = pack({**files(), "schemas/ids.txt": b"breast", "README.md": b"#", "other/x.json": b"not json"})
    path = tmp_path / "tiny-1.0.zip"
    path.write_bytes(content)
    for source in (content, io.BytesIO(content), path, str(path)):
        algorithm = read_package(source)
        assert (algorithm.name, algorithm.version, algorithm.schema_ids) == ("tiny", "1.0", ("breast",))
    assert read_package(path).source == "tiny-1.0.zip"


def test_texts_of_the_publisher_are_kept(files, pack) -> None:
    given = files(tables={"codes": "x:INPUT | what:DESCRIPTION\n1 | One thing\n2 | Another"})
    given["tables/codes.json"]["notes"] = "A note"
    given["schemas/breast.json"]["notes"] = "Of the schema"
    given["glossary/a.json"] = {"name": "Cortex", "definition": "Outer layer", "alternate_names": ["Cortical"]}
    algorithm = read_package(pack(given))
    table = algorithm.table("codes")
    assert (table.texts, table.label(0), table.row(1)) == (
        {"notes": "A note"},
        "One thing",
        {"x": "2", "what": "Another"},
    )
    assert algorithm.schema("breast").texts == {"notes": "Of the schema"}
    assert algorithm.glossary["Cortex"].alternate_names == ("Cortical",)


def test_metadata_in_both_forms(files, pack) -> None:
    marks = ["UNDEFINED_SSF", {"name": "SSDI", "start": 2021, "end": 2023}]
    schema = read_package(pack(files(inputs=[{"key": "x", "metadata": marks}]))).schema("breast")
    entry = schema.input("x")
    assert entry is not None and entry.is_marked("UNDEFINED_SSF", 1990)
    assert [entry.is_marked("SSDI", year) for year in (2020, 2021, 2023, 2024, None)] == [
        False,
        True,
        True,
        False,
        True,
    ]


# what is changed in a good package -> what the refusal says
def _edit(file: str, **changes: object):
    def change(given: dict) -> None:
        given[file].update(changes)

    return change


def _drop(file: str, *keys: str):
    def change(given: dict) -> None:
        if not keys:
            del given[file]
        for key in keys:
            del given[file][key]

    return change


SELECT, BREAST, SITES = "tables/select.json", "schemas/breast.json", "tables/primary_site.json"
SPOILED = [
    (_edit(SELECT, version="2.0"), "more than one version: '1.0' in", "'2.0' in tables/select.json"),
    (_edit(SELECT, algorithm="other"), "more than one algorithm", "'other'"),
    (_edit(SELECT, rows=[["C509", "8500"]]), "tables/select.json: row 1 has 2 cells", "3 columns"),
    (_edit(SELECT, rows=[["C509", "8500", "GOTO:x"]]), "row 1, column 'ok'", "unknown endpoint 'GOTO:x'"),
    (_edit(SELECT, rows=[["C509", "8500", "JUMP"]]), "JUMP endpoint must name a table", ""),
    (_edit(SELECT, rows=[["C509", "8500", None]]), "ENDPOINT cell must be text", ""),
    (_edit(SELECT, rows=[["C509", 8500, "MATCH"]]), "row 1, column 'hist': a cell must be text, not 8500", ""),
    (_edit(SELECT, rows="x"), "'rows' must be a list of lists", ""),
    (_edit(SELECT, definition=[{"key": "a", "type": "OUTPUT"}], rows=[]), "unknown type 'OUTPUT'", ""),
    (_edit(SELECT, definition=[{"key": "a", "type": "INPUT"}] * 2, rows=[]), "more than one INPUT column", ""),
    (_edit(SELECT, definition=[{"type": "INPUT"}], rows=[]), "'key' is missing", ""),
    (_edit(SELECT, id=5), "'id' must be text, not 5", ""),
    (_drop(SELECT), "schema breast: its selection table 'select' is missing", ""),
    (_drop(SITES), "the table 'primary_site' is missing", ""),
    (_edit(SITES, definition=[{"key": "place", "type": "INPUT"}]), "no INPUT column 'site'", ""),
    (_drop("tables/histology.json"), "the table 'histology' is missing", ""),
    (_drop(BREAST), "no schemas in it", ""),
    (_drop(BREAST, "schema_selection_table"), "'schema_selection_table' is missing", ""),
    (_drop(BREAST, "version"), "schemas/breast.json: 'version' is missing", ""),
    (_edit(BREAST, inputs=[{"name": "no key"}]), "'key' is missing", ""),
    (_edit(BREAST, outputs=[{"name": "no key"}]), "'key' is missing", ""),
    (_edit(BREAST, inputs={"key": "x"}), "'inputs' must be a list of objects", ""),
    (_edit(BREAST, inputs=[{"key": "x", "used_for_staging": "yes"}]), "'used_for_staging' must be true or false", ""),
    (_edit(BREAST, inputs=[{"key": "x", "naaccr_item": "400"}]), "'naaccr_item' must be a whole number", ""),
    (_edit(BREAST, inputs=[{"key": "x", "metadata": [5]}]), "a metadata entry must be text or an object", ""),
    (_edit(BREAST, on_invalid_input="STOP"), "unknown on_invalid_input 'STOP'", ""),
    (_edit(BREAST, mappings=[{"id": "m", "initial_context": [{"key": "site"}]}]), "sets 'site' first", "input"),
    (_edit(BREAST, mappings=[{"id": "m", "tables": [{}]}]), "'id' is missing", ""),
    (_edit(BREAST, mappings=[{"id": "m", "tables": [{"id": "t", "input_mapping": [{"from": "a"}]}]}]), "'to'", ""),
    (_edit(BREAST, mappings=[{"id": "m", "inclusion_tables": [{"id": "gone"}]}]), "needs the missing table 'gone'", ""),
]


@pytest.mark.parametrize(("spoil", "says", "also"), SPOILED, ids=[case[1][:50] for case in SPOILED])
def test_a_spoiled_package_is_refused_with_place_and_reason(files, pack, spoil, says: str, also: str) -> None:
    given = files()
    spoil(given)
    message = refusal(pack(given))
    assert says in message and also in message


def test_all_faults_are_told_at_once_and_capped(files, pack) -> None:
    given = files()
    given[SELECT]["rows"] = [["C509", "8500", f"BAD{n}"] for n in range(50)]
    given["tables/broken.json"] = b"{"
    message = refusal(pack(given))
    assert "row 1," in message and "row 19," in message and "and 31 more" in message


RAW = [
    (b"\xff\xfe{", "not UTF-8"),
    (b"[1]", "not a JSON object"),
    (b"{", "not JSON"),
    (b"[" * 100_000, "nested too deeply"),
    (b"", "not JSON"),
]


@pytest.mark.parametrize(("content", "says"), RAW, ids=[case[1] for case in RAW])
def test_an_entry_that_is_no_json_object_is_refused(files, pack, content: bytes, says: str) -> None:
    assert f"tables/x.json: {says}" in refusal(
        pack({**files(), "tables/x.json": content}, compression=zipfile.ZIP_STORED)
    )


def test_a_second_record_of_one_id_is_refused(files, pack) -> None:
    given = files()
    assert "tables/copy.json: a second table has the id 'select'" in refusal(
        pack({**given, "tables/copy.json": given[SELECT]})
    )


@pytest.mark.parametrize("name", ["../tables/x.json", "/tables/x.json", "tables/../../x.json", "tables\\..\\x.json"])
def test_paths_that_leave_the_package_are_refused(files, pack, name: str) -> None:
    assert "a path that leaves the package" in refusal(pack({**files(), name: b"{}"}))


def test_a_bomb_is_refused_before_it_is_unpacked(files, pack) -> None:
    bomb = b" " * (packages.MAX_ENTRY_BYTES + 1)
    message = refusal(pack({**files(), "tables/bomb.json": bomb}))
    assert "tables/bomb.json: 10485761 bytes unpacked, more than 10485760" in message
    assert "more than 50 times its size" in refusal(pack({**files(), "tables/bomb.json": bomb[:100_000]}))


def test_sizes_that_the_directory_hides_are_still_capped(files, pack) -> None:
    content = bytearray(pack({**files(), "tables/x.json": b'{"a": "' + b"b" * 40_000 + b'"}'}))
    # the central directory claims 10 bytes where 40,000 follow
    place = content.rindex(b"PK\x01\x02", 0, content.rindex(b"tables/x.json"))
    content[place + 24 : place + 28] = (10).to_bytes(4, "little")
    assert "tables/x.json" in refusal(bytes(content))


def test_too_many_entries_or_bytes_are_refused(files, pack, monkeypatch: pytest.MonkeyPatch) -> None:
    content = pack(files())
    monkeypatch.setattr(packages, "MAX_ENTRIES", 3)
    monkeypatch.setattr(packages, "MAX_TOTAL_BYTES", 100)
    message = refusal(content)
    assert "5 entries, more than 3" in message and "bytes unpacked, more than 100" in message


def test_files_that_are_no_zip_and_damaged_ones_are_refused(files, pack, tmp_path: Path) -> None:
    assert "not a readable ZIP file" in refusal(b"PK but no more")
    assert "no such file" in refusal(tmp_path / "gone.zip")
    assert "no schemas/*.json" in refusal(pack({"a.txt": b""}))
    good = pack(files(), compression=zipfile.ZIP_STORED)
    place = good.index(b'"MATCH"')
    assert "cannot be unpacked" in refusal(good[:place] + b'"match"' + good[place + 7 :])
    assert refusal(good[: len(good) // 2])


def test_an_encrypted_entry_is_refused(files, pack) -> None:
    content = bytearray(pack(files()))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.index(mark)
        content[place + offset] |= 1
    assert "cannot be unpacked" in refusal(bytes(content))


def test_names_keep_their_own_case_and_the_algorithm_is_lower(files, pack) -> None:
    given = files()
    for record in given.values():
        record["algorithm"] = "TINY"
    assert read_package(pack(given)).name == "tiny"


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "version", "schemas", "tables", "rows"),
    [
        ("eod_public", "3.3", 141, 1059, 7311),
        ("tnm", "2.1", 153, 1363, 46377),
        ("pediatric", "1.3", 33, 129, 2029),
        ("cs", "02.05.50", 153, 1484, 82745),
    ],
)
def test_official_packages_are_read_whole(official, name, version, schemas, tables, rows) -> None:
    algorithm = official(name, version)
    assert (algorithm.name, algorithm.version) == (name, version)
    assert (len(algorithm.schemas), len(algorithm.tables)) == (schemas, tables)
    assert sum(table.size for table in algorithm.tables.values()) == rows


@pytest.mark.shared
def test_a_new_version_dropped_in_works_unchanged(reference: Path, tmp_path: Path) -> None:
    # next year's package does not exist here; this year's under the next number does
    with zipfile.ZipFile(reference / "staging" / "pediatric-1.3.zip") as old:
        files = {name: old.read(name) for name in old.namelist()}
    path = tmp_path / "pediatric-1.4.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in files.items():
            if name.endswith(".json") and not name.startswith("glossary"):
                content = json.dumps({**json.loads(content), "version": "1.4"}).encode()
            new.writestr(name, content)
    algorithm = read_package(path)
    assert (algorithm.version, len(algorithm.schemas)) == ("1.4", 33)
