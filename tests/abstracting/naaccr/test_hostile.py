"""Hostile and broken files: refused with a code and a remedy, in little memory, without network, without a crash."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from abstracting.errors import CODES
from abstracting.naaccr import source
from abstracting.naaccr.validate import validate

MEGABYTES = 300

# reads what its standard input gives and prints the report's verdict and the peak memory in MB; VmHWM begins with this
# program, while the resource usage would carry the peak of the test runner over
MEASURED = """
import io, json, re, sys
from abstracting.naaccr.validate import validate
report = validate(sys.stdin.buffer if sys.argv[1] == "-" else sys.argv[1], jobs=1)
fatal = report.fatal.as_dict() if report.fatal else None
print(json.dumps({"fatal": fatal, "patients": report.patients, "findings": report.counts.total(),
                  "peak": int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024}))
"""


def measure(path: Path) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", MEASURED, str(path)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def measure_stream(start: bytes, repeated: bytes, megabytes: int) -> dict[str, Any]:
    """Feeds a document that never ends to a process, until it has heard enough."""
    process = subprocess.Popen(
        [sys.executable, "-c", MEASURED, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    block = repeated * (1_000_000 // len(repeated) + 1)
    try:
        process.stdin.write(start)
        for _ in range(megabytes):
            process.stdin.write(block)
        process.stdin.close()
    except BrokenPipeError:
        pass
    out = process.stdout.read()
    errors = process.stderr.read()
    assert process.wait() == 0, errors
    process.stdout.close()
    process.stderr.close()
    return json.loads(out)


@pytest.mark.parametrize(
    ("name", "start", "repeated", "megabytes", "code"),
    [
        ("nested elements", "{root}<Patient><Item naaccrId='x'>", "<a>", 2000, "naaccr-too-large"),
        ("nested extension", "{root}<o:a>", "<o:a>", 2000, "naaccr-too-large"),
        ("one value", "{root}<Patient><Item naaccrId='nameLast'>", "x", 2000, "naaccr-too-large"),
        ("one attribute", "{root}<Patient><Item naaccrId='", "x", 2000, "naaccr-too-large"),
        ("one comment", "{root}<!--", "x ", 2000, "naaccr-too-large"),
        ("one name", "<", "x", 2000, "naaccr-too-large"),
        ("space between patients", "{root}<Patient/>", " ", 2000, "naaccr-too-large"),
        ("tumors of one patient", "{root}<Patient>", "<Tumor/>", 2000, "naaccr-too-large"),
        ("unknown items", "{root}<Patient>", "<Item naaccrId='a{n}'>1</Item>", 30, "naaccr-too-large"),
        ("small elements of an extension", "{root}<o:a>", "<o:b/>", 2000, "naaccr-too-large"),
        ("nothing but NUL", "", "\0", 100, "naaccr-syntax"),
    ],
)
def test_endless_documents_are_refused_in_little_memory(
    name: str, start: str, repeated: str, megabytes: int, code: str, document: Callable[..., str]
) -> None:
    root = document(
        "", attributes="", namespace='xmlns="http://naaccr.org/naaccrxml" xmlns:o="http://naaccr.org/naaccrxml"'
    )
    root = root.partition("</NaaccrData>")[0]
    if "{n}" in repeated:
        repeated = "".join(repeated.format(n=n) for n in range(20_000))
        megabytes = 1
    if name.endswith("extension"):
        root = root.replace('xmlns:o="http://naaccr.org/naaccrxml"', "")
        start, repeated = start.replace("o:", ""), repeated.replace("o:", "")
    result = measure_stream(start.format(root=root).encode(), repeated.encode(), megabytes)
    if name.endswith("extension"):
        assert result["fatal"]["code"] == "naaccr-structure", "an element that is not registered is refused at once"
    else:
        assert result["fatal"]["code"] == code
    assert result["fatal"]["hint"] and result["peak"] < MEGABYTES


def test_registered_extensions_are_bounded_too(document: Callable[..., str], read: Any) -> None:
    spaces = 'xmlns="http://naaccr.org/naaccrxml" xmlns:o="http://o.org"'
    deep = document("<o:a>" * 200, namespace=spaces)
    assert read(deep, namespaces={"o": "http://o.org"}).fatal.code == "naaccr-too-large"
    wide = document("<o:a>" + "<o:b/>" * 700_000, namespace=spaces)
    assert read(wide, namespaces={"o": "http://o.org"}).fatal.code == "naaccr-too-large"


ENTITIES = {
    "billion laughs": '<!DOCTYPE N [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY a{n} "{"&a;" * 10 if n == 0 else f"&a{n - 1};" * 10}">' for n in range(10))
    + "]>",
    "in an attribute": '<!DOCTYPE N [<!ENTITY a "C509">]>',
    "external": '<!DOCTYPE N [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    "of the network": '<!DOCTYPE N [<!ENTITY a SYSTEM "http://127.0.0.1:9/a">]>',
    "parameter": '<!DOCTYPE N [<!ENTITY % p SYSTEM "http://127.0.0.1:9/a"> %p;]>',
}


@pytest.mark.parametrize("name", ENTITIES)
def test_entities_are_never_expanded_nor_fetched(name: str, document: Callable[..., str], read: Any) -> None:
    """Deviation unused-entities."""
    for site in ("<Item naaccrId='nameLast'>&a9;&a;</Item>", "<Item naaccrId='&a;'>1</Item>", ""):
        text = document(site=site).replace("<NaaccrData", ENTITIES[name] + "\n<NaaccrData", 1)
        outcome = read(text)
        assert outcome.fatal.code == "naaccr-entity" and outcome.fatal.hint


def test_an_external_document_type_is_not_fetched(document: Callable[..., str], read: Any) -> None:
    text = document().replace("<NaaccrData", '<!DOCTYPE N SYSTEM "http://127.0.0.1:9/a">\n<NaaccrData', 1)
    assert read(text).verdict == "ok"
    assert read(text.replace("C509", "&unknown;")).fatal.code in ("naaccr-entity", "naaccr-syntax")
    defaults = '<!DOCTYPE N [<!ATTLIST Patient a CDATA "1">]>\n<NaaccrData'
    assert read(document().replace("<NaaccrData", defaults, 1)).verdict == "ok", "no defaults of a document type count"


@pytest.mark.parametrize("filling", [" ", "\0", "<a>", "x"])
def test_gzip_bombs_are_refused(filling: str, tmp_path: Path, document: Callable[..., str]) -> None:
    """2 GB in 2 MB: one member repeated."""
    path = tmp_path / "bomb.xml.gz"
    member = gzip.compress(filling.encode() * (10_000_000 // len(filling)))
    path.write_bytes(gzip.compress(document("").partition("</NaaccrData>")[0].encode()) + member * 200)
    result = measure(path)
    assert result["fatal"]["code"] in ("naaccr-too-large", "naaccr-syntax", "naaccr-structure")
    assert result["peak"] < MEGABYTES


def test_files_that_shrink_too_well_are_refused(
    tmp_path: Path, document: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Well-formed patients that unpack to 200 times their size: no real file does."""
    path = tmp_path / "bomb.xml.gz"
    body = '<Patient><Item naaccrId="patientIdNumber">00000001</Item></Patient>\n' * 20_000
    path.write_bytes(gzip.compress(document(body).encode()))
    assert validate(path).valid, "small files may shrink as they like"
    monkeypatch.setattr(source, "BOMB_BYTES", 1_000_000)
    report = validate(path)
    assert report.fatal is not None and report.fatal.code == "naaccr-too-large"


