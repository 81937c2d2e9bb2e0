"""User dictionaries: what one may say, and what two may say together. One row a dictionary."""

from __future__ import annotations

import io
from typing import Any

import pytest

from abstracting.naaccr.findings import UnreadableError
from abstracting.naaccr.items import Item
from abstracting.naaccr.user_dictionaries import UserDictionary, combine, read_user_dictionary

GOOD = {
    "naaccrId": "myVar",
    "naaccrNum": "10001",
    "naaccrName": "My Var",
    "parentXmlElement": "Tumor",
    "length": "2",
    "dataType": "digits",
}


def make(*items: dict[str, str], root: str = 'specificationVersion="1.8"', more: str = "") -> bytes:
    rows = "".join(f"<ItemDef {' '.join(f'{k}={chr(34)}{v}{chr(34)}' for k, v in one.items())}/>" for one in items)
    return (
        f'<?xml version="1.0"?>\n<NaaccrDictionary dictionaryUri="http://a.org/d" {root} '
        f'xmlns="http://naaccr.org/naaccrxml"><ItemDefs>{rows}</ItemDefs>{more}</NaaccrDictionary>'
    ).encode()


CASES = [
    # name, attributes of the root, changes of the item (None removes), part of the fault ("" for none)
    ("good", 'specificationVersion="1.8"', {}, ""),
    ("for one version", 'specificationVersion="1.8" naaccrVersion="250"', {}, ""),
    ("with a date", 'specificationVersion="1.5" dateLastModified="2001-10-26T21:32:52"', {}, ""),
    ("bad date", 'specificationVersion="1.5" dateLastModified="yesterday"', {}, "dateLastModified"),
    ("no id", 'specificationVersion="1.8"', {"naaccrId": None}, "'naaccrId' is required"),
    ("upper id", 'specificationVersion="1.8"', {"naaccrId": "MyVar"}, "lower case"),
    ("short id", 'specificationVersion="1.8"', {"naaccrId": "m"}, "lower case"),
    ("long id", 'specificationVersion="1.8"', {"naaccrId": "m" * 33}, "32"),
    ("no number", 'specificationVersion="1.8"', {"naaccrNum": None}, "'naaccrNum' is required"),
    ("number of letters", 'specificationVersion="1.8"', {"naaccrNum": "abc"}, "not a number"),
    ("long name", 'specificationVersion="1.8"', {"naaccrName": "x" * 51}, "50"),
    ("no length", 'specificationVersion="1.8"', {"length": None}, "'length' is required"),
    ("no level", 'specificationVersion="1.8"', {"parentXmlElement": None}, "parentXmlElement"),
    ("bad level", 'specificationVersion="1.8"', {"parentXmlElement": "Foo"}, "parentXmlElement"),
    ("bad record types", 'specificationVersion="1.8"', {"recordTypes": "A,X"}, "recordTypes"),
    ("record types with a space", 'specificationVersion="1.8"', {"recordTypes": "A, M"}, "recordTypes"),
    ("bad type", 'specificationVersion="1.8"', {"dataType": "number"}, "dataType"),
    ("dateTime", 'specificationVersion="1.8"', {"dataType": "dateTime"}, ""),
    ("dateTime before 1.8", 'specificationVersion="1.7"', {"dataType": "dateTime"}, "1.8"),
    ("unlimited", 'specificationVersion="1.5"', {"dataType": "text", "allowUnlimitedText": "true"}, ""),
    ("unlimited digits", 'specificationVersion="1.5"', {"allowUnlimitedText": "true"}, "text only"),
    ("unlimited in 1.6", 'specificationVersion="1.6"', {"dataType": "text", "allowUnlimitedText": "true"}, "1.6"),
    ("padding", 'specificationVersion="1.6"', {"padding": "rightBlank"}, ""),
    ("padding in 1.7", 'specificationVersion="1.7"', {"padding": "rightBlank"}, "padding"),
    ("zeros in 1.7", 'specificationVersion="1.7"', {"padding": "leftZero"}, ""),
    ("trim in 1.7 with padding", 'specificationVersion="1.7"', {"padding": "leftZero", "trim": "all"}, "trim"),
    ("bad trim", 'specificationVersion="1.6"', {"trim": "some"}, "trim"),
    ("regex in 1.1", 'specificationVersion="1.1"', {"regexValidation": "[0-9]+"}, ""),
    ("regex in 1.2", 'specificationVersion="1.2"', {"regexValidation": "[0-9]+"}, "1.2"),
    ("unknown attribute", 'specificationVersion="1.8"', {"foo": "1"}, "foo is not known"),
    ("specification 1.9", 'specificationVersion="1.9"', {}, "specificationVersion"),
    ("no version in 1.0", "", {"startColumn": "2340"}, "'naaccrVersion' is required"),
    ("no column in 1.0", 'naaccrVersion="160"', {}, "'startColumn' is required"),
    ("column in a free gap", 'naaccrVersion="160"', {"startColumn": "2340"}, ""),
    ("column of an item", 'naaccrVersion="160"', {"startColumn": "1"}, "not free"),
    ("column in v21", 'naaccrVersion="210" specificationVersion="1.8"', {"startColumn": "2340"}, "startColumn"),
    ("unknown version", 'naaccrVersion="170" specificationVersion="1.8"', {}, "naaccrVersion"),
    ("a standard id", 'naaccrVersion="250" specificationVersion="1.8"', {"naaccrId": "primarySite"}, "standard"),
    ("a standard number", 'naaccrVersion="250" specificationVersion="1.8"', {"naaccrNum": "400"}, "standard"),
    ("small number in 1.2", 'naaccrVersion="250" specificationVersion="1.2"', {"naaccrNum": "9400"}, "9500"),
    ("small number in 1.3", 'naaccrVersion="250" specificationVersion="1.3"', {"naaccrNum": "9400"}, ""),
]


