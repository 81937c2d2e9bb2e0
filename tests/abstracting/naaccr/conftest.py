"""Helpers of this room's tests: small documents made on the spot, read in one call."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from abstracting.naaccr.findings import Finding, UnreadableError
from abstracting.naaccr.options import NAMESPACE, ReadOptions
from abstracting.naaccr.reader import Reading, read_xml
from abstracting.naaccr.records import Patient, Root


@dataclass
class Outcome:
    """What reading gave: patients, findings and the fault that stopped it."""

    patients: list[Patient] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    fatal: UnreadableError | None = None
    root: Root | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        return "fatal" if self.fatal else "validation_error" if self.findings else "ok"


def collect(open_file: Callable[[], Reading]) -> Outcome:
    outcome = Outcome()
    reading = None
    try:
        reading = open_file()
        outcome.root = reading.root
        for patient in reading:
            outcome.patients.append(patient)
    except UnreadableError as error:
        outcome.fatal = error
    if reading is not None:
        outcome.notes = reading.notes
        outcome.findings = reading.root.findings + [one for p in outcome.patients for one in p.findings]
    return outcome


def make_document(
    body: str | None = None,
    *,
    site: str = '<Item naaccrId="primarySite">C509</Item>',
    own: str = "",
    version: int = 250,
    record_type: str = "A",
    attributes: str = 'specificationVersion="1.8"',
    namespace: str = f'xmlns="{NAMESPACE}"',
) -> str:
    """Gives a document of one patient with one tumor; `site` is what the tumor holds, `own` more of the patient."""
    if body is None:
        body = (
            f'<Patient>\n<Item naaccrId="patientIdNumber">00000001</Item>{own}\n<Tumor>\n{site}\n</Tumor>\n</Patient>\n'
        )
    return (
        f'<?xml version="1.0"?>\n<NaaccrData baseDictionaryUri="http://naaccr.org/naaccrxml/naaccr-dictionary-{version}.xml"'
        f' recordType="{record_type}" {attributes} {namespace}>\n{body}</NaaccrData>\n'
    )


@pytest.fixture
def document() -> Callable[..., str]:
    return make_document


@pytest.fixture
def read() -> Callable[..., Outcome]:
    """Reads a document given as text or bytes, with reader options as keywords."""

    def run(text: str | bytes, **options: Any) -> Outcome:
        data = text.encode() if isinstance(text, str) else text
        return collect(lambda: read_xml(io.BytesIO(data), options=ReadOptions(**options)))

    return run


@pytest.fixture
def read_file() -> Callable[[Callable[[], Reading]], Outcome]:
    return collect
