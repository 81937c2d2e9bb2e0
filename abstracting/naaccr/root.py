"""The root element: whether it is one, which version and record type it says, and what else it may carry.

Namespaces are compared by URI; a prefix is only a name. The prefix of a registered namespace is accepted on the root for
another URI too, as the reference library does, but no element may stand in a namespace whose URI is not registered.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence

from abstracting.naaccr.findings import WRONG_TIME, Finding, UnreadableError
from abstracting.naaccr.items import RECORD_TYPES, VERSIONS, Dictionary
from abstracting.naaccr.options import NAMESPACE, ReadOptions
from abstracting.naaccr.records import Root
from abstracting.naaccr.user_dictionaries import SPECIFICATIONS, combine, version_of_uri

KNOWN = ("baseDictionaryUri", "userDictionaryUri", "recordType", "timeGenerated", "specificationVersion")
ELEMENTS = ("NaaccrData", "Patient", "Tumor", "Item")

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?)(Z|[+-](0\d|1[0-7]):[0-5]\d(:[0-5]\d)?"
    r"|[+-]18:00)?",
    re.ASCII,
)


def split_name(name: str) -> tuple[str, str, str]:
    """Gives (URI, local name, prefix) of a name as the parser writes it."""
    parts = name.split(" ")
    if len(parts) == 1:
        return "", name, ""
    return parts[0], parts[1], parts[2] if len(parts) > 2 else ""


def qualified(local: str, prefix: str) -> str:
    return f"{prefix}:{local}" if prefix else local


def is_time(text: str) -> bool:
    """Tells whether a text is a time of ISO 8601 with or without offset; seconds may be absent."""
    match = _TIME.fullmatch(text)
    if match is None:
        return False
    try:
        dt.date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True


def check_namespaces(
    name: str, declared: Mapping[str, str], options: ReadOptions, line: int, registered: Mapping[str, str]
) -> None:
    """Raises where the root is no NaaccrData of the right namespace or declares one that nobody registered."""
    uri, local, prefix = split_name(name)
    default = declared.get("")
    shown = qualified(local, prefix)
    if default not in (None, "", NAMESPACE):
        raise UnreadableError(
            "naaccr-namespace",
            f"the default namespace is {default}",
            hint=f"the default namespace can only be {NAMESPACE}",
            line=line,
        )
    if local != "NaaccrData" or uri not in ("", NAMESPACE):
        raise UnreadableError(
            "naaccr-root", f"the root element is {shown}", hint="a NAACCR file starts with NaaccrData", line=line
        )
    if options.relaxed:
        return
    if uri != NAMESPACE:
        raise UnreadableError(
            "naaccr-namespace",
            f"the root does not declare the namespace {NAMESPACE}",
            hint=f'add xmlns="{NAMESPACE}" to NaaccrData, or read with --relaxed',
            line=line,
        )
    for name_space, target in declared.items():
        if target != NAMESPACE and target not in registered.values() and name_space not in registered:
            raise UnreadableError(
                "naaccr-namespace",
                f"the namespace {target} (prefix {name_space}) is not registered",
                hint=f"register it with --namespace {name_space}={target}, or read with --relaxed",
                line=line,
            )


def _required(attributes: Mapping[str, str], key: str, line: int) -> str:
    value = attributes.get(key, "")
    if not value.strip():
        raise UnreadableError(
            "naaccr-root", f"the attribute {key} is required", hint=f"add {key} to NaaccrData", line=line
        )
    return value


def read_root(
    name: str, pairs: Sequence[tuple[str, str]], declared: Mapping[str, str], options: ReadOptions, line: int
) -> tuple[Root, Dictionary, list[str]]:
    """Gives the root, the dictionary its items are of, and notes that are no findings; raises where it cannot be read."""
    check_namespaces(name, declared, options, line, options.namespaces)
    attributes: dict[str, str] = {}
    extra: dict[str, str] = {}
    for key, value in pairs:
        uri, local, prefix = split_name(key)
        if uri == "" and local in KNOWN:
            attributes[local] = value
            continue
        if uri == "" and not options.relaxed:
            raise UnreadableError(
                "naaccr-root",
                f"the attribute {local} of NaaccrData is not known",
                hint="give it a namespace prefix, or read with --relaxed",
                line=line,
            )
        extra[qualified(local, prefix)] = value
    base = _required(attributes, "baseDictionaryUri", line)
    version = version_of_uri(base)
    if version is None:
        raise UnreadableError(
            "naaccr-root",
            f"baseDictionaryUri is {base}",
            hint="it must be http://naaccr.org/naaccrxml/naaccr-dictionary-NNN.xml",
            line=line,
        )
    if version not in VERSIONS:
        raise UnreadableError(
            "naaccr-version", f"NAACCR version {version} is not known", hint=f"known: {', '.join(VERSIONS)}", line=line
        )
    record_type = _required(attributes, "recordType", line)
    if len(record_type) != 1 or record_type not in RECORD_TYPES:
        raise UnreadableError(
            "naaccr-root", f"recordType is {record_type}", hint="it must be one of A, M, C, I", line=line
        )
    specification = attributes.get("specificationVersion", "1.0")
    if specification not in SPECIFICATIONS:
        raise UnreadableError(
            "naaccr-root", f"specificationVersion is {specification!r}", hint="it must be 1.0 to 1.8", line=line
        )
    uris = attributes.get("userDictionaryUri", "").split()
    if len(uris) > 1 and int(specification[2:]) < 2:
        raise UnreadableError(
            "naaccr-root", "several user dictionaries need specification 1.2 or later", hint="name one", line=line
        )
    root = Root(
        version=version,
        record_type=record_type,
        base_uri=base,
        user_uris=uris,
        specification=specification,
        extra=extra,
        namespaces={prefix: uri for prefix, uri in declared.items() if prefix},
        line=line,
    )
    given = {one.uri for one in options.user_dictionaries}
    missing = [uri for uri in uris if uri not in given]
    notes = [f"user dictionary {uri} was not given: its items are unknown" for uri in missing]
    if missing and not options.allow_missing_dictionary:
        raise UnreadableError(
            "naaccr-dictionary",
            f"user dictionaries are missing: {', '.join(missing)}",
            hint="give them with --user-dictionary",
            line=line,
        )
    active = [one for one in options.user_dictionaries if one.uri in uris]
    notes += [f"user dictionary {uri} is not named by the file and was not used" for uri in sorted(given - set(uris))]
    dictionary = combine(version, active)
    time = attributes.get("timeGenerated", "")
    if time.strip():
        root.time_generated = time
        if not is_time(time):
            message = f"timeGenerated is {time}, not a time"
            root.findings.append(Finding(WRONG_TIME, "NaaccrData", message, line=line, value=time))
    return root, dictionary, notes
