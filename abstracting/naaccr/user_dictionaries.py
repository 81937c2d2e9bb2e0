"""User dictionaries: items that a site, state or vendor adds to a version, loaded from XML as they are published.

All faults of a dictionary are reported at once. Source: the rules of dictionaries in the NAACCR XML specifications 1.0
to 1.8.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from xml.parsers import expat

from abstracting.naaccr.findings import UnreadableError
from abstracting.naaccr.items import LEVELS, RECORD_TYPES, VERSIONS, Dictionary, Item, default_user_items, dictionary
from abstracting.naaccr.options import NAMESPACE
from abstracting.naaccr.source import Source, Utf8, open_bytes
from abstracting.naaccr.values import DATA_TYPES

SPECIFICATIONS = tuple(f"1.{minor}" for minor in range(9))
DICTIONARY_BYTES = 16 * 1024 * 1024

_BASE_URI = re.compile(r"http://naaccr\.org/naaccrxml/(?:user-defined-)?naaccr-dictionary-(.+?)\.xml")
_ID = re.compile(r"[a-z][a-zA-Z0-9]+")
_ROOT_ATTRIBUTES = {"dictionaryUri", "naaccrVersion", "specificationVersion", "dateLastModified", "description"}
_ITEM_ATTRIBUTES = {
    "naaccrId", "naaccrNum", "naaccrName", "parentXmlElement", "length", "dataType", "recordTypes", "padding", "trim",
    "startColumn", "allowUnlimitedText", "regexValidation", "sourceOfStandard", "description",
}  # fmt: skip
_PADDINGS = ("leftBlank", "leftZero", "rightBlank", "rightZero", "none")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class UserDictionary:
    """The items of one user dictionary; `version` is empty where it serves any version."""

    uri: str
    items: tuple[Item, ...]
    version: str = ""
    specification: str = "1.8"


def version_of_uri(uri: str) -> str | None:
    """Gives the version that a base dictionary URI names (known or not), None for any other URI."""
    match = _BASE_URI.fullmatch(uri)
    return match[1] if match else None


def _refuse(faults: list[str], where: str) -> None:
    if faults:
        shown = list(dict.fromkeys(faults))
        more = f" (and {len(shown) - 20} more)" if len(shown) > 20 else ""
        raise UnreadableError(
            "naaccr-dictionary",
            "the user dictionary is not valid: " + "; ".join(shown[:20]) + more,
            hint="correct the dictionary, or ask its publisher for a corrected one",
            where=where,
        )


def _unknown(attributes: dict[str, str], known: set[str]) -> list[str]:
    """Gives the attributes that are not known; those of another namespace (such as xsi:schemaLocation) do not count."""
    return [key for key in attributes if key not in known and " " not in key]


def _read_elements(source: Source) -> tuple[dict[str, str], list[dict[str, str]], list[str]]:
    """Gives the attributes of the root, those of each ItemDef, and the faults of the XML itself."""
    root: dict[str, str] = {}
    items: list[dict[str, str]] = []
    faults: list[str] = []
    stack: list[str] = []
    shapes = {
        (): "NaaccrDictionary",
        ("NaaccrDictionary",): "ItemDefs",
        ("NaaccrDictionary", "ItemDefs"): "ItemDef",
    }

    def start(name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        uri = name.rpartition(" ")[0]
        if uri not in ("", NAMESPACE):
            faults.append(f"element {local} is of another namespace")
        elif local in ("GroupedItemDefs", "GroupedItemDef"):
            faults.append("a user dictionary cannot define grouped items")
        elif shapes.get(tuple(stack)) != local:
            faults.append(f"element {local} is not expected here")
        elif local == "NaaccrDictionary":
            root.update(attributes)
            faults.extend(f"attribute {key} is not known" for key in _unknown(attributes, _ROOT_ATTRIBUTES))
        elif local == "ItemDef":
            items.append(attributes)
            faults.extend(f"attribute {key} is not known" for key in _unknown(attributes, _ITEM_ATTRIBUTES))
        stack.append(local)
        if len(faults) > 200 or len(items) > 20_000:
            _refuse([*faults[:20], "too much of it is not what a dictionary holds"], "")

    def refuse_entity(*_: object) -> None:
        raise UnreadableError("naaccr-entity", "the dictionary defines entities", hint="remove the document type")

    parser = expat.ParserCreate("utf-8", " ")
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: stack.pop()
    parser.EntityDeclHandler = refuse_entity
    size = 0
    try:
        with open_bytes(source) as chunks:
            for chunk in Utf8(chunks):
                size += len(chunk)
                if size > DICTIONARY_BYTES:
                    raise UnreadableError("naaccr-too-large", "the dictionary is larger than any real one")
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise UnreadableError(
            "naaccr-dictionary",
            f"the user dictionary is not well-formed XML: {expat.ErrorString(error.code)}",
            hint="give the dictionary's XML file",
            line=error.lineno,
        ) from error
    return root, items, faults


def _whole(attributes: dict[str, str], key: str, faults: list[str]) -> int | None:
    text = attributes.get(key)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text.strip()):
        faults.append(f"'{key}' is not a number: {text}")
        return None
    return int(text)


def _check_item(attributes: dict[str, str], specification: int, faults: list[str]) -> Item | None:
    """Checks one ItemDef by itself; gives None where it lacks what every item needs."""
    naaccr_id = attributes.get("naaccrId", "").strip()
    if not naaccr_id:
        faults.append("'naaccrId' is required")
    elif not _ID.fullmatch(naaccr_id):
        faults.append(f"'naaccrId' must be a lower case letter followed by letters and digits: {naaccr_id}")
    elif len(naaccr_id) > 32:
        faults.append(f"'naaccrId' can have 32 characters: {naaccr_id}")
    number = _whole(attributes, "naaccrNum", faults)
    if "naaccrNum" not in attributes:
        faults.append(f"'naaccrNum' is required ({naaccr_id})")
    length = _whole(attributes, "length", faults)
    if "length" not in attributes:
        faults.append(f"'length' is required ({naaccr_id})")
    column = _whole(attributes, "startColumn", faults)
    if len(attributes.get("naaccrName", "")) > 50:
        faults.append(f"'naaccrName' can have 50 characters ({naaccr_id})")
    level = attributes.get("parentXmlElement", "").strip()
    if level not in LEVELS:
        faults.append(f"'parentXmlElement' must be one of {', '.join(LEVELS)} ({naaccr_id})")
    types = attributes.get("recordTypes", ",".join(RECORD_TYPES))
    if not re.fullmatch(r"[AMCI](,[AMCI])*", types):
        faults.append(f"'recordTypes' must be letters of A, M, C, I joined by commas: {types}")
    data_type = attributes.get("dataType", "text")
    if data_type not in DATA_TYPES:
        faults.append(f"'dataType' must be one of {', '.join(DATA_TYPES)}: {data_type}")
    elif data_type == "dateTime" and specification < 8:
        faults.append("'dataType' dateTime needs specification 1.8")
    padding = attributes.get("padding", "none")
    if padding not in (_PADDINGS if specification < 7 else ("leftZero", "none")):
        faults.append(f"'padding' cannot be {padding}")
    unlimited = attributes.get("allowUnlimitedText")
    if unlimited is not None and specification >= 6:
        faults.append("'allowUnlimitedText' ended with specification 1.6")
    elif unlimited == "true" and data_type != "text":
        faults.append("'allowUnlimitedText' is for the type text only")
    trim = attributes.get("trim")
    if trim is not None and specification >= 7 and padding != "none":
        faults.append("'trim' ended with specification 1.7")
    elif trim not in (None, "all", "none"):
        faults.append(f"'trim' must be all or none: {trim}")
    if "regexValidation" in attributes and specification >= 2:
        faults.append("'regexValidation' ended with specification 1.2")
    if specification < 1 and column is None:
        faults.append(f"'startColumn' is required ({naaccr_id})")
    if number is None or length is None or not naaccr_id or level not in LEVELS:
        return None
    return Item(
        number=number,
        id=naaccr_id,
        name=attributes.get("naaccrName", naaccr_id),
        level=level,
        length=length,
        type=data_type,
        padding=padding,
        trim=trim or "all",
        record_types=types.replace(",", ""),
        unlimited=unlimited == "true",
        column=column,
        source="",
    )


def _check_with_version(items: Sequence[Item], version: str, specification: int) -> list[str]:
    """Gives the faults that show only against the base dictionary of a version."""
    faults: list[str] = []
    base = dictionary(version)
    defaults = {item.id: item for item in default_user_items(version)}
    gaps = [(item.column, item.column + item.length) for item in defaults.values() if item.column is not None]
    for item in items:
        default = defaults.get(item.id)
        if base.by_id(item.id):
            faults.append(f"'naaccrId' {item.id} is an item of the standard dictionary")
        if item.number in base:
            faults.append(f"'naaccrNum' {item.number} is an item of the standard dictionary")
        elif default is None and specification < 3 and not 9500 <= item.number <= 99999:
            faults.append(f"'naaccrNum' must be between 9500 and 99999: {item.number}")
        if item.column is not None and int(version) >= 210:
            faults.append(f"'startColumn' is not allowed for version {version}")
        if default is not None:
            for key in ("number", "length", "record_types", "level", "type"):
                if getattr(default, key) != getattr(item, key):
                    faults.append(f"{item.id}: '{key}' should be {getattr(default, key)}")
            if item.column is not None and default.column not in (None, item.column):
                faults.append(f"{item.id}: 'startColumn' should be {default.column}")
        elif item.column is not None and int(version) < 210:
            end = item.column + item.length
            if not any(first <= item.column and end <= last for first, last in gaps):
                faults.append(f"{item.id}: columns {item.column} to {end - 1} are not free for users")
    return faults + _overlaps(items)


def _overlaps(items: Iterable[Item]) -> list[str]:
    placed = sorted((item.column, item.column + item.length, item.id) for item in items if item.column is not None)
    return [f"items {before[2]} and {after[2]} overlap" for before, after in pairwise(placed) if after[0] < before[1]]


def read_user_dictionary(source: Source) -> UserDictionary:
    """Reads a user dictionary from its XML; raises `naaccr-dictionary` with all its faults."""
    where = Path(source).name if isinstance(source, str | Path) else ""
    root, rows, faults = _read_elements(source)
    uri = root.get("dictionaryUri", "").strip()
    version = root.get("naaccrVersion", "").strip()
    text = root.get("specificationVersion", "1.0")
    if text not in SPECIFICATIONS:
        _refuse([*faults, f"'specificationVersion' is not supported: {text}"], where)
    specification = int(text[2:])
    if not uri:
        faults.append("'dictionaryUri' is required")
    if not version and specification < 1:
        faults.append("'naaccrVersion' is required")
    if version and version not in VERSIONS:
        faults.append(f"'naaccrVersion' is not valid: {version}")
    modified = root.get("dateLastModified")
    if modified is not None and not _MOMENT.fullmatch(modified):
        faults.append(f"'dateLastModified' is not a time: {modified}")
    if not rows:
        faults.append("a dictionary must define at least one item")
    items = [item for row in rows if (item := _check_item(row, specification, faults)) is not None]
    for name, values in (("naaccrId", [item.id for item in items]), ("naaccrNum", [item.number for item in items])):
        faults.extend(f"'{name}' must be unique: {value}" for value, count in Counter(values).items() if count > 1)
    if version in VERSIONS:
        faults.extend(_check_with_version(items, version, specification))
    else:
        faults.extend(_overlaps(items))
    _refuse(faults, where)
    return UserDictionary(uri, tuple(_with_source(item, uri) for item in items), version, text)


def _with_source(item: Item, uri: str) -> Item:
    return Item(**{name: getattr(item, name) for name in Item.__slots__ if name != "source"}, source=uri)


def combine(version: str, dictionaries: Sequence[UserDictionary]) -> Dictionary:
    """Gives the dictionary of a version with user dictionaries, or with the default ones where none is given.

    Raises `naaccr-dictionary` where dictionaries contradict the version or each other.
    """
    base = dictionary(version)
    if not dictionaries:
        return base.with_items(list(default_user_items(version)))
    faults: list[str] = []
    uris = Counter(one.uri for one in dictionaries)
    faults.extend(f"dictionaries must have different URIs: {uri}" for uri, count in uris.items() if count > 1)
    known: dict[str, Item] = {}
    numbers: dict[int, str] = {}
    for one in dictionaries:
        if one.version and one.version != version:
            faults.append(f"dictionary {one.uri} is for version {one.version}, the file for {version}")
            continue
        faults.extend(_check_with_version(one.items, version, int(one.specification[2:])))
        for item in one.items:
            other = known.setdefault(item.id, item)
            if _with_source(other, "") != _with_source(item, ""):
                faults.append(f"dictionaries {other.source} and {one.uri} define {item.id} differently")
            if numbers.setdefault(item.number, item.id) != item.id:
                faults.append(f"number {item.number} is {numbers[item.number]} and {item.id}")
    faults.extend(_overlaps(known.values()))
    _refuse(faults, "")
    return base.with_items(list(known.values()))
