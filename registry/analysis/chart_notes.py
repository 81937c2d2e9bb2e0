"""What a chart's file says of itself: its cases, its citation and the R call, beside the picture and readable from it.

SVG carries them as its `desc`, PNG as a text chunk of each (PNG specification, section 11.3.3.4: iTXt), PDF in its
information dictionary, by an incremental update (ISO 32000-1, section 7.5.6).
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Sequence
from html import escape

Notes = Sequence[tuple[str, str]]
_INFO = re.compile(rb"/Info (\d+) 0 R")
_START = re.compile(rb"startxref\s+(\d+)\s+%%EOF\s*$")


def with_notes(body: bytes, form: str, notes: Notes) -> bytes:
    """Gives the file of a chart (svg, png or pdf) with the notes, pairs of a one-word name and a text, within it."""
    return {"svg": _svg, "png": _png, "pdf": _pdf}[form](body, notes)


def _svg(body: bytes, notes: Notes) -> bytes:
    head = body.index(b">") + 1
    text = "\n".join(f"{name}: {text}" for name, text in notes)
    return body[:head] + f"<desc>{escape(text, quote=False)}</desc>".encode() + body[head:]


def _png(body: bytes, notes: Notes) -> bytes:
    # signature of 8 bytes, then the header chunk: length, name, 13 bytes, checksum
    head = 8 + 25
    return body[:head] + b"".join(_chunk(name, text) for name, text in notes) + body[head:]


def _chunk(name: str, text: str) -> bytes:
    content = b"iTXt" + name.encode("latin-1") + b"\0\0\0\0\0" + text.encode()
    return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))


def _pdf(body: bytes, notes: Notes) -> bytes:
    tail = body[body.rindex(b"trailer") :]
    info, start = _INFO.search(tail), _START.search(tail)
    size, root = re.search(rb"/Size (\d+)", tail), re.search(rb"/Root (\d+ \d+ R)", tail)
    if not (info and start and size and root):
        raise ValueError("the chart's PDF has no trailer with an information dictionary")
    entries = b"".join(b"/%s <FEFF%s>\n" % (n.encode(), t.encode("utf-16-be").hex().encode()) for n, t in notes)
    place = len(body) + 1
    made = b"\n%s 0 obj\n<<\n/Producer (OncoRegistry)\n%s>>\nendobj\n" % (info[1], entries)
    table = b"xref\n%s 1\n%010d 00000 n\r\n" % (info[1], place)
    trailer = b"trailer\n<< /Size %s /Root %s /Info %s 0 R /Prev %s >>\n" % (size[1], root[1], info[1], start[1])
    return body + made + table + trailer + b"startxref\n%d\n%%%%EOF\n" % (place + len(made) - 1)
