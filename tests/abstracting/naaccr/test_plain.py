"""The quick reader and the complete reader give the same on every document; processes give the same as one."""

from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abstracting.naaccr import engine, processes, source
from abstracting.naaccr.findings import UnreadableError
from abstracting.naaccr.options import NAMESPACE, ReadOptions
from abstracting.naaccr.plain import PlainReader
from abstracting.naaccr.reader import read_xml
from abstracting.naaccr.validate import validate

SPACES = {"o": "http://o.org"}
HEAD = (
    f'<NaaccrData baseDictionaryUri="http://naaccr.org/naaccrxml/naaccr-dictionary-250.xml" recordType="A" '
    f'specificationVersion="1.8" xmlns="{NAMESPACE}" xmlns:o="http://o.org">'
)

ids = st.sampled_from(
    [
        "primarySite",
        "race1",
        "patientIdNumber",
        "nameLast",
        "textStaging",
        "foo",
        "dateOfDiagnosis",
        " sex",
        "registryId",
    ]
)
values = st.sampled_from(
    ["", "C509", "01", "1", "  ", "20200230", "20200229", "a &lt; b", "&#65;", "x > y", "\U0001f600", "é", "a\nb", "a]b",
     "]]&gt;", "&#128;", "&#13;", "&#0;", "&#x1F600;", "&#xD800;", "&#38;lt;", "&amp;#65;", "&#xFFFE;", "&#9999999;"]
)  # fmt: skip
numbers = st.sampled_from(["", "", ' naaccrNum="400"', ' naaccrNum="x"', ' naaccrNum=""', " other='1'"])
shapes = st.sampled_from(
    ["<Item naaccrId='{0}'{2}>{1}</Item>", '<Item naaccrId="{0}"{2}>{1}</Item\n>', '<Item  {2} naaccrId="{0}"/>']
)
items = st.builds(lambda shape, one, value, number: shape.format(one, value, number), shapes, ids, values, numbers)
odd = st.sampled_from(
    ["<!-- </Patient> -->", "<?pi </Patient>?>", "stray", "<Item naaccrId='nameLast'><![CDATA[</Patient>]]></Item>",
     "<o:x><Patient></Patient></o:x>", "<Tumor/>", "\r\n", "<Item/>", "&bad;", "</Tumor>", "<b/>", "\x01", "]]>"]
)  # fmt: skip
gaps = st.sampled_from(["", "\n", "\r\n  ", "\t", "\r"])
contents = st.lists(st.one_of(items, items, items, items, odd), max_size=5)


@st.composite
def documents(draw: Any) -> str:
    def join(parts: list[str]) -> str:
        return "".join(draw(gaps) + part for part in parts)

    patients = []
    for _ in range(draw(st.integers(1, 4))):
        tumors = [f"<Tumor>{join(draw(contents))}</Tumor>" for _ in range(draw(st.integers(0, 2)))]
        patients.append(f"<Patient>{join(draw(contents))}{join(tumors)}</Patient>")
    tail = draw(st.sampled_from(["", "<!-- end -->", "stray", "<Item naaccrId='registryId'>1</Item>"]))
    return HEAD + join(patients) + tail + draw(gaps) + "</NaaccrData>\n"


def outcome_of(text: str, options: ReadOptions) -> Any:
    reading = None
    patients: list[Any] = []
    error = None
    try:
        reading = read_xml(io.BytesIO(text.encode()), options=options)
        patients.extend(reading)
    except UnreadableError as fault:
        error = fault.as_dict()
    return patients, error, reading.root.findings if reading else None


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents(), st.sampled_from([{}, {"unknown_items": "process"}, {"check_values": False}]))
def test_quick_and_complete_reader_agree(text: str, choices: dict[str, Any]) -> None:
    options = ReadOptions(namespaces=SPACES, **choices)
    quick = outcome_of(text, options)
    with mock.patch.object(PlainReader, "read", lambda self, *rest: None):
        complete = outcome_of(text, options)
    assert quick == complete


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents(), st.integers(1, 60))
def test_pieces_of_any_size_give_the_same(text: str, size: int) -> None:
    options = ReadOptions(namespaces=SPACES)
    whole = outcome_of(text, options)
    with mock.patch.object(source, "CHUNK", size), mock.patch.object(engine, "LONGEST", size * 3):
        assert outcome_of(text, options) == whole


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents(), st.randoms(use_true_random=False))
def test_damaged_documents_never_crash(text: str, random_: random.Random) -> None:
    data = bytearray(text.encode())
    for _ in range(random_.randint(1, 4)):
        place = random_.randrange(len(data))
        if random_.random() < 0.5:
            data[place] = random_.randrange(256)
        else:
            del data[place : place + random_.randint(1, 9)]
    report = validate(io.BytesIO(bytes(data)), namespaces=SPACES)
    assert json.dumps(report.as_dict())


def plain_texts(count: int, random_: random.Random) -> Iterator[str]:
    for index in range(count):
        site = random_.choice(["C509", "C61", "C5099", "c"])
        extra = '<Item naaccrId="textStaging"><![CDATA[</Patient>]]></Item>' if index % 37 == 5 else ""
        number = "mine" if index == 300 else "naaccrNum"
        yield (
            f'<Patient>\n<Item naaccrId="patientIdNumber">{index:08d}</Item>\n<Tumor>\n'
            f'<Item naaccrId="primarySite" {number}="400">{site}</Item>{extra}\n</Tumor>\n</Patient>\n'
        )


COMMENTS = "<Patient>" + "<!-- </Patient> -->" * 99 + "</Patient>"


@pytest.mark.parametrize("tail", ["", "stray", "<Patient><Item/></Patientt>", COMMENTS])
def test_several_processes_give_the_same_report(tail: str, tmp_path: Path) -> None:
    path = tmp_path / "cases.xml"
    texts = list(plain_texts(600, random.Random(1)))
    path.write_text(HEAD + "".join(texts[:500]) + tail + "".join(texts[500:]) + "</NaaccrData>")
    one = validate(path, jobs=1, namespaces=SPACES).as_dict()
    used: list[type] = []
    original = processes.read_pieces

    def noted(report: Any, engine: Any, pieces: Any, *rest: Any) -> Any:
        used.append(type(pieces))
        return original(report, engine, pieces, *rest)

    packed = tmp_path / "cases.xml.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    marked = tmp_path / "marked.xml"
    marked.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    with (
        mock.patch.object(processes, "PIECE", 4000),
        mock.patch.object(processes, "WORTH_PROCESSES", 0),
        mock.patch.object(source, "CHUNK", 1500),
        mock.patch.object(processes, "CHUNK", 700),
        mock.patch.object(processes, "read_pieces", noted),
    ):
        for one_path in (path, packed, marked):
            assert validate(one_path, jobs=2, namespaces=SPACES).as_dict() == one
    assert used == [processes.RangePieces, processes.ChunkPieces, processes.RangePieces]
    assert one["patients"] > 400


def test_lines_and_patients_are_counted_through_the_file(document: Callable[..., str], read: Any) -> None:
    texts = list(plain_texts(40, random.Random(2)))
    outcome = read(document("".join(texts)))
    assert [patient.index for patient in outcome.patients] == list(range(1, 41))
    assert [(patient.line, patient.end_line) for patient in outcome.patients] == [
        (3 + 6 * i, 8 + 6 * i) for i in range(40)
    ]
    assert all(tumor.line == patient.line + 2 for patient in outcome.patients for tumor in patient.tumors)
    bad = [finding for finding in outcome.findings if finding.code == "Value too long"]
    assert bad and all(finding.line == 6 * finding.patient for finding in bad)
