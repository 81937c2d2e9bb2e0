"""The quick reader of one patient in plain form, which nearly all patients of real files have.

Plain form: elements without prefix or attributes beyond naaccrId and naaccrNum, no CDATA, comment, processing instruction
or stray text. Such a text is well-formed by itself, so it can be taken apart by splitting at `<` and looking the pieces
up; what each piece means, and whether its value has a fault, is remembered. Anything else gives None and is read by the
complete reader (`parser`), which decides alone; both give the same for what is plain (a test holds them together).
"""

from __future__ import annotations

import re
from html import unescape
from typing import NamedTuple

from abstracting.naaccr.findings import Finding
from abstracting.naaccr.items import Item
from abstracting.naaccr.options import FINDINGS_A_PATIENT, TUMORS
from abstracting.naaccr.records import Patient, Tumor
from abstracting.naaccr.rules import ItemRules

# what is remembered: pieces whose value is at most this long, and at most so many of them
SHORT = 5
REMEMBERED = 60_000
# a longer text is left to the complete reader, whose memory does not grow with the number of pieces
LONGEST = 1_000_000

_HEAD = re.compile(
    r"Item[ \t\n]+naaccrId=(\"[^\"&\t\n>]*\"|'[^'&\t\n>]*')"
    r"(?:[ \t\n]+naaccrNum=(\"[^\"&\t\n>]*\"|'[^'&\t\n>]*'))?[ \t\n]*"
)
_HEAD_NUMBER_FIRST = re.compile(
    r"Item[ \t\n]+naaccrNum=(\"[^\"&\t\n>]*\"|'[^'&\t\n>]*')[ \t\n]+naaccrId=(\"[^\"&\t\n>]*\"|'[^'&\t\n>]*')[ \t\n]*"
)
_CLOSER = re.compile(r"/Item[ \t\n]*>[ \t\n]*")
_TAG = re.compile(r"(/?)(Patient|Tumor)[ \t\n]*>[ \t\n]*")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\\]\\]>")
_REFERENCES = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)")
_SPACE = re.compile(r"[ \t\n]*")

# the shape of a patient without any fault: items of the patient, then tumors with items of the tumor
_CLEAN = re.compile(r"P(?:ai)*(?:T(?:bi)*t)*p")
# ... and of one that can have faults (x: an item with a fault or of another level, e: an item without value)
_PLAIN = re.compile(r"P(?:[abxe]i|s)*(?:T(?:[abxe]i|s)*t)*p")


class Piece(NamedTuple):
    """What the text between two `<` means: `kind` is a letter of the shapes above; the rest is for items."""

    kind: str
    number: int = 0
    value: str = ""
    id: str = ""
    item: Item | None = None
    level_number: str | None = None


_TAGS = {"Patient": Piece("P"), "Tumor": Piece("T"), "/Patient": Piece("p"), "/Tumor": Piece("t")}
_CLOSE = Piece("i")


