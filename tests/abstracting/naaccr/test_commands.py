"""The command line: what each command prints and with which code it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from abstracting.naaccr.commands import naaccr
from abstracting.naaccr.items import VERSIONS
from abstracting.naaccr.records import Patient, Tumor
from abstracting.naaccr.writer import new_root, write_xml
from registry.cli import main


@dataclass
class Done:
    """What a command printed and its exit code."""

    returncode: Any
    stdout: bytes
    stderr: bytes


@pytest.fixture
def run() -> Callable[..., Done]:
    """Runs a command in this process, as the program does: errors become text and an exit code."""

    def call(*arguments: str | Path, stdin: bytes = b"") -> Done:
        with CliRunner().isolation(input=stdin) as streams:
            try:
                main(["naaccr", *map(str, arguments)])
            except SystemExit as ending:
                code = ending.code
            sys.stdout.flush()
            return Done(code, streams[0].getvalue(), streams[1].getvalue())

    return call


@pytest.fixture
def file(tmp_path: Path, document: Callable[..., str]) -> Callable[..., Path]:
    def make(name: str = "a.xml", **arguments: Any) -> Path:
        path = tmp_path / name
        path.write_text(document(**arguments))
        return path

    return make


def test_validate_a_valid_file(run: Any, file: Any) -> None:
    done = run("validate", file(), "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == {
        "valid": True,
        "fatal": None,
        "findings": [],
        "patients": 1,
        "tumors": 1,
        "counts": {},
        "notes": [],
    }
    assert run("validate", file()).stdout == b"1 patients, 1 tumors: valid\n"


def test_validate_a_file_with_findings(run: Any, file: Any) -> None:
    path = file(site='<Item naaccrId="primarySite">C5099</Item>')
    done = run("validate", path, "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1 and report["valid"] is False and report["fatal"] is None
    finding = report["findings"][0]
    assert {key: finding[key] for key in ("code", "level", "line", "item", "number")} == {
        "code": "Value too long",
        "level": "Tumor/Item",
        "line": 6,
        "item": "primarySite",
        "number": 400,
    }
    assert "message" in finding and finding["hint"]
    text = run("validate", path)
    assert text.returncode == 1 and b"line 6: Tumor/Item primarySite (400)" in text.stdout


def test_validate_an_unreadable_file(run: Any, file: Any, tmp_path: Path) -> None:
    path = file(site="&")
    done = run("validate", path, "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 3 and report["valid"] is False
    assert report["fatal"]["code"] == "naaccr-syntax" and report["fatal"]["line"] == 6 and report["fatal"]["hint"]
    done = run("validate", tmp_path / "none.xml")
    assert done.returncode == 3 and b"naaccr-file" in done.stderr and b"remedy" in done.stderr


def test_the_program_itself(file: Any) -> None:
    command = [sys.executable, "-m", "registry.cli", "naaccr", "validate", str(file(site="&"))]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 3 and b"naaccr-syntax" in done.stderr and b"Traceback" not in done.stderr


def test_validate_from_standard_input(run: Any, document: Any) -> None:
    assert run("validate", "-", stdin=document().encode()).returncode == 0


def test_options_of_validate(run: Any, file: Any, tmp_path: Path) -> None:
    own = tmp_path / "ud.xml"
    own.write_text(
        '<NaaccrDictionary dictionaryUri="http://a.org/d" specificationVersion="1.8" '
        'xmlns="http://naaccr.org/naaccrxml"><ItemDefs><ItemDef naaccrId="myVar" naaccrNum="10001" '
        'parentXmlElement="Tumor" length="2"/></ItemDefs></NaaccrDictionary>'
    )
    used = file(site='<Item naaccrId="myVar">12</Item>', attributes='userDictionaryUri="http://a.org/d"')
    assert run("validate", used).returncode == 1
    assert run("validate", used, "--user-dictionary", own).returncode == 0
    assert run("validate", own, "--as", "dictionary").returncode == 0
    assert run("validate", used, "--as", "dictionary").returncode == 3
    assert run("validate", used, "--user-dictionary", used).returncode == 3
    spaces = 'xmlns="http://naaccr.org/naaccrxml" xmlns:o="http://o.org"'
    extended = file(site="<o:a/>", namespace=spaces)
    assert run("validate", extended).returncode == 3
    assert run("validate", extended, "--namespace", "o=http://o.org").returncode == 0
    assert run("validate", extended, "--namespace", "o").returncode == 2
    plain = file(namespace="")
    assert run("validate", plain).returncode == 3
    assert run("validate", plain, "--relaxed").returncode == 0
    assert run("validate", plain, "--as", "flat").returncode == 3
    assert run("validate", plain, "--as", "word").returncode == 2


def test_read_write_read_gives_the_same(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.xml.gz"
    root = new_root(250, "A", items={40: "0000000001"}, time_generated="2026-01-31T12:00:00", extra={"o:a": "1"})
    root.namespaces = {"o": "http://o.org"}
    tumor = Tumor({400: "C509", 2600: "línea <1>\nlínea 2 & \t\r end"}, {"foo": "x"}, ["<o:b>é</o:b>"])
    write_xml(path, root, [Patient({20: "00000001"}, [tumor, Tumor()]), Patient()])
    options = ("--namespace", "o=http://o.org")
    first = run("read", path, *options)
    assert first.returncode == 0 and b"1 values of items no dictionary knows" in first.stderr
    lines = [json.loads(line) for line in first.stdout.splitlines()]
    assert lines[0]["root"]["recordType"] == "A" and lines[0]["root"]["items"] == {"registryId": "0000000001"}
    assert lines[1]["items"] == {"patientIdNumber": "00000001"}
    assert lines[1]["tumors"][0]["items"]["foo"] == "x" and lines[2] == {"items": {}, "tumors": []}
    written = run("write", stdin=first.stdout)
    assert written.returncode == 0, written.stderr
    assert run("read", "-", *options, stdin=written.stdout).stdout == first.stdout
    source, target = tmp_path / "a.jsonl", tmp_path / "b.xml"
    source.write_bytes(first.stdout)
    assert run("write", source, "-o", target).returncode == 0
    assert target.read_bytes() == written.stdout


WRONG = [
    b"",
    b"{}\n",
    b"[]\n",
    b"not json\n",
    b'{"root": {"recordType": "A"}}\n',
    b'{"root": {"baseDictionaryUri": "http://naaccr.org/naaccrxml/naaccr-dictionary-250.xml", "recordType": "X"}}\n',
    b'{"root": {"baseDictionaryUri": "http://naaccr.org/naaccrxml/naaccr-dictionary-999.xml", "recordType": "A"}}\n',
    b"\xff\xfe\n",
]
ROOT = b'{"root": {"baseDictionaryUri": "http://naaccr.org/naaccrxml/naaccr-dictionary-250.xml", "recordType": "A"}}\n'


@pytest.mark.parametrize(
    "text",
    [
        *WRONG,
        ROOT + b'{"items": {"patientIdNumber": 1}}\n',
        ROOT + b'{"items": {"patientIdNumber": "a\\u0007"}}\n',
        ROOT + b'{"items": {}, "tumors": {}}\n',
        ROOT + b'{"items": {}, "extensions": ["</NaaccrData>"]}\n',
        ROOT + b'{"items": [1]}\n',
        ROOT + b"[" * 100_000 + b"\n",
    ],
)
def test_write_refuses_what_is_no_record(text: bytes, run: Any) -> None:
    done = run("write", stdin=text)
    assert done.returncode == 3 and done.stdout == b"", "nothing is written"
    assert b"Traceback" not in done.stderr and b"remedy" in done.stderr


def test_convert_says_what_is_lost(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    write_xml(path, new_root(250, "A"), [Patient({20: "00000001", 220: "1"}, [Tumor({3110: "25000"})])])
    done = run("convert", path, tmp_path / "b.csv", "--to", "260")
    assert done.returncode == 0 and b"comorbidComplication1 (no such item" in done.stderr
    assert (tmp_path / "b.csv").read_text().splitlines() == [
        "recordType,patientIdNumber,naaccrRecordVersion,sexAssignedAtBirth",
        "A,00000001,260,1",
    ]
    account = json.loads(run("convert", path, tmp_path / "b.xml", "--to", "260", "--json").stdout)
    assert account["lost"] == [
        {"kind": "no such item in the target version", "item": "comorbidComplication1", "count": 1}
    ]
    assert account["changed"] == [{"source": 220, "target": 225, "count": 1}]
    assert run("convert", path, tmp_path / "b.doc").returncode == 2
    assert run("convert", path, tmp_path / "b.txt").returncode == 2
    assert run("convert", path, tmp_path / "b.txt", "--to", "180").returncode == 0
    assert run("convert", path, tmp_path / "b.xml", "--to", "999").returncode == 2
    assert run("convert", path, tmp_path / "b.xml", "--record-type", "Z").returncode == 2


def test_a_pipe_is_read_once(run: Any, tmp_path: Path, document: Any) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = subprocess.Popen(["sh", "-c", f"cat > '{pipe}'"], stdin=subprocess.PIPE)
    assert writer.stdin is not None
    writer.stdin.write(document().encode())
    writer.stdin.close()
    assert run("validate", pipe).returncode == 0
    writer.wait()


def test_every_command_and_option_is_explained() -> None:
    for name, command in naaccr.commands.items():
        assert command.help, name
        for parameter in command.params:
            assert parameter.param_type_name == "argument" or getattr(parameter, "help", None), parameter.name


@pytest.mark.shared
@pytest.mark.parametrize("version", [one for one in VERSIONS if one in ("180", "220", "240", "250")])
def test_samples_through_read_and_write(version: str, run: Any, reference: Path) -> None:
    for path in sorted((reference / "naaccr" / "samples").glob(f"*v{version}*-1[0-9][0-9]*.xml.gz"))[:2]:
        first = run("read", path)
        again = run("read", "-", stdin=run("write", stdin=first.stdout).stdout)
        assert first.stdout == again.stdout and first.stdout.count(b"\n") > 50


@pytest.mark.parametrize("suffix", [".xml", ".txt", ".csv", ".xml.gz", ".bin"])
@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02" * 500, b"\x1f\x8b\x08garbage", b"hello\n", b"<a>", b"<a/>"])
def test_rubbish_ends_every_command_with_a_clear_error(suffix: str, content: bytes, run: Any, tmp_path: Path) -> None:
    path = tmp_path / f"rubbish{suffix}"
    path.write_bytes(content)
    for arguments in (("validate", path), ("read", path), ("convert", path, tmp_path / "out.xml"), ("write", path)):
        done = run(*arguments)
        assert done.returncode == 3, (arguments, done)
        assert b"error [" in done.stderr and b"Traceback" not in done.stderr
    assert not (tmp_path / "out.xml").exists()
