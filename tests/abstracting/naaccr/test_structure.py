"""What a document may look like: one row a document, its verdict and the code and line of what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from abstracting.naaccr import findings as f
from abstracting.naaccr.options import NAMESPACE

SITE = '<Item naaccrId="primarySite">C509</Item>'
TWO = "<Patient>\n<Tumor>\n</Tumor>\n</Patient>\n<Patient/>\n"

STRICT = {"allow_missing_dictionary": False}

# name, arguments of the document, reader options, code of the fault or of the only finding (None: nothing), its line
CASES: list[tuple[str, dict[str, Any], dict[str, Any], str | None, int | None]] = [
    ("plain", {}, {}, None, None),
    ("empty root", {"body": ""}, {}, None, None),
    ("empty patients and tumors", {"body": TWO}, {}, None, None),
    ("root item after a patient", {"body": TWO + '<Item naaccrId="registryId">0000000001</Item>'}, {}, "naaccr-structure", 8),
    ("item after a tumor", {"body": f"<Patient><Tumor/>{SITE}</Patient>"}, {}, "naaccr-structure", 3),
    ("tumor under the root", {"body": "<Tumor/>"}, {}, "naaccr-structure", 3),
    ("tumor in a tumor", {"site": "<Tumor/>"}, {}, "naaccr-structure", 6),
    ("patient in a patient", {"own": "<Patient/>"}, {}, "naaccr-structure", 4),
    ("unknown element", {"site": "<Foo/>"}, {}, "naaccr-structure", 6),
    ("unknown element, relaxed", {"site": "<Foo/>"}, {"relaxed": True}, "naaccr-structure", 6),
    ("unknown element, ignored", {"site": "<Foo>1<b/></Foo>"}, {"relaxed": True, "ignore_extensions": True}, None, None),
    ("attribute of Patient", {"body": '<Patient a="1"/>'}, {}, "naaccr-structure", 3),
    ("attribute of Tumor", {"body": '<Patient>\n<Tumor a="1"/></Patient>'}, {}, "naaccr-structure", 4),
    ("text between elements", {"site": SITE + " stray "}, {}, f.UNEXPECTED_TEXT, 6),
    ("text after a patient", {"body": TWO + "stray\n"}, {}, f.UNEXPECTED_TEXT, 8),
    ("element in an item", {"site": '<Item naaccrId="primarySite">C5<b>0</b>9</Item>'}, {}, f.UNEXPECTED_ELEMENT, 6),
    ("the same item twice", {"site": f"{SITE}\n{SITE}"}, {}, "naaccr-duplicate", 7),
    ("twice, the second empty", {"site": f'{SITE}<Item naaccrId="primarySite"/>'}, {}, "naaccr-duplicate", 6),
    ("twice but for spaces", {"site": f'{SITE}<Item naaccrId=" primarySite">C509</Item>'}, {}, "naaccr-duplicate", 6),
    ("unknown id twice", {"site": '<Item naaccrId="foo">1</Item><Item naaccrId="foo">2</Item>'}, {}, "naaccr-duplicate", 6),
    ("no id", {"site": "<Item>1</Item>"}, {}, "naaccr-item", 6),
    ("no id and no value", {"site": "<Item></Item><Item/>"}, {}, None, None),
    ("number alone", {"site": '<Item naaccrNum="400">C509</Item>'}, {}, "naaccr-item", 6),
    ("number agrees", {"site": '<Item naaccrNum="400" naaccrId="primarySite">C509</Item>'}, {}, None, None),
    ("number differs", {"site": '<Item naaccrId="primarySite" naaccrNum="401">C509</Item>'}, {}, f.WRONG_NUMBER, 6),
    ("number is no number", {"site": '<Item naaccrId="primarySite" naaccrNum="X">C509</Item>'}, {}, "naaccr-item", 6),
    ("unknown id", {"site": '<Item naaccrId="foo">1</Item>'}, {}, f.UNKNOWN_ID, 6),
    ("ids are case-sensitive", {"site": '<Item naaccrId="PrimarySite">C509</Item>'}, {}, f.UNKNOWN_ID, 6),
    ("unknown id, ignored", {"site": '<Item naaccrId="foo">1</Item>'}, {"unknown_items": "ignore"}, None, None),
    ("item of another version", {"own": '\n<Item naaccrId="sexAssignedAtBirth">1</Item>'}, {}, f.UNKNOWN_ID, 5),
    ("name in record type I", {"own": '<Item naaccrId="nameLast">DOE</Item>', "record_type": "I"}, {}, f.UNKNOWN_ID, 4),
    ("tumor item in the patient", {"own": SITE}, {}, f.WRONG_LEVEL, 4),
    ("root item in a tumor", {"site": '<Item naaccrId="registryId">0000000001</Item>'}, {}, f.WRONG_LEVEL, 6),
    ("line of a value of two lines", {"site": '<Item naaccrId="race1">0\n1</Item>'}, {}, f.TOO_LONG, 7),
    ("comments and instructions", {"site": f"<!-- a -->{SITE}<?b c?>"}, {}, None, None),
    ("no namespace", {"namespace": ""}, {}, "naaccr-namespace", 2),
    ("no namespace, relaxed", {"namespace": ""}, {"relaxed": True}, None, None),
    ("another default namespace", {"namespace": 'xmlns="http://x.org"'}, {"relaxed": True}, "naaccr-namespace", 2),
    ("unregistered namespace", {"namespace": f'xmlns="{NAMESPACE}" xmlns:o="http://o.org"'}, {}, "naaccr-namespace", 2),
    ("unknown root attribute", {"attributes": 'specificationVersion="1.8" mine="1"'}, {}, "naaccr-root", 2),
    ("unknown root attribute, relaxed", {"attributes": 'specificationVersion="1.8" mine="1"'}, {"relaxed": True}, None, None),
    ("specification 1.9", {"attributes": 'specificationVersion="1.9"'}, {}, "naaccr-root", 2),
    ("specification empty", {"attributes": 'specificationVersion=""'}, {}, "naaccr-root", 2),
    ("specification absent", {"attributes": ""}, {}, None, None),
    ("record type L", {"record_type": "L"}, {}, "naaccr-root", 2),
    ("record type a", {"record_type": "a"}, {}, "naaccr-root", 2),
    ("version 170", {"version": 170}, {}, "naaccr-version", 2),
    ("time", {"attributes": 'timeGenerated="2026-01-31T12:00:00.123-05:00"'}, {}, None, None),
    ("time without seconds", {"attributes": 'timeGenerated="2026-01-31T12:00"'}, {}, None, None),
    ("time that is a day", {"attributes": 'timeGenerated="2026-01-31"'}, {}, f.WRONG_TIME, 2),
    ("time that is none", {"attributes": 'timeGenerated="2026-02-31T12:00:00"'}, {}, f.WRONG_TIME, 2),
    ("time that is blank", {"attributes": 'timeGenerated=" "'}, {}, None, None),
    ("two dictionaries in 1.1", {"attributes": 'specificationVersion="1.1" userDictionaryUri="a b"'}, {}, "naaccr-root", 2),
    ("missing user dictionary", {"attributes": 'userDictionaryUri="a"'}, {}, None, None),
    ("missing, not allowed", {"attributes": 'userDictionaryUri="a"'}, STRICT, "naaccr-dictionary", 2),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "options", "code", "line"), CASES, ids=[case[0] for case in CASES])
def test_verdict(
    name: str,
    arguments: dict[str, Any],
    options: dict[str, Any],
    code: str | None,
    line: int | None,
    document: Callable[..., str],
    read: Callable[..., Any],
) -> None:
    outcome = read(document(**arguments), **options)
    found = [outcome.fatal.code] if outcome.fatal else [finding.code for finding in outcome.findings]
    assert found == ([code] if code else [])
    if code:
        assert (outcome.fatal.line if outcome.fatal else outcome.findings[0].line) == line


TEXTS = [
    # name, document as bytes, verdict, code
    ("nothing", b"", "fatal", "naaccr-syntax"),
    ("no XML", b"anything...", "fatal", "naaccr-syntax"),
    ("only a declaration", b'<?xml version="1.0"?>\n', "fatal", "naaccr-syntax"),
    ("wrong root", b"<NaaccrDat/>", "fatal", "naaccr-root"),
    ("no base dictionary", b'<NaaccrData recordType="A" xmlns="http://naaccr.org/naaccrxml"/>', "fatal", "naaccr-root"),
    ("XML 1.1", b'<?xml version="1.1"?>\n<NaaccrData/>', "fatal", "naaccr-syntax"),
]


@pytest.mark.parametrize(("name", "text", "verdict", "code"), TEXTS, ids=[case[0] for case in TEXTS])
def test_no_document_at_all(name: str, text: bytes, verdict: str, code: str, read: Callable[..., Any]) -> None:
    outcome = read(text)
    assert outcome.verdict == verdict and outcome.fatal.code == code


def test_findings_carry_place_patient_tumor_item_and_remedy(document: Callable[..., str], read: Any) -> None:
    outcome = read(document(site='<Item naaccrId="dateOfDiagnosis">20200230</Item>'))
    finding = outcome.findings[0]
    assert finding.as_dict() == {
        "code": "Value invalid for data type",
        "level": "Tumor/Item",
        "message": "value is not a day of the calendar",
        "line": 6,
        "patient": 1,
        "tumor": 1,
        "item": "dateOfDiagnosis",
        "number": 390,
        "value": "20200230",
        "patient_id": "00000001",
        "hint": f.HINTS["Value invalid for data type"],
    }


def test_every_finding_code_has_a_remedy() -> None:
    codes = {value for name, value in vars(f).items() if name.isupper() and isinstance(value, str)}
    assert codes == set(f.HINTS)


def test_content_where_none_belongs_is_never_dropped(document: Callable[..., str], read: Any) -> None:
    """Deviation text-between-elements, Deviation patient-in-patient."""
    outcome = read(document(site=SITE + "lost?"))
    assert [(one.code, one.value) for one in outcome.findings] == [(f.UNEXPECTED_TEXT, "lost?")]
    assert read(document(own="<Patient/>")).fatal.code == "naaccr-structure"


def test_days_that_no_calendar_has_are_found(document: Callable[..., str], read: Any) -> None:
    """Deviation calendar."""
    for value, found in (("20200230", 1), ("20190229", 1), ("20200229", 0), ("20190431", 1)):
        assert len(read(document(site=f'<Item naaccrId="dateOfDiagnosis">{value}</Item>')).findings) == found


def test_values_are_kept_whatever_is_wrong_with_them(document: Callable[..., str], read: Any) -> None:
    """Deviation element-in-item."""
    site = '<Item naaccrId="primarySite">C5<b>0</b>9XX</Item><Item naaccrId="registryId">1</Item>'
    outcome = read(document(site=site))
    assert outcome.patients[0].tumors[0].items == {400: "C509XX", 40: "1"}


def test_extensions_of_registered_namespaces_are_kept_as_xml(document: Callable[..., str], read: Any) -> None:
    spaces = f'xmlns="{NAMESPACE}" xmlns:mine="http://o.org"'
    site = SITE + '<mine:a b="&quot;1">x &amp; y<mine:c/></mine:a>'
    outcome = read(document(site=site, namespace=spaces), namespaces={"other": "http://o.org"})
    assert outcome.verdict == "ok"
    assert outcome.patients[0].tumors[0].extensions == ["<mine:a b='\"1'>x &amp; y<mine:c></mine:c></mine:a>"]
    after = site + SITE.replace("primarySite", "laterality")
    again = read(document(site=after, namespace=spaces), namespaces={"other": "http://o.org"})
    assert again.fatal.code == "naaccr-structure", "an item after an extension breaks the order"


def test_namespaces_count_by_uri(document: Callable[..., str], read: Any) -> None:
    """Deviation namespace-by-uri."""
    prefixed = document(namespace=f'xmlns:n="{NAMESPACE}"')
    for name in ("NaaccrData", "Patient", "Tumor", "Item"):
        prefixed = prefixed.replace(f"<{name}", f"<n:{name}").replace(f"</{name}", f"</n:{name}")
    outcome = read(prefixed)
    assert outcome.verdict == "ok" and outcome.patients[0].tumors[0].items == {400: "C509"}
    other = document(namespace=f'xmlns="{NAMESPACE}" xmlns:other="http://b.org"', site=SITE + "<other:x/>")
    refused = read(other, namespaces={"other": "http://a.org"})
    assert refused.fatal.code == "naaccr-namespace", "a registered prefix for another URI is no registration"
    inner = document(site=SITE.replace("<Item", f'<n:Item xmlns:n="{NAMESPACE}"').replace("</Item", "</n:Item"))
    assert read(inner).verdict == "ok"


@pytest.mark.parametrize(
    ("declared", "written", "verdict"),
    [
        ("", "utf-8", "ok"),
        ("UTF-8", "utf-8-sig", "ok"),
        ("ISO-8859-1", "latin-1", "ok"),
        ("windows-1252", "cp1252", "ok"),
        ("Cp1252", "cp1252", "ok"),
        ("UTF-16", "utf-16", "ok"),
        ("UTF-16", "utf-8", "fatal"),
        ("US-ASCII", "utf-8", "fatal"),
        ("", "latin-1", "fatal"),
        ("UTF-8", "cp1252", "fatal"),
        ("klingon", "utf-8", "fatal"),
        ("hex", "utf-8", "fatal"),
        ("utf-7", "utf-8", "fatal"),
    ],
)
def test_the_declared_encoding_is_honoured(
    declared: str, written: str, verdict: str, document: Callable[..., str], read: Any
) -> None:
    """Deviation declared-encoding."""
    text = document(site='<Item naaccrId="textPrimarySiteTitle">Brüste é</Item>')
    if declared:
        text = text.replace('version="1.0"', f'version="1.0" encoding="{declared}"', 1)
    outcome = read(text.encode(written))
    assert outcome.verdict == verdict
    if verdict == "ok":
        assert outcome.patients[0].tumors[0].items[2580] == "Brüste é"
    else:
        assert outcome.fatal.code in ("naaccr-encoding", "naaccr-syntax") and outcome.fatal.line is not None


def test_a_chosen_encoding_replaces_and_notes_what_it_cannot_decode(document: Callable[..., str], read: Any) -> None:
    data = document(site='<Item naaccrId="textPrimarySiteTitle">caf\u00e9</Item>').encode("cp1252")
    assert read(data, encoding="cp1252").patients[0].tumors[0].items[2580] == "café"
    outcome = read(data, encoding="ascii")
    assert outcome.verdict == "ok" and outcome.patients[0].tumors[0].items[2580] == "caf\ufffd"
    assert outcome.notes == ["1 characters could not be decoded and were replaced"]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\n" + text,
        lambda text: text + "more",
        lambda text: text + "<NaaccrData/>",
        lambda text: text.replace("C509", "C5\x07"),
        lambda text: text.replace("C509", "C5&#7;"),
        lambda text: text.replace("C509", "C5\x00"),
        lambda text: text.replace("C509", "C5]]>"),
        lambda text: text.replace("C509", "C5&amp"),
        lambda text: text.replace("C509", "C5&nbsp;"),
        lambda text: text.replace("C509", "C5\ufffe"),
        lambda text: text.replace("</Tumor>", ""),
        lambda text: text.replace('naaccrId="primarySite"', "naaccrId=primarySite"),
        lambda text: text.replace('naaccrId="primarySite"', 'naaccrId="primarySite" naaccrId="primarySite"'),
    ],
)
def test_what_is_not_well_formed_is_unreadable(change: Any, document: Callable[..., str], read: Any) -> None:
    """Deviation well-formed."""
    outcome = read(change(document()))
    assert outcome.fatal is not None and outcome.fatal.code == "naaccr-syntax" and outcome.fatal.hint


def test_a_complete_patient_before_an_error_is_given(document: Callable[..., str], read: Any) -> None:
    """Deviation patient-before-error."""
    body = '<Patient><Item naaccrId="patientIdNumber">00000001</Item></Patient>\n<Patient></Tumor>'
    outcome = read(document(body))
    assert outcome.verdict == "fatal" and outcome.fatal.line == 4
    assert [patient.items for patient in outcome.patients] == [{20: "00000001"}]


def test_renamed_ids_of_v18_and_moved_items_are_read_where_asked_for(document: Callable[..., str], read: Any) -> None:
    site = '<Item naaccrId="dateOfSentinelLymphNodeBiopsy">20190101</Item>'
    own = '<Item naaccrId="dateOfLastCancerStatus">20200101</Item>'
    strict = read(document(site=site, own=own, version=180))
    assert [finding.code for finding in strict.findings] == [f.WRONG_LEVEL, f.UNKNOWN_ID]
    outcome = read(document(site=site, own=own, version=180), translate_renamed=True)
    assert outcome.verdict == "ok"
    assert outcome.patients[0].items == {20: "00000001"}
    assert outcome.patients[0].tumors[0].items == {832: "20190101", 1772: "20200101"}
