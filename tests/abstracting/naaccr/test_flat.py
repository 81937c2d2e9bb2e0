"""Fixed-column files of versions 14 to 18: reading, joining lines, writing, and what is refused."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from abstracting.errors import AbstractingError
from abstracting.naaccr import findings as f
from abstracting.naaccr.flat import LINE_LENGTHS, pad, read_flat, write_flat
from abstracting.naaccr.items import FLAT_VERSIONS, Item, dictionary
from abstracting.naaccr.options import ReadOptions
from abstracting.naaccr.records import Patient, Tumor
from abstracting.naaccr.writer import new_root


def make_line(version: str, record_type: str, values: dict[int, str], *, says: str | None = None) -> str:
    line = [" "] * LINE_LENGTHS[version][record_type]
    for number, value in {10: record_type, 50: says or version, **values}.items():
        item = dictionary(version).by_number(number)
        assert item is not None and item.column is not None
        line[item.column - 1 : item.column - 1 + len(value)] = value
    return "".join(line)


@pytest.fixture
def read(read_file: Callable[..., Any]) -> Callable[..., Any]:
    def run(*lines: str | bytes, end: str = "\n", **options: Any) -> Any:
        data = b"".join((line.encode() if isinstance(line, str) else line) + end.encode() for line in lines)
        return read_file(lambda: read_flat(io.BytesIO(data), options=ReadOptions(**options)))

    return run


@pytest.mark.parametrize("version", FLAT_VERSIONS)
@pytest.mark.parametrize("record_type", "AMCI")
def test_version_and_record_type_come_from_the_first_line(version: str, record_type: str, read: Any) -> None:
    outcome = read(make_line(version, record_type, {20: "00000001", 400: "C509"}), end="\r\n")
    assert outcome.verdict == "ok"
    assert (outcome.root.version, outcome.root.record_type) == (version, record_type)
    assert outcome.root.items == {10: record_type, 50: version}
    assert outcome.patients[0].items == {20: "00000001"} and outcome.patients[0].tumors[0].items == {400: "C509"}


def test_layouts_lie_within_their_lines_without_overlap() -> None:
    for version in FLAT_VERSIONS:
        for record_type, length in LINE_LENGTHS[version].items():
            taken: set[int] = set()
            for item in dictionary(version).items(record_type=record_type):
                columns = set(range(item.column, item.column + item.length))
                assert not columns & taken and max(columns) <= length, item.id
                taken |= columns


REFUSED = [
    ("empty file", [], "naaccr-file"),
    ("empty first line", ["", "x"], "naaccr-flat"),
    ("version of long ago", [make_line("160", "I", {}, says="120")], "naaccr-flat"),
    ("no version", [make_line("160", "I", {}, says="   ")], "naaccr-flat"),
    ("short line", ["I" + " " * 15 + "160"], "naaccr-flat"),
    ("record type", ["X" + make_line("160", "I", {})[1:]], "naaccr-flat"),
    ("no record type", [" " + make_line("160", "I", {})[1:]], "naaccr-flat"),
    ("version without columns", [make_line("160", "I", {}, says="210")], "naaccr-flat"),
    ("one character less", [make_line("160", "I", {})[:-1]], "naaccr-flat"),
    ("one character more", [make_line("160", "I", {}) + " "], "naaccr-flat"),
    ("endless line", ["x" * 3_000_000], "naaccr-too-large"),
]


@pytest.mark.parametrize(("name", "lines", "code"), REFUSED, ids=[case[0] for case in REFUSED])
def test_first_lines_that_are_none(name: str, lines: list[str], code: str, read: Any) -> None:
    outcome = read(*lines)
    assert outcome.fatal.code == code and outcome.fatal.hint


def test_neighbouring_lines_of_one_number_are_one_patient(read: Any) -> None:
    def line(number: str, site: str) -> str:
        return make_line("160", "I", {20: number, 400: site} if number else {400: site})

    outcome = read(
        line("00000001", "C501"),
        line("00000001", "C502"),
        line("00000002", "C61"),
        line("00000001", "C503"),
        line("", "C18"),
        line("", "C19"),
    )
    found = [
        (one.items.get(20), [t.items[400] for t in one.tumors], one.line, one.end_line) for one in outcome.patients
    ]
    assert found == [
        ("00000001", ["C501", "C502"], 1, 2),
        ("00000002", ["C61"], 3, 3),
        ("00000001", ["C503"], 4, 4),
        (None, ["C18"], 5, 5),
        (None, ["C19"], 6, 6),
    ]


def test_differences_between_the_lines_of_a_patient(read: Any) -> None:
    lines = [make_line("160", "I", {20: "00000001", 200: value}) for value in "12"]
    quiet = read(*lines)
    assert quiet.verdict == "ok" and quiet.patients[0].items[200] == "1"
    assert quiet.notes == ["1 lines differ from the first in items of the Patient; the first line counts"]
    told = read(*lines, report_differences=True)
    assert [(one.code, one.number, one.value, one.line) for one in told.findings] == [(f.PATIENT_DIFFERS, 200, "2", 2)]


def test_later_lines_of_another_length_or_version(read: Any) -> None:
    good = make_line("160", "I", {20: "00000001", 400: "C509"})
    cut = make_line("160", "I", {20: "00000002", 400: "C509"})[:542]
    outcome = read(good, cut, "", make_line("160", "I", {20: "00000003"}, says="150"))
    assert [(one.code, one.level, one.line) for one in outcome.findings] == [
        (f.WRONG_LINE_LENGTH, "Patient", 2),
        (f.WRONG_LINE_LENGTH, "Patient", 3),
    ]
    assert [(one.items.get(20), [t.items for t in one.tumors]) for one in outcome.patients] == [
        ("00000001", [{400: "C509"}]),
        ("00000002", [{}]),  # the site is cut off at its third character, so it is no value
        (None, []),
        ("00000003", [{}]),
    ]
    assert any("another version" in note for note in outcome.notes)


def test_values_are_checked_and_trimmed_as_their_items_say(read: Any) -> None:
    outcome = read(make_line("160", "I", {20: "00000001", 160: "1", 390: "20200230", 400: " C50"}))
    assert [(one.code, one.level, one.number) for one in outcome.findings] == [
        (f.TOO_SHORT, "Patient", 160),
        (f.WRONG_TYPE, "Tumor", 390),
    ]
    assert outcome.patients[0].tumors[0].items[400] == "C50"


def test_lines_in_windows_1252_are_read_and_noted(read: Any) -> None:
    line = make_line("160", "A", {20: "00000001", 2230: "MÜLLER\x81"})
    outcome = read(line.encode("latin-1"))
    assert outcome.patients[0].items[2230] == "MÜLLER\x81"
    assert outcome.notes == ["1 lines that are not UTF-8 were read as Windows-1252"]
    assert read(line).patients[0].items[2230] == "MÜLLER\x81"


def test_padding_follows_the_item() -> None:
    def padded(value: str, padding: str) -> str:
        return pad(Item(1, "a", "A", "Tumor", 4, padding=padding), value)

    assert [padded("12", one) for one in ("none", "leftZero", "rightZero", "leftBlank", "rightBlank")] == [
        "12  ", "0012", "1200", "  12", "12  ",
    ]  # fmt: skip
    assert padded("A2", "leftZero") == "A2  ", "zeros belong to digits"


def test_what_is_written_is_read_back(read_file: Callable[..., Any]) -> None:
    root = new_root(180, "A", items={40: "0000000001"})
    given = [
        Patient({20: "00000001", 2230: "ÄRZTIN"}, [Tumor({400: "C509", 2600: "x" * 1000}), Tumor({400: "C61"})]),
        Patient({20: "00000002"}, [Tumor()]),
    ]
    out = io.BytesIO()
    assert write_flat(out, root, given) == (2, 3)
    outcome = read_file(lambda: read_flat(io.BytesIO(out.getvalue())))
    assert outcome.verdict == "ok" and outcome.root.items == {10: "A", 40: "0000000001", 50: "180"}
    assert [(one.items, [t.items for t in one.tumors]) for one in outcome.patients] == [
        (one.items, [t.items for t in one.tumors]) for one in given
    ]


def test_what_has_no_place_in_columns_is_an_error_with_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "cases.txt"
    bad = Patient({20: "123456789", 225: "1"}, [Tumor({2600: "a\nb"}, unknown={"foo": "1"})])
    with pytest.raises(AbstractingError) as error:
        write_flat(path, new_root(160, "A"), [bad])
    assert error.value.code == "naaccr-write" and not path.exists()
    for part in ("patientIdNumber has 9", "item 225", "line end", "unknown items"):
        assert part in error.value.message
    with pytest.raises(AbstractingError) as error:
        write_flat(path, new_root(210, "A"), [])
    assert error.value.code == "naaccr-flat"
    with pytest.raises(AbstractingError):
        write_flat(path, new_root(180, "A"), [])
