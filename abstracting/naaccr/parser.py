"""The complete reader of NAACCR XML: expat events into patients, with every rule of structure and value.

It reads any document; `fast` reads the plain form that nearly all patients have and must give the same. Entities are
never expanded and nothing is fetched: a document that defines entities is refused, a document type that only names an
external file is read without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from abstracting.naaccr.findings import FINDINGS_KEPT, UNEXPECTED_ELEMENT, UNEXPECTED_TEXT, Finding, UnreadableError
from abstracting.naaccr.items import Dictionary
from abstracting.naaccr.options import (
    DEPTH,
    EXTENSION_BYTES,
    FINDINGS_A_PATIENT,
    ITEMS,
    MARKUP_BYTES,
    NAMESPACE,
    NOTES,
    PATIENT_BYTES,
    TUMORS,
    ReadOptions,
)
from abstracting.naaccr.records import Node, Patient, Root, Tumor
from abstracting.naaccr.root import ELEMENTS, qualified, read_root, split_name
from abstracting.naaccr.rules import MOVED_TO_TUMOR, ItemRules

IN_ITEMS, IN_EXTENSIONS, IN_CHILDREN = 0, 1, 2
FEED = 64 * 1024


class _Frame:
    """One open NaaccrData, Patient or Tumor: where its items go, and how far its fixed order has come."""

    __slots__ = ("level", "node", "phase", "seen")

    def __init__(self, level: str, node: Node):
        self.level, self.node = level, node
        self.phase = IN_ITEMS
        self.seen: set[str] = set()


@dataclass(frozen=True, slots=True)
class Opening:
    """What the start tag of a document settled. `plain`: names without a prefix are those of the format."""

    root: Root
    dictionary: Dictionary
    rules: ItemRules
    start_tag: bytes
    plain: bool


class DocumentParser:
    """Reads a document piece by piece; complete patients are handed to `on_patient`.

    `depth` is 0 outside the root, 1 between patients. A parser made with the `opening` of an earlier one reads on from
    between two patients, as if it had read the root itself; `line` is the line at which the text goes on.
    """

    def __init__(
        self,
        options: ReadOptions,
        on_patient: Callable[[Patient], None],
        *,
        opening: Opening | None = None,
        line: int = 1,
        index: int = 0,
    ):
        self.options, self.on_patient, self.index = options, on_patient, index
        self.opening = opening
        self.notes: list[str] = []
        self._line = line - 1
        self._declared: dict[str, str] = {}
        self._frames: list[_Frame] = []
        self._depth = 0
        self._fed = 0
        self._mark = 0
        self._opened = 0
        self._item: tuple[str, str | None] | None = None
        self._item_name = ""
        self._text: list[str] = []
        self._inline = 0
        self._extension: StringIO | None = None
        self._extension_depth = 0
        self._make_parser()
        self._resuming = opening is not None
        if opening is not None:
            self._parse(opening.start_tag, False)
            self._opened = len(opening.start_tag)
            self._resuming = False

    def _make_parser(self) -> None:
        parser: Any = expat.ParserCreate("utf-8", " ")
        parser.namespace_prefixes = True
        parser.ordered_attributes = True
        parser.specified_attributes = True
        parser.buffer_text = True
        if hasattr(parser, "SetReparseDeferralEnabled"):
            parser.SetReparseDeferralEnabled(False)
        parser.XmlDeclHandler = self._on_declaration
        parser.EntityDeclHandler = self._on_entity
        parser.SkippedEntityHandler = self._on_entity
        parser.StartNamespaceDeclHandler = self._on_namespace
        parser.StartElementHandler = self._on_start
        parser.EndElementHandler = self._on_end
        parser.CharacterDataHandler = self._on_text
        self.parser = parser

    @property
    def line(self) -> int:
        return self._line + int(self.parser.CurrentLineNumber)

    @property
    def depth(self) -> int:
        return self._depth

    def feed(self, data: bytes, *, final: bool = False) -> None:
        """Reads on; raises `UnreadableError` where the document cannot be read."""
        for start in range(0, len(data), FEED):
            piece = data[start : start + FEED]
            self._fed += len(piece)
            self._parse(piece, False)
            if self._fed - self._mark > PATIENT_BYTES:
                raise self._too_large(f"more than {PATIENT_BYTES // 1024 // 1024} MB without the end of a patient")
            # a tag or comment that does not end is held back by the parser, and read again with each piece
            if self._fed + self._opened - int(self.parser.CurrentByteIndex) > MARKUP_BYTES:
                raise self._too_large(f"a tag or comment is longer than {MARKUP_BYTES // 1024 // 1024} MB")
        if final:
            self._parse(b"", True)

    def _parse(self, data: bytes, final: bool) -> None:
        try:
            self.parser.Parse(data, final)
        except expat.ExpatError as error:
            line = self._line + error.lineno
            reason = expat.ErrorString(error.code)
            if self.opening is None:
                raise UnreadableError(
                    "naaccr-syntax",
                    f"no root element was found: {reason}",
                    hint="give a NAACCR XML file",
                    line=line,
                ) from error
            raise UnreadableError(
                "naaccr-syntax",
                f"not well-formed XML: {reason}",
                hint="the file was cut off or edited by hand: export it again, or correct this line",
                line=line,
            ) from error

    # --- what is refused ---------------------------------------------------------------------------------------------

    def _on_declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if version != "1.0":
            raise UnreadableError(
                "naaccr-syntax", f"the file is XML {version}", hint="NAACCR files are XML 1.0", line=self.line
            )

    def _on_entity(self, name: str, *rest: Any) -> None:
        raise UnreadableError(
            "naaccr-entity",
            f"the entity {name} is defined by the file itself",
            hint="write the text itself in place of the entity, and remove the document type",
            line=self.line,
        )

    def _too_large(self, message: str) -> UnreadableError:
        return UnreadableError("naaccr-too-large", message, hint="this is no real record file", line=self.line)

    def _refuse(self, message: str, hint: str) -> UnreadableError:
        return UnreadableError("naaccr-structure", message, hint=hint, line=self.line)

    # --- elements ----------------------------------------------------------------------------------------------------

    def _on_namespace(self, prefix: str | None, uri: str | None) -> None:
        if self._depth == 0:
            self._declared[prefix or ""] = uri or ""

    def _on_start(self, name: str, attributes: list[str]) -> None:
        self._depth += 1
        if name == self._item_name and self._item is None and not self._extension_depth:
            # nearly every element: an Item where Items may stand
            frame = self._frames[-1]
            if frame.phase == IN_ITEMS:
                self._start_item(frame, dict(zip(attributes[::2], attributes[1::2], strict=True)))
                return
        if self._depth > DEPTH:
            raise self._too_large(f"elements are nested more than {DEPTH} deep")
        pairs = list(zip(attributes[::2], attributes[1::2], strict=True))
        if self._extension_depth:
            self._extension_depth += 1
            self._open_extension(name, pairs)
        elif self._item is not None:
            self._inline += 1
            if self._inline == 1:
                shown = qualified(*split_name(name)[1:])
                self._find(UNEXPECTED_ELEMENT, f"element {shown} stands inside an item", item=self._item[0].strip())
        elif not self._frames:
            self._start_root(name, pairs)
        else:
            self._start_child(name, pairs)

    def _start_root(self, name: str, pairs: list[tuple[str, str]]) -> None:
        uri, local, prefix = split_name(name)
        if uri == NAMESPACE or self.options.relaxed:
            self._item_name = name.replace("NaaccrData", "Item")
        if self._resuming:
            assert self.opening is not None
            self._frames.append(_Frame("NaaccrData", self.opening.root))
            self._frames[0].phase = IN_CHILDREN
            return
        root, dictionary, self.notes = read_root(name, pairs, self._declared, self.options, self.line)
        rules = ItemRules(dictionary, root.record_type, self.options)
        default = self._declared.get("", "")
        spaces = "".join(f" xmlns{':' * bool(key)}{key}={quoteattr(to)}" for key, to in self._declared.items() if to)
        self.opening = Opening(
            root,
            dictionary,
            rules,
            start_tag=f"<{qualified(local, prefix)}{spaces}>".encode(),
            plain=default == NAMESPACE or (not default and self.options.relaxed),
        )
        self._frames.append(_Frame("NaaccrData", root))
        self._mark = self._fed

    def _start_child(self, name: str, pairs: list[tuple[str, str]]) -> None:
        uri, local, prefix = split_name(name)
        frame = self._frames[-1]
        ours = uri == NAMESPACE or (uri == "" and self.options.relaxed)
        if ours and local in ELEMENTS:
            self._start_ours(local, qualified(local, prefix), frame, pairs)
            return
        shown = qualified(local, prefix)
        if not self.options.ignore_extensions:
            if uri in ("", NAMESPACE):
                raise self._refuse(
                    f"element {shown} is not part of the format",
                    "correct the name, or put the element into a namespace of its own and register it",
                )
            if uri not in self.options.namespaces.values():
                raise UnreadableError(
                    "naaccr-namespace",
                    f"element {shown} is of the namespace {uri}, which is not registered",
                    hint=f"register it with --namespace {prefix or 'x'}={uri}",
                    line=self.line,
                )
        if frame.phase > IN_EXTENSIONS:
            raise self._refuse(f"element {shown} follows a child element", "put it before Patient or Tumor elements")
        frame.phase = IN_EXTENSIONS
        self._extension_depth = 1
        self._extension = None if self.options.ignore_extensions else StringIO()
        self._open_extension(name, pairs, outermost=True)

    def _start_ours(self, local: str, shown: str, frame: _Frame, pairs: list[tuple[str, str]]) -> None:
        if local == "Item":
            if frame.phase != IN_ITEMS:
                raise self._refuse(
                    f"an Item follows other elements of {frame.level}", "put all Items first, as the format requires"
                )
            self._start_item(frame, dict(pairs))
        elif local == "Patient" and frame.level == "NaaccrData":
            self._refuse_attributes(shown, pairs)
            frame.phase = IN_CHILDREN
            self.index += 1
            self._frames.append(_Frame("Patient", Patient(line=self.line, index=self.index)))
        elif local == "Tumor" and frame.level == "Patient":
            self._refuse_attributes(shown, pairs)
            frame.phase = IN_CHILDREN
            patient = frame.node
            assert isinstance(patient, Patient)
            if len(patient.tumors) >= TUMORS:
                raise self._too_large(f"a patient has more than {TUMORS} tumors")
            tumor = Tumor(line=self.line)
            patient.tumors.append(tumor)
            self._frames.append(_Frame("Tumor", tumor))
        else:
            raise self._refuse(f"element {shown} stands in {frame.level}", "the order is NaaccrData, Patient, Tumor")

    def _refuse_attributes(self, shown: str, pairs: list[tuple[str, str]]) -> None:
        if pairs:
            raise self._refuse(
                f"{shown} has the attribute {qualified(*split_name(pairs[0][0])[1:])}", f"{shown} has no attributes"
            )

    def _start_item(self, frame: _Frame, attributes: dict[str, str]) -> None:
        raw = attributes.get("naaccrId", "")
        if raw and raw in frame.seen:
            raise self._duplicate(raw, frame)
        if len(frame.seen) >= ITEMS:
            raise self._too_large(f"one {frame.level} has more than {ITEMS} items")
        frame.seen.add(raw)
        self._item = raw, attributes.get("naaccrNum")
        self._text = []
        if len(attributes) == 1 and raw:
            return
        for key in attributes:
            if key not in ("naaccrId", "naaccrNum"):
                self._note(f"attribute {qualified(*split_name(key)[1:])} of Item is not part of the format")

    def _duplicate(self, naaccr_id: str, frame: _Frame) -> UnreadableError:
        return UnreadableError(
            "naaccr-duplicate",
            f"item {naaccr_id.strip()} stands twice in one {frame.level}",
            hint="keep one of the two; a reader cannot know which is right",
            line=self.line,
        )

    def _note(self, text: str) -> None:
        if text not in self.notes and len(self.notes) < NOTES:
            self.notes.append(text)

    def _on_end(self, name: str) -> None:
        self._depth -= 1
        if self._extension_depth:
            self._extension_depth -= 1
            self._close_extension(name)
        elif self._inline:
            self._inline -= 1
        elif self._item is not None:
            self._end_item()
        else:
            frame = self._frames.pop()
            if isinstance(frame.node, Tumor):
                frame.node.end_line = self.line
            elif isinstance(frame.node, Patient):
                self._end_patient(frame.node)

    def _end_item(self) -> None:
        assert self._item is not None and self.opening is not None
        (raw, number), self._item = self._item, None
        value = "".join(self._text)
        if not value:
            return
        frame = self._frames[-1]
        meaning = self.opening.rules.read(raw, number, value, frame.level, self.line)
        node = frame.node
        if meaning.item is not None:
            if meaning.item.number in node.items:
                raise self._duplicate(meaning.id, frame)
            node.items[meaning.item.number] = value
        elif self.options.unknown_items == "process":
            if meaning.id in node.unknown:
                raise self._duplicate(meaning.id, frame)
            node.unknown[meaning.id] = value
        if meaning.fault is not None:
            code, message = meaning.fault
            item = meaning.item
            level = f"{frame.level}/Item" if item is not None else frame.level
            self._find(code, message, level=level, item=meaning.id, number=item.number if item else None, value=value)

    def _end_patient(self, patient: Patient) -> None:
        assert self.opening is not None
        patient.end_line = self.line
        if self.opening.rules.moves:
            move_to_tumors(patient)
        name_findings(patient)
        self._mark = self._fed
        self.on_patient(patient)

    # --- text --------------------------------------------------------------------------------------------------------

    def _on_text(self, text: str) -> None:
        if self._extension_depth:
            if self._extension is not None:
                self._extension.write(escape(text))
        elif self._item is not None:
            self._text.append(text)
        elif self._frames and (shown := text.strip(" \t\r\n")):
            level = self._frames[-1].level
            # the parser stands behind the text, whose lines are counted back
            line = self.line - text[text.index(shown[0]) :].count("\n")
            self._find(UNEXPECTED_TEXT, f"text stands between the elements of {level}", value=shown, line=line)

    def _find(self, code: str, message: str, *, level: str = "", line: int | None = None, **rest: Any) -> None:
        frames = self._frames
        holder: Any = frames[min(len(frames), 2) - 1].node
        if len(holder.findings) >= (FINDINGS_A_PATIENT if len(frames) > 1 else FINDINGS_KEPT):
            return
        patient = holder.index if isinstance(holder, Patient) else None
        tumor = len(holder.tumors) if isinstance(holder, Patient) and len(frames) > 2 else None
        finding = Finding(
            code, level or frames[-1].level, message, line=line or self.line, patient=patient, tumor=tumor, **rest
        )
        holder.findings.append(finding)

    # --- extensions --------------------------------------------------------------------------------------------------

    def _open_extension(self, name: str, pairs: list[tuple[str, str]], *, outermost: bool = False) -> None:
        out = self._extension
        if out is None:
            return
        uri, local, prefix = split_name(name)
        spaces = {prefix: uri}
        text = ""
        for key, value in pairs:
            key_uri, key_local, key_prefix = split_name(key)
            if key_prefix and key_prefix != "xml":
                spaces[key_prefix] = key_uri
            text += f" {qualified(key_local, key_prefix)}={quoteattr(value)}"
        known = self.opening.root.namespaces if self.opening is not None else {}
        for space, target in spaces.items():
            if not space or known.get(space) != target:
                text = f" {'xmlns:' + space if space else 'xmlns'}={quoteattr(target)}" + text
        out.write(f"<{qualified(local, prefix)}{text}>")
        if out.tell() > EXTENSION_BYTES:
            raise self._too_large(f"an extension is longer than {EXTENSION_BYTES // 1024 // 1024} MB")

    def _close_extension(self, name: str) -> None:
        out = self._extension
        if out is None:
            return
        out.write(f"</{qualified(*split_name(name)[1:])}>")
        if not self._extension_depth:
            self._frames[-1].node.extensions.append(out.getvalue())
            self._extension = None


def move_to_tumors(patient: Patient) -> None:
    """Moves the items that later belong to the tumor to all tumors of the patient that have none of their own."""
    for number in MOVED_TO_TUMOR & patient.items.keys():
        if patient.tumors:
            value = patient.items.pop(number)
            for tumor in patient.tumors:
                tumor.items.setdefault(number, value)


def name_findings(patient: Patient) -> None:
    """Adds the patient's own number to their findings, once it is known."""
    if patient.findings:
        own = patient.items.get(20)
        patient.findings = [replace(finding, patient_id=own) for finding in patient.findings]
