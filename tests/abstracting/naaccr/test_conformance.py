"""The same verdict as the reference library on every published case, apart from the deviations that are listed.

Options of a case are met through `ReadOptions`. Where the verdict is the same, so are the patients, tumors, items, the
codes, levels and lines of the findings, and the values read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from abstracting.naaccr.findings import UnreadableError
from abstracting.naaccr.flat import read_flat
from abstracting.naaccr.items import Item, table
from abstracting.naaccr.options import ReadOptions
from abstracting.naaccr.reader import read_any
from abstracting.naaccr.user_dictionaries import UserDictionary, read_user_dictionary

REFERENCE = Path(__file__).resolve().parents[4] / "shared" / "reference" / "naaccr"

# file of a case: (name of the deviation, our verdict)
DEVIATES = {
    "ns_prefix_naaccr.xml": ("namespace-by-uri", "ok"),
    "doc_leading_newline.xml": ("well-formed", "fatal"),
    "doc_decl_utf16_claim.xml": ("declared-encoding", "fatal"),
    "str_item_text_and_child.xml": ("element-in-item", "validation_error"),
    "val_date_07.xml": ("calendar", "validation_error"),
    "val_text_20.xml": ("well-formed", "fatal"),
    "val_text_21.xml": ("well-formed", "fatal"),
    "enc_nul.xml": ("well-formed", "fatal"),
}


def one_item(uri: str, version: str = "", **rest: Any) -> UserDictionary:
    values = {"number": 10001, "id": "myVar", "name": "mine", "level": "Tumor", "length": 2, "type": "digits", **rest}
    return UserDictionary(uri, (Item(**values, source=uri),), version)


OWN = "http://example.org/ud.xml"
# dictionaries that the cases name and that are not published with them
DICTIONARIES = {
    "ud_ok.xml": one_item(OWN),
    "ud_leftzero.xml": one_item(OWN, padding="leftZero"),
    "ud_base_id.xml": one_item(OWN, id="primarySite"),
    "ud_v240.xml": one_item(OWN, "240"),
}
SETTINGS = {
    "strict": lambda value: {"relaxed": value == "false"},
    "translate": lambda value: {"translate_renamed": value == "true"},
    "unknown": lambda value: {"unknown_items": value},
    "validate": lambda value: {"check_values": value == "true"},
    "ignoreExt": lambda value: {"ignore_extensions": value == "true"},
    "allowMissingDict": lambda value: {"allow_missing_dictionary": value == "true"},
    "charset": lambda value: {"encoding": value},
    "mismatch": lambda value: {"report_differences": value == "true"},
    "conf": lambda value: {
        "namespaces": {"other": "http://whatever.org", "naaccr": "http://naaccr.org/naaccrxml"},
        "user_dictionaries": (one_item("whatever", number=10000, id="whateverItem", level="Patient", length=1),),
    },
}


def options_of(text: str, folder: Path) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name, _, value in (part.partition("=") for part in text.split(";") if part):
        if name == "dict":
            base = os.path.basename(value)
            options["user_dictionaries"] = (DICTIONARIES.get(base) or read_user_dictionary(folder / base),)
        elif name != "mode":
            options |= SETTINGS[name](value)
    return options


def cases() -> list[Any]:
    found = []
    for folder, name in (("conformance", "conformance.json"), ("edge_cases", "edge_expected.json")):
        path = REFERENCE / name
        if not path.is_file():
            return [pytest.param("", {}, marks=pytest.mark.shared, id="the reference is not on this machine")]
        for position, case in enumerate(json.loads(path.read_text())["cases"]):
            text = case["options"] if isinstance(case["options"], str) else case["oracle_options"]
            if text == "ORACLE_SKIP":
                continue
            expected = case.get("measured") or case
            label = f"{case['file']}[{text}]#{position}"
            found.append(pytest.param(folder, {**case, "text": text, "expected": expected}, id=label))
    return found


@pytest.mark.shared
@pytest.mark.parametrize(("folder", "case"), cases())
def test_same_verdict_as_the_reference(folder: str, case: dict[str, Any], read_file: Callable[..., Any]) -> None:
    path = REFERENCE / folder / case["file"]
    expected = case["expected"]
    if "mode=dict" in case["text"]:
        try:
            read_user_dictionary(path)
            verdict = "ok"
        except UnreadableError:
            verdict = "fatal"
        assert verdict == expected["outcome"]
        return

    def open_file() -> Any:
        options = ReadOptions(**options_of(case["text"], path.parent))
        return (read_flat if "mode=flat" in case["text"] else read_any)(path, options=options)

    ours = read_file(open_file)
    # without checks of values the calendar is not looked at either
    if case["file"] in DEVIATES and not (case["file"] == "val_date_07.xml" and case["text"] == "validate=false"):
        name, verdict = DEVIATES[case["file"]]
        assert ours.verdict == verdict and verdict != expected["outcome"]
        assert name in {row["name"] for row in table("deviations.csv")}
        return
    assert ours.verdict == expected["outcome"], ours.fatal or ours.findings
    if ours.fatal is not None:
        return
    assert ours.root is not None
    tumors = [tumor for patient in ours.patients for tumor in patient.tumors]
    nodes = [ours.root, *ours.patients, *tumors]
    assert len(ours.patients) == expected["patients"] and len(tumors) == expected["tumors"]
    assert sum(len(node.items) + len(node.unknown) for node in nodes) == expected["items"]
    assert [(one.code, one.level) for one in ours.findings] == [
        (error["code"], error["level"]) for error in expected["errors"]
    ]
    for mine, theirs in zip(ours.findings, expected["errors"], strict=True):
        assert theirs["line"] in (None, mine.line)
        assert theirs["naaccrId"] in (None, mine.item)

    def known(values: Any) -> list[str]:
        # the published outcome holds the start of long values only
        return sorted(value[:100] for value in values)

    for patient, theirs in zip(ours.patients, expected["firstPatients"], strict=False):
        assert known([*patient.items.values(), *patient.unknown.values()]) == known(theirs["items"].values())
        if "mode=flat" not in case["text"]:
            assert [patient.line, patient.end_line] == theirs["lines"]
        for tumor, other in zip(patient.tumors, theirs["tumors"], strict=True):
            assert known([*tumor.items.values(), *tumor.unknown.values()]) == known(other.values())


@pytest.mark.shared
def test_the_cases_of_programmed_dictionaries(read_file: Callable[..., Any]) -> None:
    """The cases whose dictionaries the reference makes in its test code."""
    path = REFERENCE / "conformance" / "xml-reader-user-dict-mult-1.xml"
    uri = "http://test.org/naaccrxml/test{}.xml".format
    first = one_item(uri(1), number=10001, id="myVariable1", level="Patient", length=1, type="text")
    second = one_item(uri(2), number=10002, id="myVariable2", level="Patient", length=1, type="text")
    for given, unknown, verdict, kept in (
        ((first, second), "error", "ok", {20: "00000001", 10001: "1", 10002: "2"}),
        ((first,), "ignore", "ok", {20: "00000001", 10001: "1"}),
        ((first,), "error", "validation_error", {20: "00000001", 10001: "1"}),
        ((first,), "process", "ok", {20: "00000001", 10001: "1"}),
    ):
        options = ReadOptions(user_dictionaries=given, unknown_items=unknown, relaxed=True)  # type: ignore[arg-type]
        ours = read_file(lambda options=options: read_any(path, options=options))
        assert ours.verdict == verdict and ours.patients[0].items == kept
        assert ours.patients[0].unknown == ({"myVariable2": "2"} if unknown == "process" else {})
    path = REFERENCE / "conformance" / "xml-reader-user-dict-2.xml"
    own = one_item("http://test.org/naaccrxml/test.xml", id="myVariable", number=10000, type="numeric", column=2340)
    ours = read_file(lambda: read_any(path, options=ReadOptions(user_dictionaries=(own,))))
    assert ours.verdict == "ok" and ours.patients[0].tumors[0].items == {10000: "1"}


@pytest.mark.shared
def test_samples_have_the_expected_numbers(reference: Path, read_file: Callable[..., Any]) -> None:
    for row in json.loads((reference / "naaccr" / "samples_expected.json").read_text()):
        ours = read_file(lambda row=row: read_any(reference / "naaccr" / "samples" / row["file"]))
        tumors = [tumor for patient in ours.patients for tumor in patient.tumors]
        assert ours.verdict == "ok" and ours.root is not None
        assert (len(ours.patients), len(tumors)) == (row["patients"], row["tumors"])
        assert sum(len(node.items) for node in (ours.root, *ours.patients, *tumors)) == row["items"]


def test_every_deviation_is_documented_and_has_a_test() -> None:
    names = {row["name"] for row in table("deviations.csv")}
    folder = Path(__file__).parent
    tests = "".join(path.read_text(encoding="utf-8") for path in folder.glob("test_*.py"))
    assert all(row["reason"] for row in table("deviations.csv")) and len(names) <= 12
    assert {name for name in names if f"Deviation {name}" in tests} == names
    assert {name for name, _ in DEVIATES.values()} <= names