class PlainReader:
    """Reads patients in plain form under the rules of one file."""

    def __init__(self, rules: ItemRules):
        self.rules = rules
        self.usable = not rules.moves and not rules.renamed
        self._pieces: dict[str, Piece] = {}
        self._heads: dict[str, tuple[str, str | None, bool, Item | None] | None] = {}

    def read(self, text: str, line: int, index: int) -> Patient | None:
        """Gives the patient of a text from between two patients to the end tag of the next; None where it is not plain.

        `line` is the line of the text's first character. Line ends must be single line feeds.
        """
        if len(text) > LONGEST:
            return None
        parts = text.split("<")
        if _SPACE.fullmatch(parts[0]) is None:
            return None
        known = self._pieces.get
        pieces = [known(part) for part in parts]
        pieces.pop(0)
        if None in pieces:
            for position, piece in enumerate(pieces):
                if piece is None:
                    piece = self._read_piece(parts[position + 1])
                    if piece is None:
                        return None
                    pieces[position] = piece
        kinds = "".join([piece[0] for piece in pieces])
        patient = Patient(line=line + parts[0].count("\n"), end_line=line + text.count("\n"), index=index)
        if _CLEAN.fullmatch(kinds):
            return self._clean(patient, pieces, kinds, text, line)
        if _PLAIN.fullmatch(kinds):
            return self._with_faults(patient, pieces, parts, line)
        return None

    def _clean(self, patient: Patient, pieces: list[Piece], kinds: str, text: str, line: int) -> Patient | None:
        end = kinds.find("T")
        run = pieces[1 : end if end > 0 else -1 : 2]
        patient.items = {piece[1]: piece[2] for piece in run}
        if len(patient.items) != len(run):
            return None
        place = newlines = 0
        while end > 0:
            start, end = end + 1, kinds.index("t", end)
            run = pieces[start:end:2]
            items = {piece[1]: piece[2] for piece in run}
            if len(items) != len(run):
                return None
            opened = text.index("<Tumor", place)
            newlines += text.count("\n", place, opened)
            closed = text.index("</Tumor", opened)
            first = line + newlines
            newlines += text.count("\n", opened, closed)
            patient.tumors.append(Tumor(items, line=first, end_line=line + newlines))
            place = closed
            end = kinds.find("T", end)
        return patient if len(patient.tumors) <= TUMORS else None

    def _with_faults(self, patient: Patient, pieces: list[Piece], parts: list[str], line: int) -> Patient | None:
        line += parts[0].count("\n")
        level, node = "Patient", patient
        seen: set[str] = set()
        keep = self.rules.options.unknown_items == "process"
        for piece, part in zip(pieces, parts[1:], strict=True):
            kind = piece.kind
            newlines = part.count("\n")
            if kind in "abxes":
                # a repeated id, whatever its value, is for the complete reader to refuse
                if piece.id in seen:
                    return None
                seen.add(piece.id)
                if kind in "abx":
                    fault = self._store(piece, level, node, keep)
                    if fault is not None and len(patient.findings) < FINDINGS_A_PATIENT:
                        patient.findings.append(self._finding(piece, fault, level, line + newlines, patient))
            elif kind == "T":
                node = Tumor(line=line)
                patient.tumors.append(node)
                level, seen = "Tumor", set()
            elif kind == "t":
                node.end_line = line
            line += newlines
        own = patient.items.get(20)
        if patient.findings:
            patient.findings = [finding_of(finding, own) for finding in patient.findings]
        return patient if len(patient.tumors) <= TUMORS else None

    def _store(self, piece: Piece, level: str, node: Patient | Tumor, keep: bool) -> tuple[str, str] | None:
        meaning = self.rules.read(piece.id, piece.level_number, piece.value, level, 0)
        if meaning.item is not None:
            node.items[meaning.item.number] = piece.value
        elif keep:
            node.unknown[meaning.id] = piece.value
        return meaning.fault

    @staticmethod
    def _finding(piece: Piece, fault: tuple[str, str], level: str, line: int, patient: Patient) -> Finding:
        return Finding(
            fault[0],
            f"{level}/Item" if piece.item else level,
            fault[1],
            line=line,
            patient=patient.index,
            tumor=len(patient.tumors) if level == "Tumor" else None,
            item=piece.id,
            number=piece.item.number if piece.item else None,
            value=piece.value,
        )

    # --- pieces ------------------------------------------------------------------------------------------------------

    def _read_piece(self, part: str) -> Piece | None:
        if part[0:1] == "I":
            head, sign, value = part.partition(">")
            if not sign:
                return None
            known = self._heads.get(head, False)
            if known is False:
                known = self._read_head(head)
            return None if known is None else self._read_item(part, known, value)
        if _CLOSER.fullmatch(part):
            piece: Piece | None = _CLOSE
        else:
            tag = _TAG.fullmatch(part)
            piece = _TAGS[tag[1] + tag[2]] if tag else None
        if piece is not None:
            self._remember(part, piece)
        return piece

    def _read_head(self, head: str) -> tuple[str, str | None, bool, Item | None] | None:
        """Gives (id, number, whether the element is empty, item) of an Item's start tag; None where it is not plain."""
        inner, empty = (head[:-1], True) if head.endswith("/") else (head, False)
        known = None
        if _FORBIDDEN.search(inner) is None:
            if match := _HEAD.fullmatch(inner):
                naaccr_id, number = match[1][1:-1], match[2] and match[2][1:-1]
            elif match := _HEAD_NUMBER_FIRST.fullmatch(inner):
                naaccr_id, number = match[2][1:-1], match[1][1:-1]
            else:
                naaccr_id = ""
            # an id with spaces around it, or a number that is none, has rules of its own: not plain
            if naaccr_id and naaccr_id == naaccr_id.strip() and (number is None or re.fullmatch("[0-9]{1,9}", number)):
                known = naaccr_id, number, empty, self.rules.by_id.get(naaccr_id)
        if len(self._heads) < REMEMBERED:
            self._heads[head] = known
        return known

    def _read_item(self, part: str, known: tuple[str, str | None, bool, Item | None], value: str) -> Piece | None:
        naaccr_id, number, empty, item = known
        if empty:
            return Piece("s", id=naaccr_id) if _SPACE.fullmatch(value) else None
        if not value:
            return Piece("e", id=naaccr_id)
        if _FORBIDDEN.search(value):
            return None
        if "&" in value:
            if _REFERENCES.search(value):
                return None
            value = unescape(value)
        kind = "x"
        if (
            item is not None
            and (number is None or int(number) == item.number)
            and self.rules.fault(item, value, item.level) is None
        ):
            kind = {"Patient": "a", "Tumor": "b"}.get(item.level, "x")
        piece = Piece(kind, item.number if item else 0, value, naaccr_id, item, number)
        if len(value) <= SHORT:
            self._remember(part, piece)
        return piece

    def _remember(self, part: str, piece: Piece) -> None:
        if len(self._pieces) < REMEMBERED and len(part) < 200:
            self._pieces[part] = piece


def finding_of(finding: Finding, patient_id: str | None) -> Finding:
    """Gives a finding with the patient's own number."""
    from dataclasses import replace

    return replace(finding, patient_id=patient_id)
