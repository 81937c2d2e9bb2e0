"""The quick reader of one patient in plain form, which nearly all patients of real files have.

Plain form: elements without prefix or attributes beyond naaccrId and naaccrNum, no CDATA, comment, processing instruction
or stray text. Such a text is well-formed by itself, so it can be taken apart by splitting at `<` and looking the pieces
up; what each piece means, and whether its value has a fault, is remembered. Anything else gives None and is read by the
complete reader (`parser`), which decides alone; both give the same for what is plain (a test holds them together).
"""

from __future__ import annotations

import re
from dataclasses import replace
from operator import itemgetter

from abstracting.naaccr.findings import Finding
from abstracting.naaccr.items import Item
from abstracting.naaccr.options import FINDINGS_A_PATIENT, ITEMS, TUMORS
from abstracting.naaccr.records import Patient, Tumor
from abstracting.naaccr.rules import ItemRules

# what is remembered: pieces whose value is at most this long, and at most so many of them
SHORT = 5
REMEMBERED = 60_000
# a longer text is left to the complete reader, whose memory does not grow with the number of pieces
LONGEST = 1_000_000

_VALUE = r"(\"[^\"&\t\n>]*\"|'[^'&\t\n>]*')"
_HEAD = re.compile(rf"Item[ \t\n]+naaccrId={_VALUE}(?:[ \t\n]+naaccrNum={_VALUE})?[ \t\n]*")
_HEAD_NUMBER_FIRST = re.compile(rf"Item[ \t\n]+naaccrNum={_VALUE}[ \t\n]+naaccrId={_VALUE}[ \t\n]*")
_CLOSER = re.compile(r"/Item[ \t\n]*>[ \t\n]*")
_TAG = re.compile(r"(/?)(Patient|Tumor)[ \t\n]*>[ \t\n]*")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\\]\\]>")
_REFERENCE = re.compile(r"&(?:#([0-9]{1,7})|#x([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_SPACE = re.compile(r"[ \t\n]*")

# the shape of a patient without any fault: items of the patient, then tumors with items of the tumor
_CLEAN = re.compile(r"P(?:ai)*(?:T(?:bi)*t)*p")
# ... and of one that can have faults (x: an item with a fault or of another level, e: an item without value, s: the same
# as an empty element)
_PLAIN = re.compile(r"P(?:[abxe]i|s)*(?:T(?:[abxe]i|s)*t)*p")

# what the text between two `<` means: a letter of the shapes above, and for items the number, the value, the id, the
# item of the dictionary and naaccrNum; plain tuples, because they are made and taken apart a million times
Piece = tuple[str, int, str, str, Item | None, str | None]

_TAGS: dict[str, Piece] = {
    tag: (kind, 0, "", "", None, None)
    for tag, kind in (("Patient", "P"), ("Tumor", "T"), ("/Patient", "p"), ("/Tumor", "t"), ("/Item", "i"))
}
_kind = itemgetter(0)
_pair = itemgetter(1, 2)

# values that are certainly without fault, by type: the common ones, so that the rest can be looked at in full. Dates up
# to the 28th are in every calendar; texts without `&`, `]`, control characters and characters that count twice.
_SURE_TYPES = {
    "alpha": "[A-Z]{{{0}}}",
    "digits": "[0-9]{{{0}}}",
    "mixed": "[A-Z0-9]{{{0}}}",
    "numeric": r"(?=.{{1,{0}}}\Z)[0-9]+(\.[0-9]+)?",
    "date": r"(?=.{{1,{0}}}\Z)(?:18|19|20)[0-9]{{2}}(?:(?:0[1-9]|1[0-2])(?:0[1-9]|1[0-9]|2[0-8])?)?",
    "text": "(?! )[^&\\]\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe-\U0010ffff]{{1,{0}}}(?<! )",
}


class _Head:
    """What the start tag of an Item says: `sure` matches values that are without fault at the item's own level."""

    __slots__ = ("empty", "id", "item", "kind", "number", "sure")

    def __init__(self, naaccr_id: str, number: str | None, empty: bool, item: Item | None):
        self.id, self.number, self.empty, self.item = naaccr_id, number, empty, item
        self.kind = "x"
        self.sure: re.Pattern[str] | None = None
        if item is not None and (number is None or int(number) == item.number):
            self.kind = {"Patient": "a", "Tumor": "b"}.get(item.level, "x")
            shape = _SURE_TYPES.get(item.type)
            if shape is not None and self.kind != "x" and item.length > 0:
                self.sure = re.compile(shape.format(item.length))


class PlainReader:
    """Reads patients in plain form under the rules of one file."""

    def __init__(self, rules: ItemRules):
        self.rules = rules
        self.usable = not rules.moves and not rules.renamed
        self._pieces: dict[str, Piece] = {}
        self._heads: dict[str, _Head | None] = {}

    def read(self, text: str, line: int, index: int) -> Patient | None:
        """Gives the patient of a text from between two patients to the end tag of the next; None where it is not plain.

        `line` is the line of the text's first character. Line ends must be single line feeds.
        """
        if len(text) > LONGEST:
            return None
        parts = text.split("<")
        if len(parts) > 2 * ITEMS or _SPACE.fullmatch(parts[0]) is None:
            return None
        pieces: list[Piece | None] = list(map(self._pieces.get, parts))
        position = 0
        try:
            while True:
                position = pieces.index(None, position + 1)
                piece = self._read_piece(parts[position])
                if piece is None:
                    return None
                pieces[position] = piece
        except ValueError:
            # no piece is left that was not known
            known: list[Piece] = pieces[1:]  # type: ignore[assignment]
        kinds = "".join(map(_kind, known))
        patient = Patient(line=line + parts[0].count("\n"), end_line=line + text.count("\n"), index=index)
        if _CLEAN.fullmatch(kinds):
            return self._clean(patient, known, kinds, text, line)
        if _PLAIN.fullmatch(kinds):
            return self._with_faults(patient, known, kinds, parts, line)
        return None

    def _clean(self, patient: Patient, pieces: list[Piece], kinds: str, text: str, line: int) -> Patient | None:
        end = kinds.find("T")
        run = pieces[1 : end if end > 0 else -1 : 2]
        patient.items = dict(map(_pair, run))
        if len(patient.items) != len(run):
            return None
        place = newlines = 0
        while end > 0:
            start, end = end + 1, kinds.index("t", end)
            run = pieces[start:end:2]
            items: dict[int, str] = dict(map(_pair, run))
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

    def _with_faults(
        self, patient: Patient, pieces: list[Piece], kinds: str, parts: list[str], line: int
    ) -> Patient | None:
        def line_at(position: int) -> int:
            return line + "".join(parts[: position + 1]).count("\n")

        start, end = 1, kinds.find("T")
        level, good = "Patient", "a"
        node: Patient | Tumor = patient
        while True:
            stop = kinds.find("t", start) if level == "Tumor" else (end if end > 0 else len(kinds) - 1)
            ids: list[str] = []
            for position in range(start, stop):
                piece = pieces[position]
                kind = piece[0]
                if kind == "i":
                    continue
                ids.append(piece[3])
                if kind == good:
                    node.items[piece[1]] = piece[2]
                elif kind in "abx":
                    fault = self._store(piece, level, node)
                    if fault is not None and len(patient.findings) < FINDINGS_A_PATIENT:
                        place = line_at(position + 1)
                        patient.findings.append(_finding(piece, fault, level, place, patient))
            if len(set(ids)) != len(ids):
                # a repeated id, whatever its value, is for the complete reader to refuse
                return None
            if level == "Tumor":
                node.end_line = line_at(stop)
                end = kinds.find("T", stop)
            if end < 0:
                break
            start = end + 1
            tumor = node = Tumor(line=line_at(end))
            patient.tumors.append(tumor)
            level, good = "Tumor", "b"
        if patient.findings:
            own = patient.items.get(20)
            patient.findings = [replace(finding, patient_id=own) for finding in patient.findings]
        return patient if len(patient.tumors) <= TUMORS else None

    def _store(self, piece: Piece, level: str, node: Patient | Tumor) -> tuple[str, str] | None:
        meaning = self.rules.read(piece[3], piece[5], piece[2], level, 0)
        if meaning.item is not None:
            node.items[meaning.item.number] = piece[2]
        elif self.rules.options.unknown_items == "process":
            node.unknown[meaning.id] = piece[2]
        return meaning.fault

    # --- pieces ------------------------------------------------------------------------------------------------------

    def _read_piece(self, part: str) -> Piece | None:
        if part[0:1] == "I":
            tag, sign, value = part.partition(">")
            head = self._heads.get(tag)
            if head is None and (not sign or (head := self._read_head(tag)) is None):
                return None
            if head.sure is not None and not head.empty and head.sure.fullmatch(value):
                piece: Piece = (head.kind, head.item.number, value, head.id, head.item, head.number)  # type: ignore[union-attr]
                if len(value) <= SHORT:
                    self._remember(part, piece)
                return piece
            return self._read_item(part, head, value)
        if _CLOSER.fullmatch(part):
            found: Piece | None = _TAGS["/Item"]
        else:
            tag_found = _TAG.fullmatch(part)
            found = _TAGS[tag_found[1] + tag_found[2]] if tag_found else None
        if found is not None:
            self._remember(part, found)
        return found

    def _read_head(self, tag: str) -> _Head | None:
        """Gives what an Item's start tag says; None where it is not plain."""
        inner, empty = (tag[:-1], True) if tag.endswith("/") else (tag, False)
        if _FORBIDDEN.search(inner) is not None:
            return None
        if match := _HEAD.fullmatch(inner):
            naaccr_id, number = match[1][1:-1], match[2] and match[2][1:-1]
        elif match := _HEAD_NUMBER_FIRST.fullmatch(inner):
            naaccr_id, number = match[2][1:-1], match[1][1:-1]
        else:
            return None
        # an id with spaces around it, or a number that is none, has rules of its own: not plain
        if not naaccr_id or naaccr_id != naaccr_id.strip() or (number and not re.fullmatch("[0-9]{1,9}", number)):
            return None
        if number == "":
            return None
        head = _Head(naaccr_id, number, empty, self.rules.by_id.get(naaccr_id))
        if len(self._heads) < REMEMBERED:
            self._heads[tag] = head
        return head

    def _read_item(self, part: str, head: _Head, value: str) -> Piece | None:
        if head.empty:
            return ("s", 0, "", head.id, head.item, head.number) if _SPACE.fullmatch(value) else None
        if not value:
            return ("e", 0, "", head.id, head.item, head.number)
        if _FORBIDDEN.search(value):
            return None
        if "&" in value:
            resolved = _resolve(value)
            if resolved is None:
                return None
            value = resolved
        kind, item = head.kind, head.item
        if kind != "x" and self.rules.fault(item, value, item.level) is not None:  # type: ignore[arg-type, union-attr]
            kind = "x"
        piece: Piece = (kind, item.number if item else 0, value, head.id, item, head.number)
        if len(value) <= SHORT:
            self._remember(part, piece)
        return piece

    def _remember(self, part: str, piece: Piece) -> None:
        if len(self._pieces) < REMEMBERED and len(part) < 200:
            self._pieces[part] = piece


def _resolve(value: str) -> str | None:
    """Gives a text with its references resolved; None where one is not of XML itself or no character of XML."""
    parts = _REFERENCE.split(value)
    if len(parts) // 4 != value.count("&"):
        return None
    for place in range(1, len(parts), 4):
        decimal, hexadecimal, name = parts[place : place + 3]
        code = int(decimal) if decimal else int(hexadecimal, 16) if hexadecimal else ord(_NAMED[name])
        if not (code in (9, 10, 13) or 32 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code < 0x110000):
            return None
        parts[place : place + 3] = [chr(code), "", ""]
    return "".join(parts)


def _finding(piece: Piece, fault: tuple[str, str], level: str, line: int, patient: Patient) -> Finding:
    item = piece[4]
    return Finding(
        fault[0],
        f"{level}/Item" if item else level,
        fault[1],
        line=line,
        patient=patient.index,
        tumor=len(patient.tumors) if level == "Tumor" else None,
        item=piece[3],
        number=item.number if item else None,
        value=piece[2],
    )
