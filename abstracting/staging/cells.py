"""The language of decision table cells: lists of values and ranges, references to other keys, and endpoints.

Rule: the engine specification of the staging packages, section "cells". Values are codes as text and are never padded,
rounded or converted; numeric ranges compare as 32-bit floats without looking at length.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass

ENDPOINT_KINDS = ("JUMP", "VALUE", "MATCH", "STOP", "ERROR")
# the published tables were written for an engine that strips control characters and spaces, not Unicode spaces
TRIMMED = "".join(map(chr, range(0x21)))

_NUMBER = re.compile(r"-?(?:[0-9]*\.)?[0-9]+")
_SINGLE = struct.Struct("f")


def trim(text: str) -> str:
    """Gives the text without leading and trailing spaces and control characters."""
    return text.strip(TRIMMED)


def is_number(text: str) -> bool:
    """Tells whether the text is an optional minus, digits and at most one inner or leading decimal point."""
    return _NUMBER.fullmatch(text) is not None


def single(text: str) -> float:
    """Gives the number rounded to 32 bits, the precision in which ranges compare."""
    try:
        return _SINGLE.unpack(_SINGLE.pack(float(text)))[0]
    except OverflowError:
        return float("-inf") if text.startswith("-") else float("inf")


def reference(text: str | None) -> str | None:
    """Gives the key named by `{{key}}`, or None when the whole text is no reference."""
    if text is not None and len(text) >= 4 and text.startswith("{{") and text.endswith("}}"):
        return text[2:-2]
    return None


def resolve(text: str | None, context: Mapping[str, str | None]) -> str | None:
    """Gives the context's value for a reference ("" when absent) and any other text unchanged."""
    key = reference(text)
    return text if key is None else context.get(key, "")


@dataclass(frozen=True, slots=True)
class Span:
    """One part of an INPUT cell: a single value (low equals high) or a range; either end may be a reference."""

    low: str
    high: str

    @property
    def references(self) -> tuple[str, ...]:
        return tuple(key for key in (reference(self.low), reference(self.high)) if key is not None)

    def resolved(self, context: Mapping[str, str | None]) -> Span:
        """Gives the span with references replaced by the context's values."""
        return Span(resolve(self.low, context) or "", resolve(self.high, context) or "")

    def contains(self, value: str) -> bool:
        """Tells whether a resolved span holds the value; missing values are the caller's "" ."""
        low, high = self.low, self.high
        if low != high and is_number(low) and is_number(high):
            if not is_number(value) or ("." in value and "." not in low and "." not in high):
                return False
            return single(low) <= single(value) <= single(high)
        return len(low) == len(high) == len(value) and low <= value <= high


def parse_input_cell(cell: str | None) -> tuple[Span, ...] | None:
    """Gives the spans of an INPUT cell, or None when the cell imposes no condition (null or `*`)."""
    if cell is None or cell == "*":
        return None
    return tuple(_parse_part(part) for part in cell.split(","))


def _parse_part(part: str) -> Span:
    pieces = part.split("-")
    while len(pieces) > 1 and not pieces[-1]:
        # a trailing dash belongs to the value: `0I-` is one code
        pieces.pop()
    if len(pieces) == 2:
        low, high = trim(pieces[0]), trim(pieces[1])
        numeric = is_number(low) and is_number(high)
        if len(low) == len(high) or numeric or reference(low) is not None or reference(high) is not None:
            return Span(low, high)
    whole = trim(part)
    return Span(whole, whole)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a matching row does for one column: its kind, its value (None when bare) and the column's key.

    `refers_to` is the context key whose value a VALUE endpoint takes, where its text is `{{key}}`.
    """

    kind: str
    value: str | None
    key: str
    refers_to: str | None = None


def parse_endpoint(cell: object, key: str) -> Endpoint:
    """Gives the endpoint of a cell `KIND` or `KIND:value`; raises ValueError with the reason for any other."""
    if not isinstance(cell, str):
        raise ValueError(f"an ENDPOINT cell must be text, not {cell!r}")
    kind, colon, rest = cell.partition(":")
    kind, value = trim(kind), trim(rest) if colon else None
    if kind not in ENDPOINT_KINDS:
        raise ValueError(f"unknown endpoint {cell[:60]!r}; it must be one of {', '.join(ENDPOINT_KINDS)}")
    if kind == "JUMP" and not value:
        raise ValueError("a JUMP endpoint must name a table")
    return Endpoint(kind, value, key, reference(value) if kind == "VALUE" else None)
