"""CSV of one row a tumor: reading, joining rows, writing."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abstracting.errors import AbstractingError
from abstracting.naaccr import findings as f
from abstracting.naaccr.csv_files import read_csv, write_csv
from abstracting.naaccr.options import ReadOptions
from abstracting.naaccr.records import Patient, Tumor
from abstracting.naaccr.writer import new_root


@pytest.fixture
def read(read_file: Callable[..., Any]) -> Callable[..., Any]:
    def run(text: str | bytes, *, version: str | None = None, **options: Any) -> Any:
        data = text.encode() if isinstance(text, str) else text
        return read_file(lambda: read_csv(io.BytesIO(data), options=ReadOptions(**options), version=version))

    return run


def test_ids_or_numbers_as_columns_and_rows_of_one_patient_joined(read: Any) -> None:
    outcome = read(
        "\ufeffnaaccrRecordVersion,recordType,patientIdNumber,400,textRemarks\r\n"
        '250,I,00000001,C509,"a, ""b""\r\nc"\r\n250,I,00000001,C61,\r\n250,I,00000002,,\r\n'
    )
    # remarks are not carried by record type I
    assert [(one.code, one.item) for one in outcome.findings] == [(f.UNKNOWN_ID, "textRemarks")]
    outcome = read(
        'naaccrRecordVersion,patientIdNumber,400,textRemarks\n250,00000001,C509,"a, ""b""\r\nc"\n250,00000001,C61,\n250,2,,\n'
    )
    assert (outcome.root.version, outcome.root.record_type) == ("250", "A")
    assert [(one.items, [t.items for t in one.tumors], one.line) for one in outcome.patients] == [
        ({20: "00000001"}, [{400: "C509", 2680: 'a, "b"\r\nc'}, {400: "C61"}], 3),
        ({20: "2"}, [], 5),
    ]
    assert [(one.code, one.number, one.line) for one in outcome.findings] == [(f.TOO_SHORT, 20, 5)]


def test_values_that_differ_between_rows_of_a_patient_are_found(read: Any) -> None:
    outcome = read("patientIdNumber,sex,primarySite\n00000001,1,C61\n00000001,2,C62\n", version="250")
    assert [(one.code, one.number, one.value, one.line) for one in outcome.findings] == [
        (f.PATIENT_DIFFERS, 220, "2", 3)
    ]
    assert outcome.patients[0].items[220] == "1"


def test_unknown_columns_are_found_or_kept(read: Any) -> None:
    text = "patientIdNumber,mine,primarySite\n00000001,x,C61\n"
    assert [(one.code, one.item) for one in read(text, version="250").findings] == [(f.UNKNOWN_ID, "mine")]
    kept = read(text, version="250", unknown_items="process")
    assert kept.verdict == "ok" and kept.patients[0].tumors[0].unknown == {"mine": "x"}


REFUSED = [
    ("empty", "", "naaccr-file"),
    ("no version", "patientIdNumber\n1\n", "naaccr-csv"),
    ("unknown version", "patientIdNumber,naaccrRecordVersion\n1,170\n", "naaccr-version"),
    ("no item", "a,b,naaccrVersion\n1,2,250\n", "naaccr-csv"),
    ("column twice", "naaccrRecordVersion,primarySite,primarySite\n250,a,b\n", "naaccr-csv"),
    ("record type", "naaccrRecordVersion,recordType\n250,X\n", "naaccr-csv"),
    ("row too long", "naaccrRecordVersion,primarySite\n250,C61\n250,C61,x\n", "naaccr-csv"),
    ("open quote", 'naaccrRecordVersion,primarySite\n250,"C61\n', "naaccr-csv"),
    ("endless cell", 'naaccrRecordVersion,primarySite\n250,"' + "x\n" * 200_000, "naaccr-csv"),
    ("too many columns", "naaccrRecordVersion" + ",a" * 20_000 + "\n", "naaccr-too-large"),
]


@pytest.mark.parametrize(("name", "text", "code"), REFUSED, ids=[case[0] for case in REFUSED])
def test_what_is_refused(name: str, text: str, code: str, read_file: Callable[..., Any]) -> None:
    with pytest.raises(AbstractingError) as error:
        list(read_csv(io.BytesIO(text.encode())))
    assert error.value.code == code


texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
tumors = st.dictionaries(st.sampled_from([400, 522, 2600]), texts, min_size=1)
own = st.dictionaries(st.sampled_from([160, 2230]), texts)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(own, st.lists(tumors, max_size=3)), max_size=4))
def test_what_is_written_is_read_back(rows: list[Any]) -> None:
    given_ = [
        Patient({20: f"{index:08d}", **items}, [Tumor(dict(one), {"foo": "1"}) for one in found])
        for index, (items, found) in enumerate(rows)
    ]
    out = io.BytesIO()
    root = new_root(250, "A", items={40: "0000000001"})
    write_csv(out, root, given_)
    options = ReadOptions(unknown_items="process")
    reading = read_csv(io.BytesIO(out.getvalue()), options=options)
    assert [(one.items, [(t.items, t.unknown) for t in one.tumors]) for one in reading] == [
        (one.items, [(t.items, t.unknown) for t in one.tumors]) for one in given_
    ]
    assert reading.root.items == {10: "A", 40: "0000000001", 50: "250"}


def test_what_has_no_column_is_an_error() -> None:
    with pytest.raises(AbstractingError) as error:
        write_csv(io.BytesIO(), new_root(250, "A"), [Patient({225: "1"}, extensions=["<o:a/>"])])
    assert "extensions" in error.value.message and "item 225" in error.value.message
