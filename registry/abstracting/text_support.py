"""Text that justifies codes: what each block should say for a site, and which codes have no text behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from registry.abstracting.tables import rows

LIMIT = 4000
"""Characters of a text block from NAACCR v23."""


@dataclass(frozen=True)
class Unsupported:
    """A code without text: its item and the blocks in which the text belongs."""

    item: int
    value: str
    texts: tuple[int, ...]


@dataclass(frozen=True)
class Support:
    """How many codes need text, how many have some, and those that have none."""

    needed: int
    supported: int
    missing: tuple[Unsupported, ...]

    @property
    def percent(self) -> int:
        """The share with text, in whole percent, 100 where nothing needs any."""
        return 100 * self.supported // self.needed if self.needed else 100


def support(items: Mapping[int, str]) -> Support:
    """Gives which codes of an abstract have text in at least one of the blocks that belong to them."""
    needed, missing = 0, []
    for row in rows("text_support"):
        number = int(row["item"])
        value = items.get(number, "")
        if not value or value in row["no_text_for"].split():
            continue
        needed += 1
        texts = tuple(int(text) for text in row["texts"].split())
        if not any(items.get(text, "").strip() for text in texts):
            missing.append(Unsupported(number, value, texts))
    return Support(needed, needed - len(missing), tuple(missing))


@lru_cache(maxsize=4000)
def prompt(item: int, site: str, histology: str = "") -> str:
    """Gives what a text block should say for a primary site, or for a histology that counts more; "" for other items."""
    found = ""
    for row in rows("text_prompts"):
        of_site = not row["sites"] or any(site.startswith(part) for part in row["sites"].split())
        if int(row["item"]) == item and of_site and _is_of(histology, row["histology"]):
            found = row["prompt"]
    return found


def _is_of(histology: str, ranges: str) -> bool:
    return not ranges or any(low <= histology <= high for low, high in (part.split("-") for part in ranges.split()))