@pytest.mark.parametrize("cut", [1, 10, 40, 200])
def test_truncated_gzip_is_refused(cut: int, tmp_path: Path, document: Callable[..., str]) -> None:
    path = tmp_path / "cut.xml.gz"
    path.write_bytes(gzip.compress(document().encode())[:-cut])
    report = validate(path)
    assert report.fatal is not None and report.fatal.code == "naaccr-file" and "copy" in report.fatal.hint


def test_damaged_gzip_is_refused(tmp_path: Path, document: Callable[..., str]) -> None:
    data = bytearray(gzip.compress((document() * 50).encode()))
    data[len(data) // 2] ^= 0xFF
    path = tmp_path / "damaged.xml.gz"
    path.write_bytes(data)
    assert validate(path).fatal is not None


def test_several_gzip_members_are_one_file(tmp_path: Path, document: Callable[..., str]) -> None:
    data = document().encode()
    path = tmp_path / "two.xml"
    path.write_bytes(gzip.compress(data[:100]) + gzip.compress(data[100:]) + b"\0\0")
    assert validate(path).valid, "compression is known by content, not by name"


def test_truncated_documents_are_refused_at_every_byte(document: Callable[..., str]) -> None:
    data = document().encode()
    whole = len(data.rstrip())
    for size in range(whole):
        report = validate(io.BytesIO(data[:size]))
        assert report.fatal is not None and report.fatal.code in CODES, size


@pytest.mark.parametrize("suffix", [".xml", ".txt", ".csv", ".gz", ""])
def test_binary_rubbish_is_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"rubbish{suffix}"
    for seed in range(30):
        path.write_bytes(random.Random(seed).randbytes(3000))
        report = validate(path)
        assert report.fatal is not None and report.fatal.code in CODES and report.patients == 0


@pytest.mark.parametrize("magic", [b"PK\x03\x04", b"\xfd7zXZ\x00", b"BZh91AY"])
def test_other_archives_are_named(magic: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cases.zip"
    path.write_bytes(magic + b"x" * 100)
    report = validate(path)
    assert report.fatal is not None and "archive" in report.fatal.message and "unpack" in report.fatal.hint


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.xml", tmp_path):
        report = validate(path)
        assert report.fatal is not None and report.fatal.code == "naaccr-file"


def test_memory_does_not_grow_with_the_file(tmp_path: Path, document: Callable[..., str]) -> None:
    """Eight times the patients, each with a finding, take hardly more memory."""
    peaks = []
    for count in (2_000, 16_000):
        path = tmp_path / "cases.xml"
        with path.open("w") as file:
            file.write(document("").partition("</NaaccrData>")[0])
            for index in range(count):
                text = f'<Item naaccrId="textStaging">{os.urandom(40).hex()}</Item>'
                file.write(
                    f'<Patient><Item naaccrId="patientIdNumber">{index:08d}</Item><Tumor>{text}'
                    f'<Item naaccrId="dateOfDiagnosis">20200230</Item></Tumor></Patient>\n'
                )
            file.write("</NaaccrData>")
        result = measure(path)
        assert result["findings"] == count and result["patients"] == count
        peaks.append(result["peak"])
    assert peaks[1] < peaks[0] + 25 and peaks[1] < MEGABYTES
