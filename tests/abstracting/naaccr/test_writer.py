"""Writing XML: what is written is what is read back, or nothing is written."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abstracting.errors import AbstractingError
from abstracting.naaccr.items import Item
from abstracting.naaccr.options import ReadOptions
from abstracting.naaccr.reader import read_any, read_xml
from abstracting.naaccr.records import Patient, Root, Tumor
from abstracting.naaccr.user_dictionaries import UserDictionary
from abstracting.naaccr.writer import new_root, write_xml

# every character that XML 1.0 can hold
characters = st.characters(exclude_categories=("Cs",), exclude_characters="\ufffe\uffff").filter(
    lambda one: one >= " " or one in "\t\n\r"
)
texts = st.text(characters, min_size=1, max_size=30)
tumor_items = st.dictionaries(st.sampled_from([400, 522, 2580, 2600, 390]), texts)
patients = st.lists(
    st.builds(
        lambda own, tumors: Patient(items=own, tumors=[Tumor(items) for items in tumors]),
        st.dictionaries(st.sampled_from([20, 160, 2230]), texts),
        st.lists(tumor_items, max_size=3),
    ),
    max_size=4,
)


def content(patients: list[Patient]) -> list[Any]:
    return [
        (one.items, one.unknown, one.extensions, [(t.items, t.unknown, t.extensions) for t in one.tumors])
        for one in patients
    ]


def write(patients: list[Patient], root: Root | None = None, **options: Any) -> bytes:
    out = io.BytesIO()
    write_xml(out, root or new_root(250, "A"), patients, **options)
    return out.getvalue()


@settings(max_examples=200, deadline=None)
@given(patients, st.dictionaries(st.sampled_from([40, 10]), texts))
def test_what_is_written_is_read_back(given_: list[Patient], items: dict[int, str]) -> None:
    root = new_root(250, "A", items=items, time_generated="2026-01-31T12:00:00")
    reading = read_xml(io.BytesIO(write(given_, root)))
    assert content(list(reading)) == content(given_)
    assert (reading.root.items, reading.root.attributes) == (items, root.attributes)


def test_form_of_a_file() -> None:
    text = write([Patient({20: "00000001"}, [Tumor({400: "C509"})])]).decode()
    assert text == (
        '<?xml version="1.0" encoding="UTF-8"?>\n\n'
        '<NaaccrData baseDictionaryUri="http://naaccr.org/naaccrxml/naaccr-dictionary-250.xml"\n'
        '            recordType="A"\n            specificationVersion="1.8"\n'
        '            xmlns="http://naaccr.org/naaccrxml">\n'
        '    <Patient>\n        <Item naaccrId="patientIdNumber">00000001</Item>\n'
        '        <Tumor>\n            <Item naaccrId="primarySite">C509</Item>\n        </Tumor>\n    </Patient>\n'
        "</NaaccrData>\n"
    )


def test_nothing_is_cut_or_removed_quietly(read: Callable[..., Any]) -> None:
    """Deviation value-on-writing."""
    long = Patient({20: "123456789"}, [Tumor({400: "C5099999"})])
    assert content(list(read_xml(io.BytesIO(write([long]))))) == content([long]), "too long is written whole"
    with pytest.raises(AbstractingError) as error:
        write([Patient({20: "a\x07b"}, [Tumor({225: "1", 400: "\x00"})]), Patient({2230: "\ud800"})])
    assert error.value.code == "naaccr-write"
    assert error.value.message.count("control character") == 3 and "item 225 does not exist" in error.value.message


def test_a_failed_writing_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "cases.xml"
    path.write_text("before")
    with pytest.raises(AbstractingError):
        write_xml(path, new_root(250, "A"), [Patient({20: "\x01"})])
    assert path.read_text() == "before" and [one.name for one in tmp_path.iterdir()] == ["cases.xml"]


def test_gz_by_suffix_with_the_same_bytes_each_time(tmp_path: Path) -> None:
    one, two = tmp_path / "cases.xml.gz", tmp_path / "again.xml.gz"
    for path in (one, two):
        write_xml(path, None, [Patient({20: "00000001"})], version=260, record_type="I")
    assert one.read_bytes() == two.read_bytes()
    assert gzip.decompress(one.read_bytes()).startswith(b"<?xml")
    assert read_any(one).root.version == "260"


def test_version_and_record_type_must_be_said_once() -> None:
    with pytest.raises(AbstractingError) as error:
        write_xml(io.BytesIO(), None, [])
    assert error.value.code == "usage"
    with pytest.raises(AbstractingError):
        write_xml(io.BytesIO(), new_root(250, "A"), [], version=260)


def test_user_items_unknown_items_and_extensions_survive(read: Callable[..., Any]) -> None:
    own = UserDictionary("http://a.org/d", (Item(10001, "myVar", "my", "Tumor", 2, source="http://a.org/d"),))
    root = new_root(250, "A", user_uris=["http://a.org/d"], namespaces={"o": "http://o.org"})
    tumor = Tumor({10001: "12"}, {"foo": "1"}, ['<o:a b="1">x</o:a>'])
    data = write([Patient({20: "00000001"}, [tumor])], root, user_dictionaries=[own])
    options = ReadOptions(user_dictionaries=(own,), namespaces={"o": "http://o.org"}, unknown_items="process")
    reading = read_xml(io.BytesIO(data), options=options)
    assert content(list(reading)) == content([Patient({20: "00000001"}, [tumor])])
    assert reading.root.namespaces == {"o": "http://o.org"}


@pytest.mark.parametrize("text", ["<a/>", "text", "<o:a>", "<o:a/><o:b/>", "</NaaccrData>", "<p:a/>", ""])
def test_an_extension_must_be_one_element_of_its_own_namespace(text: str) -> None:
    root = new_root(250, "A", namespaces={"o": "http://o.org"})
    with pytest.raises(AbstractingError):
        write([Patient(extensions=[text])], root)


@pytest.mark.shared
def test_samples_survive_a_round_trip(reference: Path) -> None:
    for path in sorted((reference / "naaccr" / "samples").iterdir()):
        reading = read_xml(path)
        first = list(reading)
        again = read_xml(io.BytesIO(write(first, reading.root)))
        assert content(list(again)) == content(first) and again.root.attributes == reading.root.attributes