@pytest.mark.parametrize(("name", "root", "changes", "fault"), CASES, ids=[case[0] for case in CASES])
def test_one_dictionary(name: str, root: str, changes: dict[str, Any], fault: str) -> None:
    item = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    if not fault:
        read = read_user_dictionary(io.BytesIO(make(item, root=root)))
        assert read.uri == "http://a.org/d" and read.items[0].id == "myVar"
        return
    with pytest.raises(UnreadableError) as error:
        read_user_dictionary(io.BytesIO(make(item, root=root)))
    assert error.value.code == "naaccr-dictionary" and fault in error.value.message


def test_all_faults_at_once() -> None:
    bad = {**GOOD, "naaccrId": "Bad", "parentXmlElement": "Foo"}
    with pytest.raises(UnreadableError) as error:
        read_user_dictionary(io.BytesIO(make(GOOD, GOOD, bad, more="<GroupedItemDefs/>")))
    for part in ("'naaccrId' must be unique", "'naaccrNum' must be unique", "lower case", "parentXml", "grouped"):
        assert part in error.value.message


def test_an_empty_dictionary_and_one_that_is_no_xml() -> None:
    for data, part in ((make(), "at least one item"), (b"<a", "not well-formed"), (b"<a/>", "not expected")):
        with pytest.raises(UnreadableError) as error:
            read_user_dictionary(io.BytesIO(data))
        assert part in error.value.message


def test_a_dictionary_with_entities_or_endless_nesting_is_refused() -> None:
    with pytest.raises(UnreadableError) as error:
        read_user_dictionary(io.BytesIO(b'<!DOCTYPE a [<!ENTITY b "c">]><a/>'))
    assert error.value.code == "naaccr-entity"
    with pytest.raises(UnreadableError):
        read_user_dictionary(io.BytesIO(b"<a>" * 1_000_000))


def test_redefining_a_default_item_must_keep_its_number() -> None:
    item = {**GOOD, "naaccrId": "npcrSpecificField", "length": "75", "dataType": "text", "startColumn": "1306"}
    with pytest.raises(UnreadableError) as error:
        read_user_dictionary(io.BytesIO(make(item, root='naaccrVersion="140"')))
    assert "should be 3720" in error.value.message


def one(uri: str, version: str = "", **rest: Any) -> UserDictionary:
    values = {"number": 10001, "id": "myVar", "name": "m", "level": "Tumor", "length": 2, **rest}
    return UserDictionary(uri, (Item(**values, source=uri),), version)


PAIRS = [
    ("the same item twice", [one("a"), one("b")], ""),
    ("the same id, another length", [one("a"), one("b", length=3)], "differently"),
    ("the same number, another id", [one("a"), one("b", id="other")], "number 10001"),
    ("the same URI", [one("a"), one("a")], "different URIs"),
    ("another version", [one("a", "240")], "version 240"),
    ("its version", [one("a", "250")], ""),
    ("a standard id", [one("a", id="primarySite")], "standard"),
]


@pytest.mark.parametrize(("name", "given", "fault"), PAIRS, ids=[case[0] for case in PAIRS])
def test_dictionaries_together(name: str, given: list[UserDictionary], fault: str) -> None:
    if not fault:
        known = combine("250", given)
        assert known.by_id("myVar").number == 10001 and known.by_number(400) is not None
        return
    with pytest.raises(UnreadableError) as error:
        combine("250", given)
    assert fault in error.value.message


def test_default_items_count_only_without_user_dictionaries() -> None:
    assert combine("160", []).by_id("stateRequestorItems") is not None
    assert combine("160", [one("a")]).by_id("stateRequestorItems") is None
    assert combine("220", []).by_id("stateRequestorItems") is None


def test_columns_of_two_dictionaries_must_not_overlap() -> None:
    with pytest.raises(UnreadableError) as error:
        combine("160", [one("a", column=2340), one("b", number=10002, id="other", column=2341)])
    assert "overlap" in error.value.message
