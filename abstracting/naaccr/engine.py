"""Reading a document piece by piece: plain patients quickly, all else by the complete reader, with one result.

The text is cut after each end tag of a patient. Where the complete reader stands between two patients after such a cut,
the quick reader may try the next piece; where a cut fell inside something else (a comment, CDATA), the complete reader
goes on until it is between patients again.
"""

from __future__ import annotations

from abstracting.naaccr.options import ReadOptions
from abstracting.naaccr.parser import DocumentParser, Opening
from abstracting.naaccr.plain import LONGEST, PlainReader
from abstracting.naaccr.records import Patient

END = b"</Patient>"


def count_lines(data: bytes) -> int:
    """Gives the number of line ends, however they are written; `data` must not end between CR and LF."""
    lines = data.count(b"\n")
    return lines if b"\r" not in data else lines + data.count(b"\r") - data.count(b"\r\n")


class Engine:
    """Feed it UTF-8 text; complete patients gather in `patients` (the caller empties the list).

    With the `opening` of another engine it starts between two patients at `line`, after `index` patients. `between` says
    whether it stands between patients (or before the root), with nothing held back but space.
    """

    def __init__(self, options: ReadOptions, *, opening: Opening | None = None, line: int = 1, index: int = 0):
        self.options = options
        self.opening = opening
        self.patients: list[Patient] = []
        self.notes: list[str] = []
        self.line, self.index = line, index
        self._rest = b""
        self._plain = PlainReader(opening.rules) if opening is not None else None
        self._parser: DocumentParser | None = None
        if opening is None:
            self._parser = DocumentParser(options, self.patients.append)
            self.notes = self._parser.notes

    @property
    def between(self) -> bool:
        return self._parser is None and not self._rest.strip()

    def release(self) -> bytes | None:
        """Gives the text held back, to be read by others from here on; None where that is inside of something."""
        if self._parser is not None:
            return None
        rest, self._rest = self._rest, b""
        return rest

    def feed(self, data: bytes) -> None:
        """Reads on; raises `UnreadableError` at the first place that cannot be read, with `patients` complete so far."""
        data = self._rest + data
        start = 0
        try:
            while (cut := data.find(END, start)) >= 0:
                cut += len(END)
                self._read_piece(data[start:cut])
                start = cut
            if len(data) - start > LONGEST or (self._parser is not None and len(data) - start > len(END)):
                # never between CR and LF, and an end tag must not be cut in two
                cut = len(data) - len(END)
                while cut > start and data[cut - 1 : cut] == b"\r":
                    cut -= 1
                self._read_completely(data[start:cut])
                start = cut
        finally:
            self._rest = data[start:]

    def finish(self) -> None:
        """Reads the end of the document; raises where it is cut off."""
        rest, self._rest = self._rest, b""
        self._read_completely(rest, final=True)

    def _read_piece(self, piece: bytes) -> None:
        if self._parser is None and self._plain is not None:
            patient = None
            try:
                text = piece.decode()
            except UnicodeDecodeError:
                text = ""
            if text:
                if "\r" in text:
                    text = text.replace("\r\n", "\n").replace("\r", "\n")
                patient = self._plain.read(text, self.line, self.index + 1)
            if patient is not None:
                self.patients.append(patient)
                self.index += 1
                self.line = patient.end_line or self.line
                return
        self._read_completely(piece)
        parser = self._parser
        if parser is not None and parser.depth == 1 and parser.opening is not None and parser.opening.plain:
            if self._plain is None:
                self._plain = PlainReader(parser.opening.rules)
            if self._plain.usable:
                self._parser = None

    def _read_completely(self, data: bytes, *, final: bool = False) -> None:
        parser = self._parser
        if parser is None:
            parser = DocumentParser(
                self.options, self.patients.append, opening=self.opening, line=self.line, index=self.index
            )
            self._parser = parser
        try:
            parser.feed(data, final=final)
        finally:
            self.opening = parser.opening
            self.index = parser.index
            self.line += count_lines(data)
            if parser.notes is not self.notes:
                self.notes.extend(note for note in parser.notes if note not in self.notes)
