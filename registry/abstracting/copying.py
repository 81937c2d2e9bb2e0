"""What of a case comes along into the next primary of the same patient, item by item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from registry.abstracting.tables import rows


@dataclass(frozen=True)
class CopyLine:
    """One item that would be copied, with its value."""

    item: int
    value: str


def proposed(items: Mapping[int, str]) -> list[CopyLine]:
    """Gives the items of a case that the policy copies, in the order of the policy."""
    return [
        CopyLine(number, items[number])
        for row in rows("copy_policy")
        if row["policy"] == "copy" and items.get(number := int(row["item"]))
    ]
