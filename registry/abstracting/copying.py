"""What of a case comes along into the next primary of the same patient: by item, the site's own over the shipped policy."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from registry.abstracting.tables import rows
from registry.errors import RegistryError
from registry.items import is_patient_level, known

COPY, CLEAR, SET, ASK = "copy", "clear", "set", "ask"
POLICIES = (COPY, CLEAR, SET, ASK)
FILE = "copy_policy.csv"
_OTHER_ITEM = re.compile(r"\{(\d+)\}")


@dataclass(frozen=True)
class Policy:
    """What becomes of one item; `sites` are beginnings of the primary site for which it holds (none: all)."""

    item: int
    policy: str
    value: str = ""
    sites: tuple[str, ...] = ()


@dataclass(frozen=True)
class CopyLine:
    """One item as the next primary would have it: what it is now, its policy, and what it becomes (asked: as proposed)."""

    item: int
    value: str
    policy: str
    new: str


def policies(home: Path | None = None) -> tuple[Policy, ...]:
    """Gives the shipped policies and after them those of the site's file, in which every fault is told at once."""
    found = [_policy(row) for row in rows("copy_policy")]
    path = home / FILE if home is not None else None
    if path is not None and path.is_file():
        found += _read(path)
    return tuple(found)


def proposed(items: Mapping[int, str], home: Path | None = None) -> list[CopyLine]:
    """Gives every item of a case that the policy names or that has a value and starts blank, in the order of the policy."""
    found: dict[int, CopyLine] = {}
    for policy in policies(home):
        if not policy.sites or items.get(400, "").startswith(policy.sites):
            value = items.get(policy.item, "")
            found[policy.item] = CopyLine(policy.item, value, policy.policy, _becomes(policy, items))
    blank = [
        CopyLine(number, value, CLEAR, "")
        for number, value in sorted(items.items())
        if value and number not in found and not is_patient_level(number) and known(number) is not None
    ]
    return [line for line in found.values() if line.value or line.new] + blank


def copied(
    items: Mapping[int, str], answers: Mapping[int, str] | None = None, home: Path | None = None
) -> dict[int, str]:
    """Gives the items with which the next primary begins; an asked item has its answer, or is blank without one."""
    told = answers or {}
    lines = proposed(items, home)
    values = {line.item: told.get(line.item, "") if line.policy == ASK else line.new for line in lines}
    return {number: value for number, value in values.items() if value}


def _becomes(policy: Policy, items: Mapping[int, str]) -> str:
    if policy.policy == SET:
        item = known(policy.item)
        text = _OTHER_ITEM.sub(lambda part: items.get(int(part[1]), "") or "?", policy.value)
        return text[: item.length] if item else text
    return "" if policy.policy == CLEAR else items.get(policy.item, "")


def _policy(row: Mapping[str, str]) -> Policy:
    sites = tuple((row.get("sites") or "").upper().split())
    return Policy(int(row["item"]), row["policy"].strip(), (row.get("value") or "").strip(), sites)


def _read(path: Path) -> list[Policy]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RegistryError("file-format", f"the copy policy cannot be read: {error}", where=str(path)) from error
    table = csv.DictReader(line for line in lines if line.strip() and not line.startswith("#"))
    missing = {"item", "policy"} - set(table.fieldnames or ())
    if missing:
        raise RegistryError(
            "file-format", f"the copy policy lacks {', '.join(sorted(missing))}", hint=_FORM, where=str(path)
        )
    found, faults = [], []
    for place, row in enumerate(table, start=1):
        number, kind = (row.get("item") or "").strip(), (row.get("policy") or "").strip()
        if not number.isdigit() or known(int(number)) is None:
            faults.append(f"row {place}: there is no item {number!r}")
        elif is_patient_level(int(number)):
            faults.append(f"row {place}: {number} is the person's and shared by all primaries")
        elif kind not in POLICIES:
            faults.append(f"row {place}: {kind!r} is none of {', '.join(POLICIES)}")
        elif kind == SET and not (row.get("value") or "").strip():
            faults.append(f"row {place}: set {number} needs a value")
        else:
            found.append(_policy(row))
    if faults:
        raise RegistryError("file-format", "; ".join(faults[:20]), hint=_FORM, where=str(path))
    return found


_FORM = "columns item, policy (copy, clear, set, ask), value, sites"
