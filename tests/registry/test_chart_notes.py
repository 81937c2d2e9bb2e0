"""A chart's file says what it was made from: cases, citation and R call are read back from SVG, PNG and PDF."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ElementTree

import pytest
from PIL import Image

from registry.analysis.chart_notes import with_notes
from registry.analysis.survival_charts import write_chart

SPEC = {"data": {"values": [{"a": 1}]}, "mark": "point", "encoding": {"x": {"field": "a", "type": "quantitative"}}}
NOTES = [("Cases", "Æge < 40 & older"), ("Citation", "A registry. 12 persons."), ("R", "library(survival)\nsummary(x)")]


def read_svg(body: bytes) -> str:
    return ElementTree.fromstring(body).findtext("{http://www.w3.org/2000/svg}desc") or ""


def read_png(body: bytes) -> str:
    image = Image.open(io.BytesIO(body))
    image.load()
    return "\n".join(f"{name}: {text}" for name, text in image.info.items() if isinstance(text, str))


def read_pdf(body: bytes) -> str:
    """The information dictionary as a reader finds it: from the last trailer through the last table of places."""
    start = int(re.findall(rb"startxref\s+(\d+)", body)[-1])
    table = re.match(rb"xref\n(\d+) 1\n(\d{10}) 00000 n", body[start:])
    assert table and body[start:].count(b"/Prev") == 1
    found = body[int(table[2]) :]
    assert found.startswith(table[1] + b" 0 obj")
    texts = re.findall(rb"/(\w+) <FEFF([0-9a-f]*)>", found[: found.index(b"endobj")])
    return "\n".join(f"{name.decode()}: {bytes.fromhex(text.decode()).decode('utf-16-be')}" for name, text in texts)


@pytest.mark.parametrize(("form", "read"), [("svg", read_svg), ("png", read_png), ("pdf", read_pdf)])
def test_notes_are_read_back(form: str, read) -> None:
    found = read(with_notes(write_chart(SPEC, form), form, NOTES))
    assert all(f"{name}: {text}" in found for name, text in NOTES)
