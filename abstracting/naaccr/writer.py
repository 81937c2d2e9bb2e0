"""Writing NAACCR XML: every value as it is, or an error that lists what cannot be written; never a silent change.

What is read back is what was written: characters that XML would change are written as references, and values longer than
their item are written in full. Characters that XML 1.0 cannot hold, and numbers the version does not have, are errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import BinaryIO
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from abstracting.errors import AbstractingError
from abstracting.naaccr.items import Dictionary, check_version
from abstracting.naaccr.options import NAMESPACE
from abstracting.naaccr.records import Node, Patient, Root
from abstracting.naaccr.target import Problems, Target, open_target
from abstracting.naaccr.user_dictionaries import UserDictionary, combine

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MARKUP = re.compile("[&<>\r]")
_REFERENCES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}

NEWEST_SPECIFICATION = {
    "140": "1.4",
    "150": "1.4",
    "160": "1.4",
    "180": "1.4",
    "210": "1.5",
    "220": "1.5",
    "230": "1.6",
}
BUFFER = 256 * 1024


def new_root(version: str | int, record_type: str, **rest: object) -> Root:
    """Gives the root of a new file; `rest` are further fields of `Root` such as `items` and `time_generated`."""
    version = check_version(version)
    specification = NEWEST_SPECIFICATION.get(version, "1.8")
    return Root(version, record_type, **{"specification": specification, **rest})  # type: ignore[arg-type]


def escape_text(value: str) -> str:
    """Gives a value as XML text that reads back as the same value."""
    return _MARKUP.sub(lambda match: _REFERENCES[match[0]], value) if _MARKUP.search(value) else value


def is_extension(text: str, namespaces: Mapping[str, str]) -> bool:
    """Tells whether a text is one well-formed element of another namespace, given the prefixes of the root."""
    declared = "".join(f" xmlns:{prefix}={quoteattr(uri)}" for prefix, uri in namespaces.items())
    names: list[str] = []
    depth = 0
    outside: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth == 2:
            names.append(name)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    def text_found(data: str) -> None:
        if depth == 1 and data.strip():
            outside.append(data)

    parser = expat.ParserCreate("utf-8", " ")
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text_found
    try:
        parser.Parse(f'<NaaccrData xmlns="{NAMESPACE}"{declared}>{text}</NaaccrData>'.encode(), True)
    except (expat.ExpatError, UnicodeEncodeError):
        return False
    return len(names) == 1 and not outside and " " in names[0] and not names[0].startswith(NAMESPACE + " ")


class XmlWriter:
    """Writes patients one by one; `problems` collects what cannot be written."""

    def __init__(self, out: BinaryIO, root: Root, dictionary: Dictionary):
        self._out = out
        self._ids = {item.number: item.id for item in dictionary}
        self._heads: dict[int | str, str] = {}
        self._parts: list[str] = []
        self._size = 0
        self.root = root
        self.problems = Problems()
        self.patients = self.tumors = 0

    def start(self) -> None:
        root = self.root
        attributes = [f"{key}={quoteattr(value)}" for key, value in root.attributes.items()]
        attributes += [f"{key}={quoteattr(value)}" for key, value in root.extra.items()]
        attributes.append(f'xmlns="{NAMESPACE}"')
        attributes += [
            f"xmlns:{prefix}={quoteattr(uri)}" for prefix, uri in root.namespaces.items() if uri != NAMESPACE
        ]
        joined = "\n            ".join(attributes)
        self._write(f'<?xml version="1.0" encoding="UTF-8"?>\n\n<NaaccrData {joined}>\n')
        self._items(root, "    ", "the root")

    def write(self, patient: Patient) -> None:
        self.patients += 1
        where = f"patient {self.patients}"
        self._write("    <Patient>\n")
        self._items(patient, "        ", where)
        for position, tumor in enumerate(patient.tumors, 1):
            self.tumors += 1
            self._write("        <Tumor>\n")
            self._items(tumor, "            ", f"{where}, tumor {position}")
            self._write("        </Tumor>\n")
        self._write("    </Patient>\n")
        if self._size > BUFFER:
            self._flush()

    def finish(self) -> None:
        self._write("</NaaccrData>\n")
        self._flush()
        self.problems.raise_any()

    def _write(self, text: str) -> None:
        self._parts.append(text)
        self._size += len(text)

    def _flush(self) -> None:
        self._out.write("".join(self._parts).encode("utf-8", "surrogatepass"))
        self._parts.clear()
        self._size = 0

    def _items(self, node: Node, indent: str, where: str) -> None:
        pairs: list[tuple[int | str, str]] = [*node.items.items(), *node.unknown.items()]
        for key, value in pairs:
            if not value:
                continue
            head = self._heads.get(key)
            if head is None:
                naaccr_id = self._ids.get(key, "") if isinstance(key, int) else key
                if not naaccr_id:
                    self.problems.add(f"{where}: item {key} does not exist in version {self.root.version}")
                    continue
                head = self._heads[key] = f"<Item naaccrId={quoteattr(naaccr_id)}>"
            if not value.isprintable() and _NOT_XML.search(value):
                self.problems.add(f"{where}: item {key} holds a control character")
                continue
            self._write(f"{indent}{head}{escape_text(value)}</Item>\n")
        for extension in node.extensions:
            if is_extension(extension, self.root.namespaces):
                self._write(f"{indent}{extension}\n")
            else:
                self.problems.add(f"{where}: an extension is not one well-formed element of a namespace of its own")


def write_xml(
    target: Target,
    root: Root | None,
    patients: Iterable[Patient],
    *,
    version: str | int | None = None,
    record_type: str | None = None,
    user_dictionaries: Sequence[UserDictionary] = (),
) -> tuple[int, int]:
    """Writes a file (path, `.gz` compressed, or binary stream) and gives (patients, tumors).

    `root` may be None: then `version` and `record_type` make one; where both are given, they must agree. Patients are
    taken as they come, in constant memory. Raises `naaccr-write` with all values that cannot be written, leaving the
    path as it was.
    """
    if root is None:
        if version is None or record_type is None:
            raise AbstractingError("usage", "a version and a record type are needed where there is no root")
        root = new_root(version, record_type)
    if (version is not None and str(version) != root.version) or record_type not in (None, root.record_type):
        raise AbstractingError(
            "usage", f"the root is of version {root.version} and record type {root.record_type}, not what was asked for"
        )
    active = [one for one in user_dictionaries if not root.user_uris or one.uri in root.user_uris]
    dictionary = combine(root.version, active)
    with open_target(target) as out:
        writer = XmlWriter(out, root, dictionary)
        writer.start()
        for patient in patients:
            writer.write(patient)
        writer.finish()
    return writer.patients, writer.tumors
