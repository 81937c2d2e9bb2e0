"""Values that mostly follow from others, offered at an empty field: a person takes them with one key, or types another."""

from __future__ import annotations

from collections.abc import Mapping

from registry.abstracting.layout import holds
from registry.abstracting.tables import rows


def proposals(items: Mapping[int, str]) -> dict[int, str]:
    """Gives what is offered for the items that are blank."""
    found: dict[int, str] = {}
    for row in rows("proposals"):
        number, value = int(row["item"]), row["value"]
        if items.get(number) or number in found or not all(holds(items, part) for part in row["when"].split("&")):
            continue
        if value := items.get(int(value[1:]), "") if value.startswith("=") else value:
            found[number] = value
    return found
