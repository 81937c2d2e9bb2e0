"""Opening what a user gives: a path or a stream, compressed or not, in any encoding, as UTF-8 bytes in bounded memory.

Compression is recognised by content, not by name. A file that unpacks to far more than any real file is refused.
"""

from __future__ import annotations

import codecs
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from abstracting.naaccr.findings import UnreadableError

CHUNK = 256 * 1024

# real files of this format shrink 10 to 60 times; beyond this after so many bytes it is a bomb
BOMB_RATIO = 200
BOMB_BYTES = 256 * 1024 * 1024

Source = str | os.PathLike[str] | BinaryIO

_DECLARATION = re.compile(rb"<\?xml\s[^>]*?encoding\s*=\s*[\"']([A-Za-z][A-Za-z0-9._-]*)[\"']")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Python codecs that are no character encodings of files, or that hide markup from a reader of bytes
_REFUSED = {"utf-7", "unicode_escape", "raw_unicode_escape", "idna", "punycode", "mbcs", "oem", "undefined"}


@contextmanager
def open_bytes(source: Source) -> Iterator[Iterator[bytes]]:
    """Gives the unpacked content as an iterator of byte chunks; closes the file if it opened it."""
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        try:
            file: BinaryIO = path.open("rb")
        except OSError as error:
            raise UnreadableError(
                "naaccr-file", f"cannot open the file: {error.strerror}", hint="check the path", where=str(path)
            ) from error
        with file:
            yield _unpacked(file)
    else:
        yield _unpacked(source)


def _unpacked(file: BinaryIO) -> Iterator[bytes]:
    try:
        first = file.read(CHUNK)
    except OSError as error:
        raise UnreadableError(
            "naaccr-file", f"cannot read the file: {error.strerror}", hint="check the path"
        ) from error
    if isinstance(first, str):
        raise TypeError("a binary stream is needed, not a text stream")
    if first.startswith(b"\x1f\x8b"):
        yield from _gunzip(first, file)
        return
    for magic, name in ((b"PK\x03\x04", "ZIP"), (b"\xfd7zXZ", "XZ"), (b"BZh9", "bzip2"), (b"\x28\xb5\x2f\xfd", "zstd")):
        if first.startswith(magic):
            raise UnreadableError("naaccr-file", f"the file is a {name} archive", hint="unpack it, or use .gz")
    while first:
        yield first
        first = file.read(CHUNK)


def _gunzip(data: bytes, file: BinaryIO) -> Iterator[bytes]:
    """Unpacks gzip members one after the other, at most `CHUNK` bytes at a time."""
    hint = "the file is damaged or was cut off: copy or export it again"
    engine = zlib.decompressobj(wbits=31)
    read, written = len(data), 0
    while data:
        try:
            out = engine.decompress(data, CHUNK)
        except zlib.error as error:
            raise UnreadableError("naaccr-file", "the compressed file is damaged", hint=hint) from error
        written += len(out)
        if written > BOMB_BYTES and written > BOMB_RATIO * read:
            raise UnreadableError(
                "naaccr-too-large",
                f"the compressed file unpacks to more than {BOMB_RATIO} times its size",
                hint="unpack the file and look at it: this is no real record file",
            )
        if out:
            yield out
        if engine.eof:
            data = engine.unused_data or file.read(CHUNK)
            if data.strip(b"\x00"):
                engine = zlib.decompressobj(wbits=31)
                read += len(data)
            else:
                data = b""
        else:
            data = engine.unconsumed_tail
            if not data:
                data = file.read(CHUNK)
                read += len(data)
    if not engine.eof:
        raise UnreadableError("naaccr-file", "the compressed file ends early", hint=hint)


def _codec(name: str, head: bytes) -> str:
    """Gives Python's name of a declared encoding; raises where it is unknown or cannot be what the file is in."""
    try:
        info = codecs.lookup(name)
    except LookupError:
        info = None
    if info is None or not getattr(info, "_is_text_encoding", True) or info.name in _REFUSED:
        raise UnreadableError("naaccr-encoding", f"the declared encoding {name!r} is not known", line=1)
    start = head[:5]
    if start.decode(info.name, "replace") != start.decode("ascii", "replace"):
        raise UnreadableError(
            "naaccr-encoding",
            f"the file declares the encoding {name!r} and is not written in it",
            hint="correct the declaration in the first line, or write the file in that encoding",
            line=1,
        )
    return info.name


def sniff(head: bytes) -> tuple[str, int]:
    """Gives the encoding of an XML document and the length of its byte order mark; UTF-8 when nothing is declared."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, len(mark)
    if head.startswith(b"<\x00?\x00"):
        return "utf-16-le", 0
    if head.startswith(b"\x00<\x00?"):
        return "utf-16-be", 0
    declared = _DECLARATION.match(head)
    return (_codec(declared[1].decode("ascii"), head) if declared else "utf-8"), 0


class Utf8:
    """The content as chunks of UTF-8 bytes, whatever the encoding; `replaced` counts what could not be decoded.

    UTF-8 passes through unchecked (the parsers check it). `encoding` overrides the declared one and replaces what it
    cannot decode; a declared encoding that does not fit the bytes is a fault.
    """

    def __init__(self, chunks: Iterator[bytes], encoding: str | None = None):
        self._chunks = chunks
        self._forced = encoding
        self.encoding = ""
        self.replaced = 0
        # of UTF-8 that passes through as it is: the length of its byte order mark
        self.is_plain = False
        self.mark = 0

    def __iter__(self) -> Iterator[bytes]:
        head = b""
        for chunk in self._chunks:
            head += chunk
            if len(head) >= 1024:
                break
        if not head:
            return
        found, mark = sniff(head) if self._forced is None else (_codec(self._forced, b""), 0)
        if self._forced is not None and head.startswith(codecs.BOM_UTF8):
            mark = len(codecs.BOM_UTF8)
        self.encoding = found
        if found == "utf-8" and self._forced is None:
            self.is_plain, self.mark = True, mark
            yield head[mark:]
            yield from self._chunks
            return
        decoder = codecs.getincrementaldecoder(found)("strict" if self._forced is None else "replace")
        line = 1
        try:
            text = decoder.decode(head[mark:])
            while True:
                if self._forced is not None:
                    self.replaced += text.count("\ufffd")
                line += text.count("\n")
                yield text.encode("utf-8", "surrogatepass")
                following = next(self._chunks, None)
                if following is None:
                    text = decoder.decode(b"", final=True)
                    self.replaced += text.count("\ufffd") if self._forced is not None else 0
                    yield text.encode("utf-8", "surrogatepass")
                    return
                text = decoder.decode(following)
        except UnicodeDecodeError as error:
            raise UnreadableError(
                "naaccr-encoding",
                f"the file holds bytes that are not {found}",
                hint="correct the encoding in the first line, or write the file in that encoding",
                line=line + error.object[: error.start].count(b"\n"),
            ) from error
